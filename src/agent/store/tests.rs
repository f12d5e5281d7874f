//! The store on a journal that fails, stands still, forgets to answer, and is shared with twins.

use std::sync::Arc;

use jiff::SignedDuration;

use super::*;
use crate::clock::ManualClock;
use crate::domain::condition::Response;
use crate::domain::incident::fixture::*;
use crate::domain::incident::names::Purpose;
use crate::domain::incident::state::Subject;
use crate::domain::incident::{Actor, Phase, Stage};
use crate::journal::MemoryJournal;
use crate::journal::faults::{Fault, FaultyJournal};

/// Two processes on one journal; the faults are the first one's.
struct Bench {
    clock: Arc<ManualClock>,
    journal: Arc<FaultyJournal>,
    ours: Arc<IncidentStore>,
    twin: IncidentStore,
    beneath: Arc<MemoryJournal>,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::at(at(0));
        let beneath = Arc::new(MemoryJournal::new());
        let journal = FaultyJournal::new(beneath.clone());
        let ours = Arc::new(IncidentStore::new(journal.clone(), clock.clone()));
        let twin = IncidentStore::new(beneath.clone(), clock.clone());
        Self { clock, journal, ours, twin, beneath }
    }

    /// With one incident that both know.
    async fn with_incident() -> Self {
        let bench = Self::new();
        assert_eq!(open(&bench.ours).await, Some(IncidentId(1)));
        bench.twin.sync().await.unwrap();
        bench
    }

    fn pass(&self) {
        self.clock.step(SignedDuration::from_secs(1));
    }

    /// What a process that starts now finds.
    async fn restarted(&self) -> IncidentStore {
        let store = IncidentStore::new(self.beneath.clone(), self.clock.clone());
        store.sync().await.unwrap();
        store
    }

    /// Ours, the twin's and a newcomer's incidents are the same.
    async fn all_agree(&self) {
        self.ours.sync().await.unwrap();
        self.twin.sync().await.unwrap();
        let newcomer = self.restarted().await;
        let shown = |store: &IncidentStore| {
            let each = store.all();
            each.iter()
                .map(|incident| format!("{incident:#?}\n{:#?}", store.facts(incident.id)))
                .collect::<String>()
        };
        assert_eq!(shown(&self.ours), shown(&newcomer), "ours");
        assert_eq!(shown(&self.twin), shown(&newcomer), "the twin's");
        assert_eq!(self.ours.gap_since(), None);
    }
}

async fn open(store: &IncidentStore) -> Option<IncidentId> {
    store.open(Opening { facts: vec![reported(Response::Propose)], containment: true }).await.unwrap()
}

async fn record(store: &IncidentStore, id: u64, fact: Fact) -> Result<Recorded, StoreError> {
    let id = IncidentId(id);
    store.record(id, store.get(id).unwrap().version, vec![fact], true).await
}

/// Records on the newest state, however often that takes.
async fn settled(store: &IncidentStore, id: u64, fact: Fact) -> Recorded {
    loop {
        match record(store, id, fact.clone()).await.unwrap() {
            Recorded::Stale => {}
            done @ (Recorded::Applied | Recorded::Unwritten) => return done,
        }
    }
}

fn noted(text: &str) -> Fact {
    Fact::Noted { by: Actor::Agent, text: text.to_owned() }
}

fn started(attempt: u32) -> Fact {
    Fact::PreparationStarted { attempt }
}

/// The facts' words, in order.
fn story(store: &IncidentStore, id: u64) -> String {
    let facts = store.facts(IncidentId(id));
    facts.iter().map(|(_, fact)| fact.kind()).collect::<Vec<_>>().join(" ")
}

fn dropped(store: &IncidentStore, id: u64) -> Vec<String> {
    let facts = store.facts(IncidentId(id));
    facts
        .into_iter()
        .flat_map(|(_, fact)| {
            let Fact::JournalGap { dropped, .. } = fact else { return vec![] };
            dropped
        })
        .collect()
}

#[tokio::test]
async fn a_stale_writer_reads_again_and_nothing_is_lost() {
    let bench = Bench::with_incident().await;
    let version = bench.twin.get(IncidentId(1)).unwrap().version;
    assert_eq!(record(&bench.ours, 1, noted("ours")).await.unwrap(), Recorded::Applied);
    let stale = bench.twin.record(IncidentId(1), version, vec![noted("twin's")], false).await.unwrap();
    assert_eq!(stale, Recorded::Stale);
    assert_eq!(story(&bench.twin, 1), "reported noted", "it has read what it had missed");
    assert_eq!(record(&bench.twin, 1, noted("twin's")).await.unwrap(), Recorded::Applied);
    bench.all_agree().await;
}

#[tokio::test]
async fn a_refused_fact_is_not_written() {
    let bench = Bench::with_incident().await;
    let refused = record(&bench.ours, 1, Fact::Resolved { by: Actor::Agent, summary: "x".into() }).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let refused = bench.ours.open(Opening { facts: vec![noted("x")], containment: true }).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(bench.journal.appends(), 1);
    bench.all_agree().await;
}

#[tokio::test]
async fn racing_processes_give_each_incident_its_own_number_and_lose_no_fact() {
    let bench = Bench::new();
    let stores: Vec<_> =
        (0..4).map(|_| Arc::new(IncidentStore::new(bench.beneath.clone(), bench.clock.clone()))).collect();
    let mut racers = tokio::task::JoinSet::new();
    for (store, racer) in stores.into_iter().zip(0..) {
        racers.spawn(async move {
            let mut numbers = vec![];
            for round in 0..8 {
                let id = loop {
                    if let Some(id) = open(&store).await {
                        break id;
                    }
                };
                numbers.push(id.0);
                let text = format!("{racer}/{round}");
                store.decide(IncidentId(1), |_| Ok::<_, StoreError>(vec![noted(&text)])).await.unwrap();
            }
            numbers
        });
    }
    let mut numbers = racers.join_all().await.concat();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
    let newcomer = bench.restarted().await;
    assert_eq!(newcomer.facts(IncidentId(1)).len(), 1 + 32);
    bench.all_agree().await;
}

#[tokio::test]
async fn the_journal_is_never_what_stops_a_pause() {
    let bench = Bench::with_incident().await;
    bench.journal.set_down(true);
    bench.pass();
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    bench.pass();
    assert_eq!(record(&bench.ours, 1, prepared(1, 7)).await.unwrap(), Recorded::Unwritten);
    let incident = bench.ours.get(IncidentId(1)).unwrap();
    assert_eq!(incident.stage, Stage::Prepared);
    assert_eq!(incident.calls[&Purpose::JournalGap].subject, Subject::GapLasts, "people are told at once");
    assert_eq!(bench.ours.gap_since(), Some(at(1)));
    assert!(bench.ours.flush().await.is_err());

    bench.journal.set_down(false);
    bench.pass();
    bench.ours.flush().await.unwrap();
    assert_eq!(story(&bench.ours, 1), "reported journal-gap preparation-started prepared");
    assert_eq!(bench.ours.facts(IncidentId(1))[2].0, at(1), "each fact keeps its time");
    assert_eq!(dropped(&bench.ours, 1), Vec::<String>::new());
    bench.all_agree().await;
}

#[tokio::test]
async fn what_is_not_containment_fails_closed() {
    let bench = Bench::with_incident().await;
    bench.journal.set_down(true);
    let id = IncidentId(1);
    assert!(bench.ours.record(id, 1, vec![noted("x")], false).await.is_err());
    let facts = vec![reported(Response::Page)];
    assert!(bench.ours.open(Opening { facts: facts.clone(), containment: false }).await.is_err());
    assert!(bench.ours.decide(id, |_| Ok::<_, StoreError>(vec![noted("x")])).await.is_err());
    assert_eq!(story(&bench.ours, 1), "reported");
    // Not even behind facts of containment that are kept in memory.
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    let version = bench.ours.get(id).unwrap().version;
    assert!(bench.ours.record(id, version, vec![noted("x")], false).await.is_err());
    assert!(bench.ours.open(Opening { facts, containment: false }).await.is_err());
}

#[tokio::test]
async fn what_a_twin_wrote_meanwhile_comes_first_and_what_no_longer_fits_is_named() {
    let bench = Bench::with_incident().await;
    bench.journal.set_down(true);
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    assert_eq!(record(&bench.ours, 1, noted("kept")).await.unwrap(), Recorded::Unwritten);
    assert_eq!(record(&bench.twin, 1, triaged(Actor::Operator, false)).await.unwrap(), Recorded::Applied);
    bench.journal.set_down(false);
    bench.ours.flush().await.unwrap();
    assert_eq!(story(&bench.ours, 1), "reported triaged journal-gap noted");
    assert_eq!(
        dropped(&bench.ours, 1),
        ["INC-1: \"preparation-started\" cannot follow: triage found an event, not an incident"]
    );
    bench.all_agree().await;
}

#[tokio::test]
async fn a_gap_on_what_a_twin_closed_leaves_the_journal_readable() {
    let bench = Bench::with_incident().await;
    bench.journal.set_down(true);
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    for fact in
        [triaged(Actor::Operator, false), Fact::Closed { by: Actor::Operator, reason: "nothing".into() }]
    {
        assert_eq!(record(&bench.twin, 1, fact).await.unwrap(), Recorded::Applied);
    }
    bench.journal.set_down(false);
    bench.ours.flush().await.unwrap();
    assert_eq!(bench.ours.get(IncidentId(1)).unwrap().phase, Phase::Closed);
    bench.all_agree().await;
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_not_written_twice() {
    let bench = Bench::with_incident().await;
    bench.journal.plan(2, Fault::FailAfter);
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    bench.pass();
    bench.ours.flush().await.unwrap();
    assert_eq!(story(&bench.ours, 1), "reported preparation-started", "and nobody is told of a gap");
    bench.all_agree().await;

    // An opening: the same incident, not a second one.
    bench.journal.plan(3, Fault::FailAfter);
    assert_eq!(open(&bench.ours).await, Some(IncidentId(2)));
    bench.pass();
    assert_eq!(settled(&bench.ours, 2, started(1)).await, Recorded::Applied, "flushed on the way");
    assert_eq!(story(&bench.ours, 2), "reported preparation-started");
    assert_eq!(bench.restarted().await.all().len(), 2);
    bench.all_agree().await;
}

#[tokio::test]
async fn what_was_opened_in_a_gap_is_written_when_it_is_over() {
    let bench = Bench::new();
    bench.journal.set_down(true);
    let (first, second) = (open(&bench.ours).await, open(&bench.ours).await);
    assert_eq!((first, second), (Some(IncidentId(1)), Some(IncidentId(2))), "both have numbers");
    bench.pass();
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    assert_eq!(record(&bench.ours, 1, acknowledged("ana")).await.unwrap(), Recorded::Unwritten);
    bench.journal.set_down(false);
    bench.pass();
    assert_eq!(open(&bench.ours).await, Some(IncidentId(3)), "numbers go on behind those of the gap");
    assert_eq!(story(&bench.ours, 1), "reported journal-gap preparation-started acknowledged");
    let call = &bench.ours.get(IncidentId(1)).unwrap().calls[&Purpose::JournalGap];
    assert!(call.closed && call.subject == Subject::GapOver, "answered while it lasted: {call:?}");
    bench.all_agree().await;
}

#[tokio::test]
async fn a_number_that_a_twin_took_is_given_up_and_said() {
    let bench = Bench::with_incident().await;
    bench.journal.set_down(true);
    assert_eq!(open(&bench.ours).await, Some(IncidentId(2)));
    assert_eq!(record(&bench.ours, 2, started(1)).await.unwrap(), Recorded::Unwritten);
    bench.pass();
    assert_eq!(open(&bench.twin).await, Some(IncidentId(2)));
    for fact in [noted("the twin's"), noted("again"), noted("and again")] {
        assert_eq!(record(&bench.twin, 2, fact).await.unwrap(), Recorded::Applied);
    }
    bench.journal.set_down(false);
    // Read while the number still seems ours.
    bench.ours.sync().await.unwrap();
    assert_eq!(story(&bench.ours, 2), "reported journal-gap preparation-started");
    bench.ours.flush().await.unwrap();
    assert_eq!(record(&bench.twin, 2, noted("once more")).await.unwrap(), Recorded::Applied);
    bench.all_agree().await;
    assert_eq!(story(&bench.ours, 2), "reported noted noted noted noted", "the twin's");
    assert_eq!(story(&bench.ours, 3), "reported journal-gap preparation-started noted", "ours");
    let (_, last) = bench.ours.facts(IncidentId(3)).pop().unwrap();
    assert_eq!(last, noted("called INC-2 while the journal was away; pages may say so"));
}

#[tokio::test]
async fn of_several_that_were_opened_in_a_gap_none_takes_anothers_place() {
    let bench = Bench::with_incident().await;
    bench.journal.set_down(true);
    for (id, name) in [(2, "first"), (3, "second"), (4, "third")] {
        assert_eq!(open(&bench.ours).await, Some(IncidentId(id)));
        assert_eq!(record(&bench.ours, id, noted(name)).await.unwrap(), Recorded::Unwritten);
        bench.pass();
    }
    assert_eq!(open(&bench.twin).await, Some(IncidentId(2)));
    bench.journal.set_down(false);
    bench.ours.flush().await.unwrap();
    bench.all_agree().await;
    let mut names = vec![];
    for id in 2..=5 {
        let facts = bench.ours.facts(IncidentId(id));
        let notes = facts.into_iter().filter_map(|(_, fact)| {
            let Fact::Noted { text, .. } = fact else { return None };
            Some(text.split(" while").next().unwrap().to_owned())
        });
        names.push(notes.collect::<Vec<_>>().join(", "));
    }
    names.sort();
    insta::assert_debug_snapshot!(names, @r#"
    [
        "",
        "first, called INC-2",
        "second, called INC-3",
        "third",
    ]
    "#);
}

#[tokio::test]
async fn what_is_recorded_while_a_gap_is_written_back_is_not_forgotten() {
    let bench = Bench::with_incident().await;
    bench.journal.plan(2, Fault::FailBefore);
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    bench.journal.plan(3, Fault::HoldAfter);
    let (flushed, (), recorded) = tokio::join!(
        bench.ours.flush(),
        async {
            bench.journal.held().await;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            bench.journal.release();
        },
        async {
            bench.journal.held().await;
            record(&bench.ours, 1, noted("meanwhile")).await
        },
    );
    flushed.unwrap();
    assert!(matches!(recorded, Ok(Recorded::Applied | Recorded::Stale)), "{recorded:?}");
    if recorded.unwrap() == Recorded::Applied {
        assert_eq!(story(&bench.ours, 1), "reported journal-gap preparation-started noted");
    }
    bench.all_agree().await;
}

#[tokio::test]
async fn a_journal_that_stands_still_is_not_waited_for() {
    let bench = Bench::with_incident().await;
    bench.journal.plan(2, Fault::HoldBefore);
    let begun = Instant::now();
    assert_eq!(record(&bench.ours, 1, started(1)).await.unwrap(), Recorded::Unwritten);
    assert_eq!(record(&bench.ours, 1, prepared(1, 7)).await.unwrap(), Recorded::Unwritten);
    assert!(begun.elapsed() >= JOURNAL_WAIT_MAX);
    assert_eq!(bench.journal.appends(), 2, "the next fact is not held up by it");
    assert!(bench.ours.journal_rests());
    bench.ours.flush().await.unwrap();
    assert!(!bench.ours.journal_rests());
    assert_eq!(story(&bench.ours, 1), "reported journal-gap preparation-started prepared");
    bench.all_agree().await;
}

#[tokio::test]
async fn more_facts_than_an_append_takes_are_written_in_parts() {
    let bench = Bench::with_incident().await;
    bench.journal.set_down(true);
    for index in 0..1_100 {
        let kept = record(&bench.ours, 1, noted(&index.to_string())).await.unwrap();
        assert_eq!(kept, Recorded::Unwritten);
    }
    bench.journal.set_down(false);
    bench.ours.flush().await.unwrap();
    let notes = bench.ours.facts(IncidentId(1));
    let notes: Vec<_> = notes.iter().filter(|(_, fact)| fact.kind() == "noted").collect();
    assert_eq!(notes.len(), 1_100);
    assert_eq!(notes[1_099].1, noted("1099"), "in their order");
    bench.all_agree().await;
}

#[tokio::test]
async fn a_fact_that_the_journal_refuses_neither_stops_containment_nor_keeps_other_incidents_back() {
    let bench = Bench::with_incident().await;
    assert_eq!(open(&bench.ours).await, Some(IncidentId(2)));
    let endless = noted(&"x".repeat(2 * 1024 * 1024));
    assert_eq!(record(&bench.ours, 1, endless).await.unwrap(), Recorded::Unwritten);
    bench.journal.plan(4, Fault::FailBefore);
    bench.journal.plan(5, Fault::FailBefore);
    assert_eq!(record(&bench.ours, 2, started(1)).await.unwrap(), Recorded::Unwritten);
    assert!(matches!(bench.ours.flush().await, Err(StoreError::Journal(_) | StoreError::NotTaken(_))));
    assert!(matches!(bench.ours.flush().await, Err(StoreError::NotTaken(_))));
    assert_eq!(story(&bench.restarted().await, 2), "reported journal-gap preparation-started");
    assert!(bench.ours.gap_since().is_some(), "and it is not said to be over");
}

#[tokio::test]
async fn every_step_killed_before_and_after_it_is_on_disk_ends_in_the_same_story() {
    let facts = || vec![started(1), prepared(1, 7), noted("n"), acknowledged("ana")];
    for fault in [Fault::FailBefore, Fault::FailAfter] {
        for step in 1..=5 {
            let bench = Bench::new();
            bench.journal.plan(step, fault);
            assert_eq!(open(&bench.ours).await, Some(IncidentId(1)));
            for fact in facts() {
                bench.pass();
                let _either_way = settled(&bench.ours, 1, fact).await;
            }
            bench.ours.flush().await.unwrap();
            let told = story(&bench.ours, 1).replace(" journal-gap", "");
            assert_eq!(told, "reported preparation-started prepared noted acknowledged", "{fault:?} {step}");
            bench.all_agree().await;
        }
    }
}
