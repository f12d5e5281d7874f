//! What came out, in numbers.

use std::path::PathBuf;

use alloy::primitives::{B256, U256};
use jiff::Timestamp;
use serde::Serialize;

use crate::domain::incident::{Fact, IncidentId};
use crate::domain::runbook::Severity;

/// Milliseconds between the turns of the story, from the alert that corroborated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Measures {
    /// From the alert being there to be polled, to the match standing in the journal.
    pub alert_to_match: i64,
    /// To the proposal built, simulated and hashed on live state.
    pub match_to_simulated: i64,
    /// To the service having it, read back.
    pub simulated_to_submitted: i64,
    /// All three.
    pub alert_to_submitted: i64,
}

impl Measures {
    /// Reads them off the facts. None when the story did not get so far.
    pub fn of(alert: Timestamp, facts: &[(Timestamp, Fact)]) -> Option<Self> {
        let first = |is: &dyn Fn(&Fact) -> bool, after: Timestamp| {
            facts.iter().find(|(at, fact)| *at >= after && is(fact)).map(|(at, _)| *at)
        };
        let matched = first(&|fact| matches!(fact, Fact::Matched { .. } | Fact::Reported { .. }), alert)?;
        let submitted = first(&|fact| matches!(fact, Fact::Submitted { .. }), matched)?;
        let prepared = facts
            .iter()
            .filter(|(at, fact)| *at <= submitted && matches!(fact, Fact::Prepared(_)))
            .map(|(at, _)| *at)
            .next_back()?;
        let simulated = prepared.max(matched);
        let ms = |from: Timestamp, to: Timestamp| i64::try_from(to.duration_since(from).as_millis()).ok();
        // Each turn counted from the alert, so that the parts add up to the whole.
        let (matched, simulated, submitted) =
            (ms(alert, matched)?, ms(alert, simulated)?, ms(alert, submitted)?);
        Some(Self {
            alert_to_match: matched,
            match_to_simulated: simulated - matched,
            simulated_to_submitted: submitted - simulated,
            alert_to_submitted: submitted,
        })
    }
}

/// Whether the signers were there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageSeen {
    /// `covered`, `exact`, `uncovered` or `unknown`.
    pub state: &'static str,
    /// Signers on call beyond the threshold.
    pub margin: i64,
}

/// The story in one object: the last line of `demo --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Which incident.
    pub incident_id: IncidentId,
    /// How bad.
    pub severity: Severity,
    /// What the owners signed.
    pub safe_tx_hash: B256,
    /// At which nonce of the Safe.
    #[serde(serialize_with = "as_number")]
    pub proposal_nonce: U256,
    /// Whether the signers were there.
    pub coverage: CoverageSeen,
    /// The transaction that paused the vault.
    pub executed_tx: B256,
    /// Read from the chain at the end.
    pub paused: bool,
    /// What the vault held when it was paused, in the token's smallest unit.
    #[serde(serialize_with = "as_decimal")]
    pub saved_wei: U256,
    /// How long it took.
    pub ms: Measures,
    /// Where everything is left.
    pub folder: PathBuf,
}

/// 256-bit numbers are strings in JSON: readers that know doubles only would round them.
fn as_decimal<S: serde::Serializer>(number: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// A Safe's nonce is small in this story.
fn as_number<S: serde::Serializer>(number: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    match u64::try_from(*number) {
        Ok(small) => serializer.serialize_u64(small),
        Err(_) => serializer.collect_str(number),
    }
}
