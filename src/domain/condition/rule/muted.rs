//! What mutes alerts that wait, when silences begin and end.

use std::collections::BTreeSet;

use super::super::compile::Condition;
use super::super::mute::{ActiveSilence, Mute, Subject};
use super::super::window::Entry;
use crate::domain::names::{ContractName, RunbookId};

/// What mutes an alert now about a group of contracts, where it was muted by `muted`: what silences it is said anew,
/// what else mutes it stays. In a group it is silenced only if it is about each contract.
pub(super) fn silenced(
    muted: &[Mute],
    entry: &Entry,
    (runbook, condition, group): (&RunbookId, &Condition, &[ContractName]),
    silences: &[ActiveSilence],
) -> Vec<Mute> {
    let lasting = muted.iter().filter(|mute| match mute {
        Mute::Silenced { .. } => false,
        Mute::Inhibited { .. } | Mute::Excepted { .. } => true,
    });
    let lasting: Vec<Mute> = lasting.cloned().collect();
    let of_each: Vec<BTreeSet<Mute>> = group
        .iter()
        .map(|contract| {
            let (bot, feed) = (&entry.bot, &entry.feed);
            let subject = Subject { runbook, condition: condition.id(), contract, bot, feed };
            let silences = silences.iter().filter(|silence| silence.scope.covers(&subject));
            silences.map(|silence| Mute::Silenced { silence: silence.id }).collect()
        })
        .collect();
    let each = of_each.iter().all(|by| !by.is_empty());
    let silenced: BTreeSet<Mute> = of_each.into_iter().flatten().filter(|_| each).collect();
    lasting.into_iter().chain(silenced).collect()
}
