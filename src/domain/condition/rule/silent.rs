//! A heartbeat that fell silent, as a match.

use jiff::{SignedDuration, Timestamp};

use super::super::absence::Silence;
use super::super::compile::Condition;
use super::super::mute::Mutes;
use super::super::outcome::{Match, short};
use crate::domain::alert::BotId;
use crate::domain::names::RunbookId;

/// A silence as a match.
pub(super) fn silent(
    runbook: &RunbookId,
    condition: &Condition,
    clock: Timestamp,
    silence: &Silence,
) -> Option<Match> {
    let watched = condition.watched().first()?;
    let quiet = SignedDuration::from_secs(clock.duration_since(silence.since).as_secs());
    let allowed = SignedDuration::from_secs(silence.allowed.as_secs());
    let last = match &silence.last {
        Some(beat) => format!("the last was {}", short(&beat.hash.0)),
        None => "there was none since the start".to_owned(),
    };
    Some(Match {
        runbook: runbook.clone(),
        condition: condition.id().clone(),
        contract: watched.contract.clone(),
        chain_id: watched.chain_id,
        response: condition.respond(),
        downgraded: None,
        early: false,
        alerts: silence.last.iter().map(|beat| beat.hash.clone()).collect(),
        bots: silence.last.iter().map(|beat| beat.bot.clone()).collect::<Vec<BotId>>(),
        at: clock,
        because: format!(
            "no heartbeat for {quiet:#}, and {allowed:#} would be the longest silence for `absent`; {last}"
        ),
        mutes: Mutes::default(),
    })
}
