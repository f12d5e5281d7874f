//! Conditions that can never fire, proven from what they ask.
//!
//! Only what is proven is told: lists and expressions are read as sets ([`Outlook`]), and what cannot be judged is
//! taken for possible. A bot that no list names may exist; one that `when` excludes may not.

use std::collections::BTreeSet;

use super::compile::Watched;
use super::problem::ConditionProblem;
use super::spec::{ConditionSpec, StagesSpec};
use super::state::is_one_shot;
use super::vocabulary::{AlertField, SEVERITIES};
use crate::domain::alert::BotId;
use crate::domain::expression::language::{Expression, Outlook, Span, Subject};

/// Contracts whose chain is said where none is on the chain of every step.
const CHAINS_SHOWN_MAX: usize = 3;

/// What [`crate::domain::alert::Alert::finding_type`] may be.
const FINDING_TYPES: [&str; 6] = ["EXPLOIT", "SUSPICIOUS", "DEGRADED", "INFO", "SCAM", "UNKNOWN"];

/// What must be so of an alert.
pub(super) type AlertOutlook = Outlook<AlertField>;

impl Subject for AlertField {
    fn told(&self) -> String {
        self.path()
    }

    fn number(&self, number: &crate::domain::expression::language::Decimal) -> String {
        let plain = number.to_string();
        match self {
            Self::Severity => {
                let word = plain.parse::<usize>().ok().and_then(|number| SEVERITIES.get(number).copied());
                word.map_or(plain, str::to_owned)
            }
            Self::CreatedAt | Self::EventTime => {
                let time = plain.parse().ok().and_then(|time| jiff::Timestamp::from_nanosecond(time).ok());
                time.map_or(plain, |time| time.to_string())
            }
            Self::Bot
            | Self::AlertId
            | Self::Name
            | Self::Description
            | Self::Protocol
            | Self::FindingType
            | Self::Feed
            | Self::Chain
            | Self::Hash
            | Self::Transaction
            | Self::BlockNumber
            | Self::Addresses
            | Self::Metadata(_) => plain,
        }
    }

    fn span(&self) -> Span {
        match self {
            Self::Severity => Span::whole_numbers(0, 5),
            Self::Chain | Self::BlockNumber => Span::whole_numbers(0, u64::MAX),
            Self::Bot
            | Self::AlertId
            | Self::Name
            | Self::Description
            | Self::Protocol
            | Self::FindingType
            | Self::Feed
            | Self::Hash
            | Self::Transaction
            | Self::Addresses
            | Self::CreatedAt
            | Self::EventTime
            | Self::Metadata(_) => Span::default(),
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self, Self::Severity | Self::Chain | Self::BlockNumber)
    }
}

/// What a condition's expressions ask of one alert each.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// Of every alert that counts.
    when: Option<AlertOutlook>,
}

impl Asked {
    /// Reads the expressions, and tells those that can never be true.
    pub(super) fn read<'e>(
        when: Option<&Expression<AlertField>>,
        including: Option<&Expression<AlertField>>,
        steps: impl Iterator<Item = &'e Expression<AlertField>>,
        watched: &[Watched],
        problems: &mut Vec<ConditionProblem>,
    ) -> Self {
        let mut found = |key, step: &str, outlook: Result<AlertOutlook, String>| {
            let outlook = outlook.and_then(|outlook| on_a_chain(outlook, watched)).and_then(of_a_type);
            let never = |why| ConditionProblem::NeverTrue { key, why: format!("{step}{why}") };
            outlook.map_err(|why| problems.push(never(why))).ok()
        };
        let Some(when) = when.and_then(|when| found("when", "", when.outlook())) else {
            return Self::default();
        };
        if let Some(including) = including {
            found("count.including", "", including.outlook().and_then(|including| including.and(&when)));
        }
        let mut possible = Vec::new();
        for (index, step) in steps.enumerate() {
            let number = format!("step {}", index.saturating_add(1));
            let outlook = step.outlook().and_then(|step| step.and(&when));
            possible.extend(found("step", &format!("{number}: "), outlook).map(|outlook| (number, outlook)));
        }
        if let Some(why) = on_no_chain_together(&possible, watched) {
            problems.push(ConditionProblem::NeverTrue { key: "step", why });
        }
        Self { when: Some(when) }
    }

    /// The bots that `when` admits, where it says so.
    pub(super) fn bots(&self) -> Option<BTreeSet<BotId>> {
        let listed = self.when.as_ref()?.listed(&AlertField::Bot)?;
        Some(listed.iter().map(|bot| BotId::new(bot)).collect())
    }
}

/// An alert is about a contract only on the contract's chain.
fn on_a_chain(outlook: AlertOutlook, watched: &[Watched]) -> Result<AlertOutlook, String> {
    let refused: Vec<String> = watched
        .iter()
        .filter_map(|watched| {
            let asked = outlook.refuses_number(&AlertField::Chain, watched.chain_id.0)?;
            Some(format!(
                "alert.chain is to be {asked}, and {} is on {}",
                watched.contract, watched.chain_id.0
            ))
        })
        .collect();
    match refused.first() {
        Some(why) if refused.len() == watched.len() => Err(why.clone()),
        Some(_) | None => Ok(outlook),
    }
}

/// What an alert is said to find is one of few words, in whatever words its feed says it.
fn of_a_type(outlook: AlertOutlook) -> Result<AlertOutlook, String> {
    let Some(listed) = outlook.listed(&AlertField::FindingType) else { return Ok(outlook) };
    let is_one = |word: &String| FINDING_TYPES.iter().any(|known| known.eq_ignore_ascii_case(word));
    if listed.iter().any(is_one) {
        return Ok(outlook);
    }
    let hint = if listed.contains("information") { "; Forta's INFORMATION is INFO here" } else { "" };
    Err(format!("alert.finding_type is one of {}{hint}", FINDING_TYPES.join(", ")))
}

/// The steps of a sequence happen on one chain, that of the contract: why there is none for all of them.
fn on_no_chain_together(steps: &[(String, AlertOutlook)], watched: &[Watched]) -> Option<String> {
    let refused = |watched: &Watched| {
        steps.iter().find_map(|(step, outlook)| {
            let asked = outlook.refuses_number(&AlertField::Chain, watched.chain_id.0)?;
            Some(format!(
                "{step} asks for alert.chain to be {asked}, and {} is on {}",
                watched.contract, watched.chain_id.0
            ))
        })
    };
    let why: BTreeSet<String> = watched.iter().map(refused).collect::<Option<_>>()?;
    let shown: Vec<String> = why.into_iter().take(CHAINS_SHOWN_MAX).collect();
    (!shown.is_empty()).then(|| format!("no contract is on the chain of every step: {}", shown.join("; ")))
}

/// Whether as many different bots, stages and the like can come together as are asked for.
pub(super) fn check_distinct(
    spec: &ConditionSpec,
    asked: &Asked,
    stages: &[BTreeSet<BotId>],
    suppressors: &BTreeSet<BotId>,
    problems: &mut Vec<ConditionProblem>,
) {
    // Whom `when` names counts, a bot of `retracted_by` too.
    let admitted = asked.bots();
    if let (Some(count), Some(admitted)) = (&spec.count, &admitted)
        && admitted.len() < usize::try_from(count.bots).unwrap_or(usize::MAX)
    {
        problems.push(ConditionProblem::FewerBotsThanAsked { bots: count.bots, admitted: admitted.len() });
    }
    if let Some(StagesSpec { of, at_least }) = &spec.stages
        && stages.len() == of.len()
    {
        let can = |bot: &BotId| {
            !suppressors.contains(bot) && admitted.as_ref().is_none_or(|admitted| admitted.contains(bot))
        };
        let mut earlier = BTreeSet::new();
        let reached = stages.iter().filter(|stage| {
            let reached = stage.iter().any(|bot| can(bot) && !earlier.contains(bot));
            earlier.extend(stage.iter());
            reached
        });
        let reached = reached.count();
        let wanted = usize::try_from(*at_least).unwrap_or(usize::MAX);
        if reached < wanted && wanted <= of.len() {
            problems.push(ConditionProblem::FewerStagesThanAdmitted { wanted: *at_least, reached });
        }
    }
    if let (Some(_), Some(bots)) = (spec.lasting, asked.bots())
        && bots.iter().all(is_one_shot)
    {
        problems.push(ConditionProblem::NoState);
    }
}
