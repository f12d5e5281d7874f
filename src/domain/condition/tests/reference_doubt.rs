//! Unknown blocks and announced maintenance against a slow reference that is written from docs/CONDITIONS.md alone.
//!
//! The reference keeps every alert for ever in one list and looks through all of it each time.

use proptest::prelude::*;

use super::*;

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// An alert comes, in a block about which the chain says what it said last.
    Comes { hash: u8, bot: u8, block: u8, included: bool },
    /// The chain is asked again about a block.
    Learned { block: u8, is: Canonicity },
}

#[derive(Clone, Debug)]
struct Asked {
    alerts: u32,
    bots: u32,
    within: i64,
    including: bool,
    /// Both ends belong to it.
    maintenance: Option<(i64, i64)>,
}

/// One alert that counts.
#[derive(Clone, Debug)]
struct Held {
    hash: u8,
    bot: u8,
    block: u8,
    included: bool,
    /// It took part in a page.
    paged: bool,
    /// It took part in a firing in full.
    spent: bool,
}

/// A firing: in full or a page only, and of which alerts.
type Fired = (bool, Vec<u8>);

struct Reference {
    asked: Asked,
    /// What the chain said last of each block.
    blocks: [Canonicity; BLOCKS as usize],
    /// Of each hash the newest block that may be on the chain, or one that is not.
    newest: Vec<(u8, u8)>,
    held: Vec<Held>,
}

const BLOCKS: u8 = 12;
const APART: i64 = 60;

fn second(block: u8) -> i64 {
    i64::from(block) * APART
}

impl Reference {
    fn new(asked: Asked, blocks: [Canonicity; BLOCKS as usize]) -> Self {
        Self { asked, blocks, newest: Vec::new(), held: Vec::new() }
    }

    fn is(&self, block: u8) -> Canonicity {
        self.blocks[usize::from(block)]
    }

    /// Nothing is known against it.
    fn is_sound(&self, held: &Held) -> bool {
        let second = second(held.block);
        let maintained = self.asked.maintenance.is_some_and(|(from, to)| (from..=to).contains(&second));
        self.is(held.block) == Canonicity::Canonical && !maintained
    }

    fn comes(&mut self, hash: u8, bot: u8, block: u8, included: bool) -> Vec<Fired> {
        let orphan = self.is(block) == Canonicity::Orphaned;
        let known = self.newest.iter().find(|(known, _)| *known == hash).map(|(_, newest)| *newest);
        if let Some(newest) = known {
            let gone = self.is(newest) == Canonicity::Orphaned;
            if block == newest || (!gone && block < newest) {
                return Vec::new();
            }
        }
        if !orphan || known.is_none() {
            self.newest.retain(|(known, _)| *known != hash);
            self.newest.push((hash, block));
        }
        if orphan {
            return Vec::new();
        }
        let older = self.held.iter().position(|held| held.hash == hash).map(|at| self.held.remove(at));
        let (paged, spent) = older.map_or((false, false), |older| (older.paged, older.spent));
        self.held.push(Held { hash, bot, block, included, paged, spent });
        self.tries(hash).into_iter().collect()
    }

    /// What fires, and which alerts of firings are taken back.
    fn learns(&mut self, block: u8, is: Canonicity) -> (Vec<Fired>, Vec<u8>) {
        self.blocks[usize::from(block)] = is;
        let concerned: Vec<Held> = self.held.iter().filter(|held| held.block == block).cloned().collect();
        if is == Canonicity::Orphaned {
            self.held.retain(|held| held.block != block);
            let mut gone: Vec<u8> =
                concerned.iter().filter(|held| held.paged || held.spent).map(|held| held.hash).collect();
            gone.sort_unstable();
            return (Vec::new(), gone);
        }
        (concerned.iter().filter_map(|held| self.tries(held.hash)).collect(), Vec::new())
    }

    /// In full with what is sound; or else a page, with what has not paged either.
    fn tries(&mut self, hash: u8) -> Option<Fired> {
        let sound: Vec<Held> =
            self.held.iter().filter(|held| !held.spent && self.is_sound(held)).cloned().collect();
        let all: Vec<Held> = self.held.iter().filter(|held| !held.spent && !held.paged).cloned().collect();
        let in_full = self.window(&sound, hash);
        let fired = in_full.clone().map(|taken| (true, taken));
        let (full, taken) = fired.or_else(|| self.window(&all, hash).map(|taken| (false, taken)))?;
        for held in self.held.iter_mut().filter(|held| taken.contains(&held.hash)) {
            held.paged = true;
            held.spent |= full;
        }
        Some((full, taken))
    }

    /// The first window with the alert in which all that is asked for comes together.
    fn window(&self, among: &[Held], hash: u8) -> Option<Vec<u8>> {
        let mut starts: Vec<i64> = among.iter().map(|held| second(held.block)).collect();
        starts.sort_unstable();
        let inside = starts.into_iter().find_map(|start| {
            let span = start..=start + self.asked.within;
            let inside: Vec<&Held> = among.iter().filter(|held| span.contains(&second(held.block))).collect();
            let mut bots: Vec<u8> = inside.iter().map(|held| held.bot).collect();
            bots.sort_unstable();
            bots.dedup();
            let enough = inside.iter().any(|held| held.hash == hash)
                && inside.len() as u32 >= self.asked.alerts
                && bots.len() as u32 >= self.asked.bots
                && (!self.asked.including || inside.iter().any(|held| held.included));
            enough.then_some(inside)
        })?;
        let mut hashes: Vec<u8> = inside.iter().map(|held| held.hash).collect();
        hashes.sort_unstable();
        Some(hashes)
    }
}

fn delivered(hash: u8, bot: u8, block: u8, included: bool) -> Alert {
    let mut alert = alert(&hash.to_string(), &format!("0x{bot}"), second(block));
    alert.addresses = vec![VAULT];
    let of = alert.block.as_mut().unwrap();
    of.number = 1_000_000 + u64::from(block);
    of.hash = Some(B256::repeat_byte(block + 1));
    alert.metadata.insert("x".to_owned(), serde_json::json!(u8::from(included).to_string()));
    alert
}

fn matcher_of(asked: &Asked) -> Matcher {
    let spec = ConditionSpec {
        when: "alert.severity >= CRITICAL".to_owned(),
        count: Some(CountSpec {
            alerts: asked.alerts,
            bots: asked.bots,
            feeds: 1,
            within: SignedDuration::from_secs(asked.within),
        }),
        including: asked.including.then(|| "alert.metadata.x == 1".to_owned()),
        early: Early::Nothing,
        ..spec()
    };
    let windows = asked.maintenance.into_iter().map(|(from, to)| MaintenanceWindow {
        contract: "vault".into(),
        from: at(from),
        to: at(to),
        by: "ana".to_owned(),
        why: "upgrade".to_owned(),
    });
    Matcher::with_maintenance(vec![("r".into(), compile_spec(spec))], Maintenance::new(windows.collect()))
}

fn fired(matches: Vec<Match>) -> Vec<Fired> {
    matches
        .into_iter()
        .map(|found| {
            let mut hashes: Vec<u8> = found.alerts.iter().map(|hash| hash.0.parse().unwrap()).collect();
            hashes.sort_unstable();
            (found.downgraded.is_none(), hashes)
        })
        .collect()
}

fn canonicity() -> impl Strategy<Value = Canonicity> {
    prop_oneof![
        4 => Just(Canonicity::Canonical),
        3 => Just(Canonicity::Unknown),
        1 => Just(Canonicity::Orphaned),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let comes = (0_u8..24, 0_u8..4, 0..BLOCKS, any::<bool>())
        .prop_map(|(hash, bot, block, included)| Event::Comes { hash, bot, block, included });
    let learned = (0..BLOCKS, canonicity()).prop_map(|(block, is)| Event::Learned { block, is });
    prop_oneof![4 => comes, 1 => learned]
}

fn asked() -> impl Strategy<Value = Asked> {
    let maintenance = prop_oneof![
        1 => Just(None),
        2 => (0_i64..11, 1_i64..6).prop_map(|(from, long)| Some((from * APART, (from + long) * APART))),
    ];
    (1_u32..5, 0_u32..4, 0_i64..8, any::<bool>(), maintenance).prop_map(
        |(alerts, fewer, blocks, including, maintenance)| Asked {
            alerts,
            bots: alerts.saturating_sub(fewer).max(1),
            within: (blocks * APART).max(1),
            including,
            maintenance,
        },
    )
}

proptest! {
    #![proptest_config(cases(200))]

    /// Blocks that nobody knew of and that are told later, once or again and again; work that was announced.
    #[test]
    fn what_is_in_doubt_is_the_reference(
        blocks in proptest::array::uniform12(canonicity()),
        events in proptest::collection::vec(event(), 0..50),
        asked in asked(),
    ) {
        let mut matcher = matcher_of(&asked);
        let mut reference = Reference::new(asked, blocks);
        for (number, event) in events.iter().enumerate() {
            match *event {
                Event::Comes { hash, bot, block, included } => {
                    let known = Known { block: reference.is(block), now: None };
                    let seen = matcher.observe(&delivered(hash, bot, block, included), &known);
                    let expected = reference.comes(hash, bot, block, included);
                    prop_assert_eq!(fired(seen.matches), expected, "event {} of {:#?}", number, events);
                }
                // What is known does not become unknown again.
                Event::Learned { block, is }
                    if is == Canonicity::Unknown || reference.is(block) == Canonicity::Orphaned => {}
                Event::Learned { block, is } => {
                    let of = BlockId::of(&delivered(0, 0, block, false)).unwrap();
                    let (matches, withdrawn) = matcher.learn(&of, is);
                    let (expected, gone) = reference.learns(block, is);
                    prop_assert_eq!(fired(matches), expected, "event {} of {:#?}", number, events);
                    let mut told: Vec<u8> = withdrawn
                        .iter()
                        .flat_map(|withdrawn| withdrawn.alerts.iter().map(|hash| hash.0.parse().unwrap()))
                        .collect();
                    told.sort_unstable();
                    prop_assert_eq!(told, gone, "event {} of {:#?}", number, events);
                }
            }
        }
    }
}
