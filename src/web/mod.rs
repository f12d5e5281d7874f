//! The HTTP surface of a running agent.
