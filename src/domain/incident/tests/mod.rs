//! Incidents, told fact by fact.

mod admission;
mod calls;
mod companions;
mod paging;
mod story;
mod targets;
mod tasks;
mod walk;
