//! libFuzzer drives `fuzz/parsers`: mail.

#![no_main]

#[path = "../parsers/mod.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::run("mail", data));
