//! What makes a `[[condition]]` fire: `count` and `group`, `sequence` with its `[[condition.step]]`s, `absent`.

use std::ops::RangeInclusive;

use super::steps::WITHIN;
use crate::config::problem::Findings;
use crate::config::problem::Problem;
use crate::config::reader::{Placed, Table, Value};
use crate::domain::condition::{
    AbsenceSpec, CountSpec, Distinct, DistinctSpec, GroupBy, Same, SequenceSpec, StagesSpec, StepSpec,
};

/// How many alerts a condition may wait for.
const COUNT: RangeInclusive<u64> = 1..=1000;
/// How many tenths of the usual distance a silence may last.
const TENTHS: RangeInclusive<u32> = 11..=1_000;

/// How `same` is written.
const SAME: [(&str, Same); 3] =
    [("attacker", Same::Attacker), ("transaction", Same::Transaction), ("contract", Same::Contract)];

/// How the parts of `group` are written.
const GROUP: [GroupBy; 4] = [GroupBy::Chain, GroupBy::Contract, GroupBy::Attacker, GroupBy::Transaction];

/// `count`, as far as it could be read.
#[derive(Default)]
pub(super) struct Count {
    pub(super) spec: Option<CountSpec>,
    pub(super) including: Option<String>,
    pub(super) stages: Option<StagesSpec>,
    pub(super) distinct: Vec<DistinctSpec>,
}

/// Reads `count`. `alerts` may be left away: as many as the most that is asked to be different.
pub(super) fn read_count(mut table: Table<'_>, findings: &mut Findings) -> Option<Count> {
    if !table.has("within") {
        table.missing("within", "a length of time such as \"10m\"", findings);
    }
    let mut number = |key| table.integer(key, COUNT, findings).and_then(|number| u32::try_from(number).ok());
    let (alerts, bots, feeds) = (number("alerts"), number("bots"), number("feeds"));
    let distinct: Vec<DistinctSpec> = Distinct::ALL
        .into_iter()
        .filter_map(|of| Some(DistinctSpec { of, at_least: number(of.as_str())? }))
        .collect();
    let within = table.duration("within", WITHIN, findings);
    let including = table.optional("including", findings);
    let stages = table.table("stages", findings).and_then(|stages| read_stages(stages, findings));
    let different = [bots, feeds, stages.as_ref().map(|stages| stages.at_least)];
    let most = different.into_iter().flatten().chain(distinct.iter().map(|of| of.at_least)).max();
    if !table.has("alerts") && most.is_none() {
        table.missing(
            "alerts",
            "how many alerts, or how many different bots, feeds, vendors, stages or the like",
            findings,
        );
    }
    table.finish(findings);
    let spec = CountSpec {
        alerts: alerts.or(most)?,
        bots: bots.unwrap_or(1),
        feeds: feeds.unwrap_or(1),
        within: within?,
    };
    Some(Count { spec: Some(spec), including, stages, distinct })
}

/// Reads `group`: what the counted alerts have in common.
pub(super) fn read_group(table: &mut Table<'_>, findings: &mut Findings) -> Vec<GroupBy> {
    let written: Vec<Placed<String>> =
        if table.has("group") { table.required_list("group", findings) } else { Vec::new() };
    let mut group = Vec::new();
    for word in written {
        if let Some(by) = GROUP.iter().find(|by| by.as_str() == word.value) {
            group.push(*by);
            continue;
        }
        let known = GROUP.map(GroupBy::as_str);
        let found = format!("group by \"{}\" in {}", word.value, table.shown());
        let problem = Problem::new(&word.place, found).wanted(format!("some of {}", known.join(", ")));
        findings.problem(problem.near(&word.value, known));
    }
    group
}

fn read_stages(mut table: Table<'_>, findings: &mut Findings) -> Option<StagesSpec> {
    let of = table.required_list("of", findings);
    if !table.has("at_least") {
        table.missing("at_least", "how many different stages", findings);
    }
    let at_least = table.integer("at_least", COUNT, findings).and_then(|number| u32::try_from(number).ok());
    table.finish(findings);
    Some(StagesSpec { of, at_least: at_least? })
}

/// Reads `sequence` and the steps beside it.
pub(super) fn read_sequence(table: &mut Table<'_>, findings: &mut Findings) -> Option<SequenceSpec> {
    let (has_sequence, has_steps) = (table.has("sequence"), table.has("step"));
    if has_steps && !has_sequence {
        table.missing("sequence", "sequence = { same = \"attacker\", within = \"1h\" }", findings);
    }
    let steps: Vec<StepSpec> = table
        .tables("step", findings)
        .into_iter()
        .filter_map(|mut step| {
            let when = step.required("when", findings);
            let anywhere = step.optional("anywhere", findings).unwrap_or(false);
            step.finish(findings);
            Some(StepSpec { when: when?, anywhere })
        })
        .collect();
    let mut sequence = table.table("sequence", findings)?;
    let same = sequence.required_choice("same", &SAME, findings);
    if !sequence.has("within") {
        sequence.missing("within", "a length of time such as \"1h\"", findings);
    }
    let within = sequence.duration("within", WITHIN, findings);
    sequence.finish(findings);
    Some(SequenceSpec { same: same?, within: within?, steps })
}

/// Reads `absent`.
pub(super) fn read_absence(table: &mut Table<'_>, findings: &mut Findings) -> Option<AbsenceSpec> {
    let mut absent = table.table("absent", findings)?;
    if !absent.has("after") {
        absent.missing("after", "a length of time such as \"2h\"", findings);
    }
    let after = absent.duration("after", WITHIN, findings);
    let tenths = absent.node("intervals").map(|node| match &node.value {
        Value::Integer(number) => tenths(&number.to_string()),
        Value::Float(text) | Value::String(text) => tenths(text),
        Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    });
    if tenths == Some(None) {
        findings.problem(absent.wrong("intervals", "a number from 1.1 to 100 with at most one decimal"));
    }
    absent.finish(findings);
    Some(AbsenceSpec { after: after?, tenths_of_interval: tenths.flatten() })
}

/// `2.5` as 25.
fn tenths(text: &str) -> Option<u32> {
    let (whole, tenth) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let whole: u32 = whole.parse().ok()?;
    let tenth: u32 = Some(tenth).filter(|tenth| tenth.len() == 1)?.parse().ok()?;
    whole.checked_mul(10)?.checked_add(tenth).filter(|tenths| TENTHS.contains(tenths))
}
