//! Placeholder that the next edit replaces.
