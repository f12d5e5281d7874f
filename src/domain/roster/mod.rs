//! People, keys, shifts, and whether they cover a Safe.
//!
//! A [`Roster`] is a value that was checked when it was read (`config::roster`): every name in it exists
//! and every key has one holder. Here it only answers questions, each at an instant that the caller gives.
//! What was written in local wall time is instants by now; rotations alone keep their wall clock, because
//! they go on for ever.
//!
//! **Overrides** are applied in the order they were written, the later one wins: "ana is away all week",
//! then "ana steps in on Tuesday" means what it says. An override that names a rotation changes that rotation
//! alone; one that names none changes who is on call at all.
//!
//! It does not know whether anybody is awake, whether a channel works, or what a Safe's owners are: the first
//! two are for check-ins and deliveries to prove, the last is an argument.

mod coverage;
mod coverage_tree;
mod escalation;
mod interval;
mod person;
mod rotation;
mod words;

use std::collections::BTreeMap;

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use coverage::{
    Coverage, CoverageReport, CoverageSpan, SPANS_MAX, SignerSlot, coverage, coverage_between,
};
pub use coverage_tree::{FEWEST_EXACT_MAX_PEOPLE, NestedCoverage, OwnerCoverage, tree_coverage, ways_of};
pub use escalation::{EscalationPolicy, ROUND_GAP_MIN, Step, Target, TargetError};
pub use interval::{Interval, IntervalError, earlier, later};
pub use person::{Key, Person, Role, UnknownRole};
pub use rotation::{Rotation, Turn};

use super::names::{PersonId, PolicyName, RotationName};

/// Everybody, and when they are on call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Everybody.
    pub people: BTreeMap<PersonId, Person>,
    /// Single shifts, as they were written.
    pub shifts: Vec<Shift>,
    /// Turns that go on for ever.
    pub rotations: BTreeMap<RotationName, Rotation>,
    /// Exceptions, as they were written.
    pub overrides: Vec<Override>,
    /// Who plays a role when no shift says so; tried in order.
    pub roles: BTreeMap<Role, Vec<Target>>,
    /// Whom to page, and whom next.
    pub policies: BTreeMap<PolicyName, EscalationPolicy>,
}

/// One person on call once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Who.
    pub person: PersonId,
    /// The part played, where the shift is for one.
    pub role: Option<Role>,
    /// When.
    pub interval: Interval,
}

/// An exception to rotations and shifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The rotation it changes; none means being on call at all.
    pub rotation: Option<RotationName>,
    /// When.
    pub interval: Interval,
    /// Who is not on call after all.
    pub remove: Option<PersonId>,
    /// Who is on call in addition, or instead.
    pub add: Option<PersonId>,
    /// Why.
    pub reason: String,
}

impl Roster {
    /// Everybody who is on call at `at`: shifts first, then rotations by name; each person once.
    pub fn on_call(&self, at: Timestamp) -> Vec<PersonId> {
        let shifts = self.shifts.iter().filter(|shift| shift.interval.contains(at));
        let mut people = shifts.map(|shift| shift.person.clone()).collect();
        for change in self.overrides_at(at).filter(|change| change.rotation.is_none()) {
            change.apply(&mut people);
        }
        people.extend(self.rotations.keys().flat_map(|rotation| self.in_rotation(rotation, at)));
        each_once(people)
    }

    /// Whom `target` means at `at`. [`Target::Signers`] is everybody with a valid key: a caller who knows the
    /// Safe narrows it with [`Roster::signers`]. A person who is named is meant whether on call or not.
    pub fn who(&self, target: &Target, at: Timestamp) -> Vec<PersonId> {
        match target {
            Target::OnCall => self.on_call(at),
            Target::Signers => {
                let signs = |person: &&Person| person.keys.iter().any(|key| key.valid_at(at));
                self.people.values().filter(signs).map(|person| person.id.clone()).collect()
            }
            Target::Role(role) => self.in_role(*role, at),
            Target::Person(person) => vec![person.clone()],
            Target::Rotation(rotation) => self.in_rotation(rotation, at),
        }
    }

    /// The incident commander at `at`, if anybody is.
    pub fn commander_at(&self, at: Timestamp) -> Option<PersonId> {
        self.in_role(Role::Commander, at).into_iter().next()
    }

    /// The public communications officer at `at`, if anybody is.
    pub fn communications_at(&self, at: Timestamp) -> Option<PersonId> {
        self.in_role(Role::Communications, at).into_iter().next()
    }

    /// The person who holds, held or will hold `address`. A key has one holder for good.
    pub fn person_of(&self, address: Address) -> Option<&Person> {
        self.people.values().find(|person| person.keys.iter().any(|key| key.address == address))
    }

    /// Everybody who can sign as one of `owners` at `at`, on call or not; each person once.
    pub fn signers(&self, owners: &[Address], at: Timestamp) -> Vec<PersonId> {
        let holds_one = |person: &&Person| owners.iter().any(|owner| person.holds(*owner, at));
        self.people.values().filter(holds_one).map(|person| person.id.clone()).collect()
    }

    /// The first instant strictly after `after` at which any answer of this roster may change; none when
    /// nothing ever will.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let shifts = self.shifts.iter().map(|shift| shift.interval);
        let overrides = self.overrides.iter().map(|change| change.interval);
        let edges = shifts.chain(overrides).flat_map(|interval| [interval.from, interval.to]);
        let keys = self.people.values().flat_map(|person| &person.keys);
        let keys = keys.flat_map(|key| [key.from, key.until]).flatten();
        let hand_overs = self.rotations.values().filter_map(|rotation| rotation.next_boundary(after));
        edges.chain(keys).chain(hand_overs).filter(|edge| *edge > after).min()
    }

    /// Who plays `role`: shifts that are for it first, then what `[roles]` says.
    fn in_role(&self, role: Role, at: Timestamp) -> Vec<PersonId> {
        let shifts = self.shifts.iter();
        let on_shift = shifts.filter(|shift| shift.role == Some(role) && shift.interval.contains(at));
        let mut people: Vec<PersonId> = on_shift.map(|shift| shift.person.clone()).collect();
        for change in self.overrides_at(at).filter(|change| change.rotation.is_none()) {
            people.retain(|person| change.remove.as_ref() != Some(person));
        }
        let elsewhere = self.roles.get(&role).into_iter().flatten().flat_map(|target| match target {
            // A role that is another role's is refused when the roster is read.
            Target::Role(_) => Vec::new(),
            Target::OnCall | Target::Signers | Target::Person(_) | Target::Rotation(_) => {
                self.who(target, at)
            }
        });
        people.extend(elsewhere);
        each_once(people)
    }

    /// Whose turn it is, overrides applied.
    fn in_rotation(&self, name: &RotationName, at: Timestamp) -> Vec<PersonId> {
        let turn = self.rotations.get(name).and_then(|rotation| rotation.turn_at(at));
        let mut people: Vec<PersonId> = turn.map(|turn| turn.person.clone()).into_iter().collect();
        for change in self.overrides_at(at) {
            match &change.rotation {
                Some(rotation) if rotation == name => change.apply(&mut people),
                Some(_) => {}
                // Away is away from every rotation; stepping in is not a turn of any.
                None => people.retain(|person| change.remove.as_ref() != Some(person)),
            }
        }
        people
    }

    fn overrides_at(&self, at: Timestamp) -> impl Iterator<Item = &Override> {
        self.overrides.iter().filter(move |change| change.interval.contains(at))
    }
}

impl Override {
    fn apply(&self, people: &mut Vec<PersonId>) {
        people.retain(|person| self.remove.as_ref() != Some(person));
        people.extend(self.add.clone());
    }
}

/// Keeps the first of each.
fn each_once(people: Vec<PersonId>) -> Vec<PersonId> {
    let mut seen = std::collections::BTreeSet::new();
    people.into_iter().filter(|person| seen.insert(person.clone())).collect()
}

#[cfg(test)]
mod tests;
