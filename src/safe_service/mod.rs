//! The Safe Transaction Service: a client of it, and an embedded one that speaks the same API.
//!
//! The service keeps proposals and confirmations for everybody to see. It decides nothing: what counts
//! is on the chain, and every signature can be collected without it. Both halves are built from 176
//! recorded answers of the real service (6.10.1), error texts included.
//!
//! This layer knows HTTP, the service's JSON and a table of proposals. It does not know a node: the
//! embedded service asks the chain through [`ChainView`].

pub mod client;
pub mod embedded;
pub mod wire;
pub mod words;

pub use client::{Proposal, ServiceClient, ServiceError, ServiceFailure};
pub use embedded::{ChainView, ChainViewError, EmbeddedService, Execution, Head, Known};

#[cfg(test)]
mod recordings;
