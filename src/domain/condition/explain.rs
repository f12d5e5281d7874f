//! A condition as a sentence a reviewer can check against what they meant.
//!
//! What a macro or a list stands for is said after it, so that nobody has to look it up.

use super::compile::{Condition, Watched};
use super::grouping::GroupBy;
use super::spec::{AbsenceSpec, ConditionSpec, CountSpec, Early, Response, SequenceSpec};
use super::window::LATENESS;
use crate::domain::names::ContractName;

/// Items of a list that are said.
const ITEMS_SHOWN_MAX: usize = 5;

/// What the condition does, and when, in one sentence or two.
pub fn explain(condition: &Condition) -> String {
    let spec = &on_one_line(condition.spec());
    let contracts: Vec<&str> = condition
        .watched()
        .iter()
        .map(|Watched { contract, .. }: &Watched| ContractName::as_str(contract))
        .collect();
    let about = any_of(&contracts);
    let mut sentence = match (&spec.sequence, &spec.absent, spec.count) {
        (Some(sequence), _, _) => in_order(sequence, spec, &about),
        (None, Some(absent), _) => silence(absent, spec, &about),
        (None, None, Some(count)) if count.alerts > 1 => {
            format!(
                "{} when {} alerts from {}{}, each with {}, about {about}, fall within {:#}{}",
                verb(spec.respond),
                count.alerts,
                bots(count.bots),
                further(&count, spec),
                spec.when,
                count.within,
                spec.including.as_ref().map(|text| format!(", at least one with {text}")).unwrap_or_default(),
            ) + &together(condition)
        }
        (None, None, _) if spec.lasting.is_some() => format!(
            "{} when a state with {}, about {about}, has lasted for {:#}",
            verb(spec.respond),
            spec.when,
            spec.lasting.unwrap_or_default()
        ),
        (None, None, Some(_) | None) => {
            format!("{} on each alert with {}, about {about}", verb(spec.respond), spec.when)
        }
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
    if let Some(list) = &spec.retracted_by {
        sentence.push_str(&format!("; not on alerts whose attacker was cleared by one of bots.{list}"));
        if condition.has_suppressors() {
            sentence.push_str(", which never count themselves");
        }
    }
    if !spec.inhibited_by.is_empty() {
        let by: Vec<String> = spec.inhibited_by.iter().map(ToString::to_string).collect();
        sentence
            .push_str(&format!("; held back while {} has fired about the same contract", by.join(" or ")));
    }
    if !spec.except.is_empty() {
        let who: Vec<String> = spec.except.iter().map(ToString::to_string).collect();
        sentence.push_str(&format!("; held back where only {} is accused", who.join(" or ")));
    }
    if spec.max_age != LATENESS {
        sentence.push_str(&format!("; alerts older than {:#} do not count", spec.max_age));
    }
    for (name, text) in &condition.used().macros {
        sentence.push_str(&format!("; {name} is {}", one_line(text)));
    }
    for (name, items) in &condition.used().lists {
        let shown: Vec<&str> = items.iter().take(ITEMS_SHOWN_MAX).map(String::as_str).collect();
        let more = items.len().saturating_sub(shown.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        sentence.push_str(&format!("; lists.{name} is {}{more}", shown.join(", ")));
    }
    sentence
}

/// The same with its expressions each on one line, over however many they were written.
fn on_one_line(spec: &ConditionSpec) -> ConditionSpec {
    let mut spec = spec.clone();
    let steps = spec.sequence.iter_mut().flat_map(|sequence| &mut sequence.steps).map(|step| &mut step.when);
    for text in steps.chain([&mut spec.when]).chain(&mut spec.including).chain(&mut spec.confirm) {
        *text = one_line(text);
    }
    spec
}

/// No text in quotes goes over several lines, so what is between lines is blank.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// What the alerts of one window have in common, where it is not the contract alone.
fn together(condition: &Condition) -> String {
    let by = condition.grouped_by();
    if by == [GroupBy::Contract] {
        return String::new();
    }
    let said: Vec<&str> = by.iter().map(|by| by.as_str()).collect();
    let apart =
        if by.contains(&GroupBy::Contract) { "" } else { ", whichever of the contracts each is about" };
    format!(", all with the same {}{apart}", said.join(" and "))
}

fn in_order(sequence: &SequenceSpec, spec: &ConditionSpec, about: &str) -> String {
    let steps: Vec<String> = sequence
        .steps
        .iter()
        .map(|step| {
            let about = if step.anywhere { "" } else { " and about the contract" };
            format!("one with {}{about}", step.when)
        })
        .collect();
    let each = if spec.when == "true" { String::new() } else { format!(", each with {}", spec.when) };
    let within = sequence.within;
    format!(
        "{} when alerts with the same {} come in this order within {within:#}{each}, for {about}: {}",
        verb(spec.respond),
        sequence.same.as_str(),
        steps.join("; then ")
    )
}

fn silence(absent: &AbsenceSpec, spec: &ConditionSpec, about: &str) -> String {
    let usual = absent.tenths_of_interval.map(|tenths| {
        format!(" ({}.{} times the usual distance, once four were heard)", tenths / 10, tenths % 10)
    });
    format!(
        "{} when no alert with {} was made for {:#}{}, because {about} would go unwatched",
        verb(spec.respond),
        spec.when,
        absent.after,
        usual.unwrap_or_default()
    )
}

/// What a `count` asks for, in few words.
pub(super) fn asked(count: &CountSpec, spec: &ConditionSpec) -> String {
    let including = if spec.including.is_some() { ", one of them with `including`" } else { "" };
    format!("{} alerts from {}{}{including}", count.alerts, bots(count.bots), further(count, spec))
}

fn further(count: &CountSpec, spec: &ConditionSpec) -> String {
    let mut text = String::new();
    if count.feeds > 1 {
        text.push_str(&format!(" and {} different feeds", count.feeds));
    }
    for distinct in &spec.distinct {
        text.push_str(&format!(" and {} different {}", distinct.at_least, distinct.of.as_str()));
    }
    if let Some(stages) = &spec.stages {
        text.push_str(&format!(" in {} different stages of {}", stages.at_least, stages.of.join(", ")));
    }
    text
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
