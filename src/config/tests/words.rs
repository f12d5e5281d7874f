//! Lists, macros, vendors, groups and states, and every example of the page about conditions.

use insta::assert_snapshot;

use super::*;
use crate::domain::condition::{Distinct, DistinctSpec, GroupBy, ListItems};

const LISTS: &str = "\n[lists]\nids = [\"A\", \"B\"]\nchains = [1, 10]\n";

/// The settings with these lines at their end.
fn settings(lines: &str) -> String {
    Files::right().add("redhandle.toml", lines).told()
}

#[test]
fn words_reach_conditions() {
    let words = format!(
        "{LISTS}\n[macros]\ncritical = 'alert.severity >= CRITICAL && alert.alert_id in lists.ids'\n"
    );
    let files = Files::right().add("redhandle.toml", &words);
    let files = files.spoil(
        "runbooks/pause.md",
        "'alert.severity >= CRITICAL'",
        "'critical && alert.chain in lists.chains'",
    );
    let files = files.spoil("redhandle.toml", "kind = \"forta\"\n", "kind = \"forta\"\nvendor = \"Acme\"\n");
    let config = files.load().unwrap();
    let settings = &config.settings;
    assert_eq!(settings.lists["chains"], ListItems::Numbers(vec![1, 10]));
    assert_eq!(settings.lists["ids"], ListItems::Texts(vec!["A".to_owned(), "B".to_owned()]));
    assert_eq!(settings.vendors[&"forta".into()], "acme");
    // Anything in Forta's words may be posted to it, whatever its bots are called.
    assert_eq!(settings.vendors[&"own".into()], "forta");
    let compiled = crate::domain::condition::Condition::compile_with(
        config.runbooks[&"pause".into()].conditions[0].clone(),
        settings.words(),
        &settings.contracts,
    )
    .unwrap();
    assert_snapshot!(crate::domain::condition::explain(&compiled), @r#"pages, prepares and proposes when 2 alerts from 2 different bots, each with critical && alert.chain in lists.chains, about vault, fall within 10m; one such alert alone, if CRITICAL, pages and prepares; critical is alert.severity >= CRITICAL && alert.alert_id in lists.ids; lists.chains is 1, 10; lists.ids is "A", "B""#);
}

#[test]
fn wrong_words_are_told_where_they_are_written() {
    let said: Vec<String> = [
        "\n[lists]\nids = []\n",
        "\n[lists]\nids = [\"A\", 5]\n",
        "\n[lists]\nids = [\"\", -1, 2.5]\n",
        "\n[lists]\n\"drain-ids\" = [\"A\"]\n",
        "\n[macros]\nhigh = 'alert.severity >= HIHG'\n",
        "\n[macros]\nhigh = ['true', 'false']\nalert = 'true'\n2nd = 'true'\n",
        "\n[macros]\na = 'b'\nb = 'a'\n",
        "\n[macros]\nnever = 'alert.severity > HIGH && alert.severity < LOW'\n",
        "\n[macros]\nids = 'alert.alert_id in lists.ids'\n",
    ]
    .map(|lines| {
        format!("{}\n  {}", lines.trim().replace('\n', " ⏎ "), settings(lines).replace('\n', "\n  "))
    })
    .to_vec();
    assert_snapshot!(said.join("\n"), @r#"
    [lists] ⏎ ids = []
      redhandle.toml:50:7: the list "ids" in [lists] has 0 items; expected from 1 to 10000
    [lists] ⏎ ids = ["A", 5]
      redhandle.toml:50:13: the list "ids" in [lists] holds texts and numbers; expected items of one kind
    [lists] ⏎ ids = ["", -1, 2.5]
      redhandle.toml:50:7: the list "ids" in [lists] has 0 items; expected from 1 to 10000
      redhandle.toml:50:8: ids = "" in [lists]; expected text in quotes, not empty, or a whole number
      redhandle.toml:50:12: ids = -1 in [lists]; expected text in quotes, not empty, or a whole number
      redhandle.toml:50:16: ids = 2.5 in [lists]; expected text in quotes, not empty, or a whole number
    [lists] ⏎ "drain-ids" = ["A"]
      redhandle.toml:50:15: the name "drain-ids" in [lists]; expected letters, digits and _, a letter first; conditions spell it, and would take - for a minus
    [macros] ⏎ high = 'alert.severity >= HIHG'
      redhandle.toml:50:8: the macro "high" in [macros], at character 19: unknown name "HIHG"; did you mean "HIGH"?
    [macros] ⏎ high = ['true', 'false'] ⏎ alert = 'true' ⏎ 2nd = 'true'
      redhandle.toml:50:8: the macro "high" in [macros] is a list; expected one condition in quotes
      redhandle.toml:51:9: the macro "alert" in [macros]: "alert" has a meaning already; call the macro something else
      redhandle.toml:52:7: the name "2nd" in [macros]; expected letters, digits and _, a letter first; conditions spell it, and would take - for a minus
    [macros] ⏎ a = 'b' ⏎ b = 'a'
      redhandle.toml:50:5: the macro "a" in [macros], at character 1: the macro "b" uses itself: b uses a uses b
      redhandle.toml:51:5: the macro "b" in [macros], at character 1: the macro "b" uses itself: b uses a uses b
    [macros] ⏎ never = 'alert.severity > HIGH && alert.severity < LOW'
      redhandle.toml:50:9: the macro "never" in [macros]: it can never be true: alert.severity cannot be CRITICAL and also at most INFO
    [macros] ⏎ ids = 'alert.alert_id in lists.ids'
      redhandle.toml:50:7: the macro "ids" in [macros], at character 25: there is no list "ids" in [lists]; there is none at all
    "#);
}

/// What the configured feeds cannot bring is told with its place, and a feed that is broken is told alone.
#[test]
fn conditions_wait_only_for_what_the_feeds_bring() {
    let when = "when = 'alert.severity >= CRITICAL'";
    let count = "bots = 2,";
    assert_snapshot!(table("runbooks/pause.md", &[
        (when, "when = 'alert.feed == \"ofta\"'"),
        (when, "when = 'alert.feed == \"forta\"'"),
        (when, "when = 'alert.feed == \"forta\" && alert.bot == \"0x0e82982faa7878af3fad8ddf5042762a3b78d8949da2e301f1adfedc973f25ea\"'"),
        (count, "feeds = 3,"),
        (count, "vendors = 2,"),
        (count, "feeds = 2, bots = 2, entities = 4,"),
    ]), @r#"
    when = 'alert.feed == "ofta"'
      runbooks/pause.md:11:8: when: it can never be true: alert.feed is to be "ofta", and no feed is called so; did you mean "forta"?
    when = 'alert.feed == "forta"'
      runbooks/pause.md:13:9: count: bots = 2 can never be met: the feeds bring such alerts of 1 bot
    when = 'alert.feed == "forta" && alert.bot == "0x0e82982faa7878af3fad8ddf5042762a3b78d8949da2e301f1adfedc973f25ea"'
      runbooks/pause.md:13:9: count: 2 different bots are asked for, and `when` admits only 1: it can never be met
    feeds = 3,
      runbooks/pause.md:13:9: count: feeds = 3 can never be met: such alerts come from 2 feeds, forta and own
      runbooks/pause.md:13:9: count: feeds = 3 is more than alerts = 2, and each alert comes from one feed
    vendors = 2,
      runbooks/pause.md:13:9: count: vendors = 2 can never be met: the feeds that bring such alerts are of 1 vendor, forta
    feeds = 2, bots = 2, entities = 4,
      nothing is wrong
    "#);
    let broken = Files::right().spoil("redhandle.toml", "kind = \"forta\"", "kind = \"frota\"");
    let told = broken.spoil("runbooks/pause.md", count, "vendors = 2,").told();
    assert_snapshot!(told, @r#"redhandle.toml:33:8: kind = "frota" in [[feeds]]; expected one of "forta", "jsonl", "webhook", "nats", "chain"; did you mean "forta"?"#);
}

#[test]
fn what_must_differ_groups_and_states_are_read() {
    let count = "count = { alerts = 2, bots = 2, within = \"10m\" }";
    let wide =
        "count = { attackers = 3, vendors = 2, within = \"10m\" }\ngroup = [\"contract\", \"transaction\"]";
    let two =
        Files::right().spoil("redhandle.toml", "kind = \"forta\"\n", "kind = \"forta\"\nvendor = \"acme\"\n");
    let config = two.spoil("runbooks/pause.md", count, wide).load().unwrap();
    let condition = &config.runbooks[&"pause".into()].conditions[0];
    assert_eq!(condition.count.map(|count| (count.alerts, count.bots)), Some((3, 1)));
    let wants = [(Distinct::Vendors, 2), (Distinct::Attackers, 3)];
    assert_eq!(condition.distinct, wants.map(|(of, at_least)| DistinctSpec { of, at_least }));
    assert_eq!(condition.group, [GroupBy::Contract, GroupBy::Transaction]);
    let config = Files::right().spoil("runbooks/pause.md", count, "for = \"15m\"").load().unwrap();
    let lasting = config.runbooks[&"pause".into()].conditions[0].lasting;
    assert_eq!(lasting.map(|lasting| lasting.as_mins()), Some(15));
    assert_snapshot!(table("runbooks/pause.md", &[
        (count, "count = { bots = 2, within = \"10m\" }\ngroup = [\"atacker\"]"),
        (count, "count = { bots = 2, within = \"10m\" }\ngroup = []"),
        (count, "group = \"chain\""),
        (count, "count = { contracts = 2, within = \"10m\" }"),
        (count, "count = { bots = 2, within = \"25h\" }"),
        (count, "for = \"11d\""),
        (count, "for = \"1h\"\ncount = { bots = 2, within = \"10m\" }"),
        ("when = 'alert.severity >= CRITICAL'", "for = \"1h\"\nwhen = 'alert.bot == \"0x01\"'"),
        ("when = 'alert.severity >= CRITICAL'", "when = 'alert.severity >= CRITICAL && alert.chain == 8453'"),
        ("when = 'alert.severity >= CRITICAL'", "when = 'critical'"),
    ]), @r#"
    count = { bots = 2, within = "10m" } ⏎ group = ["atacker"]
      runbooks/pause.md:14:10: group by "atacker" in [[condition]]; expected some of chain, contract, attacker, transaction; did you mean "attacker"?
    count = { bots = 2, within = "10m" } ⏎ group = []
      runbooks/pause.md:14:9: group = [] in [[condition]]; expected at least one
    group = "chain"
      runbooks/pause.md:13:9: group: group says nothing without `count`
    count = { contracts = 2, within = "10m" }
      runbooks/pause.md:13:9: count: contracts = 2 can never be met: each contract has windows of its own; write group = ["chain"]
    count = { bots = 2, within = "25h" }
      runbooks/pause.md:9:1: max_age: within = 25h is longer than max_age = 24h, and what is older than that does not count; write max_age = "25h" or more
    for = "11d"
      runbooks/pause.md:13:7: for = "11d" in [[condition]]; expected a length of time such as "10m" or "1h30m", from 1s to 240h
    for = "1h" ⏎ count = { bots = 2, within = "10m" }
      runbooks/pause.md:13:7: for: for and count say different things about when it fires; use one of them
    for = "1h" ⏎ when = 'alert.bot == "0x01"'
      runbooks/pause.md:11:7: for: `when` admits only bots that tell of events: no state of theirs could last; states come from Alertmanager, Grafana, PagerDuty, Hypernative, and from alerts with state.id and state.phase in their metadata
      runbooks/pause.md:11:7: for: for and count say different things about when it fires; use one of them
      runbooks/pause.md:14:9: count: 2 different bots are asked for, and `when` admits only 1: it can never be met
    when = 'alert.severity >= CRITICAL && alert.chain == 8453'
      runbooks/pause.md:11:8: when: it can never be true: alert.chain is to be 8453, and vault is on 1
    when = 'critical'
      runbooks/pause.md:11:8: when, at character 1: unknown name "critical"; did you mean "CRITICAL"?
    "#);
}

/// The examples of the page, with the headings they stand under.
fn examples() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/CONDITIONS.md");
    let (mut heading, mut open, mut found) = (String::new(), None::<String>, Vec::new());
    for line in page.lines() {
        let Some(mut text) = open.take() else {
            if let Some(title) = line.strip_prefix("## ") {
                heading = title.to_owned();
            }
            open = (line == "```toml").then(String::new);
            continue;
        };
        if line == "```" {
            found.push((heading.clone(), text));
            continue;
        }
        text.push_str(line);
        text.push('\n');
        open = Some(text);
    }
    found
}

#[test]
fn every_example_of_the_page_about_conditions_loads() {
    let examples = examples();
    assert!(examples.len() >= 10, "{}", examples.len());
    let bots = "[bots]\nattack_detector = [\"acme:1\"]\nfunding = [\"acme:2\"]\nexploitation = [\"acme:3\", \"acme:4\"]\nheartbeat = [\"acme:5\"]\nmitigation = [\"acme:6\"]\nour_chain = [\"chain:mainnet\"]\n";
    let bridge = "\n[contracts.bridge]\nchain = \"mainnet\"\naddress = \"0xe7f1725e7734ce288f8367e1bb143e90bb3f0512\"\nabi = \"vault.json\"\n";
    let watching = "\n[[feeds]]\nname = \"chain-mainnet\"\nkind = \"chain\"\nchain = \"mainnet\"\n\n[[feeds]]\nname = \"lines\"\nkind = \"jsonl\"\npath = \"-\"\n";
    let start = RUNBOOK.find("[[condition]]").unwrap();
    let own = &RUNBOOK[start..RUNBOOK.find("[[action]]").unwrap()];
    let words: String =
        examples.iter().filter(|(_, text)| text.contains("[lists]")).map(|(_, text)| text.as_str()).collect();
    let mut conditions = 0;
    for (heading, example) in &examples {
        let mut files = Files::right().add("redhandle.toml", bridge).add("redhandle.toml", &words);
        files = files.add("redhandle.toml", watching);
        files = files.spoil("redhandle.toml", "[bots]\n", bots);
        if example.contains("[[window]]") {
            files = files.add("maintenance.toml", example);
        } else if example.contains("[[condition]]") {
            files = files.spoil("runbooks/pause.md", own, &format!("{example}\n"));
            conditions += 1;
        }
        let config = files.load().unwrap_or_else(|problems| panic!("{heading}: {problems}"));
        assert_eq!(config.runbooks[&"pause".into()].conditions.len(), 1, "{heading}");
        let window = example.contains("[[window]]");
        assert_eq!(config.maintenance.windows().len(), usize::from(window), "{heading}");
    }
    assert!(conditions >= 8 && !words.is_empty(), "{conditions}");
}
