//! Webhooks of the field's vendors: what each needs, and what is told where it is not there.

use super::*;
use crate::config::settings::{FeedKind, WebhookAuthentication};
use crate::domain::alert::{AlertSeverity, Sender};
use crate::domain::names::ChainId;

const OWN: &str = "secret = { env = \"OWN_SECRET\" }";

fn told(of: &[(&str, &str)]) -> String {
    let each = of.iter().map(|(from, with)| {
        let told = Files::right().spoil("redhandle.toml", OWN, &format!("from = \"{from}\"\n{with}")).told();
        format!("{from} {}\n  {}", with.replace('\n', " ⏎ "), told.replace('\n', "\n  "))
    });
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_vendor_is_proven_in_its_way() {
    insta::assert_snapshot!(told(&[
        ("pagerduty", OWN),
        ("pagerduty", "token = { env = \"OWN_SECRET\" }"),
        ("alertmanager", "token = { env = \"OWN_SECRET\" }\nchain = \"mainnet\"\nseverity = \"high\""),
        ("alertmanager", OWN),
        ("hypernative", "public_key = \"0x04ab\""),
        ("hypernative", ""),
        ("forta-node", "scanners = [\"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\"]"),
        ("forta-node", "scanners = []"),
        ("grafana", "secret = { env = \"OWN_SECRET\" }\ntimestamp_header = \"X-Sent-At\""),
        ("tenderly", "unauthenticated = true"),
        ("tenderly", "unauthenticated = true\nsecret = { env = \"OWN_SECRET\" }"),
        ("onchain-mon", "token = { env = \"OWN_SECRET\" }\nsecret = { env = \"OWN_SECRET\" }"),
        ("tendrely", OWN),
    ]), @r#"
    pagerduty secret = { env = "OWN_SECRET" }
      nothing is wrong
    pagerduty token = { env = "OWN_SECRET" }
      redhandle.toml:36:1: missing key "secret" in [[feeds]]; expected { env = "NAME" }, or unauthenticated = true for a feed that may page and never propose
      redhandle.toml:40:1: unknown key "token" in [[feeds]]; expected one of chain, from, kind, name, networks, path, requests_per_minute, secret, severities, severity, stale_after, unauthenticated, vendor, window
    alertmanager token = { env = "OWN_SECRET" } ⏎ chain = "mainnet" ⏎ severity = "high"
      nothing is wrong
    alertmanager secret = { env = "OWN_SECRET" }
      redhandle.toml:36:1: missing key "token" in [[feeds]]; expected { env = "NAME" }, or unauthenticated = true for a feed that may page and never propose
      redhandle.toml:40:1: unknown key "secret" in [[feeds]]; expected one of chain, from, kind, name, networks, path, requests_per_minute, severities, severity, stale_after, token, unauthenticated, vendor, window
    hypernative public_key = "0x04ab"
      redhandle.toml:40:14: public_key = "0x04ab" in [[feeds]]; expected a public key of P-256: PEM, or 65 bytes in hex that begin with 04
    hypernative 
      redhandle.toml:36:1: missing key "public_key" in [[feeds]]; expected the vendor's public key, PEM or hex
    forta-node scanners = ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"]
      nothing is wrong
    forta-node scanners = []
      redhandle.toml:40:12: scanners = [] in [[feeds]]; expected at least one
    grafana secret = { env = "OWN_SECRET" } ⏎ timestamp_header = "X-Sent-At"
      nothing is wrong
    tenderly unauthenticated = true
      nothing is wrong
    tenderly unauthenticated = true ⏎ secret = { env = "OWN_SECRET" }
      redhandle.toml:40:19: [[feeds]] has a secret and says that it has none; leave unauthenticated away: the secret is checked
    onchain-mon token = { env = "OWN_SECRET" } ⏎ secret = { env = "OWN_SECRET" }
      redhandle.toml:40:9: [[feeds]] has a secret and a token; expected one of them
    tendrely secret = { env = "OWN_SECRET" }
      redhandle.toml:39:8: from = "tendrely" in [[feeds]]; expected one of "forta", "forta-node", "openzeppelin-monitor", "defender", "hypernative", "tenderly", "alertmanager", "grafana", "pagerduty", "alchemy", "quicknode", "cloudevents", "onchain-mon", "map"; did you mean "tenderly"?
      redhandle.toml:40:1: unknown key "secret" in [[feeds]]; expected one of from, kind, name, path, vendor
    "#);
}

#[test]
fn what_a_vendor_does_not_say_is_said_here() {
    insta::assert_snapshot!(told(&[
        ("alchemy", "secret = { env = \"OWN_SECRET\" }\nchain = \"maynet\""),
        ("alchemy", "secret = { env = \"OWN_SECRET\" }\nseverity = \"bad\""),
        ("alchemy", "secret = { env = \"OWN_SECRET\" }\nnetworks = { \"our-fork\" = \"base\" }"),
        ("alchemy", "secret = { env = \"OWN_SECRET\" }\nnetworks = { \"our-fork\" = \"bse\" }"),
        ("map", "secret = { env = \"OWN_SECRET\" }"),
        ("map", "secret = { env = \"OWN_SECRET\" }\nmap = { id = \"a..b\", rule = \"r\", sevrity = \"s\" }"),
        ("map", "secret = { env = \"OWN_SECRET\" }\nmap = { id = \"a.b\", rule = \"r\", addresses = [\"x\", \"y.0\"] }"),
        ("forta", "secret = { env = \"OWN_SECRET\" }\nchain = \"mainnet\""),
    ]), @r#"
    alchemy secret = { env = "OWN_SECRET" } ⏎ chain = "maynet"
      redhandle.toml:41:9: no chain is called "maynet"; expected one of base, mainnet; did you mean "mainnet"?
    alchemy secret = { env = "OWN_SECRET" } ⏎ severity = "bad"
      redhandle.toml:41:12: severity = "bad" in [[feeds]]; expected one of "unknown", "info", "low", "medium", "high", "critical"
    alchemy secret = { env = "OWN_SECRET" } ⏎ networks = { "our-fork" = "base" }
      nothing is wrong
    alchemy secret = { env = "OWN_SECRET" } ⏎ networks = { "our-fork" = "bse" }
      redhandle.toml:41:27: no chain is called "bse"; expected one of base, mainnet; did you mean "base"?
    map secret = { env = "OWN_SECRET" }
      redhandle.toml:36:1: missing key "map" in [[feeds]]; expected map = { id = "path.to.id", rule = "path.to.rule", … }
    map secret = { env = "OWN_SECRET" } ⏎ map = { id = "a..b", rule = "r", sevrity = "s" }
      redhandle.toml:41:14: id = "a..b" in [feeds.map]; expected a path into the body: keys, and numbers in lists, between dots, such as "alerts.0.labels"
      redhandle.toml:41:34: unknown key "sevrity" in [feeds.map]; expected one of addresses, alert_id, at, block, block_hash, chain, description, id, items, name, rule, severity, transaction; did you mean "severity"?
    map secret = { env = "OWN_SECRET" } ⏎ map = { id = "a.b", rule = "r", addresses = ["x", "y.0"] }
      nothing is wrong
    forta secret = { env = "OWN_SECRET" } ⏎ chain = "mainnet"
      redhandle.toml:41:1: unknown key "chain" in [[feeds]]; expected one of from, kind, name, path, previous_secret, requests_per_minute, secret, stale_after, unauthenticated, vendor, window
    "#);
}

#[test]
fn it_comes_out_as_it_was_meant() {
    let with = "from = \"alertmanager\"\ntoken = { env = \"OWN_SECRET\" }\nchain = \"base\"\nseverity = \"HIGH\"\nnetworks = { \"our-fork\" = \"mainnet\" }\nseverities = { page = \"critical\" }";
    let loaded = Files::right().spoil("redhandle.toml", OWN, with).load().unwrap();
    let FeedKind::Webhook(hook) = &loaded.settings.feeds[1].kind else {
        panic!("{:?}", loaded.settings.feeds)
    };
    assert!(matches!(hook.authentication, WebhookAuthentication::Token(_)));
    assert_eq!(hook.words.sender, Sender::Alertmanager);
    assert_eq!((hook.words.chain, hook.words.severity), (Some(ChainId(8453)), AlertSeverity::High));
    assert_eq!(hook.words.networks, [("our-fork".to_owned(), ChainId(1))]);
    assert_eq!(hook.words.severities, [("page".to_owned(), AlertSeverity::Critical)]);
}
