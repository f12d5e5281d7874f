//! All files together.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::domain::roster::{Coverage, coverage};

/// What the shipped examples ask for.
fn example_environment() -> Environment {
    [
        ("LINK_SECRET", "link"),
        ("RPC_A", "https://a.example.org"),
        ("RPC_B", "https://b.example.org"),
        ("RPC_C", "https://c.example.org"),
        ("SAFE_API_KEY", "safe"),
        ("FORTA_API_KEY", "forta"),
        ("MONITOR_SECRET", "monitor"),
        ("SLACK_WEBHOOK", "https://hooks.example.org/T/B/X"),
        ("PAGER_SECRET", "pager"),
    ]
    .into_iter()
    .collect()
}

fn example() -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/redhandle.toml");
    load(&path, &example_environment(), TODAY).unwrap()
}

#[test]
fn the_shipped_examples_are_right() {
    let config = example();
    assert_eq!(config.warnings, Problems::default());
    let runbook = &config.runbooks[&"pause-vault".into()];
    assert_eq!(runbook.title, "Pause the vault");
    assert_eq!((runbook.conditions.len(), runbook.actions.len(), runbook.recover.len()), (1, 1, 1));
    assert!(runbook.prose.contains("## Check"));
    let chain = &config.settings.chains[&"mainnet".into()];
    assert_eq!((chain.rpc.len(), chain.agree), (3, 2));
    assert_eq!(config.settings.policy, Some("default".into()));
    assert_eq!(config.settings.feeds.len(), 2);
}

/// The example promises that two keys are always on call: let it be so, in every week of two years.
#[test]
fn the_example_roster_covers_two_of_three_at_all_times() {
    let roster = example().roster;
    let owners: Vec<_> =
        roster.people.values().flat_map(|person| &person.keys).map(|key| key.address).collect();
    assert_eq!(owners.len(), 3);
    let mut at = "2026-01-20T00:00:00Z".parse().unwrap();
    for _ in 0..100 {
        let report = coverage(&owners, 2, &roster, at);
        assert!(matches!(report.state, Coverage::Exact | Coverage::Covered { .. }), "{at} {report:?}");
        assert!(roster.commander_at(at).is_some() && roster.communications_at(at).is_some(), "{at}");
        at = roster.next_change(at).unwrap();
    }
}

#[test]
fn what_is_right_is_read_as_it_was_meant() {
    let config = Files::right().load().unwrap();
    assert_eq!(Files::right().told(), "nothing is wrong");
    let roster = &config.roster;
    let at = |text: &str| text.parse().unwrap();
    assert_eq!(roster.on_call(at("2026-12-23T12:00:00Z")), ["ana".into()]);
    // 18:00 in New York is 23:00 UTC; the override is read in the rotation's zone, an hour before UTC.
    assert_eq!(roster.on_call(at("2026-12-24T16:59:59Z")), ["ana".into()]);
    assert_eq!(roster.on_call(at("2026-12-24T17:00:00Z")), []);
    assert_eq!(roster.on_call(at("2026-12-24T23:00:00Z")), ["ben".into()]);
    // A key that is valid from a day on is so from the first hour of that day where its holder lives.
    let key = &roster.people[&"ben".into()].keys[0];
    assert_eq!(key.from, Some(at("2026-01-15T05:00:00Z")));
    assert_eq!(roster.policies[&"default".into()].repeat, 2);
}

#[test]
fn every_problem_of_every_file_is_told_at_once() {
    let files = Files::right()
        .spoil("redhandle.toml", "address = \"0xf39", "adress = \"0xf39")
        .spoil("redhandle.toml", "kind = \"console\"", "kind = \"consol\"")
        .spoil("roster.toml", "zone = \"America/New_York\"", "zone = \"America/NewYork\"")
        .spoil("roster.toml", "rotation:primary", "rotation:primery")
        .spoil("runbooks/pause.md", "severity = \"emergency\"", "severity = \"emergancy\"")
        .spoil("runbooks/pause.md", "about = [\"vault\"]", "about = [\"valut\"]")
        .unset("FORTA_API_KEY");
    insta::assert_snapshot!(files.told(), @r#"
    redhandle.toml:11:1: missing key "address" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case
    redhandle.toml:13:1: unknown key "adress" in [contracts.vault]; expected one of abi, address, chain; did you mean "address"?
    redhandle.toml:34:7: the environment variable FORTA_API_KEY is not set ([feeds.key])
    redhandle.toml:42:8: kind = "consol" in [channels.console]; expected one of "console", "webhook", "slack"; did you mean "console"?
    roster.toml:9:8: zone = "America/NewYork" in [people.ben]; expected an IANA time zone, such as "Europe/Berlin"; did you mean "America/New_York"?
    roster.toml:20:13: no rotation is called "primery"; expected primary; did you mean "primary"?
    runbooks/pause.md:3:12: severity = "emergancy" in the front matter; expected one of "normal", "incident", "emergency"; did you mean "emergency"?
    runbooks/pause.md:12:10: no contract is called "valut"; expected vault; did you mean "vault"?
    "#);
}

#[test]
fn a_file_that_is_not_toml_does_not_hide_the_others() {
    let files = Files::right()
        .spoil("redhandle.toml", "id = 1\n", "id = = 1\n")
        .spoil("redhandle.toml", "[contracts.vault]", "[contracts.vault")
        .spoil("roster.toml", "name = \"Ana\"", "nam = \"Ana\"")
        .spoil("runbooks/pause.md", "owner = \"security\"", "ownr = \"security\"");
    insta::assert_snapshot!(files.told(), @r#"
    redhandle.toml:2:6: not TOML: extra `=`, expected nothing
    redhandle.toml:11:17: not TOML: unclosed table, expected `]`
    roster.toml:1:1: missing key "name" in [people.ana]; expected text in quotes, not empty
    roster.toml:2:1: unknown key "nam" in [people.ana]; expected one of channels, keys, name, skills, zone; did you mean "name"?
    runbooks/pause.md:1:1: missing key "owner" in the front matter; expected text in quotes, not empty
    runbooks/pause.md:4:1: unknown key "ownr" in the front matter; expected one of action, condition, declare, id, objective, owner, policy, recover, respond, reviewed, safe, severity; did you mean "owner"?
    "#);
    let files = Files::right()
        .spoil("roster.toml", "name = \"Ana\"", "name = Ana")
        .spoil("redhandle.toml", "abi = \"vault.json\"", "abi = \"valut.json\"")
        .spoil("runbooks/pause.md", "count = { alerts = 2,", "count = { alerts = 2");
    insta::assert_snapshot!(files.told(), @r#"
    redhandle.toml:14:7: the ABI valut.json cannot be read: No such file or directory (os error 2); expected a JSON list of functions and events, or a compiler's artifact with such a list as "abi"
    roster.toml:2:8: not TOML: string values must be quoted, expected literal string
    runbooks/pause.md:13:27: not TOML: extra assignment between key-value pairs, expected `,`
    "#);
    insta::assert_snapshot!(Files::right().spoil("roster.toml", "[people.ben]", "[people.ana]").told(), @r"
    roster.toml:7:9: not TOML: duplicate key
    roster.toml:8:1: not TOML: duplicate key
    roster.toml:9:1: not TOML: duplicate key
    roster.toml:10:1: not TOML: duplicate key
    roster.toml:11:1: not TOML: duplicate key
    ");
}

#[test]
fn missing_files_are_told_where_they_are_asked_for() {
    let told = [
        Files::right().without("roster.toml").told(),
        Files::right().without("runbooks/pause.md").told(),
        Files::right().without("vault.json").told(),
        Files::right().without("rpc-c").told(),
        Files::right().without("redhandle.toml").told(),
        Files::right()
            .spoil(
                "redhandle.toml",
                "[chains.mainnet]",
                "roster = \"r.toml\"\nrunbooks = [\"a.md\"]\n[chains.mainnet]",
            )
            .told(),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    redhandle.toml: the file roster.toml cannot be read: No such file or directory (os error 2)
    redhandle.toml: the file runbooks cannot be read: No such file or directory (os error 2)
    redhandle.toml:14:7: the ABI vault.json cannot be read: No such file or directory (os error 2); expected a JSON list of functions and events, or a compiler's artifact with such a list as "abi"
    redhandle.toml:3:52: the file rpc-c cannot be read: No such file or directory (os error 2) ([chains.mainnet.rpc])
    redhandle.toml: cannot be read: No such file or directory (os error 2)
    redhandle.toml:1:10: the file r.toml cannot be read: No such file or directory (os error 2)
    redhandle.toml:2:13: the file a.md cannot be read: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_policy_is_chosen_when_there_is_no_choice() {
    assert_eq!(Files::right().load().unwrap().settings.policy, Some("default".into()));
    let second = "\n[policies.quiet]\nsteps = [{ after = \"0m\", notify = \"on-call\" }]\n";
    let several = Files::right().add("roster.toml", second);
    let none = Files::right().spoil("roster.toml", "[policies.default]\nsteps", "[policies]\n[other]\nsteps");
    let unknown = Files::right().add("redhandle.toml", "\n[paging]\npolicy = \"defualt\"\n");
    insta::assert_snapshot!([several.told(), none.told(), unknown.told()].join("\n"), @r#"
    redhandle.toml: missing key "policy" in [paging]; expected one of default, quiet
    roster.toml: there is no escalation policy: a page would reach nobody; expected [policies.NAME] at least once
    roster.toml:35:2: unknown key "other" in the top level of the file; expected one of override, people, policies, roles, rotations, shift
    redhandle.toml:50:10: no escalation policy is called "defualt"; expected default; did you mean "default"?
    "#);
    let chosen =
        Files::right().add("roster.toml", second).add("redhandle.toml", "\n[paging]\npolicy = \"quiet\"\n");
    assert_eq!(chosen.load().unwrap().settings.policy, Some("quiet".into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is torn out of a file or put into it: it is read or every problem has a place, and nothing panics.
    #[test]
    fn no_damage_is_too_great_to_be_told(
        file in prop::sample::select(vec!["redhandle.toml", "roster.toml", "runbooks/pause.md", "vault.json"]),
        permille in 0_usize..1000,
        length in 0_usize..60,
        put in "[\\[\\]{}=\"'.,#+\\-0-9a-z \\n\u{e9}\u{0}]{0,12}",
    ) {
        let mut files = Files::right();
        let text: Vec<char> = files.texts[file].chars().collect();
        let from = text.len() * permille / 1000;
        let to = (from + length).min(text.len());
        let damaged = text[..from].iter().chain(&put.chars().collect::<Vec<_>>()).chain(&text[to..]).collect();
        files.texts.insert(file, damaged);
        if let Err(problems) = files.load() {
            prop_assert!(!problems.is_empty());
            for problem in problems.lines() {
                prop_assert!(files.texts.keys().any(|file| problem.starts_with(file)), "{problem}");
            }
        }
    }
}
