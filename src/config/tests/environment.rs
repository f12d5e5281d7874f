//! Variables that override settings.

use super::*;
use crate::config::settings::FeedKind;

#[test]
fn a_variable_overrides_or_adds_one_setting() {
    let settings = Files::right()
        .with("REDHANDLE__CHAINS__MAINNET__AGREE", "3")
        .with("REDHANDLE__CHAINS__MAINNET__POLL", "4s")
        .with("REDHANDLE__WEB__LISTEN", "127.0.0.1:9000")
        .with("REDHANDLE__WEB__KEY__ENV", "OWN_SECRET")
        .with("REDHANDLE__JOURNAL__PATH", "/var/lib/redhandle.db")
        .with("REDHANDLE__FEEDS__FORTA__PAGE_SIZE", "100")
        .with("REDHANDLE__CONTRACTS__VAULT__ADDRESS", "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0")
        .load()
        .unwrap()
        .settings;
    let mainnet = &settings.chains[&"mainnet".into()];
    assert_eq!((mainnet.agree, mainnet.poll.as_secs()), (3, 4));
    assert_eq!(settings.web.listen.port(), 9000);
    assert_eq!(settings.web.public_url.as_str(), "http://127.0.0.1:9000/");
    assert!(settings.web.key.is_some());
    assert_eq!(settings.journal.to_str(), Some("/var/lib/redhandle.db"));
    assert!(matches!(&settings.feeds[0].kind, FeedKind::Forta(forta) if forta.page_size == 100));
    assert!(settings.contracts[&"vault".into()].address.to_string().starts_with("0x9fE46736"));
}

#[test]
fn a_variable_that_sets_nothing_is_told_by_its_name() {
    let told = [
        ("REDHANDLE__WEB__LISTN", "127.0.0.1:9000"),
        ("REDHANDLE__WBE__LISTEN", "127.0.0.1:9000"),
        ("REDHANDLE__CHAINS__MAINET__AGREE", "3"),
        ("REDHANDLE__CHAINS__MAINNET__AGREE", "three"),
        ("REDHANDLE__CHAINS__MAINNET__RPC", "https://x.example.org"),
        ("REDHANDLE__CHAINS__MAINNET__ID__X", "1"),
        ("REDHANDLE__CHAINS__MAINNET", "1"),
        ("REDHANDLE__FEEDS__FROTA__POLL", "1s"),
        ("REDHANDLE__FEEDS__FORTA__POL", "1s"),
        ("REDHANDLE__FEEDS__FORTA__KEY", "hunter2"),
        ("REDHANDLE__WEB__KEY", "hunter2"),
        ("REDHANDLE__", "x"),
        ("REDHANDLE__WEB____LISTEN", "x"),
    ]
    .map(|(name, value)| Files::right().with(name, value).told());
    insta::assert_snapshot!(told.join("\n"), @r#"
    environment variable REDHANDLE__WEB__LISTN: unknown key "listn" in [web]; expected one of key, link_secret, listen, public_url; did you mean "listen"?
    environment variable REDHANDLE__WBE__LISTEN: unknown key "wbe" in the top level of the file; expected one of bots, chains, channels, contracts, executor, feeds, journal, lists, macros, maintenance, modules, paging, presigned, proposer, reports, roster, runbooks, safes, web; did you mean "web"?
    environment variable REDHANDLE__CHAINS__MAINET__AGREE: [chains.mainet] is not in the file; expected one of mainnet, base; did you mean "mainnet"?
    environment variable REDHANDLE__CHAINS__MAINNET__AGREE: agree = "three" in [chains.mainnet]; expected a whole number from 1 to 3
    environment variable REDHANDLE__CHAINS__MAINNET__RPC: "rpc" is a list; expected one setting: a variable cannot replace several
    environment variable REDHANDLE__CHAINS__MAINNET__ID__X: "id" is a whole number and has no key "X"
    environment variable REDHANDLE__CHAINS__MAINNET: "mainnet" is a table; expected one setting: a variable cannot replace several
    environment variable REDHANDLE__FEEDS__FROTA__POLL: [[feeds]] named "frota" is not in the file; expected one of forta, own; did you mean "forta"?
    environment variable REDHANDLE__FEEDS__FORTA__POL: unknown key "pol" in [[feeds]]; expected one of bots, chains, key, kind, name, overlap, page_size, poll, stale_after, vendor; did you mean "poll"?
    environment variable REDHANDLE__FEEDS__FORTA__KEY: "key" is a table; expected one setting: a variable cannot replace several
    environment variable REDHANDLE__WEB__KEY: a secret is written out as "key" in [web]; expected { env = "NAME" } or { file = "PATH" }; put it in a variable of its own and name that one: REDHANDLE__WEB__KEY__ENV=NAME
    environment variable REDHANDLE__: it names no setting; expected REDHANDLE__SECTION__KEY
    environment variable REDHANDLE__WEB____LISTEN: it names no setting; expected REDHANDLE__SECTION__KEY
    "#);
}

#[test]
fn a_variable_that_could_mean_two_things_means_neither() {
    let twin = "\n[channels.PAGER]\nkind = \"console\"\n";
    let files = Files::right().add("redhandle.toml", twin).with("REDHANDLE__CHANNELS__PAGER__TIMEOUT", "3s");
    insta::assert_snapshot!(files.told(), @r#"environment variable REDHANDLE__CHANNELS__PAGER__TIMEOUT: "PAGER" stands for each of pager, PAGER; give them names that differ in more than case, - and _"#);
}
