//! Explained signatures.
