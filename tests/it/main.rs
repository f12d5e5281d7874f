//! The one integration binary: what needs more than one module, or the outside world, to be shown.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, helpers of tests too, which the test exemptions of clippy.toml do not reach"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test asks for one kind of fact; a new kind is none of the others"
)]

mod architecture;
mod bad_input;
mod cli_commands;
mod corpus;
mod crash;
mod documented;
mod floods;
mod fuzz_seeds;
mod guarantees;
mod kits;
mod layouts;
mod malformed;
mod nested;
mod no_secrets;
mod output;
mod presigned;
mod replay;
mod reports;
mod rotation;
mod safe_commands;
mod safe_vectors;
mod signers;
mod silence;
mod story;
mod support;
mod upgrade;
