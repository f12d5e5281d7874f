//! How far a trail has come that is not complete: for people who ask why nothing fired.

use jiff::SignedDuration;

use super::super::problem::STEPS;
use super::super::steps::Steps;
use super::super::window::span;
use super::{Seen, Trail};
use crate::domain::alert::AlertHash;
use crate::domain::names::ContractName;

impl Trail {
    /// The most steps that are there in order and in time for a contract; of as many, the earlier ones. `None` where the
    /// alert is no step for the contract, or has taken part in a firing.
    pub(in super::super) fn best(
        &self,
        hash: &AlertHash,
        contract: &ContractName,
        anywhere: &[bool],
        within: SignedDuration,
    ) -> Option<Steps> {
        let seen = self.prints.iter().map(|print| Seen::new(print, contract));
        let fresh: Vec<Seen<'_>> = seen.filter(|seen| !seen.mark.is_some_and(|mark| mark.taken())).collect();
        let may_be = |seen: &Seen<'_>| (0..anywhere.len()).any(|step| seen.may_be(step, anywhere));
        fresh.iter().find(|seen| seen.print.seen.entry.hash == *hash && may_be(seen))?;
        let mut choices: Vec<Vec<usize>> = choices(anywhere.len());
        // Nothing is tried that wants a step nobody may be.
        let is_there = |step: &usize| fresh.iter().any(|seen| seen.may_be(*step, anywhere));
        choices.retain(|steps| steps.iter().all(is_there));
        let best = choices.into_iter().find(|steps| are_in_order(&fresh, steps, anywhere, within))?;
        let mut found = Steps::default();
        best.into_iter().for_each(|step| found.insert(step));
        Some(found)
    }
}

/// All ways to choose some of the steps: the most first, and of as many the earlier.
fn choices(steps: usize) -> Vec<Vec<usize>> {
    let steps = steps.min(*STEPS.end());
    let all = (0..steps).fold(vec![Vec::new()], |chosen: Vec<Vec<usize>>, step| {
        let with = chosen.clone().into_iter().map(|mut steps| {
            steps.push(step);
            steps
        });
        chosen.iter().cloned().chain(with).collect()
    });
    let mut choices: Vec<Vec<usize>> = all.into_iter().filter(|steps| !steps.is_empty()).collect();
    choices.sort_by_key(|steps| (std::cmp::Reverse(steps.len()), steps.clone()));
    choices
}

/// Whether there is a different alert for each of these steps, in order and in time; as a firing takes them.
fn are_in_order(alerts: &[Seen<'_>], steps: &[usize], anywhere: &[bool], within: SignedDuration) -> bool {
    let Some((begin, rest)) = steps.split_first() else { return false };
    alerts.iter().filter(|seen| seen.may_be(*begin, anywhere)).any(|first| {
        let began = first.print.at;
        let mut taken = vec![first];
        rest.iter().all(|step| {
            let after = taken.last().map_or(began, |seen| seen.print.at);
            let next = alerts.iter().find(|seen| {
                seen.print.at >= after
                    && span(began, seen.print.at) <= within
                    && seen.may_be(*step, anywhere)
                    && !taken.iter().any(|taken| taken.print.seen.entry.hash == seen.print.seen.entry.hash)
            });
            taken.extend(next);
            next.is_some()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_steps_are_tried_first_and_of_as_many_the_earlier() {
        assert_eq!(choices(2), [vec![0, 1], vec![0], vec![1]]);
        let three = [vec![0, 1, 2], vec![0, 1], vec![0, 2], vec![1, 2], vec![0], vec![1], vec![2]];
        assert_eq!(choices(3), three);
        assert_eq!(choices(*STEPS.end()).len(), 255);
    }
}
