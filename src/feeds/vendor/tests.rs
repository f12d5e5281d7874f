//! Bodies as vendors make them (their shapes; what they say is made up), and the same with something missing.

use serde_json::json;

use super::*;
use crate::domain::alert::FieldMap;

pub(super) const VAULT: &str = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
pub(super) const TX: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
pub(super) const BLOCK: &str = "0x2222222222222222222222222222222222222222222222222222222222222222";

pub(super) fn reading(sender: Sender) -> Reading {
    Reading {
        feed: FeedName::new("own"),
        sender,
        chain: None,
        severity: AlertSeverity::Medium,
        networks: Networks::new([("our-fork".to_owned(), ChainId(31_337))]),
        severities: Severities::new([("page".to_owned(), AlertSeverity::Critical)]),
    }
}

fn read(reading: &Reading, body: &Value) -> Vec<Result<Alert, String>> {
    let received = Timestamp::from_second(1_704_067_200).unwrap();
    match reading.read(body.to_string().as_bytes(), true, received) {
        Ok(parts) => parts.into_iter().map(|part| part.alert.map_err(|malformed| malformed.reason)).collect(),
        Err(malformed) => vec![Err(malformed.reason)],
    }
}

/// What matters of each alert, a line each.
pub(super) fn told(reading: &Reading, body: &Value) -> String {
    let lines = read(reading, body).into_iter().map(|read| match read {
        Ok(alert) => format!(
            "{} {} {:?} chain {} at {} block {} tx {} about {} {}",
            alert.bot,
            alert.alert_id,
            alert.severity,
            alert.chain.0,
            alert.event_time(),
            alert.block.map_or(0, |block| block.number),
            alert.transaction.map_or("-".to_owned(), |hash| hash.to_string()[..6].to_owned()),
            alert
                .addresses
                .iter()
                .map(|address| format!("{address:#x}")[..6].to_owned())
                .collect::<Vec<_>>()
                .join("+"),
            alert.metadata.keys().map(String::as_str).collect::<Vec<_>>().join(","),
        ),
        Err(reason) => format!("no alert: {reason}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn bodies() -> Vec<(Sender, Value)> {
    let insight = json!({
        "riskInsight": {
            "id": "ri-1", "chain": "ethereum", "name": "Drain", "category": "Security", "status": "Active",
            "timestamp": "2024-01-01T00:00:00Z", "severity": "High", "details": "funds leave", "riskTypeId": "R-19",
            "involvedAssets": [{ "address": VAULT, "type": "Contract" }], "txnHash": TX, "stage": "Start"
        },
        "customAgents": [{ "id": 7, "agentName": "vault balance", "severity": "High" }]
    });
    vec![
        (
            Sender::OpenZeppelinMonitor,
            json!({ "EVM": {
                "monitor": { "name": "Vault paused", "addresses": [{ "address": VAULT }] },
                "transaction": { "hash": TX, "blockNumber": "0x10", "from": VAULT, "to": VAULT },
                "receipt": {}, "logs": [], "network_slug": "ethereum_mainnet", "matched_on": {},
                "matched_on_args": { "functions": null, "events": [{
                    "signature": "Paused(address)", "hex_signature": "0x62e7",
                    "args": [{ "name": "account", "value": VAULT, "indexed": false, "kind": "address" }]
                }] }
            } }),
        ),
        (
            Sender::Defender,
            json!({ "events": [{
                "hash": TX, "timestamp": 1_704_067_100, "blockNumber": 17, "blockHash": BLOCK, "transaction": {},
                "matchReasons": [{ "type": "event", "signature": "Paused(address)", "params": { "account": VAULT } }],
                "matchedAddresses": [VAULT], "matchedChecksumAddresses": [VAULT],
                "monitor": { "id": "m-1", "name": "Vault", "network": "mainnet", "chainId": 1 }
            }] }),
        ),
        (Sender::Hypernative, json!({ "id": "x", "digitalSignature": "y", "data": insight.to_string() })),
        (
            Sender::Tenderly,
            json!({ "id": "t-1", "event_type": "ALERT", "transaction": {
                "network": "1", "block_hash": BLOCK, "block_number": 18, "hash": TX, "from": VAULT, "to": VAULT,
                "logs": [{ "address": VAULT, "topics": [TX], "data": "0x" }], "value": "0x0", "nonce": "0x1"
            } }),
        ),
        (Sender::Alertmanager, grouped()),
        (Sender::Grafana, grouped()),
        (
            Sender::PagerDuty,
            json!({ "event": {
                "id": "01EV", "event_type": "incident.triggered", "resource_type": "incident",
                "occurred_at": "2024-01-01T00:00:00.000Z", "agent": null, "client": null,
                "data": { "id": "PT4KHLK", "title": "Vault balance", "urgency": "high", "priority": { "summary": "P1" },
                          "service": { "id": "PF9KMXH", "summary": "Vault" }, "status": "triggered" }
            } }),
        ),
        (
            Sender::Alchemy,
            json!({ "webhookId": "wh_1", "id": "whevt_1", "createdAt": "2024-01-01T00:00:00Z", "type": "ADDRESS_ACTIVITY",
                "event": { "network": "ETH_MAINNET", "activity": [
                    { "blockNum": "0x13", "hash": TX, "fromAddress": VAULT, "toAddress": VAULT, "value": 293, "asset": "ETH" },
                    { "blockNum": "0x13", "hash": TX, "fromAddress": VAULT, "toAddress": VAULT, "value": 7, "asset": "USDC" }
                ] } }),
        ),
        (
            Sender::QuickNode,
            json!([{ "network": "ethereum-mainnet", "transactionHash": TX, "blockNumber": "0x14", "address": VAULT }]),
        ),
        (
            Sender::CloudEvents,
            json!({ "specversion": "1.0", "id": "A-1", "source": "/monitors/vault", "type": "vault.drain",
                "time": "2024-01-01T00:00:00Z", "subject": VAULT, "data": { "chainId": 1, "severity": "critical", "txHash": TX } }),
        ),
        (
            Sender::OnchainMon,
            json!({ "severity": "Critical", "alertId": "VAULT-PAUSED", "name": "n", "description": "d", "uniqueKey": "k-1",
                "blockTimestamp": 1_704_067_100, "blockNumber": 21, "findingBotTimestamp": 1_704_067_110, "txHash": TX,
                "botName": "vault", "team": "protocol" }),
        ),
    ]
}

fn grouped() -> Value {
    let alert = |status: &str, ends: &str| {
        json!({ "status": status, "labels": { "alertname": "VaultDrain", "severity": "critical", "chain_id": "1", "contract": VAULT },
            "annotations": { "summary": "assets fall" }, "startsAt": "2024-01-01T00:00:00Z", "endsAt": ends,
            "generatorURL": "", "fingerprint": "f1" })
    };
    json!({ "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "redhandle",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
        "alerts": [alert("firing", "0001-01-01T00:00:00Z"), alert("resolved", "2024-01-01T00:09:00Z")] })
}

#[test]
fn every_vendor_is_understood() {
    let told: Vec<String> = bodies()
        .into_iter()
        .map(|(sender, body)| {
            // onchain-mon watches one chain, and does not name it.
            let chain = (sender == Sender::OnchainMon).then_some(ChainId(1));
            told(&Reading { chain, ..reading(sender) }, &body)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    openzeppelin-monitor:vault-paused Paused(address) Medium chain 1 at 2024-01-01T00:00:00Z block 16 tx 0x1111 about 0x5fbd event,event.account
    defender:m-1 Paused(address) Medium chain 1 at 2023-12-31T23:58:20Z block 17 tx 0x1111 about 0x5fbd monitor.chainId,monitor.id,monitor.name,monitor.network,param.account
    hypernative:agent-7 R-19 High chain 1 at 2024-01-01T00:00:00Z block 0 tx 0x1111 about 0x5fbd agent.agentName,agent.id,agent.severity,category,chain,details,id,name,riskTypeId,severity,stage,state.id,state.phase,status,timestamp,txnHash
    tenderly:own ALERT Medium chain 1 at 2024-01-01T00:00:00Z block 18 tx 0x1111 about 0x5fbd block_hash,block_number,from,hash,network,nonce,to,value
    alertmanager:vaultdrain VaultDrain Critical chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd alertname,annotation.summary,chain_id,contract,severity,state.id,state.phase,status
    alertmanager:vaultdrain VaultDrain Info chain 1 at 2024-01-01T00:09:00Z block 0 tx - about 0x5fbd alertname,annotation.summary,chain_id,contract,severity,state.id,state.phase,status
    grafana:vaultdrain VaultDrain Critical chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd alertname,annotation.summary,chain_id,contract,severity,state.id,state.phase,status
    grafana:vaultdrain VaultDrain Info chain 1 at 2024-01-01T00:09:00Z block 0 tx - about 0x5fbd alertname,annotation.summary,chain_id,contract,severity,state.id,state.phase,status
    no alert: it names no chain; say which it is about with chain = "…" of the feed
    alchemy:wh_1 ADDRESS_ACTIVITY Medium chain 1 at 2024-01-01T00:00:00Z block 19 tx 0x1111 about 0x5fbd asset,blockNum,fromAddress,hash,toAddress,value
    alchemy:wh_1 ADDRESS_ACTIVITY Medium chain 1 at 2024-01-01T00:00:00Z block 19 tx 0x1111 about 0x5fbd asset,blockNum,fromAddress,hash,toAddress,value
    quicknode:own own Medium chain 1 at 2024-01-01T00:00:00Z block 20 tx 0x1111 about 0x5fbd address,blockNumber,network,transactionHash
    cloudevents:/monitors/vault vault.drain Critical chain 1 at 2024-01-01T00:00:00Z block 0 tx 0x1111 about 0x5fbd chainId,severity,txHash
    onchain-mon:protocol/vault VAULT-PAUSED Critical chain 1 at 2023-12-31T23:58:20Z block 21 tx 0x1111 about  alertId,blockNumber,blockTimestamp,botName,description,findingBotTimestamp,name,severity,team,txHash,uniqueKey
    "#);
}

#[test]
fn the_same_again_is_known_again_and_another_is_not() {
    for (sender, body) in bodies() {
        let reading = Reading { chain: Some(ChainId(1)), ..reading(sender) };
        let hashes = |body: &Value| -> Vec<_> {
            read(&reading, body).into_iter().map(|read| read.unwrap().hash).collect()
        };
        assert_eq!(hashes(&body), hashes(&body), "{:?}", reading.sender);
        let all: std::collections::BTreeSet<_> = hashes(&body).into_iter().collect();
        assert_eq!(all.len(), hashes(&body).len(), "{:?}: two in one body", reading.sender);
    }
}

#[test]
fn whatever_is_missing_it_is_told_and_never_guessed() {
    for (sender, body) in bodies() {
        let reading = reading(sender);
        // Every body without each of its outermost fields, and then something else altogether.
        let without =
            body.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        for key in without {
            let mut less = body.clone();
            less.as_object_mut().unwrap().remove(&key);
            for alert in read(&reading, &less).into_iter().flatten() {
                assert_ne!(alert.chain.0, 0, "{:?} without {key}", reading.sender);
            }
        }
        for other in [
            json!({}),
            json!([{}]),
            json!({ "alerts": 7 }),
            json!({ "event": [] }),
            json!({ "data": "{" }),
            json!({ "data": 7, "metadata": {} }),
        ] {
            assert!(read(&reading, &other).iter().all(Result::is_err), "{:?}: {other}", reading.sender);
        }
    }
}

#[test]
fn a_network_nobody_knows_makes_no_alert_and_one_of_the_configuration_does() {
    let (sender, mut body) = bodies().remove(3);
    body["transaction"]["network"] = json!("our-fork");
    assert_eq!(read(&reading(sender.clone()), &body)[0].as_ref().unwrap().chain, ChainId(31_337));
    body["transaction"]["network"] = json!("some-fork");
    insta::assert_snapshot!(told(&reading(sender), &body), @r#"no alert: its network "some-fork" is none we know; name it in networks = { NAME = "chain" } of the feed"#);
}

#[test]
fn a_map_says_where_each_field_stands() {
    let path = |text: &str| text.parse::<crate::domain::alert::Path>().unwrap();
    let map = FieldMap {
        items: Some(path("payload.findings")),
        id: path("uid"),
        rule: path("check.name"),
        alert_id: Some(path("check.code")),
        severity: Some(path("level")),
        at: Some(path("when")),
        chain: Some(path("net")),
        block: Some(path("block.height")),
        block_hash: Some(path("block.hash")),
        transaction: Some(path("tx")),
        addresses: vec![path("who"), path("where.0")],
        name: None,
        description: None,
    };
    let reading = reading(Sender::Map(Box::new(map)));
    let finding = json!({ "uid": 7, "check": { "name": "vault balance", "code": "VB-1" }, "level": "sev1", "net": "base",
        "when": 1_704_067_000_000_i64, "block": { "height": 9, "hash": BLOCK }, "tx": TX, "who": [VAULT], "where": [VAULT, TX],
        "huge": 18_446_744_073_709_551_616_f64 });
    let mut untimed = finding.clone();
    untimed["when"] = json!("yesterday");
    let mut mild = finding.clone();
    mild["level"] = json!("rather bad");
    let body = json!({ "payload": { "findings": [finding, untimed, mild, {}] } });
    insta::assert_snapshot!(told(&reading, &body), @r#"
    map:own/vault-balance VB-1 Critical chain 8453 at 2023-12-31T23:56:40Z block 9 tx 0x1111 about 0x5fbd level,net,tx,uid,when
    no alert: when is no time
    no alert: level is none of critical, high, medium, low, info, but "rather bad"; say what it is worth in severities = { WORD = "high" } of the feed
    no alert: when is no time
    "#);
}

#[test]
fn a_title_and_a_body_are_all_there_is_of_a_template() {
    let reading = Reading { chain: Some(ChainId(1)), ..reading(Sender::OpenZeppelinMonitor) };
    insta::assert_snapshot!(told(&reading, &json!({ "title": "Vault drained", "body": "in 0x11…" })), @"openzeppelin-monitor:vault-drained Vault drained Medium chain 1 at 2024-01-01T00:00:00Z block 0 tx - about");
}

#[test]
fn what_is_too_much_is_refused_whole() {
    let reading = reading(Sender::QuickNode);
    let many: Vec<Value> = (0..=VENDOR_ALERTS_MAX).map(|n| json!({ "n": n })).collect();
    assert_eq!(read(&reading, &json!(many)).len(), 1);
    let deep = "[".repeat(10_000);
    let reason = reading.read(deep.as_bytes(), true, Timestamp::UNIX_EPOCH).unwrap_err().reason;
    assert_eq!(reason, "nesting: over ALERT_DEPTH_MAX (64)");
}

/// `check` relies on it: a feed brings no bots that begin otherwise.
#[test]
fn every_bot_of_a_sender_begins_as_the_sender_says() {
    for (sender, body) in bodies() {
        let vendor = sender.vendor().map(|vendor| format!("{vendor}:"));
        let reading = Reading { chain: Some(ChainId(1)), ..reading(sender) };
        let read = read(&reading, &body);
        assert!(read.iter().any(Result::is_ok), "{:?}: {read:?}", reading.sender);
        for alert in read.into_iter().flatten() {
            let begins = vendor.as_ref().is_some_and(|vendor| alert.bot.as_str().starts_with(vendor));
            assert!(begins && alert.labels.is_empty(), "{:?} {}", reading.sender, alert.bot);
        }
    }
}
