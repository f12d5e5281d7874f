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
            "the Transaction Service refused: {refusal}. The same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash"
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of service 6.10.1 as recorded, with shortened lists, and of the gateway.
    const REFUSALS: [&str; 21] = [
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
