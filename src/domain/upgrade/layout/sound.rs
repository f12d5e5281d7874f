//! Whether a layout is one that a compiler can have written.
//!
//! A comparison believes slots, offsets and sizes. Where two variables share bytes, one reaches beyond its slot, or the
//! file has another order than the slots, somebody put it together, and nothing that a comparison finds in it would be
//! proof. Two variables of one name are in order (private ones of a contract and of what it inherits from), and so are
//! bytes that nothing covers, slots that begin anywhere (`layout at`), and what is not storage (immutables, constants,
//! transient variables), which no layout shows.

use std::fmt;

use alloy::primitives::U256;

use super::places::{Place, SLOT_BYTES, overlap, span};
use super::{LayoutError, Shape, StorageLayout, Type, Variable};

/// How many problems are told one by one.
const PROBLEMS_SHOWN_MAX: usize = 20;

/// What no compiler writes, in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound {
    told: Vec<String>,
    more: usize,
}

impl Unsound {
    fn tell(&mut self, sentence: String) {
        if self.told.len() < PROBLEMS_SHOWN_MAX {
            self.told.push(sentence);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told.join("; "))?;
        if self.more > 0 { write!(f, "; and {} more", self.more) } else { Ok(()) }
    }
}

/// Looks at every list of variables; all that is wrong is told at once.
pub(super) fn check(layout: &StorageLayout) -> Result<(), LayoutError> {
    let mut unsound = Unsound { told: Vec::new(), more: 0 };
    list(&layout.variables, &Place::contract(), layout, &mut unsound);
    for (id, variables) in &layout.namespaces {
        list(variables, &Place::namespace(id), layout, &mut unsound);
    }
    for kind in layout.types.values() {
        if let Shape::Struct { members } = &kind.shape {
            let place = Place { within: format!(" of {}", kind.label), ..Place::contract() };
            list(members, &place, layout, &mut unsound);
            reach(members, &place, kind, layout, &mut unsound);
        }
    }
    if unsound.told.is_empty() { Ok(()) } else { Err(LayoutError::Unsound(unsound)) }
}

/// Variables of one contract, namespace or struct, in the order of the file.
fn list(variables: &[Variable], place: &Place, layout: &StorageLayout, unsound: &mut Unsound) {
    for variable in variables {
        if let Some(kind) = layout.kind(&variable.kind)
            && let Some(why) = misplaced(variable, kind)
        {
            let (name, at) = (place.name(variable), place.at(variable));
            let plural = if kind.bytes == U256::ONE { "" } else { "s" };
            unsound
                .tell(format!("{name} ({}, {} byte{plural}) is at {at}, and {why}", kind.label, kind.bytes));
        }
    }
    for pair in variables.windows(2) {
        let [before, after] = pair else { continue };
        if (after.slot, after.offset) < (before.slot, before.offset) {
            unsound.tell(format!(
                "{} at {} is listed behind {} at {}, where variables are listed in the order of their places",
                place.name(after),
                place.at(after),
                place.name(before),
                place.at(before)
            ));
        }
    }
    let mut placed: Vec<&Variable> = variables.iter().collect();
    placed.sort_by_key(|variable| (variable.slot, variable.offset));
    // Of all before, the one that reaches furthest.
    let mut furthest: Option<&Variable> = None;
    for variable in placed {
        let here = span(variable, layout);
        if let Some(before) = furthest.filter(|before| overlap(span(before, layout), here)) {
            unsound.tell(format!(
                "{} at {} and {} at {} cover the same bytes",
                place.name(before),
                extent(before, place, layout),
                place.name(variable),
                extent(variable, place, layout)
            ));
        }
        if furthest.is_none_or(|before| span(before, layout).1 < here.1) {
            furthest = Some(variable);
        }
    }
}

/// Why no value of this type begins there.
fn misplaced(variable: &Variable, kind: &Type) -> Option<String> {
    let slot_bytes = U256::from(SLOT_BYTES);
    if kind.bytes.is_zero() {
        return Some("every type takes at least one byte".to_owned());
    }
    let is_whole = match &kind.shape {
        Shape::Value => kind.bytes > slot_bytes,
        Shape::Bytes
        | Shape::Mapping { .. }
        | Shape::DynamicArray { .. }
        | Shape::FixedArray { .. }
        | Shape::Struct { .. } => true,
    };
    if is_whole {
        if variable.offset != 0 || !(kind.bytes % slot_bytes).is_zero() {
            return Some(format!("such a type takes whole slots of {SLOT_BYTES} bytes"));
        }
        let slots = kind.bytes / slot_bytes;
        let last = variable.slot.checked_add(slots.saturating_sub(U256::ONE));
        return last.is_none().then(|| "reaches beyond the last slot".to_owned());
    }
    let end = U256::from(variable.offset).saturating_add(kind.bytes);
    (end > slot_bytes).then(|| format!("reaches beyond the slot's {SLOT_BYTES} bytes"))
}

/// Members lie within their struct.
fn reach(members: &[Variable], place: &Place, kind: &Type, layout: &StorageLayout, unsound: &mut Unsound) {
    let slots = kind.bytes / U256::from(SLOT_BYTES);
    for member in members.iter().filter(|member| span(member, layout).1.0 >= slots) {
        let (name, at) = (place.name(member), extent(member, place, layout));
        unsound.tell(format!("{name} at {at} reaches beyond the struct, which has {} bytes", kind.bytes));
    }
}

/// Where it is, from the first byte to the last.
fn extent(variable: &Variable, place: &Place, layout: &StorageLayout) -> String {
    let ((first, from), (last, to)) = span(variable, layout);
    let (within, first, last) =
        (&place.within, place.base.saturating_add(first), place.base.saturating_add(last));
    if first != last {
        format!("slots {first} to {last}{within}")
    } else if from == to {
        format!("slot {first}, byte {from}{within}")
    } else {
        format!("slot {first}, bytes {from} to {to}{within}")
    }
}
