//! libFuzzer drives `fuzz/parsers`: proposal_file.

#![no_main]

#[path = "../parsers/mod.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::run("proposal_file", data));
