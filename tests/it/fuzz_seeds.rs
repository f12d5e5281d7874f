//! Every fuzz target over its seeds and over mutations of them, so that none rots and no finding comes back.
//!
//! The mutations are the same in every run: what fails here fails for everybody. libFuzzer goes further (`fuzz/`).

use std::path::Path;

#[path = "../../fuzz/parsers/mod.rs"]
mod parsers;

use parsers::{PARSERS, Parser};

/// xorshift: the same numbers everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

/// What parsers stumble over, beside bits that fell over.
const WORDS: [&[u8]; 24] = [
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"-1",
    b"1e3",
    b"1e999",
    b"18446744073709551616",
    b"NaN",
    b"\xef\xbb\xbf",
    b"\0",
    b"\\ud800",
    b"\xff",
    b"\r\n",
    b"0x",
    b"-0",
    b"\xf0\x9f\x92\xa5",
    b"+++",
    b"'''",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"((((((((((((((((((((((((((((((((((((((((",
    b"9999-12-31T23:59:60Z",
    b"\"\"\"",
    b"0000-00-00",
];

fn mutated(seed: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(7) {
            0 if !bytes.is_empty() => {
                let at = chance.below(bytes.len());
                bytes[at] ^= 1 << chance.below(8);
            }
            1 => bytes.truncate(at),
            2 => {
                let end = (at + chance.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let end = (at + chance.below(200)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            4 => {
                let from = chance.below(other.len() + 1);
                let end = (from + chance.below(200)).min(other.len());
                bytes.splice(at..at, other[from..end].to_vec());
            }
            _ => {
                let word = WORDS[chance.below(WORDS.len())];
                let end = (at + chance.below(word.len() + 1)).min(bytes.len());
                bytes.splice(at..end, word.to_vec());
            }
        }
    }
    bytes
}

fn seeds(parser: &Parser) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(parser.name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn holds(name: &str) {
    let parser = PARSERS.iter().find(|parser| parser.name == name).unwrap();
    let seeds = seeds(parser);
    assert!(!seeds.is_empty(), "{name} has no seed");
    let run = |bytes: &[u8]| {
        let caught = std::panic::catch_unwind(|| (parser.run)(bytes));
        assert!(caught.is_ok(), "{name} fails on: {}", bytes.escape_ascii());
    };
    run(b"");
    seeds.iter().for_each(|seed| run(seed));
    // REDHANDLE_FUZZ_SECONDS=60: as long as that, from another number each time, which is told.
    let longer: Option<u64> = std::env::var("REDHANDLE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let begun = std::time::Instant::now();
    let start = longer.map_or(0x9e37_79b9_7f4a_7c15, |_| {
        u64::from(std::process::id()) << 32 | u64::from(begun.elapsed().subsec_nanos()) | 1
    });
    let mut chance = Chance(start);
    let mut tried = 0_usize;
    while longer.map_or(tried < parser.mutations, |seconds| begun.elapsed().as_secs() < seconds) {
        tried += 1;
        let (seed, other) = (chance.below(seeds.len()), chance.below(seeds.len()));
        run(&mutated(&seeds[seed], &seeds[other], &mut chance));
    }
    eprintln!("{name}: {tried} mutated inputs, from {start:#x}");
}

macro_rules! each_holds {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { holds(stringify!($name)); })*

        #[test]
        fn every_parser_is_run() {
            let run = [$(stringify!($name)),*];
            let all: Vec<&str> = PARSERS.iter().map(|parser| parser.name).collect();
            assert_eq!(all, run);
            let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
            let mut files: Vec<String> = std::fs::read_dir(targets).unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
            files.sort();
            let mut all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            all.sort();
            assert_eq!(files, all, "each has a target that libFuzzer drives");
        }
    };
}

each_holds!(
    alert,
    graphql,
    lines,
    vendor,
    bloom,
    webhook,
    jwt,
    condition,
    runbook,
    settings,
    roster,
    maintenance,
    abi,
    call,
    proposal_file,
    paste,
    signatures,
    safe_tx,
    map,
    view,
    event,
    silence,
    subject,
    report,
    slack,
    mail,
    service,
    layout,
);
