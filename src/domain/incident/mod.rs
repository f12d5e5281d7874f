//! Facts, state, and what is due.
