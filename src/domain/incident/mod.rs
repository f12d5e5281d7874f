//! Facts, state, and what is due.
//!
//! An incident is a fold over its facts: [`Incident::apply`] is the only transition function, and
//! [`due()`] derives from the state what must happen next. Nothing here waits, reads a clock or
//! talks to anyone; after a crash the same facts give the same state and therefore the same tasks.
//!
//! | file | holds |
//! |---|---|
//! | [`fact`] | everything that can have happened |
//! | `kind` | their words in the journal |
//! | `parts` | what facts are made of |
//! | `about` | which of its transactions or calls a fact is about |
//! | [`preparation`] | a proposal as it was prepared: what people will be asked to sign |
//! | [`companion`] | other Safe transactions that belong to a proposal |
//! | `transactions` | the proposal and its companions, by hash |
//! | `companions` | how facts move a companion |
//! | `nesting` | approvals by Safes that are owners, and what is counted through them |
//! | [`race`] | another transaction took the nonce: prepared anew, within bounds |
//! | [`stand_down`] | what is not wanted any more is called back by a rejection |
//! | [`target`] | one open response for one target: who waits for whom |
//! | [`state`] | the incident: calls, roles, what is known |
//! | [`stage`] | where it stands: phase and containment |
//! | [`apply`] | how a fact changes it |
//! | `admit` | whether a fact may follow, and why not |
//! | `loose` | whether a fact is of what can still be executed, of an incident that is over |
//! | `calls` | how calls open, go on and end |
//! | [`mod@due`] | which tasks follow from the state |
//! | `companion_tasks` | which tasks follow for companions |
//! | [`paging`] | who is to be called now, by which channel |
//! | [`timeline`] | a sentence for each fact |
//! | [`postmortem`] | a first draft from the timeline |
//!
//! *It deliberately does not know* which chain library, service or channel carries out a task.

mod about;
mod admit;
pub mod apply;
mod calls;
pub mod companion;
mod companion_tasks;
mod companions;
mod containment;
pub mod due;
pub mod fact;
mod kind;
mod loose;
pub mod names;
mod nesting;
pub mod paging;
mod parts;
pub mod postmortem;
pub mod preparation;
pub mod race;
pub mod stage;
pub mod stand_down;
pub mod state;
pub mod target;
pub mod timeline;
mod transactions;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use apply::Refused;
pub use companion::{Companion, CompanionRole, CompanionStage, CompanionState};
pub use companions::{is_approval, needs_chain};
pub use due::{Due, Task, World, due};
pub use fact::{Actor, Fact, Retry, Source};
pub use names::IncidentId;
pub use nesting::ChildMessage;
pub use preparation::Preparation;
pub use state::{Incident, Phase, Stage};
