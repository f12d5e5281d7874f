//! The windows against a slow reference that is written from the description alone.
//!
//! The reference keeps every alert for ever in one list and looks through all of it each time. Nothing is shared with the
//! code under test, neither its windows nor its clocks nor its pruning.

use proptest::prelude::*;

use super::*;
use crate::domain::alert::AlertLabel;

/// A delivery as the reference sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    hash: u8,
    bot: u8,
    feed: u8,
    transaction: u8,
    /// Event time; also how high its block is within its height.
    second: i64,
    height: u8,
    /// Whom it accuses.
    attackers: Vec<u8>,
    /// It satisfies `including`.
    included: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Claim,
    /// A claim whose block is not on the chain.
    Orphan,
    /// One of the judges takes the marks off the attackers.
    Retraction,
}

/// What the condition asks for.
#[derive(Clone, Debug)]
struct Asked {
    alerts: u32,
    bots: u32,
    feeds: u32,
    transactions: u32,
    within: i64,
    including: bool,
    by_attacker: bool,
}

const MAX_AGE: i64 = 1_800;
const JUDGE: u8 = 9;

/// One alert that the reference remembers.
#[derive(Clone, Debug)]
struct Held {
    event: Event,
    spent: bool,
}

#[derive(Default)]
struct Reference {
    /// Of each hash: the newest block that may be on the chain, and whether it is an orphan.
    known: Vec<(u16, (u8, i64), bool)>,
    held: Vec<Held>,
    /// The newest second of each bot.
    clocks: Vec<(u8, i64)>,
    /// Who was cleared, and when.
    cleared: Vec<(u8, i64)>,
}

impl Reference {
    /// The hashes of what fires, for each firing.
    fn take(&mut self, event: &Event, asked: &Asked) -> Vec<Vec<u8>> {
        let retraction = event.kind == Kind::Retraction;
        let key = u16::from(event.hash) + if retraction { 1_000 } else { 0 };
        let block = (event.height, event.second);
        let orphan = event.kind == Kind::Orphan;
        match self.known.iter().position(|(known, ..)| *known == key) {
            None => self.known.push((key, block, orphan)),
            Some(at) => {
                let (_, newest, was_orphan) = self.known[at];
                if newest == block || (!was_orphan && block < newest) {
                    return Vec::new();
                }
                if !orphan {
                    self.known[at] = (key, block, false);
                }
            }
        }
        // The clock that binds: the second newest of all bots.
        let mut newest: Vec<i64> = self.clocks.iter().map(|(_, second)| *second).collect();
        newest.sort_unstable_by(|one, two| two.cmp(one));
        let late = newest.get(1).is_some_and(|clock| clock - event.second > MAX_AGE);
        match self.clocks.iter_mut().find(|(bot, _)| *bot == event.bot) {
            Some((_, second)) => *second = event.second.max(*second),
            None => self.clocks.push((event.bot, event.second)),
        }
        if retraction {
            for attacker in &event.attackers {
                self.cleared.retain(|(known, _)| known != attacker);
                self.cleared.push((*attacker, event.second));
            }
            let cleared = self.cleared.clone();
            self.held.retain(|held| {
                let touched = held.event.attackers.iter().any(|attacker| event.attackers.contains(attacker));
                !(touched && all_cleared(&held.event.attackers, &cleared))
            });
            return Vec::new();
        }
        if orphan {
            return Vec::new();
        }
        let older =
            self.held.iter().position(|held| held.event.hash == event.hash).map(|at| self.held.remove(at));
        // By attacker, who accuses nobody stands in no window; what an older block caused goes with it.
        let nowhere = asked.by_attacker && event.attackers.is_empty();
        if late || nowhere || all_cleared(&event.attackers, &self.cleared) {
            return Vec::new();
        }
        self.held.push(Held { event: event.clone(), spent: older.is_some_and(|older| older.spent) });
        let groups: Vec<Option<u8>> =
            if asked.by_attacker { event.attackers.iter().copied().map(Some).collect() } else { vec![None] };
        groups.into_iter().filter_map(|group| self.complete(event, group, asked)).collect()
    }

    /// Tries every second at which a window with the event could begin.
    fn complete(&mut self, event: &Event, group: Option<u8>, asked: &Asked) -> Option<Vec<u8>> {
        let fresh: Vec<Event> = self
            .held
            .iter()
            .filter(|held| !held.spent && group.is_none_or(|group| held.event.attackers.contains(&group)))
            .map(|held| held.event.clone())
            .collect();
        if !fresh.contains(event) {
            return None;
        }
        let mut starts: Vec<i64> = fresh.iter().map(|event| event.second).collect();
        starts.sort_unstable();
        let taken = starts.into_iter().find_map(|start| {
            let end = start + asked.within;
            let inside: Vec<Event> =
                fresh.iter().filter(|event| (start..=end).contains(&event.second)).cloned().collect();
            let different = |of: fn(&Event) -> u8| {
                let mut of: Vec<u8> = inside.iter().map(of).collect();
                of.sort_unstable();
                of.dedup();
                of.len() as u32
            };
            let enough = inside.contains(event)
                && inside.len() as u32 >= asked.alerts
                && different(|event| event.bot) >= asked.bots
                && different(|event| event.feed) >= asked.feeds
                && different(|event| event.transaction) >= asked.transactions
                && (!asked.including || inside.iter().any(|event| event.included));
            enough.then_some(inside)
        })?;
        let mut hashes: Vec<u8> = taken.iter().map(|event| event.hash).collect();
        self.held
            .iter_mut()
            .filter(|held| hashes.contains(&held.event.hash))
            .for_each(|held| held.spent = true);
        hashes.sort_unstable();
        Some(hashes)
    }
}

/// Somebody is accused, and all who are were cleared; a day is longer than any of these streams.
fn all_cleared(attackers: &[u8], cleared: &[(u8, i64)]) -> bool {
    !attackers.is_empty()
        && attackers.iter().all(|attacker| cleared.iter().any(|(known, _)| known == attacker))
}

fn address_of(attacker: u8) -> Address {
    Address::repeat_byte(0xe0 + attacker)
}

fn delivered(event: &Event) -> Alert {
    let retraction = event.kind == Kind::Retraction;
    let prefix = if retraction { "r" } else { "" };
    let mut alert = alert(&format!("{prefix}{}", event.hash), &format!("0x{}", event.bot), event.second);
    alert.feed = format!("feed-{}", event.feed).as_str().into();
    alert.transaction = Some(B256::repeat_byte(event.transaction));
    alert.block.as_mut().unwrap().number = u64::from(event.height);
    alert.addresses = vec![VAULT];
    alert.labels = event
        .attackers
        .iter()
        .map(|attacker| AlertLabel {
            label: "attacker-eoa".to_owned(),
            entity: format!("{:#x}", address_of(*attacker)),
            remove: retraction,
        })
        .collect();
    if retraction {
        alert.severity = AlertSeverity::Info;
    }
    alert.metadata.insert("x".to_owned(), serde_json::json!(u8::from(event.included).to_string()));
    alert
}

fn condition(asked: &Asked) -> Condition {
    let lists = BotLists::from([("judges".to_owned(), vec![BotId::new(&format!("0x{JUDGE}"))])]);
    let Asked { alerts, bots, feeds, .. } = *asked;
    let spec = ConditionSpec {
        when: "alert.severity >= CRITICAL".to_owned(),
        count: Some(CountSpec { alerts, bots, feeds, within: SignedDuration::from_secs(asked.within) }),
        including: asked.including.then(|| "alert.metadata.x == 1".to_owned()),
        distinct: vec![DistinctSpec { of: Distinct::Transactions, at_least: asked.transactions }],
        group: if asked.by_attacker { vec![GroupBy::Contract, GroupBy::Attacker] } else { Vec::new() },
        retracted_by: Some("judges".to_owned()),
        max_age: SignedDuration::from_secs(MAX_AGE),
        early: Early::Nothing,
        ..spec()
    };
    Condition::compile(spec, &lists, contracts()).unwrap()
}

/// Two bots that start the clock and concern nobody.
fn start() -> Vec<Event> {
    let quiet = |bot| Event {
        hash: 200 + bot,
        bot,
        feed: 0,
        transaction: 0,
        second: 0,
        height: 0,
        attackers: Vec::new(),
        included: false,
        kind: Kind::Retraction,
    };
    vec![quiet(7), quiet(8)]
}

fn observed(events: &[Event], asked: &Asked) -> Vec<Vec<Vec<u8>>> {
    let mut matcher = Matcher::new(vec![("r".into(), condition(asked))]);
    let mut one = |event: &Event| {
        let block = if event.kind == Kind::Orphan { Canonicity::Orphaned } else { Canonicity::Canonical };
        let seen = matcher.observe(&delivered(event), &Known { block, now: None });
        let firing = |found: Match| {
            let mut hashes: Vec<u8> = found.alerts.iter().map(|hash| hash.0.parse().unwrap()).collect();
            hashes.sort_unstable();
            hashes
        };
        seen.matches.into_iter().map(firing).collect()
    };
    events.iter().map(&mut one).collect()
}

fn event(seconds: i64) -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        12 => Just(Kind::Claim),
        1 => Just(Kind::Orphan),
        1 => Just(Kind::Retraction),
    ];
    let who = prop_oneof![3 => Just(vec![]), 3 => Just(vec![0]), 2 => Just(vec![1]), 2 => Just(vec![0, 1])];
    (0_u8..40, 0_u8..4, 0_u8..3, 0_u8..3, 0..seconds, 0_u8..3, who, any::<bool>(), kind).prop_map(
        |(hash, bot, feed, transaction, second, height, attackers, included, kind)| {
            let bot = if kind == Kind::Retraction { JUDGE } else { bot };
            Event { hash, bot, feed, transaction, second, height, attackers, included, kind }
        },
    )
}

/// Hashes of their own: over hours, what an alert has caused is forgotten with it.
fn each_once(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().enumerate().map(|(n, event)| Event { hash: n as u8, ..event }).collect()
}

fn asked() -> impl Strategy<Value = Asked> {
    (1_u32..5, 0_u32..4, 0_u32..4, 0_u32..4, 1_i64..600, any::<bool>(), any::<bool>()).prop_map(
        |(alerts, bots, feeds, transactions, within, including, by_attacker)| {
            let fewer = |by: u32| alerts.saturating_sub(by).max(1);
            let (bots, feeds, transactions) = (fewer(bots), fewer(feeds), fewer(transactions));
            Asked { alerts, bots, feeds, transactions, within, including, by_attacker }
        },
    )
}

proptest! {
    #![proptest_config(cases(80))]

    /// Duplicates, late and old alerts, newer blocks, orphans and retractions, in any order of delivery.
    #[test]
    fn the_window_is_the_reference(
        events in prop_oneof![
            proptest::collection::vec(event(400), 0..50),
            proptest::collection::vec(event(6_000), 0..70).prop_map(each_once),
        ],
        asked in asked(),
    ) {
        let events = [start(), events].concat();
        let mut reference = Reference::default();
        let expected: Vec<Vec<Vec<u8>>> = events.iter().map(|event| reference.take(event, &asked)).collect();
        prop_assert_eq!(observed(&events, &asked), expected);
    }

    /// Whether anything fires at all does not depend on the order of arrival, while nothing is too old or taken back.
    #[test]
    fn order_of_arrival_decides_nothing(
        events in proptest::collection::vec(event(400), 0..14)
            .prop_map(|events| {
                let claims = each_once(events).into_iter();
                claims.map(|event| Event { kind: Kind::Claim, ..event }).collect::<Vec<_>>()
            })
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        asked in asked(),
    ) {
        let (one, other) = events;
        let fires = |events: &[Event]| observed(events, &asked).iter().any(|found| !found.is_empty());
        prop_assert_eq!(fires(&one), fires(&other));
    }
}
