//! Chains, Safes and contracts: is there what the configuration says?

use std::collections::BTreeMap;

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use url::Url;

use super::Finding;
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, Chain, ChainError, Endpoint, SnapshotPlan};
use crate::config::settings;
use crate::domain::names::{ChainName, SafeName};
use crate::domain::safe::{SafeAddress, SafeState};

/// How old the newest block may be before endpoints are suspected to be stuck, in seconds. The slowest
/// chains Safes live on make a block every 12 to 15 seconds.
const HEAD_AGE_MAX_S: i64 = 15 * 60;

/// A chain that can be asked, and the Safes on it.
pub struct Ground<'a> {
    /// The chain.
    pub chain: &'a Chain,
    /// The block at which everything is read.
    pub block: BlockRef,
    /// The Safes; none where one could not be read, which was told already.
    pub safes: BTreeMap<&'a SafeName, Option<SafeState>>,
}

/// Every chain that can be asked.
pub type Grounds<'a> = BTreeMap<&'a ChainName, Ground<'a>>;

/// Looks at every chain.
pub async fn look(agent: &Agent) -> (Grounds<'_>, Vec<Finding>) {
    let looks = agent.chains.iter().map(|(name, chain)| async move { (name, one(agent, name, chain).await) });
    let mut grounds = Grounds::new();
    let mut findings = Vec::new();
    for (name, (ground, found)) in join_all(looks).await {
        findings.extend(found);
        grounds.extend(ground.map(|ground| (name, ground)));
    }
    (grounds, findings)
}

async fn one<'a>(
    agent: &'a Agent,
    name: &'a ChainName,
    chain: &'a Chain,
) -> (Option<Ground<'a>>, Vec<Finding>) {
    let place = format!("[chains.{name}]");
    let Some(settings) = agent.config.settings.chains.get(name) else { return (None, Vec::new()) };
    let (enough, mut findings) = endpoints(name, settings, &place).await;
    if !enough {
        return (None, findings);
    }
    let block = match chain.head().await {
        Ok(block) => block,
        Err(error) => {
            findings
                .push(Finding::problem(place, format!("{}; name endpoints that agree", chain_of(&error))));
            return (None, findings);
        }
    };
    findings.push(age(agent, &place, &block));
    let (safes, found) = safes(agent, name, chain, &block).await;
    findings.extend(found);
    findings.extend(contracts(agent, name, chain, &block).await);
    (Some(Ground { chain, block, safes }), findings)
}

/// Asks each endpoint by itself for its chain id: one wrong URL among three is to be told, not outvoted.
async fn endpoints(name: &ChainName, settings: &settings::Chain, place: &str) -> (bool, Vec<Finding>) {
    let asks = settings.rpc.iter().map(|rpc| async move { (rpc, ask(name, settings, rpc).await) });
    let answers = join_all(asks).await;
    let right = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    let enough = right >= settings.agree;
    let total = answers.len();
    let must = settings.agree;
    let mut wrong = Vec::new();
    let mut silent = Vec::new();
    for (rpc, answer) in &answers {
        match answer {
            Ok(()) => {}
            Err(Asked::WrongChain(found)) => wrong.push(format!("{} serves chain id {found}", rpc.label)),
            Err(Asked::Silent(why)) => silent.push(format!("{}: {why}", rpc.label)),
        }
    }
    const CHECK: &str = "check its URL, its key and this machine's network";
    if !enough {
        // One cause is told once, with everything that has a part in it.
        let said = wrong.into_iter().chain(silent).collect::<Vec<_>>().join("; ");
        let sentence = format!(
            "{right} of {total} endpoints serve chain id {}, and {must} must agree ({said}): nothing on {name} was checked; {CHECK}",
            settings.id
        );
        return (enough, vec![Finding::problem(place, sentence)]);
    }
    let mut findings: Vec<_> = wrong
        .into_iter()
        .map(|said| {
            let id = settings.id;
            Finding::problem(
                place,
                format!("{said}, and {name} is {id}: name an endpoint of the right chain in rpc"),
            )
        })
        .collect();
    if !silent.is_empty() {
        let silent = silent.join("; ");
        let sentence =
            format!("{right} of {total} endpoints answer, and {must} must agree ({silent}): {CHECK}");
        findings.push(Finding::warning(place, sentence));
    }
    if findings.is_empty() {
        let sentence =
            format!("{right} of {total} endpoints serve chain id {}, and {must} must agree", settings.id);
        findings.push(Finding::ok(place, sentence));
    }
    (enough, findings)
}

/// What came of asking one endpoint.
enum Asked {
    WrongChain(crate::domain::names::ChainId),
    Silent(String),
}

async fn ask(name: &ChainName, settings: &settings::Chain, rpc: &settings::RpcEndpoint) -> Result<(), Asked> {
    let silent = |why: String| Asked::Silent(why);
    let url = Url::parse(rpc.url.expose_secret()).map_err(|_| silent("not a URL".to_owned()))?;
    let endpoint = Endpoint::new(&url, settings.rpc_timeout).map_err(|error| silent(chain_of(&error)))?;
    let alone =
        Chain::new(name.clone(), settings.id, vec![endpoint], 1).map_err(|error| silent(chain_of(&error)))?;
    match alone.verify_chain_id().await {
        Ok(()) => Ok(()),
        Err(ChainError::WrongChain { found, .. }) => Err(Asked::WrongChain(found)),
        Err(ChainError::Unavailable { said, .. } | ChainError::Disagreement { said, .. }) => {
            let said: Vec<_> = said.into_iter().map(|statement| statement.said).collect();
            Err(silent(said.join("; ")))
        }
        Err(ChainError::Malformed { problem, .. }) => Err(silent(problem)),
    }
}

fn age(agent: &Agent, place: &str, block: &BlockRef) -> Finding {
    let made = i64::try_from(block.timestamp_s).unwrap_or(i64::MAX);
    let age_s = agent.clock.now().as_second().saturating_sub(made);
    if age_s > HEAD_AGE_MAX_S {
        let minutes = age_s / 60;
        return Finding::warning(
            place,
            format!(
                "the newest block, {}, is {minutes} minutes old: the endpoints or the chain stand still, or this machine's clock is wrong",
                block.number
            ),
        );
    }
    Finding::ok(place, format!("everything is read at block {}", block.number))
}

type Safes<'a> = BTreeMap<&'a SafeName, Option<SafeState>>;

async fn safes<'a>(
    agent: &'a Agent,
    chain_name: &ChainName,
    chain: &Chain,
    block: &BlockRef,
) -> (Safes<'a>, Vec<Finding>) {
    let here = agent.config.settings.safes.values().filter(|safe| safe.chain == *chain_name);
    let mut plan = SnapshotPlan::new();
    let tickets: Vec<_> = here.map(|safe| (&safe.name, plan.safe(SafeAddress(safe.address)))).collect();
    let mut findings = Vec::new();
    let mut safes = Safes::new();
    let snapshot = match chain.read(block, plan).await {
        Ok(snapshot) => snapshot,
        Err(error) => {
            findings.push(Finding::problem(format!("[chains.{chain_name}]"), chain_of(&error)));
            return (tickets.into_iter().map(|(name, _)| (name, None)).collect(), findings);
        }
    };
    for (name, ticket) in tickets {
        let place = format!("[safes.{name}]");
        match snapshot.safe(ticket) {
            Ok(state) => {
                findings.push(Finding::ok(place.clone(), describe(&state)));
                let singleton = state.singleton_judged();
                if !singleton.is_good() {
                    findings.push(Finding::warning(place, singleton.to_string()));
                }
                safes.insert(name, Some(state));
            }
            Err(error) => {
                findings.push(Finding::problem(place, chain_of(&error)));
                safes.insert(name, None);
            }
        }
    }
    (safes, findings)
}

fn describe(state: &SafeState) -> String {
    let mut text = format!(
        "Safe {} version {}, {} of {} owners sign, nonce {}",
        state.address,
        state.version,
        state.threshold,
        state.owners.len(),
        state.nonce
    );
    if state.singleton_judged().is_good() {
        text.push_str(&format!("; {}", state.singleton_judged()));
    }
    if let Some(guard) = state.guard {
        text.push_str(&format!("; guard {guard} may veto"));
    }
    if let Some(guard) = state.module_guard {
        text.push_str(&format!("; module guard {guard} may veto modules"));
    }
    if !state.modules.is_empty() {
        let modules: Vec<_> = state.modules.iter().map(ToString::to_string).collect();
        text.push_str(&format!("; acting without signatures: module {}", modules.join(", module ")));
    }
    text
}

async fn contracts(agent: &Agent, name: &ChainName, chain: &Chain, block: &BlockRef) -> Vec<Finding> {
    let here = agent.config.settings.contracts.values().filter(|contract| contract.chain == *name);
    join_all(here.map(|contract| async move {
        let place = format!("[contracts.{}]", contract.name);
        match chain.code_hash(block, contract.address).await {
            Ok(Some(_)) => Finding::ok(place, format!("{} has code", contract.address)),
            Ok(None) => Finding::problem(
                place,
                format!(
                    "there is no contract at {} on {name}: a call of it would succeed and do nothing; check address and chain",
                    contract.address
                ),
            ),
            Err(error) => Finding::problem(place, chain_of(&error)),
        }
    }))
    .await
}
