//! `[[feeds]]` and `[bots]`: whose claims are heard.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;
use url::{Host, Url};

pub use super::nats::NatsFeed;
pub use super::webhook::{WebhookAuthentication, WebhookWords};

use super::chain_feed::{self, Around, ChainFeed};
use super::{nats, webhook};

use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Name, Placed, Table, duration_text, known};
use crate::domain::alert::BotId;
use crate::domain::names::{ChainId, ChainName, FeedName};

/// Forta's public API, as its documentation gives it.
const FORTA_URL: &str = "https://api.forta.network/graphql";

/// The API does not document its largest page; ten times its usual answer is never needed between two polls.
const PAGE_SIZE: RangeInclusive<u64> = 1..=5000;
const PAGE_SIZE_DEFAULT: u32 = 500;
const POLL: RangeInclusive<SignedDuration> = SignedDuration::from_millis(100)..=SignedDuration::from_hours(1);
const POLL_DEFAULT: SignedDuration = SignedDuration::from_secs(15);
/// Alerts of one block may appear in any order, and late ones after minutes: the past is asked for again.
const OVERLAP: RangeInclusive<SignedDuration> = SignedDuration::ZERO..=SignedDuration::from_hours(24);
const OVERLAP_DEFAULT: SignedDuration = SignedDuration::from_mins(20);
const STALE_AFTER: RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(10)..=SignedDuration::from_hours(24);
/// Whoever pushes may be quiet for days.
const PUSH_STALE_AFTER: RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(1)..=SignedDuration::from_hours(31 * 24);
const STALE_AFTER_DEFAULT: SignedDuration = SignedDuration::from_mins(10);

/// Where alerts come from.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Its name.
    pub name: FeedName,
    /// How it is heard.
    pub kind: FeedKind,
    /// Whose it is, where that is not what its kind says: two feeds of one vendor are one opinion.
    pub vendor: Option<String>,
}

/// How a feed is heard.
#[derive(Clone, Debug)]
pub enum FeedKind {
    /// Forta's API is asked.
    Forta(FortaFeed),
    /// Lines of JSON are read.
    JsonLines(JsonLinesFeed),
    /// Somebody posts to us.
    Webhook(WebhookFeed),
    /// A message bus is heard.
    Nats(NatsFeed),
    /// A chain is read through our own endpoints.
    Chain(Box<ChainFeed>),
}

/// Forta's API, or a server that speaks like it.
#[derive(Clone, Debug)]
pub struct FortaFeed {
    /// The GraphQL endpoint.
    pub url: Url,
    /// The API key. None only where `url` is this machine.
    pub key: Option<SecretString>,
    /// The chains to ask for; one query each.
    pub chains: Vec<ChainId>,
    /// The bots to ask for; never empty.
    pub bots: Vec<BotId>,
    /// How long between two queries.
    pub poll: Duration,
    /// How far into the known past each query reaches.
    pub overlap: Duration,
    /// How many alerts one query asks for.
    pub page_size: u32,
    /// How long without an answer until the feed counts as deaf.
    pub stale_after: Duration,
}

/// Alerts as lines of JSON.
#[derive(Clone, Debug)]
pub struct JsonLinesFeed {
    /// Whence.
    pub from: JsonLinesFrom,
    /// How long without a line until the feed counts as silent; none: nobody is told.
    pub stale_after: Option<Duration>,
}

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonLinesFrom {
    /// Standard input; written `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// Alerts that somebody posts to us.
#[derive(Clone, Debug)]
pub struct WebhookFeed {
    /// The path on our own server.
    pub path: String,
    /// How a caller proves who it is.
    pub authentication: WebhookAuthentication,
    /// How old or how far ahead a request's time may be.
    pub window: Duration,
    /// How many requests are taken a minute.
    pub requests_per_minute: u32,
    /// Whose words it speaks, and what they lack.
    pub words: WebhookWords,
    /// How long without a delivery until the feed counts as silent; none: nobody is told.
    pub stale_after: Option<Duration>,
}

/// What shows that a feed lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// We ask, and an answer shows it, also an empty one.
    Answers,
    /// Somebody tells us: only what is delivered shows it.
    Deliveries,
}

impl Feed {
    /// What shows that it lives.
    pub fn life(&self) -> Life {
        match self.kind {
            FeedKind::Forta(_) | FeedKind::Nats(_) | FeedKind::Chain(_) => Life::Answers,
            FeedKind::JsonLines(_) | FeedKind::Webhook(_) => Life::Deliveries,
        }
    }

    /// How long it may be silent; none where nobody said so.
    pub fn stale_after(&self) -> Option<Duration> {
        match &self.kind {
            FeedKind::Forta(feed) => Some(feed.stale_after),
            FeedKind::JsonLines(feed) => feed.stale_after,
            FeedKind::Webhook(feed) => feed.stale_after,
            FeedKind::Nats(feed) => Some(feed.stale_after),
            FeedKind::Chain(feed) => Some(feed.stale_after),
        }
    }
}

/// `[bots]`: named lists of bots.
pub(super) fn read_bots(root: &mut Table<'_>, findings: &mut Findings) -> BTreeMap<String, Vec<BotId>> {
    let Some(mut table) = root.table("bots", findings) else { return BTreeMap::new() };
    let lists = table.named_lists(findings);
    for (name, place) in lists.iter().map(|(name, _)| (name, table.place_of(name))) {
        if name.contains('-') || name.starts_with(|first: char| first.is_ascii_digit()) {
            let found = format!("the name \"{name}\" in [bots]");
            let problem = Problem::new(&place, found).wanted("letters, digits and _, a letter first");
            findings.problem(problem.remedy(format!("conditions say bots.{}", name.replace('-', "_"))));
        }
    }
    lists.into_iter().collect()
}

#[derive(Clone, Copy)]
enum Word {
    Forta,
    JsonLines,
    Webhook,
    Nats,
    Chain,
}

pub(super) fn read(
    root: &mut Table<'_>,
    chains: &BTreeSet<String>,
    ids: &BTreeMap<ChainName, ChainId>,
    bots: &BTreeMap<String, Vec<BotId>>,
    around: &Around<'_>,
    findings: &mut Findings,
) -> Vec<Feed> {
    let (mut feeds, mut names, mut paths) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for mut table in root.tables("feeds", findings) {
        let name: Option<Placed<Name>> = table.required("name", findings);
        if let Some(name) = name.as_ref().filter(|name| !names.insert(name.value.0.clone())) {
            let found = format!("a second feed is called \"{}\"", name.value.0);
            findings.problem(Problem::new(&name.place, found).wanted("each name once"));
        }
        let words = [
            ("forta", Word::Forta),
            ("jsonl", Word::JsonLines),
            ("webhook", Word::Webhook),
            ("nats", Word::Nats),
            ("chain", Word::Chain),
        ];
        let Some(word) = table.required_choice("kind", &words, findings) else { continue };
        let kind = match word {
            Word::Forta => read_forta(&mut table, chains, ids, bots, findings).map(FeedKind::Forta),
            Word::JsonLines => read_json_lines(&mut table, findings).map(FeedKind::JsonLines),
            Word::Webhook => {
                let own = name.as_ref().map_or("unnamed", |name| name.value.0.as_str());
                webhook::read(&mut table, own, chains, ids, &mut paths, findings).map(FeedKind::Webhook)
            }
            Word::Nats => {
                let own = name.as_ref().map_or("unnamed", |name| name.value.0.as_str());
                nats::read(&mut table, own, chains, ids, findings).map(FeedKind::Nats)
            }
            Word::Chain => {
                let own = name.as_ref().map_or("unnamed", |name| name.value.0.as_str());
                let feed = chain_feed::read(&mut table, own, chains, ids, around, findings);
                feed.map(|feed| FeedKind::Chain(Box::new(feed)))
            }
        };
        let vendor = table.optional::<Name>("vendor", findings).map(|vendor| vendor.0.to_ascii_lowercase());
        table.finish(findings);
        let feed = name.zip(kind);
        feeds.extend(feed.map(|(name, kind)| Feed { name: FeedName::new(name.value.0), kind, vendor }));
    }
    feeds
}

fn read_forta(
    table: &mut Table<'_>,
    chains: &BTreeSet<String>,
    ids: &BTreeMap<ChainName, ChainId>,
    lists: &BTreeMap<String, Vec<BotId>>,
    findings: &mut Findings,
) -> Option<FortaFeed> {
    let url: Option<Url> =
        if table.has("url") { table.optional("url", findings) } else { Url::parse(FORTA_URL).ok() };
    let key = table.secret("key", findings);
    if !table.has("key") && !url.as_ref().is_some_and(is_this_machine) {
        table.missing("key", "{ env = \"NAME\" } with the API key", findings);
    }
    let wanted: Vec<Placed<String>> = table.list("chains", findings);
    let known_chains =
        wanted.into_iter().filter(|chain| known("chain", chain, chains.iter().map(String::as_str), findings));
    let mut chosen: Vec<ChainId> =
        known_chains.filter_map(|chain| ids.get(&ChainName::new(chain.value)).copied()).collect();
    if !table.has("chains") {
        chosen = ids.values().copied().collect();
    }
    let bots = read_forta_bots(table, lists, findings);
    let poll = table.duration("poll", POLL, findings).unwrap_or(POLL_DEFAULT);
    let overlap = table.duration("overlap", OVERLAP, findings).unwrap_or(OVERLAP_DEFAULT);
    let page_size = table.integer("page_size", PAGE_SIZE, findings).and_then(|size| u32::try_from(size).ok());
    let stale_after = table.duration("stale_after", STALE_AFTER, findings).unwrap_or(STALE_AFTER_DEFAULT);
    if stale_after <= poll {
        let (stale, poll) = (duration_text(stale_after), duration_text(poll));
        let found =
            format!("stale_after = \"{stale}\" is not longer than poll = \"{poll}\" in {}", table.shown());
        findings.problem(
            Problem::new(&table.place_of("stale_after"), found)
                .remedy("such a feed would count as deaf between any two queries"),
        );
    }
    Some(FortaFeed {
        url: url?,
        key,
        chains: chosen,
        bots,
        poll: poll.unsigned_abs(),
        overlap: overlap.unsigned_abs(),
        page_size: page_size.unwrap_or(PAGE_SIZE_DEFAULT),
        stale_after: stale_after.unsigned_abs(),
    })
}

/// The bots a feed names, by id or by the name of a list; or else every Forta bot of `[bots]`.
fn read_forta_bots(
    table: &mut Table<'_>,
    lists: &BTreeMap<String, Vec<BotId>>,
    findings: &mut Findings,
) -> Vec<BotId> {
    let is_id = |bot: &BotId| bot.as_str().starts_with("0x");
    let mut bots = BTreeSet::new();
    for bot in table.list::<Placed<BotId>>("bots", findings) {
        if is_id(&bot.value) {
            bots.insert(bot.value);
            continue;
        }
        let name = Placed { place: bot.place, value: bot.value.as_str().to_owned() };
        if known("list of [bots]", &name, lists.keys().map(String::as_str), findings) {
            bots.extend(lists.get(&name.value).into_iter().flatten().cloned());
        }
    }
    if !table.has("bots") {
        bots = lists.values().flatten().filter(|bot| is_id(bot)).cloned().collect();
        if bots.is_empty() {
            let found = format!("{} names no bot, and [bots] has none", table.shown());
            findings.problem(Problem::new(table.place(), found).wanted("bots = [\"0x…\"] here or in [bots]"));
        }
    }
    bots.into_iter().collect()
}

/// Whether a URL leads to this machine.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `stale_after` of a feed that others push: it may speak in emergencies only, and then there is none.
pub(super) fn read_push_stale_after(table: &mut Table<'_>, findings: &mut Findings) -> Option<Duration> {
    table.duration("stale_after", PUSH_STALE_AFTER, findings).map(|stale_after| stale_after.unsigned_abs())
}

fn read_json_lines(table: &mut Table<'_>, findings: &mut Findings) -> Option<JsonLinesFeed> {
    if !table.has("path") {
        table.missing("path", "a file, or \"-\" for standard input", findings);
    }
    let is_stdin = table.optional::<String>("path", findings)? == "-";
    let file = table.path("path", findings)?;
    let from = if is_stdin { JsonLinesFrom::Stdin } else { JsonLinesFrom::File(file) };
    Some(JsonLinesFeed { from, stale_after: read_push_stale_after(table, findings) })
}
