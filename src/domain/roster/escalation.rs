//! Escalation policies: whom to page, and whom next when nobody answers.
//!
//! A target is resolved again at every step and every tick: a shift that starts between two steps is paged,
//! and a step that reaches nobody is skipped at once, which is the agent's to say aloud.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Role;
use crate::domain::names::{PersonId, PolicyName, RotationName};

/// The least time between the last step and the next round.
pub const ROUND_GAP_MIN: SignedDuration = SignedDuration::from_mins(5);

/// Whom to page, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationPolicy {
    /// Its name in the roster.
    pub name: PolicyName,
    /// The steps, earliest first; never empty.
    pub steps: Vec<Step>,
    /// How many further rounds follow the first while nobody acknowledges.
    pub repeat: u32,
}

/// One step of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How long after the page began (after the round began, in later rounds).
    pub after: SignedDuration,
    /// Whom it pages.
    pub notify: Vec<Target>,
}

impl EscalationPolicy {
    /// How long one round takes: up to the last step, and then as long again as the longest wait between two
    /// steps, at least [`ROUND_GAP_MIN`], so that the last step too has time to answer.
    pub fn round_length(&self) -> SignedDuration {
        let waits = self.steps.windows(2).filter_map(|pair| match pair {
            [earlier, later] => Some(later.after.saturating_sub(earlier.after)),
            _ => None,
        });
        let gap = waits.fold(ROUND_GAP_MIN, SignedDuration::max);
        let last = self.steps.last().map_or(SignedDuration::ZERO, |step| step.after);
        last.saturating_add(gap)
    }

    /// Every step of every round with its time after the page began, in order.
    pub fn schedule(&self) -> impl Iterator<Item = (SignedDuration, &Step)> {
        let round_length = self.round_length();
        (0..=self.repeat).flat_map(move |round| {
            let begun = round_length.checked_mul(i32::try_from(round).unwrap_or(i32::MAX));
            let begun = begun.unwrap_or(SignedDuration::MAX);
            self.steps.iter().map(move |step| (begun.saturating_add(step.after), step))
        })
    }

    /// How long after the page began the policy is exhausted: a page nobody acknowledged by then has failed.
    pub fn exhausted_after(&self) -> SignedDuration {
        let rounds = i32::try_from(self.repeat).unwrap_or(i32::MAX).saturating_add(1);
        self.round_length().checked_mul(rounds).unwrap_or(SignedDuration::MAX)
    }
}

/// Whom a step means; resolved by [`Roster::who`](super::Roster::who) when it is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// `on-call`: everybody on shift.
    OnCall,
    /// `signers`: everybody who holds an owner key; narrowed to one Safe's owners where one is known.
    Signers,
    /// `role:commander`.
    Role(Role),
    /// `person:ana`: on shift or not.
    Person(PersonId),
    /// `rotation:primary`: whose turn it is.
    Rotation(RotationName),
}

impl Target {
    /// How targets are written, for messages.
    pub const FORM: &str = "\"on-call\", \"signers\", \"role:ROLE\", \"person:ID\" or \"rotation:NAME\"";
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnCall => f.write_str("on-call"),
            Self::Signers => f.write_str("signers"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Person(person) => write!(f, "person:{person}"),
            Self::Rotation(rotation) => write!(f, "rotation:{rotation}"),
        }
    }
}

/// Text that names no target.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Not one of the forms.
    #[error("not one of {}", Target::FORM)]
    Form,
    /// `role:` and a word that is no role.
    #[error("no role is called \"{0}\"")]
    Role(String),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "on-call" => Ok(Self::OnCall),
            None if text == "signers" => Ok(Self::Signers),
            Some(("role", role)) => {
                role.parse().map(Self::Role).map_err(|_| TargetError::Role(role.to_owned()))
            }
            Some(("person", person)) if !person.is_empty() => Ok(Self::Person(person.into())),
            Some(("rotation", rotation)) if !rotation.is_empty() => Ok(Self::Rotation(rotation.into())),
            _ => Err(TargetError::Form),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_are_written() {
        for text in ["on-call", "signers", "role:commander", "person:ana", "rotation:primary"] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), text);
            assert_eq!(serde_json::to_value(&target).unwrap(), serde_json::json!(text));
        }
        for text in ["", "oncall", "person:", "rotation:", "team:core", "person"] {
            assert_eq!(text.parse::<Target>(), Err(TargetError::Form), "{text}");
        }
        assert_eq!("role:boss".parse::<Target>(), Err(TargetError::Role("boss".into())));
    }

    #[test]
    fn rounds_follow_one_another_and_end() {
        let step = |minutes, target| Step { after: SignedDuration::from_mins(minutes), notify: vec![target] };
        let policy = EscalationPolicy {
            name: "default".into(),
            steps: vec![
                step(0, Target::OnCall),
                step(3, Target::Role(Role::Commander)),
                step(10, Target::Signers),
            ],
            repeat: 1,
        };
        let minutes: Vec<i64> = policy.schedule().map(|(after, _)| after.as_mins()).collect();
        assert_eq!(minutes, [0, 3, 10, 17, 20, 27]);
        assert_eq!(policy.exhausted_after(), SignedDuration::from_mins(34));
    }

    #[test]
    fn a_single_step_is_given_time_to_answer() {
        let policy = EscalationPolicy {
            name: "default".into(),
            steps: vec![Step { after: SignedDuration::ZERO, notify: vec![Target::OnCall] }],
            repeat: 2,
        };
        let minutes: Vec<i64> = policy.schedule().map(|(after, _)| after.as_mins()).collect();
        assert_eq!(minutes, [0, 5, 10]);
    }
}
