//! Corpora that nobody has seen: attacks and their look-alikes, planted into noise, with the truth beside them.
//!
//! Written from what is known of the sample (`facts/feeds.md` §6), not from how rules are matched. The same seed and
//! shape give the same corpus.

mod noise;
mod storylines;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use alloy::primitives::Address;
use jiff::Timestamp;
use serde_json::Value;

use super::Pair;
use storylines::{ATTACKS, NEAR_MISSES, Scene};
use world::{Dice, GENESIS_S, World};

/// How a corpus is made. Rates are in thousandths of the lines of noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) seed: u64,
    pub(super) lines: usize,
    pub(super) attacks: usize,
    pub(super) near_misses: usize,
    /// The window of the rules, in seconds.
    pub(super) window_s: i64,
    pub(super) late: u64,
    pub(super) repeated: u64,
    pub(super) huge: u64,
    pub(super) filtered: u64,
    pub(super) reorganised: u64,
    pub(super) malformed: u64,
}

impl Shape {
    /// As the sample.
    pub(super) fn like_the_sample(seed: u64, lines: usize) -> Self {
        Self {
            seed,
            lines,
            attacks: 10,
            near_misses: 17,
            window_s: 3_600,
            late: 30,
            repeated: 80,
            huge: 4,
            filtered: 20,
            reorganised: 2,
            malformed: 10,
        }
    }
}

/// A corpus with its truth.
pub(super) struct Corpus {
    pub(super) seed: u64,
    pub(super) lines: Vec<Vec<u8>>,
    /// Chain and address of `watched-0` and on.
    pub(super) watched: Vec<(u64, Address)>,
    /// `maintenance.toml`.
    pub(super) maintenance: String,
    pub(super) planted: BTreeSet<Pair>,
    /// Storylines by the hash of an alert.
    pub(super) whose: BTreeMap<String, String>,
    pub(super) malformed: u64,
    pub(super) repeated: u64,
    /// The last beat before the silence that counts, and the first after it.
    pub(super) silence: (Timestamp, Timestamp),
}

/// Where the six watched contracts are.
const WATCHED_CHAINS: [u64; 6] = [1, 1, 56, 42_161, 10, 137];

/// A line at the time it is delivered.
struct Delivery {
    at: i64,
    bytes: Vec<u8>,
}

impl Corpus {
    pub(super) fn generate(shape: &Shape) -> Self {
        let mut world = World { seed: shape.seed, dice: Dice(shape.seed) };
        let watched: Vec<(u64, Address)> =
            WATCHED_CHAINS.into_iter().map(|chain| (chain, world.dice.address())).collect();
        // Alerts about one contract are never nearer to each other than several windows.
        let storylines = shape.attacks + shape.near_misses;
        let wave_s = shape.window_s * 11 / 2;
        let waves = i64::try_from(storylines.div_ceil(watched.len())).unwrap();
        let length_s = (wave_s * (waves + 1)).max(86_400);
        let mut corpus = Self {
            seed: shape.seed,
            lines: Vec::new(),
            watched,
            maintenance: String::new(),
            planted: BTreeSet::new(),
            whose: BTreeMap::new(),
            malformed: 0,
            repeated: 0,
            silence: (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
        };
        let mut deliveries = Vec::new();
        for index in 0..storylines {
            deliveries.extend(corpus.storyline(shape, index, wave_s, &mut world));
        }
        deliveries.extend(corpus.heartbeat(length_s, &mut world));
        let rest = shape.lines.saturating_sub(deliveries.len());
        deliveries.extend(noise::noise(shape, rest, length_s, &mut corpus, &mut world));
        deliveries.sort_by_key(|delivery| delivery.at);
        corpus.lines = deliveries.into_iter().map(|delivery| delivery.bytes).collect();
        corpus
    }

    fn storyline(&mut self, shape: &Shape, index: usize, wave_s: i64, world: &mut World) -> Vec<Delivery> {
        let (kind, rules): (&str, &[&str]) = match index.checked_sub(shape.attacks) {
            None => ATTACKS[index % ATTACKS.len()],
            Some(miss) => (NEAR_MISSES[miss % NEAR_MISSES.len()], &[]),
        };
        let id = format!("{kind}-{index:04}");
        let nth = index % self.watched.len();
        let wave = i64::try_from(index / self.watched.len()).unwrap();
        let (chain, contract) = self.watched[nth];
        let at = wave_s / 2 + wave * wave_s + world.dice.between(0, 600);
        let others = WATCHED_CHAINS.into_iter().filter(|other| *other != chain).collect::<Vec<_>>();
        let elsewhere = *world.dice.pick(&others);
        let scene = Scene::new(world, chain, contract, at, shape.window_s);
        let storyline = scene.play(kind, world, elsewhere);
        if let Some((from, to)) = storyline.maintenance {
            let time = |at: i64| Timestamp::from_second(GENESIS_S + at).unwrap();
            // As tools write it: ids, addresses and quoted times.
            write!(
                self.maintenance,
                "[[window]]\nchain = {chain}\ncontract = \"{contract:#x}\"\nfrom = \"{}\"\nto = \"{}\"\nby = \"ana\"\nwhy = \"upgrade\"\n\n",
                time(from),
                time(to)
            )
            .unwrap();
        }
        self.planted.extend(rules.iter().map(|rule| (id.clone(), (*rule).to_owned())));
        let mut seen = BTreeSet::new();
        let mut deliveries = Vec::new();
        for (at, alert) in storyline.deliveries {
            let bytes = alert.to_string().into_bytes();
            self.repeated += u64::from(!seen.insert(bytes.clone()));
            self.whose.insert(alert["hash"].as_str().unwrap().to_owned(), id.clone());
            deliveries.push(Delivery { at, bytes });
        }
        deliveries
    }

    /// 48 beats, less three in a row, which is a silence, and less one, which is none.
    fn heartbeat(&mut self, length_s: i64, world: &mut World) -> Vec<Delivery> {
        let (period, mut beats) = (length_s / 48, Vec::new());
        for beat in 0..48_i64 {
            if matches!(beat, 20..=22 | 34) {
                continue;
            }
            let mut made = noise::beat(period / 2 + beat * period, world);
            let second = GENESIS_S + made.created_at;
            let at = Timestamp::from_second(second).unwrap();
            made.alert["createdAt"] = Value::String(at.to_string());
            match beat {
                19 => self.silence.0 = at,
                23 => self.silence.1 = at,
                _any_other => {}
            }
            beats.push(Delivery { at: made.created_at, bytes: made.alert.to_string().into_bytes() });
        }
        beats
    }
}
