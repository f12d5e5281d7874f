//! The forms a value can have: how each is written, read and asked for.
//!
//! A new form is a type that says what is wanted in words, and reads a node or says why not.

use std::net::SocketAddr;

use alloy::primitives::Address;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::node::{Node, Value};
use crate::config::problem::{Place, nearest};
use crate::domain::alert::{AlertSeverity, BotId, P256Key, Path};

/// A value that can be read from a node.
pub(crate) trait Form: Sized {
    /// What is wanted, to be read after "expected".
    fn wanted() -> String;

    /// Reads it.
    fn read(node: &Node) -> Result<Self, Mismatch>;
}

/// The value has not the form that is wanted; with a remedy where one is known.
#[derive(Debug, Default)]
pub(crate) struct Mismatch {
    pub(crate) remedy: Option<String>,
}

impl Mismatch {
    pub(crate) fn remedy(remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()) }
    }
}

/// A value with the place it was written at, for checks that come later.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) place: Place,
    pub(crate) value: T,
}

impl<T: Form> Form for Placed<T> {
    fn wanted() -> String {
        T::wanted()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        Ok(Self { place: node.place.clone(), value: T::read(node)? })
    }
}

fn text(node: &Node) -> Result<&str, Mismatch> {
    node.text().ok_or_else(Mismatch::default)
}

/// Text that says something.
impl Form for String {
    fn wanted() -> String {
        "text in quotes, not empty".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let text = text(node)?.trim();
        if text.is_empty() { Err(Mismatch::default()) } else { Ok(text.to_owned()) }
    }
}

impl Form for bool {
    fn wanted() -> String {
        "true or false".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        match (&node.value, &node.place) {
            (Value::Boolean(truth), _) => Ok(*truth),
            (Value::String(text), Place::Variable { .. }) => text.parse().map_err(|_| Mismatch::default()),
            (Value::String(text), _) if text.parse::<bool>().is_ok() => {
                Err(Mismatch::remedy("write it without quotes"))
            }
            _ => Err(Mismatch::default()),
        }
    }
}

impl Form for Address {
    fn wanted() -> String {
        "an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let text = text(node)?;
        let digits = text.strip_prefix("0x").ok_or_else(Mismatch::default)?;
        let address: Self = digits.parse().map_err(|_| Mismatch::default())?;
        if digits.bytes().any(|digit| digit.is_ascii_uppercase()) && address.to_checksum(None) != text {
            return Err(Mismatch::remedy(format!(
                "its checksum is wrong: compare every digit, the right spelling of these digits is {}",
                address.to_checksum(None)
            )));
        }
        if address.is_zero() {
            return Err(Mismatch::remedy("the zero address is nobody's"));
        }
        Ok(address)
    }
}

impl Form for Url {
    fn wanted() -> String {
        "a URL that begins with https:// or http://".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        http_url(text(node)?).ok_or_else(Mismatch::default)
    }
}

/// A URL with a host that is fetched by HTTP.
pub(crate) fn http_url(text: &str) -> Option<Url> {
    Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

impl Form for SocketAddr {
    fn wanted() -> String {
        "an IP address and a port, such as \"127.0.0.1:8645\" or \"[::1]:8645\"".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let socket: Self = text(node)?.parse().map_err(|_| Mismatch::default())?;
        match socket {
            // A link-local address with an interface belongs to no URL.
            Self::V6(socket) if socket.scope_id() != 0 => Err(Mismatch::remedy("leave the interface away")),
            Self::V4(_) | Self::V6(_) => Ok(socket),
        }
    }
}

impl Form for TimeZone {
    fn wanted() -> String {
        "an IANA time zone, such as \"Europe/Berlin\"".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let text = text(node)?;
        Self::get(text).map_err(|_| {
            let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            match nearest(text, known.iter().map(String::as_str)) {
                Some(meant) => Mismatch::remedy(format!("did you mean \"{meant}\"?")),
                None => Mismatch::default(),
            }
        })
    }
}

impl Form for Date {
    fn wanted() -> String {
        "a date, such as 2026-11-01".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        calendar_text(node)?.parse::<Self>().ok().filter(|_| only_date(node)).ok_or_else(Mismatch::default)
    }
}

fn only_date(node: &Node) -> bool {
    calendar_text(node).is_ok_and(|text| text.len() == "2026-11-01".len())
}

/// What a wall clock shows.
impl Form for DateTime {
    fn wanted() -> String {
        "local wall time, such as \"2026-11-21T18:00\"".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let text = calendar_text(node)?;
        // jiff skips an offset or a zone at the end: somebody who wrote one meant it.
        if text.chars().any(|c| !(c.is_ascii_digit() || "-T: ".contains(c))) || text.len() > 19 {
            let remedy = "leave the offset away and give the zone as zone = \"Europe/Berlin\"";
            return Err(if text.parse::<Self>().is_ok() || text.ends_with('Z') {
                Mismatch::remedy(remedy)
            } else {
                Mismatch::default()
            });
        }
        text.parse().map_err(|_| Mismatch::default())
    }
}

/// An instant: a date, a time and an offset.
impl Form for Timestamp {
    fn wanted() -> String {
        "an instant with its offset, such as 2026-11-21T18:00:00Z".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        calendar_text(node)?.parse().map_err(|_| Mismatch::default())
    }
}

/// A date or time, in quotes or not.
fn calendar_text(node: &Node) -> Result<String, Mismatch> {
    match &node.value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Datetime(when) => Ok(when.to_string()),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_) => {
            Err(Mismatch::default())
        }
    }
}

/// How long a bot's id is in hexadecimal digits: 32 bytes.
const BOT_ID_DIGITS: usize = 64;

impl Form for BotId {
    fn wanted() -> String {
        format!("a bot's id: 0x and {BOT_ID_DIGITS} hexadecimal digits, or another vendor's source name")
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let id = Self::new(text(node)?);
        match id.as_str().strip_prefix("0x") {
            _ if id.as_str().is_empty() => Err(Mismatch::default()),
            Some(digits) if digits.len() != BOT_ID_DIGITS => {
                Err(Mismatch::remedy(format!("it has {} digits", digits.len())))
            }
            Some(digits) if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                Err(Mismatch::default())
            }
            Some(_) | None => Ok(id),
        }
    }
}

/// A length of time as it is written: `1h30m`.
pub(crate) fn duration_text(duration: SignedDuration) -> String {
    format!("{duration:#}").replace(' ', "")
}

impl Form for Path {
    fn wanted() -> String {
        "a path into the body: keys, and numbers in lists, between dots, such as \"alerts.0.labels\"".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        text(node)?.parse().map_err(|_| Mismatch::default())
    }
}

impl Form for AlertSeverity {
    fn wanted() -> String {
        "one of \"unknown\", \"info\", \"low\", \"medium\", \"high\", \"critical\"".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        Self::of_word(text(node)?).ok_or_else(Mismatch::default)
    }
}

impl Form for P256Key {
    fn wanted() -> String {
        "a public key of P-256: PEM, or 65 bytes in hex that begin with 04".into()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        text(node)?.parse().map_err(|_| Mismatch::default())
    }
}
