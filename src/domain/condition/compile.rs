//! Checking a condition: every problem at once, before an alert ever arrives.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use jiff::SignedDuration;

use super::about::About;
use super::check::{check_count, check_differing, check_early, check_kind, of_list, stages, watch};
use super::grouping::GroupBy;
use super::never::{Asked, check_distinct};
use super::origin::Heard;
use super::problem::ConditionProblem;
use super::spec::{ConditionSpec, CountSpec, Early, Response, SequenceSpec};
use super::steps::Steps;
use super::vocabulary::{AlertField, AlertView, AlertVocabulary};
use super::window::Wanted;
use super::words::{BotLists, Used, Vendors, Words};
use crate::domain::alert::{Alert, AlertSeverity, BotId};
use crate::domain::contract::Contracts;
use crate::domain::expression::language::{Expression, Gap};
use crate::domain::expression::{ExpressionError, ReadExpression};
use crate::domain::names::{ChainId, ConditionId, ContractName};

/// One alert groups by its contract.
static BY_CONTRACT: [GroupBy; 1] = [GroupBy::Contract];

/// A contract a condition protects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// As the configuration names it.
    pub contract: ContractName,
    /// The chain it is on.
    pub chain_id: ChainId,
    /// Where it is.
    pub address: Address,
}

/// A checked condition.
#[derive(Clone, Debug)]
pub struct Condition {
    spec: ConditionSpec,
    when: Expression<AlertField>,
    watched: Vec<Watched>,
    confirm: Option<ReadExpression>,
    including: Option<Expression<AlertField>>,
    /// When an alert is each step of its sequence.
    steps: Vec<Expression<AlertField>>,
    /// Which of them need not name the contract.
    anywhere: Vec<bool>,
    stages: Vec<BTreeSet<BotId>>,
    retractors: BTreeSet<BotId>,
    suppressors: BTreeSet<BotId>,
    asked: Asked,
    vendors: Vendors,
    used: Used,
}

impl Condition {
    /// Checks a condition against the named lists of bots and the configured contracts.
    ///
    /// # Errors
    /// Every problem found, each with the key it is about ([`ConditionProblem::field`]).
    pub fn compile(
        spec: ConditionSpec,
        bots: &BotLists,
        contracts: &Contracts,
    ) -> Result<Self, Vec<ConditionProblem>> {
        Self::compile_with(spec, Words::only_bots(bots), contracts)
    }

    /// Checks a condition against all words of a configuration.
    ///
    /// # Errors
    /// Every problem found, each with the key it is about ([`ConditionProblem::field`]).
    pub fn compile_with(
        spec: ConditionSpec,
        words: Words<'_>,
        contracts: &Contracts,
    ) -> Result<Self, Vec<ConditionProblem>> {
        let mut problems = Vec::new();
        let bots = words.bots;
        let mut vocabulary = AlertVocabulary::new(words);
        let mut expression = |text: &str, told: &dyn Fn(ExpressionError) -> ConditionProblem| {
            let read = vocabulary.compile(text);
            read.map_err(|errors| problems.extend(errors.into_iter().map(told))).ok()
        };
        let when = expression(&spec.when, &ConditionProblem::When);
        let including =
            spec.including.as_deref().and_then(|text| expression(text, &ConditionProblem::Including));
        let steps: Vec<Expression<AlertField>> = spec
            .sequence
            .iter()
            .flat_map(|sequence| sequence.steps.iter().enumerate())
            .filter_map(|(index, step)| {
                let told = |error| ConditionProblem::Step { step: index.saturating_add(1), error };
                expression(&step.when, &told)
            })
            .collect();
        let used = vocabulary.used;
        let watched = watch(&spec, contracts, &mut problems);
        if let Some(count) = &spec.count {
            check_count(count, &mut problems);
        }
        check_differing(&spec, &watched, &mut problems);
        check_kind(&spec, &mut problems);
        let stages = stages(&spec, bots, &mut problems);
        let retractors = spec.retracted_by.as_ref().map(|list| of_list("retracted_by", list, bots));
        let retractors = retractors.transpose().unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        check_early(&spec, &mut problems);
        // Steps are told by their numbers, which are theirs only where all could be read.
        let all = spec.sequence.as_ref().is_none_or(|sequence| sequence.steps.len() == steps.len());
        let whens = steps.iter().filter(|_| all);
        // A heartbeat is about no contract, and may be on any chain.
        let on: &[Watched] = if spec.absent.is_some() { &[] } else { &watched };
        let heard = Heard::new(words, on);
        let asked = Asked::read(&spec, when.as_ref(), including.as_ref(), whens, (on, &heard), &mut problems);
        let retractors = retractors.unwrap_or_default();
        let named = asked.bots().unwrap_or_default();
        // One alert alone is no k of n: there a detector that also retracts is heard, whatever names it.
        let counts = spec.count.is_some_and(|count| count.alerts > 1);
        let suppressors = if counts { &retractors - &named } else { BTreeSet::new() };
        check_distinct(&spec, &asked, (&stages, &suppressors), &heard, &mut problems);
        let confirm = match spec.confirm.as_deref().map(|text| ReadExpression::compile(text, contracts)) {
            None => None,
            Some(Ok(confirm)) => Some(confirm),
            Some(Err(errors)) => {
                problems.extend(errors.into_iter().map(ConditionProblem::Confirm));
                None
            }
        };
        match when {
            Some(when) if problems.is_empty() => {
                let vendors = words.vendors.clone();
                let sequence = spec.sequence.iter().flat_map(|sequence| &sequence.steps);
                let anywhere = sequence.map(|step| step.anywhere).collect();
                Ok(Self {
                    spec,
                    when,
                    watched,
                    confirm,
                    including,
                    steps,
                    anywhere,
                    stages,
                    retractors,
                    suppressors,
                    asked,
                    vendors,
                    used,
                })
            }
            Some(_) | None => Err(problems),
        }
    }

    /// `id`.
    pub fn id(&self) -> &ConditionId {
        &self.spec.id
    }

    /// What it was made of.
    pub fn spec(&self) -> &ConditionSpec {
        &self.spec
    }

    /// The contracts it protects.
    pub fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// What the chain must say before anything beyond a page.
    pub fn confirm(&self) -> Option<&ReadExpression> {
        self.confirm.as_ref()
    }

    /// How far it goes when met.
    pub fn respond(&self) -> Response {
        self.spec.respond
    }

    /// The corroboration it wants; one alert where the runbook asks for none, one for each step of a sequence.
    pub fn count(&self) -> CountSpec {
        let alone = CountSpec { alerts: 1, bots: 1, feeds: 1, within: SignedDuration::ZERO };
        match &self.spec.sequence {
            Some(SequenceSpec { within, steps, .. }) => {
                CountSpec { alerts: u32::try_from(steps.len()).unwrap_or(u32::MAX), within: *within, ..alone }
            }
            None => {
                let lasting = self.spec.lasting.map(|within| CountSpec { within, ..alone });
                self.spec.count.or(lasting).unwrap_or(alone)
            }
        }
    }

    /// What all alerts of one window have in common beside their chain.
    pub fn grouped_by(&self) -> &[GroupBy] {
        if self.spec.group.is_empty() { &BY_CONTRACT } else { &self.spec.group }
    }

    /// Whether it must be told the time, and hear of alerts that do not satisfy `when`: of a state that ends.
    pub fn needs_time(&self) -> bool {
        self.spec.absent.is_some() || self.spec.lasting.is_some()
    }

    /// The bots whose alerts `when` can hold of, in lower case; `None` where any may be: it is then not said by lists.
    pub fn admits_bots(&self) -> Option<BTreeSet<BotId>> {
        self.asked.bots()
    }

    /// What it waits for and no configured feed brings now, though it is well written: the key, and why.
    pub fn unbrought(&self) -> &[(&'static str, String)] {
        self.asked.unbrought()
    }

    pub(super) fn wanted(&self) -> Wanted {
        let stages = self.spec.stages.as_ref().map_or(0, |stages| stages.at_least);
        Wanted {
            count: self.count(),
            including: self.including.is_some(),
            stages,
            distinct: self.spec.distinct.iter().map(|distinct| distinct.at_least).collect(),
        }
    }

    /// Which steps of its sequence need not name the contract; empty where it has none.
    pub(super) fn anywhere(&self) -> &[bool] {
        &self.anywhere
    }

    /// The steps of those that come into question that the alert may be, with what could not be told.
    pub(super) fn steps_of(
        &self,
        view: &AlertView<'_>,
        in_question: impl Fn(usize) -> bool,
    ) -> (Steps, Option<Gap>) {
        let (mut steps, mut gap) = (Steps::default(), None);
        for (index, step) in self.steps.iter().enumerate().filter(|(index, _)| in_question(*index)) {
            match truth(step, view) {
                Ok(true) => steps.insert(index),
                Ok(false) => {}
                Err(lack) => gap = Some(lack),
            }
        }
        (steps, gap)
    }

    /// Whether the alert satisfies `count.including`; what cannot be told does not.
    pub(super) fn includes(&self, view: &AlertView<'_>) -> bool {
        self.including.as_ref().is_some_and(|including| truth(including, view) == Ok(true))
    }

    /// The stage the bot stands for.
    pub(super) fn stage(&self, bot: &BotId) -> Option<usize> {
        self.stages.iter().position(|stage| stage.contains(bot))
    }

    /// What the alert has of each thing that alerts must differ in.
    pub(super) fn differing(&self, alert: &Alert, about: &[ContractName]) -> Vec<BTreeSet<String>> {
        self.spec.distinct.iter().map(|distinct| distinct.of.of(alert, about, &self.vendors)).collect()
    }

    /// Whether some bots only take back, and never count.
    pub(super) fn has_suppressors(&self) -> bool {
        !self.suppressors.is_empty()
    }

    /// Whether the bot only takes back, and never counts.
    pub(super) fn is_suppressor(&self, bot: &BotId) -> bool {
        self.suppressors.contains(bot)
    }

    /// The lists and macros it uses.
    pub(super) fn used(&self) -> &Used {
        &self.used
    }

    /// Whether it heeds what the bot takes back.
    pub fn heeds(&self, bot: &BotId) -> bool {
        self.retractors.contains(bot)
    }

    /// Whose retractions it heeds.
    pub(super) fn retractors(&self) -> &BTreeSet<BotId> {
        &self.retractors
    }

    /// How far one such alert goes by itself while `count` is not met.
    pub fn early(&self, alert: &Alert) -> Option<Response> {
        match self.spec.early {
            Early::Nothing => None,
            Early::Respond(response) => Some(response.min(self.spec.respond)),
            Early::WhenCritical => match alert.severity {
                AlertSeverity::Critical => Some(Response::Prepare.min(self.spec.respond)),
                AlertSeverity::Unknown
                | AlertSeverity::Info
                | AlertSeverity::Low
                | AlertSeverity::Medium
                | AlertSeverity::High => None,
            },
        }
    }

    /// Which protected contracts the alert is about, and which could not be told.
    pub(super) fn about<'c>(&'c self, view: &AlertView<'_>) -> Vec<(&'c Watched, About)> {
        self.watched
            .iter()
            .map(|watched| (watched, view.about(watched.chain_id, watched.address)))
            .filter(|(_, answer)| *answer != About::No)
            .collect()
    }

    /// `when`, and the steps of its sequence, as they were checked.
    pub(super) fn expressions(
        &self,
    ) -> (&Expression<AlertField>, impl Iterator<Item = &Expression<AlertField>>) {
        (&self.when, self.steps.iter())
    }

    /// Whether `when` holds.
    pub(super) fn holds(&self, view: &AlertView<'_>) -> Result<bool, Gap> {
        truth(&self.when, view)
    }
}

fn truth<'v>(expression: &'v Expression<AlertField>, view: &'v AlertView<'_>) -> Result<bool, Gap> {
    expression.evaluate_bool(&|field| view.value(field))
}
