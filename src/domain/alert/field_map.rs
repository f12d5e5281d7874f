//! Where the fields of an alert stand in a document that somebody else laid out.

use std::fmt;
use std::str::FromStr;

/// The most parts of a path.
pub const PATH_PARTS_MAX: usize = 16;

/// The longest path, in characters: it stands in every reason of what is missing there.
pub const PATH_CHARS_MAX: usize = 256;

/// A place in a document: keys, and numbers in lists, between dots: `alert.labels.0.value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// Text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no path: keys (and numbers, in lists) between dots, at most {PATH_PARTS_MAX}, in at most {PATH_CHARS_MAX} \
     characters of which none is a control character"
)]
pub struct NoPath;

impl FromStr for Path {
    type Err = NoPath;

    fn from_str(text: &str) -> Result<Self, NoPath> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let fine = parts.len() <= PATH_PARTS_MAX
            && parts.iter().all(|part| !part.is_empty())
            && text.chars().count() <= PATH_CHARS_MAX
            && !text.contains(char::is_control);
        if fine { Ok(Self(parts)) } else { Err(NoPath) }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.join("."))
    }
}

impl Path {
    /// Its keys, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Where each field of an alert stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMap {
    /// The list of alerts; none: the body is one.
    pub items: Option<Path>,
    /// What tells one from others.
    pub id: Path,
    /// The rule that made it; with the feed's name its bot.
    pub rule: Path,
    /// Its class.
    pub alert_id: Option<Path>,
    /// How bad.
    pub severity: Option<Path>,
    /// When it was made.
    pub at: Option<Path>,
    /// The chain, by name or number.
    pub chain: Option<Path>,
    /// The block's number.
    pub block: Option<Path>,
    /// The block's hash.
    pub block_hash: Option<Path>,
    /// The transaction.
    pub transaction: Option<Path>,
    /// Addresses that stand alone, anywhere below these.
    pub addresses: Vec<Path>,
    /// Free text.
    pub name: Option<Path>,
    /// Free text.
    pub description: Option<Path>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_keys_between_dots() {
        let path: Path = "alerts.0.labels".parse().unwrap();
        assert_eq!(path.parts().collect::<Vec<_>>(), ["alerts", "0", "labels"]);
        assert_eq!(path.to_string(), "alerts.0.labels");
        for odd in ["", ".a", "a..b", "a.", "a\nb", &"a.".repeat(20), &"a".repeat(PATH_CHARS_MAX + 1)] {
            assert_eq!(odd.parse::<Path>(), Err(NoPath), "{odd}");
        }
    }
}
