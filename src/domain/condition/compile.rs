//! Checking a condition: every problem at once, before an alert ever arrives.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use jiff::SignedDuration;

use super::about::{About, about};
use super::spec::{ConditionSpec, CountSpec, Early, Response, SequenceSpec};
use super::vocabulary::{AlertField, AlertView, AlertVocabulary, BotLists};
use super::window::{WINDOW_ALERTS_MAX, Wanted};
use crate::domain::alert::{Alert, AlertSeverity, BotId};
use crate::domain::contract::Contracts;
use crate::domain::expression::language::{Expression, Gap, Type, nearest};
use crate::domain::expression::{ExpressionError, ReadExpression};
use crate::domain::names::{ChainId, ConditionId, ContractName};

/// Longest `within`: the Attack Detector itself looks back ten days for funding, and nothing looks further.
pub const WITHIN_MAX: SignedDuration = SignedDuration::from_hours(240);

/// Fewest and most steps of a sequence.
pub const STEPS: std::ops::RangeInclusive<usize> = 2..=8;

/// One thing wrong with a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence says it")]
pub enum ConditionProblem {
    #[error("{0}")]
    When(ExpressionError),
    #[error("{0}")]
    Confirm(ExpressionError),
    #[error("it names no contract; a condition must say which contracts it protects")]
    AboutNothing,
    #[error("unknown contract \"{contract}\"{hint}")]
    UnknownContract { contract: ContractName, hint: String },
    #[error("contract \"{0}\" is named twice")]
    ContractTwice(ContractName),
    #[error("{what} is 0; leave `count` out when one alert is enough")]
    CountZero { what: &'static str },
    #[error(
        "alerts = {alerts} is fewer than bots = {bots}, and each alert comes from one bot; ask for at least {bots} alerts"
    )]
    FewerAlertsThanBots { alerts: u32, bots: u32 },
    #[error("{alerts} alerts are more than the {WINDOW_ALERTS_MAX} a window holds")]
    MoreAlertsThanAWindowHolds { alerts: u32 },
    #[error("{bots} different bots are asked for, and `when` admits only {admitted}: it can never be met")]
    FewerBotsThanAsked { bots: u32, admitted: usize },
    #[error("within must be longer than nothing and at most {WITHIN_MAX:#}")]
    Within,
    #[error("early = \"{early}\" goes further than respond = \"{respond}\"")]
    EarlyBeyondRespond { early: Response, respond: Response },
    #[error(
        "early = \"propose\" would propose on one alert although `count` asks for more; drop one of them"
    )]
    EarlyProposes,
    #[error("{0}")]
    Including(ExpressionError),
    #[error("there is no list of bots \"{list}\"{hint}")]
    UnknownList { key: &'static str, list: String, hint: String },
    #[error("{wanted} different stages are asked for of {listed} that are listed: it can never be met")]
    FewerStagesThanAsked { wanted: u32, listed: usize },
    #[error("of = […] lists stages and at_least is 0; leave `stages` out")]
    StagesZero,
    #[error("feeds = {feeds} is more than alerts = {alerts}, and each alert comes from one feed")]
    FewerAlertsThanFeeds { alerts: u32, feeds: u32 },
    #[error("{0} and {1} say different things about when it fires; use one of them")]
    Both(&'static str, &'static str),
    #[error("step {step}: {error}")]
    Step { step: usize, error: ExpressionError },
    #[error("a sequence has from {} to {} steps, and this one {steps}", STEPS.start(), STEPS.end())]
    Steps { steps: usize },
    #[error("no step names the contract; at least one must not be `anywhere`")]
    AllAnywhere,
    #[error("steps that share the contract cannot be anywhere")]
    AnywhereOnTheContract,
    #[error("max_age must be longer than nothing and at most {WITHIN_MAX:#}")]
    MaxAge,
    #[error("{0} says nothing where silence is what fires")]
    NotOfSilence(&'static str),
    #[error(
        "a heartbeat that is never early or late has no usual distance; intervals must be from 1.1 to 100"
    )]
    Intervals,
}

impl ConditionProblem {
    /// The key of the front matter that is wrong.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::When(_) => "when",
            Self::Confirm(_) => "confirm",
            Self::AboutNothing | Self::UnknownContract { .. } | Self::ContractTwice(_) => "about",
            Self::CountZero { .. }
            | Self::FewerAlertsThanBots { .. }
            | Self::MoreAlertsThanAWindowHolds { .. }
            | Self::FewerBotsThanAsked { .. } => "count",
            Self::Within => "count.within",
            Self::EarlyBeyondRespond { .. } | Self::EarlyProposes => "early",
            Self::Including(_) => "count.including",
            Self::FewerAlertsThanFeeds { .. } => "count",
            Self::FewerStagesThanAsked { .. } | Self::StagesZero => "count.stages",
            Self::UnknownList { key, .. } | Self::NotOfSilence(key) => key,
            Self::Both(one, _) => one,
            Self::Step { .. } => "step",
            Self::Steps { .. } | Self::AllAnywhere | Self::AnywhereOnTheContract => "sequence",
            Self::MaxAge => "max_age",
            Self::Intervals => "absent",
        }
    }
}

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
    steps: Vec<Step>,
    stages: Vec<BTreeSet<BotId>>,
    retractors: BTreeSet<BotId>,
}

/// A checked step of a sequence.
#[derive(Clone, Debug)]
struct Step {
    when: Expression<AlertField>,
    anywhere: bool,
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
        let mut problems = Vec::new();
        let read = |text: &str| Expression::compile(text, &mut AlertVocabulary(bots), &Type::Bool);
        let mut expression = |text: &str, told: &dyn Fn(ExpressionError) -> ConditionProblem| {
            read(text).map_err(|errors| problems.extend(errors.into_iter().map(told))).ok()
        };
        let when = expression(&spec.when, &ConditionProblem::When);
        let including =
            spec.including.as_deref().and_then(|text| expression(text, &ConditionProblem::Including));
        let steps: Vec<Step> = spec
            .sequence
            .iter()
            .flat_map(|sequence| sequence.steps.iter().enumerate())
            .filter_map(|(index, step)| {
                let told = |error| ConditionProblem::Step { step: index.saturating_add(1), error };
                Some(Step { when: expression(&step.when, &told)?, anywhere: step.anywhere })
            })
            .collect();
        let watched = watch(&spec, contracts, &mut problems);
        if let Some(count) = &spec.count {
            check_count(count, when.as_ref(), &mut problems);
        }
        check_kind(&spec, &mut problems);
        let stages = stages(&spec, bots, &mut problems);
        let retractors = spec.retracted_by.as_ref().map(|list| of_list("retracted_by", list, bots));
        let retractors = retractors.transpose().unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        check_early(&spec, &mut problems);
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
                let retractors = retractors.unwrap_or_default();
                Ok(Self { spec, when, watched, confirm, including, steps, stages, retractors })
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
            None => self.spec.count.unwrap_or(alone),
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        let stages = self.spec.stages.as_ref().map_or(0, |stages| stages.at_least);
        Wanted { count: self.count(), including: self.including.is_some(), stages }
    }

    /// Which steps of its sequence need not name the contract; empty where it has none.
    pub(super) fn anywhere(&self) -> Vec<bool> {
        self.steps.iter().map(|step| step.anywhere).collect()
    }

    /// The steps the alert may be, with what could not be told.
    pub(super) fn steps_of(&self, view: &AlertView<'_>) -> (BTreeSet<usize>, Option<Gap>) {
        let (mut steps, mut gap) = (BTreeSet::new(), None);
        for (index, step) in self.steps.iter().enumerate() {
            match truth(&step.when, view) {
                Ok(true) => {
                    steps.insert(index);
                }
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
    pub(super) fn about<'c>(&'c self, alert: &Alert) -> Vec<(&'c Watched, About)> {
        self.watched
            .iter()
            .map(|watched| (watched, about(alert, watched.chain_id, watched.address)))
            .filter(|(_, answer)| *answer != About::No)
            .collect()
    }

    /// Whether `when` holds.
    pub(super) fn holds(&self, view: &AlertView<'_>) -> Result<bool, Gap> {
        truth(&self.when, view)
    }
}

fn truth(expression: &Expression<AlertField>, view: &AlertView<'_>) -> Result<bool, Gap> {
    expression
        .evaluate_bool(&|field| view.value(field).map(|value| std::borrow::Cow::Owned(value.into_owned())))
}

fn of_list(key: &'static str, list: &str, bots: &BotLists) -> Result<BTreeSet<BotId>, ConditionProblem> {
    bots.get(list).map(|bots| bots.iter().cloned().collect()).ok_or_else(|| ConditionProblem::UnknownList {
        key,
        list: list.to_owned(),
        hint: nearest(list, bots.keys().map(String::as_str)),
    })
}

fn stages(
    spec: &ConditionSpec,
    bots: &BotLists,
    problems: &mut Vec<ConditionProblem>,
) -> Vec<BTreeSet<BotId>> {
    let Some(stages) = &spec.stages else { return Vec::new() };
    if stages.at_least == 0 {
        problems.push(ConditionProblem::StagesZero);
    }
    if usize::try_from(stages.at_least).unwrap_or(usize::MAX) > stages.of.len() {
        let (wanted, listed) = (stages.at_least, stages.of.len());
        problems.push(ConditionProblem::FewerStagesThanAsked { wanted, listed });
    }
    let lists = stages.of.iter().map(|list| of_list("count.stages", list, bots));
    lists.filter_map(|list| list.map_err(|problem| problems.push(problem)).ok()).collect()
}

/// What fires it is said once, and can happen.
fn check_kind(spec: &ConditionSpec, problems: &mut Vec<ConditionProblem>) {
    let said = [
        ("count", spec.count.is_some()),
        ("sequence", spec.sequence.is_some()),
        ("absent", spec.absent.is_some()),
    ];
    let mut said = said.iter().filter(|(_, said)| *said).map(|(key, _)| *key);
    if let (Some(one), Some(other)) = (said.next(), said.next()) {
        problems.push(ConditionProblem::Both(other, one));
    }
    if spec.max_age <= SignedDuration::ZERO || spec.max_age > WITHIN_MAX {
        problems.push(ConditionProblem::MaxAge);
    }
    if let Some(sequence) = &spec.sequence {
        if !STEPS.contains(&sequence.steps.len()) {
            problems.push(ConditionProblem::Steps { steps: sequence.steps.len() });
        }
        if !sequence.steps.is_empty() && sequence.steps.iter().all(|step| step.anywhere) {
            problems.push(ConditionProblem::AllAnywhere);
        }
        if sequence.same == super::spec::Same::Contract && sequence.steps.iter().any(|step| step.anywhere) {
            problems.push(ConditionProblem::AnywhereOnTheContract);
        }
        if sequence.within <= SignedDuration::ZERO || sequence.within > WITHIN_MAX {
            problems.push(ConditionProblem::Within);
        }
    }
    if let Some(absent) = &spec.absent {
        if spec.confirm.is_some() {
            problems.push(ConditionProblem::NotOfSilence("confirm"));
        }
        if spec.retracted_by.is_some() {
            problems.push(ConditionProblem::NotOfSilence("retracted_by"));
        }
        if absent.after <= SignedDuration::ZERO || absent.after > WITHIN_MAX {
            problems.push(ConditionProblem::Within);
        }
        if absent.tenths_of_interval.is_some_and(|tenths| !(11..=1_000).contains(&tenths)) {
            problems.push(ConditionProblem::Intervals);
        }
    }
}

fn watch(spec: &ConditionSpec, contracts: &Contracts, problems: &mut Vec<ConditionProblem>) -> Vec<Watched> {
    if spec.about.is_empty() {
        problems.push(ConditionProblem::AboutNothing);
    }
    let mut watched = Vec::with_capacity(spec.about.len());
    let mut named = BTreeSet::new();
    for name in &spec.about {
        if !named.insert(name) {
            problems.push(ConditionProblem::ContractTwice(name.clone()));
            continue;
        }
        match contracts.get(name) {
            Some(contract) => watched.push(Watched {
                contract: name.clone(),
                chain_id: contract.chain_id,
                address: contract.address,
            }),
            None => problems.push(ConditionProblem::UnknownContract {
                contract: name.clone(),
                hint: nearest(name.as_str(), contracts.keys().map(ContractName::as_str)),
            }),
        }
    }
    watched
}

fn check_count(
    count: &CountSpec,
    when: Option<&Expression<AlertField>>,
    problems: &mut Vec<ConditionProblem>,
) {
    let CountSpec { alerts, bots, feeds, within } = *count;
    if alerts == 0 {
        problems.push(ConditionProblem::CountZero { what: "alerts" });
    }
    if bots == 0 {
        problems.push(ConditionProblem::CountZero { what: "bots" });
    }
    if feeds == 0 {
        problems.push(ConditionProblem::CountZero { what: "feeds" });
    }
    if alerts != 0 && alerts < feeds {
        problems.push(ConditionProblem::FewerAlertsThanFeeds { alerts, feeds });
    }
    if alerts != 0 && alerts < bots {
        problems.push(ConditionProblem::FewerAlertsThanBots { alerts, bots });
    }
    if usize::try_from(alerts).unwrap_or(usize::MAX) > WINDOW_ALERTS_MAX {
        problems.push(ConditionProblem::MoreAlertsThanAWindowHolds { alerts });
    }
    if within <= SignedDuration::ZERO || within > WITHIN_MAX {
        problems.push(ConditionProblem::Within);
    }
    let admitted = when.and_then(|when| when.values_admitted(&AlertField::Bot));
    if let Some(admitted) =
        admitted.filter(|admitted| *admitted < usize::try_from(bots).unwrap_or(usize::MAX))
    {
        problems.push(ConditionProblem::FewerBotsThanAsked { bots, admitted });
    }
}

fn check_early(spec: &ConditionSpec, problems: &mut Vec<ConditionProblem>) {
    let Early::Respond(early) = spec.early else { return };
    if early > spec.respond {
        problems.push(ConditionProblem::EarlyBeyondRespond { early, respond: spec.respond });
    } else if early == Response::Propose && spec.count.is_some_and(|count| count.alerts > 1) {
        problems.push(ConditionProblem::EarlyProposes);
    }
}
