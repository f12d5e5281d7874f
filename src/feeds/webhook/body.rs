//! Which parts of a body are alerts: one alert, a list of them, `{"alerts":[…]}`, or JSON lines of these.
//!
//! Forta documents a node's batch and nothing else; whoever forwards alerts by other means writes a list of them as lists
//! are written. Each is judged by itself, whatever it came in.

use serde::de::IgnoredAny;

use crate::feeds::batch::{BATCH_ALERTS_MAX, Refused, parts};
use crate::feeds::forta_wire::Malformed;

/// The most alerts of one body: those of one batch.
pub const WEBHOOK_ALERTS_MAX: usize = BATCH_ALERTS_MAX;

/// One part that should be an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// Its line, counted from 1, in JSON lines.
    pub(super) line: Option<u64>,
    pub(super) raw: &'a [u8],
    /// Of a batch that cannot be taken apart: why.
    pub(super) wrong: Option<Malformed>,
}

/// A body with more than [`WEBHOOK_ALERTS_MAX`] alerts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// Takes a body apart. What is in no known shape is one item, to be rejected as the alert that it is not.
pub(super) fn items(body: &[u8]) -> Result<Vec<Item<'_>>, TooMany> {
    let items = match together(None, body)? {
        Some(items) => items,
        None => lines(body)?.unwrap_or_else(|| vec![Item { line: None, raw: body, wrong: None }]),
    };
    if items.len() > WEBHOOK_ALERTS_MAX { Err(TooMany) } else { Ok(items) }
}

/// Several alerts in one document. An empty list brings nothing, and shows that its sender lives.
fn together(line: Option<u64>, document: &[u8]) -> Result<Option<Vec<Item<'_>>>, TooMany> {
    let item = |raw| Item { line, raw, wrong: None };
    match parts(document) {
        Ok(parts) => Ok(parts.map(|parts| parts.into_iter().map(item).collect())),
        Err(Refused::TooMany) => Err(TooMany),
        Err(Refused::Malformed(wrong)) => Ok(Some(vec![Item { line, raw: document, wrong: Some(wrong) }])),
    }
}

/// Whether the body is the empty list, which any sender may send that has nothing to say: it shows that it lives.
pub(super) fn is_beat(body: &[u8]) -> bool {
    let inside = body.trim_ascii().strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]"));
    inside.is_some_and(|inside| inside.trim_ascii().is_empty())
}

/// More than one line, the first of which is a document of its own: an alert spread over lines is not.
fn lines(body: &[u8]) -> Result<Option<Vec<Item<'_>>>, TooMany> {
    let numbered =
        (1..).zip(body.split(|byte| *byte == b'\n')).map(|(number, line)| (number, line.trim_ascii()));
    let lines: Vec<_> = numbered.filter(|(_, line)| !line.is_empty()).collect();
    let [(_, first), _, ..] = lines.as_slice() else { return Ok(None) };
    if serde_json::from_slice::<IgnoredAny>(first).is_err() {
        return Ok(None);
    }
    let mut items = Vec::new();
    for (number, raw) in lines {
        let line = Some(number);
        items.extend(together(line, raw)?.unwrap_or_else(|| vec![Item { line, raw, wrong: None }]));
        if items.len() > WEBHOOK_ALERTS_MAX {
            return Err(TooMany);
        }
    }
    Ok(Some(items))
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
        let wrong =
            |body: &str| items(body.as_bytes()).unwrap().pop().unwrap().wrong.map(|wrong| wrong.reason);
        assert_eq!(wrong(r#"{"alerts":7}"#).unwrap(), "alerts is not a list");
        assert_eq!(wrong("[1,]"), None);
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
