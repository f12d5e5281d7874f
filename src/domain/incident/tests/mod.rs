//! Incidents, told fact by fact.

mod admission;
mod calls;
mod paging;
mod story;
mod tasks;
mod walk;
