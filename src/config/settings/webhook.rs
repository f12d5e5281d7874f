//! `[[feeds]]` with `kind = "webhook"`: who posts to us, how that is proven, and in whose words.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::feeds::{WebhookFeed, read_push_stale_after};
use super::secrets::{self, WebhookSecrets};
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Placed, Table, known};
use crate::domain::alert::{AlertSeverity, FieldMap, P256Key, Path, Sender};
use crate::domain::names::{ChainId, ChainName};
use alloy::primitives::Address;
use jiff::SignedDuration;

/// How far a request's time may be off before it is taken for a replay.
const WINDOW: RangeInclusive<SignedDuration> = SignedDuration::from_secs(10)..=SignedDuration::from_hours(1);
/// As `feeds::webhook` has it: a hundred a second.
const REQUESTS_PER_MINUTE: RangeInclusive<u64> = 1..=600_000;
const REQUESTS_PER_MINUTE_DEFAULT: u32 = 6_000;
const WINDOW_DEFAULT: SignedDuration = SignedDuration::from_mins(5);

/// How a caller proves who it is.
#[derive(Clone, Debug)]
pub enum WebhookAuthentication {
    /// By signing with this, as we document it.
    Secret(WebhookSecrets),
    /// By signing with this, as its vendor does.
    VendorSecret {
        /// The secrets.
        secrets: WebhookSecrets,
        /// Grafana: the header that carries the time, where one is set up.
        timestamp_header: Option<String>,
    },
    /// By sending this as a bearer token.
    Token(WebhookSecrets),
    /// By signing with the private half of this P-256 key.
    PublicKey(P256Key),
    /// By a token signed by one of these Forta scanners.
    Scanners(Vec<Address>),
    /// Not at all: such alerts may open a triage, never prepare a proposal.
    None,
}

/// Whose words a webhook speaks, and what they lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookWords {
    /// Whose words.
    pub sender: Sender,
    /// The chain of what names none.
    pub chain: Option<ChainId>,
    /// What an alert is worth whose vendor says nothing of it.
    pub severity: AlertSeverity,
    /// Chains by the sender's names for them.
    pub networks: Vec<(String, ChainId)>,
    /// What the sender's words for a severity are worth.
    pub severities: Vec<(String, AlertSeverity)>,
}

/// Whose words, before the map is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Forta,
    FortaNode,
    OpenZeppelinMonitor,
    Defender,
    Hypernative,
    Tenderly,
    Alertmanager,
    Grafana,
    PagerDuty,
    Alchemy,
    QuickNode,
    CloudEvents,
    OnchainMon,
    Map,
}

const WORDS: [(&str, Word); 14] = [
    ("forta", Word::Forta),
    ("forta-node", Word::FortaNode),
    ("openzeppelin-monitor", Word::OpenZeppelinMonitor),
    ("defender", Word::Defender),
    ("hypernative", Word::Hypernative),
    ("tenderly", Word::Tenderly),
    ("alertmanager", Word::Alertmanager),
    ("grafana", Word::Grafana),
    ("pagerduty", Word::PagerDuty),
    ("alchemy", Word::Alchemy),
    ("quicknode", Word::QuickNode),
    ("cloudevents", Word::CloudEvents),
    ("onchain-mon", Word::OnchainMon),
    ("map", Word::Map),
];

/// What shows who a caller is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    OwnSecret,
    VendorSecret,
    Token,
    OwnSecretOrToken,
    PublicKey,
    Scanners,
}

impl Word {
    /// What each vendor offers.
    fn proof(self) -> Proof {
        match self {
            Self::Forta => Proof::OwnSecret,
            Self::FortaNode => Proof::Scanners,
            Self::Hypernative => Proof::PublicKey,
            Self::Alertmanager | Self::CloudEvents => Proof::Token,
            Self::OnchainMon | Self::Map => Proof::OwnSecretOrToken,
            Self::OpenZeppelinMonitor
            | Self::Defender
            | Self::Tenderly
            | Self::Grafana
            | Self::PagerDuty
            | Self::Alchemy
            | Self::QuickNode => Proof::VendorSecret,
        }
    }
}

pub(super) fn read(
    table: &mut Table<'_>,
    name: &str,
    chains: &BTreeSet<String>,
    ids: &BTreeMap<ChainName, ChainId>,
    paths: &mut BTreeSet<String>,
    findings: &mut Findings,
) -> Option<WebhookFeed> {
    let place = table.place_of("path");
    let path = table.optional("path", findings).unwrap_or_else(|| format!("/feeds/{name}"));
    if !is_url_path(&path) {
        let wanted = "a path such as \"/feeds/monitor\", of letters, digits, - _ and /";
        findings.problem(table.wrong("path", wanted));
    } else if !paths.insert(path.clone()) {
        findings.problem(
            Problem::new(&place, format!("a second feed listens on {path}")).wanted("each path once"),
        );
    }
    let word = if table.has("from") { table.choice("from", &WORDS, findings)? } else { Word::Forta };
    let authentication = read_proof(table, word, findings);
    let window = table.duration("window", WINDOW, findings).unwrap_or(WINDOW_DEFAULT);
    let rate = table.integer("requests_per_minute", REQUESTS_PER_MINUTE, findings);
    let words = read_words(table, word, chains, ids, findings);
    let stale_after = read_push_stale_after(table, findings);
    Some(WebhookFeed {
        path,
        authentication: authentication?,
        window: window.unsigned_abs(),
        requests_per_minute: rate
            .and_then(|rate| u32::try_from(rate).ok())
            .unwrap_or(REQUESTS_PER_MINUTE_DEFAULT),
        words: words?,
        stale_after,
    })
}

fn read_proof(table: &mut Table<'_>, word: Word, findings: &mut Findings) -> Option<WebhookAuthentication> {
    let open = table.optional("unauthenticated", findings).unwrap_or(false);
    let proof = word.proof();
    let keys: &[&'static str] = match proof {
        Proof::OwnSecret | Proof::VendorSecret => &["secret"],
        Proof::Token => &["token"],
        Proof::OwnSecretOrToken => &["secret", "token"],
        Proof::PublicKey => &["public_key"],
        Proof::Scanners => &["scanners"],
    };
    let given: Vec<&'static str> = keys.iter().copied().filter(|key| table.has(key)).collect();
    match (given.as_slice(), open) {
        ([], true) => return Some(WebhookAuthentication::None),
        ([], false) => {
            let wanted = match proof {
                Proof::PublicKey => "the vendor's public key, PEM or hex",
                Proof::Scanners => "the addresses of your nodes' scanners",
                Proof::OwnSecret | Proof::VendorSecret | Proof::Token | Proof::OwnSecretOrToken => {
                    "{ env = \"NAME\" }, or unauthenticated = true for a feed that may page and never propose"
                }
            };
            table.missing(keys.first().copied().unwrap_or("secret"), wanted, findings);
            return None;
        }
        ([key, ..], true) => {
            let kind = if *key == "secret" { "a secret" } else { key };
            let found = format!("{} has {kind} and says that it has none", table.shown());
            let remedy = "leave unauthenticated away: the secret is checked";
            findings.problem(Problem::new(&table.place_of("unauthenticated"), found).remedy(remedy));
        }
        ([_, second, ..], false) => {
            let found = format!("{} has a secret and a token", table.shown());
            findings.problem(Problem::new(&table.place_of(second), found).wanted("one of them"));
        }
        ([_], false) => {}
    }
    let both = given.len() > 1;
    let key = given.first().copied().unwrap_or("secret");
    let secret = match key {
        "secret" => secrets::read(table, "secret", "previous_secret", findings),
        "token" => secrets::read(table, "token", "previous_token", findings),
        _public => None,
    };
    if both {
        table.secret("token", findings);
    }
    let timestamp_header =
        if word == Word::Grafana { table.optional::<String>("timestamp_header", findings) } else { None };
    if open || both {
        return None;
    }
    match (proof, key) {
        (Proof::PublicKey, _) => table.optional("public_key", findings).map(WebhookAuthentication::PublicKey),
        (Proof::Scanners, _) => {
            let scanners = table.required_list("scanners", findings);
            (!scanners.is_empty()).then_some(WebhookAuthentication::Scanners(scanners))
        }
        (_, "token") => secret.map(WebhookAuthentication::Token),
        (Proof::VendorSecret, _) => {
            secret.map(|secrets| WebhookAuthentication::VendorSecret { secrets, timestamp_header })
        }
        (Proof::OwnSecret | Proof::OwnSecretOrToken | Proof::Token, _) => {
            secret.map(WebhookAuthentication::Secret)
        }
    }
}

fn read_words(
    table: &mut Table<'_>,
    word: Word,
    chains: &BTreeSet<String>,
    ids: &BTreeMap<ChainName, ChainId>,
    findings: &mut Findings,
) -> Option<WebhookWords> {
    let sender = match word {
        Word::Forta => Sender::Forta,
        Word::FortaNode => Sender::FortaNode,
        Word::OpenZeppelinMonitor => Sender::OpenZeppelinMonitor,
        Word::Defender => Sender::Defender,
        Word::Hypernative => Sender::Hypernative,
        Word::Tenderly => Sender::Tenderly,
        Word::Alertmanager => Sender::Alertmanager,
        Word::Grafana => Sender::Grafana,
        Word::PagerDuty => Sender::PagerDuty,
        Word::Alchemy => Sender::Alchemy,
        Word::QuickNode => Sender::QuickNode,
        Word::CloudEvents => Sender::CloudEvents,
        Word::OnchainMon => Sender::OnchainMon,
        Word::Map => Sender::Map(Box::new(read_map(table, findings)?)),
    };
    let id_of = |chain: Placed<String>, findings: &mut Findings| {
        known("chain", &chain, chains.iter().map(String::as_str), findings)
            .then(|| ids.get(&ChainName::new(chain.value)).copied())
            .flatten()
    };
    let chain: Option<Placed<String>> =
        if word == Word::Forta { None } else { table.optional("chain", findings) };
    let chain = chain.and_then(|chain| id_of(chain, findings));
    // Forta's words say all of this themselves, but for a node's combiner alerts, which name no chain.
    if matches!(word, Word::Forta | Word::FortaNode) {
        return Some(WebhookWords {
            sender,
            chain,
            severity: AlertSeverity::Unknown,
            networks: Vec::new(),
            severities: Vec::new(),
        });
    }
    let severity = table.optional("severity", findings).unwrap_or(AlertSeverity::Unknown);
    let mut networks = Vec::new();
    if let Some(mut own) = table.table("networks", findings) {
        for (name, listed) in own.named_lists::<Placed<String>>(findings) {
            networks
                .extend(listed.into_iter().filter_map(|chain| Some((name.clone(), id_of(chain, findings)?))));
        }
    }
    let mut severities = Vec::new();
    if let Some(mut own) = table.table("severities", findings) {
        for (word, worth) in own.named_lists::<AlertSeverity>(findings) {
            severities.extend(worth.into_iter().map(|worth| (word.clone(), worth)));
        }
    }
    Some(WebhookWords { sender, chain, severity, networks, severities })
}

fn read_map(table: &mut Table<'_>, findings: &mut Findings) -> Option<FieldMap> {
    if !table.has("map") {
        table.missing("map", "map = { id = \"path.to.id\", rule = \"path.to.rule\", … }", findings);
    }
    let mut map = table.table("map", findings)?;
    let (id, rule): (Option<Path>, Option<Path>) =
        (map.required("id", findings), map.required("rule", findings));
    let mut place = |key: &'static str, findings: &mut Findings| map.optional::<Path>(key, findings);
    let items = place("items", findings);
    let alert_id = place("alert_id", findings);
    let severity = place("severity", findings);
    let at = place("at", findings);
    let chain = place("chain", findings);
    let block = place("block", findings);
    let block_hash = place("block_hash", findings);
    let transaction = place("transaction", findings);
    let name = place("name", findings);
    let description = place("description", findings);
    let addresses = map.list("addresses", findings);
    map.finish(findings);
    Some(FieldMap {
        items,
        id: id?,
        rule: rule?,
        alert_id,
        severity,
        at,
        chain,
        block,
        block_hash,
        transaction,
        addresses,
        name,
        description,
    })
}

fn is_url_path(path: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(good))
}
