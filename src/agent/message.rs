//! What a page says: what is happening, what you are asked for, and how to check it without us.
//!
//! Every line is our own words, names from the configuration, numbers and hashes. An alert's text is
//! never part of a page.

use std::collections::BTreeSet;

use alloy::primitives::{Address, hex};

use super::{Agent, nested};
use crate::domain::incident::names::Purpose;
use crate::domain::incident::preparation::Queue;
use crate::domain::incident::state::Subject;
use crate::domain::incident::{Incident, Preparation, Stage};
use crate::domain::names::PersonId;
use crate::domain::safe::SafeTxHash;
use crate::notify::Line;

/// A page's words.
pub struct Words {
    /// One sentence: what happened, and what is asked.
    pub title: String,
    /// The rest, label by label.
    pub lines: Vec<Line>,
}

/// Writes a page for one person and purpose.
pub fn words(agent: &Agent, incident: &Incident, purpose: Purpose, person: &PersonId) -> Words {
    let because =
        incident.open_call(purpose).map_or_else(|| incident.title.clone(), |call| call.because.clone());
    let mut lines = Vec::new();
    let title = match purpose {
        Purpose::Triage => {
            about(incident, &mut lines);
            lines.push(line("Containment", containment(incident)));
            match incident.is_incident {
                Some(true) => format!("{}: you are needed", incident.title),
                Some(false) | None => format!("{}: is it real?", incident.title),
            }
        }
        Purpose::Sign => match &incident.preparation {
            Some(preparation) => {
                sign(agent, incident, preparation, person, &mut lines);
                format!("Sign {} on {}", preparation.describe_calls(), preparation.chain)
            }
            None => "A proposal waits".to_owned(),
        },
        Purpose::Execute => {
            about(incident, &mut lines);
            lines.push(line("Signed", because));
            lines.push(line(
                "Execute",
                format!("redhandle proposal execute {} --keystore A_KEY_WITH_GAS", incident.id),
            ));
            lines.push(line("Or", "execute it in the Safe's own web page; any account may"));
            "Enough owners signed: execute it".to_owned()
        }
        Purpose::Coverage => {
            about(incident, &mut lines);
            lines.push(line("Gap", because));
            lines.push(line("Asked of you", "come on call and sign, or find somebody who can"));
            "Not enough signers are on call".to_owned()
        }
        Purpose::Blocked => {
            about(incident, &mut lines);
            lines.push(line("Problem", because));
            lines.push(line("Containment", containment(incident)));
            lines.push(line("By hand", "follow the runbook; it works without Redhandle"));
            "Containment is stuck".to_owned()
        }
        Purpose::Command => {
            about(incident, &mut lines);
            lines.push(line("Problem", because));
            let take = format!("redhandle incident assign {} commander {person} --as {person}", incident.id);
            lines.push(line("Asked of you", "take command, or find somebody who does"));
            lines.push(line("Take command", take));
            "Nobody leads the incident".to_owned()
        }
        Purpose::EffectLost => {
            about(incident, &mut lines);
            lines.push(line("Read on the chain", because));
            "The effect is gone".to_owned()
        }
        Purpose::Reject => {
            about(incident, &mut lines);
            lines.push(line("Why", because));
            for warning in incident.warnings() {
                lines.push(line("Still open", warning));
            }
            let asked = incident.asked_for(Purpose::Reject);
            for hash in &asked {
                also(agent, incident, *hash, person, &mut lines);
            }
            let about = |subject| incident.open_call(purpose).is_some_and(|call| call.subject == subject);
            if about(Subject::TooLate) {
                "What was called off was executed all the same".to_owned()
            } else if about(Subject::Signed) {
                lines.push(line("Execute", reject_command(incident, &asked)));
                "The rejection is signed: execute it".to_owned()
            } else {
                let sign =
                    format!("redhandle proposal sign {} --as {person} --keystore YOUR_KEYSTORE", incident.id);
                lines.push(line("Sign", sign));
                "Sign the rejection: what you signed before can still be executed".to_owned()
            }
        }
        Purpose::JournalGap => {
            lines.push(line("Journal", because));
            let over = incident.open_call(purpose).is_some_and(|call| call.subject != Subject::GapLasts);
            if over {
                lines.push(line("Containment", "went on without it; look at the timeline"));
                "The journal could not be written for a while".to_owned()
            } else {
                lines.push(line("Containment", "goes on without it; free disk space, then look at the log"));
                "The journal cannot be written".to_owned()
            }
        }
    };
    lines.push(line("Look", format!("redhandle incident show {}", incident.id)));
    Words { title, lines }
}

fn reject_command(incident: &Incident, asked: &[SafeTxHash]) -> String {
    let hash = asked.first().map_or_else(String::new, |hash| format!(" --hash {hash}"));
    format!("redhandle proposal execute {}{hash} --keystore A_KEY_WITH_GAS", incident.id)
}

/// Another transaction that is asked for besides the proposal: what, where, and its hashes.
fn also(agent: &Agent, incident: &Incident, hash: SafeTxHash, person: &PersonId, lines: &mut Vec<Line>) {
    let Some(known) = incident.transaction(hash) else { return };
    let (have, needed) = incident.quorum_of(hash).unwrap_or_default();
    let role = incident.companion(hash).map_or("the proposal", |known| known.companion.role.words());
    let purpose = known.purpose.clone().unwrap_or_else(|| known.describe_calls());
    lines.push(line("Also sign", format!("{role}: {purpose}")));
    lines.push(line(
        "Its Safe, nonce",
        format!("{} {}, nonce {}", known.safe, known.domain.safe, known.tx.nonce),
    ));
    lines.push(line("Its domain hash", device_hex(known.hashes.domain.as_slice())));
    lines.push(line("Its message hash", device_hex(known.hashes.message.as_slice())));
    lines.push(line("Its safeTxHash", device_hex(hash.0.as_slice())));
    let mut wanted = format!("{needed} of {} signatures ({have} so far)", known.owners.len());
    let yours = owners_of(agent, &known, person);
    if !yours.is_empty() {
        wanted.push_str(&format!("; yours is {}", yours.join(" or ")));
    }
    lines.push(line("Its signatures", wanted));
}

fn line(label: &str, value: impl Into<String>) -> Line {
    Line { label: label.to_owned(), value: value.into() }
}

fn about(incident: &Incident, lines: &mut Vec<Line>) {
    if let Some(arrival) = incident.arrival.as_deref() {
        let files = arrival.files();
        let files = if files.is_empty() { files } else { format!("; {files}") };
        lines.push(line("It came", format!("{}{files}", arrival.standing())));
    }
    if let Some(contract) = &incident.contract {
        lines.push(line("Contract", contract.to_string()));
    }
    // What reaches furthest, the newest of those: a stranger's alert that only pages is not why.
    if let Some(matched) = incident.matches.iter().max_by_key(|matched| matched.response) {
        lines.push(line("Why", matched.because.clone()));
    }
    if let Some(commander) = &incident.commander {
        lines.push(line("Commander", commander.to_string()));
    }
}

fn containment(incident: &Incident) -> String {
    match &incident.stage {
        Stage::PrepareFailed { problem, .. }
        | Stage::SubmitFailed { problem, .. }
        | Stage::ExecuteFailed { problem, .. } => format!("{}: {problem}", incident.stage.as_str()),
        Stage::Waiting { because, .. } => format!("{}: {because}", incident.stage.as_str()),
        Stage::Idle
        | Stage::Preparing { .. }
        | Stage::Unneeded
        | Stage::Prepared
        | Stage::Submitting { .. }
        | Stage::Proposed
        | Stage::Executing { .. }
        | Stage::Executed { .. }
        | Stage::Verified { .. } => incident.stage.as_str().to_owned(),
    }
}

/// As hardware wallets and the field's verification tools print hashes: upper-case hex.
pub fn device_hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode_upper(bytes))
}

fn sign(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    person: &PersonId,
    lines: &mut Vec<Line>,
) {
    about(incident, lines);
    lines.push(line("Chain", format!("{} ({})", preparation.chain, preparation.domain.chain_id)));
    lines.push(line("Safe", format!("{} {}", preparation.safe, preparation.domain.safe)));
    for call in &preparation.calls {
        lines.push(line("Call", format!("{} at {}", call.call, call.address)));
    }
    for proof in &preparation.upgrades {
        lines.extend(proof.lines().into_iter().map(|text| line("Upgrade", text)));
        lines.extend(proof.warnings.iter().map(|warning| line("Look at", warning.clone())));
    }
    lines.push(line("Nonce", preparation.tx.nonce.to_string()));
    lines.push(line("Domain hash", device_hex(preparation.hashes.domain.as_slice())));
    lines.push(line("Message hash", device_hex(preparation.hashes.message.as_slice())));
    lines.push(line("safeTxHash", device_hex(preparation.safe_tx_hash().0.as_slice())));
    if let Some(lost) = &incident.lost {
        lines.push(line("Signed before?", format!("{}; sign the new hash", lost.sentence())));
    }
    for hash in incident.asked_for(Purpose::Sign) {
        // What a child Safe approves is told to the child's people, further down.
        let approval = incident.companion(hash).is_some_and(|known| known.companion.is_approval());
        if !incident.is_proposal(hash) && !approval {
            also(agent, incident, hash, person, lines);
        }
    }
    lines.push(line("Simulated", simulated(preparation)));
    lines.push(line("Displaces", displaces(&preparation.queue)));
    lines.push(line("Needed", needed(agent, incident, preparation, person)));
    lines.push(line("Verify without us", cast_command(preparation)));
    let offers = super::presigned::release::on_offer(agent, incident, preparation);
    lines.extend(offers.into_iter().map(|offer| line("Pre-signed", offer)));
    let for_children = nested::page::lines(agent, incident, preparation, person);
    if !for_children.is_empty() {
        lines.extend(for_children);
    } else if owners_of(agent, preparation, person).is_empty() {
        lines.push(line("Asked of you", "you hold no owner key of this Safe: wake somebody who does"));
    } else {
        let sign = format!("redhandle proposal sign {} --as {person} --keystore YOUR_KEYSTORE", incident.id);
        lines.push(line("Sign", sign));
    }
}

/// The owners this person signs as.
fn owners_of(agent: &Agent, preparation: &Preparation, person: &PersonId) -> Vec<String> {
    let roster = &agent.config.roster;
    let theirs = |owner: &&Address| roster.person_of(**owner).is_some_and(|holder| holder.id == *person);
    preparation.owners.iter().filter(theirs).map(ToString::to_string).collect()
}

fn simulated(preparation: &Preparation) -> String {
    let simulation = &preparation.simulation;
    let result = simulation.why_not().unwrap_or_else(|| "passes, and what is expected holds".to_owned());
    let mut text =
        format!("at block {} by {}: {result}", simulation.block_number, simulation.endpoints.join(", "));
    if !simulation.dissent.is_empty() {
        text.push_str(&format!("; NOT AGREED by {}", simulation.dissent.join("; ")));
    }
    text
}

fn displaces(queue: &Queue) -> String {
    match queue {
        Queue::Read { displaced, suspect, .. } => {
            let each: Vec<_> = displaced.iter().map(|queued| queued.purpose.clone()).collect();
            let mut text = match each.len() {
                0 => "nothing".to_owned(),
                some => format!("{some} queued at the same nonce: {}", each.join("; ")),
            };
            if !suspect.is_empty() {
                text.push_str(&format!(". Suspicious behind it: {}", suspect.join("; ")));
            }
            text
        }
        Queue::Unknown(why) => format!("unknown: {why}"),
    }
}

fn needed(agent: &Agent, incident: &Incident, preparation: &Preparation, person: &PersonId) -> String {
    let have = incident.confirmed_owners();
    let others: BTreeSet<_> = preparation
        .coverage
        .available
        .iter()
        .filter(|slot| slot.person != *person && !incident.confirmations.contains_key(&slot.owner))
        .map(|slot| slot.person.as_str())
        .collect();
    let yours = owners_of(agent, preparation, person);
    let mut text =
        format!("{} of {} signatures ({have} so far)", preparation.threshold, preparation.owners.len());
    if !yours.is_empty() {
        text.push_str(&format!("; yours is {}", yours.join(" or ")));
    }
    if !others.is_empty() {
        text.push_str(&format!("; also asked: {}", others.into_iter().collect::<Vec<_>>().join(", ")));
    }
    text
}

/// A command that prints the hash from the signer's own node.
pub fn cast_command(preparation: &Preparation) -> String {
    let tx = &preparation.tx;
    format!(
        "cast call {} 'getTransactionHash(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,uint256)(bytes32)' {} {} {} {} {} {} {} {} {} {} --rpc-url YOUR_OWN_NODE",
        preparation.domain.safe,
        tx.to,
        tx.value,
        tx.data,
        tx.operation.as_u8(),
        tx.safe_tx_gas,
        tx.base_gas,
        tx.gas_price,
        tx.gas_token,
        tx.refund_receiver,
        tx.nonce,
    )
}
