//! Alertmanager's webhook, version 4, and Grafana's, which has the same shape and more.
//!
//! Alertmanager groups: one alert is sent again with every change of its group. It is known by its fingerprint, when
//! it began and whether it fires. One that is resolved is information.

use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, addresses_within, at, flat, hash, instant, list, needed, object, text};
use super::{Claims, Hearing};
use crate::domain::alert::{AlertSeverity, Sender};
use crate::domain::condition::{StatePhase, write_state};
use crate::feeds::forta_wire::Malformed;

/// Labels that name the chain, the first that is there.
const CHAIN_LABELS: &[&str] = &["chain_id", "chainid", "chain", "network"];

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let vendor = if hearing.reading.sender == Sender::Grafana { "grafana" } else { "alertmanager" };
    let alerts = list(at(body, &["alerts"]), "alerts")?;
    hearing.each(alerts, |alert| one(hearing, vendor, alert))
}

fn one(hearing: &Hearing<'_>, vendor: &'static str, alert: &Value) -> Result<Claim, Malformed> {
    let labels = object(at(alert, &["labels"]), "labels")?;
    let label = |name: &str| labels.get(name).unwrap_or(&Value::Null);
    let rule = needed(label("alertname"), "labels.alertname")?;
    let status = needed(at(alert, &["status"]), "status")?;
    let fingerprint = needed(at(alert, &["fingerprint"]), "fingerprint")?;
    let began = needed(at(alert, &["startsAt"]), "startsAt")?;
    let told = hearing.severity(label("severity"), "labels.severity")?;
    let annotations = at(alert, &["annotations"]);
    let mut metadata = flat(labels, "");
    metadata.insert("status".to_owned(), Value::String(status.clone()));
    if let Some(annotations) = annotations.as_object() {
        metadata.extend(flat(annotations, "annotation."));
    }
    if let Some(values) = at(alert, &["values"]).as_object() {
        metadata.extend(flat(values, "value."));
    }
    write_state(
        &mut metadata,
        &fingerprint,
        if status == "resolved" { StatePhase::End } else { StatePhase::Begin },
    );
    let mut involved = addresses(at(alert, &["labels"]));
    involved.extend(addresses(annotations));
    // What is written for people names the contract as often as a label does.
    for said in annotations.as_object().into_iter().flat_map(|said| said.values()) {
        involved.extend(addresses_within(&text(said)));
    }
    let ended = if status == "resolved" { instant(at(alert, &["endsAt"])) } else { None };
    Ok(Claim {
        vendor,
        id: format!("{fingerprint}|{began}|{status}"),
        severity: if status == "resolved" { Some(AlertSeverity::Info) } else { told },
        at: ended.or_else(|| instant(at(alert, &["startsAt"]))),
        network: CHAIN_LABELS.iter().map(|name| text(label(name))).find(|chain| !chain.is_empty()),
        transaction: ["tx_hash", "transaction", "tx"].iter().find_map(|name| hash(label(name))),
        addresses: involved,
        name: text(at(annotations, &["summary"])),
        description: text(at(annotations, &["description"])),
        kind: rule.clone(),
        rule,
        metadata,
        ..Claim::default()
    })
}
