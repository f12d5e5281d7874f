//! Where an incident stands, and the proposal that is to stop the harm.

use crate::cli::incident::evidence;
use crate::cli::incident::now::{everybody, standing};
use crate::cli::incident::page::Block;
use crate::cli::output::{Look, Output};
use crate::domain::incident::preparation::Queue;
use crate::domain::incident::{Incident, Preparation, Source, Stage};
use crate::domain::names::PersonId;
use crate::domain::report::Arrival;
use crate::domain::roster::Roster;
use crate::domain::runbook::Severity;
use crate::domain::text::{cut, terminal};

/// Characters of a reporter's statement that are shown; `--json` has the rest.
const STATEMENT_MAX_CHARS: usize = 600;

/// Characters of a claim that are shown.
const CLAIM_MAX_CHARS: usize = 160;

/// The incident.
pub fn head(incident: &Incident, roster: &Roster, out: &Output) -> String {
    let mut block = Block::new(out);
    block.heading(&format!("{}: {}", incident.id, terminal(&incident.title)), Look::Bold);
    block.row("phase", &standing(incident));
    let urgent = incident.severity == Severity::Emergency && incident.phase.is_open();
    let severity = incident.severity.to_string();
    block.row_in("severity", &severity, if urgent { Look::Bad } else { Look::Plain });
    block.row("reported", &format!("{} by {}", out.time(incident.opened), source(&incident.source)));
    if let Some(arrival) = incident.arrival.as_deref() {
        came(arrival, &mut block);
    }
    if let Some(contract) = &incident.contract {
        block.row("contract", &terminal(contract.as_str()));
    }
    if let Some(runbook) = &incident.runbook {
        block.row("runbook", &terminal(runbook.as_str()));
    }
    if let Some(statement) = &incident.statement {
        block.row("as reported", &terminal(&cut(statement, STATEMENT_MAX_CHARS)));
    }
    block.row("response", incident.response.as_str());
    block.row("commander", &named(incident.commander.as_ref(), roster));
    block.row("communications", &named(incident.communications.as_ref(), roster));
    block.row("responders", &everybody(&incident.responders));
    if let Some(objective) = &incident.objective {
        block.row("objective", &terminal(objective));
    }
    let (stage, look) = containment(incident, out);
    block.row_in("containment", &stage, look);
    if let Some(waits) = incident.waits_in_words() {
        block.row_in("waits", &waits, Look::Bold);
    }
    for warning in incident.warnings() {
        block.row_in("STILL OPEN", &terminal(&warning), Look::Bad);
    }
    for item in incident.action_items.iter().filter(|item| item.done.is_none()) {
        let what = format!("{}: {} ({}, by {})", item.item, terminal(&item.what), item.owner, item.due);
        block.row("action item", &what);
    }
    if let Some(path) = &incident.post_mortem {
        block.row("post-mortem", &terminal(path));
    }
    block.text()
}

fn source(source: &Source) -> String {
    match source {
        Source::Match(condition) => format!("condition {}", terminal(condition.as_str())),
        Source::Reporter { kind, contact: None } => terminal(kind),
        Source::Reporter { kind, contact: Some(contact) } => {
            format!("{}, who is reached at {}", terminal(kind), terminal(contact))
        }
        Source::Trigger => "a responder's trigger".to_owned(),
    }
}

/// How a report came, who vouches for it, and what came with it.
fn came(arrival: &Arrival, block: &mut Block<'_>) {
    let look = if arrival.vouched { Look::Plain } else { Look::Bad };
    let mut standing = arrival.standing();
    if let Some(sender) = &arrival.sender {
        standing.push_str(&format!(" ({sender})"));
    }
    block.row_in("it came", &terminal(&standing), look);
    if arrival.quiet {
        block.row("paging", "nobody is paged for reports of this source");
    }
    for claim in &arrival.claims {
        let said = terminal(&cut(&claim.said, CLAIM_MAX_CHARS));
        block.row("claimed", &format!("{}: {said} (not checked here)", terminal(&claim.about)));
    }
    for file in &arrival.evidence {
        let look = if file.not_kept.is_none() { Look::Plain } else { Look::Bad };
        block.row_in("evidence", &evidence(file), look);
    }
    if arrival.left_out > 0 {
        let lost = format!("{} further files were too many and are NOT kept", arrival.left_out);
        block.row_in("evidence", &lost, Look::Bad);
    }
}

fn named(person: Option<&PersonId>, roster: &Roster) -> String {
    match person {
        None => "nobody".to_owned(),
        Some(id) => match roster.people.get(id) {
            Some(known) if known.name != id.as_str() => {
                format!("{} ({})", terminal(id.as_str()), terminal(&known.name))
            }
            Some(_) => terminal(id.as_str()),
            None => format!("{}, whom the roster no longer has", terminal(id.as_str())),
        },
    }
}

/// The stage in words. Green only where the effect was read on the chain and has not gone since.
fn containment(incident: &Incident, out: &Output) -> (String, Look) {
    if let Some(block) = incident.effect_lost {
        return (format!("the effect was there and is GONE, seen at block {block}"), Look::Bad);
    }
    let word = incident.stage.as_str();
    match &incident.stage {
        Stage::PrepareFailed { attempt, retry_at, problem }
        | Stage::SubmitFailed { attempt, retry_at, problem }
        | Stage::ExecuteFailed { attempt, retry_at, problem } => {
            let next = match retry_at {
                Some(at) => format!("next attempt {}", out.time(*at)),
                None => "a person must look".to_owned(),
            };
            (format!("{word} (attempt {attempt}): {}; {next}", terminal(problem)), Look::Bad)
        }
        Stage::Executed { success: false, transaction } => {
            (format!("{word} by {transaction}, but the call inside FAILED"), Look::Bad)
        }
        Stage::Executed { success: true, transaction } => {
            (format!("{word} by {transaction}; the effect is not verified yet"), Look::Plain)
        }
        Stage::Verified { at, block } => {
            (format!("{word} on the chain at block {block}, {}", out.time(*at)), Look::Good)
        }
        // Nothing protects yet, so it is not green.
        Stage::Waiting { until, because } => {
            (format!("{word}: {}; looked at again {}", terminal(because), out.time(*until)), Look::Bad)
        }
        Stage::Preparing { attempt } | Stage::Submitting { attempt } | Stage::Executing { attempt } => {
            (format!("{word}, attempt {attempt}"), Look::Plain)
        }
        Stage::Idle | Stage::Unneeded | Stage::Prepared | Stage::Proposed => (word.to_owned(), Look::Plain),
    }
}

/// The newest proposal, or the newest that failed; nothing where there is none.
pub fn proposal(incident: &Incident, roster: &Roster, out: &Output) -> String {
    let mut block = Block::new(out);
    match (&incident.preparation, &incident.draft) {
        (Some(preparation), _) => {
            block.heading("Proposal", Look::Bold);
            what(preparation, &mut block);
            confirmations(incident, preparation, roster, &mut block);
            companions(incident, &mut block);
        }
        (None, Some(draft)) => {
            block.heading("Proposal that failed: nobody is asked to sign it", Look::Bad);
            what(draft, &mut block);
        }
        (None, None) => return String::new(),
    }
    block.text()
}

fn what(preparation: &Preparation, block: &mut Block<'_>) {
    let Preparation { chain, safe, domain, tx, calls, simulation, coverage, queue, .. } = preparation;
    block.row("safeTxHash", &preparation.safe_tx_hash().to_string());
    block.row(
        "Safe",
        &format!(
            "{} {} ({}), nonce {}",
            terminal(safe.as_str()),
            domain.safe,
            terminal(chain.as_str()),
            tx.nonce
        ),
    );
    for call in calls {
        block.row("call", &terminal(&call.call));
    }
    for proof in &preparation.upgrades {
        for line in proof.lines() {
            block.row("upgrade", &terminal(&line));
        }
        for warning in &proof.warnings {
            block.row_in("look at", &terminal(warning), Look::Bad);
        }
    }
    for skipped in &preparation.skipped {
        block.row("left out", &terminal(&format!("{}: {}", skipped.call, skipped.because)));
    }
    let by = simulation.endpoints.join(", ");
    let (result, look) = match simulation.why_not() {
        None => ("passes".to_owned(), Look::Plain),
        Some(why_not) => (why_not, Look::Bad),
    };
    block.row_in(
        "simulation",
        &terminal(&format!("{result}, at block {} by {by}", simulation.block_number)),
        look,
    );
    let look = if coverage.can_reach_quorum() { Look::Plain } else { Look::Bad };
    block.row_in("signers", &terminal(&coverage.headline()), look);
    match queue {
        Queue::Read { displaced, suspect, .. } => {
            for queued in displaced {
                block.row("displaces", &terminal(&format!("{} ({})", queued.purpose, queued.safe_tx_hash)));
            }
            for queued in suspect {
                block.row_in("suspicious", &terminal(&format!("queued behind it, {queued}")), Look::Bad);
            }
        }
        Queue::Unknown(why) => block.row_in("displaces", &terminal(&format!("unknown: {why}")), Look::Bad),
    }
    for safe in preparation.considered.iter().filter(|considered| considered.safe != preparation.safe) {
        let why = safe.passed_over.as_deref().unwrap_or("not tried");
        block.row("passed over", &terminal(&format!("Safe {}: {why}", safe.safe)));
    }
}

fn companions(incident: &Incident, block: &mut Block<'_>) {
    for known in incident.companions.values() {
        let companion = &known.companion;
        block.row(
            companion.role.short(),
            &terminal(&format!(
                "{}, {} of {} signed, nonce {} of Safe {}: {}",
                known.stage.as_str(),
                known.confirmed_owners(),
                companion.threshold,
                companion.tx.nonce,
                companion.safe_label(),
                companion.purpose
            )),
        );
        block.row("", &companion.safe_tx_hash().to_string());
    }
}

fn confirmations(incident: &Incident, preparation: &Preparation, roster: &Roster, block: &mut Block<'_>) {
    let (have, need) = (incident.confirmed_owners(), preparation.threshold);
    let look = if incident.has_quorum() { Look::Good } else { Look::Bold };
    block.row_in("confirmations", &format!("{have} of {need}"), look);
    for (owner, confirmation) in &incident.confirmations {
        let who = roster.person_of(*owner).map_or("nobody in the roster", |person| person.id.as_str());
        block.row("", &terminal(&format!("{owner} ({who}), by {}", confirmation.source)));
    }
}
