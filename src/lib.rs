//! Redhandle: on-chain emergency response.
//!
//! Alerts come in as *facts*, what must happen next goes out as *tasks*; everything in between is a
//! pure function over the journal. A layer imports only what stands below it in this list (checked
//! by `tests/it/architecture.rs`):
//!
//! | layer | modules |
//! |---|---|
//! | composition root | [`cli`] |
//! | surfaces | [`web`], [`drill`] |
//! | agent | [`agent`] |
//! | edges, one outside system each | [`feeds`], [`chain`], [`safe_service`], [`signer`], [`sealed`], [`notify`], [`journal`], [`config`] |
//! | domain | [`domain`] |
//! | ground | [`clock`], [`http`]: what edges and agent stand on |
//!
//! Start reading at [`domain::incident`] and follow `docs/ARCHITECTURE.md`.

pub mod agent;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod drill;
pub mod feeds;
pub mod http;
pub mod journal;
pub mod notify;
pub mod safe_service;
pub mod sealed;
pub mod signer;
pub mod web;
