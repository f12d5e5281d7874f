//! Which of the kept alerts answer a question, and how the answer is written.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// How many alerts the server answers with when it is not told.
const FIRST_DEFAULT: u32 = 100;

/// A kept alert: its bytes, and what it can be asked by.
#[derive(Debug)]
pub(super) struct Stored {
    raw: Box<RawValue>,
    bot: String,
    chain: u64,
    created_at: Option<Timestamp>,
    date: Option<Date>,
    place: Place,
}

/// The order of alerts: by block only, as documented; by hash within a block, so that pages are stable.
type Place = (u64, String);

impl Stored {
    pub(super) fn new(raw: &str) -> Result<Self, serde_json::Error> {
        let raw = RawValue::from_string(raw.to_owned())?;
        let node: Value = serde_json::from_str(raw.get())?;
        let text = |at: &str| node.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |at: &str| node.pointer(at).and_then(Value::as_u64).unwrap_or(0);
        let created_at = text("/createdAt").parse().ok();
        let block_time: Option<Timestamp> = text("/source/block/timestamp").parse().ok();
        Ok(Self {
            bot: text("/source/bot/id").to_ascii_lowercase(),
            chain: number("/chainId"),
            created_at,
            date: block_time.or(created_at).map(day),
            place: (number("/source/block/number"), text("/hash")),
            raw,
        })
    }

    fn answers(&self, input: &Input, today: Date) -> bool {
        let (start, end) = input.dates.unwrap_or((today, today));
        let in_dates = self.date.is_none_or(|date| start <= date && date <= end);
        let bot_asked = input.bots.is_empty() || self.bot.is_empty() || input.bots.contains(&self.bot);
        let new = input.created_after.is_none_or(|after| self.created_at.is_none_or(|at| at > after));
        let further = input.circle
            || input
                .after
                .as_ref()
                .is_none_or(|after| if input.ascending { self.place > *after } else { self.place < *after });
        in_dates && bot_asked && new && further && self.chain == input.chain
    }
}

/// The part of `AlertsInput` that is understood, defaults filled in as the real API does.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) first: u32,
    bots: Vec<String>,
    chain: u64,
    created_after: Option<Timestamp>,
    dates: Option<(Date, Date)>,
    after: Option<Place>,
    ascending: bool,
    /// See [`super::Misbehaviour::circle`].
    pub(super) circle: bool,
}

impl Input {
    pub(super) fn read(input: &Value) -> Self {
        let text = |at: &str| input.pointer(at).and_then(Value::as_str);
        let first = input.pointer("/first").and_then(Value::as_u64);
        let bots = input.pointer("/bots").and_then(Value::as_array);
        let bots = bots.into_iter().flatten().filter_map(Value::as_str).map(str::to_ascii_lowercase);
        let date = |at: &str| text(at)?.parse::<Date>().ok();
        let block = input.pointer("/after/blockNumber").and_then(Value::as_u64);
        Self {
            first: first.and_then(|first| first.try_into().ok()).unwrap_or(FIRST_DEFAULT),
            bots: bots.collect(),
            chain: input.pointer("/chainId").and_then(Value::as_u64).unwrap_or(1),
            created_after: text("/afterCreatedAtDate").and_then(|at| at.parse().ok()),
            dates: date("/blockDateRange/startDate").zip(date("/blockDateRange/endDate")),
            after: block.zip(text("/after/alertId").map(str::to_owned)),
            ascending: text("/blockSortDirection") == Some("asc"),
            circle: false,
        }
    }
}

/// Writes one page.
pub(super) fn page(alerts: &[Stored], input: &Input, now: Timestamp) -> String {
    let today = day(now);
    let mut found: Vec<&Stored> = alerts.iter().filter(|alert| alert.answers(input, today)).collect();
    found.sort_by(|a, b| a.place.cmp(&b.place));
    if !input.ascending {
        found.reverse();
    }
    let total = found.len();
    found.truncate(input.first as usize);
    let end = found.last().map(|alert| json!({ "blockNumber": alert.place.0, "alertId": alert.place.1 }));
    let info = json!({
        "hasNextPage": (found.len() < total || input.circle) && end.is_some(),
        "endCursor": end,
        "totalAlerts": { "value": total, "relation": "eq" },
    });
    let nodes: Vec<&str> = found.iter().map(|alert| alert.raw.get()).collect();
    format!(r#"{{"data":{{"alerts":{{"alerts":[{}],"pageInfo":{info}}}}}}}"#, nodes.join(","))
}

/// Writes an error beside an empty page, which is how a careless client loses alerts.
pub(super) fn error(message: &str) -> String {
    json!({
        "errors": [{ "message": message }],
        "data": { "alerts": { "alerts": [], "pageInfo": { "hasNextPage": false, "endCursor": null } } },
    })
    .to_string()
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(chain: u64, block: u64, at: &str) -> Stored {
        let node = json!({
            "hash": format!("0x{block}"), "chainId": chain, "createdAt": at,
            "source": { "bot": { "id": "0xB0" }, "block": { "number": block, "timestamp": at } }
        });
        Stored::new(&node.to_string()).unwrap()
    }

    fn ask(input: Value) -> (Vec<u64>, bool) {
        let alerts = [
            stored(1, 1, "2024-01-01T23:59:00Z"),
            stored(1, 3, "2024-01-02T00:02:00Z"),
            stored(1, 2, "2024-01-02T00:01:00Z"),
            stored(10, 9, "2024-01-02T00:01:00Z"),
        ];
        let now = "2024-01-02T00:05:00Z".parse().unwrap();
        let page: Value = serde_json::from_str(&page(&alerts, &Input::read(&input), now)).unwrap();
        let alerts = page["data"]["alerts"]["alerts"].as_array().unwrap();
        let blocks = alerts.iter().map(|node| node["source"]["block"]["number"].as_u64().unwrap()).collect();
        (blocks, page["data"]["alerts"]["pageInfo"]["hasNextPage"].as_bool().unwrap())
    }

    #[test]
    fn it_answers_for_chain_1_and_today_newest_first_unless_told() {
        assert_eq!(ask(json!({})), (vec![3, 2], false));
        assert_eq!(ask(json!({"chainId": 10})), (vec![9], false));
        assert_eq!(ask(json!({"bots": ["0xb1"]})), (vec![], false));
        let dates = json!({"startDate": "2024-01-01", "endDate": "2024-01-02"});
        assert_eq!(
            ask(json!({"blockDateRange": dates, "blockSortDirection": "asc"})),
            (vec![1, 2, 3], false)
        );
    }

    #[test]
    fn pages_go_on_after_their_end() {
        assert_eq!(ask(json!({"first": 1})), (vec![3], true));
        let after = json!({"blockNumber": 3, "alertId": "0x3"});
        assert_eq!(ask(json!({"first": 1, "after": after})), (vec![2], false));
        assert_eq!(ask(json!({"afterCreatedAtDate": "2024-01-02T00:01:00Z"})), (vec![3], false));
    }
}
