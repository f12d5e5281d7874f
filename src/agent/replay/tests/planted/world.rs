//! Dice, a chain model and the shape of an alert: what every made-up corpus is made of.

use alloy::primitives::{Address, B256, hex};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::canonical_of;

/// When the chains of the model begin, in seconds since 1970.
pub(super) const GENESIS_S: i64 = 1_704_067_200;

/// Chain id, height at genesis, milliseconds from block to block.
const CHAINS: [(u64, u64, u64); 7] = [
    (1, 18_908_895, 12_000),
    (10, 114_250_000, 2_000),
    (56, 34_880_000, 3_000),
    (137, 51_770_000, 2_000),
    (250, 72_900_000, 1_000),
    (42_161, 165_600_000, 250),
    (43_114, 39_750_000, 2_000),
];

/// Chance that is the same for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// In so many of a thousand cases.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    pub(super) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from + 1).unwrap())).unwrap()
    }

    pub(super) fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    pub(super) fn hash(&mut self) -> B256 {
        B256::from_slice(&Sha256::digest(self.next().to_be_bytes()))
    }

    pub(super) fn address(&mut self) -> Address {
        Address::from_slice(&self.hash()[..20])
    }
}

/// An alert before it is written. Times are seconds since [`GENESIS_S`].
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) chain: u64,
    pub(super) at: i64,
    pub(super) bot: &'static str,
    pub(super) alert_id: &'static str,
    pub(super) severity: &'static str,
    pub(super) addresses: Vec<String>,
    pub(super) metadata: Value,
    pub(super) labels: Vec<Value>,
    pub(super) transaction: Option<B256>,
    pub(super) orphaned: bool,
}

/// An alert, and when it was made.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) created_at: i64,
    pub(super) alert: Value,
}

/// What a corpus is drawn from.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) dice: Dice,
}

impl World {
    /// The height at that time, or a little before genesis.
    fn height(chain: u64, at: i64) -> (u64, u64) {
        let (_, genesis, millis) = CHAINS.into_iter().find(|(id, ..)| *id == chain).unwrap();
        let blocks = at * 1_000 / i64::try_from(millis).unwrap();
        (genesis.checked_add_signed(blocks).unwrap(), millis)
    }

    /// A time at which a block of the chain stands, not before `at`.
    pub(super) fn on_block(chain: u64, at: i64) -> i64 {
        let (_, millis) = Self::height(chain, at);
        let seconds = i64::try_from(millis.div_ceil(1_000)).unwrap();
        (at + seconds - 1) / seconds * seconds
    }

    pub(super) fn seconds_per_block(chain: u64) -> i64 {
        i64::try_from(Self::height(chain, 0).1.div_ceil(1_000)).unwrap()
    }

    /// Puts the alert into the block of another time: as after a reorganisation.
    pub(super) fn include(&self, alert: &mut Value, chain: u64, at: i64, orphaned: bool) {
        let (number, _) = Self::height(chain, at);
        let hash = if orphaned {
            B256::from_slice(&Sha256::digest(format!("{}|{chain}|{number}|1", self.seed)))
        } else {
            canonical_of(self.seed, chain, number)
        };
        alert["source"]["block"] =
            json!({ "number": number, "hash": hash, "timestamp": time(at, 0), "chainId": chain });
    }

    pub(super) fn make(&mut self, draft: Draft) -> Made {
        let created_at = draft.at + self.dice.between(5, 45);
        let nanos = if self.dice.chance(50) { 0 } else { self.dice.below(1_000_000_000) };
        let mut alert = json!({
            "alertId": draft.alert_id,
            "addresses": draft.addresses,
            "contracts": null,
            "createdAt": time(created_at, nanos),
            "description": format!("{}: {} ünïcode", draft.alert_id, draft.addresses.first().map_or("", String::as_str)),
            "hash": self.dice.hash(),
            "metadata": draft.metadata,
            "name": "Made up",
            "projects": null,
            "protocol": "ethereum",
            "scanNodeCount": 1 + self.dice.below(6),
            "severity": draft.severity,
            "source": {
                "transactionHash": draft.transaction.map_or_else(String::new, |hash| hash.to_string()),
                "bot": { "chainIds": null, "id": draft.bot, "image": "", "reference": "", "version": null },
                "sourceAlert": { "hash": "", "botId": "", "timestamp": "", "chainId": 0 },
            },
            "alertDocumentType": if draft.transaction.is_some() { "TRANSACTION" } else { "BLOCK" },
            "findingType": *self.dice.pick(&["EXPLOIT", "SUSPICIOUS", "INFORMATION", "INFO"]),
            "relatedAlerts": null,
            "chainId": draft.chain,
            "labels": draft.labels,
            "addressBloomFilter": null,
            "truncated": false,
        });
        self.include(&mut alert, draft.chain, draft.at, draft.orphaned);
        Made { created_at, alert }
    }
}

fn time(at: i64, nanos: u64) -> String {
    let stamp = jiff::Timestamp::from_second(GENESIS_S + at).unwrap();
    (stamp + jiff::SignedDuration::from_nanos(i64::try_from(nanos).unwrap())).to_string()
}

pub(super) fn label(label: &str, entity: Address, remove: bool) -> Value {
    json!({ "label": label, "confidence": 0.3, "entity": format!("{entity:#x}"), "entityType": "ADDRESS", "remove": remove, "metadata": null })
}

/// As forta-node cuts: the lexicographically smallest 50 stay, and the filter is of all.
pub(super) fn cut(alert: &mut Value) {
    let mut all: Vec<String> =
        alert["addresses"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect();
    alert["addressBloomFilter"] = filter(&all);
    all.sort();
    alert["truncated"] = json!(all.len() > 50);
    all.truncate(50);
    alert["addresses"] = json!(all);
}

/// One false answer in a thousand.
fn filter(all: &[String]) -> Value {
    let (k, m) = (10_u64, all.len() as u64 * 15 + 1);
    let mut words = vec![0_u64; usize::try_from(m.div_ceil(64)).unwrap()];
    for address in all {
        let longer = [address.as_bytes(), &[1]].concat();
        let ([h0, h1], [h2, h3]) = (murmur3(address.as_bytes()), murmur3(&longer));
        let h = [h0, h1, h2, h3];
        for i in 0..k {
            let step = h[2 + usize::try_from(((i + (i % 2)) % 4) / 2).unwrap()];
            let at = h[usize::try_from(i % 2).unwrap()].wrapping_add(i.wrapping_mul(step)) % m;
            words[usize::try_from(at / 64).unwrap()] |= 1 << (at % 64);
        }
    }
    let mut bytes = Vec::new();
    for word in [m, k, m].into_iter().chain(words) {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    use base64::Engine as _;
    let bitset = base64::engine::general_purpose::STANDARD.encode(bytes);
    json!({ "k": format!("{k:#x}"), "m": format!("{m:#x}"), "bitset": bitset, "itemCount": all.len() })
}

/// MurmurHash3_x64_128, seed 0, of whole blocks and a tail, written apart from the one that is tested.
fn murmur3(data: &[u8]) -> [u64; 2] {
    const C: [u64; 2] = [0x87c3_7b91_1142_53d5, 0x4cf5_ad43_2745_937f];
    let scramble =
        |word: u64, one: u64, turn: u32, two: u64| word.wrapping_mul(one).rotate_left(turn).wrapping_mul(two);
    let mut h = [0_u64; 2];
    let (whole, tail) = data.split_at(data.len() / 16 * 16);
    for block in whole.chunks(16) {
        let k: Vec<u64> = block.chunks(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect();
        h[0] = (h[0] ^ scramble(k[0], C[0], 31, C[1])).rotate_left(27).wrapping_add(h[1]);
        h[0] = h[0].wrapping_mul(5).wrapping_add(0x52dc_e729);
        h[1] = (h[1] ^ scramble(k[1], C[1], 33, C[0])).rotate_left(31).wrapping_add(h[0]);
        h[1] = h[1].wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let mut last = [0_u8; 16];
    last[..tail.len()].copy_from_slice(tail);
    h[0] ^= scramble(u64::from_le_bytes(last[..8].try_into().unwrap()), C[0], 31, C[1]);
    h[1] ^= scramble(u64::from_le_bytes(last[8..].try_into().unwrap()), C[1], 33, C[0]);
    let sum = |h: &mut [u64; 2]| {
        h[0] = h[0].wrapping_add(h[1]);
        h[1] = h[1].wrapping_add(h[0]);
    };
    h.iter_mut().for_each(|word| *word ^= data.len() as u64);
    sum(&mut h);
    for word in &mut h {
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
            *word = (*word ^ (*word >> 33)).wrapping_mul(factor);
        }
        *word ^= *word >> 33;
    }
    sum(&mut h);
    h
}

/// An address in another letter case.
pub(super) fn shouted(address: Address, dice: &mut Dice) -> String {
    let digits = hex::encode(address);
    match dice.below(3) {
        0 => format!("0x{}", digits.to_uppercase()),
        1 => address.to_checksum(None),
        _ => {
            let mixed = digits.chars().map(|c| if dice.chance(500) { c.to_ascii_uppercase() } else { c });
            format!("0x{}", mixed.collect::<String>())
        }
    }
}
