//! Which rules have to be looked at once a clock has passed a time: silences to notice, alerts grown too old.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

/// How many outdated marks are kept for each rule before they are swept.
const OUTDATED_A_RULE_MAX: usize = 4;

/// One time for each rule, or none.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    due: Vec<Option<Timestamp>>,
    /// Holds every time of `due`, and times that no longer stand there.
    heap: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl Agenda {
    pub(super) fn new(rules: usize) -> Self {
        Self { due: vec![None; rules], heap: BinaryHeap::new() }
    }

    /// Puts the rule where it belongs now.
    pub(super) fn set(&mut self, rule: usize, at: Option<Timestamp>) {
        let Some(due) = self.due.get_mut(rule).filter(|due| **due != at) else { return };
        *due = at;
        let Some(at) = at else { return };
        self.heap.push(Reverse((at, rule)));
        if self.heap.len() > self.due.len().saturating_mul(OUTDATED_A_RULE_MAX) {
            let marks = self.due.iter().enumerate();
            self.heap = marks.filter_map(|(rule, at)| Some(Reverse(((*at)?, rule)))).collect();
        }
    }

    /// Whether there is a time for the rule.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.due.get(rule).is_some_and(Option::is_some)
    }

    /// Puts the rule no later than this.
    pub(super) fn no_later(&mut self, rule: usize, at: Timestamp) {
        if self.due.get(rule).is_some_and(|due| due.is_none_or(|due| due > at)) {
            self.set(rule, Some(at));
        }
    }

    /// Takes off the rules whose time is before `clock`.
    pub(super) fn take_due(&mut self, clock: Timestamp) -> Vec<usize> {
        let mut taken = Vec::new();
        while let Some(Reverse((at, rule))) = self.heap.peek().copied() {
            if at >= clock {
                break;
            }
            self.heap.pop();
            if let Some(due) = self.due.get_mut(rule).filter(|due| **due == Some(at)) {
                *due = None;
                taken.push(rule);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_rule_comes_up_once_at_the_time_set_last() {
        let mut agenda = Agenda::new(3);
        agenda.set(0, Some(at(5)));
        agenda.set(1, Some(at(9)));
        agenda.set(1, Some(at(3)));
        agenda.set(2, Some(at(2)));
        agenda.set(2, None);
        agenda.no_later(0, at(7));
        assert_eq!(agenda.take_due(at(3)), [0_usize; 0], "not at the time, after it");
        assert_eq!(agenda.take_due(at(4)), [1]);
        agenda.no_later(0, at(4));
        assert_eq!(agenda.take_due(at(100)), [0]);
        assert_eq!(agenda.take_due(at(100)), [0_usize; 0]);
    }

    #[test]
    fn outdated_marks_do_not_pile_up() {
        let mut agenda = Agenda::new(2);
        for second in 0..10_000 {
            agenda.set(0, Some(at(second)));
        }
        assert!(agenda.heap.len() <= 2 * OUTDATED_A_RULE_MAX);
        assert_eq!(agenda.take_due(at(20_000)), [0]);
    }
}
