//! What proposals say.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::Serialize;

use super::{nested, of};
use crate::agent::house::House;
use crate::agent::message::{cast_command, device_hex};
use crate::agent::module;
use crate::agent::upgrade::ready_at;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::module::rows;
use crate::cli::output::{Look, Output};
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::incident::preparation::Queue;
use crate::domain::incident::{CompanionState, Incident, IncidentId, Preparation};
use crate::domain::module::PathReport;
use crate::domain::safe::SafeTxHash;
use crate::domain::text::terminal;
use crate::domain::upgrade::proof::UpgradeProof;

/// A proposal as JSON.
#[derive(Serialize)]
struct View<'a> {
    incident_id: IncidentId,
    stage: serde_json::Value,
    safe_tx_hash: String,
    confirmations: Vec<&'a crate::domain::incident::fact::OwnerConfirmation>,
    threshold: u64,
    proposal: &'a Preparation,
    /// What child Safes must execute; empty where owners are keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<nested::ApprovalView<'a>>,
    companions: Vec<&'a CompanionState>,
    warnings: Vec<String>,
    /// Paths that need neither quorum nor nonce, each simulated now; left out of lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<PathReport>,
}

impl<'a> View<'a> {
    fn of(incident: &'a Incident, preparation: &'a Preparation) -> Self {
        Self {
            incident_id: incident.id,
            stage: stage_of(incident, preparation.safe_tx_hash()),
            safe_tx_hash: preparation.safe_tx_hash().to_string(),
            confirmations: confirmations(incident, preparation).values().copied().collect(),
            threshold: preparation.threshold,
            proposal: preparation,
            approvals: nested::views(incident, preparation),
            companions: incident.companions.values().collect(),
            warnings: incident.warnings(),
            paths: Vec::new(),
        }
    }
}

/// Where a transaction stands: the proposal's stage, or the companion's own.
fn stage_of(incident: &Incident, hash: SafeTxHash) -> serde_json::Value {
    match incident.companion(hash) {
        Some(known) => serde_json::json!(known.stage),
        None => serde_json::json!(incident.stage),
    }
}

fn confirmations<'a>(
    incident: &'a Incident,
    preparation: &Preparation,
) -> BTreeMap<Address, &'a OwnerConfirmation> {
    let known = incident.confirmations_of(preparation.safe_tx_hash());
    known.into_iter().flatten().map(|(owner, confirmation)| (*owner, confirmation)).collect()
}

/// Every proposal, newest first.
pub fn list(context: &Context, house: &House) -> Result<Exit, Failure> {
    let mut incidents = house.agent.store.all();
    incidents.reverse();
    let with: Vec<_> =
        incidents.iter().filter_map(|incident| Some((incident, incident.preparation.as_ref()?))).collect();
    let views: Vec<_> = with.iter().map(|(incident, preparation)| View::of(incident, preparation)).collect();
    context.out.result(&views, |out| {
        if with.is_empty() {
            return "no proposals yet".to_owned();
        }
        let rows = with.iter().flat_map(|(incident, preparation)| {
            let proposal = vec![
                incident.id.to_string(),
                incident.stage.as_str().to_owned(),
                format!("{} of {}", incident.confirmed_owners(), preparation.threshold),
                preparation.safe.to_string(),
                preparation.tx.nonce.to_string(),
                preparation.describe_calls(),
                crate::domain::incident::timeline::short(&preparation.safe_tx_hash()),
            ];
            std::iter::once(proposal).chain(incident.companions.values().map(companion_row))
        });
        out.table(&["incident", "stage", "signed", "Safe", "nonce", "calls", "safeTxHash"], rows.collect())
    });
    Ok(Exit::Done)
}

/// One proposal.
pub async fn show(
    context: &Context,
    house: &House,
    id: IncidentId,
    hash: Option<SafeTxHash>,
) -> Result<Exit, Failure> {
    let (incident, preparation) = of(house, id, hash)?;
    let paths = match &incident.runbook {
        Some(runbook) => module::reports(&house.agent, Some(runbook)).await,
        None => Vec::new(),
    };
    let view = View { paths, ..View::of(&incident, &preparation) };
    context.out.result(&view, |out| {
        let mut text = text(out, house, &incident, &preparation);
        for (label, told) in rows(out, &view.paths) {
            text.push_str(&format!("\n{}  {told}", out.look(&format!("{label:<14}"), Look::Dim)));
        }
        text
    });
    Ok(Exit::Done)
}

/// A proposal for people: what, where, hashes, who.
pub fn text(out: &Output, house: &House, incident: &Incident, preparation: &Preparation) -> String {
    let mut lines = Vec::new();
    let mut row = |label: &str, value: String| {
        lines.push(format!("{}  {value}", out.look(&format!("{label:<14}"), Look::Dim)));
    };
    row("Incident", format!("{}  {}", incident.id, incident.title));
    let hash = preparation.safe_tx_hash();
    for warning in incident.warnings() {
        row("Still open", out.look(&warning, Look::Bad));
    }
    match incident.companion(hash) {
        Some(known) => {
            row("What it is", format!("{}: {}", known.companion.role.words(), known.companion.purpose));
            row("Stage", known.stage.as_str().to_owned());
        }
        None => row("Stage", incident.stage.as_str().to_owned()),
    }
    row("Chain", format!("{} ({})", preparation.chain, preparation.domain.chain_id));
    row(
        "Safe",
        format!(
            "{}  {}  version {}",
            preparation.safe,
            preparation.domain.safe,
            preparation.domain.version.as_str()
        ),
    );
    row("Nonce", preparation.tx.nonce.to_string());
    for call in &preparation.calls {
        row("Call", format!("{}  at {}", out.look(&call.call, Look::Bold), call.address));
        row("  expected", call.expect.clone());
    }
    for proof in &preparation.upgrades {
        upgrade(out, proof, &mut row);
    }
    for skipped in &preparation.skipped {
        row("Left out", format!("{} ({})", skipped.call, skipped.because));
    }
    row("Domain hash", device_hex(preparation.hashes.domain.as_slice()));
    row("Message hash", device_hex(preparation.hashes.message.as_slice()));
    row("safeTxHash", out.look(&device_hex(preparation.safe_tx_hash().0.as_slice()), Look::Bold));
    row("Signers", preparation.coverage.headline());
    row("Displaces", displaced(&preparation.queue));
    if let Queue::Read { suspect, .. } = &preparation.queue
        && !suspect.is_empty()
    {
        row("Suspicious", suspect.join("; "));
    }
    row("Simulated", simulated(out, preparation));
    for other in &preparation.simulation.dissent {
        row("  not agreed", out.look(other, Look::Bad));
    }
    for overridden in &preparation.simulation.overrides {
        row("  pretending", overridden.clone());
    }
    let confirmations = confirmations(incident, preparation);
    let (have, needed) = incident.quorum_of(hash).unwrap_or_default();
    row("Confirmed", format!("{have} of {needed} needed"));
    for owner in &preparation.owners {
        let who =
            house.agent.config.roster.person_of(*owner).map_or("nobody in the roster", |p| p.id.as_str());
        let mark = match confirmations.get(owner) {
            Some(confirmation) => out.look(&format!("confirmed ({})", confirmation.source), Look::Good),
            None => "not yet".to_owned(),
        };
        row("", format!("{owner}  {who}  {mark}"));
    }
    row("Without us", cast_command(preparation));
    for (other, known) in
        incident.companions.iter().filter(|(other, known)| **other != hash && !known.companion.is_approval())
    {
        let companion = &known.companion;
        row(
            "Also",
            format!(
                "{} ({}), nonce {} of Safe {}, {} of {} signed: {}",
                companion.role.words(),
                known.stage.as_str(),
                companion.tx.nonce,
                companion.safe_label(),
                known.confirmed_owners(),
                companion.threshold,
                companion.purpose
            ),
        );
        row("", format!("--hash {other}"));
    }
    lines.extend(Some(nested::text(out, house, incident, preparation)).filter(|text| !text.is_empty()));
    lines.join("\n")
}

fn companion_row(known: &CompanionState) -> Vec<String> {
    let companion = &known.companion;
    vec![
        "  and".to_owned(),
        known.stage.as_str().to_owned(),
        format!("{} of {}", known.confirmed_owners(), companion.threshold),
        companion.safe_label().to_string(),
        companion.tx.nonce.to_string(),
        companion.role.words().to_owned(),
        crate::domain::incident::timeline::short(&companion.safe_tx_hash()),
    ]
}

/// Whose code takes whose place, why it may, and what is worth a look.
fn upgrade(out: &Output, proof: &UpgradeProof, row: &mut impl FnMut(&str, String)) {
    for (index, line) in proof.lines().into_iter().enumerate() {
        row(if index == 0 { "Upgrade" } else { "" }, terminal(&line));
    }
    for warning in &proof.warnings {
        row("  look at", out.look(&terminal(warning), Look::Bad));
    }
    if let Some(timelock) = proof.timelock.as_ref().filter(|_| proof.goes_on()) {
        let ready = out.time(ready_at(timelock));
        let cancel = format!("cancel({}) of {} takes it back", timelock.operation, timelock.contract);
        row("  ready", format!("{ready} at the earliest; until then {cancel}"));
    }
}

fn simulated(out: &Output, preparation: &Preparation) -> String {
    let simulation = &preparation.simulation;
    let endpoints = simulation.endpoints.join(", ");
    match simulation.why_not() {
        None => out.look(
            &format!(
                "passes at block {} on {endpoints} ({} gas)",
                simulation.block_number, simulation.gas_used
            ),
            Look::Good,
        ),
        Some(why) => out.look(&why, Look::Bad),
    }
}

fn displaced(queue: &Queue) -> String {
    match queue {
        Queue::Unknown(why) => format!("unknown: {why}"),
        Queue::Read { displaced, behind, .. } if displaced.is_empty() => {
            format!("nothing ({behind} queued behind it stay valid)")
        }
        Queue::Read { displaced, .. } => {
            let each = displaced.iter().map(|queued| {
                format!(
                    "{} ({}, {} confirmation(s))",
                    queued.purpose,
                    crate::domain::incident::timeline::short(&queued.safe_tx_hash),
                    queued.confirmations
                )
            });
            each.collect::<Vec<_>>().join("; ")
        }
    }
}
