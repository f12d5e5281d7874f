//! The matcher that looks at few rules against one that looks at all of them for each alert.
//!
//! Random conditions of every kind, random streams of everything that can happen. Whatever is told must be the same.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::rule::Rule;
use super::linear::Linear;
use super::*;
use crate::domain::alert::{AddressBloom, AlertLabel};
use crate::domain::names::RunbookId;

/// Chance that comes from a number (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, table: &[&'a T]) -> &'a T {
        table[usize::try_from(self.below(table.len() as u64)).unwrap()]
    }
}

/// On two chains, one address on both.
const TWINS: Address = address!("0xffffffffffffffffffffffffffffffffffffff01");

fn world() -> Contracts {
    let twin = |name: &str, chain_id| Contract {
        name: name.into(),
        chain_id: ChainId(chain_id),
        address: TWINS,
        ..vault()
    };
    let more = [("twin".into(), twin("twin", 1)), ("other".into(), twin("other", 10))];
    contracts().clone().into_iter().chain(more).collect()
}

fn lists() -> BotLists {
    let list = |bots: &[&str]| bots.iter().map(|bot| BotId::new(bot)).collect::<Vec<_>>();
    BotLists::from([
        ("few".to_owned(), list(&["0xA1", "0xb2"])),
        ("others".to_owned(), list(&["0xb2", "0xc3"])),
        ("beats".to_owned(), list(&["0xd4"])),
    ])
}

const WHENS: [&str; 17] = [
    "true",
    "false",
    "alert.severity >= HIGH",
    "LOW < alert.severity",
    "alert.severity in [INFO, CRITICAL]",
    "alert.bot in bots.few",
    "alert.bot in bots.others",
    "alert.bot in bots.beats",
    "alert.bot == \"0xA1\"",
    "alert.alert_id == \"Flash\"",
    "alert.alert_id in [\"flash\", \"REENTER\"]",
    "alert.metadata.loss > 5",
    "has(alert.metadata.loss)",
    "!(alert.severity >= HIGH)",
    "alert.chain == 1",
    "alert.addresses.exists(a, a.endsWith(\"01\"))",
    "alert.name != \"\"",
];

fn random_when(dice: &mut Dice) -> String {
    let one = dice.of(&WHENS).to_owned();
    match dice.below(4) {
        0 => one,
        1 => format!("({one}) || ({})", dice.of(&WHENS)),
        2 => format!("({one}) && ({}) && ({})", dice.of(&WHENS), dice.of(&WHENS)),
        _ => format!("({one}) && ({})", dice.of(&WHENS)),
    }
}

fn random_spec(dice: &mut Dice, number: usize) -> ConditionSpec {
    let mut about: Vec<&str> =
        ["vault", "pool", "twin", "other"].into_iter().filter(|_| dice.once_in(3)).collect();
    if about.is_empty() {
        about.push("vault");
    }
    let about = about.into_iter().map(Into::into).collect();
    let respond = [Response::Page, Response::Prepare, Response::Propose][dice.below(3) as usize];
    let mut spec =
        ConditionSpec::new(format!("c{number}").as_str().into(), random_when(dice), about, respond);
    spec.early =
        [Early::WhenCritical, Early::Nothing, Early::Respond(Response::Page)][dice.below(3) as usize];
    spec.retracted_by = dice.once_in(3).then(|| dice.of(&["few", "others"]).to_owned());
    if dice.once_in(3) {
        spec.max_age = SignedDuration::from_mins(30);
    }
    let within = SignedDuration::from_secs([60, 600, 4_000][dice.below(3) as usize]);
    match dice.below(6) {
        0 | 1 => {
            let alerts = u32::try_from(dice.below(3)).unwrap() + 1;
            let bots = 1 + u32::from(alerts > 1 && dice.once_in(2));
            spec.count = Some(CountSpec { alerts, bots, feeds: 1, within });
            spec.including = (alerts > 1 && dice.once_in(2)).then(|| random_when(dice));
            let of = vec!["few".to_owned(), "beats".to_owned()];
            spec.stages = (alerts > 1 && dice.once_in(3)).then_some(StagesSpec { of, at_least: 2 });
        }
        2 | 3 => {
            let same = [Same::Attacker, Same::Transaction, Same::Contract][dice.below(3) as usize];
            let steps = (0..2 + dice.below(2)).map(|step| StepSpec {
                when: random_when(dice),
                anywhere: step != 1 && same != Same::Contract && dice.once_in(2),
            });
            spec.sequence = Some(SequenceSpec { same, within, steps: steps.collect() });
            if dice.once_in(2) {
                spec.when = "true".to_owned();
            }
        }
        4 => {
            let after = SignedDuration::from_secs(200 + i64::try_from(dice.below(2_000)).unwrap());
            let tenths_of_interval = dice.once_in(2).then_some(25);
            spec.absent = Some(AbsenceSpec { after, tenths_of_interval });
            spec.retracted_by = None;
        }
        _ => {}
    }
    spec
}

fn random_conditions(dice: &mut Dice) -> Vec<(RunbookId, Condition)> {
    let (bots, contracts) = (lists(), world());
    let specs = (0..4 + dice.below(20)).map(|number| random_spec(dice, number as usize));
    // What can never fire is refused, and is not what is tested here.
    specs
        .filter_map(|spec| Condition::compile(spec, &bots, &contracts).ok())
        .map(|one| ("r".into(), one))
        .collect()
}

fn random_hash(dice: &mut Dice) -> AlertHash {
    match dice.below(40) {
        number @ 0..20 => AlertHash(format!("0x{number:064x}")),
        number => AlertHash(format!("text-{number}")),
    }
}

fn random_bloom(dice: &mut Dice) -> Option<AddressBloom> {
    let words = |dice: &mut Dice| (0..4).map(|_| dice.below(u64::MAX) | dice.below(u64::MAX)).collect();
    match dice.below(5) {
        0 => None,
        1 => Some(AddressBloom { k: 0, m: 256, words: vec![0; 4] }),
        2 => Some(AddressBloom { k: 4, m: 256, words: vec![u64::MAX; 4] }),
        _ => Some(AddressBloom { k: 2, m: 256, words: words(dice) }),
    }
}

fn random_alert(dice: &mut Dice, second: i64) -> Alert {
    let attackers = [Address::repeat_byte(0xa1), Address::repeat_byte(0xa2), VAULT];
    let attacker = *dice.of(&[&attackers[0], &attackers[1], &attackers[2]]);
    let named = [&VAULT, &POOL, &TWINS, &attackers[0], &attackers[1], &Address::ZERO];
    let late = [0, 0, 0, 40, 5_000, 90_000][dice.below(6) as usize];
    let happened = second - late;
    let severities = ["UNKNOWN", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL", "CRITICAL"];
    let mut one =
        alert(&random_hash(dice).0, dice.of(&["0xA1", "0xb2", "0xc3", "0xd4", "0xe5", ""]), happened);
    if dice.once_in(8) {
        // As stored facts could bring it: not normalised.
        one.bot = serde_json::from_str("\"0xA1\"").unwrap();
    }
    one.authenticated = !dice.once_in(5);
    one.severity = AlertSeverity::of_word(dice.of(&severities)).unwrap();
    one.alert_id = dice.of(&["FLASH", "flash", "Reenter", "noise", ""]).to_owned();
    one.chain = ChainId([1, 1, 10, 5][dice.below(4) as usize]);
    one.addresses = (0..dice.below(3)).map(|_| *dice.of(&named)).collect();
    one.transaction = (!dice.once_in(4)).then(|| B256::repeat_byte(u8::try_from(dice.below(3)).unwrap()));
    one.truncated = dice.once_in(4);
    one.bloom = random_bloom(dice);
    one.metadata.clear();
    if dice.once_in(5) {
        let text = dice.of(&named).to_string();
        one.metadata
            .insert("address1".to_owned(), json(dice.of(&[text.as_str(), "0X0", &text.to_lowercase()])));
    }
    if dice.once_in(6) {
        one.metadata.insert("involvedAddresses7".to_owned(), json(&dice.of(&named).to_string()));
    }
    if dice.once_in(2) {
        one.metadata.insert("loss".to_owned(), json(dice.of(&["7", "3", "much"])));
    }
    if dice.once_in(2) {
        one.metadata.insert("attackerAddress".to_owned(), json(&attacker.to_string()));
    }
    if dice.once_in(6) {
        one.labels.push(AlertLabel {
            label: "attacker".to_owned(),
            entity: attacker.to_string(),
            remove: true,
        });
    }
    if dice.once_in(6) {
        one.block = None;
    } else if let Some(block) = &mut one.block {
        block.hash = (!dice.once_in(4)).then(|| B256::repeat_byte(u8::try_from(dice.below(4)).unwrap()));
        block.number += dice.below(2);
    }
    one
}

fn json(text: &str) -> serde_json::Value {
    serde_json::Value::String(text.to_owned())
}

fn random_known(dice: &mut Dice, second: i64) -> Known {
    let block = [Canonicity::Canonical, Canonicity::Canonical, Canonicity::Unknown, Canonicity::Orphaned];
    Known { block: block[dice.below(4) as usize], now: dice.once_in(3).then(|| at(second)) }
}

fn same(seed: u64, events: usize) -> usize {
    let mut dice = Dice(seed);
    let conditions = random_conditions(&mut dice);
    let window = |from, to| MaintenanceWindow {
        contract: "vault".into(),
        from: at(from),
        to: at(to),
        by: "ana".to_owned(),
        why: "upgrade".to_owned(),
    };
    let maintenance = Maintenance::new(vec![window(2_000, 9_000)]);
    let mut linear = Linear::new(conditions.clone(), maintenance.clone());
    let mut indexed = Matcher::with_maintenance(conditions, maintenance);
    let (mut second, mut said) = (0, 0);
    let mut before: Vec<Alert> = Vec::new();
    for event in 0..events {
        second += i64::try_from(dice.below(120)).unwrap() + if dice.once_in(40) { 20_000 } else { 0 };
        match dice.below(30) {
            0 => {
                let found = linear.tick(at(second));
                said += found.len();
                assert_eq!(indexed.tick(at(second)), found, "tick {event} of {seed}");
            }
            1 => {
                let unknown: BTreeSet<_> = linear.rules.iter().flat_map(Rule::unknown_blocks).collect();
                assert_eq!(indexed.unknown_blocks(), unknown, "unknown blocks at {event} of {seed}");
                if let Some(block) = unknown.first() {
                    let answer = if dice.once_in(2) { Canonicity::Canonical } else { Canonicity::Orphaned };
                    assert_eq!(
                        indexed.learn(block, answer),
                        linear.learn(block, answer),
                        "{event} of {seed}"
                    );
                }
            }
            2 => {
                if let Some(last) = before.last() {
                    linear.forget(last);
                    indexed.forget(last);
                }
            }
            3 if dice.once_in(3) => {
                linear.rules.iter_mut().for_each(Rule::listen_anew);
                indexed.listen_anew();
            }
            _ => {
                let mut one = random_alert(&mut dice, second);
                if let (true, Some(old)) = (dice.once_in(6), before.get(dice.below(50) as usize)) {
                    one = old.clone();
                    if let (Some(block), true) = (&mut one.block, dice.once_in(2)) {
                        block.number += 1;
                    }
                }
                assert_eq!(
                    indexed.asks(&one, &indexed.look(&one)),
                    linear.asks(&one),
                    "asks at {event} of {seed}"
                );
                let known = random_known(&mut dice, second);
                let found = linear.observe(&one, &known);
                assert_eq!(indexed.observe(&one, &known), found, "alert {event} of {seed}: {one:?}");
                said += found.matches.len() + found.withdrawn.len() + found.notes.len();
                if let (Some(matched), true) = (found.matches.first(), dice.once_in(4)) {
                    linear.take_back(&one, matched);
                    indexed.take_back(&one, matched);
                }
                before.push(one);
            }
        }
        for number in 0..40 {
            let hash = random_hash(&mut Dice(seed ^ number));
            for trust in [true, false] {
                assert_eq!(
                    indexed.holds(&hash, trust),
                    linear.holds(&hash, trust),
                    "{hash} at {event} of {seed}"
                );
            }
        }
    }
    let counted = indexed.counters().map(|(_, id, counters)| (id.clone(), counters.into_owned()));
    let wanted = linear.rules.iter().map(|rule| (rule.condition.id().clone(), rule.counters.clone()));
    assert_eq!(counted.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "counters of {seed}");
    said
}

#[test]
fn few_rules_looked_at_tell_what_all_rules_tell() {
    let seeds = u64::from(cases(16).cases);
    let said: usize = (0..seeds).map(|seed| same(seed, 250)).sum();
    assert!(said > 140 * seeds as usize, "the streams say much: {said}");
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn whatever_comes_the_index_misses_nothing(seed in any::<u64>(), events in 1_usize..120) {
        same(seed, events);
    }
}

#[test]
fn what_is_remembered_is_bounded_by_what_windows_hold() {
    let quiet = ConditionSpec { when: "alert.bot == \"0xb2\"".to_owned(), early: Early::Nothing, ..spec() };
    let mut matcher = matcher(ConditionSpec {
        count: Some(CountSpec { alerts: 3, bots: 1, feeds: 1, within: SignedDuration::from_hours(1) }),
        ..quiet
    });
    let first = alert("0xheld", "0xb2", 0);
    assert!(matcher.observe(&first, &Known::CANONICAL).kept);
    let noise = |number: u64| alert(&format!("0x{number:064x}"), "0xa1", 60);
    let many = SEEN_HASHES_MAX as u64 * 2;
    for number in 0..many {
        assert!(!matcher.observe(&noise(number), &Known::CANONICAL).kept);
    }
    let remembered = matcher.remembered();
    assert!(
        (SEEN_HASHES_MAX + 1..SEEN_HASHES_MAX + 1 + 1_024).contains(&remembered),
        "{remembered}; one is held"
    );
    // What a window holds is known however much came since; what none holds is known for a while.
    let again = matcher.observe(&first, &Known::CANONICAL);
    assert!(again.repeated && again.kept);
    assert!(matcher.observe(&noise(many - 1), &Known::CANONICAL).repeated);
    assert!(!matcher.observe(&noise(0), &Known::CANONICAL).repeated);
    // Once the window is over, nothing of it is left.
    for number in 0..2_000 {
        let day = 24 * 3_600 * (number + 2);
        let Observation { kept, .. } = matcher.observe(
            &alert(&format!("0x{number}"), ["0xa1", "0xb2"][number as usize % 2], day),
            &Known::CANONICAL,
        );
        assert_eq!(kept, number % 2 == 1);
    }
    assert!(matcher.hashes_held() < 1_100, "{}", matcher.hashes_held());
    assert!(!matcher.holds(&first.hash, true));
}
