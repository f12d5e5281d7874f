//! The matcher without an index: every rule is asked about every alert. What the index must equal.

use std::collections::BTreeSet;

use super::super::held::{HashKey, Held};
use super::super::lane::{Arrival, Lane};
use super::super::rule::{Arriving, Rule};
use super::super::vocabulary::AlertView;
use super::*;
use crate::domain::names::RunbookId;

/// All rules for each alert, as the description has it.
pub(super) struct Linear {
    pub(super) rules: Vec<Rule>,
    maintenance: Maintenance,
    authenticated: Lane,
    open: Lane,
}

impl Linear {
    pub(super) fn new(conditions: Vec<(RunbookId, Condition)>, maintenance: Maintenance) -> Self {
        let rules =
            conditions.into_iter().map(|(runbook, condition)| Rule::new(runbook, condition)).collect();
        Self { rules, maintenance, authenticated: Lane::default(), open: Lane::default() }
    }

    pub(super) fn asks(&self, alert: &Alert) -> Option<BlockId> {
        let lane = if alert.authenticated { &self.authenticated } else { &self.open };
        let view = AlertView::new(alert);
        let asks = lane.look(HashKey::of(&alert.hash), alert).is_news
            && self.rules.iter().any(|rule| rule.would_take(rule.concern(alert, &view).as_ref()));
        BlockId::of(alert).filter(|_| asks)
    }

    pub(super) fn observe(&mut self, alert: &Alert, known: &Known) -> Observation {
        let mut observation = Observation::none();
        let lane = if alert.authenticated { &mut self.authenticated } else { &mut self.open };
        let looked = lane.look(HashKey::of(&alert.hash), alert);
        let arrival = lane.arrive(&looked, alert, known.block, &Held::default());
        if arrival == Arrival::Repeated {
            observation.repeated = true;
            observation.kept = self.holds(&alert.hash, alert.authenticated);
            return observation;
        }
        observation.again = arrival == Arrival::Again;
        let behind = lane.behind(alert, known.now);
        let prune = lane.advance(alert, known.now);
        let clock = lane.made().max(known.now);
        let cleared = if known.block == Canonicity::Orphaned { BTreeSet::new() } else { lane.retract(alert) };
        let lane: &Lane = if alert.authenticated { &self.authenticated } else { &self.open };
        let view = AlertView::new(alert);
        let again = arrival == Arrival::Again;
        let (block, maintenance) = (known.block, &self.maintenance);
        let arriving = Arriving {
            alert,
            key: &looked.key,
            view: &view,
            again,
            behind,
            now: known.now,
            block,
            lane,
            maintenance,
            silences: &[],
        };
        let heeds =
            |rule: &&mut Rule| !cleared.is_empty() && rule.condition.retractors().contains(&alert.bot);
        for rule in self.rules.iter_mut().filter(heeds) {
            observation.kept = true;
            rule.withdraw(alert, &cleared, lane, &mut observation);
        }
        for rule in &mut self.rules {
            if let (Some(clock), true) = (clock, alert.authenticated) {
                observation.matches.extend(rule.tick(clock));
            }
            let concern = rule.concern(alert, &view);
            rule.observe(&arriving, concern, &mut observation);
            if let Some(newest) = prune {
                rule.prune(newest, alert.authenticated);
            }
        }
        observation
    }

    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<Match> {
        let clock = self.authenticated.made().map_or(now, |made| made.max(now));
        self.rules.iter_mut().flat_map(|rule| rule.tick(clock)).collect()
    }

    pub(super) fn learn(&mut self, block: &BlockId, answer: Canonicity) -> (Vec<Match>, Vec<Withdrawal>) {
        let (mut matches, mut withdrawn) = (Vec::new(), Vec::new());
        for rule in &mut self.rules {
            match answer {
                Canonicity::Unknown => {}
                Canonicity::Canonical => matches.extend(rule.confirm_block(block)),
                Canonicity::Orphaned => {
                    let (gone, told) = rule.orphan_block(block);
                    withdrawn.extend(told);
                    gone.iter().for_each(|hash| {
                        self.authenticated.orphan(hash);
                        self.open.orphan(hash);
                    });
                }
            }
        }
        (matches, withdrawn)
    }

    pub(super) fn take_back(&mut self, alert: &Alert, matched: &Match) {
        let of_match =
            |rule: &&mut Rule| rule.runbook == matched.runbook && *rule.condition.id() == matched.condition;
        self.rules.iter_mut().filter(of_match).for_each(|rule| rule.take_back(alert, &matched.contract));
    }

    pub(super) fn forget(&mut self, alert: &Alert) {
        let lane = if alert.authenticated { &mut self.authenticated } else { &mut self.open };
        lane.forget(&alert.hash);
        self.rules.iter_mut().for_each(|rule| rule.forget(&alert.hash, alert.authenticated));
    }

    pub(super) fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        self.rules.iter().any(|rule| rule.holds(hash, authenticated))
    }
}
