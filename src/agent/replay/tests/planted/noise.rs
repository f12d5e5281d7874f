//! What is no emergency: alerts about everybody else, repeated, late, huge, cut, re-included, and lines that are none.

use alloy::primitives::Address;
use serde_json::{Value, json};

use super::storylines::{EXPLOIT, FUNDING, MEV, PREPARATION};
use super::world::{Draft, Made, World, cut, label, shouted};
use super::{Corpus, Delivery, Shape};

const HEARTBEAT: &str = "0x37ce3df7facea4bd95619655347ffd66f50909d100fa74ae042f122a8b024c29";
const CHAINS: [u64; 7] = [1, 10, 56, 137, 250, 42_161, 43_114];

/// Bots, what they say and how loud.
const BOTS: [(&str, &str, &[&str]); 12] = [
    (FUNDING[3].0, FUNDING[3].1, &["LOW"]),
    (FUNDING[2].0, "FUNDING-TORNADO-CASH", &["LOW", "INFO"]),
    (PREPARATION[1].0, PREPARATION[1].1, &["LOW"]),
    (PREPARATION[2].0, PREPARATION[2].1, &["MEDIUM"]),
    (EXPLOIT[1].0, "NETHFORTA-25", &["INFO", "LOW", "MEDIUM"]),
    (EXPLOIT[0].0, "FLASHLOAN-ATTACK", &["LOW", "HIGH"]),
    ("0xaf9ac4c204eabdd39e9b00f91c8383dc01ef1783e010763cad05cc39e82643bb", "LARGE-TRANSFER-OUT", &["LOW"]),
    ("0x7704a975c97ed444c0329cade1f85af74566d30fb6a51550529b19153a0781cb", "NETHFORTA-4", &["HIGH"]),
    ("0x3858be37e155f84e8e0d6212db1b47d4e83b1d41e8a2bebecb902651ed1125d6", "NETHFORTA-1", &["HIGH", "INFO"]),
    ("0x0e82982faa7878af3fad8ddf5042762a3b78d8949da2e301f1adfedc973f25ea", "EXPLOITER-ADDR-TX", &["HIGH"]),
    ("0x8badbf2ad65abc3df5b1d9cc388e419d9255ef999fb69aac6bf395646cf01c14", "ICE-PHISHING", &["LOW", "INFO"]),
    (MEV, "MEV-SANDWICH-BOT-IDENTIFIED", &["INFO"]),
];

pub(super) fn beat(at: i64, world: &mut World) -> Made {
    let draft = Draft {
        chain: 1,
        at: World::on_block(1, at) - 12,
        bot: HEARTBEAT,
        alert_id: "FORTA-HEARTBEAT",
        severity: "INFO",
        addresses: Vec::new(),
        metadata: Value::Null,
        labels: Vec::new(),
        transaction: None,
        orphaned: false,
    };
    let mut made = world.make(draft);
    made.alert["addresses"] = Value::Null;
    made.created_at = at;
    made
}

/// `lines` lines, all told.
pub(super) fn noise(
    shape: &Shape,
    lines: usize,
    length_s: i64,
    corpus: &mut Corpus,
    world: &mut World,
) -> Vec<Delivery> {
    let pool: Vec<Address> = (0..400).map(|_| world.dice.address()).collect();
    let mut deliveries = Vec::new();
    while deliveries.len() < lines {
        let made = one(shape, length_s, &pool, &corpus.watched, world);
        let mut at = made.created_at + world.dice.between(0, 3);
        if world.dice.chance(shape.late) {
            at += world.dice.between(60, 9_000);
        }
        let bytes = made.alert.to_string().into_bytes();
        if world.dice.chance(shape.malformed) {
            corpus.malformed += 1;
            let kind = world.dice.below(MALFORMED as u64);
            deliveries.push(Delivery { at, bytes: malformed(usize::try_from(kind).unwrap(), &bytes) });
        }
        if world.dice.chance(shape.repeated) {
            corpus.repeated += 1;
            deliveries.push(Delivery { at: at + world.dice.between(0, 600), bytes: bytes.clone() });
        }
        if world.dice.chance(shape.reorganised) {
            let (chain, mut orphan) = (made.alert["chainId"].as_u64().unwrap(), made.alert.clone());
            world.include(&mut orphan, chain, made.created_at - 120, true);
            deliveries.push(Delivery { at: made.created_at - 10, bytes: orphan.to_string().into_bytes() });
        }
        deliveries.push(Delivery { at, bytes });
    }
    deliveries
}

fn one(
    shape: &Shape,
    length_s: i64,
    pool: &[Address],
    watched: &[(u64, Address)],
    world: &mut World,
) -> Made {
    let (bot, alert_id, severities) = *world.dice.pick(&BOTS);
    let chain = *world.dice.pick(&CHAINS);
    let at = world.dice.between(0, length_s);
    let mut addresses = Vec::new();
    for _ in 0..=world.dice.below(6) {
        let address = *world.dice.pick(pool);
        let fresh = world.dice.chance(700);
        let address = if fresh { world.dice.address() } else { address };
        let loud = world.dice.chance(100);
        addresses.push(if loud { shouted(address, &mut world.dice) } else { format!("{address:#x}") });
    }
    // They trade with everybody, and stand for no stage of an attack.
    if bot == MEV && world.dice.chance(60) {
        addresses.push(format!("{:#x}", world.dice.pick(watched).1));
    }
    let actor = world.dice.address();
    let mut metadata = match world.dice.below(3) {
        0 => Value::Null,
        1 => {
            json!({ "anomalyScore": "3.02e-05", "fromAddress": addresses[0], "toAddress": "not an address" })
        }
        _ => json!({ "anomalyScore": "0.1", "receiver": format!("{actor:#x}") }),
    };
    if world.dice.chance(shape.huge) {
        metadata = json!({ "blob": "x".repeat(60_000) });
        for n in 0..400 {
            metadata[format!("involvedAddresses{n}")] = json!(format!("{:#x}", world.dice.address()));
        }
    }
    let labels = if world.dice.chance(200) { vec![label("attacker", actor, false)] } else { Vec::new() };
    let filtered = world.dice.chance(shape.filtered);
    if filtered && world.dice.chance(200) {
        addresses.extend((0..120).map(|_| format!("{:#x}", world.dice.address())).collect::<Vec<_>>());
    }
    let transaction = Some(world.dice.hash());
    let severity = *world.dice.pick(severities);
    let at = World::on_block(chain, at);
    let draft = Draft {
        chain,
        at,
        bot,
        alert_id,
        severity,
        addresses,
        metadata,
        labels,
        transaction,
        orphaned: false,
    };
    let mut made = world.make(draft);
    if filtered {
        cut(&mut made.alert);
    }
    made
}

/// How many kinds of lines that are no alerts there are.
pub(super) const MALFORMED: usize = 24;

/// A line of that kind, made from a good one.
pub(super) fn malformed(kind: usize, line: &[u8]) -> Vec<u8> {
    let half = line.len() / 3;
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut alert: Value = serde_json::from_slice(line).unwrap();
        change(&mut alert);
        alert.to_string().into_bytes()
    };
    let swapped = |from: &str, to: &str| {
        let text = String::from_utf8(line.to_vec()).unwrap();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    match kind {
        0 => line[..half].to_vec(),
        1 => [&line[..half], b"\xff\xfe\x80", &line[half..]].concat(),
        2 => [b"\xef\xbb\xbf", line].concat(),
        3 => [line, line].concat(),
        4 => changed(&|alert| alert["source"] = Value::Null),
        5 => changed(&|alert| alert["createdAt"] = json!("yesterday")),
        6 => changed(&|alert| alert["source"]["block"]["timestamp"] = json!("2024-13-45T99:99:99Z")),
        7 => swapped("\"number\":", "\"number\":1000000000000000000000000000000"),
        8 => b"[]".to_vec(),
        9 => b"{}".to_vec(),
        10 => b"null".to_vec(),
        11 => b"17".to_vec(),
        12 => b"<html><body>502 Bad Gateway</body></html>".to_vec(),
        13 => [b"[", line, b"]"].concat(),
        14 => changed(&|alert| {
            alert.as_object_mut().unwrap().remove("hash");
        }),
        15 => changed(&|alert| alert["hash"] = Value::Null),
        16 => changed(&|alert| alert["source"]["bot"] = Value::Null),
        17 => changed(&|alert| alert["chainId"] = json!(-1)),
        18 => changed(&|alert| alert["severity"] = json!({ "level": 9 })),
        19 => swapped("\"scanNodeCount\":", "\"scanNodeCount\":NaN,\"x\":"),
        20 => [&b"\x00".repeat(8), line].concat(),
        21 => [&b"[".repeat(20_000)[..], &b"]".repeat(20_000)].concat(),
        22 => changed(&|alert| alert["addresses"] = json!("0x01")),
        _ => [line, b",".as_slice()].concat(),
    }
}
