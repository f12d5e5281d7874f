//! Values and pure functions: no I/O, no clock, no randomness, no environment. Time and chance are
//! arguments.

pub mod alert;
pub mod condition;
pub mod contract;
pub mod ether;
pub mod expression;
pub mod hd_path;
pub mod incident;
pub mod module;
pub mod names;
pub mod nats;
pub mod presigned;
pub mod report;
pub mod roster;
pub mod runbook;
pub mod safe;
pub mod silence;
pub mod text;
pub mod upgrade;
pub mod watch;
