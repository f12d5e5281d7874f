//! Rotations, shifts and overrides: wall clocks, read.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Names;
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Form, Mismatch, Node, Placed, Table};
use crate::domain::names::{PersonId, RotationName};
use crate::domain::roster::{Interval, Override, Person, Role, Rotation, Shift};

/// The longest turn of a rotation, in days.
const TURN_MAX_DAYS: u16 = 366;

/// A turn's length in civil days: `7d`, `1w`.
struct Turn(NonZeroU16);

impl Form for Turn {
    fn wanted() -> String {
        format!("whole days or weeks such as \"7d\" or \"1w\", at most {TURN_MAX_DAYS} days")
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let span: Span = String::read(node)?.parse().map_err(|_| Mismatch::default())?;
        let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
        let rest = span.weeks(0).days(0);
        if !rest.is_zero() {
            return Err(Mismatch::remedy("turns change at the same time of day, whatever the clocks do"));
        }
        let days = u16::try_from(days).ok().filter(|days| *days <= TURN_MAX_DAYS);
        days.and_then(NonZeroU16::new).map(Self).ok_or_else(Mismatch::default)
    }
}

pub(super) fn read_rotations(
    root: &mut Table<'_>,
    names: &Names,
    findings: &mut Findings,
) -> BTreeMap<RotationName, Rotation> {
    let mut rotations = BTreeMap::new();
    for (name, mut table) in root.named("rotations", findings) {
        let zone = table.required("zone", findings);
        let start = table.required("start", findings);
        let every: Option<Turn> = table.required("every", findings);
        let written: Vec<Placed<String>> = table.required_list("people", findings);
        table.finish(findings);
        let people = written.into_iter().filter(|person| names.person(person, findings));
        let people = people.map(|person| PersonId::new(person.value)).collect();
        if let (Some(zone), Some(start), Some(every)) = (zone, start, every) {
            let name = RotationName::new(name);
            rotations.insert(name.clone(), Rotation { name, zone, start, every_days: every.0, people });
        }
    }
    rotations
}

pub(super) fn read_shifts(
    root: &mut Table<'_>,
    people: &BTreeMap<PersonId, Person>,
    names: &Names,
    findings: &mut Findings,
) -> Vec<Shift> {
    let mut shifts = Vec::new();
    for mut table in root.tables("shift", findings) {
        let person = person(&mut table, "person", names, findings);
        if !table.has("person") {
            table.missing("person", "the ID of a person", findings);
        }
        let roles = Role::ALL.map(|role| (role.as_str(), role));
        let role = table.choice("role", &roles, findings);
        let own_zone = person.as_ref().and_then(|person| people.get(person)).map(|person| &person.zone);
        let interval = interval(&mut table, own_zone, findings);
        table.finish(findings);
        let shift = person.zip(interval);
        shifts.extend(shift.map(|(person, interval)| Shift { person, role, interval }));
    }
    shifts
}

pub(super) fn read_overrides(
    root: &mut Table<'_>,
    people: &BTreeMap<PersonId, Person>,
    rotations: &BTreeMap<RotationName, Rotation>,
    names: &Names,
    findings: &mut Findings,
) -> Vec<Override> {
    let mut overrides = Vec::new();
    for mut table in root.tables("override", findings) {
        let rotation: Option<Placed<String>> = table.optional("rotation", findings);
        let rotation = rotation.filter(|rotation| names.rotation(rotation, findings));
        let rotation = rotation.map(|rotation| RotationName::new(rotation.value));
        let remove = person(&mut table, "remove", names, findings);
        let add = person(&mut table, "add", names, findings);
        if !table.has("remove") && !table.has("add") {
            let found = format!("{} changes nothing", table.shown());
            findings
                .problem(Problem::new(table.place(), found).wanted("add = \"ID\", remove = \"ID\" or both"));
        }
        let reason = table.required("reason", findings);
        let rotation_zone =
            rotation.as_ref().and_then(|name| rotations.get(name)).map(|rotation| &rotation.zone);
        let someone = remove.as_ref().or(add.as_ref()).and_then(|person| people.get(person));
        let zone = rotation_zone.or(someone.map(|person| &person.zone));
        let interval = interval(&mut table, zone, findings);
        table.finish(findings);
        if let (Some(interval), Some(reason)) = (interval, reason) {
            overrides.push(Override { rotation, interval, remove, add, reason });
        }
    }
    overrides
}

/// The person a key names, if there is one of that name.
fn person(
    table: &mut Table<'_>,
    key: &'static str,
    names: &Names,
    findings: &mut Findings,
) -> Option<PersonId> {
    let person: Placed<String> = table.optional(key, findings)?;
    names.person(&person, findings).then(|| PersonId::new(person.value))
}

/// `from`, `to` and `zone` of a table; the zone is `default` unless it is written.
fn interval(table: &mut Table<'_>, default: Option<&TimeZone>, findings: &mut Findings) -> Option<Interval> {
    let zone: Option<TimeZone> = table.optional("zone", findings);
    let from: Option<Placed<DateTime>> = table.required("from", findings);
    let to: Option<Placed<DateTime>> = table.required("to", findings);
    let (from, to) = (from?, to?);
    // Where no zone could be read there is a problem already, and the interval is never used.
    let zone = zone.or_else(|| default.cloned()).unwrap_or(TimeZone::UTC);
    let interval = Interval::from_wall(from.value, to.value, &zone);
    interval.map_err(|error| findings.problem(Problem::new(&to.place, error.to_string()))).ok()
}
