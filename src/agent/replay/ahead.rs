//! Lines that were read and are not judged yet, so that what they will ask of a chain is asked meanwhile.
//!
//! Judged is strictly in order, one by one, exactly as without: only that many answers are there already. The
//! matcher says of each line whether a condition would take it as things stand ([`Matcher::asks`]); when its turn
//! comes it is asked again, and what was not foreseen is waited for then.
//!
//! [`Matcher::asks`]: crate::domain::condition::Matcher::asks

use std::collections::VecDeque;

use super::{Firing, Place, Replay};
use crate::domain::alert::Alert;
use crate::feeds::Rejected;

/// Lines read ahead, at most.
pub const LINES_AHEAD_MAX: usize = 512;
/// And their length together, in bytes; a single line may be longer.
pub const BYTES_AHEAD_MAX: usize = 16 * 1024 * 1024;

/// Lines whose turn comes, first in, first out.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
}

#[derive(Debug)]
struct Line {
    place: Place,
    bytes: usize,
    item: Result<Alert, Rejected>,
}

impl Replay {
    /// Takes an alert, or what is none, to be judged in its turn; `bytes` is its length.
    pub fn foresee(&mut self, place: Place, bytes: usize, item: Result<Alert, Rejected>) {
        if let Ok(alert) = &item
            && !self.blocks.is_empty()
            && let Some(block) = self.matcher.asks(alert, &self.matcher.look(alert))
        {
            self.blocks.expect(&block);
        }
        self.waiting.bytes = self.waiting.bytes.saturating_add(bytes);
        self.waiting.lines.push_back(Line { place, bytes, item });
    }

    /// Whether another line may be read before one is judged.
    pub fn has_room(&self) -> bool {
        self.waiting.lines.len() < LINES_AHEAD_MAX && self.waiting.bytes < BYTES_AHEAD_MAX
    }

    /// Whether no line waits.
    pub fn is_idle(&self) -> bool {
        self.waiting.lines.is_empty()
    }

    /// Judges the next line; gives what it makes fire, or nothing where no line waits.
    pub async fn judge_next(&mut self) -> Option<Vec<Firing>> {
        let Line { place, bytes, item } = self.waiting.lines.pop_front()?;
        self.waiting.bytes = self.waiting.bytes.saturating_sub(bytes);
        self.blocks.look_ahead().await;
        Some(self.take_at(place, item).await)
    }
}
