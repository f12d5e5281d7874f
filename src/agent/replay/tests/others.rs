//! Corpora with other seeds, rates, sizes and contracts than the sample's: what is planted fires, and nothing else.
//!
//! `REDHANDLE_CORPORA=100` replays so many instead of a few, and larger ones.

use super::planted::{Corpus, Shape};
use super::*;

/// How many corpora, and how many lines each has.
fn wanted() -> (u64, usize) {
    let many = std::env::var("REDHANDLE_CORPORA").ok().and_then(|text| text.parse().ok());
    many.map_or((8, 500), |many| (many, 1_500))
}

/// What differs from the truth, in words; nothing where all is as it should be.
fn judged(corpus: &Corpus, outcome: &Outcome) -> String {
    let mut wrong = outcome.difference();
    let of = |kind: &str| {
        let found: BTreeSet<Pair> = corpus
            .whose
            .values()
            .filter(|id| id.starts_with(kind))
            .flat_map(|id| ["r2", "r4"].map(|rule| (id.clone(), rule.to_owned())))
            .collect();
        found
    };
    let lowered = of("nm-maintenance");
    if outcome.paged() != lowered {
        wrong.push_str(&format!("\nlowered: {:?}, and not {lowered:?}", outcome.paged()));
    }
    wrong + &counted(corpus, outcome)
}

/// What holds with and without anybody to ask about blocks.
fn counted(corpus: &Corpus, outcome: &Outcome) -> String {
    let Summary { lines, alerts, duplicates, reincluded, malformed, .. } = outcome.summary;
    let found = (lines, alerts, duplicates - reincluded, malformed);
    let told = corpus.lines.len() as u64;
    let wanted = (told, told - corpus.malformed, corpus.repeated, corpus.malformed);
    let mut wrong = String::new();
    if found != wanted {
        wrong.push_str(&format!("\n(lines, alerts, duplicates, malformed): {found:?}, and not {wanted:?}"));
    }
    let silences: Vec<_> = outcome.firings.iter().filter(|firing| firing.contract.is_none()).collect();
    let (from, to) = corpus.silence;
    match silences.as_slice() {
        [silence] if silence.at > from && silence.at <= to && silence.condition.as_str() == "r5" => {}
        others => wrong.push_str(&format!("\nsilence from {from} to {to}: {others:?}")),
    }
    wrong
}

#[tokio::test]
async fn what_is_planted_in_corpora_nobody_has_seen_fires_and_nothing_else() {
    let (many, lines) = wanted();
    for seed in 1..=many {
        let corpus = Corpus::generate(&Shape::like_the_sample(seed, lines));
        let outcome = Trial::of(&corpus).run().await;
        assert_eq!(judged(&corpus, &outcome), "", "seed {seed}");
    }
}

#[tokio::test]
async fn other_rates_change_nothing() {
    let (many, lines) = wanted();
    let shape = |seed| Shape::like_the_sample(seed, lines);
    for round in 0..many.div_ceil(8) {
        let seed = 1_000 + round * 10;
        let table = [
            Shape { late: 400, ..shape(seed) },
            Shape { repeated: 700, ..shape(seed + 1) },
            Shape { huge: 60, filtered: 500, ..shape(seed + 2) },
            Shape { reorganised: 300, ..shape(seed + 3) },
            Shape { malformed: 400, ..shape(seed + 4) },
            Shape { attacks: 30, near_misses: 51, lines: lines * 2, ..shape(seed + 5) },
            Shape { attacks: 0, ..shape(seed + 6) },
            Shape { near_misses: 0, ..shape(seed + 7) },
        ];
        for shape in table {
            let corpus = Corpus::generate(&shape);
            let outcome = Trial::of(&corpus).run().await;
            assert_eq!(judged(&corpus, &outcome), "", "{shape:?}");
        }
    }
}

/// Ten times as many storylines last ten times as long: beats are hours apart, and no silence.
#[tokio::test]
async fn a_long_corpus_has_slow_beats() {
    let shape = Shape { attacks: 100, near_misses: 340, ..Shape::like_the_sample(7, 3_000) };
    let corpus = Corpus::generate(&shape);
    let outcome = Trial::of(&corpus).run().await;
    assert_eq!(judged(&corpus, &outcome), "");
}

/// Blocks that cannot be asked about hold nothing back from people, and let nothing go further.
#[tokio::test]
async fn without_an_rpc_the_same_pages() {
    let (many, lines) = wanted();
    for seed in 1..=many.div_ceil(4) {
        let corpus = Corpus::generate(&Shape::like_the_sample(seed, lines));
        for rpc in [Rpc::Unset, Rpc::Dead, Rpc::WrongChain, Rpc::Refusing] {
            let outcome = Trial::of(&corpus).rpc(rpc).run().await;
            assert_eq!(outcome.fired(), BTreeSet::new(), "{rpc:?}");
            let paged = outcome.paged();
            assert!(paged.is_superset(&corpus.planted), "{rpc:?}: {:?}", corpus.planted.difference(&paged));
            for (storyline, rule) in paged.difference(&corpus.planted) {
                let doubtful =
                    ["nm-reorged", "nm-maintenance"].iter().any(|kind| storyline.starts_with(kind));
                assert!(doubtful, "{rpc:?}: {storyline} {rule}");
            }
            assert_eq!(counted(&corpus, &outcome), "", "{rpc:?}");
        }
    }
}

/// One question in three fails, and one answer in seven is an error: nothing is lost by it.
#[tokio::test]
async fn a_poor_rpc_changes_nothing() {
    let corpus = Corpus::generate(&Shape::like_the_sample(5, 600));
    let outcome = Trial::of(&corpus).rpc(Rpc::Poor).run().await;
    assert_eq!(outcome.difference(), "");
    assert_eq!(counted(&corpus, &outcome), "");
}

/// One that is away for a while, so that alerts come through unasked, and is asked again.
#[tokio::test]
async fn what_could_not_be_told_at_first_counts_when_it_is() {
    let corpus = Corpus::generate(&Shape::like_the_sample(6, 1_200));
    let outcome = Trial::of(&corpus).rpc(Rpc::Away).run().await;
    assert_eq!(outcome.difference(), "");
    assert!(!outcome.paged().is_empty(), "people were told while nobody could be asked");
}
