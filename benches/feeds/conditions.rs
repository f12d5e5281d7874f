//! Conditions as people would write them, by the thousand: different bots, contracts, chains, severities, counts, orders.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use jiff::SignedDuration;
use redhandle::domain::alert::BotId;
use redhandle::domain::condition::{
    AbsenceSpec, BotLists, Condition, ConditionSpec, CountSpec, Early, Matcher, Response, Same, SequenceSpec,
    StagesSpec, StepSpec,
};
use redhandle::domain::contract::{Contract, Contracts};
use redhandle::domain::names::{ChainId, RunbookId};

use serde_json::Value;

use super::{Dice, recorded};

/// Chains of the sample.
const CHAINS: [u64; 6] = [1, 10, 56, 137, 250, 42_161];

fn contracts(number: usize) -> Contracts {
    let mut dice = Dice(1);
    let mut contract = |number: usize| Contract {
        name: format!("watched-{number}").as_str().into(),
        chain: "chain".into(),
        chain_id: ChainId(CHAINS[number % CHAINS.len()]),
        address: Address::from_slice(&dice.hash().parse::<B256>().unwrap()[12..]),
        abi: alloy::json_abi::JsonAbi::new(),
    };
    (0..number).map(&mut contract).map(|contract| (contract.name.clone(), contract)).collect()
}

/// Lists over the sample's bots and as many that never speak; `funding` are two that make one alert in
/// fifty.
fn lists() -> BotLists {
    let mut spoken: BTreeMap<String, usize> = BTreeMap::new();
    for alert in recorded().filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        if let Some(bot) = alert["source"]["bot"]["id"].as_str().filter(|bot| bot.len() == 66) {
            *spoken.entry(bot.to_ascii_lowercase()).or_default() += 1;
        }
    }
    let mut dice = Dice(2);
    let mut bots: Vec<&String> = spoken.keys().collect();
    bots.sort_by_key(|bot| spoken[*bot]);
    let funding: Vec<BotId> = bots.iter().skip(7).take(2).map(|bot| BotId::new(bot)).collect();
    let silent: Vec<String> = bots.iter().map(|_| dice.hash()).collect();
    bots.extend(&silent);
    let list = |dice: &mut Dice| {
        let listed: BTreeSet<BotId> =
            (0..2 + dice.below(6)).map(|_| BotId::new(bots[dice.below(bots.len())])).collect();
        listed.into_iter().collect()
    };
    let lists = (0..40).map(|number| (format!("list{number}"), list(&mut dice)));
    lists.chain([("funding".to_owned(), funding)]).collect()
}

fn spec(number: usize, contracts: usize, dice: &mut Dice) -> ConditionSpec {
    let severity = ["LOW", "MEDIUM", "HIGH", "HIGH", "CRITICAL", "CRITICAL"][dice.below(6)];
    let (list, other) = (dice.below(40), dice.below(40));
    let base = format!("alert.severity >= {severity} && alert.bot in bots.list{list}");
    let shared = if dice.one_in(5) { 3 } else { 1 };
    let first = dice.below(contracts);
    let about: BTreeSet<usize> = (0..shared).map(|next| (first + next * CHAINS.len()) % contracts).collect();
    let about = about.iter().map(|number| format!("watched-{number}").as_str().into()).collect();
    let id = format!("c{number}").as_str().into();
    let mut spec = ConditionSpec::new(id, base.clone(), about, Response::Propose);
    let within = SignedDuration::from_mins([5, 10, 30, 60][dice.below(4)]);
    let count = CountSpec { alerts: 2, bots: 1 + u32::from(dice.one_in(2)), feeds: 1, within };
    match number % 20 {
        0..8 => spec.count = Some(count),
        8..10 => spec.when = format!("{base} && alert.metadata.anomalyScore < 0.01"),
        10..12 => {
            spec.count = Some(CountSpec { alerts: 3, bots: 1, ..count });
            spec.stages =
                Some(StagesSpec { of: vec![format!("list{list}"), format!("list{other}")], at_least: 1 });
        }
        12 => {
            spec.count = Some(count);
            spec.when = "alert.severity >= MEDIUM".to_owned();
            spec.including = Some(base);
            spec.early = Early::Nothing;
        }
        13..15 => {
            spec.when = format!("alert.alert_id == \"ATTACK-DETECTOR-{}\" && {base}", 1 + dice.below(7))
        }
        15 => spec.when = format!("alert.severity == {severity} && !(alert.bot in bots.list{other})"),
        16..19 => {
            let step = |when: String, anywhere| StepSpec { when, anywhere };
            // An attacker is funded before any target is named: such a step hears a whole chain.
            let anywhere = number % 400 == 16;
            let first = if anywhere { "funding".to_owned() } else { format!("list{list}") };
            let steps = vec![
                step(format!("alert.bot in bots.{first}"), anywhere),
                step(format!("alert.bot in bots.list{other} && alert.severity >= HIGH"), false),
            ];
            spec.when = "true".to_owned();
            spec.sequence = Some(SequenceSpec { same: Same::Attacker, within, steps });
        }
        _ => {
            spec.when = format!("alert.bot in bots.list{list} && alert.alert_id == \"HEARTBEAT-{number}\"");
            spec.absent =
                Some(AbsenceSpec { after: SignedDuration::from_hours(2), tenths_of_interval: Some(25) });
        }
    }
    if number.is_multiple_of(3) && spec.absent.is_none() {
        spec.retracted_by = Some(format!("list{other}"));
    }
    spec
}

/// As many conditions, over a quarter as many contracts.
pub fn conditions(number: usize) -> (Matcher, Vec<(u64, Address)>) {
    let contracts = contracts((number / 4).max(1));
    let (lists, mut dice) = (lists(), Dice(3));
    let mut compiled: Vec<(RunbookId, Condition)> = Vec::new();
    // What is refused (two bots of a list of one) is drawn again.
    while compiled.len() < number {
        let spec = spec(compiled.len(), contracts.len(), &mut dice);
        if let Ok(condition) = Condition::compile(spec, &lists, &contracts) {
            compiled.push((format!("runbook-{}", compiled.len()).as_str().into(), condition));
        }
    }
    let watched = contracts.values().map(|contract| (contract.chain_id.0, contract.address)).collect();
    (Matcher::new(compiled), watched)
}
