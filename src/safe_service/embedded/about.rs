//! What this service is and sees: its name, the chain's head, the singletons and owners of the Safes it
//! knows. It has no index: lists by owner or module cover the configured Safes and those something is stored
//! of, each read from the chain at the time of asking.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use serde_json::{Value, json};

use super::Parts;
use super::page::Window;
use super::propose::in_path;
use super::refusal::Refusal;
use super::render::{self, of_seconds};
use crate::domain::safe::{SafeAddress, SafeState};

/// Safes that are read for one list. Each costs a request to every endpoint.
const SAFES_MAX: usize = 100;

/// Whom a Safe is listed by.
#[derive(Clone, Copy)]
pub(super) enum By {
    Owner,
    Module,
}

impl By {
    fn holds(self, state: &SafeState, address: Address) -> bool {
        match self {
            Self::Owner => state.is_owner(address),
            Self::Module => state.modules.contains(&address),
        }
    }
}

/// `about/indexing/`: there is nothing to be behind of, so it is always where the chain's head is.
pub(super) async fn indexing(parts: &Parts) -> Result<Value, Refusal> {
    let head = parts.chain.head().await?;
    let at = of_seconds(head.timestamp_s);
    Ok(json!({
        "currentBlockNumber": head.number,
        "currentBlockTimestamp": at,
        "erc20BlockNumber": head.number,
        "erc20BlockTimestamp": at,
        "erc20Synced": true,
        "masterCopiesBlockNumber": head.number,
        "masterCopiesBlockTimestamp": at,
        "masterCopiesSynced": true,
        "synced": true,
    }))
}

/// `about/ethereum-rpc/`.
pub(super) async fn rpc(parts: &Parts) -> Result<Value, Refusal> {
    let head = parts.chain.head().await?;
    let chain = parts.chain.chain_id();
    Ok(json!({
        "version": concat!("what the endpoints of Redhandle ", env!("CARGO_PKG_VERSION"), " agree on"),
        "block_number": head.number,
        "chain_id": chain.0,
        "chain": chain.to_string(),
        "syncing": false,
    }))
}

/// `about/singletons/`: those of the Safes it knows.
pub(super) async fn singletons(parts: &Parts) -> Result<Value, Refusal> {
    let mut found: BTreeMap<Address, (String, u64)> = BTreeMap::new();
    for state in known_safes(parts).await? {
        let seen = (render::version(&state), state.block_number);
        found.entry(state.singleton).and_modify(|one| one.1 = one.1.max(seen.1)).or_insert(seen);
    }
    let mut singletons = Vec::with_capacity(found.len());
    for (address, (version, block)) in found {
        singletons.push(json!({
            "address": address.to_checksum(None),
            "l2": version.ends_with("+L2"),
            "version": version,
            "deployer": "Safe",
            "deployedBlockNumber": parts.deployed.block(&*parts.chain, address).await?,
            "lastIndexedBlockNumber": block,
        }));
    }
    Ok(Value::Array(singletons))
}

/// `v1/owners/{address}/safes/` and `v1/modules/{address}/safes/`.
pub(super) async fn safes(parts: &Parts, by: By, address: &str) -> Result<Value, Refusal> {
    let found = safes_by(parts, by, address).await?;
    Ok(json!({ "safes": found.iter().map(|state| state.address).collect::<Vec<_>>() }))
}

/// The same of v2: with their state, in pages.
pub(super) async fn safes_in_pages(
    parts: &Parts,
    by: By,
    address: &str,
    window: &Window,
) -> Result<Value, Refusal> {
    let found = safes_by(parts, by, address).await?;
    let count = found.len();
    let results = window.cut(found).iter().map(render::last_status).collect();
    Ok(window.page(count, results))
}

async fn safes_by(parts: &Parts, by: By, address: &str) -> Result<Vec<SafeState>, Refusal> {
    let whose = in_path(address)?.0;
    let mut found = known_safes(parts).await?;
    found.retain(|state| by.holds(state, whose));
    Ok(found)
}

/// Every Safe it knows, as the chain has it now, in the order of their checksummed addresses.
async fn known_safes(parts: &Parts) -> Result<Vec<SafeState>, Refusal> {
    let limit = i64::try_from(SAFES_MAX).unwrap_or(i64::MAX).saturating_add(1);
    let stored = parts.store.safes(limit).await?;
    let known: BTreeSet<SafeAddress> = parts.known.safes.iter().copied().chain(stored).collect();
    if known.len() > SAFES_MAX {
        return Err(Refusal::Unavailable(format!(
            "More than {SAFES_MAX} Safes are known here; each would have to be read from the chain."
        )));
    }
    let mut states = Vec::with_capacity(known.len());
    for safe in known {
        states.extend(parts.chain.safe_state(safe).await?);
    }
    states.sort_by_key(|state| state.address.to_string());
    Ok(states)
}
