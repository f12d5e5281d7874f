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
    assert_snapshot!(crate::domain::condition::explain(&compiled), @"");
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
    assert_snapshot!(said.join("\n"), @"");
}

#[test]
fn what_must_differ_groups_and_states_are_read() {
    let count = "count = { alerts = 2, bots = 2, within = \"10m\" }";
    let wide =
        "count = { attackers = 3, vendors = 2, within = \"10m\" }\ngroup = [\"contract\", \"transaction\"]";
    let config = Files::right().spoil("runbooks/pause.md", count, wide).load().unwrap();
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
    ]), @"");
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
    let bots = "[bots]\nattack_detector = [\"0x01\"]\nfunding = [\"0x02\"]\nexploitation = [\"0x03\", \"0x04\"]\nheartbeat = [\"0x05\"]\nmitigation = [\"0x06\"]\n";
    let bridge = "\n[contracts.bridge]\nchain = \"mainnet\"\naddress = \"0xe7f1725e7734ce288f8367e1bb143e90bb3f0512\"\nabi = \"vault.json\"\n";
    let start = RUNBOOK.find("[[condition]]").unwrap();
    let own = &RUNBOOK[start..RUNBOOK.find("[[action]]").unwrap()];
    let words: String =
        examples.iter().filter(|(_, text)| text.contains("[lists]")).map(|(_, text)| text.as_str()).collect();
    let mut conditions = 0;
    for (heading, example) in &examples {
        let mut files = Files::right().add("redhandle.toml", bridge).add("redhandle.toml", &words);
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
