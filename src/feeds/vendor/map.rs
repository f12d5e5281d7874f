//! What is user-templated: the configuration says where in a body each field of an alert stands.

use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, at, flat, hash, instant, needed, text, whole};
use super::{Claims, Hearing};
use crate::domain::alert::{AlertBlock, FieldMap, Path};
use crate::feeds::forta_wire::Malformed;

fn of<'v>(path: &Path, value: &'v Value) -> &'v Value {
    let parts: Vec<&str> = path.parts().collect();
    at(value, &parts)
}

pub(super) fn read(hearing: &Hearing<'_>, map: &FieldMap, body: &Value) -> Claims {
    let whole_body = std::slice::from_ref(body);
    let items = match &map.items {
        None => whole_body,
        Some(path) => of(path, body)
            .as_array()
            .ok_or_else(|| Malformed::new(format!("{} is missing or is not a list", path)))?,
    };
    hearing.each(items, |item| one(hearing, map, item))
}

fn one(hearing: &Hearing<'_>, map: &FieldMap, item: &Value) -> Result<Claim, Malformed> {
    let maybe = |path: &Option<Path>| path.as_ref().map_or(&Value::Null, |path| of(path, item));
    let made = match &map.at {
        None => None,
        // A time that is promised and cannot be read is not taken for now: old claims would look new.
        Some(path) => {
            let read = instant(of(path, item));
            Some(read.ok_or_else(|| Malformed::new(format!("{} is no time", path)))?)
        }
    };
    let level = match &map.severity {
        None => None,
        Some(path) => {
            needed(of(path, item), &path.to_string())?;
            hearing.severity(of(path, item), &path.to_string())?
        }
    };
    let network = match &map.chain {
        None => None,
        Some(path) => Some(needed(of(path, item), &path.to_string())?),
    };
    let number = whole(maybe(&map.block));
    Ok(Claim {
        vendor: "map",
        id: needed(of(&map.id, item), &map.id.to_string())?,
        rule: format!("{}/{}", hearing.reading.feed, needed(of(&map.rule, item), &map.rule.to_string())?),
        kind: text(maybe(&map.alert_id)),
        severity: level,
        at: made,
        network,
        block: number.map(|number| AlertBlock {
            number,
            hash: hash(maybe(&map.block_hash)),
            timestamp: made.unwrap_or(hearing.received),
        }),
        transaction: hash(maybe(&map.transaction)),
        addresses: map.addresses.iter().flat_map(|path| addresses(of(path, item))).collect(),
        name: text(maybe(&map.name)),
        description: text(maybe(&map.description)),
        metadata: item.as_object().map(|item| flat(item, "")).unwrap_or_default(),
        ..Claim::default()
    })
}
