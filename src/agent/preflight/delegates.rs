//! Delegates: would the Transaction Service take what the proposer proposes, to each Safe and to the Safes that
//! own it?
//!
//! Only the key of an owner makes somebody a delegate. A Safe whose owners are all contracts has none, and needs
//! none: its owners approve on the chain.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;

use super::Finding;
use super::ground::Ground;
use crate::agent::service::ServiceLink;
use crate::agent::{Agent, chain_of};
use crate::config::settings::SafeService;
use crate::domain::names::{ChainName, SafeName};
use crate::domain::safe::owner_tree::OwnerKind;
use crate::domain::safe::{OwnerTree, SafeAddress, SafeState};
use crate::safe_service::ServiceError;

/// The Safes through which a runbook acts: only to these, and to their owners, is ever proposed.
fn acting(agent: &Agent) -> BTreeSet<&SafeName> {
    let runbooks = agent.config.runbooks.values().filter(|runbook| !runbook.actions.is_empty());
    runbooks.flat_map(|runbook| &runbook.safes).collect()
}

/// Whether the service would take our proposals to each Safe of one chain.
pub async fn look(agent: &Agent, chain: &ChainName, ground: &Ground<'_>, proposer: Address) -> Vec<Finding> {
    let acting = acting(agent);
    let Some(service) = agent.services.get(chain) else { return Vec::new() };
    let safes = ground.safes.iter().filter(|(name, _)| acting.contains(**name));
    let (names, states): (Vec<_>, Vec<_>) =
        safes.filter_map(|(name, state)| state.clone().map(|state| (*name, state))).unzip();
    let trees = ground.chain.owner_trees(&ground.block, &states).await;
    let asking = Asking { agent, ground, service, proposer };
    let mut findings = Vec::new();
    let mut asked = BTreeSet::new();
    for (name, tree) in names.into_iter().zip(&trees) {
        let spots = tree.blind_spots().into_iter();
        findings.extend(spots.map(|spot| Finding::warning(format!("[proposer], Safe {name}"), spot)));
        for (path, tree) in with_children(name, tree) {
            if !asked.insert(tree.safe.address) {
                continue;
            }
            match asking.one(&path, tree).await {
                Ok(finding) => findings.push(finding),
                Err(error) => {
                    // One question is enough.
                    findings.push(asking.unanswered(chain, tree.safe.address, &error));
                    return findings;
                }
            }
        }
    }
    findings
}

/// A Safe and every Safe among the owners below it, each with its place: itself first.
fn with_children<'a>(name: &SafeName, tree: &'a OwnerTree) -> Vec<(String, &'a OwnerTree)> {
    let mut found = vec![(format!("[proposer], Safe {name}"), tree)];
    let below = tree.walk().into_iter().filter_map(|(_, above, owner)| match &owner.kind {
        OwnerKind::Safe(child) => Some((above, child.as_ref())),
        OwnerKind::Key | OwnerKind::Contract { .. } | OwnerKind::Cut(_) | OwnerKind::Unread { .. } => None,
    });
    found.extend(below.map(|(above, child)| {
        let owns = if above.address == tree.safe.address { "" } else { "through others " };
        (format!("[proposer], Safe {}, which {owns}owns Safe {name}", child.safe.address), child)
    }));
    found
}

struct Asking<'a> {
    agent: &'a Agent,
    ground: &'a Ground<'a>,
    service: &'a ServiceLink,
    proposer: Address,
}

impl Asking<'_> {
    async fn one(&self, place: &str, tree: &OwnerTree) -> Result<Finding, ServiceError> {
        let (state, proposer, service) = (&tree.safe, self.proposer, &self.service.name);
        let now = self.agent.clock.now();
        let valid = self.service.client.delegations_of(proposer, state.address, &state.owners, now).await?;
        if let Some(delegate) = valid.first() {
            let everywhere = if delegate.safe.is_none() { ", for all their Safes," } else { "" };
            let sentence =
                format!("{proposer} is a delegate of owner {}{everywhere} at {service}", delegate.delegator);
            return Ok(Finding::ok(place, sentence));
        }
        if !tree.owners.iter().any(|owner| owner.kind == OwnerKind::Key) {
            let sentence = format!(
                "no owner is a key, which alone could make {proposer} a delegate: proposals do not reach {service}; the owners approve them on the chain"
            );
            return Ok(Finding::warning(place, sentence));
        }
        Ok(Finding::problem(
            place,
            format!(
                "the proposer {proposer} is no delegate of this Safe at {service}, so that its proposals would be refused: an owner must add it, with `redhandle safe delegate {} --keystore FILE`{}",
                self.name(state).map_or("NAME", SafeName::as_str),
                if self.name(state).is_none() { ", once the Safe is configured as [safes.NAME]" } else { "" }
            ),
        ))
    }

    /// What the configuration calls a Safe.
    fn name(&self, state: &SafeState) -> Option<&SafeName> {
        let safes: &BTreeMap<_, _> = &self.ground.safes;
        let of = |safe: &&SafeState| safe.address == state.address;
        safes.iter().find(|(_, safe)| safe.as_ref().filter(of).is_some()).map(|(name, _)| *name)
    }

    fn unanswered(&self, chain: &ChainName, safe: SafeAddress, error: &ServiceError) -> Finding {
        let proposer = self.proposer;
        if is_embedded(self.agent, chain) {
            // The service is this program's own, and it is not running.
            tracing::debug!(error = %chain_of(error), "the embedded service was not asked");
            let sentence = format!(
                "whether {proposer} is a delegate on {chain} is unknown: the embedded service answers only while `redhandle run` runs"
            );
            return Finding::warning("[proposer]", sentence);
        }
        Finding::problem(
            format!("[chains.{chain}] safe_service"),
            format!("whether {proposer} is a delegate is unknown: {}", self.service.in_words(safe, error)),
        )
    }
}

fn is_embedded(agent: &Agent, chain: &ChainName) -> bool {
    let settings = agent.config.settings.chains.get(chain);
    settings.is_some_and(|chain| match chain.safe_service {
        SafeService::Embedded => true,
        SafeService::Hosted { .. } => false,
    })
}
