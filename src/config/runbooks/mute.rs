//! What holds a `[[condition]]` back: `inhibited_by` and `except`.
//!
//! Whether a condition that is named exists is known only when all runbooks are read: `domain::condition` says so.

use std::ops::RangeInclusive;

use alloy::primitives::Address;

use crate::config::problem::Findings;
use crate::config::reader::Table;
use crate::domain::condition::Inhibitor;

/// How many conditions may mute one, and how many addresses it may except. A list that is longer hides more than it
/// helps.
const MUTES: RangeInclusive<usize> = 0..=100;

/// Reads `inhibited_by = ["condition"]` and `except = ["0x…"]`.
pub(super) fn read(table: &mut Table<'_>, findings: &mut Findings) -> (Vec<Inhibitor>, Vec<Address>) {
    let inhibitors: Vec<String> = table.list("inhibited_by", findings);
    let except: Vec<Address> = table.list("except", findings);
    for (key, many) in [("inhibited_by", inhibitors.len()), ("except", except.len())] {
        if !MUTES.contains(&many) {
            findings.problem(table.wrong(key, format!("at most {} of them", MUTES.end())));
        }
    }
    (inhibitors.iter().map(|text| Inhibitor::named(text.trim())).collect(), except)
}
