//! One table for each safeguard whose absence would let an attack through or stop a protocol for nothing.

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::domain::alert::AddressBloom;

/// Changes made to the second of two alerts that would otherwise fire, and what then happens.
fn second(change: impl Fn(&mut Alert)) -> String {
    let mut changed = alert("0xh2", "0xb2", 60);
    change(&mut changed);
    story(&mut matcher(spec()), &[alert("0xh1", "0xa1", 0), changed])
}

#[test]
fn the_contract_is_chain_and_address() {
    let lookalike = address!("0x5FbDB2315678afecb367f032d93F642f64180aa4");
    assert_eq!(second(|_| {}), "eF");
    assert_eq!(second(|alert| alert.chain = ChainId(10)), "e.");
    assert_eq!(second(|alert| alert.addresses = vec![lookalike]), "e.");
    assert_eq!(second(|alert| alert.addresses.clear()), "e.");
    assert_eq!(second(|alert| alert.severity = AlertSeverity::High), "e.");
    assert_eq!(second(|alert| alert.bot = BotId::new("0xspoof")), "e.");
}

#[test]
fn addresses_are_bytes_whatever_their_case() {
    let upper: Address = "0x5FBDB2315678AFECB367F032D93F642F64180AA3".parse().unwrap();
    assert_eq!(second(|alert| alert.addresses = vec![upper]), "eF");
}

#[test]
fn corroboration_needs_different_bots_and_different_alerts() {
    let one_bot: Vec<Alert> = (0..4).map(|n| alert(&format!("0xh{n}"), "0xa1", n * 10)).collect();
    assert_eq!(story(&mut matcher(spec()), &one_bot), "e...");

    let one_alert = vec![alert("0xh", "0xa1", 0); 5];
    assert_eq!(story(&mut matcher(spec()), &one_alert), "e....");
    let observation = {
        let mut matcher = matcher(spec());
        matcher.restore(&one_alert[0], &Known::CANONICAL);
        matcher.observe(&one_alert[1], &Known::CANONICAL)
    };
    assert!(observation.repeated && observation.kept && observation.notes.is_empty());

    // Each alert in another bot's name, but with one hash: still one alert.
    let echoed = [alert("0xh", "0xa1", 0), alert("0xh", "0xb2", 0), alert("0xh", "0xc3", 0)];
    assert_eq!(story(&mut matcher(spec()), &echoed), "e..");
}

#[test]
fn the_window_is_inclusive_and_follows_event_time() {
    let table = [(0, 600, "eF"), (0, 601, "ee"), (600, 0, "eF"), (601, 0, "ee")];
    for (first, then, expected) in table {
        let alerts = [alert("0xh1", "0xa1", first), alert("0xh2", "0xb2", then)];
        assert_eq!(story(&mut matcher(spec()), &alerts), expected, "{first} then {then}");
    }
    // Sliding: neither end is a boundary of a clock.
    let alerts = [alert("0xh1", "0xa1", 599), alert("0xh2", "0xb2", 601)];
    assert_eq!(story(&mut matcher(spec()), &alerts), "eF");
    // Arrival and the feed's own time do not matter.
    let mut late_made = alert("0xh2", "0xb2", 60);
    late_made.created_at = at(80_000);
    assert_eq!(story(&mut matcher(spec()), &[alert("0xh1", "0xa1", 0), late_made]), "eF");
}

#[test]
fn an_older_alert_that_arrives_later_completes_a_window() {
    let three = ConditionSpec {
        count: Some(CountSpec { alerts: 3, bots: 3, feeds: 1, within: SignedDuration::from_mins(10) }),
        early: Early::Nothing,
        ..spec()
    };
    let alerts = [alert("0xh3", "0xc3", 600), alert("0xh1", "0xa1", 0), alert("0xh2", "0xb2", 300)];
    let mut matcher = matcher(three);
    assert_eq!(story(&mut matcher, &alerts[..2]), "..");
    let found = matcher.observe(&alerts[2], &Known::CANONICAL).matches;
    assert_eq!(
        found[0].alerts.iter().map(|hash| hash.0.as_str()).collect::<Vec<_>>(),
        ["0xh1", "0xh2", "0xh3"]
    );
    assert_eq!(found[0].at, at(600), "the newest event time, whichever alert completed it");
}

#[test]
fn a_reorg_puts_the_newest_block_in_place() {
    let first = alert("0xh1", "0xa1", 0);
    let far = alert("0xh2", "0xb2", 6_000);
    let mut again = alert("0xh2", "0xb2", 120);
    // The same alert in a newer block, of an earlier time: only then does it corroborate.
    again.block.as_mut().unwrap().number = far.block.as_ref().unwrap().number + 1;
    assert_eq!(story(&mut matcher(spec()), &[first.clone(), far.clone(), again.clone()]), "eeF");
    // An older block does not displace a newer one.
    assert_eq!(story(&mut matcher(spec()), &[first.clone(), again, far]), "eF.");

    // Moved out of the window, it no longer corroborates.
    let near = alert("0xh2", "0xb2", 60);
    let mut moved = alert("0xh2", "0xb2", 900);
    moved.block.as_mut().unwrap().number = near.block.as_ref().unwrap().number + 9;
    let third = ConditionSpec {
        count: Some(CountSpec { alerts: 3, bots: 3, feeds: 1, within: SignedDuration::from_mins(10) }),
        early: Early::Nothing,
        ..spec()
    };
    let last = alert("0xh3", "0xc3", 30);
    assert_eq!(story(&mut matcher(third.clone()), &[first.clone(), near.clone(), last.clone()]), "..F");
    assert_eq!(story(&mut matcher(third), &[first.clone(), near.clone(), moved, last]), "....");

    // What an alert has caused, it does not cause again from its new block.
    let mut fired_again = near.clone();
    fired_again.block.as_mut().unwrap().number += 1;
    assert_eq!(story(&mut matcher(spec()), &[first, near, fired_again]), "eF.");
}

#[test]
fn a_named_victim_is_the_only_victim() {
    let victim = |key: &str, value: &str| {
        let (key, value) = (key.to_owned(), json!(value));
        move |alert: &mut Alert| drop(alert.metadata.insert(key.clone(), value.clone()))
    };
    let other = "0x84d5ad6b4988f99ae4e14f4fad5cad29ae96994b";
    let ours = "0x5FBDB2315678afecb367f032d93f642f64180aa3".to_lowercase();
    for key in ["address1", "address12", "potential_victim", "potentialVictim"] {
        assert_eq!(second(victim(key, other)), "e.", "{key}");
        assert_eq!(second(victim(key, &ours)), "eF", "{key}");
        assert_eq!(second(victim(key, "SwapRouter")), "eF", "{key} names nobody");
    }
    // Not a victim's key: the reentrancy counter's own `address`.
    assert_eq!(second(victim("address", other)), "eF");
    // One of several victims.
    assert_eq!(
        second(|alert| {
            alert.metadata.insert("address1".to_owned(), json!(other));
            alert.metadata.insert("address2".to_owned(), json!(ours));
        }),
        "eF"
    );
    // The list that `addresses` was cut from.
    assert_eq!(
        second(|alert| {
            alert.addresses.clear();
            alert.metadata.insert("involvedAddresses7".to_owned(), json!(ours));
        }),
        "eF"
    );
}

/// A filter built by its definition: for i in 0..k, bit (h[i mod 2] + i·h[2 + ((i + i mod 2) mod 4) / 2]) mod m, with the
/// four hashes given, so that nothing here is shared with the code under test.
fn filter(k: u64, m: u64, members: &[[u64; 4]]) -> AddressBloom {
    let mut words = vec![0_u64; usize::try_from(m.div_ceil(64)).unwrap()];
    for h in members {
        for i in 0..k {
            let step = h[usize::try_from(2 + ((i + i % 2) % 4) / 2).unwrap()];
            let bit = h[usize::try_from(i % 2).unwrap()].wrapping_add(i.wrapping_mul(step)) % m;
            words[usize::try_from(bit / 64).unwrap()] |= 1 << (bit % 64);
        }
    }
    AddressBloom { k, m, words }
}

/// MurmurHash3 x64/128 of the vault's lower-case address, and of the same with 0x01 appended (mmh3, an independent
/// implementation); then the same for its EIP-55 form.
const LOWER: [u64; 4] =
    [0x8f0f_c92c_a554_245d, 0x1294_2b34_f727_3540, 0x3be0_b2b7_acb8_8a6c, 0xda37_d5b3_5c97_b794];
const CHECKSUMMED: [u64; 4] =
    [0xf8a1_9fd8_f8a3_50d3, 0xad2a_3cfe_eeda_2635, 0x5260_50db_9753_66bd, 0x0bd4_ffd3_8fe5_f35a];

#[test]
fn a_cut_address_survives_in_the_filter() {
    let stranger =
        [0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321, 0x1111_2222_3333_4444, 0x5555_6666_7777_8888];
    let cut = |bloom: Option<AddressBloom>, truncated: bool| {
        second(move |alert| {
            alert.addresses = vec![Address::repeat_byte(1)];
            alert.truncated = truncated;
            alert.bloom.clone_from(&bloom);
        })
    };
    assert_eq!(cut(Some(filter(10, 2157, &[stranger, LOWER])), true), "eF");
    assert_eq!(cut(Some(filter(10, 2157, &[CHECKSUMMED])), true), "eF");
    assert_eq!(cut(Some(filter(10, 2157, &[stranger])), true), "e.");
    assert_eq!(cut(Some(filter(10, 2157, &[LOWER])), false), "e.", "a full list needs no filter");

    for bloom in [None, Some(AddressBloom { k: 10, m: 2157, words: vec![0; 2] })] {
        let mut matcher = matcher(spec());
        let mut alert = alert("0xh", "0xa1", 0);
        (alert.addresses, alert.truncated, alert.bloom) = (Vec::new(), true, bloom);
        let observation = matcher.observe(&alert, &Known::CANONICAL);
        assert_eq!(
            observation.notes[0].why,
            Why::AddressesCut("vault".into()),
            "it is said, not taken for a no"
        );
        assert!(observation.matches.is_empty() && !observation.kept);
        assert_eq!(matcher.counters().next().unwrap().2.untold, 1);
    }
}

/// A filter of the synthetic corpus, made by the feed's own Python library, with 150 members.
#[test]
fn a_filter_of_the_feeds_own_library_is_read() {
    let bloom = AddressBloom {
        k: 10,
        m: 0x86d,
        words: vec![
            0x54ee_ec0c_7c80_dcc5,
            0x1328_e695_bcef_17b6,
            0xf1fa_c940_d98e_0d26,
            0xcb46_afc4_1f26_65c7,
            0x82b2_fca1_36d8_5e3c,
            0x44d2_51a0_1ccc_44ef,
            0x584c_e1a0_2861_6c3b,
            0x273d_fb4e_8834_ca35,
            0xc81a_7290_887f_b1a8,
            0xf42e_0fb9_a9b4_ac17,
            0x8a31_e5cd_74e1_bfca,
            0xfbe7_029d_d0d0_5ff9,
            0x2d9e_137a_0eb4_b30d,
            0x6f83_044c_1580_b9fc,
            0xbb61_6b2c_f0cf_6aaf,
            0xc95a_4fd5_60a0_6570,
            0xd35c_ef99_703f_262b,
            0x1bc8_2cd8_c5c3_fb13,
            0xc0b6_af82_e7fc_ba1c,
            0x9009_b0e2_29b9_08cf,
            0x08a3_1c21_f537_2978,
            0xf14b_afcd_3483_728c,
            0xc538_b5c6_fdc0_febf,
            0xad57_d83a_83f9_86d4,
            0xf0d4_26e0_047b_e6a0,
            0xc826_634f_2d1d_c36f,
            0x7f3c_77c8_33d6_9391,
            0x7458_f401_a78c_c7d4,
            0x2f96_a433_a078_44b7,
            0x40d2_eb34_0ee0_3b3c,
            0xa404_fc19_1683_d1b9,
            0x29ed_4066_1f70_8190,
            0x0f8f_97d8_effa_83a2,
            0x0000_07fd_774b_56ee,
        ],
    };
    let member = address!("0x2d51ffc6949603a44b426eed713e652dbad9d96d");
    assert_eq!(bloom_contains(&bloom, member), Ok(true));
    for last in 0..=20_u8 {
        let mut stranger = member;
        stranger.0[19] = last;
        assert_eq!(bloom_contains(&bloom, stranger), Ok(false), "{stranger}");
    }
}

#[test]
fn what_anybody_could_have_sent_only_pages() {
    let unsigned =
        |hash: &str, bot: &str, second: i64| Alert { authenticated: false, ..alert(hash, bot, second) };
    let mut matcher = matcher(spec());
    let forged = [unsigned("0xh1", "0xa1", 0), unsigned("0xh2", "0xb2", 10)];
    let pages: Vec<Match> =
        forged.iter().flat_map(|alert| matcher.observe(alert, &Known::CANONICAL).matches).collect();
    assert_eq!(
        pages.iter().map(|page| (page.response, page.early)).collect::<Vec<_>>(),
        [(Response::Page, true), (Response::Page, false)]
    );
    // They corroborate nothing, and their hashes and times block nothing, of what is authenticated.
    let mut matcher = super::matcher(spec());
    let forged =
        [unsigned("0xh1", "0xa1", 0), unsigned("0xh2", "0xb2", 900_000), unsigned("0xh3", "0xc3", 900_000)];
    assert_eq!(story(&mut matcher, &forged), "ee F".replace(' ', ""));
    assert_eq!(story(&mut matcher, &[alert("0xh1", "0xa1", 0), alert("0xh2", "0xb2", 10)]), "eF");
    assert!(
        matcher.holds(&AlertHash("0xh3".to_owned()), false)
            && !matcher.holds(&AlertHash("0xh3".to_owned()), true)
    );
}

#[test]
fn one_alert_prepares_only_if_critical_and_never_beyond_the_response() {
    let high_too = |respond, early| ConditionSpec {
        when: "alert.severity >= HIGH".to_owned(),
        respond,
        early,
        ..spec()
    };
    let table = [
        (Response::Propose, Early::WhenCritical, AlertSeverity::Critical, Some(Response::Prepare)),
        (Response::Page, Early::WhenCritical, AlertSeverity::Critical, Some(Response::Page)),
        (Response::Propose, Early::WhenCritical, AlertSeverity::High, None),
        (Response::Propose, Early::Nothing, AlertSeverity::Critical, None),
        (Response::Propose, Early::Respond(Response::Page), AlertSeverity::High, Some(Response::Page)),
    ];
    for (respond, early, severity, expected) in table {
        let mut matcher = matcher(high_too(respond, early));
        let found =
            matcher.observe(&Alert { severity, ..alert("0xh", "0xa1", 0) }, &Known::CANONICAL).matches;
        assert_eq!(found.first().map(|found| found.response), expected, "{respond} {early:?} {severity:?}");
    }
}

#[test]
fn a_match_is_told_in_our_words_only() {
    let long = |n: u8| format!("0x{}", format!("{n:02x}").repeat(32));
    let mut matcher = matcher(spec());
    let mut forged = alert("0xh3", "0xa1", 5_000);
    (forged.authenticated, forged.hash) = (false, AlertHash("[click](http://evil.example)".to_owned()));
    let said: Vec<String> = [alert(&long(1), "0xa1", 0), alert(&long(2), "0xb2", 60), forged]
        .iter()
        .flat_map(|alert| matcher.observe(alert, &Known::CANONICAL).matches)
        .map(|found| found.because)
        .collect();
    assert_snapshot!(said.join("\n"), @r#"
    1 alert about vault satisfies `when`, which `early` answers (2 alerts from 2 different bots within 10m would fire in full): 0x01010101…010101 (bot 0xa1)
    2 alerts from 2 bots about vault within 10m satisfy `count` (2 alerts from 2 different bots): 0x01010101…010101 (bot 0xa1), 0x02020202…020202 (bot 0xb2)
    1 alert about vault satisfies `when`, which `early` answers (2 alerts from 2 different bots within 10m would fire in full): an unprintable id (bot 0xa1); the feed is not authenticated, so this only pages
    "#);
}

/// Another vendor's bot is named, so that people know whom to ask; nothing of its name is more than a name.
#[test]
fn a_vendors_bot_is_named_and_its_name_is_no_more_than_that() {
    let long = "x:".to_owned() + &"y".repeat(100);
    let hostile = "grafana:\u{202e}<@U1> [pay](https://evil.example/x)\u{1b}[2J";
    let bots = ["alertmanager:tvl", "onchain-mon:core/vault 1.2", "chain:ethereum", hostile, &long, " "];
    let said: Vec<String> = bots
        .iter()
        .map(|bot| {
            let mut matcher = matcher(ConditionSpec { when: "true".to_owned(), count: None, ..spec() });
            let because =
                matcher.observe(&alert("0x1", bot, 0), &Known::CANONICAL).matches[0].because.clone();
            because.trim_start_matches("1 alert about vault satisfies `when`: 0x1 ").to_owned()
        })
        .collect();
    assert_snapshot!(said.join("\n"), @r"
    (bot alertmanager:tvl)
    (bot “onchain-mon:core/vault 1.2”)
    (bot chain:ethereum)
    (bot “grafana:\u{202e}\u{3c}\u{40}u1\u{3e} \u{5b}pay\u{5d}\u{28}https:\u{2f}\u{2f}evil\u{2e}example/x\u{29}\u{1b}\u{5b}2j”)
    (bot x:yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…)
    (bot an unprintable id)
    ");
}
