//! `roster.toml`: who can be woken, when, and whom to wake next.
//!
//! Times are local wall times in an IANA zone, as people write them; they become instants here, and an hour
//! that the clock shows twice or never is covered rather than left out.

mod people;
mod policies;
mod schedule;

use std::collections::BTreeSet;

use super::problem::{Findings, Place, Problem};
use super::reader::{Context, Entry, Placed, Table, known};
use crate::domain::roster::{Role, Roster, Target};

/// What was read, and what else the other files are checked against.
#[derive(Debug, Default)]
pub(super) struct RosterFile {
    pub(super) roster: Roster,
    pub(super) policies: BTreeSet<String>,
}

/// The names in the file, well described or not.
#[derive(Debug)]
struct Names {
    people: BTreeSet<String>,
    rotations: BTreeSet<String>,
    /// The roles that a shift or `[roles]` gives to somebody.
    roles: BTreeSet<Role>,
}

impl Names {
    fn person(&self, person: &Placed<String>, findings: &mut Findings) -> bool {
        known("person", person, self.people.iter().map(String::as_str), findings)
    }

    fn rotation(&self, rotation: &Placed<String>, findings: &mut Findings) -> bool {
        known("rotation", rotation, self.rotations.iter().map(String::as_str), findings)
    }

    /// Whether what a target names exists; a page to a role that nobody plays would wake nobody.
    fn target(&self, target: &Placed<Target>, findings: &mut Findings) -> bool {
        let placed = |name: &str| Placed { place: target.place.clone(), value: name.to_owned() };
        match &target.value {
            Target::OnCall | Target::Signers => true,
            Target::Role(role) => {
                let played = self.roles.contains(role);
                if !played {
                    let problem = Problem::new(&target.place, format!("nobody is ever {role}"));
                    findings.problem(problem.remedy(format!("add [roles] {role} = \"person:ID\"")));
                }
                played
            }
            Target::Person(person) => self.person(&placed(person.as_str()), findings),
            Target::Rotation(rotation) => self.rotation(&placed(rotation.as_str()), findings),
        }
    }
}

/// Reads the whole file. `channels` are the names of `redhandle.toml`, unless that could not be read.
pub(super) fn read(
    entries: &[Entry],
    place: Place,
    context: &Context<'_>,
    channels: Option<&BTreeSet<String>>,
    findings: &mut Findings,
) -> RosterFile {
    let keys = |section: &str| Table::keys_of(entries, section).into_iter().collect();
    let mut names = Names { people: keys("people"), rotations: keys("rotations"), roles: BTreeSet::new() };
    let mut root = Table::root(context, entries, place.clone(), "the top level of the file");
    let people = people::read(&mut root, channels, findings);
    if names.people.is_empty() {
        findings.problem(
            Problem::new(&place, "there is nobody in the roster").wanted("[people.ID] at least once"),
        );
    }
    let rotations = schedule::read_rotations(&mut root, &names, findings);
    let shifts = schedule::read_shifts(&mut root, &people, &names, findings);
    let overrides = schedule::read_overrides(&mut root, &people, &rotations, &names, findings);
    let roles = policies::read_roles(&mut root, &names, findings);
    names.roles = shifts.iter().filter_map(|shift| shift.role).chain(roles.keys().copied()).collect();
    let policies = policies::read(&mut root, &names, findings);
    root.finish(findings);

    if !names.roles.contains(&Role::Commander) {
        findings.warning(
            Problem::new(&place, "nobody is ever incident commander").remedy(
                "add [roles] commander = \"rotation:NAME\", or a [[shift]] with role = \"commander\"",
            ),
        );
    }
    let roster = Roster { people, shifts, rotations, overrides, roles, policies };
    RosterFile { roster, policies: keys("policies") }
}
