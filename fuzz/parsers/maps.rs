//! What is user-templated: paths to the fields of an alert, and a body that they are read from.

use jiff::Timestamp;
use redhandle::domain::alert::{
    Alert, AlertSeverity, FieldMap, PATH_CHARS_MAX, PATH_PARTS_MAX, Path, Sender,
};
use redhandle::domain::names::{ChainId, FeedName};
use redhandle::feeds::forta_wire::Malformed;
use redhandle::feeds::vendor::{Networks, Reading, Severities, VENDOR_ALERTS_MAX};
use serde_json::{Value, json};

use super::alerts::accepted;
use super::is_a_reason;

/// Where the fields stand, by their keys in the configuration.
#[derive(Clone, Default)]
struct Paths {
    items: Option<Path>,
    id: Option<Path>,
    rule: Option<Path>,
    others: [Option<Path>; 9],
    addresses: Vec<Path>,
}

const OTHERS: [&str; 9] =
    ["alert_id", "severity", "at", "chain", "block", "block_hash", "transaction", "name", "description"];

impl Paths {
    fn of(head: &str) -> Option<Self> {
        let mut paths = Self::default();
        for line in head.lines() {
            let Some((key, text)) = line.split_once('=') else { continue };
            let Ok(path) = text.parse::<Path>() else {
                let parts = text.split('.').count();
                let odd = text.contains(char::is_control) || text.chars().count() > PATH_CHARS_MAX;
                assert!(odd || text.split('.').any(str::is_empty) || parts > PATH_PARTS_MAX, "{text:?}");
                continue;
            };
            assert_eq!(path.to_string(), text, "a path that comes back as another");
            match key {
                "items" => paths.items = Some(path),
                "id" => paths.id = Some(path),
                "rule" => paths.rule = Some(path),
                "addresses" if paths.addresses.len() < 8 => paths.addresses.push(path),
                key => {
                    let place = OTHERS.iter().position(|other| *other == key)?;
                    paths.others[place] = Some(path);
                }
            }
        }
        (paths.id.is_some() && paths.rule.is_some()).then_some(paths)
    }

    /// The same fields one object further in; `None` where that is too deep for a path.
    fn below(&self, key: &str) -> Option<Self> {
        let deeper = |path: &Path| format!("{key}.{path}").parse::<Path>().ok();
        let each = |path: &Option<Path>| match path {
            Some(path) => deeper(path).map(Some),
            None => Some(None),
        };
        let mut others = self.others.clone();
        for other in &mut others {
            *other = each(other)?;
        }
        Some(Self {
            items: None,
            id: each(&self.id)?,
            rule: each(&self.rule)?,
            others,
            addresses: self.addresses.iter().map(deeper).collect::<Option<_>>()?,
        })
    }

    fn map(self) -> FieldMap {
        let [alert_id, severity, at, chain, block, block_hash, transaction, name, description] = self.others;
        FieldMap {
            items: self.items,
            id: self.id.expect("it was there"),
            rule: self.rule.expect("it was there"),
            alert_id,
            severity,
            at,
            chain,
            block,
            block_hash,
            transaction,
            addresses: self.addresses,
            name,
            description,
        }
    }
}

fn read(paths: Paths, body: &[u8]) -> Result<Vec<Result<Alert, Malformed>>, Malformed> {
    let reading = Reading {
        feed: FeedName::from("fuzz"),
        sender: Sender::Map(Box::new(paths.map())),
        chain: Some(ChainId(1)),
        severity: AlertSeverity::Medium,
        networks: Networks::new([("our-fork".to_owned(), ChainId(7))]),
        severities: Severities::default(),
    };
    let parts = reading.read(body, false, Timestamp::UNIX_EPOCH)?;
    Ok(parts.into_iter().map(|part| part.alert).collect())
}

/// What must be the same wherever a claim stands; other metadata are those of the object it stands in.
fn bare(one: &Result<Alert, Malformed>) -> Option<Alert> {
    let mut alert = one.clone().ok()?;
    alert.metadata.clear();
    Some(alert)
}

/// Lines `field=path`, an empty line, a body.
pub fn map(data: &[u8]) {
    let cut = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (head, body) = data.split_at(cut);
    let body = body.get(2..).unwrap_or_default();
    let Some(paths) = std::str::from_utf8(head).ok().and_then(Paths::of) else { return };
    let parts = match read(paths.clone(), body) {
        Ok(parts) => parts,
        Err(malformed) => return is_a_reason(&malformed.reason),
    };
    assert!(parts.len() <= VENDOR_ALERTS_MAX);
    for part in &parts {
        match part {
            Ok(alert) => {
                assert!(alert.bot.as_str().starts_with("map:fuzz/"), "{}", alert.bot);
                accepted(alert);
            }
            Err(malformed) => is_a_reason(&malformed.reason),
        }
    }
    let whole: Value = serde_json::from_slice(body).expect("what was read is JSON");
    let one_by_one: Vec<&Value> = match &paths.items {
        None => vec![&whole],
        Some(path) => list(&whole, path),
    };
    assert_eq!(one_by_one.len(), parts.len(), "a list's items are its alerts");
    let alone = Paths { items: None, ..paths };
    for (value, part) in one_by_one.into_iter().zip(&parts).take(3) {
        // Alone it says the same, where alone it is a document at all; and one object further in as well.
        let text = value.to_string();
        if let Ok(read) = read(alone.clone(), text.as_bytes()) {
            assert_eq!(read.iter().map(bare).collect::<Vec<_>>(), [bare(part)], "alone it is another");
        }
        if let Some(below) = alone.below("within") {
            let text = json!({ "within": value }).to_string();
            if let Ok(read) = read(below, text.as_bytes()) {
                assert_eq!(read.iter().map(bare).collect::<Vec<_>>(), [bare(part)], "within it is another");
            }
        }
    }
}

/// The list at a path, found as JSON Pointer finds it (RFC 6901).
fn list<'v>(value: &'v Value, path: &Path) -> Vec<&'v Value> {
    let pointer: String =
        path.parts().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
    let found = value.pointer(&pointer).and_then(Value::as_array).expect("a list was read there");
    found.iter().collect()
}
