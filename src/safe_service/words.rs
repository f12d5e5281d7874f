//! The service's refusals, said for a person: what it means, and what to do now.
//!
//! The service speaks to programmers. Whoever reads a page at night needs the next step; and since every
//! proposal can be signed without the service, the next step is never "wait and hope". Texts are those of
//! service 6.10.1 and of the gateway in front of the hosted one; an unknown one is handed on as it is.

mod fields;

use std::time::Duration;

use alloy::primitives::Address;
use jiff::SignedDuration;

use super::client::{FieldProblem, RateLimit, ServiceError, ServiceFailure, span};
use crate::domain::safe::SafeAddress;
use crate::domain::text::visible;

/// What may be done whatever the service says.
const WITHOUT: &str =
    "the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash";

/// A clock that is this far off is worth a sentence: answers take a moment, and hours are compared.
const SKEW_TOLD_FROM: SignedDuration = SignedDuration::from_secs(60);

/// Explains a failed call that concerned a Safe. `key_place` is where the service's key is configured.
pub fn explain_failure(safe: SafeAddress, error: &ServiceError, key_place: &str) -> String {
    match &error.failure {
        ServiceFailure::Refused { status, message, problems } => {
            explain_refusal(safe, *status, message, problems)
        }
        ServiceFailure::Unauthorized { status: 403, .. } => format!(
            "the Transaction Service does not let this machine in (403): the key in {key_place} may be bound to other addresses or another chain; correct that at the service, or use another key; {WITHOUT}"
        ),
        ServiceFailure::Unauthorized { key_shown: true, .. } => format!(
            "the Transaction Service does not take the key in {key_place} (401): it is mistyped, expired or withdrawn; make a new one at developer.safe.global, put it where {key_place} points, and restart; {WITHOUT}"
        ),
        ServiceFailure::Unauthorized { .. } => format!(
            "the Transaction Service asks for a key (401), and {key_place} names none: make one at developer.safe.global and name it there; {WITHOUT}"
        ),
        ServiceFailure::RateLimited { retry_after, limit } => rate_limited(*retry_after, *limit, key_place),
        ServiceFailure::Unavailable(_) | ServiceFailure::AnswerLost(_) | ServiceFailure::Garbled(_) => {
            let mut text = format!("could not {}: {}", error.doing, error.failure);
            let mut cause = std::error::Error::source(&error.failure);
            while let Some(next) = cause {
                text.push_str(&format!(": {next}"));
                cause = next.source();
            }
            let next = match &error.failure {
                ServiceFailure::AnswerLost(_) => "it is asked whether it acted before anything is repeated",
                ServiceFailure::Garbled(_) => "check its address; it is asked again",
                ServiceFailure::Refused { .. }
                | ServiceFailure::Unauthorized { .. }
                | ServiceFailure::RateLimited { .. }
                | ServiceFailure::Unavailable(_) => "it is tried again by itself",
            };
            format!("{}; {next}; meanwhile {WITHOUT}", visible(&text))
        }
    }
}

fn rate_limited(retry_after: Option<Duration>, limit: RateLimit, key_place: &str) -> String {
    let lifted = retry_after.map_or_else(
        || "when it takes more it did not say".to_owned(),
        |wait| format!("it takes more in {}", span(wait)),
    );
    match limit {
        RateLimit::Second => {
            format!(
                "too many requests at once for the Transaction Service (429): {lifted}; it is tried again by itself"
            )
        }
        RateLimit::Month => format!(
            "the month's requests to the Transaction Service are used up (429), and {lifted}: a larger plan or another service, named at {key_place}, lifts it at once; until then {WITHOUT}"
        ),
        RateLimit::Unsaid => format!(
            "the Transaction Service takes no more requests for now (429), and {lifted}; it is tried again by itself; meanwhile {WITHOUT}"
        ),
    }
}

/// Explains a refusal that concerned a Safe, every field of it.
pub fn explain_refusal(safe: SafeAddress, status: u16, message: &str, problems: &[FieldProblem]) -> String {
    match status {
        451 => {
            return format!(
                "whoever runs the Transaction Service has banned Safe {safe} (451), and will take nothing for it: use another service or the embedded one; {WITHOUT}"
            );
        }
        300..=399 => {
            return format!(
                "the Transaction Service sends the request elsewhere ({status}), which is not followed, because a proposal would lose its body and the key would travel: correct the service's address to the one it names"
            );
        }
        413 => {
            return format!(
                "the proposal is too large for the Transaction Service (413): split it; {WITHOUT}"
            );
        }
        405 | 415 => {
            return format!(
                "the Transaction Service does not know this kind of request ({status}): its address is another program's, or its version is too old; check both"
            );
        }
        _ => {}
    }
    let told: Vec<String> = problems
        .iter()
        .map(|problem| match (known(safe, &problem.text), &problem.field) {
            (Some(told), Some(field)) if problem.text.contains("checksum") => {
                format!("`{}`: {told}", visible(field))
            }
            (Some(told), _) => told,
            (None, _) => fields::explain(problem).unwrap_or_else(|| unknown(&problem.text)),
        })
        .collect();
    let mut once: Vec<String> = Vec::new();
    for one in told {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    if once.is_empty() {
        return if status == 404 {
            format!(
                "the Transaction Service knows nothing of it (404): check the address of Safe {safe} and that the service is of the right chain; a Safe made a moment ago needs half a minute"
            )
        } else {
            explain(safe, message)
        };
    }
    fields::lacking(&once, problems)
}

/// Whether a refusal may mean that the hour which is signed has passed, by one clock or the other.
pub fn blames_the_hour(refusal: &str) -> bool {
    refusal.starts_with("Signature does not match provided delegat")
        || refusal.starts_with("Provided signer is not the proposer")
}

/// Explains why a delegation or a deletion was not taken: usually its hour has passed, by one clock or the
/// other. `clock_ahead` is how far the service's clock is ahead of ours, where it is known.
pub fn explain_hour(told: &str, clock_ahead: Option<SignedDuration>) -> String {
    // What follows is known better here.
    let told = told.split_once(", or its hour has passed").map_or(told, |(first, _)| first);
    let Some(ahead) = clock_ahead else {
        return format!(
            "{told}; the service did not say what hour it has: compare this machine's clock with another"
        );
    };
    if ahead.abs() < SKEW_TOLD_FROM {
        return format!(
            "{told}; the clocks agree to the minute, so it is not the hour: another key signed, or another chain, delegate or Safe"
        );
    }
    let (by, side) = (span(ahead.unsigned_abs()), if ahead.is_negative() { "ahead of" } else { "behind" });
    format!(
        "{told}; your clock is {by} {side} the service: set it (`timedatectl set-ntp true`) and sign again; the hour is part of what is signed, and the service takes its own hour and the one before"
    )
}

/// Explains a refusal that concerned a Safe.
pub fn explain(safe: SafeAddress, refusal: &str) -> String {
    known(safe, refusal).unwrap_or_else(|| unknown(refusal))
}

fn unknown(refusal: &str) -> String {
    format!(
        "the Transaction Service refused: {}. The same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash",
        visible(refusal)
    )
}

fn known(safe: SafeAddress, refusal: &str) -> Option<String> {
    if let Some(sender) = named(refusal, "Sender=") {
        return Some(format!(
            "the proposer key {sender} is not a delegate of Safe {safe}: have an owner add it as delegate (`redhandle safe delegate`), or let an owner propose"
        ));
    }
    if let Some(signer) = named(refusal, "Signer=") {
        return Some(if signer == Address::ZERO {
            "the signature was made by no key at all: it was damaged on the way; sign again".to_owned()
        } else if refusal.contains("is not an owner or delegate") {
            format!(
                "the signature leads to {signer}, who is neither owner nor delegate of Safe {safe}: another key signed, or something else was signed; compare the safeTxHash and sign again"
            )
        } else {
            format!(
                "{signer} is not an owner of Safe {safe}, and only owners confirm: another key signed, or something else was signed; a delegate may propose, not confirm"
            )
        });
    }
    if let Some(sender) = named(refusal, "Signature does not match sender=") {
        return Some(format!(
            "the proposal says it is from {sender}, but another owner or delegate signed it: sign with the key of {sender}, or name the signer as the sender"
        ));
    }
    if refusal.starts_with("Contract-transaction-hash=") {
        return Some(
            "the service computes another hash for this transaction: a field, the chain or the Safe's version differs; do not sign it until the three hashes agree"
                .to_owned(),
        );
    }
    if refusal.contains("was already executed") {
        return Some(
            "this transaction is executed already: check its effect on the chain; nothing is left to sign"
                .to_owned(),
        );
    }
    if refusal.contains("ahead of nonce=") {
        return Some(format!(
            "the proposal's nonce is far ahead of what Safe {safe} executes next, and would push everybody's next nonce there: propose at the Safe's nonce on the chain"
        ));
    }
    if refusal.contains("already executed in tx-hash=") || refusal.contains("Invalid nonce") {
        return Some(format!(
            "the Safe's nonce has moved on, so this proposal can never execute: read the nonce of Safe {safe} from the chain, propose again at it, and collect all signatures again"
        ));
    }
    if refusal.starts_with("Could not get Safe ")
        || refusal.contains("does not exist or it's still not indexed")
    {
        return Some(format!(
            "the service knows no Safe at {safe}: check the address and that the service is of the right chain; a Safe made a moment ago needs half a minute"
        ));
    }
    if refusal.contains("Checksum address validation failed") || refusal.contains("is not checksumed") {
        return Some(
            "an address was not written with its checksum: copy it again from where it comes from".to_owned(),
        );
    }
    if refusal.contains("Just one signature is expected if using delegates") {
        return Some(
            "a delegate's signature must be sent alone: propose first, then add the owners' signatures"
                .to_owned(),
        );
    }
    if let Some(owner) = named(refusal, "Signature for owner=") {
        return Some(format!("{owner} signed twice in one message: send each owner's signature once"));
    }
    if refusal.starts_with("Signature=") && refusal.ends_with("is not valid") {
        return Some(
            "the chain does not stand behind this signature: an approveHash that is not mined yet, or a contract owner that does not confirm it"
                .to_owned(),
        );
    }
    if let Some(delegator) = named(refusal, "Signature does not match provided delegator=") {
        return Some(format!(
            "the delegation is not signed by {delegator}, or its hour has passed: check this machine's clock and sign again; a delegation is valid for one to two hours"
        ));
    }
    if refusal.starts_with("Signature does not match provided delegate=") {
        return Some(
            "the removal is signed neither by the delegate nor by who made it one, or its hour has passed: check this machine's clock and sign again with one of the two keys"
                .to_owned(),
        );
    }
    if refusal.starts_with("Provided signer is not the proposer") {
        return Some(
            "only who proposed a transaction may take it back, with a signature at most two hours old: sign with that key, and check this machine's clock; or reject it on chain, by another transaction at its nonce"
                .to_owned(),
        );
    }
    if refusal.starts_with("Executed transactions cannot be deleted") {
        return Some(
            "it is executed already, and what happened is not taken back: nothing is left to delete"
                .to_owned(),
        );
    }
    if refusal.starts_with("JSON parse error") {
        return Some(
            "the request was damaged on its way, or is no JSON: send it again; if it happens twice, look for a proxy that changes bodies"
                .to_owned(),
        );
    }
    if refusal.contains("is not an owner of the Safe") {
        return Some(format!(
            "the message is signed by a key that owns nothing of Safe {safe}: sign with an owner's key"
        ));
    }
    if refusal.starts_with("Message with hash") && refusal.contains("already exists") {
        return Some(
            "the message is there already: add signatures to it instead of making it again".to_owned(),
        );
    }
    if refusal.starts_with("Signature for owner") && refusal.contains("already exists") {
        return Some("this owner has signed it already: nothing is left to do for them".to_owned());
    }
    if refusal.starts_with("At least one query param must be provided") {
        return Some(
            "the list of delegates was asked for without a Safe, a delegate or a delegator: name one"
                .to_owned(),
        );
    }
    if refusal.starts_with("Delegatecall to ") {
        return Some("a delegatecall runs other code as the Safe itself, and this code is not known to be harmless: call the contract instead, or pack calls for MultiSendCallOnly; a library of your own is named in delegatecall_targets of the chain".to_owned());
    }
    if refusal.starts_with("Operation CREATE not supported") {
        return Some("operation 2 (create) is no Safe operation: use 0 (call), or 1 (delegatecall) with MultiSendCallOnly alone".to_owned());
    }
    if let Some(delegator) = named(refusal, "Provided delegator=") {
        return Some(format!("{delegator} is not an owner of Safe {safe}, and only owners make delegates"));
    }
    if refusal.contains("Monthly quota exceeded") {
        return Some("the month's requests to the hosted service are used up: take another plan or service; until then sign without the service".to_owned());
    }
    if refusal.contains("was not found")
        || refusal == "Multisig transaction not found"
        || refusal.starts_with("No MultisigTransaction matches")
    {
        return Some("the service does not know this transaction: it was never proposed there, or deleted; propose it again".to_owned());
    }
    None
}

/// The address that follows a prefix at the beginning.
fn named(refusal: &str, prefix: &str) -> Option<Address> {
    refusal.strip_prefix(prefix)?.get(..42)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of service 6.10.1 as recorded, with shortened lists, and of the gateway.
    const REFUSALS: [&str; 23] = [
        "Sender=0x976EA74026E726554dB657fA54763abd0C3a0aa9 is not an owner or delegate. Current owners=[]. Delegates=set()",
        "Signer=0x4bf7C8D5B2B2881d1A572dAcD9EED959e4090c00 is not an owner or delegate. Current owners=[]. Delegates=set()",
        "Signer=0x0000000000000000000000000000000000000000 is not an owner or delegate. Current owners=[]. Delegates=set()",
        "Signer=0x976EA74026E726554dB657fA54763abd0C3a0aa9 is not an owner. Current owners=[]",
        "Signature does not match sender=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266. Calculated owners=[]",
        "Contract-transaction-hash=0x11 does not match provided contract-tx-hash=0x22",
        "Tx with safe-tx-hash=0xf7 for safe=0x42 was already executed in tx-hash=0x0b",
        "Transaction with safe-tx-hash=0xf7 was already executed",
        "Tx with nonce=0 for safe=0x42 already executed in tx-hash=0x0b",
        "Invalid nonce",
        "Invalid nonce: nonce=9007199254740992 is 9007199254740987 ahead of nonce=5 of safe=0x42 on the blockchain, and at most 1000 ahead is taken",
        "Delegatecall to 0x99 is not taken: its code could change anything of the Safe",
        "Could not get Safe 0x99 owners from blockchain, check contract exists on network X",
        "Checksum address validation failed",
        "to: Address 0x0e801d84fa97b50751dbf25036d067dcf18858bf is not checksumed",
        "Just one signature is expected if using delegates",
        "Signature for owner=0x70997970C51812dc3A010C7d01b50e0d17dc79C8 is duplicated",
        "Signature=0x00 for owner=0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC is not valid",
        "Signature does not match provided delegator=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "Provided delegator=0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc is not an owner of Safe=0x42",
        "Monthly quota exceeded.",
        "Multisig transaction with safe-tx-hash=0xab was not found",
        "Something nobody has seen",
    ];

    #[test]
    fn every_known_refusal_says_what_it_means_and_what_to_do() {
        let safe = SafeAddress("0x42D718c3035d3f9A22222E4d8D48E11e60383D37".parse().unwrap());
        let told: Vec<_> = REFUSALS.iter().map(|refusal| explain(safe, refusal)).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        the proposer key 0x976EA74026E726554dB657fA54763abd0C3a0aa9 is not a delegate of Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37: have an owner add it as delegate (`redhandle safe delegate`), or let an owner propose
        the signature leads to 0x4bf7C8D5B2B2881d1A572dAcD9EED959e4090c00, who is neither owner nor delegate of Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37: another key signed, or something else was signed; compare the safeTxHash and sign again
        the signature was made by no key at all: it was damaged on the way; sign again
        0x976EA74026E726554dB657fA54763abd0C3a0aa9 is not an owner of Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37, and only owners confirm: another key signed, or something else was signed; a delegate may propose, not confirm
        the proposal says it is from 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266, but another owner or delegate signed it: sign with the key of 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266, or name the signer as the sender
        the service computes another hash for this transaction: a field, the chain or the Safe's version differs; do not sign it until the three hashes agree
        this transaction is executed already: check its effect on the chain; nothing is left to sign
        this transaction is executed already: check its effect on the chain; nothing is left to sign
        the Safe's nonce has moved on, so this proposal can never execute: read the nonce of Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37 from the chain, propose again at it, and collect all signatures again
        the Safe's nonce has moved on, so this proposal can never execute: read the nonce of Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37 from the chain, propose again at it, and collect all signatures again
        the proposal's nonce is far ahead of what Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37 executes next, and would push everybody's next nonce there: propose at the Safe's nonce on the chain
        a delegatecall runs other code as the Safe itself, and this code is not known to be harmless: call the contract instead, or pack calls for MultiSendCallOnly; a library of your own is named in delegatecall_targets of the chain
        the service knows no Safe at 0x42D718c3035d3f9A22222E4d8D48E11e60383D37: check the address and that the service is of the right chain; a Safe made a moment ago needs half a minute
        an address was not written with its checksum: copy it again from where it comes from
        an address was not written with its checksum: copy it again from where it comes from
        a delegate's signature must be sent alone: propose first, then add the owners' signatures
        0x70997970C51812dc3A010C7d01b50e0d17dc79C8 signed twice in one message: send each owner's signature once
        the chain does not stand behind this signature: an approveHash that is not mined yet, or a contract owner that does not confirm it
        the delegation is not signed by 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266, or its hour has passed: check this machine's clock and sign again; a delegation is valid for one to two hours
        0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc is not an owner of Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37, and only owners make delegates
        the month's requests to the hosted service are used up: take another plan or service; until then sign without the service
        the service does not know this transaction: it was never proposed there, or deleted; propose it again
        the Transaction Service refused: Something nobody has seen. The same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
        ");
    }
}
