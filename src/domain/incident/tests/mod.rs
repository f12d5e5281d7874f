//! Incidents, told fact by fact.

mod admission;
mod calls;
mod companions;
mod paging;
mod story;
mod tasks;
mod walk;
