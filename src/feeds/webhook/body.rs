//! Which parts of a body are alerts: one alert, a list of them, `{"alerts":[…]}`, or JSON lines of these.
//!
//! Forta documents a node's batch and nothing else; whoever forwards alerts by other means writes a list of them as lists
//! are written. Each is judged by itself, whatever it came in.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The most alerts of one body: a Forta node's own limit on a batch.
pub const WEBHOOK_ALERTS_MAX: usize = 1_000;

/// One part that should be an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// Its line, counted from 1, in JSON lines.
    pub(super) line: Option<u64>,
    pub(super) raw: &'a [u8],
}

/// A body with more than [`WEBHOOK_ALERTS_MAX`] alerts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// Takes a body apart. What is in no known shape is one item, to be rejected as the alert that it is not.
pub(super) fn items(body: &[u8]) -> Result<Vec<Item<'_>>, TooMany> {
    let items = together(body).or_else(|| lines(body));
    let items = items.unwrap_or_else(|| vec![Item { line: None, raw: body }]);
    if items.len() > WEBHOOK_ALERTS_MAX { Err(TooMany) } else { Ok(items) }
}

/// Several alerts in one document.
fn together(document: &[u8]) -> Option<Vec<Item<'_>>> {
    batch(document).or_else(|| list(document))
}

/// Whether the body is the empty list, which any sender may send that has nothing to say: it shows that it lives.
pub(super) fn is_beat(body: &[u8]) -> bool {
    let inside = body.trim_ascii().strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]"));
    inside.is_some_and(|inside| inside.trim_ascii().is_empty())
}

/// A list. An empty one brings nothing, and shows that its sender lives.
fn list(document: &[u8]) -> Option<Vec<Item<'_>>> {
    if !document.trim_ascii_start().starts_with(b"[") {
        return None;
    }
    let alerts: Vec<&RawValue> = serde_json::from_slice(document).ok()?;
    Some(alerts.into_iter().map(|alert| Item { line: None, raw: alert.get().as_bytes() }).collect())
}

/// A Forta node's batch. It may have metrics and no alerts, and Go writes an empty list as `null`.
fn batch(body: &[u8]) -> Option<Vec<Item<'_>>> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let is_alert = fields.contains_key("source") || fields.contains_key("hash");
    if is_alert || !(fields.contains_key("alerts") || fields.contains_key("metrics")) {
        return None;
    }
    let alerts = fields.get("alerts").map_or("null", |alerts| alerts.get());
    let alerts: Option<Vec<&RawValue>> = serde_json::from_str(alerts).ok()?;
    let items = alerts.unwrap_or_default().into_iter();
    Some(items.map(|alert| Item { line: None, raw: alert.get().as_bytes() }).collect())
}

/// More than one line, the first of which is a document of its own: an alert spread over lines is not.
fn lines(body: &[u8]) -> Option<Vec<Item<'_>>> {
    let numbered =
        (1..).zip(body.split(|byte| *byte == b'\n')).map(|(number, line)| (number, line.trim_ascii()));
    let mut lines = numbered.filter(|(_, line)| !line.is_empty()).peekable();
    let (_, first) = lines.peek()?;
    serde_json::from_slice::<IgnoredAny>(first).ok()?;
    let lines: Vec<_> = lines.collect();
    if lines.len() < 2 {
        return None;
    }
    let each = lines.into_iter().flat_map(|(number, raw)| {
        let items = together(raw).unwrap_or_else(|| vec![Item { line: None, raw }]);
        items.into_iter().map(move |item| Item { line: Some(number), ..item })
    });
    Some(each.take(WEBHOOK_ALERTS_MAX.saturating_add(1)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(body: &str) -> Vec<(Option<u64>, &str)> {
        let items = items(body.as_bytes()).unwrap();
        items.into_iter().map(|item| (item.line, std::str::from_utf8(item.raw).unwrap())).collect()
    }

    #[test]
    fn a_body_is_one_alert_a_batch_or_lines() {
        let spread = "{\n\"hash\": 1\n}";
        assert_eq!(shape(r#"{"hash":1}"#), [(None, r#"{"hash":1}"#)]);
        assert_eq!(shape(spread), [(None, spread)]);
        assert_eq!(shape(r#"{"alerts":[{"a":1},7]}"#), [(None, r#"{"a":1}"#), (None, "7")]);
        assert_eq!(shape(r#"{"alerts":null,"metrics":[]}"#), []);
        assert_eq!(shape(r#"{"metrics":[{}]}"#), []);
        assert_eq!(shape("{\"a\":1}\r\n\n{\"b\":"), [(Some(1), r#"{"a":1}"#), (Some(3), r#"{"b":"#)]);
        assert_eq!(shape(r#" [{"a":1}, 7,[8]]"#), [(None, r#"{"a":1}"#), (None, "7"), (None, "[8]")]);
        assert_eq!(shape("[]"), []);
        assert_eq!(shape("[\n{\"a\":1},\n{}\n]"), [(None, r#"{"a":1}"#), (None, "{}")]);
        let lists = "[{\"a\":1},2]\n{\"alerts\":[3]}\n4";
        assert_eq!(shape(lists), [(Some(1), r#"{"a":1}"#), (Some(1), "2"), (Some(2), "3"), (Some(3), "4")]);
        for odd in [r#"{"alerts":7}"#, "junk\nmore junk", "[1", "[1,]", r#"{"alerts":[],"source":{}}"#] {
            assert_eq!(shape(odd), [(None, odd)]);
        }
    }

    #[test]
    fn a_body_of_too_many_alerts_is_refused_whole() {
        let many = |n: usize| format!(r#"{{"alerts":[{}0]}}"#, "0,".repeat(n - 1));
        assert_eq!(items(many(WEBHOOK_ALERTS_MAX).as_bytes()).unwrap().len(), WEBHOOK_ALERTS_MAX);
        assert_eq!(items(many(WEBHOOK_ALERTS_MAX + 1).as_bytes()), Err(TooMany));
        let list = |n: usize| format!("[{}0]", "0,".repeat(n - 1));
        assert_eq!(items(list(WEBHOOK_ALERTS_MAX).as_bytes()).unwrap().len(), WEBHOOK_ALERTS_MAX);
        let two_lines = format!("{}\n{}", list(WEBHOOK_ALERTS_MAX), list(1));
        for body in [list(WEBHOOK_ALERTS_MAX + 1), two_lines] {
            assert_eq!(items(body.as_bytes()), Err(TooMany));
        }
    }
}
