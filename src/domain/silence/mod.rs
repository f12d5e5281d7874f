//! Silences: somebody's word that firings are to be held back, for a stated time.
//!
//! [`Silences`] is a fold over [`SilenceFact`]s, as an incident is one over its own. *Invariants.* A silence has an
//! author, a comment and an end that is fixed when it is made and not far away; it may be ended sooner and never
//! lengthened. What was held back is in the facts, and stays when the silence is over. The newest are kept by name
//! and the rest by number, so that memory does not grow with what is held back.
//!
//! It does not decide what is held back (`domain::condition` does), and it has no clock.

mod length;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::condition::{ActiveSilence, HeldBack, Mute, Scope, SilenceId};
use crate::domain::incident::Actor;

pub use length::{NoLength, length_of};

/// The longest silence: whoever needs a longer one says so again, with a reason.
pub const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The shortest.
pub const SILENCE_MIN: SignedDuration = SignedDuration::from_secs(1);

/// Silences that hold at once; beyond, a further one is refused.
pub const SILENCES_MAX: usize = 100;

/// Firings kept by name for each silence, the newest; the others are counted, and stand in the journal.
pub const HELD_NAMED_MAX: usize = 100;

/// How long a silence that is over is still shown with what it held back.
pub const SHOWN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Something that happened to silences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum SilenceFact {
    /// A silence was made.
    Added {
        /// Its name.
        id: SilenceId,
        /// About what.
        scope: Scope,
        /// Who answers for it.
        by: Actor,
        /// Why.
        comment: String,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Firings were held back: by silences, by other conditions, by exceptions.
    HeldBack {
        /// Which, each with its reasons.
        firings: Vec<HeldBack>,
    },
    /// Somebody ended a silence.
    Ended {
        /// Which.
        id: SilenceId,
        /// Who.
        by: Actor,
        /// Why.
        comment: String,
    },
    /// A silence ran out, and it was said what it had held back.
    Over {
        /// Which.
        id: SilenceId,
        /// How many firings it had held back.
        held: u64,
    },
}

impl SilenceFact {
    /// The fact's word in the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Added { .. } => "silence-added",
            Self::HeldBack { .. } => "held-back",
            Self::Ended { .. } => "silence-ended",
            Self::Over { .. } => "silence-over",
        }
    }
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Silence {
    /// Its name.
    pub id: SilenceId,
    /// About what.
    pub scope: Scope,
    /// Who answers for it.
    pub by: Actor,
    /// Why.
    pub comment: String,
    /// Since when.
    pub from: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Who ended it sooner, when and why.
    pub ended: Option<Ending>,
    /// It was said that it ran out.
    pub told_over: bool,
    /// How many firings it held back.
    pub held: u64,
    /// The newest of them, oldest first.
    pub firings: Vec<HeldBack>,
}

/// A silence that somebody ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// Why.
    pub comment: String,
}

impl Silence {
    /// Whether it holds at `at`; its end is no part of it.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.end()
    }

    /// Itself in a line.
    pub fn in_short(&self) -> String {
        format!(
            "{} holds back {} until {} ({}: {}); {} held back so far",
            self.id,
            self.scope,
            self.until.strftime("%Y-%m-%d %H:%M UTC"),
            self.by,
            self.comment,
            self.held
        )
    }

    /// When it ends or ended.
    pub fn end(&self) -> Timestamp {
        self.ended.as_ref().map_or(self.until, |ending| ending.at.min(self.until))
    }
}

/// A silence cannot be made or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// It names nothing.
    #[error(
        "a silence must say what is silenced: name a runbook, condition, contract, bot or feed; everything at once \
         cannot be silenced"
    )]
    Everything,
    /// It is too long, too short, or over before it begins.
    #[error("a silence lasts from {SILENCE_MIN:#} to {SILENCE_MAX:#}; this one would last {0:#}")]
    Length(SignedDuration),
    /// It says nothing about why.
    #[error("a silence needs a comment: whoever is woken by what it does not cover will ask why")]
    NoComment,
    /// There are enough.
    #[error("{SILENCES_MAX} silences hold already; end one, or make one that covers more")]
    TooMany,
    /// There is no such silence.
    #[error("there is no {0}; `redhandle silence list --all` names them")]
    Unknown(SilenceId),
    /// It is over.
    #[error("{0} is over since {1}")]
    Over(SilenceId, Timestamp),
}

/// All silences, and what was held back by anything else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Silences {
    all: BTreeMap<SilenceId, Silence>,
    by_rules: BTreeMap<String, ByRule>,
}

/// What one rule of the runbooks held back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByRule {
    /// How many firings.
    pub held: u64,
    /// The newest.
    pub newest: HeldBack,
}

impl Silences {
    /// Takes a fact that was written at `at`. Facts are written by this program alone and in order; one that fits
    /// nothing changes nothing.
    pub fn apply(&mut self, fact: SilenceFact, at: Timestamp) {
        match fact {
            SilenceFact::Added { id, scope, by, comment, until } => {
                let silence = Silence {
                    id,
                    scope,
                    by,
                    comment,
                    from: at,
                    until,
                    ended: None,
                    told_over: false,
                    held: 0,
                    firings: Vec::new(),
                };
                self.all.insert(id, silence);
            }
            SilenceFact::HeldBack { firings } => firings.into_iter().for_each(|firing| self.held(firing)),
            SilenceFact::Ended { id, by, comment } => {
                if let Some(silence) = self.all.get_mut(&id) {
                    silence.ended.get_or_insert(Ending { at, by, comment });
                }
            }
            SilenceFact::Over { id, .. } => {
                if let Some(silence) = self.all.get_mut(&id) {
                    silence.told_over = true;
                }
            }
        }
    }

    fn held(&mut self, firing: HeldBack) {
        for id in firing.silences() {
            let Some(silence) = self.all.get_mut(&id) else { continue };
            silence.held = silence.held.saturating_add(1);
            silence.firings.push(firing.clone());
            let more = silence.firings.len().saturating_sub(HELD_NAMED_MAX);
            silence.firings.drain(..more);
        }
        let rules = firing.matched.mutes.by.iter().filter(|mute| !matches!(mute, Mute::Silenced { .. }));
        for mute in rules {
            let rule = format!("{}/{}: {mute}", firing.matched.runbook, firing.matched.condition);
            let known = self.by_rules.entry(rule).or_insert(ByRule { held: 0, newest: firing.clone() });
            known.held = known.held.saturating_add(1);
            known.newest = firing.clone();
        }
    }

    /// Whether the firing is known to have been held back.
    pub fn knows(&self, firing: &HeldBack) -> bool {
        let of_silences = firing.silences().filter_map(|id| self.all.get(&id)).flat_map(|one| &one.firings);
        of_silences.chain(self.by_rules.values().map(|rule| &rule.newest)).any(|known| known.is_same(firing))
    }

    /// Every silence, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Silence> {
        self.all.values()
    }

    /// One of them.
    pub fn get(&self, id: SilenceId) -> Option<&Silence> {
        self.all.get(&id)
    }

    /// What rules of the runbooks held back, by rule.
    pub fn by_rules(&self) -> &BTreeMap<String, ByRule> {
        &self.by_rules
    }

    /// Those that hold at `at`.
    pub fn active(&self, at: Timestamp) -> impl Iterator<Item = &Silence> {
        self.all.values().filter(move |silence| silence.holds_at(at))
    }

    /// The same, as conditions want them.
    pub fn scopes(&self, at: Timestamp) -> Vec<ActiveSilence> {
        self.active(at).map(|one| ActiveSilence { id: one.id, scope: one.scope.clone() }).collect()
    }

    /// Those that ran out or were ended before `at` without anybody saying what they held back.
    pub fn untold(&self, at: Timestamp) -> impl Iterator<Item = &Silence> {
        self.all.values().filter(move |silence| !silence.told_over && silence.end() <= at)
    }

    /// Makes a silence.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(
        &self,
        scope: Scope,
        by: Actor,
        comment: &str,
        now: Timestamp,
        lasts: SignedDuration,
    ) -> Result<SilenceFact, SilenceError> {
        if scope.is_empty() {
            return Err(SilenceError::Everything);
        }
        if !(SILENCE_MIN..=SILENCE_MAX).contains(&lasts) {
            return Err(SilenceError::Length(lasts));
        }
        let comment = comment.trim();
        if comment.is_empty() {
            return Err(SilenceError::NoComment);
        }
        if self.active(now).count() >= SILENCES_MAX {
            return Err(SilenceError::TooMany);
        }
        let last = self.all.keys().next_back().map_or(0, |id| id.0);
        let until = now.checked_add(lasts).map_err(|_| SilenceError::Length(lasts))?;
        let id = SilenceId(last.saturating_add(1));
        Ok(SilenceFact::Added { id, scope, by, comment: comment.to_owned(), until })
    }

    /// Ends a silence that holds.
    ///
    /// # Errors
    /// When there is none, or it is over.
    pub fn end(
        &self,
        id: SilenceId,
        by: Actor,
        comment: &str,
        now: Timestamp,
    ) -> Result<SilenceFact, SilenceError> {
        let silence = self.all.get(&id).ok_or(SilenceError::Unknown(id))?;
        if !silence.holds_at(now) {
            return Err(SilenceError::Over(id, silence.end()));
        }
        Ok(SilenceFact::Ended { id, by, comment: comment.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests;
