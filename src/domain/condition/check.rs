//! Whether what a condition asks for can ever be met: bounds, lists, and what excludes what.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::compile::Watched;
use super::distinct::Distinct;
use super::grouping::GroupBy;
use super::problem::{ConditionProblem, STEPS, WITHIN_MAX};
use super::spec::{ConditionSpec, CountSpec, Early, Response, Same};
use super::window::WINDOW_ALERTS_MAX;
use super::words::BotLists;
use crate::domain::alert::BotId;
use crate::domain::contract::Contracts;
use crate::domain::expression::language::nearest;
use crate::domain::names::ContractName;

pub(super) fn of_list(
    key: &'static str,
    list: &str,
    bots: &BotLists,
) -> Result<BTreeSet<BotId>, ConditionProblem> {
    bots.get(list).map(|bots| bots.iter().cloned().collect()).ok_or_else(|| ConditionProblem::UnknownList {
        key,
        list: list.to_owned(),
        hint: nearest(list, bots.keys().map(String::as_str)),
    })
}

pub(super) fn stages(
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
pub(super) fn check_kind(spec: &ConditionSpec, problems: &mut Vec<ConditionProblem>) {
    let said = [
        ("count", spec.count.is_some()),
        ("sequence", spec.sequence.is_some()),
        ("absent", spec.absent.is_some()),
        ("for", spec.lasting.is_some()),
    ];
    let mut said = said.iter().filter(|(_, said)| *said).map(|(key, _)| *key);
    if let (Some(one), Some(other)) = (said.next(), said.next()) {
        problems.push(ConditionProblem::Both(other, one));
    }
    if spec.max_age <= SignedDuration::ZERO || spec.max_age > WITHIN_MAX {
        problems.push(ConditionProblem::MaxAge);
    }
    let within = spec.count.map(|count| count.within);
    let within = within.into_iter().chain(spec.sequence.as_ref().map(|sequence| sequence.within)).max();
    if let Some(within) = within.filter(|within| *within > spec.max_age && *within <= WITHIN_MAX)
        && spec.max_age > SignedDuration::ZERO
    {
        problems.push(ConditionProblem::WithinBeyondMaxAge { within, max_age: spec.max_age });
    }
    if spec.lasting.is_some_and(|lasting| lasting <= SignedDuration::ZERO || lasting > WITHIN_MAX) {
        problems.push(ConditionProblem::Lasting);
    }
    if spec.count.is_none() && !spec.group.is_empty() {
        problems.push(ConditionProblem::WithoutCount("group"));
    }
    if let Some(sequence) = &spec.sequence {
        if !STEPS.contains(&sequence.steps.len()) {
            problems.push(ConditionProblem::Steps { steps: sequence.steps.len() });
        }
        if !sequence.steps.is_empty() && sequence.steps.iter().all(|step| step.anywhere) {
            problems.push(ConditionProblem::AllAnywhere);
        }
        if sequence.same == Same::Contract && sequence.steps.iter().any(|step| step.anywhere) {
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

pub(super) fn watch(
    spec: &ConditionSpec,
    contracts: &Contracts,
    problems: &mut Vec<ConditionProblem>,
) -> Vec<Watched> {
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

pub(super) fn check_count(count: &CountSpec, problems: &mut Vec<ConditionProblem>) {
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
}

/// What else the alerts must differ in can differ in windows that are grouped so.
pub(super) fn check_differing(
    spec: &ConditionSpec,
    watched: &[Watched],
    problems: &mut Vec<ConditionProblem>,
) {
    for (index, part) in spec.group.iter().enumerate() {
        if spec.group.iter().take(index).any(|earlier| earlier == part) {
            problems.push(ConditionProblem::GroupTwice(part.as_str()));
        }
    }
    let alerts = spec.count.map_or(0, |count| count.alerts);
    for distinct in &spec.distinct {
        let (of, wanted) = (distinct.of.as_str(), distinct.at_least);
        let never = |why: String| ConditionProblem::DistinctNever { of, wanted, why };
        if wanted == 0 {
            problems.push(ConditionProblem::DistinctZero { of });
            continue;
        }
        match distinct.of {
            Distinct::Vendors | Distinct::Transactions if wanted > alerts => {
                let one = distinct.of.of_one();
                problems.push(never(format!("alerts = {alerts}, and each has one {one}")));
            }
            Distinct::Transactions if wanted > 1 && spec.group.contains(&GroupBy::Transaction) => {
                problems.push(never("the alerts are grouped by their transaction".to_owned()));
            }
            Distinct::Contracts if wanted > 1 => {
                let apart = spec.group.is_empty() || spec.group.contains(&GroupBy::Contract);
                let on = |chain| watched.iter().filter(|watched| watched.chain_id == chain).count();
                let most = watched.iter().map(|watched| on(watched.chain_id)).max().unwrap_or(0);
                if apart {
                    let why = "each contract has windows of its own; write group = [\"chain\"]";
                    problems.push(never(why.to_owned()));
                } else if usize::try_from(wanted).is_ok_and(|wanted| wanted > most) {
                    problems.push(never(format!("`about` has {most} on one chain")));
                }
            }
            Distinct::Vendors
            | Distinct::Attackers
            | Distinct::Transactions
            | Distinct::Contracts
            | Distinct::Entities => {}
        }
    }
}

pub(super) fn check_early(spec: &ConditionSpec, problems: &mut Vec<ConditionProblem>) {
    let Early::Respond(early) = spec.early else { return };
    if early > spec.respond {
        problems.push(ConditionProblem::EarlyBeyondRespond { early, respond: spec.respond });
    } else if early == Response::Propose && spec.count.is_some_and(|count| count.alerts > 1) {
        problems.push(ConditionProblem::EarlyProposes);
    }
}
