//! A condition as a sentence a reviewer can check against what they meant.

use super::compile::{Condition, Watched};
use super::spec::{Early, Response};
use crate::domain::names::ContractName;

/// What the condition does, and when, in one sentence or two.
pub fn explain(condition: &Condition) -> String {
    let spec = condition.spec();
    let contracts: Vec<&str> = condition
        .watched()
        .iter()
        .map(|Watched { contract, .. }: &Watched| ContractName::as_str(contract))
        .collect();
    let about = any_of(&contracts);
    let mut sentence = match spec.count {
        Some(count) if count.alerts > 1 => format!(
            "{} when {} alerts from {}, each with {}, about {about}, fall within {:#}",
            verb(spec.respond),
            count.alerts,
            bots(count.bots),
            spec.when,
            count.within,
        ),
        Some(_) | None => format!("{} on each alert with {}, about {about}", verb(spec.respond), spec.when),
    };
    if spec.count.is_some_and(|count| count.alerts > 1) {
        sentence.push_str(&match spec.early {
            Early::Nothing => "; one alert alone does nothing".to_owned(),
            Early::Respond(response) => format!("; one such alert alone {}", verb(response)),
            Early::WhenCritical => {
                format!("; one such alert alone, if CRITICAL, {}", verb(Response::Prepare.min(spec.respond)))
            }
        });
    }
    if let Some(confirm) = &spec.confirm {
        sentence.push_str(&format!("; beyond a page only if the chain confirms {confirm}"));
    }
    sentence
}

fn verb(response: Response) -> &'static str {
    match response {
        Response::Page => "pages",
        Response::Prepare => "pages and prepares",
        Response::Propose => "pages, prepares and proposes",
    }
}

fn bots(count: u32) -> String {
    if count == 1 { "any bot".to_owned() } else { format!("{count} different bots") }
}

fn any_of(names: &[&str]) -> String {
    match names {
        [] => "no contract".to_owned(),
        [name] => (*name).to_owned(),
        [names @ .., last] => format!("{} or {last}", names.join(", ")),
    }
}
