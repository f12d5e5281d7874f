//! One safeguard at a time, switched off: the storyline it is for comes out wrong, and no other does.

use insta::assert_snapshot;

use super::*;

/// Puts an alert into the block that its chain has at that height, so that nothing but the safeguard stops it.
fn on_chain(alert: &mut Value) {
    let block = &alert["source"]["block"];
    let (chain, number) = (block["chainId"].as_u64().unwrap(), block["number"].as_u64().unwrap());
    alert["source"]["block"]["hash"] = json!(canonical(chain, number));
}

fn on_chain_id(alert: &mut Value, chain: u64) {
    alert["chainId"] = json!(chain);
    alert["source"]["block"]["chainId"] = json!(chain);
    on_chain(alert);
}

#[tokio::test]
async fn bloom_filters() {
    let trial = Trial::sample().alerts(|_, mut alert| {
        if alert["truncated"] == true {
            alert["addressBloomFilter"] = json!({ "k": "0x1", "m": "0x40", "bitset": "AAAAAAAAAEAAAAAAAAAAAQAAAAAAAAABAAAAAAAAAAA=" , "itemCount": 0 });
        }
        Some(alert)
    });
    assert_snapshot!(trial.run().await.difference(), @"-attack-truncated-0002 r2");
}

#[tokio::test]
async fn the_chain_in_every_key() {
    let trial = Trial::sample().storyline("nm-wrong-chain", |alert| on_chain_id(alert, 10));
    assert_snapshot!(trial.run().await.difference(), @"
    +nm-wrong-chain-0010 r1
    +nm-wrong-chain-0010 r2
    +nm-wrong-chain-0010 r4
    ");
}

#[tokio::test]
async fn whole_addresses() {
    let trial = Trial::sample().storyline("nm-lookalike", |alert| {
        let truth = truth();
        let storylines = truth["storylines"].as_array().unwrap();
        let story =
            storylines.iter().find(|s| s["id"].as_str().unwrap().starts_with("nm-lookalike")).unwrap();
        let (from, to) = (story["lookalike"].as_str().unwrap(), story["watched"].as_str().unwrap());
        *alert = serde_json::from_str(&alert.to_string().replace(from, to)).unwrap();
    });
    assert_snapshot!(trial.run().await.difference(), @"
    +nm-lookalike-0011 r1
    +nm-lookalike-0011 r2
    +nm-lookalike-0011 r4
    ");
}

#[tokio::test]
async fn addresses_in_any_case() {
    let of_case = |upper: bool| {
        Trial::sample().storyline("attack-", move |alert| {
            let addresses = alert["addresses"].as_array().cloned().unwrap_or_default();
            let changed = addresses.iter().map(|address| {
                let digits = address.as_str().unwrap().trim_start_matches("0x");
                format!("0x{}", if upper { digits.to_uppercase() } else { digits.to_lowercase() })
            });
            alert["addresses"] = changed.collect();
        })
    };
    assert_eq!(of_case(true).run().await.difference(), "");
    assert_eq!(of_case(false).run().await.difference(), "");
    // As whoever compares letters would see it: what is not written in lower case is nobody's.
    let compared = Trial::sample().storyline("attack-mixed-case", |alert| {
        let addresses = alert["addresses"].as_array().cloned().unwrap_or_default().into_iter();
        let kept = addresses.filter(|a| a.as_str().is_some_and(|a| a.to_lowercase() == a));
        alert["addresses"] = kept.collect();
    });
    assert_snapshot!(compared.run().await.difference(), @"-attack-mixed-case-0007 r2");
}

#[tokio::test]
async fn distinct_bots() {
    assert_snapshot!(Trial::sample().rule("r2", "bots = 3", "alerts = 3").run().await.difference(), @"+nm-same-bot-0012 r2");
}

#[tokio::test]
async fn distinct_alerts() {
    let same = Trial::sample().rule("r2", "bots = 3", "alerts = 3").only("nm-dup-only");
    assert!(same.run().await.fired().is_empty());
    let mut copy = 0_u64;
    let others =
        Trial::sample().rule("r2", "bots = 3", "alerts = 3").only("nm-dup-only").alerts(|_, mut alert| {
            copy += 1;
            alert["hash"] = json!(B256::from(alloy::primitives::U256::from(copy)));
            Some(alert)
        });
    assert_eq!(others.run().await.firings.len(), 1);
}

#[tokio::test]
async fn the_list_of_stages() {
    let open = "alert.bot in bots.funding || alert.bot in bots.preparation || alert.bot in bots.exploitation || alert.bot in bots.laundering";
    assert_snapshot!(Trial::sample().rule("r2", open, "true").run().await.difference(), @"+nm-two-of-three-0022 r2");
}

#[tokio::test]
async fn one_of_them_exploitation() {
    let trial = Trial::sample().storyline("attack-mixed-case", |alert| {
        if alert["severity"] == "HIGH" && alert["findingType"] == "EXPLOIT" {
            alert["severity"] = json!("MEDIUM");
        }
    });
    assert_snapshot!(trial.run().await.difference(), @"-attack-mixed-case-0007 r2");
}

#[tokio::test]
async fn the_window() {
    let wide = Trial::sample().rule("r2", "within = \"1h\"", "within = \"1h12s\"");
    assert_snapshot!(wide.run().await.difference(), @"+nm-window-edge-0024 r2");
    let wider = Trial::sample().rule("r4", "within = \"1h\"", "within = \"3h\"");
    assert_snapshot!(wider.run().await.difference(), @"+nm-window-0013 r4");
}

#[tokio::test]
async fn its_end_belongs_to_it() {
    let narrow = Trial::sample().rule("r2", "within = \"1h\"", "within = \"59m59s\"");
    assert_snapshot!(narrow.run().await.difference(), @"-attack-window-edge-0008 r2");
}

#[tokio::test]
async fn the_order_of_steps() {
    let trial = Trial::sample().storyline("nm-wrong-order", |alert| {
        if alert["alertId"] == "FLASHLOAN-ATTACK-WITH-HIGH-PROFIT" {
            let block = &mut alert["source"]["block"];
            // 30 minutes later, in blocks of two seconds.
            block["number"] = json!(block["number"].as_u64().unwrap() + 900);
            block["timestamp"] = json!("2024-01-01T19:43:14Z");
            on_chain(alert);
        }
    });
    assert_snapshot!(trial.run().await.difference(), @"+nm-wrong-order-0023 r4");
}

#[tokio::test]
async fn event_time_and_not_arrival() {
    for storyline in ["attack-full", "attack-no-detector", "attack-out-of-order", "attack-window-edge"] {
        let there = Trial::sample().only(storyline).run().await.fired();
        let back = Trial::sample().only(storyline).newest_first().run().await.fired();
        assert!(!there.is_empty());
        assert_eq!(there, back, "{storyline}");
    }
    // As whoever goes by arrival would see it: delivered newest first, the steps are in no order.
    let mut second = 0;
    let arrived = Trial::sample().storyline("attack-out-of-order", |alert| {
        second += 1;
        alert["source"]["block"]["timestamp"] = json!(format!("2024-01-01T02:58:{second:02}Z"));
    });
    assert_snapshot!(arrived.run().await.difference(), @"-attack-out-of-order-0005 r4");
}

#[tokio::test]
async fn retraction() {
    let rules = ["r1", "r2", "r3", "r4"];
    let trial = rules
        .into_iter()
        .fold(Trial::sample(), |trial, rule| trial.rule(rule, "retracted_by = \"attack_detector\"\n", ""));
    assert_snapshot!(trial.run().await.difference(), @"+nm-retracted-0015 r1");
}

#[tokio::test]
async fn a_stranger_cannot_retract() {
    let trial = Trial::sample().alerts(|_, mut alert| {
        if alert["alertId"] == "ATTACK-DETECTOR-FALSE-POSITIVE" {
            alert["source"]["bot"]["id"] = json!(B256::repeat_byte(0x66));
        }
        Some(alert)
    });
    assert_snapshot!(trial.run().await.difference(), @"+nm-retracted-0015 r1");
}

#[tokio::test]
async fn blocks_on_the_chain() {
    let trial = Trial::sample().storyline("nm-reorged", on_chain);
    assert_snapshot!(trial.run().await.difference(), @"+nm-reorged-0016 r2");
}

#[tokio::test]
async fn the_newest_block_of_a_hash() {
    // Without the second delivery, as if it had been dropped as a duplicate.
    let mut seen = BTreeSet::new();
    let trial = Trial::sample().alerts(|_, alert| {
        let first = seen.insert(alert["hash"].as_str().unwrap_or_default().to_owned());
        first.then_some(alert)
    });
    assert_snapshot!(trial.run().await.difference(), @"
    -attack-reincluded-0006 r2
    -attack-reincluded-0006 r4
    ");
}

#[tokio::test]
async fn trusted_bots() {
    let trial = Trial::sample().rule("r1", "alert.bot in bots.attack_detector\n&& ", "");
    assert_snapshot!(trial.run().await.difference(), @"+nm-spoofed-bot-0018 r1");
}

#[tokio::test]
async fn the_class_and_the_severity() {
    let classes = r#"["ATTACK-DETECTOR-1", "ATTACK-DETECTOR-2", "ATTACK-DETECTOR-3", "ATTACK-DETECTOR-7"]"#;
    let trial = Trial::sample().rule("r1", classes, "[alert.alert_id]");
    let loose = trial.rule("r1", "&& alert.severity >= CRITICAL", "");
    assert_snapshot!(loose.run().await.difference(), @"+nm-preparation-only-0025 r1");
}

#[tokio::test]
async fn the_greatest_age() {
    // A month later than everything else they are too old; by themselves they are as good as any.
    assert!(Trial::sample().run().await.summary.late > 0);
    assert_eq!(Trial::sample().only("nm-stale").run().await.fired().len(), 2);
}

#[tokio::test]
async fn maintenance() {
    assert_snapshot!(Trial::sample().without_maintenance().run().await.difference(), @"
    +nm-maintenance-0020 r2
    +nm-maintenance-0020 r4
    ");
}

#[tokio::test]
async fn the_victim_that_is_named() {
    let trial = Trial::sample().storyline("nm-infrastructure", |alert| {
        if let Some(metadata) = alert["metadata"].as_object_mut() {
            metadata.remove("address1");
        }
    });
    assert_snapshot!(trial.run().await.difference(), @"+nm-infrastructure-0026 r1");
}

#[tokio::test]
async fn a_heartbeat_that_is_a_little_late() {
    let silences =
        |outcome: Outcome| outcome.firings.iter().filter(|firing| firing.condition.as_str() == "r5").count();
    // The gap that is tolerable is not, one more beat missing.
    let gone = truth()["referenceRules"]["R5"]["nearMiss"]["resumed"].as_str().unwrap().to_owned();
    let longer = Trial::sample().alerts(|_, alert| {
        let beat = alert["alertId"] == "FORTA-HEARTBEAT" && alert["source"]["block"]["timestamp"] == gone;
        (!beat).then_some(alert)
    });
    assert_eq!(silences(longer.run().await), 2);
    // Patience hides the real one.
    assert_eq!(silences(Trial::sample().rule("r5", "intervals = 2.5", "intervals = 4.5").run().await), 0);
    // Nobody else's beat is one: the grace of the start goes by, and there was none.
    let spoofed = Trial::sample().rule("r5", "after = \"72h\"", "after = \"6h\"").alerts(|_, mut alert| {
        if alert["alertId"] == "FORTA-HEARTBEAT" {
            alert["source"]["bot"]["id"] = json!(B256::repeat_byte(0x66));
        }
        Some(alert)
    });
    assert_eq!(silences(spoofed.run().await), 1);
}
