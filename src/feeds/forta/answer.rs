//! The API's answer: each alert is kept as raw JSON until it is parsed on its own, so that one bad alert
//! does not cost the page.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::PollError;
use super::query::After;
use crate::domain::alert::Alert;
use crate::domain::names::FeedName;
use crate::feeds::delivery::Rejected;
use crate::feeds::forta_wire::parse_alert;

/// How much of the API's own words is kept, in characters.
const MESSAGE_MAX_CHARS: usize = 300;

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) alerts: Vec<Result<Alert, Rejected>>,
    /// Where to go on; `None` on the last page.
    pub(super) next: Option<After>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
    errors: Option<Vec<Problem>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    alerts: Option<Alerts<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alerts<'a> {
    /// The Go server writes an empty list as `null`.
    #[serde(borrow)]
    alerts: Option<Vec<&'a RawValue>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<After>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    message: String,
}

/// Reads a page out of an answer's body.
pub(super) fn read(body: &[u8], feed: &FeedName, authenticated: bool) -> Result<Page, PollError> {
    // Bytes that are not UTF-8 spoil the alerts they are in, not the page.
    let text = String::from_utf8_lossy(body);
    let repaired = matches!(text, Cow::Owned(_));
    let answer: Answer<'_> =
        serde_json::from_str(&text).map_err(|source| PollError::Unreadable { source })?;
    // Part of an answer beside an error is not an answer: what is missing from it nobody knows.
    if let Some(problems) = answer.errors.filter(|problems| !problems.is_empty()) {
        return Err(PollError::Refused { messages: messages(&problems) });
    }
    let alerts = answer.data.and_then(|data| data.alerts).ok_or(PollError::NoData)?;
    let next = match alerts.page_info {
        PageInfo { has_next_page: false, .. } => None,
        PageInfo { has_next_page: true, end_cursor: Some(after) } => Some(after),
        PageInfo { has_next_page: true, end_cursor: None } => return Err(PollError::Circle),
    };
    let read = |raw: &RawValue| {
        let raw = raw.get();
        if repaired && raw.contains(char::REPLACEMENT_CHARACTER) {
            return Err(Rejected::new(None, "not UTF-8", raw.as_bytes()));
        }
        parse_alert(raw.as_bytes(), feed, authenticated)
            .map_err(|malformed| Rejected::malformed(None, malformed, raw.as_bytes()))
    };
    Ok(Page { alerts: alerts.alerts.unwrap_or_default().into_iter().map(read).collect(), next })
}

/// What an answer's body says, as a poll takes it.
#[derive(Debug)]
pub struct Answered {
    /// Its alerts, or why they are none.
    pub alerts: Vec<Result<Alert, Rejected>>,
    /// Whether there is another page.
    pub more: bool,
}

/// Reads the body of an answer as a poll does, without one. Its alerts are not authenticated.
///
/// # Errors
/// Why it is no answer, in a sentence.
pub fn alerts_of(body: &[u8], feed: &FeedName) -> Result<Answered, String> {
    let page = read(body, feed, false).map_err(|error| error.reason())?;
    Ok(Answered { more: page.next.is_some(), alerts: page.alerts })
}

/// The API's words, cut and with control characters shown instead of obeyed.
fn messages(problems: &[Problem]) -> String {
    let all: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    all.join("; ").chars().flat_map(char::escape_debug).take(MESSAGE_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Result<Page, PollError> {
        read(body.as_bytes(), &FeedName::from("forta"), true)
    }

    #[test]
    fn an_error_is_never_an_empty_answer() {
        let table = [
            r#"{"errors":[{"message":"internal\u001b[2J"}],"data":{"alerts":{"alerts":[],"pageInfo":{"hasNextPage":false}}}}"#,
            r#"{"data":null}"#,
            r#"{"data":{"alerts":null}}"#,
            r#"{"data":{"alerts":{"alerts":[]}}}"#,
            r#"{"data":{"alerts":{"alerts":[],"pageInfo":{"hasNextPage":true,"endCursor":null}}}}"#,
            r#"{"message":"Unauthorized"}"#,
            r#"{"data":{"alerts":{"alerts":["#,
        ];
        let long = "\u{7}".repeat(5_000);
        for body in [
            format!(r#"{{"errors":[{{"message":"{long}"}}]}}"#),
            format!(r#"{{"data":{{"alerts":{{"pageInfo":{{"hasNextPage":"{long}"}}}}}}}}"#),
        ] {
            let reason = page(&body.replace('\u{7}', "\\u0007")).unwrap_err().reason();
            assert!(reason.chars().count() < 500 && !reason.chars().any(char::is_control), "{reason}");
        }
        let reasons: Vec<_> = table.into_iter().map(|body| page(body).unwrap_err().reason()).collect();
        insta::assert_snapshot!(reasons.join("\n"), @r"
        the API refused the question: internal\u{1b}[2J
        the answer has no data
        the answer has no data
        the answer is not what the API promises: missing field `pageInfo` at line 1 column 31
        the API's pages do not come to an end
        the answer has no data
        the answer is not what the API promises: EOF while parsing a list at line 1 column 29
        ");
    }

    #[test]
    fn an_empty_list_may_be_null() {
        let page = page(r#"{"data":{"alerts":{"alerts":null,"pageInfo":{"hasNextPage":false}}}}"#).unwrap();
        assert_eq!((page.alerts.len(), page.next), (0, None));
    }

    #[test]
    fn one_bad_alert_does_not_cost_the_page() {
        let mut body = br#"{"data":{"alerts":{"alerts":[{"hash":1},{"alertId":"X"#.to_vec();
        body.extend_from_slice(b"\xff\"},7],\"pageInfo\":{\"hasNextPage\":false}}}}");
        let page = read(&body, &FeedName::from("forta"), true).unwrap();
        let reasons: Vec<_> = page.alerts.into_iter().map(|alert| alert.unwrap_err().reason).collect();
        assert_eq!(reasons, ["source is missing: nobody makes this claim", "not UTF-8", "not a JSON object"]);
    }
}
