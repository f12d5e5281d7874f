//! Signatures collected in calm times, and pauses without nonce: on a real chain, through real Safes.

mod chain;
mod collect;
mod modules;
mod use_in_incident;
mod watch;

pub use chain::Windowed;
