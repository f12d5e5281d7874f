//! What people report: from whom, in which words, with which files.
//!
//! *Invariants.* Everything in a report but its [`ReportSource`] is a stranger's text until a responder has looked:
//! bounded here, escaped where it is shown. A [`Report`] is made only by [`Draft::check`], which tells all problems at
//! once. What a report says never chooses what is done; only who vouches for it decides whether its title may stand in a
//! page ([`Arrival::vouched`]).
//!
//! *Deliberately unknown here:* how a report travelled, and what proves who sent it.

mod arrival;
mod draft;

#[cfg(test)]
mod tests;

pub use arrival::{Arrival, Claim, Evidence, Once, Way};
pub use draft::{
    CONTACT_MAX_CHARS, Draft, FieldProblem, Report, TEXT_MAX_BYTES, TITLE_MAX_CHARS, title_from,
};

use serde::{Deserialize, Serialize};

/// Characters of a file's declared name that are kept.
pub const FILE_NAME_MAX_CHARS: usize = 120;

/// Characters of a declared media type.
const MEDIA_TYPE_MAX_CHARS: usize = 100;

/// Who speaks, as they say or as a configured address means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportSource {
    /// Those who answer customers.
    Support,
    /// Somebody who uses the protocol.
    Customer,
    /// A hacker, of whatever hat.
    Hacker,
    /// A security team, ours or another's.
    SecurityTeam,
    /// Police, prosecutors, courts.
    LawEnforcement,
    /// Anybody else.
    Other,
}

impl ReportSource {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 6] =
        [Self::Support, Self::Customer, Self::Hacker, Self::SecurityTeam, Self::LawEnforcement, Self::Other];

    /// The word that people write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Customer => "customer",
            Self::Hacker => "hacker",
            Self::SecurityTeam => "security-team",
            Self::LawEnforcement => "law-enforcement",
            Self::Other => "other",
        }
    }

    /// What a word means; spaces and underscores stand for a hyphen.
    pub fn of_word(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace([' ', '_'], "-");
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }

    /// Every word, for a message: `support, customer, …`.
    pub fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// In a sentence of our own.
    pub fn somebody(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Customer => "a customer",
            Self::Hacker => "a hacker",
            Self::SecurityTeam => "a security team",
            Self::LawEnforcement => "law enforcement",
            Self::Other => "somebody",
        }
    }
}

/// A file's declared name, made fit to be shown and never used as a path: its last part, in characters that stand in a
/// line, at most [`FILE_NAME_MAX_CHARS`] of them.
pub fn file_name(declared: &str) -> String {
    let last = declared.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let shown = crate::domain::text::visible(last.trim());
    let short: String = shown.chars().take(FILE_NAME_MAX_CHARS).collect();
    if short.trim_matches('.').is_empty() { "unnamed".to_owned() } else { short }
}

/// A declared media type if it is one, without its parameters; else `application/octet-stream`. A claim, never believed.
pub fn media_type(declared: &str) -> String {
    let bare = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let good = bare.len() <= MEDIA_TYPE_MAX_CHARS
        && bare.split_once('/').is_some_and(|(kind, rest)| token(kind) && token(rest));
    if good { bare } else { "application/octet-stream".to_owned() }
}
