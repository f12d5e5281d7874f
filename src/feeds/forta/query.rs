//! The question put to the API.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::alert::BotId;
use crate::domain::names::ChainId;

/// Everything that [`crate::feeds::forta_wire`] reads, and nothing else.
const QUERY: &str = "query($input: AlertsInput) { alerts(input: $input) { \
    pageInfo { hasNextPage endCursor { alertId blockNumber } } \
    alerts { hash alertId name description protocol severity findingType createdAt chainId \
    addresses truncated addressBloomFilter { k m bitset itemCount } metadata relatedAlerts \
    alertDocumentType labels { label entity remove } \
    source { transactionHash bot { id } block { number hash timestamp chainId } \
    sourceAlert { hash chainId } } } } }";

/// How much older than its alert a block may be. The date range speaks of blocks, the rest of a question of
/// alerts, and a node that catches up alerts about old blocks.
const BLOCK_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How far the API's clock may be ahead of ours before midnight matters.
const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Where a page ended. What the API calls `alertId` here is an alert's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct After {
    pub(super) block_number: u64,
    pub(super) alert_id: String,
}

/// One page's question, as it is sent.
#[derive(Debug, Serialize)]
pub(super) struct Question {
    query: &'static str,
    variables: Variables,
}

#[derive(Debug, Serialize)]
struct Variables {
    input: Input,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bots: Vec<BotId>,
    chain_id: ChainId,
    first: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<After>,
    /// Oldest first: what happens while we read is on a later page, and windows see time pass forwards.
    block_sort_direction: &'static str,
    after_created_at_date: String,
    block_date_range: Dates,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dates {
    start_date: String,
    end_date: String,
}

impl Question {
    pub(super) fn new(
        bots: &[BotId],
        chain: ChainId,
        first: u32,
        since: Timestamp,
        now: Timestamp,
        after: Option<After>,
    ) -> Self {
        let start = since.checked_sub(BLOCK_AGE_MAX).unwrap_or(since);
        let end = now.max(since).checked_add(CLOCK_AHEAD_MAX).unwrap_or(now);
        let input = Input {
            bots: bots.to_vec(),
            chain_id: chain,
            first,
            after,
            block_sort_direction: "asc",
            after_created_at_date: since.to_string(),
            block_date_range: Dates { start_date: date(start), end_date: date(end) },
        };
        Self { query: QUERY, variables: Variables { input } }
    }

    /// Asks for so many alerts instead.
    pub(super) fn first(&mut self, first: u32) {
        self.variables.input.first = first;
    }
}

/// The day in UTC, as the API counts days.
fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_its_chain_its_start_and_its_days() {
        let after = After { block_number: 7, alert_id: "0xab".into() };
        let now: Timestamp = "2024-01-02T00:00:05Z".parse().unwrap();
        let since: Timestamp = "2024-01-01T23:40:05Z".parse().unwrap();
        let question = Question::new(&[BotId::new("0xB0")], ChainId(10), 50, since, now, Some(after));
        let input = serde_json::to_string_pretty(&question.variables.input).unwrap();
        insta::assert_snapshot!(input, @r#"
        {
          "bots": [
            "0xb0"
          ],
          "chainId": 10,
          "first": 50,
          "after": {
            "blockNumber": 7,
            "alertId": "0xab"
          },
          "blockSortDirection": "asc",
          "afterCreatedAtDate": "2024-01-01T23:40:05Z",
          "blockDateRange": {
            "startDate": "2023-12-31",
            "endDate": "2024-01-03"
          }
        }
        "#);
    }
}
