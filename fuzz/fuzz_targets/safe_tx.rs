//! libFuzzer drives `fuzz/parsers`: safe_tx.

#![no_main]

#[path = "../parsers/mod.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::run("safe_tx", data));
