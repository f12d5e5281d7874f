//! libFuzzer drives `fuzz/parsers`: slack.

#![no_main]

#[path = "../parsers/mod.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::run("slack", data));
