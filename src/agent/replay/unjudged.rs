//! What a condition could not judge in a recording.

use std::collections::BTreeMap;

use serde::Serialize;

use super::summary::is_zero;
use crate::domain::condition::Counters;

/// Alerts that concerned a condition and that it could not judge, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unjudged {
    /// By the field that they lack, or in which they have what it cannot compare.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lacked: BTreeMap<String, u64>,
    /// Whose addresses were cut short, so that nobody can say what they are about.
    #[serde(skip_serializing_if = "is_zero")]
    pub untold: u64,
    /// For another reason.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// That had to make room in a full window.
    #[serde(skip_serializing_if = "is_zero")]
    pub displaced: u64,
}

impl Unjudged {
    /// Of what the condition counted; `None` where it judged all.
    pub(super) fn of(counters: &Counters) -> Option<Self> {
        let Counters { lacked, untold, failed, displaced, .. } = counters;
        let found = Self { lacked: lacked.clone(), untold: *untold, failed: *failed, displaced: *displaced };
        (found != Self::default()).then_some(found)
    }
}

impl std::fmt::Display for Unjudged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lacked, untold, failed, displaced } = self;
        let lacked = lacked.iter().map(|(field, alerts)| format!("{alerts} alert(s) for want of {field}"));
        let others = [
            (untold, "whose addresses were cut short"),
            (failed, "for another reason"),
            (displaced, "that had to make room in a full window"),
        ];
        let others = others.into_iter().filter(|(alerts, _)| **alerts > 0);
        let told: Vec<String> = lacked.chain(others.map(|(alerts, why)| format!("{alerts} {why}"))).collect();
        f.write_str(&told.join(", "))
    }
}
