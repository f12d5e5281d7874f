//! What counts as an emergency: conditions over alerts, and the windows in which they corroborate each other.
//!
//! A [`Condition`] is a checked `[[condition]]` of a runbook; the [`Matcher`] holds the windows of all of
//! them and turns alerts into [`Match`]es. Invariants:
//!
//! * A match names a contract of the configuration; nothing an alert says chooses a target.
//! * Alerts count as corroboration only when their hashes differ *and* their bots differ.
//! * Windows are over event time and inclusive, whatever the order of arrival.
//! * Alerts that anybody could have sent live in windows of their own, and never do more than page.
//! * An alert whose block is not on the chain counts for nothing; one whose block is not known to be, or that
//!   falls into announced maintenance, pages and does no more. What a trusted bot retracts is withdrawn.
//! * What is silenced, inhibited or excepted is held back: told and counted, not lost. Two different bots that say
//!   CRITICAL page through it.
//! * Consume semantics: one open instance for each condition and group: the contract (and, in a sequence, what its steps
//!   share), or what `group` says; the alerts of a firing are spent, and the next one needs others.
//! * What could not be judged (a field the alert lacks, an unreadable filter) is no match, and is counted
//!   and reported; it is never silence.
//!
//! It has no clock and asks nobody: which block is canonical, what is being maintained and what time it is
//! are arguments ([`Known`], [`Maintenance`]); [`Matcher::asks`] says what is worth asking. It does not know
//! where alerts come from or what an incident is. `confirm` is carried, and evaluated by whoever can read the chain.

mod about;
mod absence;
mod agenda;
mod aging;
mod attacker;
mod because;
mod bloom;
mod check;
mod compile;
mod distinct;
mod explain;
mod grouping;
mod held;
mod index;
mod lane;
mod matcher;
mod mute;
mod muting;
mod needs;
mod never;
mod oldest;
mod origin;
mod outcome;
mod problem;
mod remembered;
mod rule;
mod screen;
mod shelf;
mod spec;
mod standing;
mod state;
mod steps;
mod subject;
mod tally;
mod trail;
mod truth;
mod vocabulary;
mod window;
mod words;

pub use about::{About, about};
pub use attacker::ATTACKERS_MAX;
pub use attacker::cleared;
pub use bloom::{BLOOM_HASHES_MAX, UnreadableBloom, contains as bloom_contains};
pub use compile::{Condition, Watched};
pub use distinct::{Distinct, DistinctSpec};
pub use explain::explain;
pub use grouping::{GROUPS_MAX, GroupBy};
pub use lane::{RETRACTED_FOR, RETRACTED_MAX, SEEN_HASHES_MAX};
pub use matcher::{Look, Matcher, Verdict};
pub use mute::{ActiveSilence, HeldBack, Inhibitor, Mute, Mutes, NotASilence, Scope, SilenceId};
pub use muting::{CORROBORATES_WITHIN, INHIBITS_FOR, OVERRIDING_BOTS, inhibits_for, unknown_inhibitors};
pub use origin::{Origin, Origins, Speakers};
pub use outcome::{Counters, Match, Note, Observation, Why, Withdrawal};
pub use problem::{ConditionProblem, STEPS, WITHIN_MAX};
pub use spec::{
    AbsenceSpec, ConditionSpec, CountSpec, Early, Response, Same, SequenceSpec, StagesSpec, StepSpec,
};
pub use standing::{Need, Progress, Standing};
pub use state::{STATE_ID, STATE_PHASE, StatePhase, write_state};
pub use trail::{TRAIL_ALERTS_MAX, TRAILS_MAX};
pub use truth::{BlockId, Canonicity, Downgrade, Known, Maintenance, MaintenanceWindow};
pub use window::{LATENESS, WINDOW_ALERTS_MAX};
pub use words::{BotLists, ListItems, Lists, Macros, Vendors, Words};

#[cfg(test)]
mod tests;
