//! `[executor]`: the key that pays gas, how much it may spend by itself, and by which way it sends.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use super::keystores::{KeySource, read_key};
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Placed, Table, http_url, known};
use crate::domain::ether::Wei;
use crate::domain::names::ChainName;

/// What an executor may spend by itself where nothing is written: for one incident, and in 24 hours. An
/// `execTransaction` of a pause takes 115,000 gas with five signatures: 0.2 is enough at 1,000 gwei.
const CAPS_DEFAULT: [&str; 2] = ["0.2 ether", "1 ether"];

/// Blocks that a private relay is given before everybody hears of the transaction.
const PUBLIC_AFTER_BLOCKS_DEFAULT: u64 = 3;

/// How long the relay may be given, in blocks.
const PUBLIC_AFTER_BLOCKS: std::ops::RangeInclusive<u64> = 1..=100;

/// The key that pays gas for what the owners have signed.
#[derive(Clone, Debug)]
pub struct Executor {
    /// Where it is.
    pub key: KeySource,
    /// Whether it executes as soon as the threshold is met, or waits for a person to say so.
    pub auto: bool,
    /// The most it spends by itself.
    pub cap: SpendingCap,
    /// Private relays, by chain.
    pub relays: BTreeMap<ChainName, RelaySettings>,
}

/// The most that is spent on gas without a person. What a transaction may cost at most is what counts, from the moment
/// it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpendingCap {
    /// For one incident.
    pub per_incident: Wei,
    /// In any 24 hours.
    pub per_day: Wei,
}

/// An RPC endpoint that hands transactions to block builders and shows them to nobody else.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// Where it is; it may carry a key.
    pub url: SecretString,
    /// How it is asked.
    pub method: RelayMethod,
    /// After how many blocks the public endpoints get the transaction too; none: never.
    pub public_after_blocks: Option<u64>,
}

/// How a relay is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayMethod {
    /// `eth_sendRawTransaction`, as Flashbots Protect and MEV Blocker take it.
    Raw,
    /// `eth_sendPrivateTransaction`, as builders and relays take it.
    Private,
}

pub(super) fn read(
    root: &mut Table<'_>,
    chains: &BTreeSet<String>,
    findings: &mut Findings,
) -> Option<Executor> {
    let mut table = root.table("executor", findings)?;
    let key = read_key(&mut table, findings);
    let auto = table.optional("auto", findings).unwrap_or(false);
    let [incident, day] = CAPS_DEFAULT;
    let per_incident = amount(&mut table, "cap_per_incident", incident, findings);
    let per_day = amount(&mut table, "cap_per_day", day, findings);
    if per_incident > per_day && table.has("cap_per_day") {
        let found = format!("cap_per_incident ({per_incident}) is more than cap_per_day ({per_day})");
        findings.problem(
            Problem::new(&table.place_of("cap_per_day"), found).remedy("raise the one or lower the other"),
        );
    }
    let mut relays = BTreeMap::new();
    for (name, mut inner) in table.named("relay", findings) {
        let name = Placed { place: inner.place().clone(), value: name };
        known("chain", &name, chains.iter().map(String::as_str), findings);
        if let Some(relay) = read_relay(&mut inner, findings) {
            relays.insert(ChainName::new(name.value), relay);
        }
        inner.finish(findings);
    }
    table.finish(findings);
    Some(Executor {
        key: key?,
        auto,
        cap: SpendingCap { per_incident, per_day: per_day.max(per_incident) },
        relays,
    })
}

fn amount(table: &mut Table<'_>, key: &'static str, default: &str, findings: &mut Findings) -> Wei {
    let written: Option<Placed<String>> = table.optional(key, findings);
    let Some(written) = written else { return default.parse().unwrap_or_default() };
    match written.value.parse() {
        Ok(amount) => amount,
        Err(error) => {
            let error: crate::domain::ether::WeiError = error;
            findings.problem(Problem::new(&written.place, format!("{key} in {}: {error}", table.shown())));
            Wei::default()
        }
    }
}

fn read_relay(table: &mut Table<'_>, findings: &mut Findings) -> Option<RelaySettings> {
    let url = table.required_secret("url", findings);
    let wrong = |text: &str| {
        // What was read is not repeated: it may carry a key.
        let found = format!("the secret \"url\" of {} is no URL", table.shown());
        http_url(text).is_none().then(|| Problem::new(&table.place_of("url"), found).wanted("https://…"))
    };
    let url = url.and_then(|url| table.well_made("url", url, wrong, findings));
    let methods =
        [("eth_sendRawTransaction", RelayMethod::Raw), ("eth_sendPrivateTransaction", RelayMethod::Private)];
    let method = table.choice("method", &methods, findings).unwrap_or(RelayMethod::Raw);
    let only = table.optional("only", findings).unwrap_or(false);
    let after = table.integer("public_after_blocks", PUBLIC_AFTER_BLOCKS, findings);
    if only && table.has("public_after_blocks") {
        let found = format!("{} is never public and public after some blocks", table.shown());
        findings.problem(Problem::new(&table.place_of("only"), found).wanted("only, or public_after_blocks"));
    }
    let public_after_blocks = (!only).then(|| after.unwrap_or(PUBLIC_AFTER_BLOCKS_DEFAULT));
    Some(RelaySettings { url: url?, method, public_after_blocks })
}
