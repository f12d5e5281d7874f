//! Pre-signed windows: one runbook's transaction at each of a Safe's next nonces, and the owners' signatures
//! collected for it in calm times.
//!
//! | file | what |
//! |---|---|
//! | [`window`] | what is sealed: transactions, signatures, and the ground they were signed on |
//! | [`ground`] | owners, threshold, version, guards and code, then and now: what changed |
//! | [`mod@standing`] | of each nonce: complete, short of signatures, used, void |
//! | [`intake`] | the texts people bring signatures in |
//! | [`mod@judge`] | whose signature it is, and of what; a wrong one is named as what it is |
//! | [`key`] | what seals the window |
//!
//! *Invariants.* A signature stands in a window only when it was recovered to an owner of the Safe over the
//! safeTxHash of exactly its nonce. A window is good only on the ground it was signed on: whatever changed makes it
//! void, with the reason. What could not be read is unknown, which is never good.
//!
//! It does not know where windows are kept, who may release one, or the chain.

pub mod ground;
pub mod intake;
pub mod judge;
pub mod key;
pub mod standing;
pub mod window;

pub use ground::{CodePin, Ground};
pub use intake::{Brought, IntakeError};
pub use judge::{Elsewhere, Misfit, judge};
pub use key::{SEAL_KEY_BYTES, SealKeyError, parse_seal_key};
pub use standing::{EntryState, Reading, Seen, Standing, standing};
pub use window::{Entry, Window};

/// The most nonces one window may hold. Each is signed by hand or by key by every owner; Base keeps 20 ready.
pub const NONCES_MAX: u64 = 64;

#[cfg(test)]
mod tests;
