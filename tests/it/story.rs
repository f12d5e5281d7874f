//! The story, and every turn it may take: other feeds, other people, other services, other transactions.

mod ack;
#[cfg(feature = "nats")]
mod bus;
mod chain;
mod consent;
mod demo;
mod drain;
mod feeds;
mod nonce;
mod offline;
mod other_hands;
mod service_about;
mod spending;
mod stuck;
mod suspicion;
mod troubles;
