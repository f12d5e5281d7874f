//! What counts as an emergency.
