//! Whether storage written under one layout may be read under another.
//!
//! A *clash* is what would make the new code read other values than the old code wrote: moved, retyped, removed,
//! overlapped. A *warning* is what is worth a look and changes no value: a new name, a gap that ends elsewhere.
//! Appended variables are fine, and so are those that take the place of a gap.

use std::collections::BTreeSet;
use std::fmt;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use super::places::{Place, Same, Span, is_gap, overlap, same_value, span};
use super::{Shape, StorageLayout, Type, Variable};

/// One reason why the new layout cannot take the old one's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// Of the variable in the old layout (in the new one where only it is there); of the contract, the namespace or
    /// the value it is a part of.
    pub slot: U256,
    /// In bytes, from the low end of the slot.
    pub offset: u32,
    /// What is wrong, in a sentence with slot and offset.
    pub sentence: String,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.sentence)
    }
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Why the new layout cannot take the old one's place; empty: it can.
    pub clashes: Vec<Clash>,
    /// What is worth a look.
    pub warnings: Vec<String>,
    /// How many variables of the old layout were compared.
    pub compared: usize,
    /// How many are new.
    pub appended: usize,
}

impl Comparison {
    /// Whether the new layout can take the old one's place.
    pub fn is_compatible(&self) -> bool {
        self.clashes.is_empty()
    }

    /// The verdict in one line.
    pub fn headline(&self) -> String {
        let count = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        match (self.clashes.len(), self.compared) {
            (0, 0) => "neither layout shows a variable: what lies in namespaces was not compared".to_owned(),
            (0, compared) => {
                format!("compatible: {} kept, {} appended", count(compared, "variable"), self.appended)
            }
            (clashes, _) => format!("incompatible: {}", count(clashes, "clash").replace("clashs", "clashes")),
        }
    }
}

/// Compares what storage holds now with what the new code will take it for.
pub fn compare(old: &StorageLayout, new: &StorageLayout) -> Comparison {
    let mut comparing = Comparing { old, new, result: Comparison::default(), seen: BTreeSet::new() };
    comparing.variables(&Place::contract(), &old.variables, &new.variables);
    for (id, variables) in &old.namespaces {
        match new.namespaces.get(id) {
            Some(now) => comparing.variables(&Place::namespace(id), variables, now),
            None => {
                let sentence = format!(
                    "the namespace {id} is not in the new layout: what it holds is lost to the new code"
                );
                comparing.result.clashes.push(Clash { slot: U256::ZERO, offset: 0, sentence });
            }
        }
    }
    let mut result = comparing.result;
    result.compared = old.len();
    result.appended = new.len().saturating_sub(old.len());
    if old.is_empty() && new.is_empty() {
        result.warnings.push(
            "neither layout shows a variable: the compiler does not show what lies in ERC-7201 namespaces. Give layouts of a contract that declares the namespaces' structs as variables".to_owned(),
        );
    } else if old.is_empty() {
        result.warnings.push(
            "the old layout shows no variable, so nothing was compared: is it the right file?".to_owned(),
        );
    }
    result
}

struct Comparing<'a> {
    old: &'a StorageLayout,
    new: &'a StorageLayout,
    result: Comparison,
    /// Pairs of types that were compared: a type may hold itself.
    seen: BTreeSet<(String, String)>,
}

impl<'a> Comparing<'a> {
    fn clash(&mut self, place: &Place, variable: &Variable, sentence: String) {
        let slot = place.base.saturating_add(variable.slot);
        self.result.clashes.push(Clash { slot, offset: variable.offset, sentence });
    }

    fn variables(&mut self, place: &Place, old: &'a [Variable], new: &'a [Variable]) {
        let (was, now) = (self.old, self.new);
        let mut told: Vec<Span> = Vec::new();
        for variable in old.iter().filter(|variable| !is_gap(variable, was)) {
            let clashes = self.result.clashes.len();
            self.variable(place, variable, old, new);
            if self.result.clashes.len() > clashes {
                told.push(span(variable, was));
            }
        }
        for variable in new.iter().filter(|variable| !is_gap(variable, now)) {
            let here = span(variable, now);
            let in_place = |other: &Variable| other.slot == variable.slot && other.offset == variable.offset;
            let kept = old.iter().any(|other| in_place(other) && !is_gap(other, was));
            let over = old
                .iter()
                .filter(|other| !is_gap(other, was) && !in_place(other))
                .find(|other| overlap(span(other, was), here) && !told.contains(&span(other, was)));
            if let (false, Some(over)) = (kept, over) {
                let sentence = format!(
                    "{} is new at {} and overlaps {} of the old layout",
                    place.name(variable),
                    place.at(variable),
                    place.name(over)
                );
                self.clash(place, variable, sentence);
            }
        }
        self.gaps(place, old, new);
    }

    /// One variable of the old layout.
    fn variable(&mut self, place: &Place, variable: &'a Variable, old: &'a [Variable], new: &'a [Variable]) {
        let (name, at) = (place.name(variable), place.at(variable));
        let here = new
            .iter()
            .filter(|other| !is_gap(other, self.new))
            .find(|other| other.slot == variable.slot && other.offset == variable.offset);
        if let Some(same) = here.filter(|other| other.label == variable.label) {
            return self.kinds(place, variable, same);
        }
        if let Some(moved) = new.iter().find(|other| other.label == variable.label) {
            let gap_before = old.iter().any(|gap| is_gap(gap, self.old) && gap.slot < variable.slot);
            let why = match (here, gap_before) {
                (_, true) => "; the gap before it must shrink by as many slots as were added",
                (Some(_), false) => "; add new variables behind all old ones",
                (None, false) => "",
            };
            let instead =
                here.map_or_else(String::new, |other| format!(", and {} takes its place", place.name(other)));
            let sentence = format!("{name} moves from {at} to {}{instead}{why}", place.at(moved));
            return self.clash(place, variable, sentence);
        }
        match here {
            Some(other) => {
                let clashes = self.result.clashes.len();
                self.kinds(place, variable, other);
                if self.result.clashes.len() == clashes {
                    let renamed = place.name(other);
                    self.result
                        .warnings
                        .push(format!("{name} at {at} is called {renamed} in the new layout"));
                }
            }
            None => {
                let sentence = format!(
                    "{name} at {at} is removed: what it held stays in storage, and a variable that comes there later inherits it"
                );
                self.clash(place, variable, sentence);
            }
        }
    }

    /// A gap must give way by as much as was added, so that what comes after it in a later version stays in place.
    fn gaps(&mut self, place: &Place, old: &'a [Variable], new: &'a [Variable]) {
        for gap in old.iter().filter(|variable| is_gap(variable, self.old)) {
            let was = span(gap, self.old);
            let now = new
                .iter()
                .filter(|other| is_gap(other, self.new))
                .map(|other| span(other, self.new))
                .find(|other| overlap(*other, was));
            if let Some(now) = now.filter(|now| now.1 != was.1) {
                let warning = format!(
                    "the gap {} ended with slot {} and ends with slot {} now: it should shrink by as many slots as were added",
                    place.name(gap),
                    place.base.saturating_add(was.1.0),
                    place.base.saturating_add(now.1.0)
                );
                self.result.warnings.push(warning);
            }
        }
    }

    /// The types of one variable in both layouts.
    fn kinds(&mut self, place: &Place, old: &'a Variable, new: &'a Variable) {
        if !self.seen.insert((old.kind.clone(), new.kind.clone())) && self.is_told(&old.kind) {
            return;
        }
        let (Some(was), Some(now)) = (self.old.kind(&old.kind), self.new.kind(&new.kind)) else { return };
        let (name, at) = (place.name(old), place.at(old));
        match (&was.shape, &now.shape) {
            (Shape::Value, Shape::Value) => self.values(place, old, was, now),
            (Shape::Bytes, Shape::Bytes) if was.label == now.label => {}
            (Shape::Bytes, Shape::Bytes) => {
                let warning = format!("{name} at {at} was {} and is {} now", was.label, now.label);
                self.result.warnings.push(warning);
            }
            (Shape::Struct { members }, Shape::Struct { members: now }) => {
                self.variables(&place.member_of(old), members, now);
            }
            (Shape::Mapping { key, value }, Shape::Mapping { key: new_key, value: new_value }) => {
                self.keys(place, old, key, new_key);
                self.inner(place, old, value, new_value, None);
            }
            (Shape::DynamicArray { base }, Shape::DynamicArray { base: now }) => {
                self.inner(place, old, base, now, Some("array"));
            }
            (Shape::FixedArray { base }, Shape::FixedArray { base: new_base }) => {
                if now.bytes < was.bytes {
                    let sentence =
                        format!("{name} at {at} was {} and is {} now: shorter", was.label, now.label);
                    self.clash(place, old, sentence);
                }
                self.inner(place, old, base, new_base, Some("array"));
            }
            (
                Shape::Value
                | Shape::Bytes
                | Shape::Struct { .. }
                | Shape::Mapping { .. }
                | Shape::DynamicArray { .. }
                | Shape::FixedArray { .. },
                _,
            ) => self.retyped(place, old, was, now),
        }
    }

    /// Structs that hold themselves are told once; anything else is compared wherever it stands.
    fn is_told(&self, kind: &str) -> bool {
        self.old.kind(kind).is_some_and(|kind| !matches!(kind.shape, Shape::Value | Shape::Bytes))
    }

    fn retyped(&mut self, place: &Place, variable: &Variable, was: &Type, now: &Type) {
        let sentence = format!(
            "{} at {} was {} and is {} now",
            place.name(variable),
            place.at(variable),
            was.label,
            now.label
        );
        self.clash(place, variable, sentence);
    }

    fn values(&mut self, place: &Place, variable: &Variable, was: &Type, now: &Type) {
        if was.bytes != now.bytes {
            let sentence = format!(
                "{} at {} was {} ({} bytes) and is {} ({} bytes) now",
                place.name(variable),
                place.at(variable),
                was.label,
                was.bytes,
                now.label,
                now.bytes
            );
            return self.clash(place, variable, sentence);
        }
        match same_value(&was.label, &now.label) {
            Same::Yes => {}
            Same::Perhaps => {
                let (name, at) = (place.name(variable), place.at(variable));
                let warning = format!(
                    "{name} at {at} was {} and is {} now: of the same width, look whether it means the same",
                    was.label, now.label
                );
                self.result.warnings.push(warning);
            }
            Same::No => self.retyped(place, variable, was, now),
        }
    }

    /// Another key is another slot, whatever its width.
    fn keys(&mut self, place: &Place, variable: &Variable, was: &str, now: &str) {
        let (Some(was), Some(now)) = (self.old.kind(was), self.new.kind(now)) else { return };
        if same_value(&was.label, &now.label) == Same::No {
            let sentence = format!(
                "the keys of {} at {} were {} and are {} now",
                place.name(variable),
                place.at(variable),
                was.label,
                now.label
            );
            self.clash(place, variable, sentence);
        }
    }

    /// What a mapping or an array holds. In an array (`packed`) a wider element moves all that follow it.
    fn inner(
        &mut self,
        place: &Place,
        variable: &'a Variable,
        was_id: &'a str,
        now_id: &'a str,
        packed: Option<&str>,
    ) {
        let (Some(was), Some(now)) = (self.old.kind(was_id), self.new.kind(now_id)) else { return };
        if let Some(what) = packed.filter(|_| was.bytes != now.bytes) {
            let sentence = format!(
                "an element of the {what} {} at {} had {} bytes and has {} now: all elements but the first move",
                place.name(variable),
                place.at(variable),
                was.bytes,
                now.bytes
            );
            return self.clash(place, variable, sentence);
        }
        if !self.seen.insert((was_id.to_owned(), now_id.to_owned())) && self.is_told(was_id) {
            return;
        }
        let within = place.value_of(variable);
        match (&was.shape, &now.shape) {
            (Shape::Value, Shape::Value) => self.values(place, variable, was, now),
            (Shape::Bytes, Shape::Bytes) => {}
            (Shape::Struct { members }, Shape::Struct { members: now }) => {
                self.variables(&within, members, now);
            }
            (Shape::Mapping { key, value }, Shape::Mapping { key: new_key, value: new_value }) => {
                self.keys(place, variable, key, new_key);
                self.inner(place, variable, value, new_value, None);
            }
            (Shape::DynamicArray { base }, Shape::DynamicArray { base: now })
            | (Shape::FixedArray { base }, Shape::FixedArray { base: now }) => {
                self.inner(place, variable, base, now, Some("array"));
            }
            (
                Shape::Value
                | Shape::Bytes
                | Shape::Struct { .. }
                | Shape::Mapping { .. }
                | Shape::DynamicArray { .. }
                | Shape::FixedArray { .. },
                _,
            ) => self.retyped(place, variable, was, now),
        }
    }
}
