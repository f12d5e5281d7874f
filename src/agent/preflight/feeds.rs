//! Feeds that nothing proves: somebody tells us, and nobody said how long he may be quiet.
//!
//! Such a feed is no problem, for a sender that speaks in emergencies only is quiet for months; and it is not fine, for
//! one whose secret was changed is as quiet. What would prove it is said with it. Asks nobody.

use super::{Agent, Finding};
use crate::config::Config;
use crate::config::settings::{Feed, FeedKind, Life};
use crate::domain::condition::Condition;
use crate::domain::names::RunbookId;

/// Conditions that ask for more different feeds than there are. It is no mistake of the runbook's own, and none that
/// `replay` minds; but nothing will ever make them fire in full. Asks nobody.
pub fn too_few(config: &Config, conditions: &[(RunbookId, Condition)]) -> Vec<Finding> {
    let there = config.settings.feeds.len();
    let asked = conditions.iter().map(|(runbook, condition)| (runbook, condition, condition.count().feeds));
    asked
        .filter(|(.., feeds)| *feeds > 1 && usize::try_from(*feeds).is_ok_and(|feeds| feeds > there))
        .map(|(runbook, condition, feeds)| {
            let place = format!("runbook \"{runbook}\", condition \"{}\"", condition.id());
            let sentence = format!(
                "it can never fire in full: it asks for {feeds} different feeds, and there are {there} [[feeds]]"
            );
            Finding::problem(place, sentence)
        })
        .collect()
}

/// A warning for each.
pub(super) fn look(agent: &Agent) -> Vec<Finding> {
    agent.config.settings.feeds.iter().filter_map(unproven).collect()
}

fn unproven(feed: &Feed) -> Option<Finding> {
    let (Life::Deliveries, None) = (feed.life(), feed.stale_after()) else { return None };
    let beat = match feed.kind {
        FeedKind::JsonLines(_) => "its writer write a line that is an alert now and then",
        FeedKind::Webhook(_) | FeedKind::Forta(_) | FeedKind::Nats(_) | FeedKind::Chain(_) => {
            "its sender post an empty batch [] now and then"
        }
    };
    Some(Finding::warning(
        format!("feed {}", feed.name),
        format!(
            "nothing proves that it works: it has no stale_after, so its silence is told to nobody, and /healthz says \
             unknown, not red. Let {beat} and set stale_after, or watch a heartbeat of its by `absent` in a condition"
        ),
    ))
}
