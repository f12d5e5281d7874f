//! Secrets that two feeds share, and secrets that were not changed. Neither a secret nor a digest of one is ever told.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret as _;

use super::{Agent, Finding};
use crate::config::settings::Feed;
use crate::domain::names::FeedName;

/// A warning for each secret that several feeds take, and for each that is its own successor.
pub(super) fn look(agent: &Agent) -> Vec<Finding> {
    let feeds = &agent.config.settings.feeds;
    let mut findings = shared(feeds);
    findings.extend(feeds.iter().filter_map(unchanged));
    findings
}

fn shared(feeds: &[Feed]) -> Vec<Finding> {
    let mut takers: BTreeMap<String, BTreeSet<&FeedName>> = BTreeMap::new();
    for feed in feeds {
        for secret in feed.secrets().into_iter().flat_map(|secrets| secrets.all()) {
            takers.entry(secret.expose_secret().to_owned()).or_default().insert(&feed.name);
        }
    }
    let several = takers.into_iter().filter(|(secret, names)| !secret.is_empty() && names.len() > 1);
    // Two feeds may share the present secret and the previous one: once is enough.
    let groups: BTreeSet<Vec<&FeedName>> = several.map(|(_, names)| names.into_iter().collect()).collect();
    groups.into_iter().map(|names| told(&names)).collect()
}

fn told(names: &[&FeedName]) -> Finding {
    let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
    let all = names.join(" and feed ");
    Finding::warning(
        format!("feed {all}"),
        "they have one and the same secret: whoever sends to one of them can send to the others as well, and a condition \
         that asks for two feeds has one sender's word. Give each a secret of its own (`openssl rand -hex 32`); \
         previous_secret or previous_token keeps the old one valid until its sender has the new one",
    )
}

fn unchanged(feed: &Feed) -> Option<Finding> {
    feed.secrets()?.are_the_same().then(|| {
        Finding::warning(
            format!("feed {}", feed.name),
            "its previous secret is the same as its present one: nothing was changed. Put the new one into secret (or \
             token), or take the previous one out",
        )
    })
}
