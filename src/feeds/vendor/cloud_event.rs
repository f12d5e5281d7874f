//! CloudEvents 1.0 (<https://github.com/cloudevents/spec>): one event, or a batch. Source and id together are its identity.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::claim::Claim;
use super::read::{addresses, at, flat, hash, instant, needed, severity, text};
use super::{Claims, Hearing};
use crate::feeds::forta_wire::Malformed;

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let parts = body.as_array().map_or_else(|| vec![body], |items| items.iter().collect());
    hearing.each(parts, one)
}

fn one(event: &Value) -> Result<Claim, Malformed> {
    if !text(at(event, &["specversion"])).starts_with("1.") {
        return Err(Malformed::new("specversion is missing or is not 1.0"));
    }
    let source = needed(at(event, &["source"]), "source")?;
    let id = needed(at(event, &["id"]), "id")?;
    let data = at(event, &["data"]);
    let first =
        |names: &[&str]| names.iter().map(|name| text(at(data, &[name]))).find(|text| !text.is_empty());
    let mut involved = addresses(at(event, &["subject"]));
    involved.extend(addresses(data));
    Ok(Claim {
        vendor: "cloudevents",
        id: format!("{source}|{id}"),
        rule: source,
        kind: needed(at(event, &["type"]), "type")?,
        severity: severity(at(data, &["severity"]), "data.severity")?,
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

/// The event of a request in binary mode: attributes in `ce-…` headers, `data` in the body. `None` where the request is
/// in structured mode.
pub fn from_headers(headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    headers.get("ce-specversion")?;
    let mut event = Map::new();
    for (name, value) in headers {
        if let (Some(attribute), Ok(value)) = (name.as_str().strip_prefix("ce-"), value.to_str()) {
            event.insert(attribute.to_owned(), Value::String(value.to_owned()));
        }
    }
    let data = serde_json::from_slice(body).unwrap_or(Value::Null);
    event.insert("data".to_owned(), data);
    Some(Value::Object(event).to_string().into_bytes())
}
