//! `redhandle coverage`: could the people who are on call sign, now or at a time?
//!
//! Owners and threshold are read from the chain, now: a Safe that could not be read is *unknown*, which
//! is red and counts as not covered. Owners that are Safes are looked behind, down to people.

mod behind;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;

use super::check::agent_without_journal;
use super::exit::{Exit, Failure};
use super::incident::no_such;
use super::incident::page::hang;
use super::output::{Look, Output};
use super::{Context, open};
use crate::agent::setup::Keys;
use crate::agent::{Agent, chain_of};
use crate::chain::{Chain, SnapshotPlan};
use crate::clock::SystemClock;
use crate::config::Reach;
use crate::config::settings;
use crate::domain::names::{ChainName, SafeName};
use crate::domain::roster::{Coverage, CoverageReport, SignerSlot, tree_coverage};
use crate::domain::safe::{OwnerTree, SafeAddress};
use crate::domain::text::terminal;

/// Who can sign, now or at a time.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this Safe.
    #[arg(long, value_name = "NAME")]
    safe: Option<SafeName>,
    /// When: 2026-12-24T22:00 in your own zone, or with an offset as RFC 3339 has it.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// One Safe's coverage.
#[derive(Debug, Serialize)]
struct Line {
    safe: SafeName,
    chain: ChainName,
    address: SafeAddress,
    /// At which block the owners were read; none where they were not.
    block: Option<u64>,
    report: CoverageReport,
}

/// Reads the Safes and counts who can sign.
pub async fn coverage(context: &Context, args: Args) -> Result<Exit, Failure> {
    let config = open::config(context, Reach::Chain)?;
    let (agent, _) = agent_without_journal(config, Keys::None, SystemClock::shared())?;
    let at = match &args.at {
        Some(text) => instant(text, context.out.zone()).map_err(Failure::wrong)?,
        None => agent.clock.now(),
    };
    let safes = asked_about(&agent, args.safe.as_ref())?;
    let lines = look(&agent, &safes, at).await;
    let met = lines.iter().all(|line| line.report.state.is_met());
    context.out.result(&json!({ "at": at, "met": met, "safes": lines }), |out| text(at, &lines, out));
    Ok(if met { Exit::Done } else { Exit::No })
}

/// Reads an instant: with its offset, or as this machine's wall clock shows it.
fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let Ok(civil) = text.parse::<DateTime>() else {
        return Err(format!(
            "--at: `{}` is no time; expected 2026-12-24T22:00 or 2026-12-24T22:00:00Z",
            terminal(text)
        ));
    };
    let zone_name = zone.iana_name().unwrap_or("the local zone");
    zone.to_ambiguous_timestamp(civil).unambiguous().map_err(|_| {
        format!("--at: clocks are set in {zone_name} then, so that {civil} does not say which instant; write its offset")
    })
}

fn asked_about<'a>(agent: &'a Agent, only: Option<&SafeName>) -> Result<Vec<&'a settings::Safe>, Failure> {
    let safes = &agent.config.settings.safes;
    let asked: Vec<_> = match only {
        Some(name) => match safes.get(name) {
            Some(safe) => vec![safe],
            None => return Err(no_such("Safe", name.as_str(), safes.keys().map(SafeName::as_str))),
        },
        None => safes.values().collect(),
    };
    if asked.is_empty() {
        return Err(Failure::no("no Safe is configured, so nobody can sign anything; add [safes.NAME]"));
    }
    Ok(asked)
}

/// The coverage of each Safe, in their order.
async fn look(agent: &Agent, safes: &[&settings::Safe], at: Timestamp) -> Vec<Line> {
    let mut by_chain: BTreeMap<&ChainName, Vec<&settings::Safe>> = BTreeMap::new();
    for safe in safes {
        by_chain.entry(&safe.chain).or_default().push(safe);
    }
    let reads = by_chain.iter().map(|(chain, safes)| read(agent.chains.get(*chain), safes));
    let mut states: BTreeMap<&SafeName, Result<OwnerTree, String>> =
        join_all(reads).await.into_iter().flatten().collect();
    safes
        .iter()
        .map(|safe| {
            let state = states.remove(&safe.name).unwrap_or_else(|| Err("it was not read".to_owned()));
            let report = match &state {
                Ok(tree) => tree_coverage(tree, &agent.config.roster, at),
                Err(cause) => CoverageReport::unknown(cause.clone()),
            };
            Line {
                safe: safe.name.clone(),
                chain: safe.chain.clone(),
                address: SafeAddress(safe.address),
                block: state.ok().map(|tree| tree.safe.block_number),
                report,
            }
        })
        .collect()
}

type Read<'a> = (&'a SafeName, Result<OwnerTree, String>);

/// Reads the Safes of one chain at one block.
async fn read<'a>(chain: Option<&Chain>, safes: &[&'a settings::Safe]) -> Vec<Read<'a>> {
    let failed = |why: String| safes.iter().map(|safe| (&safe.name, Err(why.clone()))).collect();
    let Some(chain) = chain else { return failed("its chain is not configured".to_owned()) };
    // Owners of the same address on another chain would look as good.
    if let Err(error) = chain.verify_chain_id().await {
        return failed(chain_of(&error));
    }
    let block = match chain.head().await {
        Ok(block) => block,
        Err(error) => return failed(chain_of(&error)),
    };
    let mut plan = SnapshotPlan::new();
    let tickets: Vec<_> =
        safes.iter().map(|safe| (&safe.name, plan.safe(SafeAddress(safe.address)))).collect();
    let snapshot = match chain.read(&block, plan).await {
        Ok(snapshot) => snapshot,
        Err(error) => return failed(chain_of(&error)),
    };
    let states: Vec<_> = tickets
        .into_iter()
        .map(|(name, ticket)| (name, snapshot.safe(ticket).map_err(|error| chain_of(&error))))
        .collect();
    let read: Vec<_> = states.iter().filter_map(|(_, state)| state.clone().ok()).collect();
    let mut trees = chain.owner_trees(&block, &read).await.into_iter();
    let mut tree = |_| trees.next().ok_or_else(|| "its owners were not looked at".to_owned());
    states.into_iter().map(|(name, state)| (name, state.and_then(&mut tree))).collect()
}

fn text(at: Timestamp, lines: &[Line], out: &Output) -> String {
    let head = format!("Who can sign at {}, of the owners that the chain has now", out.time(at));
    let mut parts = vec![head];
    parts.extend(lines.iter().map(|line| one(line, out)));
    parts.join("\n\n")
}

fn one(line: &Line, out: &Output) -> String {
    let Line { safe, chain, address, block, report } = line;
    let look = match &report.state {
        Coverage::Covered { .. } => Look::Good,
        Coverage::Exact => Look::Bold,
        Coverage::Uncovered | Coverage::Unknown { .. } => Look::Bad,
    };
    let (safe, chain) = (terminal(safe.as_str()), terminal(chain.as_str()));
    let lead = format!("{safe}: ");
    let columns = lead.chars().count();
    let mut text = vec![hang(&lead, columns, &terminal(&report.headline()), look, out)];
    let read = block.map_or_else(|| "not read".to_owned(), |block| format!("read at block {block}"));
    text.push(out.look(&format!("  {address} on {chain}, {read}"), Look::Dim));
    let rows = |label: &str, slots: &[SignerSlot], look: Look| {
        slots
            .iter()
            .map(|slot| {
                out.look(&format!("  {label:<13} {}  {}", slot.owner, terminal(slot.person.as_str())), look)
            })
            .collect::<Vec<_>>()
    };
    text.extend(rows("on call", &report.available, Look::Plain));
    text.extend(rows("not on call", &report.missing, Look::Plain));
    for owner in &report.unknown_owners {
        text.push(out.look(&format!("  {:<13} {owner}  nobody who could be woken", "unknown"), Look::Bad));
    }
    if let Some(nested) = &report.nested {
        text.extend(behind::lines(nested, out));
    }
    // The cause of what is unknown is in the headline already.
    if !matches!(report.state, Coverage::Unknown { .. }) {
        text.extend(
            report.reasons.iter().map(|reason| out.look(&format!("  {}", terminal(reason)), Look::Dim)),
        );
    }
    text.join("\n")
}

#[cfg(test)]
mod tests;
