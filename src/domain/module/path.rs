//! How a nonce-free path stands.
//!
//! Green means: simulated just now, through module, Safe and guard, with what is expected holding afterwards.

use serde::Serialize;

use crate::domain::names::{ModuleName, SafeName};

/// What a simulation proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// On top of which block.
    pub block: u64,
    /// What was pretended.
    pub pretending: Vec<String>,
    /// What holds afterwards.
    pub expects: Vec<String>,
}

/// Whether a path can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum PathState {
    /// It would pause now.
    Ready(Proof),
    /// It was asked, and would not.
    Closed(String),
    /// It would pause, and not now: a Delay modifier stands between.
    Slow(String),
    /// Nobody could be asked.
    Unknown(String),
}

impl PathState {
    /// Proven, just now.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Ready(_) => true,
            Self::Closed(_) | Self::Slow(_) | Self::Unknown(_) => false,
        }
    }

    /// In a sentence.
    pub fn in_words(&self) -> String {
        match self {
            Self::Ready(proof) => {
                format!(
                    "ready: simulated at block {}; afterwards {}",
                    proof.block,
                    proof.expects.join(" and ")
                )
            }
            Self::Closed(why) => format!("closed: {why}"),
            Self::Slow(why) => format!("slow: {why}"),
            Self::Unknown(why) => format!("unknown: {why}"),
        }
    }
}

/// A path as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PathReport {
    /// The module.
    pub module: ModuleName,
    /// `deputy-pause` or `zodiac-roles`.
    pub kind: &'static str,
    /// Whose.
    pub safe: SafeName,
    /// Who must act: the deputy or the member, with their name in the roster.
    pub actor: Option<String>,
    /// The module is enabled where it must be; none: not known.
    pub enabled: Option<bool>,
    /// The Safe's module guard, which can veto it.
    pub module_guard: Option<String>,
    /// How it stands.
    #[serde(flatten)]
    pub path: PathState,
}
