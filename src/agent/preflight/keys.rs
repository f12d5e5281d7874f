//! Keys: everybody's must sign for something, ours must sign for nothing.

use alloy::primitives::Address;
use futures_util::future::join_all;

use super::ground::{Ground, Grounds};
use super::{Finding, delegates};
use crate::agent::{Agent, chain_of};
use crate::domain::ether::Wei;
use crate::domain::names::{ChainName, SafeName};
use crate::domain::roster::{Key, Person};
use crate::domain::safe::SafeState;

/// Every key of the roster signs for a configured Safe, and every owner is somebody.
pub fn roster(agent: &Agent, grounds: &Grounds<'_>) -> Vec<Finding> {
    let known: Vec<(&SafeName, &SafeState)> = readable(grounds).collect();
    if known.is_empty() {
        // Why none could be read was told already.
        return Vec::new();
    }
    let all_are_read = known.len() == agent.config.settings.safes.len();
    let roster = &agent.config.roster;
    let idle: Vec<(&Person, &Key)> =
        roster.people.values().flat_map(|person| idle_keys(agent, person, &known)).collect();
    let mut findings = if all_are_read {
        idle.into_iter().map(|(person, key)| useless(agent, person, key, &known)).collect()
    } else {
        cannot_be_told(&idle)
    };
    findings.extend(known.iter().filter_map(|(name, state)| strangers(agent, name, state)));
    findings
}

/// Owners of a Safe whom nobody could wake.
fn strangers(agent: &Agent, name: &SafeName, state: &SafeState) -> Option<Finding> {
    let owners = state.owners.iter().filter(|owner| agent.config.roster.person_of(**owner).is_none());
    let strangers: Vec<_> = owners.map(ToString::to_string).collect();
    (!strangers.is_empty()).then(|| {
        let sentence = format!(
            "nobody in the roster holds owner {}: nobody would know whom to wake; add the key to its holder",
            strangers.join(", owner ")
        );
        Finding::warning(format!("[safes.{name}]"), sentence)
    })
}

fn readable<'a>(grounds: &'a Grounds<'a>) -> impl Iterator<Item = (&'a SafeName, &'a SafeState)> {
    grounds
        .values()
        .flat_map(|ground| &ground.safes)
        .filter_map(|(name, state)| state.as_ref().map(|state| (*name, state)))
}

/// Keys that own none of the Safes that could be read. A key that is no longer used is history.
fn idle_keys<'a>(
    agent: &Agent,
    person: &'a Person,
    known: &[(&SafeName, &SafeState)],
) -> impl Iterator<Item = (&'a Person, &'a Key)> {
    let now = agent.clock.now();
    let idle = move |key: &&Key| {
        key.until.is_none_or(|until| now < until)
            && !known.iter().any(|(_, state)| state.is_owner(key.address))
    };
    person.keys.iter().filter(idle).map(move |key| (person, key))
}

fn useless(agent: &Agent, person: &Person, key: &Key, known: &[(&SafeName, &SafeState)]) -> Finding {
    let place = format!("roster, people.{}", person.id);
    let who = format!("key {} of {}", key.address, person.id);
    if !key.valid_at(agent.clock.now()) {
        return Finding::warning(
            place,
            format!("{who}, which is not in use yet, is an owner of no configured Safe yet"),
        );
    }
    let owners: Vec<_> = known.iter().map(|(name, state)| owners_in_words(name, state)).collect();
    let sentence = format!(
        "{who} is an owner of no configured Safe, so that {} would be woken for nothing ({}): correct the address, or let the owners add it",
        person.id,
        owners.join("; ")
    );
    Finding::problem(place, sentence)
}

/// They may own the Safe that could not be read.
fn cannot_be_told(idle: &[(&Person, &Key)]) -> Vec<Finding> {
    if idle.is_empty() {
        return Vec::new();
    }
    let keys: Vec<_> = idle.iter().map(|(person, key)| format!("{} ({})", person.id, key.address)).collect();
    let sentence = format!(
        "whether these keys own a Safe is unknown, because not every Safe could be read: {}",
        keys.join(", ")
    );
    vec![Finding::warning("roster", sentence)]
}

fn owners_in_words(name: &SafeName, state: &SafeState) -> String {
    let owners: Vec<_> = state.owners.iter().map(ToString::to_string).collect();
    format!("owners of {name}: {}", owners.join(", "))
}

/// Our own keys: never an owner's; the proposer may propose, the executor can pay.
pub async fn ours(agent: &Agent, grounds: &Grounds<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let settings = &agent.config.settings;
    match &agent.proposer {
        Some(proposer) => {
            findings.extend(never_an_owner("proposer", proposer.address(), grounds));
            for (name, ground) in grounds {
                findings.extend(delegates::look(agent, name, ground, proposer.address()).await);
            }
        }
        None if settings.proposer.is_none() => findings.push(Finding::warning(
            "[proposer]",
            "there is no proposer key: proposals are prepared and can be signed here, but do not reach the Transaction Service",
        )),
        // Its keystore was not opened, which is told where it is tried.
        None => {}
    }
    if let Some(executor) = &agent.executor {
        findings.extend(never_an_owner("executor", executor.address(), grounds));
        let cap = settings.executor.as_ref().map(|executor| executor.cap.per_incident).unwrap_or_default();
        let gas = grounds.iter().filter(|(_, ground)| !ground.safes.is_empty());
        findings.extend(
            join_all(gas.map(|(name, ground)| gas_money(name, ground, executor.address(), cap))).await,
        );
    }
    findings
}

fn never_an_owner(whose: &str, key: Address, grounds: &Grounds<'_>) -> Option<Finding> {
    let owned: Vec<_> = readable(grounds)
        .filter(|(_, state)| state.is_owner(key))
        .map(|(name, _)| name.to_string())
        .collect();
    (!owned.is_empty()).then(|| {
        Finding::problem(
            format!("[{whose}]"),
            format!(
                "the {whose} key {key} is an owner of Safe {}: this program must never hold an owner's key; use a key that owns nothing",
                owned.join(", Safe ")
            ),
        )
    })
}

/// How many requests are left at each hosted service, as it said when it was asked for delegates.
pub async fn quotas(agent: &Agent) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (chain, service) in &agent.services {
        if service.quota_low_percent.is_none() {
            continue;
        }
        let place = format!("[chains.{chain}] safe_service");
        let unasked = service.client.heard().requests == 0;
        if unasked && let Err(error) = service.client.about().await {
            let told = format!("the Transaction Service does not answer: {}", chain_of(&error));
            findings.push(Finding::warning(place, told));
            continue;
        }
        match service.quota() {
            Ok(Some(quota)) => findings.push(Finding::ok(place, quota.in_words())),
            // No key, no quota said: a service of one's own has none.
            Ok(None) => {}
            Err(why) => findings.push(Finding::problem(place, why)),
        }
    }
    findings
}

async fn gas_money(name: &ChainName, ground: &Ground<'_>, executor: Address, cap: Wei) -> Finding {
    let place = format!("[executor], chain {name}");
    match ground.chain.balance(&ground.block, executor).await {
        Ok(wei) if wei.is_zero() => Finding::problem(
            place,
            format!(
                "{executor} holds nothing on {name} and cannot pay for an execution: send it some gas money"
            ),
        ),
        Ok(wei) if wei < cap.0 => Finding::problem(
            place,
            format!(
                "{executor} holds {}, which is less than it may spend for one incident ({cap}): send it more, or lower cap_per_incident",
                Wei(wei)
            ),
        ),
        Ok(wei) => {
            Finding::ok(place, format!("{executor} holds {}; its cap is {cap} for one incident", Wei(wei)))
        }
        Err(error) => Finding::problem(place, chain_of(&error)),
    }
}
