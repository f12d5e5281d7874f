//! The story, and every turn it may take: other feeds, other people, other services, other transactions.

mod ack;
mod consent;
mod demo;
mod drain;
mod feeds;
mod nonce;
mod other_hands;
mod stuck;
mod troubles;
