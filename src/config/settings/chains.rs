//! `[chains.NAME]`: endpoints that must agree, and the Safe Transaction Service.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use alloy::primitives::Address;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::problem::{Findings, Problem};
use crate::config::reach::Reach;
use crate::config::reader::{Item, Table, Value, http_url};
use crate::domain::names::{ChainId, ChainName};

/// How many endpoints one chain may have: each is asked every time.
pub const ENDPOINTS_MAX: usize = 8;

/// The largest id an EIP-155 signature leaves room for in 64 bits.
const CHAIN_ID_MAX: u64 = (u64::MAX - 36) / 2;

const POLL: RangeInclusive<SignedDuration> = SignedDuration::from_millis(100)..=SignedDuration::from_mins(5);
const POLL_DEFAULT: Duration = Duration::from_secs(2);
const TIMEOUT: RangeInclusive<SignedDuration> =
    SignedDuration::from_millis(100)..=SignedDuration::from_mins(1);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// A fifth of a month is six days: time to take another plan before an emergency meets an empty quota.
const QUOTA_LOW_PERCENT_DEFAULT: u8 = 20;

/// A chain and how it is asked.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its EIP-155 id.
    pub id: ChainId,
    /// Whom to ask; at most [`ENDPOINTS_MAX`], no two the same. None where every endpoint is optional and its variable
    /// is not set: such a chain can be replayed, and not be run; and where the secret of one is not here.
    pub rpc: Vec<RpcEndpoint>,
    /// Why it cannot be asked, where the files were read for what does not ask it: the first endpoint's secret that is
    /// not here, or that there is none of all that are optional.
    pub absent: Option<Problem>,
    /// How many endpoints must say the same before it is believed; from 1 to as many as there are.
    pub agree: usize,
    /// Where Safe transactions are proposed.
    pub safe_service: SafeService,
    /// Contracts that a Safe transaction proposed to the embedded service may delegatecall, besides Safe's own
    /// libraries.
    pub delegatecall_targets: Vec<Address>,
    /// How long between two looks at the chain.
    pub poll: Duration,
    /// How long one request may take.
    pub rpc_timeout: Duration,
}

/// One endpoint. Its URL is a secret: many carry a key.
#[derive(Clone, Debug)]
pub struct RpcEndpoint {
    /// How it is called in logs: its host, and a number where a host has several.
    pub label: String,
    /// An `http` or `https` URL.
    pub url: SecretString,
}

/// A Safe Transaction Service.
#[derive(Clone, Debug)]
pub enum SafeService {
    /// The one inside this process.
    Embedded,
    /// One that speaks the same API over HTTP.
    Hosted {
        /// Up to and without `/api`.
        url: Url,
        /// What it wants to be shown.
        key: Option<SecretString>,
        /// Below this share of its month's requests, in percent, it is red; 0 never is.
        quota_low_percent: u8,
    },
}

/// Reads the section; also answers the ids of chains whose other keys may be wrong.
pub(super) fn read(
    root: &mut Table<'_>,
    findings: &mut Findings,
) -> (BTreeMap<ChainName, Chain>, BTreeMap<ChainName, ChainId>) {
    let (mut chains, mut ids) = (BTreeMap::new(), BTreeMap::new());
    for (name, mut table) in root.named("chains", findings) {
        let name = ChainName::new(name);
        let id = if table.has("id") {
            table.integer("id", 1..=CHAIN_ID_MAX, findings).map(ChainId)
        } else {
            table.missing("id", "the chain's EIP-155 id: a whole number, 1 for mainnet", findings);
            None
        };
        if let Some(id) = id {
            if let Some((other, _)) = ids.iter().find(|(_, known)| **known == id) {
                let found = format!("id = {id} is also [chains.{other}]");
                findings.problem(Problem::new(&table.place_of("id"), found).wanted("each chain once"));
            }
            ids.insert(name.clone(), id);
        }
        if let Some(chain) = read_chain(&mut table, id, findings) {
            chains.insert(name, chain);
        }
        table.finish(findings);
    }
    (chains, ids)
}

fn read_chain(table: &mut Table<'_>, id: Option<ChainId>, findings: &mut Findings) -> Option<Chain> {
    let mut absent = None;
    let rpc = read_endpoints(table, &mut absent, findings);
    let known = rpc.as_ref().filter(|_| absent.is_none());
    let endpoints = known.map_or(ENDPOINTS_MAX, Vec::len).max(1);
    let bounds = 1..=u64::try_from(endpoints).unwrap_or(1);
    let agree = table.integer("agree", bounds, findings).and_then(|agree| usize::try_from(agree).ok());
    let safe_service = read_safe_service(table, findings);
    let delegatecall_targets = table.list("delegatecall_targets", findings);
    let poll = table.duration("poll", POLL, findings);
    let rpc_timeout = table.duration("rpc_timeout", TIMEOUT, findings);
    Some(Chain {
        id: id?,
        rpc: rpc?,
        absent,
        agree: agree.unwrap_or(majority_of(endpoints)),
        safe_service: safe_service?,
        delegatecall_targets,
        poll: poll.map_or(POLL_DEFAULT, |poll| poll.unsigned_abs()),
        rpc_timeout: rpc_timeout.map_or(TIMEOUT_DEFAULT, |timeout| timeout.unsigned_abs()),
    })
}

/// More than half; of one, one.
fn majority_of(endpoints: usize) -> usize {
    endpoints / 2 + 1
}

/// The endpoints; none of them where the secret of one is not here and not needed: what they would agree on is not
/// known then, and `without` says it.
fn read_endpoints(
    table: &mut Table<'_>,
    without: &mut Option<Problem>,
    findings: &mut Findings,
) -> Option<Vec<RpcEndpoint>> {
    let wanted = format!("1 to {ENDPOINTS_MAX}, each a URL, {{ env = \"NAME\" }} or {{ file = \"PATH\" }}");
    if !table.has("rpc") {
        table.missing("rpc", &wanted, findings);
        return None;
    }
    let items = table.items("rpc");
    let count = items.len();
    if !(1..=ENDPOINTS_MAX).contains(&count) {
        let found = format!("rpc has {count} endpoints in {}", table.shown());
        findings.problem(Problem::new(&table.place_of("rpc"), found).wanted(wanted.as_str()));
        return None;
    }
    let mut endpoints: Vec<RpcEndpoint> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut absent = 0_usize;
    for item in items {
        // What stands in the file itself is always judged.
        let mut needed = true;
        let (place, url) = match item {
            Item::Table(mut inner) => {
                needed = inner.is_needed();
                let place = inner.place().clone();
                let path: Option<String> = inner.optional("path", findings);
                let optional = inner.optional("optional", findings).unwrap_or(false);
                if optional && inner.names_no_secret() {
                    absent = absent.saturating_add(1);
                    continue;
                }
                match inner.fetch_or_why(findings) {
                    Ok(base) => (place, base.map(|base| below(&base, path.as_deref()))),
                    Err(why) => {
                        without.get_or_insert(why);
                        continue;
                    }
                }
            }
            Item::Scalar(node) => (node.place.clone(), Some(node.text().unwrap_or_default().into())),
        };
        let Some(url): Option<SecretString> = url else { continue };
        // What was read is not repeated: it may carry a key.
        let Some(parsed) = http_url(url.expose_secret()) else {
            let found = format!("an endpoint of {} is no URL that can be asked", table.shown());
            let problem = Problem::new(&place, found).wanted("https://… or http://…");
            if needed {
                findings.problem(problem);
            } else {
                without.get_or_insert(problem);
            }
            continue;
        };
        if !seen.insert(parsed.to_string()) {
            let found = format!("an endpoint is written twice in {}", table.shown());
            let remedy = "agreeing with itself proves nothing: name another one, or leave it away";
            let problem = Problem::new(&place, found).remedy(remedy);
            if needed {
                findings.problem(problem);
            } else {
                without.get_or_insert(problem);
            }
        }
        endpoints.push(RpcEndpoint { label: label(&parsed, &endpoints), url });
    }
    if absent == count && table.context().reach < Reach::Chain {
        let found = format!(
            "no endpoint of {} is here: all are optional, and none of their variables is set",
            table.shown()
        );
        without.get_or_insert(Problem::new(&table.place_of("rpc"), found));
    }
    if without.is_some() {
        return Some(Vec::new());
    }
    (endpoints.len().saturating_add(absent) == count).then_some(endpoints)
}

/// One variable may be the base of many chains' endpoints.
fn below(base: &SecretString, path: Option<&str>) -> SecretString {
    match path {
        None => base.clone(),
        Some(path) => {
            let (base, path) = (base.expose_secret().trim_end_matches('/'), path.trim_start_matches('/'));
            format!("{base}/{path}").into()
        }
    }
}

fn label(url: &Url, before: &[RpcEndpoint]) -> String {
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let same = before.iter().filter(|endpoint| endpoint.label.split(" #").next() == Some(&host)).count();
    if same == 0 { host } else { format!("{host} #{}", same + 1) }
}

fn read_safe_service(table: &mut Table<'_>, findings: &mut Findings) -> Option<SafeService> {
    let wanted = "\"embedded\" or { url = \"https://…\", key = { env = \"NAME\" } }";
    let Some(node) = table.node("safe_service") else {
        table.missing("safe_service", wanted, findings);
        return None;
    };
    match &node.value {
        Value::String(text) if text == "embedded" => Some(SafeService::Embedded),
        Value::Table(_) => {
            let mut inner = table.table("safe_service", findings)?;
            let url = inner.required("url", findings);
            let key = inner.header_secret("key", findings);
            let quota_low_percent = read_quota_low(&mut inner, findings);
            inner.finish(findings);
            Some(SafeService::Hosted { url: url?, key, quota_low_percent })
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => {
            findings.problem(table.wrong("safe_service", wanted));
            None
        }
    }
}

/// A share such as `"20%"`.
fn read_quota_low(table: &mut Table<'_>, findings: &mut Findings) -> u8 {
    let Some(node) = table.node("quota_low") else { return QUOTA_LOW_PERCENT_DEFAULT };
    let share = node.text().and_then(|text| text.trim().strip_suffix('%')?.trim().parse::<u8>().ok());
    match share.filter(|share| *share < 100) {
        Some(share) => share,
        None => {
            let wanted = "a share of the month's requests in percent, such as \"20%\"; \"0%\" is never low";
            findings.problem(table.wrong("quota_low", wanted));
            QUOTA_LOW_PERCENT_DEFAULT
        }
    }
}
