//! Every recorded rejection of the real service, in words that say what to do. One table.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::Address;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use super::*;
use crate::safe_service::recordings::{self, Act, Scripted, TIMEOUT};
use crate::safe_service::words;

const PLACE: &str = "[chains.mainnet] safe_service.key";

fn safe() -> SafeAddress {
    "0x42D718c3035d3f9A22222E4d8D48E11e60383D37".parse::<Address>().unwrap().into()
}

/// Without what differs from one recording to the next.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        let (before, after) = rest.split_at(at);
        let digits = after[2..].chars().take_while(char::is_ascii_hexdigit).count();
        out.push_str(before);
        out.push_str(if digits >= 40 { "0x…" } else { &after[..2 + digits] });
        rest = &after[2 + digits..];
    }
    out + rest
}

#[tokio::test]
async fn every_recorded_rejection_says_what_to_do() {
    let Some(recordings) = recordings::all("recorded rejections in words") else { return };
    let mut table: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut refused, mut broken) = (0, 0);
    for one in recordings.iter().filter(|one| one.status >= 300 && one.status != 304) {
        let server = Scripted::play(std::iter::repeat_n(Act::recorded(one), 2)).await;
        let quick = Patience { retries_max: 0, ..Patience::default() };
        let client = ServiceClient::new(&server.url, None, TIMEOUT).unwrap().with_patience(quick);
        // The same request as was recorded, whatever this client would send by itself.
        let method: Method = one.method.parse().unwrap();
        let body = json!({});
        let body = (method != Method::GET).then_some(&body);
        let error = client.transport.ask("do it", method, &one.path, body).await.unwrap_err();
        let told = words::explain_failure(safe(), &error, PLACE);
        match &error.failure {
            ServiceFailure::Refused { .. } => refused += 1,
            ServiceFailure::Unavailable(_) => broken += 1,
            other => panic!("#{}: {other:?}", one.n),
        }
        assert!(!told.contains("the Transaction Service refused"), "#{} has no words: {told}", one.n);
        table.entry(format!("{} {}", one.status, steady(&told))).or_default().push(one.n);
    }
    let told: Vec<_> = table.iter().map(|(told, numbers)| format!("{told}  {numbers:?}")).collect();
    insta::assert_snapshot!(told.join("\n"), @"");
    assert_eq!((refused, broken), (67, 2));
}

#[test]
fn what_no_recording_has_says_what_to_do_as_well() {
    let error = |failure| ServiceError { doing: "propose it".to_owned(), writes: true, failure };
    let refused = |status| ServiceFailure::Refused {
        status,
        message: "it gave no reason".to_owned(),
        problems: Vec::new(),
    };
    let unauthorized =
        |status, key_shown| ServiceFailure::Unauthorized { status, message: String::new(), key_shown };
    let limited = |wait: Option<u64>, limit| ServiceFailure::RateLimited {
        retry_after: wait.map(Duration::from_secs),
        limit,
    };
    let hostile = vec![FieldProblem { field: Some("a\u{1b}[2J".to_owned()), text: "x\u{202e}y".to_owned() }];
    let told: Vec<_> = [
        unauthorized(401, true),
        unauthorized(401, false),
        unauthorized(403, true),
        limited(Some(1), RateLimit::Second),
        limited(Some(266_400), RateLimit::Month),
        limited(None, RateLimit::Unsaid),
        refused(451),
        refused(413),
        refused(422),
        ServiceFailure::Refused { status: 422, message: "x".to_owned(), problems: hostile },
        ServiceFailure::Unavailable(Unreachable::Status(502)),
        ServiceFailure::AnswerLost(Unreachable::Status(504)),
        ServiceFailure::Garbled(Garbling::WrongType { found: "text/html".to_owned() }),
    ]
    .into_iter()
    .map(|failure| words::explain_failure(safe(), &error(failure), PLACE))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"");
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much_and_to_which_side() {
    let told: Vec<_> = [Some(7_800), Some(-7_800), Some(3), None]
        .into_iter()
        .map(|seconds| words::explain_hour("it was not taken", seconds.map(SignedDuration::from_secs)))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"");
}
