//! What people type: who they are, names that should exist, words for the journal.

use clap::Args;

use crate::cli::exit::Failure;
use crate::domain::incident::Actor;
use crate::domain::names::PersonId;
use crate::domain::text::terminal;

/// Characters of a reason, note or summary at most. A longer text belongs into a document that is linked.
pub const WORDS_MAX_CHARS: usize = 4_000;

/// How alike a suggestion must be (Jaro-Winkler, 0 to 1): below, it only distracts.
const NEAREST_LIKENESS_MIN: f64 = 0.7;

/// Who says so.
#[derive(Clone, Debug, Default, Args)]
pub struct By {
    /// Who says so, as the roster calls them; without it, "the operator".
    #[arg(id = "by", long = "as", value_name = "PERSON")]
    person: Option<PersonId>,
}

impl By {
    /// The actor of a fact.
    pub fn actor(self) -> Actor {
        self.person.map_or(Actor::Operator, Actor::Person)
    }
}

/// Reads a text that goes into the journal: something, and not a book.
pub fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    let chars = text.chars().count();
    match chars {
        0 => Err("say something: the journal keeps it for those who come later".to_owned()),
        1..=WORDS_MAX_CHARS => Ok(text.to_owned()),
        _ => Err(format!("{chars} characters are too many; {WORDS_MAX_CHARS} at most, link to the rest")),
    }
}

/// The sentence that there is no such thing, with the name that was probably meant, or all.
pub fn no_such<'c>(kind: &str, written: &str, there_are: impl Iterator<Item = &'c str>) -> Failure {
    let names: Vec<&str> = there_are.collect();
    let nearest = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &written.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > NEAREST_LIKENESS_MIN)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    let hint = match nearest {
        Some((_, name)) => format!("did you mean \"{name}\"?"),
        None if names.is_empty() => format!("no {kind} is configured"),
        None => format!("it is one of {}", names.join(", ")),
    };
    Failure::wrong(format!("there is no {kind} \"{}\"; {hint}", terminal(written)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_fits_together() {
        crate::cli::Cli::command().debug_assert();
    }

    #[test]
    fn a_name_that_does_not_exist_is_answered_with_the_nearest_or_with_all() {
        let told = |written, names: &[&'static str]| {
            no_such("runbook", written, names.iter().copied()).problems.join("")
        };
        insta::assert_snapshot!(told("puase-vault", &["pause-vault", "freeze-bridge"]), @r#"there is no runbook "puase-vault"; did you mean "pause-vault"?"#);
        insta::assert_snapshot!(told("x", &["pause-vault", "freeze-bridge"]), @r#"there is no runbook "x"; it is one of pause-vault, freeze-bridge"#);
        insta::assert_snapshot!(told("x\u{1b}[2J", &[]), @r#"there is no runbook "x\u{1b}[2J"; no runbook is configured"#);
    }

    #[test]
    fn words_are_some_and_not_too_many() {
        assert_eq!(words("  paused \n").unwrap(), "paused");
        assert!(words(" \n").is_err());
        assert!(words(&"a".repeat(WORDS_MAX_CHARS)).is_ok());
        assert!(words(&"a".repeat(WORDS_MAX_CHARS + 1)).is_err());
    }
}
