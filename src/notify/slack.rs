//! Slack, through an incoming webhook.
//!
//! Everything is `plain_text`: no formatting, no link, no mention can be written there, and it is escaped by
//! Slack's rules all the same. Bounds: <https://docs.slack.dev/reference/block-kit/blocks> (50 blocks a message,
//! 150 characters a header, 3000 a section).

use std::fmt;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::message::{Kind, Message};
use super::post::{post, told};
use super::{Delivered, Endpoint, SendError};
use crate::clock::SharedClock;
use crate::domain::text::{slack as escape, visible};

const HEADER_MAX_UNITS: usize = 150;
const SECTION_MAX_UNITS: usize = 3_000;
/// Sections for the lines: what is left of 50 blocks, with room to spare.
const SECTIONS_MAX: usize = 40;

/// Sends messages to one Slack channel.
#[derive(Clone)]
pub struct SlackChannel {
    client: reqwest::Client,
    to: Endpoint,
    clock: SharedClock,
}

impl fmt::Debug for SlackChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlackChannel({})", self.to)
    }
}

impl SlackChannel {
    /// Sends to an incoming webhook's URL ([`Endpoint::new_secret`]) with `client` (from [`crate::http::client`]).
    pub fn new(client: reqwest::Client, to: Endpoint, clock: SharedClock) -> Self {
        Self { client, to, clock }
    }

    pub(super) async fn send(&self, message: &Message) -> Result<Delivered, SendError> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = payload(message).to_string().into_bytes();
        let answer = post(&self.client, &self.to, headers, body, self.clock.now()).await?;
        // Slack says `ok` and nothing else; a sign-in page of some proxy is a 200 as well.
        if answer.trim() == "ok" {
            return Ok(Delivered::default());
        }
        let told = told(&answer);
        Err(SendError::Refused { to: self.to.to_string(), status: 200, told })
    }
}

fn payload(message: &Message) -> Value {
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(first_part(&message.heading(), HEADER_MAX_UNITS)) }),
        section(first_part(&message.title_shown(), SECTION_MAX_UNITS)),
    ];
    let mut body = String::new();
    for line in message.shown() {
        body.push_str(&format!("{}: {}\n", visible(&line.label), visible(&line.value)));
    }
    let parts = parts(body.trim_end(), SECTION_MAX_UNITS);
    let missing = parts.len().saturating_sub(SECTIONS_MAX);
    blocks.extend(parts.into_iter().take(SECTIONS_MAX).map(section));
    if missing > 0 {
        blocks.push(section(format!("… (cut off here; {missing} more parts of this length)")));
    }
    let foot = format!("To {} · {}", message.to.name, message.when());
    blocks.push(json!({ "type": "context", "elements": [plain(first_part(&foot, SECTION_MAX_UNITS))] }));
    if let Some(url) = &message.ack_url {
        blocks.push(json!({ "type": "actions", "elements": [button(message.kind, url.as_str())] }));
    }
    let text = format!("{}: {}", message.heading(), message.title_shown());
    json!({
        // What a phone's lock screen shows.
        "text": first_part(&text, SECTION_MAX_UNITS),
        "blocks": blocks,
        "mrkdwn": false,
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn button(kind: Kind, url: &str) -> Value {
    let style = match kind {
        Kind::Page => "danger",
        Kind::Notice => "primary",
    };
    json!({ "type": "button", "style": style, "text": plain("Acknowledge".into()), "url": url })
}

fn section(escaped: String) -> Value {
    json!({ "type": "section", "text": plain(escaped) })
}

/// Takes text that is escaped already. Slack refuses an empty one.
fn plain(escaped: String) -> Value {
    let text = if escaped.trim().is_empty() { "(empty)".to_owned() } else { escaped };
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// Escapes a text into parts that each stay within Slack's bound, never splitting an escape. Line ends stay.
/// Counts UTF-16 units, the widest of the ways Slack may count.
fn parts(text: &str, units_max: usize) -> Vec<String> {
    let (mut parts, mut part, mut units) = (Vec::new(), String::new(), 0);
    for c in text.chars() {
        let escaped = if c == '\n' { "\n".to_owned() } else { escape(c.encode_utf8(&mut [0; 4])) };
        let more = escaped.encode_utf16().count();
        if units + more > units_max {
            parts.push(std::mem::take(&mut part));
            units = 0;
        }
        part.push_str(&escaped);
        units += more;
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The first part of one line, and a mark if there is more.
fn first_part(text: &str, units_max: usize) -> String {
    let mut parts = parts(&visible(text), units_max.saturating_sub(1)).into_iter();
    let first = parts.next().unwrap_or_default();
    if parts.next().is_some() { format!("{first}…") } else { first }
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::super::fixture::{hostile, page};
    use super::*;

    #[test]
    fn a_page_as_slack_gets_it() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&payload(&page())).unwrap(), @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "PAGE · EMERGENCY · INC-7",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "text": {
            "emoji": false,
            "text": "The vault is losing assets: 2 bots agree",
            "type": "plain_text"
          },
          "type": "section"
        },
        {
          "text": {
            "emoji": false,
            "text": "Chain: mainnet (1)\nSafe: guardian 0x41675C099F32341bf84BFc5382aF534df5C7461a, nonce 12\nCall: vault.pause()\nsafeTxHash: 0x8f3b5e2d64c1f7a0b9d8e7c6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6\nNeeded: you, and one of ben, chi\nVerify: redhandle proposal verify INC-7",
            "type": "plain_text"
          },
          "type": "section"
        },
        {
          "elements": [
            {
              "emoji": false,
              "text": "To Ana · Sat 2026-11-21 04:00:00 CET · 2026-11-21 03:00:00 UTC",
              "type": "plain_text"
            }
          ],
          "type": "context"
        },
        {
          "elements": [
            {
              "style": "danger",
              "text": {
                "emoji": false,
                "text": "Acknowledge",
                "type": "plain_text"
              },
              "type": "button",
              "url": "https://agent.example.org/ack/INC-7/ana/0123456789abcdef0123456789abcdef"
            }
          ],
          "type": "actions"
        }
      ],
      "link_names": false,
      "mrkdwn": false,
      "text": "PAGE · EMERGENCY · INC-7: The vault is losing assets: 2 bots agree",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
    }

    #[test]
    fn hostile_text_mentions_nobody_and_links_nowhere() {
        let text = serde_json::to_string_pretty(&payload(&hostile())).unwrap();
        insta::assert_snapshot!(text, @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "PAGE · EMERGENCY · INC-7",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "text": {
            "emoji": false,
            "text": "\\u{1b}[2J&lt;!channel&gt; \\u{202e}dekcah\\u{200b} &amp; *so on*\\n┃ Safe: forged",
            "type": "plain_text"
          },
          "type": "section"
        },
        {
          "text": {
            "emoji": false,
            "text": "Alert: &lt;@U123&gt; &lt;https://evil.example|verify here&gt; `code`\nForged\\nlabel: a\\r\\nb\\tc\\u{7}\\u{9b}31m",
            "type": "plain_text"
          },
          "type": "section"
        },
        {
          "elements": [
            {
              "emoji": false,
              "text": "To Ana · 2026-11-21 03:00:00 UTC",
              "type": "plain_text"
            }
          ],
          "type": "context"
        },
        {
          "elements": [
            {
              "style": "danger",
              "text": {
                "emoji": false,
                "text": "Acknowledge",
                "type": "plain_text"
              },
              "type": "button",
              "url": "https://agent.example.org/ack/INC-7/ana/0123456789abcdef0123456789abcdef"
            }
          ],
          "type": "actions"
        }
      ],
      "link_names": false,
      "mrkdwn": false,
      "text": "PAGE · EMERGENCY · INC-7: \\u{1b}[2J&lt;!channel&gt; \\u{202e}dekcah\\u{200b} &amp; *so on*\\n┃ Safe: forged",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
        assert!(!text.contains(['<', '>']));
        assert!(!text.contains(r#""mrkdwn","#), "no text object is of that type");
    }

    fn texts(value: &Value, found: &mut Vec<String>) {
        if let Some(text) = value.get("text").and_then(Value::as_str) {
            found.push(text.to_owned());
        }
        let fields = value.as_object().into_iter().flat_map(|fields| fields.values());
        let items = value.as_array().into_iter().flatten();
        fields.chain(items).for_each(|inner| texts(inner, found));
    }

    #[test]
    fn slacks_bounds_hold_for_any_text() {
        for c in ["x", "<", "\u{202e}", "𝄞", "\n", ""] {
            let mut message = page();
            message.incident = c.repeat(4_000);
            message.title = c.repeat(4_000);
            message.to.name = c.repeat(4_000);
            message.lines = vec![Line::new(c.repeat(4_000), c.repeat(4_000)); 100];
            let payload = payload(&message);
            assert!(payload["blocks"].as_array().unwrap().len() <= 50);
            let heading = payload["blocks"][0]["text"]["text"].as_str().unwrap();
            assert!(heading.encode_utf16().count() <= HEADER_MAX_UNITS);
            let mut found = Vec::new();
            texts(&payload, &mut found);
            for text in found {
                let units = text.encode_utf16().count();
                assert!((1..=SECTION_MAX_UNITS).contains(&units), "{c:?}: {units}");
            }
        }
    }

    #[test]
    fn no_escape_is_split() {
        let text = "&<\u{202e}".repeat(50);
        for units in 9..40 {
            let parts = parts(&text, units);
            assert_eq!(parts.concat(), escape(&text));
            for part in parts {
                let whole = part.replace("&amp;", "").replace("&lt;", "").replace("\\u{202e}", "");
                assert_eq!(whole, "", "{part}");
            }
        }
    }
}
