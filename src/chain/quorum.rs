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

/// What to do about those that were not heard yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// What was heard decides nothing: hear on, to the end of the endpoints' time limits.
    Wait,
    /// It is decided, but the others are worth this much time.
    Grace(Duration),
    /// Nothing that could still be heard matters.
    Enough,
}

impl Patience {
    /// Stops at once when it is `decided`.
    pub(super) fn until(decided: bool) -> Self {
        if decided { Self::Enough } else { Self::Wait }
    }

    /// Gives the others `grace` when it is `decided`.
    pub(super) fn with_grace(decided: bool, grace: Duration) -> Self {
        if decided { Self::Grace(grace) } else { Self::Wait }
    }
}

/// Hears all of `asks` at once, for as long as `patience` says. A grace is not prolonged by what is heard in it.
///
/// The votes stand in the order of `asks`.
pub(super) async fn hear<T, F>(
    asks: Vec<(EndpointLabel, F)>,
    patience: impl Fn(&[Vote<T>]) -> Patience,
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
        match patience(&votes) {
            Patience::Wait => {}
            Patience::Grace(grace) => {
                until.get_or_insert(Instant::now() + grace);
            }
            Patience::Enough => break,
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

/// How many answered.
pub(super) fn answers_in<T>(votes: &[Vote<T>]) -> usize {
    votes.iter().filter_map(Vote::answer).count()
}

/// The highest value that at least `agree` of them reach: no smaller group can push it up.
pub(super) fn reached_by<T: Ord + Copy>(values: impl Iterator<Item = T>, agree: usize) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable_by(|a, b| b.cmp(a));
    values.get(agree.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Endpoint;

    fn votes(said: &[Option<u64>]) -> Vec<Vote<u64>> {
        let endpoint = Endpoint::new(&"http://localhost".parse().unwrap(), Duration::from_secs(1)).unwrap();
        let vote = |said: &Option<u64>| Vote {
            endpoint: endpoint.label().clone(),
            said: said.map_or(Said::Silent, Said::Answered),
        };
        said.iter().map(vote).collect()
    }

    #[test]
    fn a_value_is_believed_when_enough_say_it() {
        for (said, agree, want) in [
            (vec![Some(1), Some(1), Some(2)], 2, Some(1)),
            (vec![Some(2), Some(1), Some(1)], 2, Some(1)),
            (vec![Some(1), Some(2), None], 2, None),
            (vec![Some(1), None, None], 2, None),
            (vec![None, Some(2), Some(1)], 1, Some(2)),
            (vec![Some(1), Some(2), Some(2)], 1, Some(2)),
            (vec![], 1, None),
        ] {
            assert_eq!(agreed(&votes(&said), agree).copied(), want, "{said:?}, {agree} must agree");
        }
    }

    #[test]
    fn no_minority_pushes_a_number_up() {
        for (values, agree, want) in [
            (vec![7, 7, 999], 2, Some(7)),
            (vec![7, 8, 9], 2, Some(8)),
            (vec![7], 1, Some(7)),
            (vec![7], 2, None),
        ] {
            assert_eq!(reached_by(values.iter().copied(), agree), want, "{values:?}");
        }
    }
}
