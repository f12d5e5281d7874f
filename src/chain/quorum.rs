//! Hearing several endpoints at once, and what they say together.
//!
//! A value is believed when `agree` endpoints say it. Hearing stops as soon as that is so (plus a
//! short grace where every voice is wanted), because one endpoint that hangs must not hold up an
//! emergency for the length of its timeout.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

use super::endpoint::EndpointLabel;
use super::error::{RpcError, Statement};

/// What one endpoint said.
#[derive(Clone, Debug)]
pub(super) enum Said<T> {
    Answered(T),
    Failed(RpcError),
    /// Not heard before the others had decided.
    Silent,
}

/// One endpoint's voice.
#[derive(Clone, Debug)]
pub(super) struct Vote<T> {
    pub endpoint: EndpointLabel,
    pub said: Said<T>,
}

impl<T> Vote<T> {
    pub(super) fn answer(&self) -> Option<&T> {
        match &self.said {
            Said::Answered(value) => Some(value),
            Said::Failed(_) | Said::Silent => None,
        }
    }

    /// Looks at one part of what was said; `part` may still find it unusable.
    pub(super) fn map<U>(&self, part: impl FnOnce(&T) -> Result<U, RpcError>) -> Vote<U> {
        let said = match &self.said {
            Said::Answered(value) => part(value).map_or_else(Said::Failed, Said::Answered),
            Said::Failed(error) => Said::Failed(error.clone()),
            Said::Silent => Said::Silent,
        };
        Vote { endpoint: self.endpoint.clone(), said }
    }

    pub(super) fn statement(&self, show: impl FnOnce(&T) -> String) -> Statement {
        let said = match &self.said {
            Said::Answered(value) => show(value),
            Said::Failed(error) => error.kind.to_string(),
            Said::Silent => "not heard yet".to_owned(),
        };
        Statement { endpoint: self.endpoint.clone(), said }
    }
}

/// Hears all of `asks` at once until `enough` is content, then for `grace` more.
///
/// The votes stand in the order of `asks`.
pub(super) async fn hear<T, F>(
    asks: Vec<(EndpointLabel, F)>,
    grace: Duration,
    enough: impl Fn(&[Vote<T>]) -> bool,
) -> Vec<Vote<T>>
where
    F: Future<Output = Result<T, RpcError>>,
{
    let mut votes = Vec::with_capacity(asks.len());
    let mut waiting = FuturesUnordered::new();
    for (index, (endpoint, ask)) in asks.into_iter().enumerate() {
        votes.push(Vote { endpoint, said: Said::Silent });
        waiting.push(async move { (index, ask.await) });
    }
    let mut until: Option<Instant> = None;
    loop {
        let next = match until {
            None => waiting.next().await,
            Some(deadline) => match timeout_at(deadline, waiting.next()).await {
                Ok(next) => next,
                Err(_elapsed) => break,
            },
        };
        let Some((index, answer)) = next else { break };
        if let Some(vote) = votes.get_mut(index) {
            vote.said = answer.map_or_else(Said::Failed, Said::Answered);
        }
        if until.is_none() && enough(&votes) {
            if grace.is_zero() {
                break;
            }
            until = Some(Instant::now() + grace);
        }
    }
    votes
}

/// The value that at least `agree` endpoints gave, and most of them.
pub(super) fn agreed<T: PartialEq>(votes: &[Vote<T>], agree: usize) -> Option<&T> {
    let supporters = |value: &T| votes.iter().filter(|vote| vote.answer() == Some(value)).count();
    votes
        .iter()
        .filter_map(Vote::answer)
        .map(|value| (supporters(value), value))
        .filter(|(count, _)| *count >= agree)
        // The first of equals, so that the answer does not depend on who was quicker.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, value)| value)
}
