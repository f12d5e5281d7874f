//! Wrong settings, and what is said of them.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::config::settings::{ChannelKind, FeedKind, JsonLinesFrom, SafeService, WebhookAuthentication};

fn settings(cases: &[(&str, &str)]) -> String {
    table("redhandle.toml", cases)
}

#[test]
fn what_is_not_written_is_the_default() {
    let settings = Files::right().load().unwrap().settings;
    assert!(settings.journal.ends_with("redhandle.db"));
    assert_eq!(settings.web.listen.to_string(), "127.0.0.1:8645");
    assert_eq!(settings.web.public_url.as_str(), "http://127.0.0.1:8645/");
    let mainnet = &settings.chains[&"mainnet".into()];
    assert_eq!(
        (mainnet.agree, mainnet.poll, mainnet.rpc_timeout),
        (2, Duration::from_secs(2), Duration::from_secs(5))
    );
    let urls: Vec<&str> = mainnet.rpc.iter().map(|endpoint| endpoint.url.expose_secret()).collect();
    assert_eq!(urls, ["https://a.example.org/key", "https://b.example.org", "https://c.example.org/key"]);
    assert_eq!(mainnet.rpc[0].label, "a.example.org");
    let base = &settings.chains[&"base".into()];
    assert_eq!(base.agree, 1);
    assert!(
        matches!(&base.safe_service, SafeService::Hosted { key: None, url, quota_low_percent: 20 } if url.as_str() == "https://safe.example.org/base")
    );
    let FeedKind::Forta(forta) = &settings.feeds[0].kind else { panic!("{:?}", settings.feeds) };
    assert_eq!(forta.url.as_str(), "https://api.forta.network/graphql");
    assert_eq!(forta.chains.iter().map(|chain| chain.0).collect::<Vec<_>>(), [8453, 1]);
    assert_eq!((forta.bots.len(), forta.page_size), (1, 500));
    assert_eq!(forta.poll, Duration::from_secs(15));
    assert_eq!(forta.overlap, Duration::from_secs(20 * 60));
    let FeedKind::Webhook(own) = &settings.feeds[1].kind else { panic!("{:?}", settings.feeds) };
    assert_eq!((own.path.as_str(), own.window), ("/feeds/own", Duration::from_secs(300)));
    assert!(
        matches!(&own.authentication, WebhookAuthentication::Secret(secrets) if secrets.present.expose_secret() == "own-secret")
    );
    assert!(matches!(settings.channels[&"console".into()].kind, ChannelKind::Console));
    assert!(settings.proposer.is_none() && settings.executor.is_none());
}

#[test]
fn keys_are_unknown_missing_or_of_the_wrong_type() {
    insta::assert_snapshot!(settings(&[
        ("address = \"0xf39", "adress = \"0xf39"),
        ("[bots]", "[bot]"),
        ("[chains.base]", "[chains.\"base chain\"]"),
        ("[[feeds]]\nname = \"forta\"", "[[feed]]\nname = \"forta\""),
        ("chain = \"base\"", ""),
        ("id = 8453", "id = \"8453\""),
        ("id = 8453", "id = 0"),
        ("id = 8453", "id = 99999999999999999999999999999999999999999"),
        ("[contracts.vault]", "[contracts]\nvault = 3\n[other]"),
        ("[channels.console]\nkind = \"console\"", "[channels]\nconsole = \"console\""),
        ("kind = \"forta\"", "kind = \"fortra\""),
    ]), @r#"
    adress = "0xf39
      redhandle.toml:11:1: missing key "address" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case
      redhandle.toml:13:1: unknown key "adress" in [contracts.vault]; expected one of abi, address, chain; did you mean "address"?
    [bot]
      redhandle.toml:28:2: unknown key "bot" in the top level of the file; expected one of bots, chains, channels, contracts, executor, feeds, journal, lists, macros, maintenance, modules, paging, presigned, proposer, reports, roster, runbooks, safes, web; did you mean "bots"?
      redhandle.toml:31:1: [[feeds]] names no bot, and [bots] has none; expected bots = ["0x…"] here or in [bots]
    [chains."base chain"]
      redhandle.toml:6:9: the name "base chain" in [chains]; expected a name: at most 64 ASCII letters, digits, - and single _, a letter or a digit first
      redhandle.toml:25:9: no chain is called "base"; expected one of base chain, mainnet
    [[feed]] ⏎ name = "forta"
      redhandle.toml:31:3: unknown key "feed" in the top level of the file; expected one of bots, chains, channels, contracts, executor, feeds, journal, lists, macros, maintenance, modules, paging, presigned, proposer, reports, roster, runbooks, safes, web; did you mean "feeds"?

      redhandle.toml:24:1: missing key "chain" in [safes.elsewhere]; expected text in quotes, not empty
    id = "8453"
      redhandle.toml:7:6: id = "8453" in [chains.base]; expected a whole number from 1 to 9223372036854775789
    id = 0
      redhandle.toml:7:6: id = 0 in [chains.base]; expected a whole number from 1 to 9223372036854775789
    id = 99999999999999999999999999999999999999999
      redhandle.toml:7:6: id = 170141183460469231731687303715884105727 in [chains.base]; expected a whole number from 1 to 9223372036854775789
    [contracts] ⏎ vault = 3 ⏎ [other]
      redhandle.toml:12:9: vault = 3 in [contracts]; expected a table
      redhandle.toml:13:2: unknown key "other" in the top level of the file; expected one of bots, chains, channels, contracts, executor, feeds, journal, lists, macros, maintenance, modules, paging, presigned, proposer, reports, roster, runbooks, safes, web
    [channels] ⏎ console = "console"
      redhandle.toml:42:11: console = "console" in [channels]; expected a table
    kind = "fortra"
      redhandle.toml:33:8: kind = "fortra" in [[feeds]]; expected one of "forta", "jsonl", "webhook", "nats", "chain"; did you mean "forta"?
    "#);
}

#[test]
fn chains_say_how_many_endpoints_must_agree_and_which() {
    insta::assert_snapshot!(settings(&[
        ("id = 1\n", "id = 1\nagree = 4\n"),
        ("id = 1\n", "id = 1\nagree = 0\n"),
        ("id = 8453", "id = 1"),
        ("rpc = \"https://base.example.org\"", "rpc = []"),
        ("rpc = \"https://base.example.org\"", "rpc = [3]"),
        ("rpc = \"https://base.example.org\"", "rpc = \"wss://base.example.org/secret-key\""),
        ("rpc = \"https://base.example.org\"", "rpc = [\"https://x.org/k\", \"https://x.org/k\"]"),
        ("rpc = \"https://base.example.org\"", ""),
        ("id = 8453", "id = 8453\npoll = \"1 fortnight\""),
        ("id = 8453", "id = 8453\npoll = 2"),
        ("id = 8453", "id = 8453\npoll = \"10ms\""),
        ("id = 8453", "id = 8453\nrpc_timeout = \"2h\""),
        ("safe_service = \"embedded\"", "safe_service = \"embeded\""),
        ("safe_service = \"embedded\"", ""),
        ("safe_service = { url", "safe_service = { uri"),
        ("safe_service = { url", "safe_service = { quota_low = 20, url"),
        ("safe_service = { url", "safe_service = { quota_low = \"100%\", url"),
    ]), @r#"
    id = 1 ⏎ agree = 4
      redhandle.toml:3:9: agree = 4 in [chains.mainnet]; expected a whole number from 1 to 3
    id = 1 ⏎ agree = 0
      redhandle.toml:3:9: agree = 0 in [chains.mainnet]; expected a whole number from 1 to 3
    id = 1
      redhandle.toml:7:6: id = 1 is also [chains.mainnet]; expected each chain once
    rpc = []
      redhandle.toml:8:7: rpc has 0 endpoints in [chains.base]; expected 1 to 8, each a URL, { env = "NAME" } or { file = "PATH" }
    rpc = [3]
      redhandle.toml:8:8: an endpoint of [chains.base] is no URL that can be asked; expected https://… or http://…
    rpc = "wss://base.example.org/secret-key"
      redhandle.toml:8:7: an endpoint of [chains.base] is no URL that can be asked; expected https://… or http://…
    rpc = ["https://x.org/k", "https://x.org/k"]
      redhandle.toml:8:27: an endpoint is written twice in [chains.base]; agreeing with itself proves nothing: name another one, or leave it away

      redhandle.toml:6:1: missing key "rpc" in [chains.base]; expected 1 to 8, each a URL, { env = "NAME" } or { file = "PATH" }
    id = 8453 ⏎ poll = "1 fortnight"
      redhandle.toml:8:8: poll = "1 fortnight" in [chains.base]; expected a length of time such as "10m" or "1h30m", from 100ms to 5m
    id = 8453 ⏎ poll = 2
      redhandle.toml:8:8: poll = 2 in [chains.base]; expected a length of time such as "10m" or "1h30m", from 100ms to 5m; write the unit, in quotes
    id = 8453 ⏎ poll = "10ms"
      redhandle.toml:8:8: poll = "10ms" in [chains.base]; expected a length of time such as "10m" or "1h30m", from 100ms to 5m
    id = 8453 ⏎ rpc_timeout = "2h"
      redhandle.toml:8:15: rpc_timeout = "2h" in [chains.base]; expected a length of time such as "10m" or "1h30m", from 100ms to 1m
    safe_service = "embeded"
      redhandle.toml:4:16: safe_service = "embeded" in [chains.mainnet]; expected "embedded" or { url = "https://…", key = { env = "NAME" } }

      redhandle.toml:1:1: missing key "safe_service" in [chains.mainnet]; expected "embedded" or { url = "https://…", key = { env = "NAME" } }
    safe_service = { uri
      redhandle.toml:9:16: missing key "url" in [chains.base.safe_service]; expected a URL that begins with https:// or http://
      redhandle.toml:9:18: unknown key "uri" in [chains.base.safe_service]; expected one of key, quota_low, url; did you mean "url"?
    safe_service = { quota_low = 20, url
      redhandle.toml:9:30: quota_low = 20 in [chains.base.safe_service]; expected a share of the month's requests in percent, such as "20%"; "0%" is never low
    safe_service = { quota_low = "100%", url
      redhandle.toml:9:30: quota_low = "100%" in [chains.base.safe_service]; expected a share of the month's requests in percent, such as "20%"; "0%" is never low
    "#);
}

#[test]
fn addresses_are_checked_digit_by_digit() {
    insta::assert_snapshot!(settings(&[
        ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"),
        ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb9226"),
        ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "vault.eth"),
        ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x0000000000000000000000000000000000000000"),
        ("chain = \"base\"", "chain = \"bass\""),
        ("chain = \"base\"", "chain = \"mainnet\""),
    ]), @r#"
    0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266
      redhandle.toml:13:11: address = "0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case; its checksum is wrong: compare every digit, the right spelling of these digits is 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
    0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266
      nothing is wrong
    0xf39Fd6e51aad88F6F4ce6aB8827279cffFb9226
      redhandle.toml:13:11: address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb9226" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case
    f39Fd6e51aad88F6F4ce6aB8827279cffFb92266
      redhandle.toml:13:11: address = "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case
    vault.eth
      redhandle.toml:13:11: address = "vault.eth" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case
    0x0000000000000000000000000000000000000000
      redhandle.toml:13:11: address = "0x0000000000000000000000000000000000000000" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case; the zero address is nobody's
    chain = "bass"
      redhandle.toml:25:9: no chain is called "bass"; expected one of base, mainnet; did you mean "base"?
    chain = "mainnet"
      redhandle.toml:26:11: this is also [safes.governance]; expected each Safe under one name
    "#);
}

#[test]
fn an_abi_is_a_list_or_an_artifact() {
    let artifact =
        format!("{{ \"contractName\": \"Vault\", \"abi\": {} }}", Files::right().texts["vault.json"]);
    let mut files = Files::right();
    files.texts.insert("vault.json", artifact);
    assert_eq!(files.told(), "nothing is wrong");
    let wrong = ["[", "{}", "[]", "{ \"abi\": [{ \"type\": \"fun\" }] }"].map(|text| {
        let mut files = Files::right();
        files.texts.insert("vault.json", text.to_owned());
        files.told()
    });
    insta::assert_snapshot!(wrong.join("\n"), @r#"
    redhandle.toml:14:7: the ABI vault.json is not JSON: EOF while parsing a list at line 1 column 1; expected a JSON list of functions and events, or a compiler's artifact with such a list as "abi"
    redhandle.toml:14:7: the ABI vault.json has no "abi"; expected a JSON list of functions and events, or a compiler's artifact with such a list as "abi"
    redhandle.toml:14:7: the ABI vault.json has no function; expected a JSON list of functions and events, or a compiler's artifact with such a list as "abi"
    redhandle.toml:14:7: the ABI vault.json is no ABI: unknown variant `fun`, expected one of `constructor`, `fallback`, `receive`, `function`, `event`, `error`; expected a JSON list of functions and events, or a compiler's artifact with such a list as "abi"
    "#);
}

#[test]
fn secrets_are_named_and_never_written_nor_repeated() {
    let told = settings(&[
        ("key = { env = \"FORTA_API_KEY\" }", "key = \"hunter2\""),
        ("key = { env = \"FORTA_API_KEY\" }", "key = { env = \"FORTA_KEY\" }"),
        ("key = { env = \"FORTA_API_KEY\" }", "key = { file = \"no-such-file\" }"),
        ("key = { env = \"FORTA_API_KEY\" }", "key = { env = \"FORTA_API_KEY\", file = \"rpc-c\" }"),
        ("key = { env = \"FORTA_API_KEY\" }", "key = {}"),
        ("key = { env = \"FORTA_API_KEY\" }", "key = { name = \"FORTA_API_KEY\" }"),
        ("key = { env = \"FORTA_API_KEY\" }", ""),
        ("secret = { env = \"OWN_SECRET\" }", "secret = 12345"),
    ]);
    insta::assert_snapshot!(told, @r#"
    key = "hunter2"
      redhandle.toml:34:7: a secret is written out as "key" in [[feeds]]; expected { env = "NAME" } or { file = "PATH" }; a secret is never in this file: put it elsewhere, and change it if this file was shared
    key = { env = "FORTA_KEY" }
      redhandle.toml:34:7: the environment variable FORTA_KEY is not set ([feeds.key])
    key = { file = "no-such-file" }
      redhandle.toml:34:7: the file no-such-file cannot be read: No such file or directory (os error 2) ([feeds.key])
    key = { env = "FORTA_API_KEY", file = "rpc-c" }
      redhandle.toml:34:7: [feeds.key] names no secret; expected { env = "NAME" } or { file = "PATH" }
    key = {}
      redhandle.toml:34:7: [feeds.key] names no secret; expected { env = "NAME" } or { file = "PATH" }
    key = { name = "FORTA_API_KEY" }
      redhandle.toml:34:7: [feeds.key] names no secret; expected { env = "NAME" } or { file = "PATH" }
      redhandle.toml:34:9: unknown key "name" in [feeds.key]; expected one of env, file

      redhandle.toml:31:1: missing key "key" in [[feeds]]; expected { env = "NAME" } with the API key
    secret = 12345
      redhandle.toml:39:10: a secret is written out as "secret" in [[feeds]]; expected { env = "NAME" } or { file = "PATH" }; a secret is never in this file: put it elsewhere, and change it if this file was shared
    "#);
    let empty = Files::right().with("FORTA_API_KEY", "\n").told();
    insta::assert_snapshot!(empty, @"redhandle.toml:34:7: the secret is empty ([feeds.key])");
    let shown = format!("{:?}", Files::right().load().unwrap());
    for secret in ["forta-key", "own-secret", "pager-secret", "a.example.org/key", "c.example.org/key"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[test]
fn what_can_be_reached_from_elsewhere_wants_a_key() {
    let web = |text: &str| Files::right().add("redhandle.toml", &format!("\n[web]\n{text}\n"));
    let told = [
        "listen = \"0.0.0.0:80\"",
        "listen = \"0.0.0.0:80\"\nkey = { env = \"OWN_SECRET\" }",
        "listen = \"192.0.2.1:80\"\npublic_url = \"ftp://x\"\nkey = { env = \"NO\" }",
        "listen = \"localhost\"",
        "listen = \"[fe80::1%2]:80\"",
        "listen = \"[::1]:80\"",
        "listen = \"192.0.2.1:80\"\nkey = { env = \"OWN_SECRET\" }",
    ]
    .map(|text| web(text).told());
    insta::assert_snapshot!(told.join("\n"), @r#"
    redhandle.toml:50:10: 0.0.0.0:80 can be reached from other machines, and [web] has no key; add key = { env = "NAME" }, or listen on 127.0.0.1
    redhandle.toml:50:10: 0.0.0.0:80 is no address that a link in a page can lead to; add public_url = "https://…"
    redhandle.toml:50:10: 0.0.0.0:80 is no address that a link in a page can lead to; add public_url = "https://…"
    redhandle.toml:51:14: public_url = "ftp://x" in [web]; expected a URL that begins with https:// or http://
    redhandle.toml:52:7: the environment variable NO is not set ([web.key])
    redhandle.toml:50:10: listen = "localhost" in [web]; expected an IP address and a port, such as "127.0.0.1:8645" or "[::1]:8645"
    redhandle.toml:50:10: listen = "[fe80::1%2]:80" in [web]; expected an IP address and a port, such as "127.0.0.1:8645" or "[::1]:8645"; leave the interface away
    nothing is wrong
    nothing is wrong
    "#);
    let settings = web("listen = \"[::1]:80\"").load().unwrap().settings;
    assert_eq!(settings.web.public_url.as_str(), "http://[::1]/");
}

#[test]
fn feeds_are_authentic_or_say_that_they_are_not() {
    insta::assert_snapshot!(settings(&[
        ("name = \"own\"", "name = \"forta\""),
        ("name = \"own\"", "name = \"my own\""),
        ("name = \"own\"", "name = \"own\"\npath = \"feeds own\""),
        ("secret = { env = \"OWN_SECRET\" }", ""),
        ("secret = { env = \"OWN_SECRET\" }", "unauthenticated = true"),
        ("secret = { env = \"OWN_SECRET\" }", "secret = { env = \"OWN_SECRET\" }\nunauthenticated = true"),
        ("name = \"own\"", "name = \"own\"\nwindow = \"1s\""),
        ("key = { env = \"FORTA_API_KEY\" }", "url = \"http://localhost:8080/graphql\""),
        ("key = { env = \"FORTA_API_KEY\" }", "url = \"http://localhost.example.org/graphql\""),
        ("name = \"forta\"", "name = \"forta\"\nchains = [\"mainet\"]"),
        ("name = \"forta\"", "name = \"forta\"\nbots = [\"0x80ed\"]"),
        ("name = \"forta\"", "name = \"forta\"\nbots = [\"detectors\"]"),
        ("name = \"forta\"", "name = \"forta\"\nbots = [\"detector\"]"),
        ("name = \"forta\"", "name = \"forta\"\npoll = \"10m\""),
        ("name = \"forta\"", "name = \"forta\"\npage_size = 0"),
        ("[\"0x80ed808b586aeebe9cdd4088ea4dea0a8e322909c0e4493c993e060e89c09ed1\", \"other-vendor\"]", "[]"),
        ("detector = [", "attack-detector = ["),
    ]), @r#"
    name = "forta"
      redhandle.toml:37:8: a second feed is called "forta"; expected each name once
    name = "my own"
      redhandle.toml:37:8: name = "my own" in [[feeds]]; expected a name: at most 64 ASCII letters, digits, - and single _, a letter or a digit first
    name = "own" ⏎ path = "feeds own"
      redhandle.toml:38:8: path = "feeds own" in [[feeds]]; expected a path such as "/feeds/monitor", of letters, digits, - _ and /

      redhandle.toml:36:1: missing key "secret" in [[feeds]]; expected { env = "NAME" }, or unauthenticated = true for a feed that may page and never propose
    unauthenticated = true
      nothing is wrong
    secret = { env = "OWN_SECRET" } ⏎ unauthenticated = true
      redhandle.toml:40:19: [[feeds]] has a secret and says that it has none; leave unauthenticated away: the secret is checked
    name = "own" ⏎ window = "1s"
      redhandle.toml:38:10: window = "1s" in [[feeds]]; expected a length of time such as "10m" or "1h30m", from 10s to 1h
    url = "http://localhost:8080/graphql"
      nothing is wrong
    url = "http://localhost.example.org/graphql"
      redhandle.toml:31:1: missing key "key" in [[feeds]]; expected { env = "NAME" } with the API key
    name = "forta" ⏎ chains = ["mainet"]
      redhandle.toml:33:11: no chain is called "mainet"; expected one of base, mainnet; did you mean "mainnet"?
    name = "forta" ⏎ bots = ["0x80ed"]
      redhandle.toml:33:9: bots = "0x80ed" in [[feeds]]; expected a bot's id: 0x and 64 hexadecimal digits, or another vendor's source name; it has 4 digits
    name = "forta" ⏎ bots = ["detectors"]
      redhandle.toml:33:9: no list of [bots] is called "detectors"; expected detector; did you mean "detector"?
    name = "forta" ⏎ bots = ["detector"]
      nothing is wrong
    name = "forta" ⏎ poll = "10m"
      redhandle.toml:31:1: stale_after = "10m" is not longer than poll = "10m" in [[feeds]]; such a feed would count as deaf between any two queries
    name = "forta" ⏎ page_size = 0
      redhandle.toml:33:13: page_size = 0 in [[feeds]]; expected a whole number from 1 to 5000
    []
      redhandle.toml:31:1: [[feeds]] names no bot, and [bots] has none; expected bots = ["0x…"] here or in [bots]
    attack-detector = [
      redhandle.toml:29:19: the name "attack-detector" in [bots]; expected letters, digits and _, a letter first; conditions say bots.attack_detector
    "#);
    let lines = |path: &str| {
        let feed = format!("\n[[feeds]]\nname = \"lines\"\nkind = \"jsonl\"\n{path}\n");
        Files::right().add("redhandle.toml", &feed)
    };
    insta::assert_snapshot!(lines("").told(), @r#"redhandle.toml:49:1: missing key "path" in [[feeds]]; expected a file, or "-" for standard input"#);
    for (path, is_stdin) in [("path = \"-\"", true), ("path = \"alerts.jsonl\"", false)] {
        let settings = lines(path).load().unwrap().settings;
        let FeedKind::JsonLines(feed) = &settings.feeds[2].kind else { panic!("{:?}", settings.feeds) };
        assert_eq!(feed.from == JsonLinesFrom::Stdin, is_stdin);
    }
}

#[test]
fn channels_and_keystores_are_complete() {
    let add = |text: &str| Files::right().add("redhandle.toml", &format!("\n{text}\n")).told();
    let told = [
        add("[channels.chat]\nkind = \"slack\"\nurl = \"https://hooks.example.org/T\""),
        add("[channels.chat]\nkind = \"slack\"\nurl = { env = \"OWN_SECRET\" }"),
        add("[channels.chat]\nkind = \"slack\"\nurl = { env = \"RPC_A\" }"),
        add("[channels.hook]\nkind = \"webhook\"\ntimeout = \"0s\""),
        add("[proposer]\nkeystore = { path = \"proposer.json\" }"),
        add("[executor]\nauto = \"true\""),
        add(
            "[executor]\nkeystore = { path = \"vault.json\", password = { env = \"OWN_SECRET\" } }\nauto = true",
        ),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    redhandle.toml:51:7: a secret is written out as "url" in [channels.chat]; expected { env = "NAME" } or { file = "PATH" }; a secret is never in this file: put it elsewhere, and change it if this file was shared
    redhandle.toml:51:7: the secret "url" of [channels.chat] is no URL; expected https://…
    nothing is wrong
    redhandle.toml:49:1: missing key "secret" in [channels.hook]; expected { env = "NAME" } or { file = "PATH" }
    redhandle.toml:49:1: missing key "url" in [channels.hook]; expected a URL that begins with https:// or http://
    redhandle.toml:51:11: timeout = "0s" in [channels.hook]; expected a length of time such as "10m" or "1h30m", from 1s to 1m
    redhandle.toml:50:12: missing key "password" in [proposer.keystore]; expected { env = "NAME" } or { file = "PATH" }
    redhandle.toml:50:21: there is no key file proposer.json
    redhandle.toml:49:1: missing key "keystore" in [executor]; expected { path = "PATH", password = { env = "NAME" } }, or aws-kms, gcp-kms, ledger or trezor instead
    redhandle.toml:50:8: auto = "true" in [executor]; expected true or false; write it without quotes
    nothing is wrong
    "#);
}
