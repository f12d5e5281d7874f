//! The ten kinds of attack and the seventeen that only look like one.

use alloy::primitives::{Address, B256};
use serde_json::{Value, json};

use super::world::{Draft, Made, World, cut, label, shouted};

pub(super) const ATTACKS: [(&str, &[&str]); 10] = [
    ("attack-full", &["r1", "r2", "r4"]),
    ("attack-no-detector", &["r2", "r4"]),
    ("attack-truncated", &["r1", "r2"]),
    ("attack-drain-only", &["r3"]),
    ("attack-dup-storm", &["r1", "r2", "r3", "r4"]),
    ("attack-out-of-order", &["r1", "r2", "r4"]),
    ("attack-reincluded", &["r2", "r4"]),
    ("attack-mixed-case", &["r2"]),
    ("attack-window-edge", &["r2"]),
    ("attack-later-retracted", &["r1", "r2", "r4"]),
];

pub(super) const NEAR_MISSES: [&str; 17] = [
    "nm-wrong-chain",
    "nm-lookalike",
    "nm-same-bot",
    "nm-window",
    "nm-dup-only",
    "nm-retracted",
    "nm-reorged",
    "nm-beta-low",
    "nm-spoofed-bot",
    "nm-stale",
    "nm-maintenance",
    "nm-unwatched",
    "nm-two-of-three",
    "nm-wrong-order",
    "nm-window-edge",
    "nm-preparation-only",
    "nm-infrastructure",
];

pub(super) const DETECTOR: &str = "0x80ed808b586aeebe9cdd4088ea4dea0a8e322909c0e4493c993e060e89c09ed1";
const BETA: &str = "0xac82fb2a572c7c0d41dc19d24790db17148d1e00505596ebe421daf91c837799";
const DRAIN: &str = "0x7b69174f32b91731d9b6245faaff945637c47f729a850fa312a27238bc98f383";
pub(super) const MEV: &str = "0x5bb675492f3accba1d35e7f59f584b6fae11df919f13223f3056a69dc5686b4b";
pub(super) const FUNDING: [(&str, &str); 4] = [
    ("0x2df302b07030b5ff8a17c91f36b08f9e2b1e54853094e2513f7cda734cf68a46", "MALICIOUS-ACCOUNT-FUNDING"),
    ("0x9324d7865e1bcb933c19825be8482e995af75c9aeab7547631db4d2cd3522e0e", "FUNDING-CHANGENOW-NEW-ACCOUNT"),
    ("0xa91a31df513afff32b9d85a2c2b7e786fdd681b3cdd8d93d6074943ba31ae400", "FUNDING-TORNADO-CASH"),
    ("0xf496e3f522ec18ed9be97b815d94ef6a92215fc8e9a1a16338aee9603a5035fb", "CEX-FUNDING-1"),
];
pub(super) const PREPARATION: [(&str, &str); 4] = [
    ("0x9aaa5cd64000e8ba4fa2718a467b90055b70815d60351914cc1cbe89fe1c404c", "SUSPICIOUS-CONTRACT-CREATION"),
    ("0x457aa09ca38d60410c8ffa1761f535f23959195a56c9b82e0207801e86b34d99", "SUSPICIOUS-CONTRACT-CREATION"),
    (
        "0x4c7e56a9a753e29ca92bd57dd593bdab0c03e762bdd04e2bc578cb82b842c1f3",
        "UNVERIFIED-CODE-CONTRACT-CREATION",
    ),
    ("0xe8527df509859e531e58ba4154e9157eb6d9b2da202516a66ab120deabd3f9f6", "AK-ATTACK-SIMULATION-0"),
];
pub(super) const EXPLOIT: [(&str, &str); 2] = [
    (
        "0x55636f5577694c83b84b0687eb77863850c50bd9f6072686c8463a0cbc5566e0",
        "FLASHLOAN-ATTACK-WITH-HIGH-PROFIT",
    ),
    ("0x492c05269cbefe3a1686b999912db1fb5a39ce2e4578ac3951b0542440f435d9", "NETHFORTA-25"),
];
pub(super) const PROFIT: (&str, &str) =
    ("0x7cfeb792e705a82e984194e1e8d0e9ac3aa48ad8f6530d3017b1e2114d3519ac", "LARGE-PROFIT");

/// Where and by whom something happens.
#[derive(Clone, Copy)]
pub(super) struct Scene {
    pub(super) chain: u64,
    pub(super) contract: Address,
    pub(super) at: i64,
    pub(super) window: i64,
    attacker: Address,
    tool: Address,
    transaction: B256,
}

/// A storyline: what is delivered, in which order, at which time.
pub(super) struct Storyline {
    pub(super) deliveries: Vec<(i64, Value)>,
    /// From and to, seconds since genesis, of work that was announced.
    pub(super) maintenance: Option<(i64, i64)>,
}

fn in_lower_case(address: Address) -> String {
    format!("{address:#x}")
}

impl Scene {
    pub(super) fn new(world: &mut World, chain: u64, contract: Address, at: i64, window: i64) -> Self {
        let at = World::on_block(chain, World::on_block(1, at));
        let (attacker, tool, transaction) = (world.dice.address(), world.dice.address(), world.dice.hash());
        Self { chain, contract, at, window, attacker, tool, transaction }
    }

    fn draft(&self, at: i64, (bot, alert_id): (&'static str, &'static str), severity: &'static str) -> Draft {
        Draft {
            chain: self.chain,
            at: World::on_block(self.chain, at),
            bot,
            alert_id,
            severity,
            addresses: vec![
                in_lower_case(self.attacker),
                in_lower_case(self.tool),
                in_lower_case(self.contract),
            ],
            metadata: json!({ "anomalyScore": "0.01" }),
            labels: Vec::new(),
            transaction: Some(self.transaction),
            orphaned: false,
        }
    }

    fn funding(&self, world: &mut World, at: i64) -> Made {
        let draft = self.draft(at, *world.dice.pick(&FUNDING), "LOW");
        let receiver = in_lower_case(self.attacker);
        let metadata = if world.dice.chance(500) {
            json!({ "anomalyScore": "0.0023", "receiver": receiver })
        } else {
            json!({ "anomalyScore": "0.0023" })
        };
        let transaction = Some(world.dice.hash());
        world.make(Draft { addresses: vec![receiver], metadata, transaction, ..draft })
    }

    fn preparation(&self, world: &mut World, at: i64) -> Made {
        let severity = *world.dice.pick(&["LOW", "MEDIUM", "HIGH"]);
        let draft = self.draft(at, *world.dice.pick(&PREPARATION), severity);
        let labels =
            vec![label("attacker-eoa", self.attacker, false), label("attacker-contract", self.tool, false)];
        let metadata = json!({ "modelScore": "0.9321", "containedAddress1": in_lower_case(self.contract) });
        let transaction = Some(world.dice.hash());
        world.make(Draft { labels, metadata, transaction, ..draft })
    }

    fn exploit(&self, world: &mut World, at: i64) -> Made {
        let severity = *world.dice.pick(&["HIGH", "HIGH", "CRITICAL"]);
        let mut draft = self.draft(at, *world.dice.pick(&EXPLOIT), severity);
        for _ in 0..world.dice.below(8) {
            let place = usize::try_from(world.dice.below(draft.addresses.len() as u64)).unwrap();
            draft.addresses.insert(place, in_lower_case(world.dice.address()));
        }
        let labels = vec![label("Attacker", self.attacker, false)];
        world.make(Draft { labels, ..draft })
    }

    fn profit(&self, world: &mut World, at: i64) -> Made {
        let draft = self.draft(at, PROFIT, "MEDIUM");
        let metadata = json!({ "txFrom": in_lower_case(self.attacker), "txTo": in_lower_case(self.tool), "profit1": "1234567.89 USD" });
        world.make(Draft { metadata, ..draft })
    }

    fn verdict(&self, world: &mut World, at: i64, victim: Option<Address>) -> Made {
        let class = *world.dice.pick(&[
            "ATTACK-DETECTOR-1",
            "ATTACK-DETECTOR-2",
            "ATTACK-DETECTOR-3",
            "ATTACK-DETECTOR-7",
        ]);
        let draft = self.draft(at, (DETECTOR, class), "CRITICAL");
        let mut metadata = json!({
            "anomalyScore": "5.53e-07",
            "attackerAddress": in_lower_case(self.attacker),
            "involvedAddresses1": in_lower_case(self.contract),
        });
        if let Some(victim) = victim {
            metadata["address1"] = json!(in_lower_case(victim));
            metadata["tag1"] = json!("Somebody");
        }
        let labels = vec![label("attacker-eoa", self.attacker, false)];
        world.make(Draft { metadata, labels, transaction: None, ..draft })
    }

    fn drain(&self, world: &mut World, at: i64) -> Made {
        let draft = self.draft(at, (DRAIN, "BALANCE-DECREASE-ASSETS-ALL-REMOVED"), "CRITICAL");
        world.make(Draft { addresses: vec![in_lower_case(self.contract)], ..draft })
    }

    fn retraction(&self, world: &mut World, at: i64) -> Made {
        let draft = self.draft(at, (DETECTOR, "ATTACK-DETECTOR-FALSE-POSITIVE"), "INFO");
        let labels = vec![label("attacker-eoa", self.attacker, true)];
        world.make(Draft { addresses: Vec::new(), metadata: json!({}), labels, transaction: None, ..draft })
    }

    /// Funded, prepared, exploited; seen by a second bot; judged.
    fn attack(&self, world: &mut World) -> [Made; 5] {
        let prepared = self.at + world.dice.between(60, self.window / 4);
        let exploited = prepared + world.dice.between(60, self.window / 4);
        let victim = world.dice.chance(700).then_some(self.contract);
        [
            self.funding(world, self.at),
            self.preparation(world, prepared),
            self.exploit(world, exploited),
            self.profit(world, exploited),
            self.verdict(world, exploited, victim),
        ]
    }

    /// What happens in a storyline of this kind. `elsewhere` is a chain on which the contract is not watched.
    pub(super) fn play(mut self, kind: &str, world: &mut World, elsewhere: u64) -> Storyline {
        let mut maintenance = None;
        if kind == "nm-wrong-chain" {
            self.chain = elsewhere;
        }
        if kind == "nm-lookalike" {
            self.contract.0[19] ^= 0x11;
        }
        if kind == "nm-unwatched" {
            self.contract = world.dice.address();
        }
        let late = if kind == "nm-stale" { 30 * 86_400 } else { 0 };
        self.at -= late;
        let [funding, preparation, exploit, profit, verdict] = self.attack(world);
        let (at, chain) = (self.at, self.chain);
        let alerts: Vec<Made> = match kind {
            "attack-no-detector" | "nm-maintenance" => vec![funding, preparation, exploit, profit],
            "attack-truncated" => {
                let mut exploit = exploit;
                let more = (0..world.dice.between(70, 250)).map(|_| {
                    let mut low = world.dice.address();
                    low.0[0] %= 0x10;
                    json!(in_lower_case(low))
                });
                exploit.alert["addresses"].as_array_mut().unwrap().extend(more.collect::<Vec<_>>());
                cut(&mut exploit.alert);
                vec![preparation, exploit, profit, verdict]
            }
            "attack-drain-only" => vec![self.drain(world, at)],
            "attack-dup-storm" => {
                let drained = self.drain(world, at + self.window / 2 + 60);
                vec![funding, preparation, exploit, profit, drained, verdict]
            }
            "attack-mixed-case" => {
                let mut seen = vec![preparation, exploit, profit];
                for made in &mut seen {
                    let other = shouted(self.contract, &mut world.dice);
                    let lower = in_lower_case(self.contract);
                    for address in made.alert["addresses"].as_array_mut().unwrap() {
                        if *address == json!(lower) {
                            *address = json!(other);
                        }
                    }
                }
                seen
            }
            "attack-window-edge" | "nm-window-edge" => {
                let beyond = if kind == "nm-window-edge" { World::seconds_per_block(chain) } else { 0 };
                let end = at + self.window + beyond;
                vec![self.preparation(world, at), self.exploit(world, end), self.profit(world, end)]
            }
            "attack-later-retracted" => {
                let retracted = self.retraction(world, at + self.window);
                vec![funding, preparation, exploit, profit, verdict, retracted]
            }
            "attack-reincluded" => {
                // First where it did not stay, then two blocks on: the same alerts, made at the same time.
                let mut seen = vec![funding, preparation];
                let exploited = at + self.window * 3 / 4;
                for made in [exploit, profit] {
                    let (mut first, mut then) = (made.clone(), made);
                    world.include(&mut first.alert, chain, exploited, true);
                    world.include(&mut then.alert, chain, exploited + 24, false);
                    (first.created_at, then.created_at) = (exploited + 10, exploited + 34);
                    seen.extend([first, then]);
                }
                seen
            }
            "nm-same-bot" => (0..4)
                .map(|n| {
                    let draft = self.draft(at + n * 30, EXPLOIT[1], "HIGH");
                    world.make(draft)
                })
                .collect(),
            "nm-window" => {
                let (prepared, exploited) = (at + self.window * 6 / 5, at + self.window * 5 / 2);
                vec![
                    self.funding(world, at),
                    self.preparation(world, prepared),
                    self.exploit(world, exploited),
                    self.profit(world, exploited),
                ]
            }
            "nm-dup-only" => vec![exploit],
            "nm-retracted" => {
                vec![self.retraction(world, at), self.verdict(world, at + 120, Some(self.contract))]
            }
            "nm-reorged" => ["HIGH", "MEDIUM", "HIGH"]
                .into_iter()
                .zip([EXPLOIT[0], PROFIT, EXPLOIT[1]])
                .map(|(severity, bot)| {
                    let draft = self.draft(at, bot, severity);
                    world.make(Draft { orphaned: true, ..draft })
                })
                .collect(),
            "nm-beta-low" => {
                let (low, info) = (
                    self.draft(at, (BETA, "ATTACK-DETECTOR-4"), "LOW"),
                    self.draft(at + 20, (BETA, "ATTACK-DETECTOR-5"), "INFO"),
                );
                vec![world.make(low), world.make(info)]
            }
            "nm-spoofed-bot" => {
                let mut spoofed = verdict;
                spoofed.alert["source"]["bot"]["id"] = json!(world.dice.hash());
                vec![spoofed]
            }
            "nm-two-of-three" => {
                let third = self.draft(at + 300, (MEV, "MEV-ARBITRAGE-BOT-IDENTIFIED"), "INFO");
                vec![preparation, exploit, world.make(third)]
            }
            "nm-wrong-order" => {
                vec![
                    self.exploit(world, at),
                    self.funding(world, at + 360),
                    self.preparation(world, at + 900),
                ]
            }
            "nm-preparation-only" => {
                let draft = self.draft(at, (DETECTOR, "ATTACK-DETECTOR-PREPARATION"), "HIGH");
                vec![world.make(Draft { transaction: None, ..draft })]
            }
            "nm-infrastructure" => {
                let somebody = world.dice.address();
                vec![exploit, self.verdict(world, at + 600, Some(somebody))]
            }
            _full => vec![funding, preparation, exploit, profit, verdict],
        };
        if kind == "nm-maintenance" {
            maintenance = Some((at - 300, at + self.window));
        }
        let mut deliveries: Vec<(i64, Value)> =
            alerts.into_iter().map(|made| (made.created_at + late, made.alert)).collect();
        deliveries.sort_by_key(|(at, _)| *at);
        match kind {
            "attack-out-of-order" => {
                let last = deliveries.last().unwrap().0;
                deliveries.reverse();
                deliveries.iter_mut().enumerate().for_each(|(n, (at, _))| *at = last + n as i64);
            }
            "attack-dup-storm" => {
                let twice: Vec<_> = deliveries
                    .iter()
                    .flat_map(|(at, alert)| [(at + 3, alert.clone()), (at + 9, alert.clone())])
                    .collect();
                deliveries.extend(twice);
            }
            "nm-dup-only" => {
                let (at, alert) = deliveries[0].clone();
                deliveries.extend((1..5).map(|n| (at + n, alert.clone())));
            }
            _as_it_came => {}
        }
        Storyline { deliveries, maintenance }
    }
}
