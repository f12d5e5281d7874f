//! Explained signatures, as JSON and for people.

use serde_json::{Value, json};

use super::live::{ContractSays, Inner, Learnt};
use crate::cli::output::{Look, Output};
use crate::cli::safe::asked::Live;
use crate::cli::safe::input::put;
use crate::domain::safe::signature::explain::{Case, Explained, Explanation};
use crate::domain::safe::{ContractOwnerMessage, SignatureKind};

/// All that there is to show.
pub struct Shown<'a> {
    pub case: &'a Case<'a>,
    pub explanation: &'a Explanation,
    pub learnt: Option<&'a Learnt>,
    pub passes: Option<bool>,
    pub live: Option<&'a Live>,
}

impl Shown<'_> {
    /// For programs.
    pub fn json(&self) -> Value {
        let explanation = self.explanation;
        let signatures: Vec<_> =
            explanation.signatures.iter().map(|signature| one(signature, self.inner(signature))).collect();
        let mut value = json!({
            "safe_tx_hash": self.case.hash,
            "passes": self.passes,
            "threshold": self.case.threshold,
            "counted": explanation.signatures.iter().filter(|signature| signature.counts()).count(),
            "signatures": signatures,
            "problems": explanation.problems,
            "unknown": explanation.unknown,
            "notes": explanation.notes,
            "reverts_with": explanation.reverts,
        });
        if let (Some(live), Some(learnt)) = (self.live, self.learnt) {
            let (says, why) = match &learnt.contract {
                ContractSays::Yes => (Some(true), None),
                ContractSays::No(why) => (Some(false), Some(why)),
                ContractSays::Unknown(why) => (None, Some(why)),
            };
            let contract = json!({
                "safe": live.state.address, "version": live.state.version, "nonce": live.state.nonce,
                "block": live.block.number, "passes": says, "why": why,
                "singleton": live.state.singleton_judged().to_string(),
            });
            put(&mut value, "contract", contract);
        }
        value
    }

    /// For people.
    pub fn text(&self, out: &Output) -> String {
        let explanation = self.explanation;
        let mut lines = vec![format!("{}  {}", out.look("safeTxHash", Look::Dim), self.case.hash)];
        let rows = explanation.signatures.iter().map(|signature| {
            let owner = signature.owner.map_or_else(|| "?".to_owned(), |owner| owner.to_string());
            vec![signature.position.to_string(), how(signature).to_owned(), owner, verdict(signature)]
        });
        lines.push(out.table(&["", "HOW", "OWNER", "VERDICT"], rows.collect()));
        for signature in &explanation.signatures {
            if let Some(inner) = self.inner(signature) {
                lines.extend(inner_lines(signature.position, inner));
            }
        }
        lines.extend(explanation.problems.iter().map(|problem| out.look(problem, Look::Bad)));
        lines.extend(explanation.unknown.iter().map(|unknown| out.look(unknown, Look::Bad)));
        lines.extend(explanation.notes.iter().map(|note| format!("note: {note}")));
        if let (Some(live), Some(learnt)) = (self.live, self.learnt) {
            let singleton = live.state.singleton_judged();
            if !singleton.is_good() {
                lines.push(out.look(&singleton.to_string(), Look::Bad));
            }
            let block = live.block.number;
            lines.push(match &learnt.contract {
                ContractSays::Yes => format!("The Safe itself takes them, at block {block}."),
                ContractSays::No(why) => {
                    out.look(&format!("The Safe itself refuses them at block {block}: {why}"), Look::Bad)
                }
                ContractSays::Unknown(why) => format!("The Safe itself was not asked: {why}"),
            });
        }
        lines.push(match self.passes {
            Some(true) => out.look("YES: they would pass", Look::Good),
            Some(false) => {
                let reverts =
                    explanation.reverts.map(|reverts| format!(" (the contract reverts with {reverts})"));
                out.look(&format!("NO: they would not pass{}", reverts.unwrap_or_default()), Look::Bad)
            }
            None => out.look("NOT KNOWN: give --safe and --chain to ask the chain", Look::Bad),
        });
        lines.join("\n")
    }

    fn inner(&self, signature: &Explained) -> Option<&Inner> {
        self.learnt.and_then(|learnt| learnt.inner.get(&signature.position))
    }
}

fn one(signature: &Explained, inner: Option<&Inner>) -> Value {
    let problems: Vec<_> = signature.problems.iter().map(ToString::to_string).collect();
    let [.., v] = signature.bytes;
    let mut value = json!({
        "position": signature.position,
        "owner": signature.owner.map(|owner| owner.to_checksum(None)),
        "kind": signature.kind.map(SignatureKind::as_str),
        "v": v,
        "verdict": word(signature),
        "problems": problems,
        "unknown": signature.unknown,
    });
    if let Some(bytes) = &signature.inner {
        put(&mut value, "inner", json!({ "bytes": bytes }));
        if let Some(inner) = inner {
            let explanation = inner.explanation.as_ref();
            let signatures = explanation.map(|explanation| {
                explanation.signatures.iter().map(|inner| one(inner, None)).collect::<Vec<_>>()
            });
            let whole = json!({
                "bytes": bytes,
                "message": alloy::hex::encode_prefixed(inner.message.as_bytes()),
                "signatures": signatures,
                "passes": explanation.and_then(Explanation::passes),
                "notes": inner.notes,
            });
            put(&mut value, "inner", whole);
        }
    }
    value
}

fn word(signature: &Explained) -> &'static str {
    if !signature.looked_at {
        "not looked at"
    } else if !signature.problems.is_empty() {
        "refused"
    } else if signature.unknown.is_some() {
        "unknown"
    } else {
        "counts"
    }
}

fn verdict(signature: &Explained) -> String {
    let problems = signature.problems.iter().map(ToString::to_string);
    let said: Vec<_> = problems.chain(signature.unknown.clone()).collect();
    if said.is_empty() {
        word(signature).to_owned()
    } else {
        format!("{}: {}", word(signature), said.join("; "))
    }
}

fn how(signature: &Explained) -> &'static str {
    match signature.kind {
        Some(SignatureKind::Eoa) => "key",
        Some(SignatureKind::EthSign) => "eth_sign",
        Some(SignatureKind::ApprovedHash) => "approval",
        Some(SignatureKind::ContractSignature) => "contract",
        None => "?",
    }
}

fn inner_lines(position: usize, inner: &Inner) -> Vec<String> {
    let form = match &inner.message {
        ContractOwnerMessage::Hash(_) => "the safeTxHash",
        ContractOwnerMessage::Preimage(_) => "the 66 bytes before the safeTxHash",
    };
    let mut lines = vec![format!("Inside {position}, asked about {form}:")];
    if let Some(explanation) = &inner.explanation {
        for signature in &explanation.signatures {
            let owner = signature.owner.map_or_else(|| "?".to_owned(), |owner| owner.to_string());
            lines.push(format!("  {}  {owner}  {}", how(signature), verdict(signature)));
        }
        lines.extend(explanation.problems.iter().map(|problem| format!("  {problem}")));
    }
    lines.extend(inner.notes.iter().map(|note| format!("  {note}")));
    lines
}
