//! Every login against the real server: heard with the right one, red with a sentence with a wrong one.

use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use secrecy::ExposeSecret as _;

use super::server::{Server, server, stream};
use super::*;

/// A server's configuration, who may come in, and who may not.
struct Case {
    name: &'static str,
    configuration: String,
    scheme: &'static str,
    right: NatsInstance,
    /// By which scheme, and as whom.
    wrong: Vec<(&'static str, NatsInstance)>,
}

fn instance(login: NatsLogin) -> NatsInstance {
    let (name, subject) = ("lido".to_owned(), "findings.>".to_owned());
    NatsInstance { name, servers: Vec::new(), subject, stream: None, login, ca: None, certificate: None }
}

fn secret(text: impl Into<String>) -> SecretString {
    SecretString::from(text.into())
}

fn user(password: &str) -> NatsInstance {
    instance(NatsLogin::User { user: "us".to_owned(), password: secret(password) })
}

fn token(text: &str) -> NatsInstance {
    instance(NatsLogin::Token(secret(text)))
}

fn nkey(pair: &KeyPair) -> NatsInstance {
    instance(NatsLogin::NKey(secret(pair.seed().unwrap())))
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A JWT as NATS signs it: with the nkey of whoever vouches.
fn jwt(signer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    jwt_until(signer, subject, nats, None)
}

fn jwt_until(signer: &KeyPair, subject: &KeyPair, nats: Value, end: Option<i64>) -> String {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let (iss, sub) = (signer.public_key(), subject.public_key());
    let mut claims = json!({ "jti": "of a test", "iat": 1_795_219_200, "iss": iss, "sub": sub, "name": "test", "nats": nats });
    if let Some(end) = end {
        claims["exp"] = json!(end);
    }
    let text = format!("{}.{}", part(json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(claims));
    let signature = signer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// An account; the server's own may have no streams.
fn account(operator: &KeyPair, account: &KeyPair, streams: bool) -> String {
    let mut limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
    });
    if streams {
        for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
            limits[limit] = json!(-1);
        }
    }
    jwt(operator, account, json!({ "type": "account", "version": 2, "limits": limits }))
}

/// A `.creds` file of a new user of this account.
fn creds(account: &KeyPair) -> NatsInstance {
    creds_until(account, None)
}

/// One that ends, in seconds since 1970.
fn creds_until(account: &KeyPair, end: Option<i64>) -> NatsInstance {
    let user = KeyPair::new_user();
    let nats = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
    let (jwt, seed) = (jwt_until(account, &user, nats, end), user.seed().unwrap());
    instance(NatsLogin::Credentials(secret(format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    ))))
}

/// An operator with two accounts, of which one is the server's own, and the configuration that knows them.
fn decentralised() -> (String, KeyPair) {
    let (operator, own, ours) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let vouched = jwt(&operator, &operator, json!({ "type": "operator", "version": 2 }));
    let configuration = format!(
        "operator: {vouched}\nsystem_account: {own_id}\nresolver: MEMORY\n\
         resolver_preload: {{ {own_id}: {own_jwt}, {ours_id}: {ours_jwt} }}\n",
        own_id = own.public_key(),
        own_jwt = account(&operator, &own, false),
        ours_id = ours.public_key(),
        ours_jwt = account(&operator, &ours, true),
    );
    (configuration, ours)
}

fn cases() -> Vec<Case> {
    let known = KeyPair::new_user();
    let (operated, ours) = decentralised();
    let tls = format!(
        "authorization {{ token: right }}\ntls {{ cert_file: {:?}, key_file: {:?} }}\n",
        fixture("bus.pem"),
        fixture("bus-key.pem")
    );
    let trusting = |ca: &str, login: &str| NatsInstance { ca: Some(fixture(ca)), ..token(login) };
    let mutual = |authorization: &str, more: &str| {
        format!(
            "{authorization}\ntls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, {more}: true }}\n",
            fixture("bus.pem"),
            fixture("bus-key.pem"),
            fixture("client-authority.pem")
        )
    };
    let showing = |chain: &str, key: &str, own: NatsInstance| {
        let certificate = NatsCertificate { chain: fixture(chain), key: fixture(key) };
        NatsInstance { ca: Some(fixture("authority.pem")), certificate: Some(certificate), ..own }
    };
    let (chain, key) = ("client.pem", "client-key.pem");
    let alone = || instance(NatsLogin::Nobody);
    vec![
        Case {
            name: "user and password",
            configuration: "authorization { users = [{ user: us, password: right }] }".to_owned(),
            scheme: "nats",
            right: user("right"),
            wrong: vec![("nats", user("wrong")), ("nats", instance(NatsLogin::Nobody))],
        },
        Case {
            name: "token",
            configuration: "authorization { token: right }".to_owned(),
            scheme: "nats",
            right: token("right"),
            wrong: vec![("nats", token("wrong")), ("tls", token("right"))],
        },
        Case {
            name: "nkey",
            configuration: format!("authorization {{ users = [{{ nkey: {} }}] }}", known.public_key()),
            scheme: "nats",
            right: nkey(&known),
            wrong: vec![
                ("nats", nkey(&KeyPair::new_user())),
                ("nats", instance(NatsLogin::NKey(secret("SUNOSEED")))),
            ],
        },
        Case {
            name: "creds",
            configuration: operated,
            scheme: "nats",
            right: creds(&ours),
            wrong: vec![
                ("nats", creds(&KeyPair::new_account())),
                ("nats", creds_until(&ours, Some(1_795_219_300))),
                ("nats", instance(NatsLogin::Credentials(secret("a password by mistake")))),
            ],
        },
        Case {
            name: "tls",
            configuration: tls,
            scheme: "tls",
            right: trusting("authority.pem", "right"),
            wrong: vec![
                ("tls", trusting("authority.pem", "wrong")),
                ("tls", token("right")),
                ("tls", trusting("cert.pem", "right")),
                ("tls", trusting("no-such-file.pem", "right")),
            ],
        },
        Case {
            name: "certificate beside a token",
            configuration: mutual("authorization { token: right }", "verify"),
            scheme: "tls",
            right: showing(chain, key, token("right")),
            wrong: vec![
                ("tls", trusting("authority.pem", "right")),
                ("tls", showing(chain, key, token("wrong"))),
                ("tls", showing(chain, key, alone())),
                // Signed by itself, and by whom the server trusts, but long ago.
                ("tls", showing("cert.pem", "key.pem", token("right"))),
                ("tls", showing("client-expired.pem", "client-expired-key.pem", token("right"))),
                ("tls", showing(chain, "no-such-file.pem", token("right"))),
                ("tls", showing(chain, "client-expired-key.pem", token("right"))),
            ],
        },
        Case {
            name: "certificate alone",
            configuration: mutual(
                "authorization { users = [{ user: \"redhandle@example.org\" }] }",
                "verify_and_map",
            ),
            scheme: "tls",
            right: showing(chain, key, alone()),
            wrong: vec![("tls", NatsInstance { ca: Some(fixture("authority.pem")), ..alone() })],
        },
    ]
}

fn at(server: &Server, scheme: &str, instance: &NatsInstance) -> NatsInstance {
    let url = Url::parse(&format!("{scheme}://127.0.0.1:{}", server.port)).unwrap();
    NatsInstance { servers: vec![url], ..instance.clone() }
}

fn hearing_one(instance: NatsInstance) -> NatsSettings {
    let mut settings = settings(&[]);
    settings.bus.instances = vec![instance];
    settings
}

/// What health says, once it says something.
async fn said(instance: NatsInstance) -> String {
    let login = instance.login.clone();
    hearing(hearing_one(instance), async |ground| {
        ground.until(Some("")).await;
        let said = ground.health.snapshot();
        assert_eq!(said.last_ok, None);
        let said = said.last_error.unwrap().replace(env!("CARGO_MANIFEST_DIR"), "");
        if let NatsLogin::NKey(secret) | NatsLogin::Credentials(secret) = &login {
            assert!(!said.contains(secret.expose_secret()), "{said}");
        }
        said
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login_hears_and_every_wrong_one_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let file = folder.path().join(format!("{number}.conf"));
        std::fs::write(&file, &case.configuration).unwrap();
        let test = "every_login_hears_and_every_wrong_one_says_what_to_do";
        let Some(nats) = server(test, &["-js", "-c", file.to_str().unwrap()]).await else { return };
        let right = at(&nats, case.scheme, &case.right);
        // Whoever publishes comes in the same way.
        crate::http::install_tls();
        let publisher = login::connect(&right, ConnectOptions::new()).await.unwrap();
        let context = stream(publisher).await;
        hearing(hearing_one(right), async |ground| {
            publish(&context, finding(case.name)).await;
            assert_eq!(keys(&ground.take(1).await), [case.name]);
            ground.until(None).await;
        })
        .await;
        for (scheme, wrong) in &case.wrong {
            told.push(format!("{}: {}", case.name, said(at(&nats, scheme, wrong)).await));
        }
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    user and password: instance lido: the server refuses user us with this password: compare what `password` names with the server's, and start the agent again
    user and password: instance lido: the server wants to know who we are: give this instance token, user with password, nkey or credentials
    token: instance lido: the server refuses this token: compare what `token` names with the server's, and start the agent again
    token: instance lido: the server speaks no TLS there: turn it on, or write nats:// where nobody else can reach the network between
    nkey: instance lido: the server refuses this nkey: its public key, U…, must stand among the server's users, and start the agent again
    nkey: instance lido: what its `nkey` names is not the seed of a user's nkey: 58 letters and digits that begin with SU
    creds: instance lido: the server refuses these credentials: the account that signed them must be known to the server, and they must be neither expired nor revoked, and start the agent again
    creds: instance lido: the server refuses these credentials, which end at 2026-11-21T00:01:40Z: the account that signed them must be known to the server, and they must be neither expired nor revoked, and start the agent again
    creds: instance lido: what its `credentials` name is not what a .creds file holds: a block NATS USER JWT and a block USER NKEY SEED, as `nsc generate creds` writes it
    tls: instance lido: the server refuses this token: compare what `token` names with the server's, and start the agent again
    tls: instance lido: the server's certificate is signed by nobody this machine trusts: give `ca` the certificate of the authority that signed it, PEM
    tls: instance lido: the server's certificate is not signed by whom /tests/fixtures/tls/cert.pem holds: give `ca` the certificate of the authority that signed it, PEM
    tls: instance lido: its ca, /tests/fixtures/tls/no-such-file.pem, cannot be used (TLS error: No such file or directory (os error 2)): a file of certificates in PEM is wanted
    certificate beside a token: instance lido: the server wants a certificate of ours (CertificateRequired): give this instance `certificate` and `certificate_key`
    certificate beside a token: instance lido: the server refuses this token: compare what `token` names with the server's, and start the agent again
    certificate beside a token: instance lido: the server knows no user of our certificate: it needs verify_and_map and a user of that name, or this instance another login beside the certificate
    certificate beside a token: instance lido: the server does not take the certificate in /tests/fixtures/tls/cert.pem (UnknownCA): it must be signed by an authority that the server trusts, for clients, and not have expired
    certificate beside a token: instance lido: the server does not take the certificate in /tests/fixtures/tls/client-expired.pem (CertificateExpired): it must be signed by an authority that the server trusts, for clients, and not have expired
    certificate beside a token: instance lido: one of /tests/fixtures/tls/client.pem, /tests/fixtures/tls/no-such-file.pem, /tests/fixtures/tls/authority.pem cannot be used (TLS error: No such file or directory (os error 2)): files in PEM are wanted, and `certificate_key` must be that of `certificate`
    certificate beside a token: instance lido: one of /tests/fixtures/tls/client.pem, /tests/fixtures/tls/client-expired-key.pem, /tests/fixtures/tls/authority.pem cannot be used (TLS error: could not add certificate or key): files in PEM are wanted, and `certificate_key` must be that of `certificate`
    certificate alone: instance lido: the server wants a certificate of ours (CertificateRequired): give this instance `certificate` and `certificate_key`
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_end_while_we_listen_are_told_with_their_end() {
    let (configuration, ours) = decentralised();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bus.conf");
    std::fs::write(&file, configuration).unwrap();
    let test = "credentials_that_end_while_we_listen_are_told_with_their_end";
    let Some(nats) = server(test, &["-js", "-c", file.to_str().unwrap()]).await else { return };
    crate::http::install_tls();
    let publisher = login::connect(&at(&nats, "nats", &creds(&ours)), ConnectOptions::new()).await.unwrap();
    let context = stream(publisher).await;
    let now = crate::clock::Clock::now(&crate::clock::SystemClock).as_second();
    let ending = at(&nats, "nats", &creds_until(&ours, Some(now + 8)));
    hearing(hearing_one(ending), async |ground| {
        publish(&context, finding("before")).await;
        assert_eq!(keys(&ground.take(1).await), ["before"]);
        // The server closes the connection, or refuses the next one: either way the end is told.
        ground.until(Some(" end at ")).await;
    })
    .await;
}
