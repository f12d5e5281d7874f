//! What a page says to somebody who signs for a Safe that is an owner: which of the two Safes' hashes the
//! device will show, and what the signature brings about.

use crate::agent::Agent;
use crate::agent::message::device_hex;
use crate::domain::incident::{Companion, Incident, Preparation};
use crate::domain::names::PersonId;
use crate::domain::safe::SafeTxHash;
use crate::notify::Line;

/// The approvals that this person is asked to sign, and has not: each with its hash.
pub fn asked_of<'a>(
    agent: &Agent,
    incident: &'a Incident,
    person: &PersonId,
) -> Vec<(SafeTxHash, &'a Companion)> {
    let now = agent.clock.now();
    let roster = &agent.config.roster;
    let theirs = |owner: &alloy::primitives::Address| {
        roster.person_of(*owner).is_some_and(|holder| holder.id == *person && holder.holds(*owner, now))
    };
    incident
        .asked()
        .into_iter()
        .filter_map(|hash| Some((hash, incident.companion(hash)?)))
        .filter(|(_, known)| known.companion.is_approval())
        .filter(|(_, known)| {
            known
                .companion
                .owners
                .iter()
                .any(|owner| theirs(owner) && !known.confirmations.contains_key(owner))
        })
        .map(|(hash, known)| (hash, &known.companion))
        .collect()
}

/// One sentence: you sign for the child, which approves what its parent does.
pub fn sentence(companion: &Companion, root: &Preparation) -> String {
    format!(
        "you sign for Safe {}, which approves {} by Safe {}",
        companion.safe_label(),
        root.describe_calls(),
        root.safe
    )
}

/// The lines of a page for this person; none when no Safe of theirs is asked.
pub fn lines(agent: &Agent, incident: &Incident, root: &Preparation, person: &PersonId) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = |label: &str, value: String| lines.push(Line { label: label.to_owned(), value });
    for (hash, companion) in asked_of(agent, incident, person) {
        let domain = companion.domain;
        line("For whom", sentence(companion, root));
        line(
            "Child Safe",
            format!("{} {} (version {})", companion.safe_label(), domain.safe, domain.version),
        );
        line("Child nonce", companion.tx.nonce.to_string());
        line("Child domain hash", device_hex(companion.hashes.domain.as_slice()));
        line("Child message hash", device_hex(companion.hashes.message.as_slice()));
        line("Child safeTxHash", device_hex(hash.0.as_slice()));
        line(
            "Your device shows",
            format!("the child's hashes, those of Safe {}; the others are Safe {}'s", domain.safe, root.safe),
        );
        line(
            "Sign for the child",
            format!(
                "redhandle proposal sign {} --hash {hash} --as {person} --keystore YOUR_KEYSTORE",
                incident.id
            ),
        );
        // Without a key that pays gas, a signature that needs no transaction is worth more.
        if agent.executor.is_none() && companion.approves().contains(&root.safe_tx_hash()) {
            line(
                "Or off chain",
                format!(
                    "redhandle proposal sign {} --off-chain --as {person} --keystore YOUR_KEYSTORE",
                    incident.id
                ),
            );
        }
    }
    lines
}
