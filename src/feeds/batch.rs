//! Several alerts in one document: a Forta node's batch, as its webhook posts it and its log files hold one a line, or a
//! list of alerts, as whoever forwards them writes it.
//!
//! Only the envelope is looked at here: each alert is judged by itself, so that one that is malformed costs no other.
//! Whoever reads alerts one by one tries that first, and asks here what it was only when it was none: a plain alert pays
//! nothing for what batches need.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::forta_wire::Malformed;

/// The most alerts of one batch: a Forta node's own limit.
pub const BATCH_ALERTS_MAX: usize = 1_000;

/// A document that should hold several alerts and cannot be taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has more than [`BATCH_ALERTS_MAX`].
    TooMany,
    /// Its envelope is not in order.
    Malformed(Malformed),
}

impl Refused {
    /// In the words of a malformed alert.
    pub(super) fn into_malformed(self) -> Malformed {
        match self {
            Self::TooMany => Malformed::over("the batch, in alerts", "BATCH_ALERTS_MAX", BATCH_ALERTS_MAX),
            Self::Malformed(malformed) => malformed,
        }
    }
}

/// The alerts of a document that holds several, each as it was written; `None` of any other document.
///
/// # Errors
/// When it is a batch by its fields and cannot be taken apart.
pub(super) fn parts(document: &[u8]) -> Result<Option<Vec<&[u8]>>, Refused> {
    if document.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice::<Several<'_>>(document).ok().map(Several::bounded).transpose();
    }
    let envelope: Envelope<'_> = match serde_json::from_slice(document) {
        Ok(envelope) => envelope,
        // Nothing else of these fields can be wrong. Which of two lists was meant nobody can say.
        Err(error) if error.classify() == Category::Data && document.trim_ascii_start().starts_with(b"{") => {
            return Err(Refused::Malformed(Malformed::new("a field is given twice")));
        }
        Err(_no_json) => return Ok(None),
    };
    let is_alert = envelope.source.is_some() || envelope.hash.is_some();
    if is_alert || (envelope.alerts.is_none() && envelope.metrics.is_none()) {
        return Ok(None);
    }
    // A batch may have metrics and no alerts, and Go writes an empty list as `null`.
    let alerts = envelope.alerts.map_or("null", RawValue::get);
    let alerts: Option<Several<'_>> = serde_json::from_str(alerts)
        .map_err(|_no_list| Refused::Malformed(Malformed::new("alerts is not a list")))?;
    alerts.unwrap_or_default().bounded().map(Some)
}

/// The fields by which a batch is told from an alert. Typed so that one given twice is refused.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "here")]
    alerts: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "here")]
    metrics: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "here")]
    source: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "here")]
    hash: Option<IgnoredAny>,
}

/// A field that is there, be it `null`.
fn here<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The items of a list, no more of them kept than a batch may have.
#[derive(Default)]
struct Several<'a> {
    kept: Vec<&'a RawValue>,
    more: bool,
}

impl<'a> Several<'a> {
    fn bounded(self) -> Result<Vec<&'a [u8]>, Refused> {
        if self.more {
            return Err(Refused::TooMany);
        }
        Ok(self.kept.into_iter().map(|alert| alert.get().as_bytes()).collect())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Several<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfList;
        impl<'de> Visitor<'de> for OfList {
            type Value = Several<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Several<'de>, A::Error> {
                let mut several = Several::default();
                while several.kept.len() < BATCH_ALERTS_MAX {
                    match items.next_element()? {
                        Some(item) => several.kept.push(item),
                        None => return Ok(several),
                    }
                }
                while items.next_element::<IgnoredAny>()?.is_some() {
                    several.more = true;
                }
                Ok(several)
            }
        }
        deserializer.deserialize_seq(OfList)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(document: &str) -> Result<Option<Vec<&str>>, String> {
        let parts = parts(document.as_bytes()).map_err(|refused| refused.into_malformed().reason)?;
        Ok(parts.map(|parts| parts.into_iter().map(|part| std::str::from_utf8(part).unwrap()).collect()))
    }

    #[test]
    fn a_batch_and_a_list_are_taken_apart_and_nothing_else_is() {
        for (document, alerts) in [
            (r#"{"alerts":[{"a":1},7],"metrics":[]}"#, vec![r#"{"a":1}"#, "7"]),
            (r#" {"more":1,"alerts":[[8]]} "#, vec!["[8]"]),
            (r#"{"alerts":null,"metrics":[]}"#, vec![]),
            (r#"{"metrics":null}"#, vec![]),
            (r#" [{"a":1}, 7,[8]]"#, vec![r#"{"a":1}"#, "7", "[8]"]),
            ("[]", vec![]),
        ] {
            assert_eq!(shape(document), Ok(Some(alerts)), "{document}");
        }
        for other in [
            "",
            "7",
            "{}",
            "[1",
            "[1,]",
            "not json",
            r#"{"alerts":[]"#,
            r#"{"alerts":[],"source":{}}"#,
            r#"{"alerts":[],"hash":null}"#,
            r#"{"alerts":[]} {"alerts":[]}"#,
            "\u{feff}[]",
        ] {
            assert_eq!(shape(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn an_envelope_that_is_malformed_says_how() {
        let list = |n: usize| format!("[{}0]", "0,".repeat(n - 1));
        let within = |n: usize| format!(r#"{{"alerts":{}}}"#, list(n));
        for full in [list(BATCH_ALERTS_MAX), within(BATCH_ALERTS_MAX)] {
            assert_eq!(shape(&full).unwrap().unwrap().len(), BATCH_ALERTS_MAX);
        }
        let (list, within) = (list(BATCH_ALERTS_MAX + 1), within(BATCH_ALERTS_MAX + 1));
        for (document, reason) in [
            (r#"{"alerts":7}"#, "alerts is not a list"),
            (r#"{"alerts":{"a":1}}"#, "alerts is not a list"),
            (r#"{"alerts":[1],"alerts":[2]}"#, "a field is given twice"),
            (&list, "the batch, in alerts: over BATCH_ALERTS_MAX (1000)"),
            (&within, "the batch, in alerts: over BATCH_ALERTS_MAX (1000)"),
        ] {
            assert_eq!(shape(document), Err(reason.to_owned()));
        }
    }
}
