//! Findings in words: what it is, and what to do.

use std::fmt;

use alloy::primitives::{Address, U256};

use super::Finding;

/// A number of more digits is told by its size.
const TOLD_WHOLE_UP_TO: u64 = 1_000_000_000;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSafe(safe) => {
                write!(f, "it is of another Safe, {safe}: the service mixes Safes up or lies; sign nothing shown there")
            }
            Self::HashMismatch { computed } => write!(
                f,
                "its hash does not recompute: these fields hash to {computed} for this Safe, version and chain; the service lies or shows another Safe's; sign nothing shown there"
            ),
            Self::UntrustedDelegateCall { to, through: "itself" } => write!(
                f,
                "DELEGATECALL to {to}, which is no released library: its code would run as the Safe and may take everything; do not sign, and reject it at its nonce"
            ),
            Self::UntrustedDelegateCall { to, through: "MultiSendCallOnly" } => write!(
                f,
                "DELEGATECALL to {to} inside a batch: MultiSendCallOnly reverts on it, so it can only be a mistake or a trap; do not sign"
            ),
            Self::UntrustedDelegateCall { to, through } => write!(
                f,
                "DELEGATECALL to {to} ({through}), which lets calls inside run as the Safe: do not sign; have it proposed again through MultiSendCallOnly"
            ),
            Self::UnreadableBatch(why) => {
                write!(f, "a batch that cannot be read ({why}): nobody can tell what it does; do not sign")
            }
            Self::Refund { price, token, receiver } => write!(
                f,
                "gas refund fields are set: the Safe pays {} per unit of gas in {} to {}; that is how an executor empties a Safe; do not sign unless you meant it",
                number(*price),
                or(*token, "the chain's own currency"),
                or(*receiver, "whoever executes it")
            ),
            Self::GasFields(fields) => {
                let why = if fields.contains(&"safeTxGas") {
                    "with safeTxGas a call that fails burns the nonce"
                } else {
                    "it pays nothing while gasPrice is zero"
                };
                write!(f, "{} set: {why}; ask who set it and why before signing", fields.join(", "))
            }
            Self::NonceFarAhead { gap } => write!(
                f,
                "far ahead: {} nonces before it are free; wallets that ask the service for the next nonce get one behind it, which cannot execute; take the nonce from the chain, and have it deleted",
                number(*gap)
            ),
            Self::Waits { gap } => write!(f, "waits: {} nonce(s) before it are free", number(*gap)),
            Self::Unsigned => f.write_str(
                "unsigned: nobody who may propose stands behind it, anybody could have put it there; ignore it",
            ),
            Self::ForgedConfirmation { said, found } => write!(
                f,
                "a confirmation is said to be {said}'s and is {found}: it does not count, and the hosted gateway answers 502 for such an item; the service lies or was tampered with"
            ),
            Self::FormerOwner(who) => {
                write!(f, "{who} signed it and is no owner now: that signature no longer counts")
            }
            Self::Duplicate(who) => write!(f, "{who} is counted more than once: once counts"),
            Self::ChangesTheSafe(what) => {
                write!(f, "changes the Safe itself ({what}): be sure that it is wanted before signing anything")
            }
            Self::Library(name) => write!(f, "runs {name}, a released library, as the Safe"),
            Self::Executable => {
                f.write_str("signed by enough owners: anybody may execute it now, and it would take this nonce")
            }
            Self::Siblings { others, ours: true } => write!(
                f,
                "{others} other(s) at the same nonce, one of them ours: whichever executes first makes the others impossible"
            ),
            Self::Siblings { others, ours: false } => {
                write!(f, "{others} other(s) at the same nonce: only one can ever be executed")
            }
            Self::Dead => f.write_str("dead: its nonce is spent; it can never be executed"),
        }
    }
}

fn or(address: Address, zero: &str) -> String {
    if address.is_zero() { zero.to_owned() } else { address.to_string() }
}

fn number(number: U256) -> String {
    if number <= U256::from(TOLD_WHOLE_UP_TO) {
        return number.to_string();
    }
    let digits = number.to_string().len();
    format!("about 10^{}", digits.saturating_sub(1))
}
