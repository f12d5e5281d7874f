//! Feeds that nothing proves: somebody tells us, and nobody said how long he may be quiet.
//!
//! Such a feed is no problem, for a sender that speaks in emergencies only is quiet for months; and it is not fine, for
//! one whose secret was changed is as quiet. What would prove it is said with it. Asks nobody.

use super::{Agent, Finding};
use crate::config::settings::{Feed, FeedKind, Life};

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
