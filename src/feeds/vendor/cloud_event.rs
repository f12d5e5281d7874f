//! CloudEvents 1.0 (<https://github.com/cloudevents/spec>): one event, or a batch. Source and id together are its identity.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::claim::Claim;
use super::read::{addresses, at, document, flat, hash, instant, needed, text};
use super::{Claims, Hearing};
use crate::feeds::forta_wire::Malformed;

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let parts = body.as_array().map_or_else(|| vec![body], |items| items.iter().collect());
    hearing.each(parts, |event| one(hearing, event))
}

fn one(hearing: &Hearing<'_>, event: &Value) -> Result<Claim, Malformed> {
    if !text(at(event, &["specversion"])).starts_with("1.") {
        return Err(Malformed::new("specversion is missing or is not 1.0"));
    }
    let source = needed(at(event, &["source"]), "source")?;
    let id = needed(at(event, &["id"]), "id")?;
    let decoded = encoded_data(event);
    let data = decoded.as_ref().unwrap_or_else(|| at(event, &["data"]));
    let first =
        |names: &[&str]| names.iter().map(|name| text(at(data, &[name]))).find(|text| !text.is_empty());
    let mut involved = addresses(at(event, &["subject"]));
    involved.extend(addresses(data));
    Ok(Claim {
        vendor: "cloudevents",
        id: format!("{source}|{id}"),
        rule: source,
        kind: needed(at(event, &["type"]), "type")?,
        severity: hearing.severity(at(data, &["severity"]), "data.severity")?,
        at: instant(at(event, &["time"])),
        network: first(&["chainId", "chain_id", "chain", "network"]),
        transaction: ["transactionHash", "txHash"].iter().find_map(|name| hash(at(data, &[name]))),
        addresses: involved,
        name: first(&["name", "title"]).unwrap_or_default(),
        description: first(&["description"]).unwrap_or_default(),
        metadata: data.as_object().map(|data| flat(data, "")).unwrap_or_default(),
        ..Claim::default()
    })
}

/// Data that stand in base64: JSON that a sender had as bytes.
fn encoded_data(event: &Value) -> Option<Value> {
    let bytes = STANDARD.decode(at(event, &["data_base64"]).as_str()?).ok()?;
    document(&bytes).ok()
}

/// The event of a request in binary mode: attributes in `ce-…` headers, `data` in the body. `None` where the request is
/// in structured mode.
pub fn from_headers(headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    headers.get("ce-specversion")?;
    let mut event = Map::new();
    for (name, value) in headers {
        if let (Some(attribute), Ok(value)) = (name.as_str().strip_prefix("ce-"), value.to_str()) {
            event.insert(attribute.to_owned(), Value::String(unescaped(value)));
        }
    }
    let data = serde_json::from_slice(body).unwrap_or(Value::Null);
    event.insert("data".to_owned(), data);
    Some(Value::Object(event).to_string().into_bytes())
}

/// The text of a header: what is no plain ASCII, and blanks, quotes and percent signs, may be written as `%` and two hex
/// digits a byte. What is no such triple stands for itself, and bytes that are no text as U+FFFD.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after
            .split_at_checked(2)
            .filter(|_| *first == b'%')
            .and_then(|(digits, after)| Some((*alloy::hex::decode(digits).ok()?.first()?, after)));
        let (byte, after) = byte.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_the_binding_writes_them() {
        for (written, meant) in [
            ("plain", "plain"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ("100%", "100%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
            ("%25%34%31", "%41"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(unescaped(written), meant, "{written}");
        }
    }
}
