//! Where an incident stands: as a whole, and with the containment of its harm.
//!
//! States alone: what may follow on which is in `admit`, and what changes them in [`apply`](super::apply).

use alloy::primitives::B256;
use jiff::Timestamp;
use serde::Serialize;

/// Where the incident stands as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Known, not yet judged.
    Reported,
    /// Judged: an incident, to be declared; or an event, to be closed.
    Triaged,
    /// Command is established.
    Declared,
    /// The harm is stopped.
    Resolved,
    /// A post-mortem is drafted; action items are open or done.
    PostMortem,
    /// Nothing more will happen.
    Closed,
}

impl Phase {
    /// The phase's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Triaged => "triaged",
            Self::Declared => "declared",
            Self::Resolved => "resolved",
            Self::PostMortem => "post-mortem",
            Self::Closed => "closed",
        }
    }

    /// Work on containment goes on in this phase.
    pub fn is_open(self) -> bool {
        match self {
            Self::Reported | Self::Triaged | Self::Declared => true,
            Self::Resolved | Self::PostMortem | Self::Closed => false,
        }
    }
}

/// Where containment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "stage")]
pub enum Stage {
    /// Nothing was begun.
    Idle,
    /// The proposal is being built.
    Preparing {
        /// Which attempt.
        attempt: u32,
    },
    /// It could not be built.
    PrepareFailed {
        /// Which attempt failed.
        attempt: u32,
        /// When the next is due; none: never by itself.
        retry_at: Option<Timestamp>,
        /// In a sentence.
        problem: String,
    },
    /// The chain is as it should be already.
    Unneeded,
    /// What was scheduled at a timelock is not ready: there is nothing to sign.
    Waiting {
        /// From when on the next proposal is prepared.
        until: Timestamp,
        /// What is waited for, in a sentence.
        because: String,
    },
    /// Built, simulated, hashed; not yet at the service.
    Prepared,
    /// On its way to the service.
    Submitting {
        /// Which attempt.
        attempt: u32,
    },
    /// The service does not take it. It can be signed all the same.
    SubmitFailed {
        /// Which attempt failed.
        attempt: u32,
        /// When the next is due; none: never by itself.
        retry_at: Option<Timestamp>,
        /// In a sentence.
        problem: String,
    },
    /// At the service, read back and equal.
    Proposed,
    /// On its way to the chain.
    Executing {
        /// Which attempt.
        attempt: u32,
    },
    /// The chain did not take it.
    ExecuteFailed {
        /// Which attempt failed.
        attempt: u32,
        /// When the next is due; none: never by itself.
        retry_at: Option<Timestamp>,
        /// In a sentence.
        problem: String,
    },
    /// Executed; the effect is not yet verified.
    Executed {
        /// By which transaction.
        transaction: B256,
        /// The inner call succeeded.
        success: bool,
    },
    /// The effect was read on the chain.
    Verified {
        /// When.
        at: Timestamp,
        /// At which block.
        block: u64,
    },
}

impl Stage {
    /// The stage's word, for tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Preparing { .. } => "preparing",
            Self::PrepareFailed { .. } => "preparation failed",
            Self::Unneeded => "not needed",
            Self::Waiting { .. } => "waiting",
            Self::Prepared => "prepared",
            Self::Submitting { .. } => "submitting",
            Self::SubmitFailed { .. } => "submission failed",
            Self::Proposed => "proposed",
            Self::Executing { .. } => "executing",
            Self::ExecuteFailed { .. } => "execution failed",
            Self::Executed { .. } => "executed",
            Self::Verified { .. } => "verified",
        }
    }
}
