//! libFuzzer drives the parser of `fuzz/parsers` that REDHANDLE_PARSER names.

#![no_main]

mod parsers;

use std::sync::LazyLock;

static NAME: LazyLock<String> =
    LazyLock::new(|| std::env::var("REDHANDLE_PARSER").expect("REDHANDLE_PARSER names one"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::run(&NAME, data));
