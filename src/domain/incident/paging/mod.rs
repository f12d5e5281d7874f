//! Who is to be called now, by which channel.
//!
//! Every open call walks its steps, round after round, in event time. A step that reaches nobody, because
//! nobody is on call or no channel works, gives its waiting time to the next one at once. Who is named by
//! several steps that have begun is paged for the last of them only: after a restart, or when a shift
//! begins late, nobody is woken for every hour that was missed.
//!
//! *A round in which no channel works for now is waited out*: an outage of ours must not use up the rounds
//! in a minute. Once everybody was called, a page that cannot leave is tried until it does.

mod people;

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use jiff::{SignedDuration, Timestamp};

use self::people::{Route, route};
use super::calls::answer_ends;
use super::due::{Due, Task, World};
use super::names::{PageKey, Purpose};
use super::state::{Call, Incident, PageOutcome, PageState, Subject};
use super::transactions::Asked;
use crate::domain::names::{ChannelName, PersonId};
use crate::domain::roster::ROUND_GAP_MIN;
use crate::domain::safe::SafeTxHash;

/// Attempts at one page on one channel, before the channel counts as dead for the step. Once everybody is
/// called there is no bound but the answer.
pub const PAGE_ATTEMPTS_MAX: u32 = 4;

/// The wait after the first failed attempt at a page, in seconds; it doubles.
const PAGE_RETRY_SECONDS: i64 = 2;

/// The longest wait between two attempts at a page, in seconds.
const PAGE_RETRY_SECONDS_MAX: i64 = 300;

/// The pages of every open call that are due now.
pub fn pages_due(incident: &Incident, world: &World<'_>, now: Timestamp) -> Due {
    let mut due = Due::default();
    for (purpose, call) in incident.calls.iter().filter(|(_, call)| !call.closed) {
        // The executor is at it; should it fail, that is another call.
        let executes = *purpose == Purpose::Execute || call.subject == Subject::Signed;
        if executes && world.auto_execute {
            continue;
        }
        Caller { incident, world, purpose: *purpose, call, now }.due(&mut due);
        // Whom a step names may change.
        due.next = earliest(due.next, world.roster.next_change(now));
    }
    due
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Whether somebody can be reached by a step; better is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Nobody is named, nobody has a channel, or each refuses for good.
    Never,
    /// Each channel fails for now.
    NotNow,
    /// Somebody was reached, or may yet be.
    Yes,
}

/// A step of a round that has begun.
struct Begun<'r> {
    round: u32,
    step: u32,
    people: &'r BTreeSet<PersonId>,
    /// Nothing comes after it: its pages are tried until they leave.
    last_resort: bool,
}

/// What has begun of a call, and what comes.
struct Walk<'r> {
    begun: Vec<Begun<'r>>,
    next: Option<Timestamp>,
    over: bool,
}

/// One open call at one instant.
struct Caller<'a> {
    incident: &'a Incident,
    world: &'a World<'a>,
    purpose: Purpose,
    call: &'a Call,
    now: Timestamp,
}

impl Caller<'_> {
    fn due(&self, due: &mut Due) {
        due.next = earliest(due.next, self.answers_end());
        if self.enough_signers_answered() {
            return;
        }
        let route = route(self.incident, self.world, self.purpose, self.call, self.now);
        let everybody: BTreeSet<_> = self.world.roster.people.keys().cloned().collect();
        let walk = match self.call.exhausted {
            None => self.walk(&route),
            Some(_) => {
                let last = Begun { round: route.rounds, step: 0, people: &everybody, last_resort: true };
                Walk { begun: vec![last], next: None, over: false }
            }
        };
        due.next = earliest(due.next, walk.next);
        // Later steps replace earlier ones.
        let places: BTreeMap<&PersonId, &Begun<'_>> = walk
            .begun
            .iter()
            .flat_map(|begun| begun.people.iter().map(move |person| (person, begun)))
            .collect();
        for (person, begun) in places {
            if !self.has_answered(person) {
                self.page(person, begun, due);
            }
        }
        if walk.over && route.ends_in_exhaustion {
            due.tasks.push(Task::Exhaust { purpose: self.purpose });
        }
    }

    /// Which steps have begun by now.
    fn walk<'r>(&self, route: &'r Route) -> Walk<'r> {
        let mut begun = Vec::new();
        let mut round_start = self.call.since;
        for round in 0..route.rounds {
            let (mut saved, mut before) = (SignedDuration::ZERO, SignedDuration::ZERO);
            let (mut last, mut best) = (Reach::Yes, Reach::Never);
            for (step, index) in route.steps.iter().zip(0..) {
                if last < Reach::Yes {
                    saved += step.after - before;
                }
                before = step.after;
                let start = round_start.checked_add(step.after - saved).unwrap_or(Timestamp::MAX);
                if start > self.now {
                    return Walk { begun, next: Some(start), over: false };
                }
                begun.push(Begun { round, step: index, people: &step.people, last_resort: false });
                last = self.reach(&step.people, round, index);
                best = best.max(last);
            }
            let rest = match (best, last) {
                // No later round would reach anybody either.
                (Reach::Never, _) => break,
                // The last step has no use for its time; those before it have had theirs.
                (Reach::Yes, Reach::Never) => (before - saved).max(ROUND_GAP_MIN),
                (Reach::NotNow | Reach::Yes, _) => route.round - saved,
            };
            round_start = round_start.checked_add(rest).unwrap_or(Timestamp::MAX);
            if round_start > self.now {
                return Walk { begun, next: Some(round_start), over: false };
            }
        }
        Walk { begun, next: None, over: true }
    }

    fn reach(&self, people: &BTreeSet<PersonId>, round: u32, step: u32) -> Reach {
        people.iter().map(|person| self.reach_of(person, round, step)).max().unwrap_or(Reach::Never)
    }

    fn reach_of(&self, person: &PersonId, round: u32, step: u32) -> Reach {
        if self.has_answered(person) {
            return Reach::Yes;
        }
        let channels = self.world.roster.people.get(person).map(|person| person.channels.as_slice());
        let each = channels.unwrap_or_default().iter().map(|channel| {
            match self
                .state(&self.key(person, channel, round, step))
                .map(|state| (&state.outcome, state.attempts))
            {
                None | Some((PageOutcome::Started | PageOutcome::Delivered, _)) => Reach::Yes,
                Some((PageOutcome::FailedForNow(_), attempts)) if attempts < PAGE_ATTEMPTS_MAX => Reach::Yes,
                Some((PageOutcome::FailedForNow(_), _)) => Reach::NotNow,
                Some((PageOutcome::FailedForGood(_), _)) => Reach::Never,
            }
        });
        each.max().unwrap_or(Reach::Never)
    }

    fn key(&self, person: &PersonId, channel: &ChannelName, round: u32, step: u32) -> PageKey {
        let (purpose, call) = (self.purpose, self.call.number);
        PageKey { purpose, call, person: person.clone(), channel: channel.clone(), round, step }
    }

    fn state(&self, page: &PageKey) -> Option<&PageState> {
        self.incident.pages.get(page)
    }

    /// Pages one person on each channel that has not taken the page yet.
    fn page(&self, id: &PersonId, begun: &Begun<'_>, due: &mut Due) {
        let Some(person) = self.world.roster.people.get(id) else { return };
        for channel in &person.channels {
            let page = self.key(id, channel, begun.round, begun.step);
            let Some(state) = self.state(&page) else {
                due.tasks.push(Task::Page { page, attempt: 1, begun: false });
                continue;
            };
            match &state.outcome {
                PageOutcome::Delivered | PageOutcome::FailedForGood(_) => {}
                PageOutcome::Started => {
                    due.tasks.push(Task::Page { page, attempt: state.attempts, begun: true });
                }
                PageOutcome::FailedForNow(_) if state.attempts >= PAGE_ATTEMPTS_MAX && !begun.last_resort => {
                }
                PageOutcome::FailedForNow(_) => {
                    let again = retry_at(state);
                    if again > self.now {
                        due.at(again);
                    } else {
                        let attempt = state.attempts.saturating_add(1);
                        due.tasks.push(Task::Page { page, attempt, begun: false });
                    }
                }
            }
        }
    }

    /// Whether the person needs no further page for this call: said to be here, or signed where that is asked.
    fn has_answered(&self, person: &PersonId) -> bool {
        self.is_here(person) || (self.asks_for_signatures() && self.has_signed(person))
    }

    fn is_here(&self, person: &PersonId) -> bool {
        let at = self.incident.acknowledged.get(person);
        at.is_some_and(|at| *at >= self.call.since && self.now < answer_ends(*at))
    }

    /// Everything that is asked of them.
    fn has_signed(&self, person: &PersonId) -> bool {
        let theirs =
            |owner: &Address| self.world.roster.person_of(*owner).is_some_and(|holder| holder.id == *person);
        let mut asked = self.asked().filter(|tx| tx.owners.iter().any(theirs)).peekable();
        asked.peek().is_some() && asked.all(|tx| tx.confirmed.keys().any(theirs))
    }

    /// What is asked of signers under this purpose.
    fn asked(&self) -> impl Iterator<Item = Asked<'_>> {
        self.incident.asked_for(self.purpose).into_iter().filter_map(|hash| self.incident.asked_tx(hash))
    }

    fn asks_for_signatures(&self) -> bool {
        match self.purpose {
            Purpose::Sign | Purpose::Coverage | Purpose::Reject => true,
            Purpose::Triage
            | Purpose::Execute
            | Purpose::Blocked
            | Purpose::Command
            | Purpose::EffectLost
            | Purpose::JournalGap => false,
        }
    }

    /// Enough owners have confirmed or said that they are at it.
    fn enough_signers_answered(&self) -> bool {
        let at_it = |owner: Address| {
            let holder = self.world.roster.person_of(owner);
            holder.is_some_and(|holder| holder.holds(owner, self.now) && self.is_here(&holder.id))
        };
        // What a child Safe approves is counted through the child's own people.
        let approves = |hash: &SafeTxHash| {
            self.incident.companion(*hash).is_some_and(|known| known.companion.is_approval())
        };
        let asked = self.incident.asked_for(self.purpose);
        let mut asked = asked.into_iter().filter(|hash| !approves(hash)).peekable();
        let enough = |hash| self.incident.reaches(hash, &at_it);
        self.asks_for_signatures() && asked.peek().is_some() && asked.all(enough)
    }

    /// When the first answer that counts now counts no longer.
    fn answers_end(&self) -> Option<Timestamp> {
        let answers = self.incident.acknowledged.iter().filter(|(person, _)| self.is_here(person));
        answers.map(|(_, at)| answer_ends(*at)).min()
    }
}

fn retry_at(state: &PageState) -> Timestamp {
    let doublings = state.attempts.saturating_sub(1).min(8);
    let wait = (PAGE_RETRY_SECONDS << doublings).min(PAGE_RETRY_SECONDS_MAX);
    state.last.checked_add(SignedDuration::from_secs(wait)).unwrap_or(Timestamp::MAX)
}
