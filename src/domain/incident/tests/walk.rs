//! A call walked through in event time, with channels that answer as told.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::incident::fact::{Fact, Retry};
use crate::domain::incident::fixture::*;
use crate::domain::incident::paging::pages_due;
use crate::domain::incident::{Incident, Task};

/// What a channel does with every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    Takes,
    FailsForNow,
    FailsForGood,
}

/// People in their beds, and what reaches them.
pub(super) struct Night {
    pub(super) incident: Incident,
    pub(super) around: Surroundings,
    pub(super) now: Timestamp,
    channels: BTreeMap<&'static str, Answers>,
    told: Vec<String>,
}

impl Night {
    pub(super) fn of(facts: &[(i64, Fact)], around: Surroundings) -> Self {
        Self { incident: incident(facts), around, now: at(0), channels: BTreeMap::new(), told: vec![] }
    }

    pub(super) fn channel(mut self, name: &'static str, answers: Answers) -> Self {
        self.channels.insert(name, answers);
        self
    }

    pub(super) fn fact(&mut self, fact: &Fact) {
        self.incident.apply(fact, self.now).unwrap_or_else(|refused| panic!("{refused}"));
    }

    /// Lives until that second: wakes only when it is told to, and does what is due.
    pub(super) fn until(&mut self, second: i64) -> &mut Self {
        loop {
            while self.work() {}
            match pages_due(&self.incident, &self.around.world(), self.now).next {
                Some(next) if next <= at(second) => {
                    assert!(next > self.now, "{next} is not after {}", self.now);
                    self.now = next;
                }
                Some(_) | None => break,
            }
        }
        self.now = at(second);
        self
    }

    /// Does what is due now; false when nothing was.
    fn work(&mut self) -> bool {
        let due = pages_due(&self.incident, &self.around.world(), self.now);
        for task in &due.tasks {
            match task {
                Task::Page { page, attempt, begun } => {
                    self.tell(&format!(
                        "{page}{}",
                        if *attempt > 1 { format!(" #{attempt}") } else { String::new() }
                    ));
                    if !begun {
                        self.fact(&Fact::PageStarted { page: page.clone(), attempt: *attempt });
                    }
                    let answers = self.channels.get(page.channel.as_str()).copied().unwrap_or(Answers::Takes);
                    let failed = |retry| Fact::PageFailed {
                        page: page.clone(),
                        attempt: *attempt,
                        problem: "no".into(),
                        retry,
                    };
                    self.fact(&match answers {
                        Answers::Takes => Fact::PageDelivered { page: page.clone(), reference: None },
                        Answers::FailsForNow => failed(Retry::Later),
                        Answers::FailsForGood => failed(Retry::Never),
                    });
                }
                Task::Exhaust { purpose } => {
                    self.tell(&format!("{} exhausted", purpose.as_str()));
                    self.fact(&Fact::Exhausted { purpose: *purpose });
                }
                Task::Declare
                | Task::Prepare { .. }
                | Task::Submit { .. }
                | Task::Follow { .. }
                | Task::Execute { .. }
                | Task::Reject { .. }
                | Task::Verify
                | Task::Watch
                | Task::DraftPostMortem
                | Task::Yield { .. } => panic!("{task:?} is no page"),
            }
        }
        !due.tasks.is_empty()
    }

    fn tell(&mut self, what: &str) {
        let seconds = self.now.duration_since(at(0)).as_secs();
        self.told.push(format!("{:>2}:{:02} {what}", seconds / 60, seconds % 60));
    }

    /// What happened since the last time, one line an instant.
    pub(super) fn told(&mut self) -> String {
        let mut lines: Vec<String> = vec![];
        for line in std::mem::take(&mut self.told) {
            let (when, what) = line.split_at(5);
            match lines.last_mut() {
                Some(last) if last.starts_with(when) => last.push_str(&format!(",{what}")),
                Some(_) | None => lines.push(line),
            }
        }
        lines.join("\n")
    }
}
