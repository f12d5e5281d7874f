//! The sample as it is.

use super::*;

#[tokio::test]
async fn exactly_what_is_planted_fires() {
    let outcome = Trial::sample().run().await;
    assert_eq!(outcome.difference(), "");
    // Planned work is told, and goes no further.
    let lowered: Vec<_> = outcome.paged().into_iter().collect();
    let maintenance = "nm-maintenance-0020".to_owned();
    assert_eq!(lowered, [(maintenance.clone(), "r2".to_owned()), (maintenance, "r4".to_owned())]);
    let Summary { lines, alerts, malformed, fired, downgraded, unknown_blocks, .. } = outcome.summary;
    assert_eq!((lines, alerts, malformed, fired, downgraded), (1_000, 990, 10, 25, 2));
    assert_eq!(unknown_blocks, 0);
}

#[tokio::test]
async fn silence_is_told_once_between_the_last_beat_and_the_next() {
    let outcome = Trial::sample().run().await;
    let expected = &truth()["referenceRules"]["R5"]["expected"];
    let at = |key: &str| expected[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    let after = truth()["referenceRules"]["R5"]["absentAfterSeconds"].as_f64().unwrap();
    let silences: Vec<_> =
        outcome.firings.iter().filter(|firing| firing.condition.as_str() == "r5").collect();
    let [silence] = silences.as_slice() else { panic!("{silences:?}") };
    assert_eq!((silence.contract, silence.chain_id), (None, ChainId(1)));
    assert!(silence.at.duration_since(at("lastSeen")).as_secs_f64() > after && silence.at < at("resumed"));
    insta::assert_snapshot!(silence.because, @"no heartbeat for 1h 46m, and 1h 43m 7s would be the longest silence for `absent`; the last was 0x822b51aa…407d82");
}

#[tokio::test]
async fn malformed_lines_are_told_with_their_numbers() {
    let outcome = Trial::sample().run().await;
    let told: Vec<u64> = outcome.summary.malformed_lines.iter().map(|line| line.line).collect();
    let planted = truth()["malformedLines"].clone();
    let planted: Vec<u64> =
        planted.as_array().unwrap().iter().map(|line| line[0].as_u64().unwrap()).collect();
    assert_eq!(told, planted);
}

/// Unknown is not false: it pages, and goes no further. What sat in orphaned blocks pages then, too.
#[tokio::test]
async fn without_an_rpc_everything_pages_and_nothing_goes_further() {
    for rpc in [Rpc::Unset, Rpc::Dead] {
        let outcome = Trial::sample().rpc(rpc).run().await;
        assert_eq!(outcome.fired(), BTreeSet::new(), "{rpc:?}");
        let (paged, wanted) = (outcome.paged(), planted());
        assert!(paged.is_superset(&planted()), "{rpc:?}: {:?}", planted().difference(&paged));
        let more: BTreeSet<_> = paged.difference(&wanted).map(|(storyline, _)| storyline.as_str()).collect();
        assert_eq!(more, BTreeSet::from(["nm-maintenance-0020", "nm-reorged-0016"]), "{rpc:?}");
        assert!(outcome.summary.unknown_blocks > 0);
        let silence = outcome.firings.iter().find(|firing| firing.contract.is_none()).unwrap();
        assert_eq!(silence.downgraded, None, "silence speaks of no block");
    }
}

#[tokio::test]
async fn one_alert_has_its_story() {
    let hash = "0xd4df2b23e424a96badb56097073fdb3afd6ee0663b9090b0e827711af9e5b17a";
    let story = Trial::sample().why(Some(hash)).await.story.unwrap();
    assert_eq!(story.arrivals.iter().map(|arrival| arrival.line).collect::<Vec<_>>(), [93]);
    let told: Vec<String> = story.arrivals[0]
        .conditions
        .iter()
        .flat_map(|condition| condition.told.iter().map(|told| format!("{}: {told}", condition.condition)))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    r1: it is about watched-0; `when` does not hold: `alert.bot in bots.attack_detector` is false: its bot 0x55636f5577694c83b84b0687eb77863850c50bd9f6072686c8463a0cbc5566e0 is not in bots.attack_detector
    r2: it is about watched-0; `when` holds
    r3: it is about watched-0; `when` does not hold: `alert.bot in bots.asset_drain` is false: its bot 0x55636f5577694c83b84b0687eb77863850c50bd9f6072686c8463a0cbc5566e0 is not in bots.asset_drain
    r4: it is about watched-0; it may be step 3
    r5: it names none of this condition's contracts; `when` does not hold: `alert.bot in bots.heartbeat` is false: its bot 0x55636f5577694c83b84b0687eb77863850c50bd9f6072686c8463a0cbc5566e0 is not in bots.heartbeat
    ");
    let fired: Vec<_> = story.firings.iter().map(|firing| firing.condition.as_str()).collect();
    assert_eq!(fired, ["r4", "r2"]);
}

/// Delivered newest first, the oldest completes it; it happened when the newest did.
#[tokio::test]
async fn a_firing_is_of_the_newest_of_its_alerts() {
    for storyline in ["attack-full", "attack-window-edge"] {
        let there = Trial::sample().only(storyline).run().await.firings;
        let back = Trial::sample().only(storyline).newest_first().run().await.firings;
        let of = |firings: &[Firing]| {
            let counted = firings.iter().filter(|firing| firing.alerts.len() > 1);
            counted.map(|firing| (firing.condition.clone(), firing.at)).collect::<BTreeSet<_>>()
        };
        assert!(!of(&there).is_empty());
        assert_eq!(of(&there), of(&back), "{storyline}");
    }
}

#[tokio::test]
async fn what_was_discarded_says_why() {
    let table = [
        ("nm-reorged", "discarded: its block is not on the chain"),
        ("nm-retracted", "was retracted"),
        ("nm-stale", "before the newest event"),
    ];
    for (storyline, wanted) in table {
        let hashes = hashes_of(storyline);
        let mut found = false;
        for hash in hashes {
            let story = Trial::sample().why(Some(&hash)).await.story.unwrap();
            assert!(story.firings.is_empty(), "{storyline}");
            let mut told =
                story.arrivals.iter().flat_map(|arrival| &arrival.conditions).flat_map(|c| &c.told);
            found |= told.any(|told| told.contains(wanted));
            if found {
                break;
            }
        }
        assert!(found, "{storyline}");
    }
}

#[tokio::test]
async fn what_is_about_no_contract_says_why() {
    for (storyline, wanted) in [
        ("nm-wrong-chain", "has such an address, and is on another chain"),
        ("nm-wrong-chain", "it is of a chain that none of this condition's contracts is on"),
        ("nm-infrastructure", "says that another is the victim"),
        ("nm-unwatched", "it names none of this condition's contracts;"),
        ("nm-lookalike", "it names none of this condition's contracts;"),
    ] {
        let mut told = Vec::new();
        for hash in hashes_of(storyline) {
            let story = Trial::sample().why(Some(&hash)).await.story.unwrap();
            assert!(story.firings.is_empty(), "{storyline}");
            let conditions = story.arrivals.into_iter().flat_map(|arrival| arrival.conditions);
            told.extend(conditions.flat_map(|condition| condition.told));
        }
        assert!(told.iter().any(|told| told.contains(wanted)), "{storyline}: {told:?}");
    }
}

/// It fired before it was retracted, and whoever is asked to sign must be told.
#[tokio::test]
async fn a_later_retraction_reaches_what_has_fired() {
    let outcome = Trial::sample().run().await;
    let hashes = hashes_of("attack-later-retracted");
    let told: BTreeSet<&str> = outcome
        .summary
        .withdrawn
        .iter()
        .filter(|withdrawal| withdrawal.alerts.iter().any(|hash| hashes.contains(&hash.0)))
        .map(|withdrawal| withdrawal.condition.as_str())
        .collect();
    assert_eq!(told, BTreeSet::from(["r1", "r2", "r4"]));
}
