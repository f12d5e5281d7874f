//! Contracts the configuration names, and calls on them written as text.
