//! The service's refusals, said for a person: what it means, and what to do now.
//!
//! The service speaks to programmers. Whoever reads a page at night needs the next step; and since every
//! proposal can be signed without the service, the next step is never "wait and hope". Texts are those of
//! service 6.10.1 and of the gateway in front of the hosted one; an unknown one is handed on as it is.

use alloy::primitives::Address;

use crate::domain::safe::SafeAddress;

/// Explains a refusal that concerned a Safe.
pub fn explain(safe: SafeAddress, refusal: &str) -> String {
    known(safe, refusal).unwrap_or_else(|| {
        format!(
            "the Transaction Service refused: {refusal}. The same proposal can be signed without it: by file, on our page, or with approveHash"
        )
    })
}

fn known(safe: SafeAddress, refusal: &str) -> Option<String> {
    if let Some(sender) = named(refusal, "Sender=") {
        return Some(format!(
            "the proposer key {sender} is not a delegate of Safe {safe}: have an owner add it as delegate, or let an owner propose"
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
    if let Some(delegator) = named(refusal, "Provided delegator=") {
        return Some(format!("{delegator} is not an owner of Safe {safe}, and only owners make delegates"));
    }
    if refusal.contains("Monthly quota exceeded") {
        return Some("the month's requests to the hosted service are used up: take another plan or service; until then sign without the service".to_owned());
    }
    if refusal.contains("was not found") || refusal.starts_with("No MultisigTransaction matches") {
        return Some("the service does not know this transaction: it was never proposed there, or deleted; propose it again".to_owned());
    }
    None
}

/// The address that follows a prefix at the beginning.
fn named(refusal: &str, prefix: &str) -> Option<Address> {
    refusal.strip_prefix(prefix)?.get(..42)?.parse().ok()
}
