//! What can be wrong with a condition, each in a sentence that says what to do.

use jiff::SignedDuration;

use super::spec::Response;
use super::window::WINDOW_ALERTS_MAX;
use crate::domain::expression::ExpressionError;
use crate::domain::names::ContractName;

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
    #[error(
        "{wanted} different stages are asked for, and the bots that `when` admits stand for {reached}: it can never be met"
    )]
    FewerStagesThanAdmitted { wanted: u32, reached: usize },
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
    #[error("it can never be true: {why}")]
    NeverTrue { key: &'static str, why: String },
    #[error("{of} is 0; leave it out")]
    DistinctZero { of: &'static str },
    #[error("{of} = {wanted} can never be met: {why}")]
    DistinctNever { of: &'static str, wanted: u32, why: String },
    #[error("{0} says nothing without `count`")]
    WithoutCount(&'static str),
    #[error("{0:?} stands in it twice")]
    GroupTwice(&'static str),
    #[error(
        "within = {within:#} is longer than max_age = {max_age:#}, and what is older than that does not count; write max_age = \"{within:#}\" or more"
    )]
    WithinBeyondMaxAge { within: SignedDuration, max_age: SignedDuration },
    #[error("for must be longer than nothing and at most {WITHIN_MAX:#}")]
    Lasting,
    #[error(
        "`when` admits only bots that tell of events: no state of theirs could last; states come from Alertmanager, Grafana, PagerDuty, Hypernative, and from alerts with state.id and state.phase in their metadata"
    )]
    NoState,
    #[error(
        "the feeds that bring such alerts tell of events only: no state of theirs could last; states come from Alertmanager, Grafana, PagerDuty, Hypernative, and from alerts with state.id and state.phase in their metadata"
    )]
    NoStateHeard,
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
            Self::FewerStagesThanAsked { .. } | Self::FewerStagesThanAdmitted { .. } | Self::StagesZero => {
                "count.stages"
            }
            Self::NeverTrue { key, .. } | Self::WithoutCount(key) => key,
            Self::DistinctZero { .. } | Self::DistinctNever { .. } => "count",
            Self::GroupTwice(_) => "group",
            Self::WithinBeyondMaxAge { .. } => "max_age",
            Self::Lasting | Self::NoState | Self::NoStateHeard => "for",
            Self::UnknownList { key, .. } | Self::NotOfSilence(key) => key,
            Self::Both(one, _) => one,
            Self::Step { .. } => "step",
            Self::Steps { .. } | Self::AllAnywhere | Self::AnywhereOnTheContract => "sequence",
            Self::MaxAge => "max_age",
            Self::Intervals => "absent",
        }
    }
}
