//! `[[feeds]]` with `kind = "nats"`: findings on a message bus, as Lido's onchain-mon publishes them.
//!
//! One feed may hear several *instances* of the same monitors, each on a bus of its own, and believe a finding once
//! `quorum` of them made the same claim.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use url::Url;

use crate::config::problem::{Findings, Place, Problem};
use crate::config::reader::{Placed, Table, known};
use crate::domain::names::{ChainId, ChainName};
use crate::domain::nats::{NatsBus, NatsCertificate, NatsInstance, NatsLogin};

/// Monitors of one feed that may be heard; Lido runs three.
const INSTANCES_MAX: usize = 16;
const QUORUM_WITHIN: RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(10)..=SignedDuration::from_hours(24);
/// Instances look at the same blocks within seconds; one that has to catch up needs minutes.
const QUORUM_WITHIN_DEFAULT: SignedDuration = SignedDuration::from_mins(10);
const STALE_AFTER: RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(10)..=SignedDuration::from_hours(24);
const STALE_AFTER_DEFAULT: SignedDuration = SignedDuration::from_mins(2);

/// Findings over NATS.
#[derive(Clone, Debug)]
pub struct NatsFeed {
    /// Who is heard and how. A feed without `instances` has one called as the feed.
    pub bus: NatsBus,
    /// The chain of every finding: they name none. A monitor of another chain is another feed.
    pub chain: ChainId,
    /// How long without an answer of a server until the feed counts as deaf.
    pub stale_after: Duration,
}

pub(super) fn read(
    table: &mut Table<'_>,
    name: &str,
    chains: &BTreeSet<String>,
    ids: &BTreeMap<ChainName, ChainId>,
    findings: &mut Findings,
) -> Option<NatsFeed> {
    if let Some(problem) = unheard(cfg!(feature = "nats"), table.place(), table.shown()) {
        findings.problem(problem);
    }
    let open = table.optional("unauthenticated", findings).unwrap_or(false);
    let subject = read_subject(table, findings);
    let mut instances = Vec::new();
    let mut whole = true;
    if table.has("instances") {
        for key in [
            "servers",
            "token",
            "user",
            "password",
            "nkey",
            "credentials",
            "ca",
            "certificate",
            "certificate_key",
            "stream",
        ] {
            if table.has(key) {
                table.node(key);
                let found = format!("{} has instances, and a \"{key}\" of its own", table.shown());
                let problem = Problem::new(&table.place_of(key), found);
                findings.problem(
                    problem.remedy(format!("say it in each instance: [feeds.instances.NAME] {key}")),
                );
            }
        }
        for (name, mut own) in table.named("instances", findings) {
            let own_subject =
                if own.has("subject") { read_subject(&mut own, findings) } else { subject.clone() };
            let instance = read_instance(&mut own, name, own_subject, open, findings);
            own.finish(findings);
            whole &= instance.is_some();
            instances.extend(instance);
        }
        if instances.len() > INSTANCES_MAX || (whole && instances.is_empty()) {
            findings.problem(table.wrong("instances", format!("from 1 to {INSTANCES_MAX} instances")));
        }
    } else {
        instances.extend(read_instance(table, name.to_owned(), subject, open, findings));
        whole = !instances.is_empty();
    }
    let most = u64::try_from(if whole { instances.len().max(1) } else { INSTANCES_MAX }).unwrap_or(1);
    let quorum = table.integer("quorum", 1..=most, findings).and_then(|quorum| usize::try_from(quorum).ok());
    let quorum_within =
        table.duration("quorum_within", QUORUM_WITHIN, findings).unwrap_or(QUORUM_WITHIN_DEFAULT);
    let stale_after = table.duration("stale_after", STALE_AFTER, findings).unwrap_or(STALE_AFTER_DEFAULT);
    let durable = table.optional("durable", findings).unwrap_or_else(|| format!("redhandle-{name}"));
    if !is_durable_name(&durable) {
        findings.problem(table.wrong("durable", "at most 64 letters, digits, - and _"));
    }
    let lossy = table.optional("lossy", findings).unwrap_or(false);
    if !table.has("chain") {
        table.missing("chain", "the chain that the findings are about: they name none", findings);
    }
    let chain: Option<Placed<String>> = table.optional("chain", findings);
    let chain = chain
        .filter(|chain| known("chain", chain, chains.iter().map(String::as_str), findings))
        .and_then(|chain| ids.get(&ChainName::new(chain.value)).copied())?;
    let bus = NatsBus {
        instances,
        quorum: quorum.unwrap_or(1),
        quorum_within: quorum_within.unsigned_abs(),
        authenticated: !open,
        durable,
        lossy,
    };
    whole.then_some(NatsFeed { bus, chain, stale_after: stale_after.unsigned_abs() })
}

/// A feed that this build cannot hear is a problem of the file, before anything runs.
fn unheard(nats: bool, place: &Place, shown: &str) -> Option<Problem> {
    let found = format!("{shown} hears NATS, and this build of redhandle cannot");
    let remedy = "take a build with the feature nats (cargo build --features nats), or take the feed out";
    (!nats).then(|| Problem::new(place, found).remedy(remedy))
}

fn read_subject(table: &mut Table<'_>, findings: &mut Findings) -> Option<String> {
    let subject = table.optional("subject", findings).unwrap_or_else(|| "findings.>".to_owned());
    if is_subject(&subject) {
        return Some(subject);
    }
    findings.problem(table.wrong("subject", "a NATS subject such as \"findings.>\" or \"findings.lido.*\""));
    None
}

fn read_instance(
    table: &mut Table<'_>,
    name: String,
    subject: Option<String>,
    open: bool,
    findings: &mut Findings,
) -> Option<NatsInstance> {
    let servers = read_servers(table, findings);
    let stream: Option<String> = table.optional("stream", findings);
    let ca = table.path("ca", findings);
    let shown = table.has("certificate");
    let certificate = read_certificate(table, findings);
    let login = read_login(table, open || shown, findings);
    let plaintext = table.optional("plaintext", findings).unwrap_or(false);
    let servers = servers?;
    if let Some(far) = servers.iter().find(|url| url.value.scheme() == "nats" && !is_this_machine(&url.value))
        && !plaintext
        && !open
    {
        let found = format!("{} in {} is not encrypted", far.value, table.shown());
        let remedy = "write tls://…, or plaintext = true where nobody else can reach the network between";
        findings.problem(Problem::new(&far.place, found).remedy(remedy));
    }
    if let Some(plain) = servers.iter().find(|url| url.value.scheme() != "tls").filter(|_| shown) {
        let found = format!("a certificate is shown over TLS alone, and {} is not", plain.value);
        findings.problem(Problem::new(&plain.place, found).remedy("write tls://…"));
    }
    let servers = servers.into_iter().map(|url| url.value).collect();
    let whole = shown == certificate.is_some();
    let login = login.filter(|_| whole);
    Some(NatsInstance { name, servers, subject: subject?, stream, login: login?, ca, certificate })
}

/// `certificate` and `certificate_key`: one says nothing without the other.
fn read_certificate(table: &mut Table<'_>, findings: &mut Findings) -> Option<NatsCertificate> {
    let (has_chain, has_key) = (table.has("certificate"), table.has("certificate_key"));
    let (chain, key) = (table.path("certificate", findings), table.path("certificate_key", findings));
    if has_chain && !has_key {
        table.missing("certificate_key", "the file with the private key of `certificate`, PEM", findings);
    } else if has_key && !has_chain {
        table.missing("certificate", "the file with the certificate of `certificate_key`, PEM", findings);
    }
    Some(NatsCertificate { chain: chain?, key: key? })
}

fn read_servers(table: &mut Table<'_>, findings: &mut Findings) -> Option<Vec<Placed<Url>>> {
    if !table.has("servers") {
        table.missing("servers", "\"tls://HOST:4222\", or a list of them", findings);
        return None;
    }
    let written: Vec<Placed<String>> = table.required_list("servers", findings);
    let (mut servers, mut whole) = (Vec::new(), !written.is_empty());
    for Placed { place, value } in written {
        let url = Url::parse(&value).ok().filter(|url| {
            ["nats", "tls"].contains(&url.scheme()) && url.has_host() && ["", "/"].contains(&url.path())
        });
        match url {
            Some(url) if url.username().is_empty() && url.password().is_none() => {
                servers.push(Placed { place, value: url });
            }
            Some(_with_user) => {
                whole = false;
                // What was written is not repeated: it may be the secret.
                let found = format!("a server in {} carries a user or a token", table.shown());
                let remedy =
                    "a secret is never in this file: token, user and password, nkey or credentials name it";
                findings.problem(Problem::new(&place, found).remedy(remedy));
            }
            None => {
                whole = false;
                let found = format!("a server in {} is no NATS address", table.shown());
                findings.problem(
                    Problem::new(&place, found).wanted("\"tls://HOST:4222\" or \"nats://HOST:4222\""),
                );
            }
        }
    }
    whole.then_some(servers)
}

fn read_login(table: &mut Table<'_>, open: bool, findings: &mut Findings) -> Option<NatsLogin> {
    let given: Vec<&'static str> =
        ["token", "user", "nkey", "credentials"].into_iter().filter(|key| table.has(key)).collect();
    let user: Option<String> = table.optional("user", findings);
    let password = table.secret("password", findings);
    let token = table.secret("token", findings);
    let nkey = table.secret("nkey", findings);
    let creds = table.secret("credentials", findings);
    if let [_, second, ..] = given.as_slice() {
        let found = format!("{} says twice who we are", table.shown());
        let wanted = "one of token, user with password, nkey, credentials";
        findings.problem(Problem::new(&table.place_of(second), found).wanted(wanted));
        return None;
    }
    match given.first() {
        None if open => Some(NatsLogin::Nobody),
        None => {
            let wanted = "token, user with password, nkey, credentials or certificate, or unauthenticated = true for a feed that may page and never propose";
            let found = format!("{} does not say who we are: anybody could publish there", table.shown());
            findings.problem(Problem::new(table.place(), found).wanted(wanted));
            None
        }
        Some(&"user") => {
            if !table.has("password") {
                table.missing("password", "{ env = \"NAME\" } or { file = \"PATH\" }", findings);
            }
            Some(NatsLogin::User { user: user?, password: password? })
        }
        Some(&"token") => token.map(NatsLogin::Token),
        Some(&"nkey") => nkey.map(NatsLogin::NKey),
        Some(_credentials) => creds.map(NatsLogin::Credentials),
    }
}

/// Whether a URL leads to this machine. Of a scheme that is not the web's a URL's host is plain text, addresses too.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Tokens between dots; `*` stands for one, `>` for all that follow.
fn is_subject(subject: &str) -> bool {
    let tokens: Vec<&str> = subject.split('.').collect();
    let plain = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let last = tokens.len().saturating_sub(1);
    let good = |(at, token): (usize, &&str)| match *token {
        "*" => true,
        ">" => at == last,
        token => plain(token) && !token.contains(['*', '>']),
    };
    subject.len() <= 255 && tokens.iter().enumerate().all(good)
}

fn is_durable_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_nats_says_so_before_it_runs() {
        let place = Place::file("redhandle.toml");
        assert!(unheard(true, &place, "[[feeds]]").is_none());
        insta::assert_snapshot!(unheard(false, &place, "[[feeds]]").unwrap(), @"redhandle.toml: [[feeds]] hears NATS, and this build of redhandle cannot; take a build with the feature nats (cargo build --features nats), or take the feed out");
    }
}
