//! Files that only the holder of a key reads: what is kept in them is secret at rest, and whole or not there.
//!
//! | file | what |
//! |---|---|
//! | `envelope` | bytes to sealed bytes and back: ChaCha20-Poly1305 under a versioned header |
//! | `file` | one sealed file: read, changed under a lock, replaced in one step |
//!
//! *Invariants.* A change is read, made and written while a lock is held, so that of two people who add at once none
//! loses what they brought. The new file is complete on disk before it takes the old one's place; a crash at any
//! point leaves one of the two, whole. What was changed by anybody else does not open. Files are their owner's alone
//! (mode 0600). Keys and contents appear in no log and no `Debug`.
//!
//! It does not notice that a file was replaced by an older one that was sealed under the same name and key. It does
//! not know what is kept in it.

mod envelope;
mod file;

pub use envelope::{EnvelopeError, SEAL_KEY_BYTES, SealKey};
pub use file::{CONTENTS_MAX_BYTES, Change, SealedError, SealedFile, UpdateError};

#[cfg(test)]
mod tests;
