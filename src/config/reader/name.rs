//! Names that people give to things, and names of things that should exist.

use super::form::{Form, Mismatch, Placed};
use super::node::Node;
use super::overlay::one_of;
use super::table::shorten;
use crate::config::problem::{Findings, Problem};

/// The longest name that people may give to a thing, in bytes.
const NAME_MAX_BYTES: usize = 64;

/// How a name is written.
pub(crate) const NAME_FORM: &str =
    "a name: at most 64 ASCII letters, digits, - and single _, a letter or a digit first";

/// Whether `text` can be the name of a thing.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX_BYTES
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !text.contains("__")
}

/// A name of a thing, with its place.
#[derive(Clone, Debug)]
pub(crate) struct Name(pub(crate) String);

impl Form for Name {
    fn wanted() -> String {
        NAME_FORM.to_owned()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let text = String::read(node)?;
        if is_name(&text) { Ok(Self(text)) } else { Err(Mismatch::default()) }
    }
}

/// Checks that a name is known, or says which was probably meant.
pub(crate) fn known<'k>(
    what: &str,
    name: &Placed<String>,
    names: impl IntoIterator<Item = &'k str>,
    findings: &mut Findings,
) -> bool {
    let names: Vec<&str> = names.into_iter().collect();
    let known = names.contains(&name.value.as_str());
    if !known {
        let found = format!("no {what} is called \"{}\"", shorten(&name.value));
        findings.problem(Problem::new(&name.place, found).wanted(one_of(&names)).near(&name.value, names));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        let longest = "a".repeat(NAME_MAX_BYTES);
        for good in ["vault", "USDC", "vault-2", "own_monitor", "2nd", longest.as_str()] {
            assert!(is_name(good), "{good}");
        }
        // Two underscores part the segments of an environment variable.
        let too_long = "a".repeat(NAME_MAX_BYTES + 1);
        for bad in ["", "-x", "_x", "a b", "a.b", "a__b", "naïve", "a\n", too_long.as_str()] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
