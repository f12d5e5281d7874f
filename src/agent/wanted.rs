//! Whether a transaction of an incident is asked for.

use crate::domain::incident::{CompanionRole, Incident, Stage};
use crate::domain::safe::SafeTxHash;

/// The check that an owner may overrule: all others say what the proposal is, this one whether it is asked for.
pub const STILL_WANTED: &str = "still wanted";

/// Whether the incident still asks for its proposal.
///
/// # Errors
/// Says why not, in a sentence.
pub fn still_wanted(incident: &Incident, hash: SafeTxHash) -> Result<(), String> {
    if let Some(known) = incident.companion(hash) {
        if !known.stage.is_open() {
            return Err(format!("it is {}: there is nothing left to sign", known.stage.as_str()));
        }
        if let CompanionRole::Rejection { of } = known.companion.role {
            let wanted = incident.loose().contains(&of);
            return if wanted { Ok(()) } else { Err(format!("{of}, which it rejects, is wanted again")) };
        }
    }
    if incident.called_off {
        return Err(format!("the proposal of {} was called off", incident.id));
    }
    if incident.is_incident == Some(false) {
        return Err(format!("triage found that {} is an event and no incident", incident.id));
    }
    if !incident.phase.is_open() {
        return Err(format!("{} is {}", incident.id, incident.phase.as_str()));
    }
    match &incident.stage {
        Stage::Executed { transaction, success: true } => {
            Err(format!("it was executed by {transaction} already"))
        }
        Stage::Executed { transaction, success: false } => {
            Err(format!("{transaction} executed it, and the call inside failed: another one is needed"))
        }
        Stage::Verified { block, .. } => {
            Err(format!("it was executed already, and its effect was read at block {block}"))
        }
        Stage::Idle => Err("another transaction took its nonce: a new one will be prepared".to_owned()),
        Stage::Waiting { because, .. } => Err(format!("there is nothing to sign: {because}")),
        Stage::Unneeded => Err("the chain is as it should be already".to_owned()),
        Stage::Preparing { .. }
        | Stage::PrepareFailed { .. }
        | Stage::Prepared
        | Stage::Submitting { .. }
        | Stage::SubmitFailed { .. }
        | Stage::Proposed
        | Stage::Executing { .. }
        | Stage::ExecuteFailed { .. } => Ok(()),
    }
}
