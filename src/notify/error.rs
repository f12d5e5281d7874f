//! Why a message did not leave, sorted by what the caller may do.

use std::time::Duration;

/// The cause underneath.
type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What the caller may do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing arrived: try again, with the caller's own pauses.
    RetryNow,
    /// Nothing was taken: try again, not before this long.
    RetryAfter(Duration),
    /// The same message to the same place will fail again: try another channel, and tell whoever set this one up.
    Never,
    /// It may have arrived. Ask, if the other side can be asked; a page is otherwise repeated (twice is better than
    /// never), and its id lets the receiver tell.
    AskFirst,
}

/// A message that nobody confirmed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection was made.
    #[error("could not reach {to}")]
    NotReached {
        /// The host, without its secrets.
        to: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// It answered that it cannot take it now.
    #[error("{to} cannot take the message now (HTTP {status}): {told}")]
    Busy {
        /// The host.
        to: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of its answer.
        told: String,
        /// How long it asks to be left alone.
        after: Option<Duration>,
    },
    /// It answered that it does not take it.
    #[error("{to} refused the message (HTTP {status}): {told}")]
    Refused {
        /// The host.
        to: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of its answer.
        told: String,
    },
    /// The message went out and no proper answer came back.
    #[error("{to} may or may not have the message: {why}")]
    Lost {
        /// The host.
        to: String,
        /// What came instead of an answer.
        why: &'static str,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// It could not be put into the form that the channel wants.
    #[error("the message for {to} cannot be written: {why}")]
    Unfit {
        /// The host.
        to: String,
        /// What is wrong with it.
        why: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl SendError {
    /// What the caller may do.
    pub fn advice(&self) -> Advice {
        match self {
            Self::NotReached { .. } | Self::Busy { after: None, .. } => Advice::RetryNow,
            Self::Busy { after: Some(after), .. } => Advice::RetryAfter(*after),
            Self::Refused { .. } | Self::Unfit { .. } => Advice::Never,
            Self::Lost { .. } => Advice::AskFirst,
        }
    }
}
