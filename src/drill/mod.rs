//! Practice grounds: a local chain with the real Safe contracts, and the demo that plays on it.

pub mod alerts;
pub mod demo;
pub mod forta_server;
pub mod ground;
