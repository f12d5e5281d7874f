//! Conditions that can never fire, proven from what they ask.
//!
//! Only what is proven is told: lists and expressions are read as sets ([`Outlook`]), and what cannot be judged is
//! taken for possible. A bot that no list names may exist; one that `when` excludes may not.

use std::collections::BTreeSet;

use super::compile::Watched;
use super::distinct::Distinct;
use super::origin::{Heard, NotHeard, Side, names};
use super::problem::ConditionProblem;
use super::spec::{ConditionSpec, Same, StagesSpec};
use super::state::is_one_shot;
use super::vocabulary::AlertField;
use crate::domain::alert::BotId;
use crate::domain::expression::language::{Expression, Outlook};

/// Contracts whose chain is said where none is on the chain of every step.
const CHAINS_SHOWN_MAX: usize = 3;

/// What must be so of an alert.
pub(super) type AlertOutlook = Outlook<AlertField>;

/// What a condition's expressions ask of one alert each.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// Of every alert that counts.
    when: Option<AlertOutlook>,
    /// What is well written, and no feed brings now: the key, and why.
    unbrought: Vec<(&'static str, String)>,
}

impl Asked {
    /// Reads the expressions, and tells those that can never be true.
    pub(super) fn read<'e>(
        spec: &ConditionSpec,
        when: Option<&Expression<AlertField>>,
        including: Option<&Expression<AlertField>>,
        steps: impl Iterator<Item = &'e Expression<AlertField>>,
        (watched, heard): (&[Watched], &Heard<'_>),
        problems: &mut Vec<ConditionProblem>,
    ) -> Self {
        let mut unbrought = Vec::new();
        let mut found = |key, step: &str, outlook: Result<AlertOutlook, String>| {
            let never = |why| ConditionProblem::NeverTrue { key, why: format!("{step}{why}") };
            let outlook = outlook.and_then(|outlook| on_a_chain(outlook, watched));
            let outlook = outlook.map_err(|why| problems.push(never(why))).ok()?;
            match heard.not_heard(&outlook) {
                None => {}
                Some(NotHeard::Unknown(why)) => {
                    problems.push(never(why));
                    return None;
                }
                // What is so of `when` is so of all that is asked beside it.
                Some(NotHeard::Unbrought(_)) if !unbrought.is_empty() => {}
                Some(NotHeard::Unbrought(why)) => unbrought.push((key, format!("{step}{why}"))),
            }
            Some(outlook)
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
        if let Some(why) = in_no_transaction_together(spec, &possible) {
            problems.push(ConditionProblem::NeverTrue { key: "step", why });
        }
        Self { when: Some(when), unbrought }
    }

    /// What is well written, and no feed brings now: the key, and why.
    pub(super) fn unbrought(&self) -> &[(&'static str, String)] {
        &self.unbrought
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

/// The steps of a sequence are about one transaction: why there is none for all of them.
fn in_no_transaction_together(spec: &ConditionSpec, steps: &[(String, AlertOutlook)]) -> Option<String> {
    if spec.sequence.as_ref()?.same != Same::Transaction {
        return None;
    }
    let lacking = |(step, outlook): &(String, AlertOutlook)| {
        let lacks = outlook.lacks(&AlertField::Transaction);
        lacks.then(|| format!("{step} asks for alerts without a transaction, and all steps are to share one"))
    };
    steps.iter().find_map(lacking).or_else(|| {
        let mut met = AlertOutlook::default();
        for (step, outlook) in steps {
            met = match met.and(&outlook.only(&AlertField::Transaction)) {
                Ok(met) => met,
                Err(why) => {
                    return Some(format!("all steps are to share one transaction, and with {step} {why}"));
                }
            };
        }
        None
    })
}

/// Whether as many different bots, stages and the like can come together as are asked for.
pub(super) fn check_distinct(
    spec: &ConditionSpec,
    asked: &Asked,
    (stages, suppressors): (&[BTreeSet<BotId>], &BTreeSet<BotId>),
    heard: &Heard<'_>,
    problems: &mut Vec<ConditionProblem>,
) {
    // Whom `when` names counts, a bot of `retracted_by` too.
    let admitted = asked.bots();
    if let (Some(count), Some(admitted)) = (&spec.count, &admitted)
        && admitted.len() < usize::try_from(count.bots).unwrap_or(usize::MAX)
    {
        problems.push(ConditionProblem::FewerBotsThanAsked { bots: count.bots, admitted: admitted.len() });
    } else if let Some(when) = &asked.when {
        check_heard(spec, when, &heard.sides(Some(when)), problems);
    }
    if let Some(StagesSpec { of, at_least }) = &spec.stages
        && stages.len() == of.len()
    {
        let sides = heard.sides(asked.when.as_ref());
        let brought = |bot: &BotId| {
            let brings = |side: &Side<'_>| {
                asked.when.as_ref().and_then(|when| side.bots(when)).is_none_or(|bots| bots.contains(bot))
            };
            sides.is_empty() || sides.iter().any(brings)
        };
        let can = |bot: &BotId| {
            !suppressors.contains(bot)
                && admitted.as_ref().is_none_or(|admitted| admitted.contains(bot))
                && brought(bot)
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
    } else if spec.lasting.is_some() && heard.only_events(asked.when.as_ref()) {
        problems.push(ConditionProblem::NoStateHeard);
    }
}

/// Whether the feeds can bring as many different ones as are asked for; `sides` is empty where nothing is known of them.
fn check_heard(
    spec: &ConditionSpec,
    when: &AlertOutlook,
    sides: &[Side<'_>],
    problems: &mut Vec<ConditionProblem>,
) {
    let Some(count) = &spec.count else { return };
    // Of each side so many: none where there is no end to them.
    let mut check = |of: &'static str, wanted: u32, most: &dyn Fn(&Side<'_>) -> Option<(usize, String)>| {
        let Some(counted) = sides.iter().map(most).collect::<Option<Vec<_>>>() else { return };
        let best = counted.into_iter().max_by_key(|(count, _)| *count);
        let Some((count, why)) = best else { return };
        if usize::try_from(wanted).is_ok_and(|wanted| wanted > count) {
            problems.push(ConditionProblem::DistinctNever { of, wanted, why });
        }
    };
    check("feeds", count.feeds, &|side| {
        let (feeds, named) = (side.feeds(), side.named());
        Some((feeds, format!("such alerts come from {}", counted(feeds, "feed", &named))))
    });
    check("bots", count.bots, &|side| {
        let bots = side.bots(when)?.len();
        let of = counted(bots, "bot", "");
        Some((bots, format!("the feeds bring such alerts of {of}")))
    });
    for distinct in &spec.distinct {
        match distinct.of {
            Distinct::Vendors => check("vendors", distinct.at_least, &|side| {
                let vendors = side.vendors(when)?;
                let named = names(vendors.iter().cloned(), " and ");
                let of = counted(vendors.len(), "vendor", &named);
                Some((vendors.len(), format!("the feeds that bring such alerts are of {of}")))
            }),
            Distinct::Entities => check("entities", distinct.at_least, &|side| {
                let why =
                    "an entity is what a label is on, and the feeds that bring such alerts put none on them";
                (!side.labels()).then(|| (0, why.to_owned()))
            }),
            Distinct::Attackers | Distinct::Transactions | Distinct::Contracts => {}
        }
    }
}

/// `2 feeds, a and b`
fn counted(count: usize, what: &str, named: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    let named = if named.is_empty() || count == 0 { String::new() } else { format!(", {named}") };
    format!("{count} {what}{plural}{named}")
}
