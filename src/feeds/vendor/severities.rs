//! How bad, in the words of vendors and of the teams who wrote their rules.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::{shown, text};
use crate::domain::alert::AlertSeverity;
use crate::feeds::forta_wire::Malformed;

/// Severities by word; what the configuration names goes before what we know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Severities(BTreeMap<String, AlertSeverity>);

impl Severities {
    /// With words of the configuration; case does not matter.
    pub fn new(own: impl IntoIterator<Item = (String, AlertSeverity)>) -> Self {
        Self(own.into_iter().map(|(word, severity)| (word.to_ascii_lowercase(), severity)).collect())
    }

    /// The words vendors use; `None` where nothing is said. One that is not among them is refused: taken for UNKNOWN, it
    /// would pass below every rule.
    pub(super) fn read(&self, value: &Value, name: &str) -> Result<Option<AlertSeverity>, Malformed> {
        let word = text(value).to_ascii_lowercase();
        if let Some(own) = self.0.get(&word) {
            return Ok(Some(*own));
        }
        Ok(Some(match word.as_str() {
            "" => return Ok(None),
            "critical" | "fatal" | "emergency" | "p1" | "sev1" => AlertSeverity::Critical,
            "high" | "error" | "major" | "p2" | "sev2" => AlertSeverity::High,
            "medium" | "warning" | "warn" | "moderate" | "p3" | "sev3" => AlertSeverity::Medium,
            "low" | "minor" | "p4" | "sev4" => AlertSeverity::Low,
            "info" | "informational" | "information" | "none" | "p5" | "sev5" => AlertSeverity::Info,
            "unknown" => AlertSeverity::Unknown,
            _other => {
                let said = shown(&word).map_or_else(String::new, |word| format!(", but {word:?}"));
                return Err(Malformed::new(format!(
                    "{name} is none of critical, high, medium, low, info{said}; say what it is worth in severities = {{ WORD = \"high\" }} of the feed"
                )));
            }
        }))
    }
}
