//! `[lists]`, `[macros]`, and whose feed is whose: the words that conditions use beside `[bots]`.

use std::collections::BTreeSet;

use super::feeds::{Feed, FeedKind, WebhookAuthentication};
use crate::config::problem::{Findings, Place, Problem};
use crate::config::reader::{Form, Mismatch, Node, Placed, Table, Value};
use crate::domain::alert::Sender;
use crate::domain::condition::{
    BotLists, ListItems, Lists, Macros, Origin, Origins, Speakers, Vendors, Words,
};

/// Most items of one list, as many as addresses are ever watched.
const ITEMS_MAX: usize = 10_000;

/// One item of a list.
enum ListItem {
    Text(String),
    Number(u64),
}

impl Form for ListItem {
    fn wanted() -> String {
        "text in quotes, not empty, or a whole number".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        if let Value::Integer(number) = &node.value {
            return u64::try_from(*number).map(Self::Number).map_err(|_| Mismatch::default());
        }
        String::read(node).map(Self::Text)
    }
}

/// A name that an expression can spell.
fn is_word(name: &str, place: &Place, section: &str, findings: &mut Findings) -> bool {
    let good = !name.contains('-') && name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !good {
        let found = format!("the name \"{name}\" in [{section}]");
        let problem = Problem::new(place, found).wanted("letters, digits and _, a letter first");
        findings.problem(problem.remedy("conditions spell it, and would take - for a minus"));
    }
    good
}

/// `[lists]`: named lists of texts, or of whole numbers.
pub(super) fn read_lists(root: &mut Table<'_>, findings: &mut Findings) -> Lists {
    let Some(mut table) = root.table("lists", findings) else { return Lists::new() };
    let mut lists = Lists::new();
    for (name, items) in table.named_lists::<Placed<ListItem>>(findings) {
        let place = table.place_of(&name);
        if !is_word(&name, &place, "lists", findings) {
            continue;
        }
        if items.is_empty() || items.len() > ITEMS_MAX {
            let found = format!("the list \"{name}\" in [lists] has {} items", items.len());
            findings.problem(Problem::new(&place, found).wanted(format!("from 1 to {ITEMS_MAX}")));
            continue;
        }
        let (mut texts, mut numbers, mut mixed) = (Vec::new(), Vec::new(), None);
        for item in items {
            let is_first = texts.is_empty() && numbers.is_empty();
            let differs = match &item.value {
                ListItem::Text(_) => texts.is_empty(),
                ListItem::Number(_) => numbers.is_empty(),
            };
            if !is_first && differs {
                mixed = mixed.or(Some(item.place));
            }
            match item.value {
                ListItem::Text(text) => texts.push(text),
                ListItem::Number(number) => numbers.push(number),
            }
        }
        if let Some(place) = mixed {
            let found = format!("the list \"{name}\" in [lists] holds texts and numbers");
            findings.problem(Problem::new(&place, found).wanted("items of one kind"));
            continue;
        }
        let items = if numbers.is_empty() { ListItems::Texts(texts) } else { ListItems::Numbers(numbers) };
        lists.insert(name, items);
    }
    lists
}

/// `[macros]`: named conditions over one alert. Each is checked, whether a runbook uses it or not.
pub(super) fn read_macros(
    root: &mut Table<'_>,
    bots: &BotLists,
    lists: &Lists,
    findings: &mut Findings,
) -> Macros {
    let Some(mut table) = root.table("macros", findings) else { return Macros::new() };
    let mut macros = Macros::new();
    for (name, texts) in table.named_lists::<String>(findings) {
        let place = table.place_of(&name);
        if !is_word(&name, &place, "macros", findings) {
            continue;
        }
        match <[String; 1]>::try_from(texts) {
            Ok([text]) => {
                macros.insert(name, text);
            }
            Err(texts) if texts.is_empty() => {}
            Err(_) => {
                let found = format!("the macro \"{name}\" in [macros] is a list");
                findings.problem(Problem::new(&place, found).wanted("one condition in quotes"));
            }
        }
    }
    let words = Words { bots, lists, macros: &macros, vendors: &Vendors::new(), origins: &Origins::new() };
    for (name, error) in words.wrong_macros() {
        let at = match error.column {
            0 => String::new(),
            column => format!(", at character {column}"),
        };
        let found = format!("the macro \"{name}\" in [macros]{at}: {}", error.message);
        findings.problem(Problem::new(&table.place_of(&name), found));
    }
    macros
}

/// Whose feeds are whose: as each says itself, or else Forta's where anything in Forta's words would be taken for it, and
/// its own where its words are mapped. Every other sender stands in its alerts' bots.
pub(super) fn vendors(feeds: &[Feed]) -> Vendors {
    let of = |feed: &Feed| {
        if let Some(vendor) = &feed.vendor {
            return Some(vendor.clone());
        }
        if let FeedKind::Forta(_) = &feed.kind {
            return Some("forta".to_owned());
        }
        let FeedKind::Webhook(webhook) = &feed.kind else { return None };
        match &webhook.words.sender {
            Sender::Forta | Sender::FortaNode => Some("forta".to_owned()),
            Sender::Map(_) => Some(feed.name.to_string()),
            Sender::OpenZeppelinMonitor
            | Sender::Defender
            | Sender::Hypernative
            | Sender::Tenderly
            | Sender::Alertmanager
            | Sender::Grafana
            | Sender::PagerDuty
            | Sender::Alchemy
            | Sender::QuickNode
            | Sender::CloudEvents
            | Sender::OnchainMon => None,
        }
    };
    feeds.iter().filter_map(|feed| Some((feed.name.clone(), of(feed)?))).collect()
}

/// What the feeds will bring, as far as it is known before. Where one of the `written` could not be read nothing is:
/// its mistake is told, and not once more in each condition that waits for it.
pub(super) fn origins(feeds: &[Feed], written: usize) -> Origins {
    if feeds.len() != written {
        return Origins::new();
    }
    feeds.iter().map(|feed| (feed.name.clone(), origin(feed))).collect()
}

fn origin(feed: &Feed) -> Origin {
    match &feed.kind {
        FeedKind::Forta(forta) => Origin {
            speakers: Speakers::Bots(forta.bots.iter().cloned().collect()),
            chains: Some(forta.chains.iter().copied().collect()),
            // What was answered over plain HTTP from elsewhere is not: only the poller tells.
            authenticated: (forta.url.scheme() == "https").then_some(true),
            labels: true,
        },
        FeedKind::JsonLines(_) => {
            Origin { speakers: Speakers::Anyone, chains: None, authenticated: Some(true), labels: true }
        }
        FeedKind::Webhook(webhook) => Origin {
            speakers: webhook.words.sender.vendor().map_or(Speakers::Anyone, Speakers::Vendor),
            chains: None,
            authenticated: Some(!matches!(webhook.authentication, WebhookAuthentication::None)),
            labels: webhook.words.sender.vendor().is_none(),
        },
        FeedKind::Nats(nats) => Origin {
            speakers: Sender::OnchainMon.vendor().map_or(Speakers::Anyone, Speakers::Vendor),
            chains: Some(BTreeSet::from([nats.chain])),
            authenticated: Some(nats.bus.authenticated),
            labels: false,
        },
        FeedKind::Chain(chain) => Origin {
            speakers: Speakers::Bots(BTreeSet::from([chain.watch.bot()])),
            chains: Some(BTreeSet::from([chain.watch.chain_id])),
            authenticated: Some(true),
            labels: false,
        },
    }
}
