//! Safes among the owners: which transaction a person is asked for, the approvals of child Safes, and who stands
//! behind the owners.

use serde::Serialize;

use crate::agent::house::House;
use crate::agent::message::device_hex;
use crate::agent::nested::page::sentence;
use crate::agent::nested::scrutiny::scrutinise_approval;
use crate::agent::scrutiny::Scrutiny;
use crate::cli::output::{Look, Output};
use crate::domain::incident::{CompanionState, Incident, Preparation};
use crate::domain::roster::OwnerCoverage;
use crate::domain::safe::SafeTxHash;
use crate::domain::text::terminal;

/// An approval as JSON.
#[derive(Serialize)]
pub struct ApprovalView<'a> {
    /// In one sentence.
    what: String,
    safe_tx_hash: SafeTxHash,
    /// The hashes it approves.
    approves: Vec<SafeTxHash>,
    confirmed: u64,
    threshold: u64,
    #[serde(flatten)]
    state: &'a CompanionState,
}

/// The approvals of child Safes, those that can never execute left out.
fn approvals(incident: &Incident) -> impl Iterator<Item = (SafeTxHash, &CompanionState)> {
    use crate::domain::incident::CompanionStage;
    let known = incident.companions.iter().map(|(hash, known)| (*hash, known));
    known.filter(|(_, known)| known.companion.is_approval() && known.stage != CompanionStage::Spent)
}

/// All approvals as JSON.
pub fn views<'a>(incident: &'a Incident, preparation: &Preparation) -> Vec<ApprovalView<'a>> {
    let view = |(hash, known): (SafeTxHash, &'a CompanionState)| ApprovalView {
        what: sentence(&known.companion, preparation),
        safe_tx_hash: hash,
        approves: known.companion.approves(),
        confirmed: known.confirmed_owners(),
        threshold: known.companion.threshold,
        state: known,
    };
    approvals(incident).map(view).collect()
}

/// The tree behind the owners, and each approval with the child's hashes; empty where owners are keys.
pub fn text(out: &Output, house: &House, incident: &Incident, preparation: &Preparation) -> String {
    let mut lines = Vec::new();
    let mut row = |label: &str, value: String| {
        lines.push(format!("{}  {value}", out.look(&format!("{label:<14}"), Look::Dim)));
    };
    if let Some(nested) = &preparation.coverage.nested {
        row("Behind owners", "can they sign with those on call?".to_owned());
        let mut flat = Vec::new();
        nested.owners.iter().for_each(|owner| flatten(owner, 0, &mut flat));
        for (depth, owner) in flat {
            row("", format!("{}{}", "  ".repeat(depth), in_words(owner)));
        }
        let fewest: Vec<_> = nested.fewest.iter().map(|person| terminal(person.as_str())).collect();
        if !fewest.is_empty() {
            row("  the fewest", fewest.join(", "));
        }
    }
    for (hash, known) in approvals(incident) {
        let companion = &known.companion;
        row("Child Safe", out.look(&sentence(companion, preparation), Look::Bold));
        row(
            "  Safe",
            format!(
                "{}  version {}, nonce {}",
                companion.domain.safe, companion.domain.version, companion.tx.nonce
            ),
        );
        row("  domain hash", device_hex(companion.hashes.domain.as_slice()));
        row("  message hash", device_hex(companion.hashes.message.as_slice()));
        row("  safeTxHash", device_hex(hash.0.as_slice()));
        row("  your device", "shows these, of the child; not the hashes of its parent".to_owned());
        row(
            "  stands",
            format!(
                "{}, {} of {} needed",
                known.stage.as_str(),
                known.confirmed_owners(),
                companion.threshold
            ),
        );
        for owner in &companion.owners {
            let holder = house.agent.config.roster.person_of(*owner);
            let who = holder.map_or("nobody in the roster", |person| person.id.as_str());
            let mark = match known.confirmations.get(owner) {
                Some(confirmation) => out.look(&format!("confirmed ({})", confirmation.source), Look::Good),
                None => "not yet".to_owned(),
            };
            row("", format!("{owner}  {}  {mark}", terminal(who)));
        }
    }
    lines.join("\n")
}

fn flatten<'a>(owner: &'a OwnerCoverage, depth: usize, into: &mut Vec<(usize, &'a OwnerCoverage)>) {
    into.push((depth, owner));
    owner.owners.iter().for_each(|below| flatten(below, depth + 1, into));
}

fn in_words(owner: &OwnerCoverage) -> String {
    let able = match owner.able {
        Some(true) => "can",
        Some(false) => "cannot",
        None => "UNKNOWN",
    };
    let who = match (&owner.threshold, &owner.person) {
        (Some(threshold), _) => format!("Safe, {threshold} of {}", owner.owners.len()),
        (None, Some(person)) => terminal(person.as_str()),
        (None, None) => terminal(owner.because.as_deref().unwrap_or("nobody in the roster")),
    };
    format!("{}  {able:<7}  {who}", owner.owner)
}

/// For an approval by a child Safe: for whom one signs, and what that brings about.
pub fn for_whom(incident: &Incident, hash: SafeTxHash) -> Option<String> {
    let known = incident.companion(hash).filter(|known| known.companion.is_approval())?;
    let root = incident.preparation.as_ref()?;
    Some(format!(
        "{}; your device shows the child's hashes, and the one to sign is {hash}",
        sentence(&known.companion, root)
    ))
}

/// Judges an approval by a child Safe: its parent's proposal, and the way from there to the child. None for any
/// other transaction.
pub async fn scrutinise(house: &House, incident: &Incident, hash: SafeTxHash) -> Option<Scrutiny> {
    let known = incident.companion(hash).filter(|known| known.companion.is_approval())?;
    let root = incident.preparation.as_ref()?;
    let mut scrutiny = super::verify::of_runbook(house, incident, root).await;
    scrutiny.checks.extend(scrutinise_approval(&house.agent, incident, &known.companion).await);
    scrutiny.genuine = scrutiny.checks.iter().all(|check| check.good);
    Some(scrutiny)
}
