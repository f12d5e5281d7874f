//! Where alerts come from: the Forta API, webhooks, JSON lines, NATS.
//!
//! Every feed does the same three things: it reads bytes that somebody else wrote, parses each alert on its
//! own ([`forta_wire`], [`vendor`]), and hands them over in a [`Delivery`] through a bounded channel. It moves its cursor,
//! or answers its sender with a 2xx, only after the consumer has settled the delivery's [`Receipt`] as
//! accepted. Silence means lost, and lost means once more: at least once, never at most once.
//!
//! A feed does not know what an alert means. It does not drop what it cannot read either: that is handed
//! over as [`Rejected`], with the reason and the bytes.

mod batch;
mod delivery;
mod health;
mod outbox;

pub mod forta;
pub mod forta_wire;
pub mod jsonl;
#[cfg(feature = "nats")]
pub mod nats;
pub mod onchain;
pub mod vendor;
pub mod webhook;

pub use batch::BATCH_ALERTS_MAX;
pub use delivery::{
    AcceptedRequest, Cursor, Delivery, Outcome, QUARANTINE_RAW_MAX_BYTES, Receipt, Rejected, Settlement,
};
pub use health::{FeedHealth, SharedHealth};
pub use outbox::FeedEnd;
