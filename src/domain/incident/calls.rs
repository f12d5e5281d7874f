//! Calls: how one opens, goes on and ends.
//!
//! A call is opened by trouble and ends with it, or with somebody's answer. Trouble that repeats itself
//! (a service that is down is asked again every minute) wakes nobody who has answered for it, until
//! the answer is old; other trouble does.

use jiff::{SignedDuration, Timestamp};

use super::names::{PageKey, Purpose};
use super::state::{Call, Incident, PageOutcome, PageState, Subject};
use crate::domain::names::PersonId;

/// How long "I am here" counts. Whoever said so and has neither signed nor mended anything by then may
/// have fallen asleep again, and is called again with everybody else.
pub const ANSWER_HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// When an answer given at `at` no longer counts.
pub(super) fn answer_ends(at: Timestamp) -> Timestamp {
    at.checked_add(ANSWER_HOLDS).unwrap_or(Timestamp::MAX)
}

impl Incident {
    /// The call for `purpose`, where one is open.
    pub fn open_call(&self, purpose: Purpose) -> Option<&Call> {
        self.calls.get(&purpose).filter(|call| !call.closed)
    }

    /// Opens a call, or tells an open one what it is about now.
    pub(super) fn call(&mut self, purpose: Purpose, subject: Subject, at: Timestamp, because: String) {
        // What can still be executed outlives the incident.
        if !self.is_live() && purpose != Purpose::Reject {
            return;
        }
        let mut number = 1;
        if let Some(known) = self.calls.get_mut(&purpose) {
            // Each gap in the journal is another.
            let same = known.subject == subject && purpose != Purpose::JournalGap;
            // Everybody was called and nobody came: other trouble is a reason to begin anew.
            let goes_on = !known.closed && (same || known.exhausted.is_none());
            let answered = same && known.answered.is_some_and(|answered| at < answer_ends(answered));
            if goes_on || answered {
                known.because = because;
                known.subject = subject;
                return;
            }
            number = known.number.saturating_add(1);
        }
        let call =
            Call { number, since: at, subject, because, exhausted: None, closed: false, answered: None };
        self.calls.insert(purpose, call);
    }

    /// What the call was about is over. Should it come back, people are called anew.
    pub(super) fn close_call(&mut self, purpose: Purpose) {
        if let Some(call) = self.calls.get_mut(&purpose) {
            call.closed = true;
            call.answered = None;
        }
    }

    pub(super) fn close_all_calls(&mut self) {
        for (purpose, call) in &mut self.calls {
            // What can still be executed outlives the incident.
            if *purpose != Purpose::Reject {
                call.closed = true;
                call.answered = None;
            }
        }
    }

    /// Somebody is here. One person who looks is enough for a question; signatures are needed from several,
    /// and of those who answered only who holds a key counts.
    pub(super) fn answer(&mut self, person: &PersonId, at: Timestamp) {
        self.acknowledged.insert(person.clone(), at);
        for (purpose, call) in &mut self.calls {
            let asked = !call.closed && call.since <= at;
            match purpose {
                Purpose::Triage
                | Purpose::Blocked
                | Purpose::Command
                | Purpose::EffectLost
                | Purpose::JournalGap
                    if asked =>
                {
                    call.closed = true;
                    call.answered = Some(at);
                }
                // There is nothing to sign: somebody looks.
                Purpose::Reject if asked && call.subject == Subject::TooLate => {
                    call.closed = true;
                    call.answered = Some(at);
                }
                Purpose::Triage
                | Purpose::Blocked
                | Purpose::Command
                | Purpose::EffectLost
                | Purpose::JournalGap
                | Purpose::Sign
                | Purpose::Execute
                | Purpose::Coverage
                | Purpose::Reject => {}
            }
        }
    }

    pub(super) fn exhaust(&mut self, purpose: Purpose, at: Timestamp) {
        if let Some(call) = self.calls.get_mut(&purpose) {
            call.exhausted = Some(at);
        }
    }

    pub(super) fn page_begins(&mut self, key: &PageKey, attempts: u32, last: Timestamp) {
        self.pages.insert(key.clone(), PageState { attempts, last, outcome: PageOutcome::Started });
    }

    pub(super) fn page_ends(&mut self, key: &PageKey, outcome: PageOutcome) {
        if let Some(state) = self.pages.get_mut(key) {
            state.outcome = outcome;
        }
    }
}
