//! Bodies in the shapes that vendors' own documentation and sources give (what they say is made up), beyond the plainest one
//! of each: what an operator meets in the first week.

use serde_json::json;

use super::tests::{BLOCK, TX, VAULT, reading, told};
use super::*;

const OTHER: &str = "0x3333333333333333333333333333333333333333333333333333333333333333";

fn of(sender: Sender) -> Reading {
    Reading { chain: Some(ChainId(1)), ..reading(sender) }
}

#[test]
fn a_template_of_openzeppelin_monitor_tells_contract_and_transaction_in_its_text() {
    let title = "Vault triggered";
    let link = format!("Large transfer from {VAULT} | https://etherscan.io/tx/{TX}#eventlog");
    let several = format!("in {TX} and {OTHER}");
    let told = [
        told(&of(Sender::OpenZeppelinMonitor), &json!({ "title": title, "body": link })),
        told(&of(Sender::OpenZeppelinMonitor), &json!({ "title": title, "body": several })),
        told(&of(Sender::OpenZeppelinMonitor), &json!({ "Stellar": { "monitor": { "name": "x" } } })),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    openzeppelin-monitor:vault-triggered Vault triggered Medium chain 1 at 2024-01-01T00:00:00Z block 0 tx 0x1111 about 0x5fbd 
    openzeppelin-monitor:vault-triggered Vault triggered Medium chain 1 at 2024-01-01T00:00:00Z block 0 tx - about  
    no alert: it is a match on Stellar, and contracts here are on EVM chains
    ");
}

#[test]
fn what_pagerduty_tells_beside_incidents_is_information() {
    let event = |kind: &str, data: Value| {
        let body = json!({ "event": { "id": kind, "event_type": kind, "resource_type": "incident",
            "occurred_at": "2024-01-01T00:00:00.000Z", "agent": null, "client": null, "data": data } });
        let told = told(&of(Sender::PagerDuty), &body);
        let alert =
            &of(Sender::PagerDuty).read(body.to_string().as_bytes(), true, Timestamp::UNIX_EPOCH).unwrap();
        let state = alert[0].alert.as_ref().unwrap().metadata.get("state.id").cloned();
        format!("{told} state {}", state.unwrap_or_default())
    };
    let incident = |status: &str, priority: Value| {
        json!({ "id": "PT4KHLK", "type": "incident", "title": format!("Vault {VAULT} drains"), "status": status,
            "urgency": "low", "priority": priority, "service": { "id": "PF9KMXH", "summary": "Vault" } })
    };
    let about = json!({ "id": "PT4KHLK", "type": "incident_reference" });
    let told = [
        event("incident.triggered", incident("triggered", Value::Null)),
        event("incident.priority_updated", incident("triggered", json!({ "summary": "P1" }))),
        event("incident.priority_updated", incident("resolved", json!({ "summary": "P1" }))),
        event("incident.priority_updated", incident("triggered", Value::Null)),
        event(
            "incident.annotated",
            json!({ "incident": about, "id": "P2LA89X", "content": "x", "type": "incident_note" }),
        ),
        event("service.updated", json!({ "id": "PF9KMXH", "summary": "Vault", "type": "service" })),
        event("pagey.ping", json!({ "message": "Hello", "type": "ping" })),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    pagerduty:pf9kmxh incident.triggered Low chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd id,service,state.id,state.phase,status,title,type,urgency state "PT4KHLK"
    pagerduty:pf9kmxh incident.priority_updated Critical chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd id,service,state.id,state.phase,status,title,type,urgency state "PT4KHLK"
    pagerduty:pf9kmxh incident.priority_updated Info chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd id,service,state.id,state.phase,status,title,type,urgency state "PT4KHLK"
    pagerduty:pf9kmxh incident.priority_updated Info chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd id,service,state.id,state.phase,status,title,type,urgency state "PT4KHLK"
    pagerduty:incident_note incident.annotated Info chain 1 at 2024-01-01T00:00:00Z block 0 tx - about  content,id,service,state.id,state.phase,type state "PT4KHLK"
    pagerduty:service service.updated Info chain 1 at 2024-01-01T00:00:00Z block 0 tx - about  id,service,summary,type state null
    pagerduty:ping pagey.ping Info chain 1 at 2024-01-01T00:00:00Z block 0 tx - about  message,service,type state null
    "#);
}

fn alchemy(event: Value) -> String {
    let body = json!({ "webhookId": "wh_1", "id": "whevt_1", "createdAt": "2024-01-01T00:00:00.945953790Z",
        "type": "GRAPHQL", "event": event });
    told(&reading(Sender::Alchemy), &body)
}

#[test]
fn each_log_that_a_query_at_alchemy_found_is_judged_by_itself() {
    let log = |hash: &str| {
        json!({ "account": { "address": VAULT }, "topics": [OTHER], "index": 1,
            "transaction": { "hash": hash, "from": { "address": VAULT }, "to": null } })
    };
    let block = json!({ "hash": BLOCK, "number": 19, "timestamp": 1_704_067_199, "logs": [log(TX), log(OTHER)],
        "transactions": [{ "hash": TX, "to": { "address": VAULT } }] });
    let found = json!({ "network": "MATIC_MAINNET", "sequenceNumber": "1", "data": { "block": block } });
    insta::assert_snapshot!(alchemy(found), @r"
    alchemy:wh_1 GRAPHQL Medium chain 137 at 2023-12-31T23:59:59Z block 19 tx 0x1111 about 0x5fbd index
    alchemy:wh_1 GRAPHQL Medium chain 137 at 2023-12-31T23:59:59Z block 19 tx 0x3333 about 0x5fbd index
    alchemy:wh_1 GRAPHQL Medium chain 137 at 2023-12-31T23:59:59Z block 19 tx 0x1111 about 0x5fbd hash
    ");
}

#[test]
fn alchemy_tells_that_it_lives_that_it_does_not_and_what_was_taken_back() {
    // In a block in which nothing was found there is no network either.
    let nothing = json!({ "data": { "block": { "logs": [] } }, "sequenceNumber": "1" });
    let spent = json!({ "error": "capacity limit exceeded" });
    let removed = json!({ "network": "ETH_MAINNET", "activity": [{ "blockNum": "0x13", "hash": TX, "toAddress": VAULT,
        "log": { "address": VAULT, "blockHash": BLOCK, "removed": true } }] });
    let told = [alchemy(nothing), alchemy(spent), alchemy(removed)];
    insta::assert_snapshot!(told.join("\n"), @r"

    no alert: Alchemy sends an error in place of events (event.error): until that is mended there, it watches nothing
    alchemy:wh_1 GRAPHQL Info chain 1 at 2024-01-01T00:00:00.94595379Z block 19 tx 0x1111 about 0x5fbd blockNum,hash,toAddress
    ");
}

#[test]
fn quicknode_sends_lists_in_lists_beside_metadata() {
    let log = |hash: &str, removed: bool| {
        json!({ "address": VAULT, "blockHash": BLOCK, "blockNumber": "0x13", "blockTimestamp": "0x6592007f",
            "data": "0x", "logIndex": "0x1", "removed": removed, "topics": [OTHER], "transactionHash": hash })
    };
    let metadata =
        json!({ "network": "ethereum-mainnet", "dataset": "logs", "stream_id": "s", "blocks_reorged": null });
    let block = json!({ "number": "0x14", "hash": BLOCK, "parentHash": OTHER, "timestamp": "0x6592007f",
        "transactions": [{ "to": VAULT, "hash": TX }] });
    let quicknode = |body: Value| format!("{}\n", told(&reading(Sender::QuickNode), &body));
    let told = [
        quicknode(json!({ "data": [[log(TX, false)], [log(OTHER, true)]], "metadata": metadata })),
        quicknode(json!({ "data": [block], "metadata": metadata })),
        quicknode(json!({ "data": [{ "block": block, "receipts": [] }], "metadata": metadata })),
        quicknode(json!({ "data": [[]], "metadata": metadata })),
        quicknode(json!({ "data": null, "metadata": metadata })),
        quicknode(json!({ "trades": [log(TX, false)], "metadata": metadata })),
        quicknode(json!([[log(TX, false), 7]])),
    ];
    insta::assert_snapshot!(told.concat(), @r#"
    quicknode:own own Medium chain 1 at 2023-12-31T23:59:59Z block 19 tx 0x1111 about 0x5fbd address,blockHash,blockNumber,blockTimestamp,data,logIndex,removed,transactionHash
    quicknode:own own Info chain 1 at 2023-12-31T23:59:59Z block 19 tx 0x3333 about 0x5fbd address,blockHash,blockNumber,blockTimestamp,data,logIndex,removed,transactionHash
    quicknode:own own Medium chain 1 at 2023-12-31T23:59:59Z block 20 tx - about 0x5fbd hash,number,parentHash,timestamp
    quicknode:own own Medium chain 1 at 2023-12-31T23:59:59Z block 20 tx - about 0x5fbd 


    quicknode:own own Medium chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd 
    no alert: it names no chain; say which it is about with chain = "…" of the feed
    no alert: not an object
    "#);
}

#[test]
fn a_destination_is_tried_out_at_tenderly_without_a_transaction() {
    let test = |transaction: Value| {
        told(
            &reading(Sender::Tenderly),
            &json!({ "id": "t-1", "event_type": "TEST", "transaction": transaction }),
        )
    };
    assert_eq!(test(Value::Null), "");
    insta::assert_snapshot!(test(json!({ "network": "1", "hash": TX, "to": VAULT, "block_number": 0 })), @"tenderly:own TEST Info chain 1 at 2024-01-01T00:00:00Z block 0 tx 0x1111 about 0x5fbd block_number,hash,network,to");
}

#[test]
fn a_teams_own_word_for_a_severity_is_worth_what_the_configuration_says() {
    let alert = |severity: &str| {
        json!({ "alerts": [{ "status": "firing", "labels": { "alertname": "VaultDrain", "severity": severity, "chain": "eth" },
            "annotations": { "summary": format!("{VAULT} is drained") }, "startsAt": "2024-01-01T02:00:00.5+02:00",
            "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f1" }] })
    };
    let told =
        ["page", "PAGE", "ticket", "<b>"].map(|word| told(&reading(Sender::Alertmanager), &alert(word)));
    insta::assert_snapshot!(told.join("\n"), @r#"
    alertmanager:vaultdrain VaultDrain Critical chain 1 at 2024-01-01T00:00:00.5Z block 0 tx - about 0x5fbd alertname,annotation.summary,chain,severity,state.id,state.phase,status
    alertmanager:vaultdrain VaultDrain Critical chain 1 at 2024-01-01T00:00:00.5Z block 0 tx - about 0x5fbd alertname,annotation.summary,chain,severity,state.id,state.phase,status
    no alert: labels.severity is none of critical, high, medium, low, info, but "ticket"; say what it is worth in severities = { WORD = "high" } of the feed
    no alert: labels.severity is none of critical, high, medium, low, info; say what it is worth in severities = { WORD = "high" } of the feed
    "#);
}

#[test]
fn events_may_carry_their_data_in_base64() {
    let event = |data: &str| {
        told(
            &reading(Sender::CloudEvents),
            &json!({ "specversion": "1.0", "id": "1", "source": "/monitors", "type": "drain", "data_base64": data }),
        )
    };

    let data = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        json!({ "chainId": 1, "severity": "high", "contract": VAULT }).to_string(),
    );
    insta::assert_snapshot!([event(&data), event("?")].join("\n"), @r#"
    cloudevents:/monitors drain High chain 1 at 2024-01-01T00:00:00Z block 0 tx - about 0x5fbd chainId,contract,severity
    no alert: it names no chain; say which it is about with chain = "…" of the feed
    "#);
}
