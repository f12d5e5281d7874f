//! What counts as an emergency: conditions over alerts, and the windows in which they corroborate each other.
//!
//! A [`Condition`] is a checked `[[condition]]` of a runbook; the [`Matcher`] holds the windows of all of
//! them and turns alerts into [`Match`]es. Invariants:
//!
//! * A match names a contract of the configuration; nothing an alert says chooses a target.
//! * Alerts count as corroboration only when their hashes differ *and* their bots differ.
//! * Windows are over event time and inclusive, whatever the order of arrival.
//! * Alerts that anybody could have sent live in windows of their own, and never do more than page.
//! * What could not be judged (a field the alert lacks, an unreadable filter) is no match, and is counted
//!   and reported; it is never silence.
//!
//! It does not know where alerts come from, which block is canonical, what is being maintained, or what an
//! incident is. `confirm` is carried, and evaluated by whoever can read the chain.

mod about;
mod bloom;
mod compile;
mod explain;
mod lane;
mod matcher;
mod outcome;
mod spec;
mod vocabulary;
mod window;

pub use about::{About, about};
pub use bloom::{BLOOM_HASHES_MAX, UnreadableBloom, contains as bloom_contains};
pub use compile::{Condition, ConditionProblem, WITHIN_MAX, Watched};
pub use explain::explain;
pub use lane::SEEN_HASHES_MAX;
pub use matcher::Matcher;
pub use outcome::{Counters, Match, Note, Observation, Why};
pub use spec::{ConditionSpec, CountSpec, Early, Response};
pub use vocabulary::BotLists;
pub use window::{LATENESS, WINDOW_ALERTS_MAX};

#[cfg(test)]
mod tests;
