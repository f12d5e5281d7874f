//! What proposals say.

use serde::Serialize;

use super::of;
use crate::agent::house::House;
use crate::agent::message::{cast_command, device_hex};
use crate::agent::upgrade::ready_at;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::incident::preparation::Queue;
use crate::domain::incident::{Incident, IncidentId, Preparation};
use crate::domain::text::terminal;
use crate::domain::upgrade::proof::UpgradeProof;

/// A proposal as JSON.
#[derive(Serialize)]
struct View<'a> {
    incident_id: IncidentId,
    stage: &'a crate::domain::incident::Stage,
    safe_tx_hash: String,
    confirmations: Vec<&'a crate::domain::incident::fact::OwnerConfirmation>,
    threshold: u64,
    proposal: &'a Preparation,
}

impl<'a> View<'a> {
    fn of(incident: &'a Incident, preparation: &'a Preparation) -> Self {
        Self {
            incident_id: incident.id,
            stage: &incident.stage,
            safe_tx_hash: preparation.safe_tx_hash().to_string(),
            confirmations: incident.confirmations.values().collect(),
            threshold: preparation.threshold,
            proposal: preparation,
        }
    }
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
        let rows = with.iter().map(|(incident, preparation)| {
            vec![
                incident.id.to_string(),
                incident.stage.as_str().to_owned(),
                format!("{} of {}", incident.confirmed_owners(), preparation.threshold),
                preparation.safe.to_string(),
                preparation.tx.nonce.to_string(),
                preparation.describe_calls(),
                crate::domain::incident::timeline::short(&preparation.safe_tx_hash()),
            ]
        });
        out.table(&["incident", "stage", "signed", "Safe", "nonce", "calls", "safeTxHash"], rows.collect())
    });
    Ok(Exit::Done)
}

/// One proposal.
pub fn show(context: &Context, house: &House, id: IncidentId) -> Result<Exit, Failure> {
    let (incident, preparation) = of(house, id)?;
    context.out.result(&View::of(&incident, &preparation), |out| text(out, house, &incident, &preparation));
    Ok(Exit::Done)
}

/// A proposal for people: what, where, hashes, who.
pub fn text(out: &Output, house: &House, incident: &Incident, preparation: &Preparation) -> String {
    let mut lines = Vec::new();
    let mut row = |label: &str, value: String| {
        lines.push(format!("{}  {value}", out.look(&format!("{label:<14}"), Look::Dim)));
    };
    row("Incident", format!("{}  {}", incident.id, incident.title));
    row("Stage", incident.stage.as_str().to_owned());
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
    row("Simulated", simulated(out, preparation));
    for other in &preparation.simulation.dissent {
        row("  not agreed", out.look(other, Look::Bad));
    }
    for overridden in &preparation.simulation.overrides {
        row("  pretending", overridden.clone());
    }
    row("Confirmed", format!("{} of {} needed", incident.confirmed_owners(), preparation.threshold));
    for owner in &preparation.owners {
        let who =
            house.agent.config.roster.person_of(*owner).map_or("nobody in the roster", |p| p.id.as_str());
        let mark = match incident.confirmations.get(owner) {
            Some(confirmation) => out.look(&format!("confirmed ({})", confirmation.source), Look::Good),
            None => "not yet".to_owned(),
        };
        row("", format!("{owner}  {who}  {mark}"));
    }
    row("Without us", cast_command(preparation));
    lines.join("\n")
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
        Queue::Read { displaced, behind } if displaced.is_empty() => {
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
