//! libFuzzer drives `fuzz/parsers`: layout.

#![no_main]

#[path = "../parsers/mod.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::run("layout", data));
