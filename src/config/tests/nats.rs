//! `kind = "nats"`: who is heard, how, and how many of them must agree.

use super::*;
use crate::config::settings::FeedKind;
use crate::domain::names::ChainId;
use crate::domain::nats::NatsLogin;

const OWN: &str = "kind = \"webhook\"\nsecret = { env = \"OWN_SECRET\" }";

fn files(with: &str) -> Files {
    // Two bots are waited for, and findings about another chain are no help.
    let second = "\"0x0e82982faa7878af3fad8ddf5042762a3b78d8949da2e301f1adfedc973f25ea\", \"other-vendor\"]";
    let files = Files::right().spoil("redhandle.toml", "\"other-vendor\"]", second);
    files.spoil("redhandle.toml", OWN, &format!("kind = \"nats\"\n{with}"))
}

#[test]
fn it_comes_out_as_it_was_meant() {
    let with = "chain = \"base\"\nservers = \"tls://bus.example.org:4222\"\ntoken = { env = \"OWN_SECRET\" }";
    let loaded = files(with).load().unwrap();
    let FeedKind::Nats(feed) = &loaded.settings.feeds[1].kind else { panic!("{:?}", loaded.settings.feeds) };
    assert_eq!(
        (feed.chain, feed.bus.quorum, feed.bus.authenticated, feed.bus.lossy),
        (ChainId(8453), 1, true, false)
    );
    assert_eq!(feed.bus.durable, "redhandle-own");
    assert_eq!(
        (feed.bus.instances[0].name.as_str(), feed.bus.instances[0].subject.as_str()),
        ("own", "findings.>")
    );
    assert!(matches!(feed.bus.instances[0].login, NatsLogin::Token(_)));

    let with = "chain = \"base\"\nservers = \"tls://h\"\ncertificate = \"client.pem\"\ncertificate_key = \"client-key.pem\"";
    let loaded = files(with).load().unwrap();
    let FeedKind::Nats(feed) = &loaded.settings.feeds[1].kind else { panic!("{:?}", loaded.settings.feeds) };
    let own = feed.bus.instances[0].certificate.as_ref().unwrap();
    assert!(own.chain.ends_with("client.pem") && own.key.ends_with("client-key.pem"), "{own:?}");
    assert!(feed.bus.authenticated && matches!(feed.bus.instances[0].login, NatsLogin::Nobody));

    let with = "chain = \"base\"\nsubject = \"findings.lido.*\"\nquorum = 2\nquorum_within = \"5m\"\n\
        [feeds.instances.a]\nservers = [\"tls://a.example.org\", \"tls://b.example.org\"]\nuser = \"u\"\npassword = { env = \"OWN_SECRET\" }\n\
        [feeds.instances.b]\nservers = \"nats://127.0.0.1:4222\"\nnkey = { env = \"OWN_SECRET\" }\nsubject = \"x.>\"\nstream = \"s\"";
    let loaded = files(with).load().unwrap();
    let FeedKind::Nats(feed) = &loaded.settings.feeds[1].kind else { panic!("{:?}", loaded.settings.feeds) };
    assert_eq!((feed.bus.quorum, feed.bus.quorum_within.as_secs()), (2, 300));
    let told: Vec<_> =
        feed.bus.instances.iter().map(|one| (one.name.as_str(), one.subject.as_str())).collect();
    assert_eq!(told, [("a", "findings.lido.*"), ("b", "x.>")]);
}

#[test]
fn what_is_wrong_is_told() {
    const FINE: &str = "chain = \"base\"\nservers = \"tls://h\"\ntoken = { env = \"OWN_SECRET\" }";
    let fine = |more: &str| format!("{FINE}\n{more}");
    for (with, wanted) in [
        ("chain = \"base\"\nservers = \"tls://h\"".to_owned(), "anybody could publish there; expected token"),
        (
            "chain = \"base\"\nservers = \"tls://me:secret-1@h\"\nunauthenticated = true".to_owned(),
            "carries a user or a token",
        ),
        ("chain = \"base\"\nservers = \"http://h\"\nunauthenticated = true".to_owned(), "is no NATS address"),
        (
            "chain = \"base\"\nservers = \"nats://h.example.org\"\ntoken = { env = \"OWN_SECRET\" }"
                .to_owned(),
            "is not encrypted",
        ),
        (fine("certificate = \"client.pem\""), "missing key \"certificate_key\""),
        (fine("certificate_key = \"client-key.pem\""), "missing key \"certificate\""),
        (
            "chain = \"base\"\nservers = \"nats://127.0.0.1\"\ncertificate = \"c.pem\"\ncertificate_key = \"k.pem\"".to_owned(),
            "a certificate is shown over TLS alone, and nats://127.0.0.1 is not; write tls://…",
        ),
        (
            "servers = \"tls://h\"\ntoken = { env = \"OWN_SECRET\" }".to_owned(),
            "the chain that the findings are about",
        ),
        ("chain = \"base\"\ntoken = { env = \"OWN_SECRET\" }".to_owned(), "missing key \"servers\""),
        (fine("quorum = 2"), "quorum = 2 in [[feeds]]; expected a whole number from 1 to 1"),
        (fine("subject = \"a..b\""), "a NATS subject such as"),
        (fine("subject = \"a.>.b\""), "a NATS subject such as"),
        (fine("durable = \"a b\""), "at most 64 letters"),
        (fine("user = \"u\""), "says twice who we are"),
        (
            fine("[feeds.instances.a]\nservers = \"tls://h\"\ntoken = { env = \"OWN_SECRET\" }"),
            "say it in each instance",
        ),
        (fine("qourum = 2"), "did you mean \"quorum\"?"),
    ] {
        let told = files(&with).told();
        assert!(told.contains(wanted), "{with}\n{told}");
        assert!(!told.contains("secret-1"), "{told}");
    }
}
