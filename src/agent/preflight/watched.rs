//! Would chain feeds hear anything: do their views answer, are their Safes Safes, can their contracts emit what is watched.
//!
//! A contract's code holds the hash of each event it emits, as a constant. That is a hint and no proof: a proxy that is
//! none of ERC-1967's hides its code.

use alloy::primitives::{Address, B256, b256};

use super::Finding;
use crate::agent::chain_feed::Eye;
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, CallOutcome, Chain, SnapshotPlan};
use crate::config::settings::{ChainFeed, FeedKind};
use crate::domain::watch::{SafeReading, Subject, SubjectKind};
use crate::feeds::onchain::ChainEye as _;

/// keccak256("eip1967.proxy.implementation") - 1, of ERC-1967.
const IMPLEMENTATION_SLOT: B256 = b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// What would be heard through each chain feed.
pub(super) async fn look(agent: &Agent) -> Vec<Finding> {
    let mut findings = Vec::new();
    for feed in &agent.config.settings.feeds {
        let watched = match &feed.kind {
            FeedKind::Chain(watched) => watched,
            FeedKind::Forta(_) | FeedKind::JsonLines(_) | FeedKind::Webhook(_) | FeedKind::Nats(_) => {
                continue;
            }
        };
        // A chain that cannot be reached was told already.
        let Some(chain) = agent.chains.get(&watched.watch.chain) else { continue };
        let Ok(head) = chain.head().await else { continue };
        let place = format!("feed {}", feed.name);
        findings.push(Finding::ok(&place, said(watched)));
        for subject in watched.watch.subjects.iter().filter(|subject| subject.kind == SubjectKind::Contract) {
            findings.push(events_of(chain, &head, watched, subject, &place).await);
        }
        findings.extend(state(chain, &head, watched, &place).await);
    }
    findings
}

fn said(watched: &ChainFeed) -> String {
    let watch = &watched.watch;
    let safes = watch.safes().count();
    let contracts = watch.subjects.len().saturating_sub(safes);
    format!(
        "watches {} event(s) of {contracts} contract(s) and {safes} Safe(s), and {} view(s), as bot {}",
        watch.events.len(),
        watch.views.len(),
        watch.bot()
    )
}

/// Which of the watched events stand in the contract's code, or in that of its implementation.
async fn events_of(
    chain: &Chain,
    head: &BlockRef,
    watched: &ChainFeed,
    subject: &Subject,
    place: &str,
) -> Finding {
    let slot = chain.storage(head, subject.address, IMPLEMENTATION_SLOT).await;
    let implementation = slot.map(Address::from_word);
    let codes = match implementation {
        Ok(implementation) => codes(chain, head, &[subject.address, implementation]).await,
        Err(error) => Err(chain_of(&error)),
    };
    let codes = match codes {
        Ok(codes) => codes,
        Err(why) => {
            let sentence = format!("whether {} can emit what is watched is unknown: {why}", subject.name);
            return Finding::warning(place, sentence);
        }
    };
    let is_held =
        |topic: &B256| codes.iter().any(|code| code.windows(32).any(|word| word == topic.as_slice()));
    let wanted = watched.watch.events.iter().filter(|event| event.of.include(SubjectKind::Contract));
    let (held, missing): (Vec<_>, Vec<_>) = wanted.partition(|event| is_held(&event.topic));
    let list = |events: &[&crate::domain::watch::EventRule]| {
        events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (held.is_empty(), missing.is_empty()) {
        (true, false) => Finding::warning(
            place,
            format!(
                "the code of {} holds none of the events that are watched: is its code behind a proxy that is none of ERC-1967's?",
                subject.name
            ),
        ),
        (_, true) => Finding::ok(place, format!("{} can emit everything that is watched", subject.name)),
        (false, false) => Finding::ok(
            place,
            format!("{} can emit {}; its code does not hold {}", subject.name, list(&held), list(&missing)),
        ),
    }
}

async fn codes(chain: &Chain, head: &BlockRef, addresses: &[Address]) -> Result<Vec<Vec<u8>>, String> {
    let mut plan = SnapshotPlan::new();
    let tickets: Vec<_> = addresses.iter().map(|address| plan.code(*address)).collect();
    let snapshot = chain.read(head, plan).await.map_err(|error| chain_of(&error))?;
    let mut codes = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        match snapshot.call(ticket).map_err(|error| chain_of(&error))? {
            CallOutcome::Returned(code) => codes.push(code.to_vec()),
            CallOutcome::Reverted(_) => return Err("reading code reverts".to_owned()),
        }
    }
    Ok(codes)
}

/// What views and Safes say now.
async fn state(chain: &Chain, head: &BlockRef, watched: &ChainFeed, place: &str) -> Vec<Finding> {
    let watch = &watched.watch;
    let calls: Vec<_> = watch.views.iter().flat_map(|view| view.questions()).collect();
    let safes: Vec<&Subject> = watch.safes().collect();
    let addresses: Vec<Address> = safes.iter().map(|safe| safe.address).collect();
    if calls.is_empty() && addresses.is_empty() {
        return Vec::new();
    }
    let read = Eye(chain.clone()).read(&crate::agent::chain_feed::seen(*head), &calls, &addresses, &[]).await;
    let readings = match read {
        Ok(readings) => readings,
        Err(why) => return vec![Finding::problem(place, format!("views and Safes are unknown: {why}"))],
    };
    let mut findings = Vec::new();
    let mut answers = readings.calls.into_iter();
    for view in &watch.views {
        let said: Vec<_> = view.questions().filter_map(|_| answers.next()).collect();
        findings.push(match view.judge(&said) {
            Ok(judged) if judged.beyond == Some(true) => Finding::warning(
                place,
                format!(
                    "view {}: {} holds now ({}): it is told at the first look",
                    view.name, view.definition, judged.value
                ),
            ),
            Ok(judged) => {
                Finding::ok(place, format!("view {}: {} ({})", view.name, view.definition, judged.value))
            }
            Err(why) => Finding::problem(place, format!("view {}: {}: {why}", view.name, view.definition)),
        });
    }
    for (safe, reading) in safes.into_iter().zip(readings.safes) {
        match reading {
            Ok(SafeReading::State(_)) => {}
            Ok(SafeReading::NoSafe(why)) => {
                findings.push(Finding::problem(place, format!("{} is no Safe: {why}", safe.name)));
            }
            Err(why) => findings.push(Finding::problem(place, format!("{} is unknown: {why}", safe.name))),
        }
    }
    findings
}
