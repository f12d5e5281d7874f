//! Who can be heard at all: the configured feeds, as far as it is known what they will bring.
//!
//! An alert that no feed brings makes no condition fire, however well it is written. As everywhere here only what is
//! proven is told: who may post anything in Forta's words may speak for any bot, about any chain.
//!
//! A name that nothing in the configuration bears is a mistake. A bot of a list that no feed brings *now* is none: a
//! runbook may be ready before its feed is, and a feed that is taken out must not keep the agent from starting. That is
//! told, and stops nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::Watched;
use super::distinct::vendor_of;
use super::never::AlertOutlook;
use super::outcome::short;
use super::state::{is_one_shot, is_one_shot_vendor};
use super::vocabulary::AlertField;
use super::words::{BotLists, Vendors, Words, among};
use crate::domain::alert::BotId;
use crate::domain::names::{ChainId, FeedName};

/// Feeds that are named in one sentence.
const FEEDS_SHOWN_MAX: usize = 5;

/// Whose alerts a feed brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speakers {
    /// Any bot's.
    Anyone,
    /// Those of these bots.
    Bots(BTreeSet<BotId>),
    /// Those of bots that begin so and with a colon.
    Vendor(&'static str),
}

/// What is known of a feed's alerts before one has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose they are.
    pub speakers: Speakers,
    /// Their chains; none: any.
    pub chains: Option<BTreeSet<ChainId>>,
    /// Whether they are authenticated; none: not known.
    pub authenticated: Option<bool>,
    /// Whether they may carry labels.
    pub labels: bool,
}

/// Feeds by their names; empty where nothing is known of them.
pub type Origins = BTreeMap<FeedName, Origin>;

/// A feed of the configuration.
type Known<'a> = (&'a FeedName, &'a Origin);

/// Why no alert of any feed fits.
#[derive(Debug)]
pub(super) enum NotHeard {
    /// A feed or a bot that is not known at all.
    Unknown(String),
    /// Known, and brought by none of the feeds there are.
    Unbrought(String),
}

/// Who is heard, for one condition.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    origins: &'a Origins,
    vendors: &'a Vendors,
    bots: &'a BotLists,
    /// Where its contracts are; empty where it is about none.
    on: &'a [Watched],
}

impl Speakers {
    fn told(&self) -> String {
        match self {
            Self::Anyone => "alerts of any bot".to_owned(),
            Self::Bots(bots) if bots.is_empty() => "alerts of no bot".to_owned(),
            Self::Bots(bots) => {
                let bots = names(bots.iter().map(|bot| format!("{:?}", shown(bot))), ", ");
                format!("those of {bots}")
            }
            Self::Vendor(vendor) => format!("those of \"{vendor}:…\""),
        }
    }
}

impl<'a> Heard<'a> {
    pub(super) fn new(words: Words<'a>, on: &'a [Watched]) -> Self {
        Self { origins: words.origins, vendors: words.vendors, bots: words.bots, on }
    }

    /// Why no feed brings such alerts, where none does.
    pub(super) fn not_heard(&self, outlook: &AlertOutlook) -> Option<NotHeard> {
        if self.origins.is_empty() {
            return None;
        }
        let mut bringing: Vec<Known<'_>> = self.origins.iter().collect();
        bringing.retain(|(name, _)| outlook.may_be(&AlertField::Feed, name.as_str()));
        if bringing.is_empty() {
            let asked = outlook.asked(&AlertField::Feed);
            let wanted = outlook.listed(&AlertField::Feed).and_then(|listed| listed.first());
            let known: Vec<String> = self.origins.keys().map(ToString::to_string).collect();
            let known = among(wanted.map_or("", String::as_str), known.iter());
            let why = format!("alert.feed is to be {asked}, and no feed is called so{known}");
            return Some(NotHeard::Unknown(why));
        }
        let named = bringing.clone();
        bringing.retain(|(_, origin)| origin.speaks(outlook));
        if bringing.is_empty() {
            let asked = outlook.asked(&AlertField::Bot);
            let brings = |(name, origin): &Known<'_>| format!("{name} brings {}", origin.speakers.told());
            let brings = names(named.iter().map(brings), "; ");
            let why = format!("alert.bot is to be {asked}, and no feed brings such alerts: {brings}");
            let is_known = self.is_known(outlook.listed(&AlertField::Bot));
            return Some(if is_known { NotHeard::Unbrought(why) } else { NotHeard::Unknown(why) });
        }
        let speaking = bringing.clone();
        bringing.retain(|(_, origin)| self.is_on_its_chain(origin, outlook));
        if bringing.is_empty() {
            let chains = |origin: &Origin| {
                let chains = origin.chains.iter().flatten();
                names(chains.map(|chain| chain.0.to_string()).collect::<Vec<_>>().into_iter(), ", ")
            };
            let bring = speaking.iter().map(|(name, origin)| format!("{name} of chain {}", chains(origin)));
            let bring = names(bring.collect::<Vec<_>>().into_iter(), ", ");
            let on: BTreeSet<String> =
                self.on.iter().map(|own| format!("{} is on {}", own.contract, own.chain_id)).collect();
            let on = match on.len() {
                0 => format!("alert.chain is to be {}", outlook.asked(&AlertField::Chain)),
                _ => names(on.into_iter(), ", "),
            };
            return Some(NotHeard::Unbrought(format!("{on}, and such alerts come from {bring} only")));
        }
        None
    }

    /// Whether any of these bots stands in a list, is asked for by any feed, or is of a vendor's; where nobody says which
    /// they are, they may.
    fn is_known(&self, listed: Option<&BTreeSet<String>>) -> bool {
        let Some(listed) = listed else { return true };
        let mut bots = listed.iter().map(|bot| BotId::new(bot));
        bots.any(|bot| {
            let asked_for = |origin: &Origin| match &origin.speakers {
                Speakers::Anyone => true,
                Speakers::Bots(bots) => bots.contains(&bot),
                Speakers::Vendor(vendor) => vendor_of(&bot) == *vendor,
            };
            self.bots.values().flatten().any(|own| *own == bot) || self.origins.values().any(asked_for)
        })
    }

    fn is_on_its_chain(&self, origin: &Origin, outlook: &AlertOutlook) -> bool {
        let may = |chain: &ChainId| outlook.refuses_number(&AlertField::Chain, chain.0).is_none();
        match (&origin.chains, self.on) {
            (None, _) => true,
            (Some(chains), []) => chains.iter().any(may),
            (Some(chains), on) => on.iter().any(|own| chains.contains(&own.chain_id) && may(&own.chain_id)),
        }
    }

    /// Feeds whose alerts may stand side by side: of one chain, and authenticated or not alike. Empty where nothing is
    /// known, or nothing is brought.
    pub(super) fn sides(&self, outlook: Option<&AlertOutlook>) -> Vec<Side<'a>> {
        let Some(outlook) = outlook.filter(|_| !self.origins.is_empty()) else { return Vec::new() };
        let chains: BTreeSet<ChainId> = self.on.iter().map(|own| own.chain_id).collect();
        let brought = self.origins.iter().filter(|(name, origin)| {
            outlook.may_be(&AlertField::Feed, name.as_str()) && origin.speaks(outlook)
        });
        let brought: Vec<Known<'a>> = brought.collect();
        let mut sides = Vec::new();
        for chain in chains {
            if outlook.refuses_number(&AlertField::Chain, chain.0).is_some() {
                continue;
            }
            for trust in [true, false] {
                let feeds = brought.iter().copied().filter(|(_, origin)| {
                    origin.chains.as_ref().is_none_or(|chains| chains.contains(&chain))
                        && origin.authenticated.is_none_or(|authenticated| authenticated == trust)
                });
                sides.push(Side { feeds: feeds.collect(), vendors: self.vendors });
            }
        }
        sides.retain(|side| !side.feeds.is_empty());
        sides
    }

    /// Whether all such alerts tell of events that do not last.
    pub(super) fn only_events(&self, outlook: Option<&AlertOutlook>) -> bool {
        let sides = self.sides(outlook);
        !sides.is_empty()
            && sides.iter().flat_map(|side| &side.feeds).all(|(_, origin)| match &origin.speakers {
                Speakers::Anyone => false,
                Speakers::Bots(bots) => bots.iter().all(is_one_shot),
                Speakers::Vendor(vendor) => is_one_shot_vendor(vendor),
            })
    }
}

impl Origin {
    fn speaks(&self, outlook: &AlertOutlook) -> bool {
        match &self.speakers {
            Speakers::Anyone => true,
            Speakers::Bots(bots) => bots.iter().any(|bot| outlook.may_be(&AlertField::Bot, bot.as_str())),
            Speakers::Vendor(vendor) => outlook.may_begin_with(&AlertField::Bot, &format!("{vendor}:")),
        }
    }
}

/// Feeds whose alerts may stand side by side.
pub(super) struct Side<'a> {
    feeds: Vec<Known<'a>>,
    vendors: &'a Vendors,
}

impl Side<'_> {
    /// How many feeds.
    pub(super) fn feeds(&self) -> usize {
        self.feeds.len()
    }

    /// Whether any of their alerts may carry labels.
    pub(super) fn labels(&self) -> bool {
        self.feeds.iter().any(|(_, origin)| origin.labels)
    }

    /// Their bots that `outlook` admits; none where they may be any.
    pub(super) fn bots(&self, outlook: &AlertOutlook) -> Option<BTreeSet<BotId>> {
        let mut all = BTreeSet::new();
        let listed = outlook.listed(&AlertField::Bot);
        for (_, origin) in &self.feeds {
            match (&origin.speakers, listed) {
                (Speakers::Bots(bots), _) => {
                    let admitted = bots.iter().filter(|bot| outlook.may_be(&AlertField::Bot, bot.as_str()));
                    all.extend(admitted.cloned());
                }
                (Speakers::Anyone | Speakers::Vendor(_), None) => return None,
                (Speakers::Anyone, Some(listed)) => all.extend(listed.iter().map(|bot| BotId::new(bot))),
                (Speakers::Vendor(vendor), Some(listed)) => {
                    let own = listed.iter().map(|bot| BotId::new(bot));
                    all.extend(own.filter(|bot| vendor_of(bot) == *vendor));
                }
            }
        }
        Some(all)
    }

    /// Whose they are; none where they may be anybody's.
    pub(super) fn vendors(&self, outlook: &AlertOutlook) -> Option<BTreeSet<String>> {
        let mut all = BTreeSet::new();
        for feed in &self.feeds {
            let (name, origin) = feed;
            match (self.vendors.get(*name), &origin.speakers) {
                (Some(vendor), _) => drop(all.insert(vendor.clone())),
                (None, Speakers::Vendor(vendor)) => drop(all.insert((*vendor).to_owned())),
                (None, Speakers::Anyone | Speakers::Bots(_)) => {
                    let alone = Side { feeds: vec![*feed], vendors: self.vendors };
                    all.extend(alone.bots(outlook)?.iter().map(|bot| vendor_of(bot).to_owned()));
                }
            }
        }
        Some(all)
    }

    /// Their names.
    pub(super) fn named(&self) -> String {
        names(self.feeds.iter().map(|(name, _)| name.to_string()), " and ")
    }
}

/// Long ids are cut.
fn shown(bot: &BotId) -> String {
    if bot.as_str().starts_with("0x") { short(bot.as_str()) } else { bot.as_str().to_owned() }
}

/// Some of them, and how many more.
pub(super) fn names(all: impl ExactSizeIterator<Item = String>, between: &str) -> String {
    let count = all.len();
    let mut shown: Vec<String> = all.take(FEEDS_SHOWN_MAX).collect();
    if let Some(more) = count.checked_sub(FEEDS_SHOWN_MAX).filter(|more| *more > 0) {
        shown.push(format!("{more} more"));
    }
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(between) }
}
