//! Findings for a signer's page: a few words in place of a purpose, or beside it.
//!
//! Only what should keep a person from signing is told here; `safe queue` tells everything. What a tampered row
//! claims to do is not repeated.

use alloy::primitives::Address;

use super::{AuditedItem, Finding};

enum Brief {
    /// The purpose would mislead.
    Instead(String),
    /// The purpose is true, and this is worth more.
    Besides(String),
}

impl AuditedItem {
    /// The item in words for somebody about to sign at its nonce, where it is more than its `purpose`, which is
    /// what its own fields say. None where nothing keeps anybody from signing it. `trusted` is code that the
    /// operator lets the Safe delegatecall.
    pub fn in_brief(&self, purpose: &str, trusted: &[Address]) -> Option<String> {
        let (mut instead, mut besides) = (Vec::new(), Vec::new());
        for finding in &self.findings {
            match brief(finding, trusted) {
                Some(Brief::Instead(words)) if instead.is_empty() => instead.push(words),
                Some(Brief::Besides(words)) => besides.push(words),
                // The gravest says enough.
                Some(Brief::Instead(_)) | None => {}
            }
        }
        if instead.is_empty() && besides.is_empty() {
            return None;
        }
        let first = instead.pop().unwrap_or_else(|| purpose.to_owned());
        besides.insert(0, first);
        Some(besides.join("; "))
    }
}

fn brief(finding: &Finding, trusted: &[Address]) -> Option<Brief> {
    match finding {
        Finding::OtherSafe(safe) => Some(Brief::Instead(format!("a transaction of another Safe, {safe}"))),
        Finding::HashMismatch { .. } => Some(Brief::Instead(
            "nothing that can be told: what the service shows does not hash to this".to_owned(),
        )),
        Finding::UntrustedDelegateCall { to, .. } => (!trusted.contains(to))
            .then(|| Brief::Instead(format!("a delegatecall nobody here trusts, to {to}: do not sign it"))),
        Finding::UnreadableBatch(_) => {
            Some(Brief::Instead("a batch that nobody can read: do not sign it".to_owned()))
        }
        Finding::Refund { .. } => {
            Some(Brief::Besides("the Safe would pay a gas refund: do not sign it unless meant".to_owned()))
        }
        Finding::ForgedConfirmation { said, .. } => {
            Some(Brief::Besides(format!("a confirmation said to be {said}'s is not")))
        }
        Finding::NonceFarAhead { .. } => {
            Some(Brief::Besides("far ahead: many nonces before it are free".to_owned()))
        }
        Finding::GasFields(_)
        | Finding::Waits { .. }
        | Finding::Unsigned
        | Finding::FormerOwner(_)
        | Finding::Duplicate(_)
        | Finding::ChangesTheSafe(_)
        | Finding::Library(_)
        | Finding::Executable
        | Finding::Siblings { .. }
        | Finding::Dead => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, U256};

    use super::*;
    use crate::domain::safe::{SafeAddress, SafeNonce, SafeTxHash};

    #[test]
    fn a_page_says_what_keeps_from_signing_and_no_more() {
        let stranger = Address::repeat_byte(0xbb);
        let untrusted = |through| Finding::UntrustedDelegateCall { to: stranger, through };
        let computed = SafeTxHash(B256::repeat_byte(7));
        let refund = Finding::Refund { price: U256::ONE, token: Address::ZERO, receiver: Address::ZERO };
        let forged = Finding::ForgedConfirmation { said: stranger, found: "nobody's".to_owned() };
        let far = Finding::NonceFarAhead { gap: U256::from(9_000) };
        let told = |findings: Vec<Finding>, trusted: &[Address]| {
            let nonce = SafeNonce(U256::from(7));
            let item = AuditedItem { hash: computed, nonce, signed_by: Vec::new(), vouched: true, findings };
            item.in_brief("calls pause() of vault", trusted).unwrap_or_else(|| "-".to_owned())
        };
        let lines = [
            told(vec![Finding::Executable, Finding::Library("SignMessageLib")], &[]),
            told(vec![untrusted("itself")], &[]),
            told(vec![untrusted("itself")], &[stranger]),
            told(vec![untrusted("plain MultiSend"), untrusted("plain MultiSend")], &[]),
            told(vec![Finding::HashMismatch { computed }, untrusted("itself")], &[]),
            told(vec![Finding::OtherSafe(SafeAddress(stranger))], &[]),
            told(vec![refund.clone(), far], &[]),
            told(vec![untrusted("itself"), refund, forged], &[]),
            told(vec![Finding::UnreadableBatch("cut off".to_owned())], &[]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        -
        a delegatecall nobody here trusts, to 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB: do not sign it
        -
        a delegatecall nobody here trusts, to 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB: do not sign it
        nothing that can be told: what the service shows does not hash to this
        a transaction of another Safe, 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB
        calls pause() of vault; the Safe would pay a gas refund: do not sign it unless meant; far ahead: many nonces before it are free
        a delegatecall nobody here trusts, to 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB: do not sign it; the Safe would pay a gas refund: do not sign it unless meant; a confirmation said to be 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB's is not
        a batch that nobody can read: do not sign it
        ");
    }
}
