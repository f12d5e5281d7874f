//! Coverage in words, for a page, a timeline and a table.

use std::fmt::Write as _;

use super::{Coverage, CoverageReport};
use crate::domain::names::SafeName;

impl CoverageReport {
    /// Enough signers are on call. Unknown is not enough.
    pub fn can_reach_quorum(&self) -> bool {
        self.state.is_met()
    }

    /// In a few words: `covered, 3 on call for 2 (margin 1)`.
    pub fn headline(&self) -> String {
        let (on_call, needed) = (self.available.len(), self.threshold);
        if let Some(nested) = &self.nested {
            return nested_headline(&self.state, nested.able, needed);
        }
        match &self.state {
            Coverage::Covered { margin } => {
                format!("covered, {on_call} on call for {needed} (margin {margin})")
            }
            Coverage::Exact => format!("exact, {on_call} on call for {needed} (no margin)"),
            Coverage::Uncovered => format!("UNCOVERED, {on_call} on call for {needed}"),
            Coverage::Unknown { cause } => format!("UNKNOWN: {cause}"),
        }
    }

    /// What a page about a gap says: how many are there, and who is missing.
    pub fn sentence(&self, safe: &SafeName) -> String {
        let mut text = format!("Safe {safe}: signers {}", self.headline());
        let mut missing: Vec<_> = self.missing.iter().map(|slot| slot.person.to_string()).collect();
        missing.sort();
        missing.dedup();
        // Writing to a String cannot fail.
        if !missing.is_empty() {
            write!(text, "; not on call: {}", missing.join(", ")).ok();
        }
        if !self.unknown_owners.is_empty() {
            let owners: Vec<_> = self.unknown_owners.iter().map(ToString::to_string).collect();
            write!(text, "; owners nobody in the roster holds: {}", owners.join(", ")).ok();
        }
        text
    }
}

/// The same for a Safe whose owners are Safes, where owners that can sign and keys are not the same number.
fn nested_headline(state: &Coverage, able: u64, needed: u64) -> String {
    let owners = if able == 1 { "1 owner".to_owned() } else { format!("{able} owners") };
    match state {
        Coverage::Covered { margin } => {
            format!("covered, {owners} can sign for {needed} (any {margin} of the keys may be missing)")
        }
        Coverage::Exact => format!("exact, {owners} can sign for {needed} (one key less breaks it)"),
        Coverage::Uncovered => format!("UNCOVERED, {owners} can sign for {needed}"),
        Coverage::Unknown { cause } => format!("UNKNOWN: {cause}"),
    }
}
