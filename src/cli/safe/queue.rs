//! `redhandle safe queue`: what is queued for a Safe, and what is wrong with it.
//!
//! The service is asked what is queued and believed in nothing else: the Safe is read from the chain, each
//! hash is computed here and each signature recovered. Exit code 1 says that something is wrong, or that
//! not everything could be looked at.

use serde::Serialize;

use crate::agent::chain_of;
use crate::agent::queue::{AuditedQueue, look};
use crate::agent::service_watch::ours;
use crate::agent::setup::Keys;
use crate::cli::exit::{Exit, Failure};
use crate::cli::incident::page::hang;
use crate::cli::output::{Look, Output};
use crate::cli::{Context, open};
use crate::config::Reach;
use crate::domain::names::SafeName;
use crate::domain::safe::queue_audit::{AuditedItem, Finding, Gravity};
use crate::domain::safe::{SafeAddress, SafeState};
use crate::domain::text::{cut, terminal};
use crate::safe_service::wire::MultisigTransaction;

/// Characters of an origin that are shown.
const ORIGIN_CHARS_MAX: usize = 80;

/// What is queued for a Safe, and what is wrong with it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Safe, by its name in the configuration.
    safe: SafeName,
    /// Also what is dead: its nonce is spent, and the service still shows it.
    #[arg(long)]
    dead: bool,
}

#[derive(Serialize)]
struct View<'a> {
    safe: SafeAddress,
    name: &'a SafeName,
    service: &'a str,
    nonce: String,
    threshold: u64,
    block_number: u64,
    /// Everything was read and nothing is wrong.
    clean: bool,
    /// How many items the service says there are, where not all were read.
    cut_of: Option<u64>,
    unreadable: Vec<Unreadable<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Unreadable<'a> {
    said_hash: Option<&'a str>,
    because: &'a str,
}

#[derive(Serialize)]
struct Item<'a> {
    nonce: String,
    /// Computed here.
    safe_tx_hash: String,
    /// As the service says it.
    said_hash: String,
    to: String,
    operation: &'static str,
    proposer: Option<String>,
    proposed_by_delegate: Option<String>,
    origin: Option<&'a str>,
    /// Whose signatures were recovered.
    signed_by: Vec<String>,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct FindingView {
    gravity: Gravity,
    text: String,
}

/// Reads the queue and looks at every item.
pub async fn queue(context: &Context, args: Args) -> Result<Exit, Failure> {
    let house = open::house(context, Keys::None, Reach::Safe).await?;
    let agent = &house.agent;
    let safe = agent.config.settings.safes.get(&args.safe).ok_or_else(|| {
        let names: Vec<_> = agent.config.settings.safes.keys().map(ToString::to_string).collect();
        Failure::wrong(format!("no Safe is named \"{}\"; there is {}", args.safe, names.join(", ")))
    })?;
    let without = |what: &str| Failure::wrong(format!("chain {} has no {what}", safe.chain));
    let service = agent.services.get(&safe.chain).ok_or_else(|| without("Transaction Service"))?;
    let chain = agent.chains.get(&safe.chain).ok_or_else(|| without("endpoints"))?;
    let unread = |error: &dyn std::error::Error| {
        Failure::no(format!(
            "the Safe cannot be read from the chain, so that nothing can be said: {}",
            chain_of(error)
        ))
    };
    let block = chain.head().await.map_err(|error| unread(&error))?;
    let state = chain.safe_state(&block, SafeAddress(safe.address)).await.map_err(|error| unread(&error))?;
    let queue = look(service, &state, &ours(agent), args.dead).await.map_err(|problem| {
        Failure::no(format!(
            "the queue of Safe {} could not be read from {}: {problem}",
            args.safe, service.name
        ))
    })?;
    let clean = is_clean(&queue);
    let view = View {
        safe: state.address,
        name: &args.safe,
        service: &service.name,
        nonce: state.nonce.to_string(),
        threshold: state.threshold,
        block_number: state.block_number,
        clean,
        cut_of: queue.cut_of,
        unreadable: queue
            .unreadable
            .iter()
            .map(|row| Unreadable { said_hash: row.said_hash.as_deref(), because: &row.because })
            .collect(),
        items: queue.items.iter().map(|(item, audited)| of(item, audited)).collect(),
    };
    context.out.result(&view, |out| text(&queue, &state, &args.safe, &service.name, out));
    Ok(if clean { Exit::Done } else { Exit::No })
}

/// Everything was read, and nothing worse than a note was found.
pub(super) fn is_clean(queue: &AuditedQueue) -> bool {
    queue.cut_of.is_none()
        && queue.unreadable.is_empty()
        && queue
            .items
            .iter()
            .all(|(_, audited)| audited.gravity().is_none_or(|gravity| gravity == Gravity::Note))
}

fn of<'a>(item: &'a MultisigTransaction, audited: &AuditedItem) -> Item<'a> {
    let finding = |finding: &Finding| FindingView { gravity: finding.gravity(), text: finding.to_string() };
    Item {
        nonce: audited.nonce.to_string(),
        safe_tx_hash: audited.hash.to_string(),
        said_hash: item.safe_tx_hash.to_string(),
        to: item.tx.to.to_string(),
        operation: if item.tx.operation.as_u8() == 0 { "call" } else { "delegatecall" },
        proposer: item.proposer.map(|proposer| proposer.to_string()),
        proposed_by_delegate: item.proposed_by_delegate.map(|delegate| delegate.to_string()),
        origin: item.origin.as_deref(),
        signed_by: audited.signed_by.iter().map(ToString::to_string).collect(),
        findings: audited.findings.iter().map(finding).collect(),
    }
}

/// One paragraph an item; what is wrong with it below, the gravest first.
pub(super) fn text(
    queue: &AuditedQueue,
    state: &SafeState,
    name: &SafeName,
    service: &str,
    out: &Output,
) -> String {
    let mut parts = vec![format!(
        "Safe {name} {}\nat block {}: nonce {}, {} of {} owners sign; {} queued at {service}",
        state.address,
        state.block_number,
        state.nonce,
        state.threshold,
        state.owners.len(),
        queue.items.len(),
    )];
    for (item, audited) in &queue.items {
        let mut lines = vec![format!(
            "nonce {}  {}\n  {} to {}, {} of {} signatures",
            audited.nonce,
            audited.hash,
            if item.tx.operation.as_u8() == 0 { "call" } else { "DELEGATECALL" },
            item.tx.to,
            audited.signed_by.len(),
            state.threshold,
        )];
        if item.safe_tx_hash != audited.hash {
            lines.push(format!("  shown as {}", item.safe_tx_hash));
        }
        if let Some(origin) = item.origin.as_deref().filter(|origin| !matches!(*origin, "" | "{}")) {
            let origin =
                format!("origin, in the proposer's words: {}", terminal(&cut(origin, ORIGIN_CHARS_MAX)));
            lines.push(hang("  ", 4, &origin, Look::Plain, out));
        }
        lines.extend(audited.findings.iter().map(|finding| told(finding, out)));
        parts.push(lines.join("\n"));
    }
    for row in &queue.unreadable {
        let hash = row.said_hash.as_deref().map_or_else(|| "without a hash".to_owned(), terminal);
        let line = format!("  an item {hash} cannot be read: {}", terminal(&row.because));
        parts.push(out.look(&line, Look::Bad));
    }
    if let Some(count) = queue.cut_of {
        let line = format!(
            "  only {} of {count} items were read: what is behind them was not looked at",
            queue.items.len() + queue.unreadable.len()
        );
        parts.push(out.look(&line, Look::Bad));
    }
    parts.push(if is_clean(queue) {
        out.look("Nothing is wrong with it.", Look::Good)
    } else {
        out.look("Look at what is marked before signing anything of this Safe.", Look::Bad)
    });
    parts.join("\n\n")
}

fn told(finding: &Finding, out: &Output) -> String {
    let (mark, look) = match finding.gravity() {
        Gravity::Danger => ("\u{2717}", Look::Bad),
        Gravity::Warning => ("!", Look::Bold),
        Gravity::Note => ("\u{b7}", Look::Plain),
    };
    let lead = format!("  {} ", out.look(mark, look));
    hang(&lead, 4, &terminal(&finding.to_string()), Look::Plain, out)
}
