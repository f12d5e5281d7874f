//! How a report arrived and what came with it: the fact beside *reported*.

use alloy::primitives::B256;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a report arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// `redhandle report` on this machine.
    Command,
    /// `POST /v1/reports` with a sender's token.
    Http,
    /// `POST /v1/reports` without one.
    OpenForm,
    /// Slack's slash command.
    Slack,
    /// A mail.
    Mail,
}

impl Way {
    /// In a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Command => "by command",
            Self::Http => "by HTTP",
            Self::OpenForm => "by the open form",
            Self::Slack => "by Slack",
            Self::Mail => "by mail",
        }
    }
}

/// How a report arrived, who vouches for it, and what came with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// How.
    pub way: Way,
    /// Who handed it over, by name: the token's, Slack's ids, the mail provider. Not who wrote it.
    pub sender: Option<String>,
    /// Somebody we know vouches for it: whoever uses this machine, has a token or is in our Slack. A mail and an open
    /// form have nobody.
    pub vouched: bool,
    /// By the configuration nobody is paged for reports of this source.
    #[serde(default, skip_serializing_if = "is_false")]
    pub quiet: bool,
    /// What tells it from other reports: the same key is the same report, sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<B256>,
    /// Digest of what it says and of its files.
    #[serde(default)]
    pub content: B256,
    /// What proved its sender and may not be used for another report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
    /// What others said of it, such as a mail provider of SPF and DKIM: kept, not believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// The files that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Further files that came with it and of which not even the hash is kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

/// A proof that counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    /// What was used, digested.
    pub key: B256,
    /// Until when a replay of it would be taken for recent.
    pub until: Timestamp,
}

/// What somebody else said of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Of what: `SPF`, in our words.
    pub about: String,
    /// What they said. Somebody else's text.
    pub said: String,
}

/// A file that came with a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// SHA-256 of its bytes, which is also its name in the store.
    pub sha256: B256,
    /// How many there are.
    pub bytes: u64,
    /// The name it was given, made fit to be shown; never a path.
    pub name: String,
    /// The media type it was said to have.
    pub media_type: String,
    /// Why its bytes are not kept, where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<String>,
}

impl Arrival {
    /// Who vouches, in a sentence. Names no person: it stands in the timeline, and so in post-mortems.
    pub fn standing(&self) -> String {
        let way = self.way.words();
        if self.vouched {
            format!("{way}, from a known sender")
        } else {
            format!("{way}; NOBODY VOUCHES FOR IT")
        }
    }

    /// How many files are kept, in a sentence; empty where none came.
    pub fn files(&self) -> String {
        let kept = self.evidence.iter().filter(|file| file.not_kept.is_none()).count();
        let lost = self.evidence.len().saturating_sub(kept).saturating_add(self.left_out as usize);
        let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        match (kept, lost) {
            (0, 0) => String::new(),
            (kept, 0) => format!("{} kept as evidence", files(kept)),
            (kept, lost) => format!("{} kept as evidence, {} NOT kept", files(kept), files(lost)),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}
