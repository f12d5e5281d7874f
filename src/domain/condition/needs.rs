//! What an alert must have for a condition to take any notice of it.
//!
//! Necessary, never sufficient: an alert without it changes nothing but how many were seen; what has it is
//! judged in full. A kind of condition that is not understood here needs nothing, so that every alert is judged.

use std::collections::BTreeSet;

use super::compile::Condition;
use super::spec::ConditionSpec;
use super::vocabulary::AlertField;
use crate::domain::alert::AlertSeverity;
use crate::domain::expression::language::{Constraint, Facts, Integer, Value};

/// A bit for each severity, UNKNOWN the lowest.
const ALL_SEVERITIES: u8 = 0b11_1111;

/// What an alert must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: every alert is judged, and every tick of the clock told.
    Anything,
    /// It is about a contract of `about`, or on the chain of one where a step may be `anywhere`, or whatever it names
    /// where a heartbeat is listened for; and it has these.
    Fields(Fields),
}

/// Fields that `when` and the steps ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    severities: u8,
    /// In lower case; `None` where any will do.
    pub(super) bots: Option<BTreeSet<String>>,
    /// In lower case; `None` where any will do.
    pub(super) alert_ids: Option<BTreeSet<String>>,
}

impl Fields {
    const ANY: Self = Self { severities: ALL_SEVERITIES, bots: None, alert_ids: None };

    /// Whether an alert of this severity may be taken.
    pub(super) fn admits(&self, severity: AlertSeverity) -> bool {
        self.severities & bit(severity) != 0
    }

    /// The severities that may be taken, a bit for each.
    pub(super) fn severities(&self) -> u8 {
        self.severities
    }
}

/// The bit of a severity.
pub(super) fn bit(severity: AlertSeverity) -> u8 {
    1 << (severity as u8)
}

impl Condition {
    /// What an alert must have for the condition to take any notice of it.
    pub(super) fn needs(&self) -> Needs {
        self.needs_of(|_| true)
    }

    /// The same of an alert that is about none of the contracts, and can only be a step `anywhere`.
    pub(super) fn needs_anywhere(&self) -> Needs {
        self.needs_of(|step| self.anywhere().get(step) == Some(&true))
    }

    fn needs_of(&self, in_question: impl Fn(usize) -> bool) -> Needs {
        if !is_understood(self.spec()) {
            return Needs::Anything;
        }
        let (when, steps) = self.expressions();
        let fields: Fields = when.necessary();
        let steps = steps.enumerate().filter(|(index, _)| in_question(*index)).map(|(_, step)| step);
        let steps = steps.map(|step| step.necessary::<Fields>()).reduce(Fields::either);
        Needs::Fields(match steps {
            // Where `when` cannot be told, that is noted, whatever the steps say.
            Some(steps) if when.is_certain(&always_has) => fields.both(steps),
            Some(_) | None => fields,
        })
    }
}

/// Whether the condition is made of what this page knows, and of nothing else that is set.
pub(super) fn is_understood(spec: &ConditionSpec) -> bool {
    let known = ConditionSpec {
        count: spec.count,
        confirm: spec.confirm.clone(),
        early: spec.early,
        including: spec.including.clone(),
        stages: spec.stages.clone(),
        sequence: spec.sequence.clone(),
        absent: spec.absent,
        retracted_by: spec.retracted_by.clone(),
        max_age: spec.max_age,
        // These hold back, or tell apart, what is taken all the same.
        distinct: spec.distinct.clone(),
        group: spec.group.clone(),
        inhibited_by: spec.inhibited_by.clone(),
        except: spec.except.clone(),
        ..ConditionSpec::new(spec.id.clone(), spec.when.clone(), spec.about.clone(), spec.respond)
    };
    known == *spec
}

/// Fields that every alert has.
fn always_has(field: &AlertField) -> bool {
    matches!(field, AlertField::Severity | AlertField::Chain | AlertField::CreatedAt | AlertField::EventTime)
}

impl Facts<AlertField> for Fields {
    fn anything() -> Self {
        Self::ANY
    }

    fn nothing() -> Self {
        Self { severities: 0, ..Self::ANY }
    }

    fn of(field: &AlertField, constraint: &Constraint<'_>) -> Self {
        let texts = || constraint.texts().map(|texts| texts.into_iter().collect());
        match field {
            AlertField::Severity => {
                let admits = |number: &u8| constraint.admits(&Value::Int(Integer::from(u64::from(*number))));
                let numbers = AlertSeverity::Unknown as u8..=AlertSeverity::Critical as u8;
                Self {
                    severities: numbers.filter(admits).fold(0, |all, number| all | 1 << number),
                    ..Self::ANY
                }
            }
            AlertField::Bot => Self { bots: texts(), ..Self::ANY },
            AlertField::AlertId => Self { alert_ids: texts(), ..Self::ANY },
            AlertField::Name
            | AlertField::Description
            | AlertField::Protocol
            | AlertField::FindingType
            | AlertField::Feed
            | AlertField::Chain
            | AlertField::Hash
            | AlertField::Transaction
            | AlertField::BlockNumber
            | AlertField::Addresses
            | AlertField::CreatedAt
            | AlertField::EventTime
            | AlertField::Metadata(_) => Self::ANY,
        }
    }

    fn both(self, other: Self) -> Self {
        Self {
            severities: self.severities & other.severities,
            bots: common(self.bots, other.bots),
            alert_ids: common(self.alert_ids, other.alert_ids),
        }
    }

    fn either(self, other: Self) -> Self {
        // A side that nothing can satisfy adds nothing.
        match (self.severities, other.severities) {
            (0, _) => other,
            (_, 0) => self,
            (_, _) => Self {
                severities: self.severities | other.severities,
                bots: all(self.bots, other.bots),
                alert_ids: all(self.alert_ids, other.alert_ids),
            },
        }
    }
}

type Names = Option<BTreeSet<String>>;

fn common(left: Names, right: Names) -> Names {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.intersection(&right).cloned().collect()),
        (Some(names), None) | (None, Some(names)) => Some(names),
        (None, None) => None,
    }
}

fn all(left: Names, right: Names) -> Names {
    left.zip(right).map(|(left, right)| left.union(&right).cloned().collect())
}
