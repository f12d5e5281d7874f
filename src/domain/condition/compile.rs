//! Checking a condition: every problem at once, before an alert ever arrives.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use jiff::SignedDuration;

use super::about::{About, about};
use super::spec::{ConditionSpec, CountSpec, Early, Response};
use super::vocabulary::{AlertField, AlertView, AlertVocabulary, BotLists};
use super::window::WINDOW_ALERTS_MAX;
use crate::domain::alert::{Alert, AlertSeverity};
use crate::domain::contract::Contracts;
use crate::domain::expression::language::{Expression, Gap, Type, nearest};
use crate::domain::expression::{ExpressionError, ReadExpression};
use crate::domain::names::{ChainId, ConditionId, ContractName};

/// Longest `within`: the Attack Detector itself looks back ten days for funding, and nothing looks further.
pub const WITHIN_MAX: SignedDuration = SignedDuration::from_hours(240);

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
        let when = match Expression::compile(&spec.when, &mut AlertVocabulary(bots), &Type::Bool) {
            Ok(when) => Some(when),
            Err(errors) => {
                problems.extend(errors.into_iter().map(ConditionProblem::When));
                None
            }
        };
        let watched = watch(&spec, contracts, &mut problems);
        if let Some(count) = &spec.count {
            check_count(count, when.as_ref(), &mut problems);
        }
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
            Some(when) if problems.is_empty() => Ok(Self { spec, when, watched, confirm }),
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

    /// The corroboration it wants; one alert where the runbook asks for none.
    pub fn count(&self) -> CountSpec {
        self.spec.count.unwrap_or(CountSpec { alerts: 1, bots: 1, within: SignedDuration::ZERO })
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
        self.when.evaluate_bool(&|field| {
            view.value(field).map(|value| std::borrow::Cow::Owned(value.into_owned()))
        })
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
    let CountSpec { alerts, bots, within } = *count;
    if alerts == 0 {
        problems.push(ConditionProblem::CountZero { what: "alerts" });
    }
    if bots == 0 {
        problems.push(ConditionProblem::CountZero { what: "bots" });
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
