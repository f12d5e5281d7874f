//! Names that must not be swapped for one another.
//!
//! A name is what people wrote in a file: `[contracts.vault]` makes [`ContractName`] `vault`. Each is
//! its own type, so that a Safe's name can never be passed where a contract's is meant. Names go with every alert and
//! fact, so that a copy is the same text, counted.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name as it is written.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into().into())
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    };
}

name!(
    /// `[chains.NAME]` in `redhandle.toml`.
    ChainName
);
name!(
    /// `[contracts.NAME]` in `redhandle.toml`.
    ContractName
);
name!(
    /// `[safes.NAME]` in `redhandle.toml`.
    SafeName
);
name!(
    /// `[[feeds]] name = "…"` in `redhandle.toml`.
    FeedName
);
name!(
    /// `id` of a runbook's front matter.
    RunbookId
);
name!(
    /// `id` of a `[[condition]]` of a runbook.
    ConditionId
);
name!(
    /// `[people.ID]` in `roster.toml`.
    PersonId
);
name!(
    /// `[channels.NAME]` in `redhandle.toml`: a way a page can leave.
    ChannelName
);
name!(
    /// `[policies.NAME]` in `roster.toml`: an escalation policy.
    PolicyName
);
name!(
    /// `[rotations.NAME]` in `roster.toml`.
    RotationName
);
name!(
    /// `[[presigned]] name = "…"` in `redhandle.toml`: a window of pre-signed transactions.
    WindowName
);
name!(
    /// `[modules.NAME]` in `redhandle.toml`: a path to a pause that needs no Safe nonce.
    ModuleName
);

/// An EIP-155 chain id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub u64);

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
