//! Each vendor's scheme with a genuine request, and then with everything about it spoilt.

use alloy::primitives::keccak256;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::*;

const SECRET: &str = "practice-secret-0001";
const BODY: &[u8] = br#"{"id":"7","data":[1,2]}"#;
const NOW: i64 = 1_704_067_200;
const WINDOW: Duration = Duration::from_secs(300);

fn secrets() -> Vec<SecretString> {
    vec![SecretString::from("the-secret-before-it"), SecretString::from(SECRET)]
}

fn hex_of(parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    alloy::hex::encode(mac.finalize().into_bytes())
}

/// A request as its vendor makes it.
struct Genuine {
    scheme: Scheme,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The header that carries a signed time, with a text of an hour before.
    old: Option<(&'static str, String)>,
}

impl Genuine {
    fn prove(&self, at: i64) -> Result<Proof, Unproven> {
        prove(&self.scheme, &self.headers, &self.body, at)
    }
}

fn prove(
    scheme: &Scheme,
    headers: &[(&'static str, String)],
    body: &[u8],
    at: i64,
) -> Result<Proof, Unproven> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    scheme.prove(&FeedName::new("f"), &map, body, Timestamp::from_second(at).unwrap(), WINDOW)
}

fn hmac_scheme(
    scheme: Scheme,
    signature: (&'static str, String),
    time: Option<(&'static str, String, String)>,
) -> Genuine {
    let mut headers = vec![signature];
    headers.extend(time.iter().map(|(name, now, _)| (*name, now.clone())));
    Genuine { scheme, headers, body: BODY.to_vec(), old: time.map(|(name, _, old)| (name, old)) }
}

fn all() -> Vec<(&'static str, Genuine)> {
    let milliseconds = format!("{NOW}000");
    let iso = "2024-01-01T00:00:00.000Z".to_owned();
    let go = "2024-01-01 00:00:00.5 +0000 UTC m=+7.1".to_owned();
    let seconds = NOW.to_string();
    let defender = br#"{"id":"7","data":[1,2],"timestamp":"2024-01-01T00:00:00.000Z"}"#;
    let mut quicknode = hmac_scheme(
        Scheme::QuickNode(secrets()),
        ("x-qn-signature", hex_of(&[b"nonce-1", seconds.as_bytes(), BODY])),
        Some(("x-qn-timestamp", seconds.clone(), (NOW - 3_600).to_string())),
    );
    quicknode.headers.push(("x-qn-nonce", "nonce-1".to_owned()));
    vec![
        (
            "openzeppelin-monitor",
            hmac_scheme(
                Scheme::OpenZeppelinMonitor(secrets()),
                ("x-signature", hex_of(&[BODY, milliseconds.as_bytes()])),
                Some(("x-timestamp", milliseconds, format!("{}000", NOW - 3_600))),
            ),
        ),
        (
            "defender",
            hmac_scheme(
                Scheme::Defender(secrets()),
                ("defender-signature", hex_of(&[defender])),
                Some(("defender-timestamp", iso, "2023-12-31T23:00:00.000Z".to_owned())),
            ),
        ),
        (
            "tenderly",
            hmac_scheme(
                Scheme::Tenderly(secrets()),
                ("x-tenderly-signature", hex_of(&[BODY, go.as_bytes()])),
                Some(("date", go, "2023-12-31 23:00:00 +0000 UTC".to_owned())),
            ),
        ),
        (
            "grafana",
            hmac_scheme(
                Scheme::Grafana(secrets(), None),
                ("x-grafana-alerting-signature", hex_of(&[BODY])),
                None,
            ),
        ),
        (
            "grafana with a time",
            hmac_scheme(
                Scheme::Grafana(secrets(), Some("x-sent-at".to_owned())),
                ("x-grafana-alerting-signature", hex_of(&[seconds.as_bytes(), b":", BODY])),
                Some(("x-sent-at", seconds, (NOW - 3_600).to_string())),
            ),
        ),
        (
            "pagerduty",
            hmac_scheme(
                Scheme::PagerDuty(secrets()),
                ("x-pagerduty-signature", format!("v1={},v1={}", "0".repeat(64), hex_of(&[BODY]))),
                None,
            ),
        ),
        ("alchemy", hmac_scheme(Scheme::Alchemy(secrets()), ("x-alchemy-signature", hex_of(&[BODY])), None)),
        ("quicknode", quicknode),
    ]
}

#[test]
fn what_openssl_computes_is_genuine() {
    // printf '%s' '{"id":"7","data":[1,2]}' | openssl dgst -sha256 -hmac practice-secret-0001
    assert_eq!(hex_of(&[BODY]), "f79764fd3f4395ff4af16c0322fb2f60596cf66c7bb104a9a75ee4732c509a53");
}

#[test]
fn a_genuine_request_is_taken_and_one_that_was_touched_is_not() {
    for (vendor, genuine) in all() {
        let proof = genuine.prove(NOW).unwrap_or_else(|why| panic!("{vendor}: {why:?}"));
        assert_eq!(proof.at.is_some(), genuine.old.is_some(), "{vendor}");
        let mut touched = genuine.body.clone();
        let place = touched.iter().position(|byte| *byte == b'7').unwrap();
        touched[place] = b'8';
        let spoilt = prove(&genuine.scheme, &genuine.headers, &touched, NOW);
        assert_eq!(spoilt, Err(Unproven::WrongSignature), "{vendor}: another body");
        let mut written_again = genuine.body.clone();
        written_again.insert(1, b' ');
        let spoilt = prove(&genuine.scheme, &genuine.headers, &written_again, NOW);
        assert_eq!(spoilt, Err(Unproven::WrongSignature), "{vendor}: the same JSON in other bytes");
        for left_out in 0..genuine.headers.len() {
            let mut headers = genuine.headers.clone();
            headers.remove(left_out);
            let spoilt = prove(&genuine.scheme, &headers, &genuine.body, NOW);
            assert!(
                matches!(spoilt, Err(Unproven::NoSignature | Unproven::NoTime)),
                "{vendor} without {}: {spoilt:?}",
                genuine.headers[left_out].0
            );
        }
    }
}

#[test]
fn both_secrets_count_and_it_is_known_which_one_was_used() {
    for (vendor, genuine) in all() {
        // The secret that they sign with stands second: the one of before.
        assert_eq!(genuine.prove(NOW).unwrap().with, With::Previous, "{vendor}");
        let turned = |secrets: &[SecretString]| secrets.iter().rev().cloned().collect::<Vec<_>>();
        let secrets = turned(genuine.scheme.secrets().unwrap());
        let scheme = match genuine.scheme {
            Scheme::OpenZeppelinMonitor(_) => Scheme::OpenZeppelinMonitor(secrets),
            Scheme::Defender(_) => Scheme::Defender(secrets),
            Scheme::Tenderly(_) => Scheme::Tenderly(secrets),
            Scheme::Grafana(_, ref time) => Scheme::Grafana(secrets, time.clone()),
            Scheme::PagerDuty(_) => Scheme::PagerDuty(secrets),
            Scheme::Alchemy(_) => Scheme::Alchemy(secrets),
            Scheme::QuickNode(_) => Scheme::QuickNode(secrets),
            Scheme::Bearer(_) => Scheme::Bearer(secrets),
            Scheme::Hypernative(_) | Scheme::FortaNode(_) => continue,
        };
        let present = prove(&scheme, &genuine.headers, &genuine.body, NOW).unwrap();
        assert_eq!((present.with, present.key), (With::Present, genuine.prove(NOW).unwrap().key), "{vendor}");
    }
}

#[test]
fn a_time_is_signed_with_the_rest_and_binds() {
    for (vendor, genuine) in all() {
        let Some((name, old)) = &genuine.old else { continue };
        let mut headers = genuine.headers.clone();
        headers.iter_mut().filter(|(header, _)| header == name).for_each(|(_, value)| value.clone_from(old));
        let moved = prove(&genuine.scheme, &headers, &genuine.body, NOW - 3_600);
        assert_eq!(moved, Err(Unproven::WrongSignature), "{vendor}: a time of its own");
        for (at, inside) in [(NOW - 302, false), (NOW - 299, true), (NOW + 300, true), (NOW + 302, false)] {
            let found = genuine.prove(at);
            assert_eq!(found.is_ok(), inside, "{vendor} {}: {found:?}", at - NOW);
        }
    }
}

#[test]
fn what_tells_requests_apart_is_what_was_signed() {
    for (vendor, genuine) in all() {
        let again = [genuine.prove(NOW).unwrap(), genuine.prove(NOW + 1).unwrap()];
        assert_eq!(again[0].key, again[1].key, "{vendor}");
        let elsewhere = {
            let mut map = HeaderMap::new();
            for (name, value) in &genuine.headers {
                map.insert(*name, value.parse().unwrap());
            }
            let now = Timestamp::from_second(NOW).unwrap();
            genuine.scheme.prove(&FeedName::new("g"), &map, &genuine.body, now, WINDOW).unwrap()
        };
        assert_ne!(elsewhere.key, again[0].key, "{vendor}: another feed's");
    }
}

#[test]
fn hypernative_signs_the_text_of_its_data() {
    let random = SystemRandom::new();
    let pair =
        |pkcs8: &[u8]| EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random).unwrap();
    let made = || EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let (ours, other) = (made(), made());
    let (ours, other) = (pair(ours.as_ref()), pair(other.as_ref()));
    let data = r#"{"riskInsight":{"id":"7"}}"#;
    let signed = |key: &EcdsaKeyPair, data: &str, shown: &str| {
        let signature = STANDARD.encode(key.sign(&random, data.as_bytes()).unwrap());
        serde_json::json!({ "id": "not signed", "digitalSignature": signature, "data": shown }).to_string()
    };
    let point = P256Key(ours.public_key().as_ref().try_into().unwrap());
    let found = |body: String| prove(&Scheme::Hypernative(point), &[], body.as_bytes(), NOW).map(|_| ());
    assert_eq!(found(signed(&ours, data, data)), Ok(()));
    assert_eq!(found(signed(&other, data, data)), Err(Unproven::WrongSignature));
    assert_eq!(found(signed(&ours, data, &data.replace('7', "8"))), Err(Unproven::WrongSignature));
    assert_eq!(found(signed(&ours, data, &data.replace(':', ": "))), Err(Unproven::WrongSignature));
    assert_eq!(found(r#"{"data":"{}"}"#.to_owned()), Err(Unproven::NoSignature));

    // Whatever anybody writes around what was signed, it is the same request; another signature of it is, too.
    let key = |body: String| prove(&Scheme::Hypernative(point), &[], body.as_bytes(), NOW).unwrap().key;
    let first = signed(&ours, data, data);
    let renamed = first.replace("not signed", "another id").replacen('{', "{ ", 1);
    assert_ne!(first, renamed);
    assert_eq!(key(first.clone()), key(renamed));
    assert_eq!(key(first.clone()), key(signed(&ours, data, data)));
    let other_data = data.replace('7', "8");
    assert_ne!(key(first), key(signed(&ours, &other_data, &other_data)));
}

#[test]
fn a_forta_node_is_known_by_its_scanners_key() {
    let scanner = PrivateKeySigner::random();
    let token = |signer: &PrivateKeySigner, alg: &str, sub: Address, at: i64| {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(serde_json::json!({ "alg": alg, "typ": "JWT" }));
        let claims =
            part(serde_json::json!({ "jti": "1", "sub": sub, "iat": at, "nbf": at - 30, "exp": at + 30 }));
        let signed = format!("{header}.{claims}");
        let signature = signer.sign_hash_sync(&keccak256(&signed)).unwrap().as_bytes();
        format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let scheme = Scheme::FortaNode(vec![scanner.address()]);
    let found = |token: String| prove(&scheme, &[("authorization", token)], BODY, NOW).map(|_| ());
    let own = scanner.address();
    assert_eq!(found(token(&scanner, "ETH", own, NOW)), Ok(()));
    assert_eq!(found(token(&scanner, "none", own, NOW)), Err(Unproven::NoSignature));
    assert_eq!(found(token(&scanner, "ETH", own, NOW - 31)), Err(Unproven::OutsideWindow));
    assert_eq!(found(token(&scanner, "ETH", own, NOW + 31)), Err(Unproven::OutsideWindow));
    let stranger = PrivateKeySigner::random();
    assert_eq!(found(token(&stranger, "ETH", stranger.address(), NOW)), Err(Unproven::WrongSignature));
    assert_eq!(found(token(&stranger, "ETH", own, NOW)), Err(Unproven::WrongSignature));
    assert_eq!(found("Bearer a.b".to_owned()), Err(Unproven::NoSignature));
}

#[test]
fn a_bearer_token_is_the_secret_and_nothing_like_it() {
    let scheme = Scheme::Bearer(secrets());
    let found = |value: &str| prove(&scheme, &[("authorization", value.to_owned())], BODY, NOW);
    assert_eq!(found(&format!("bearer {SECRET}")), Ok(Proof { at: None, key: None, with: With::Previous }));
    for odd in
        [format!("Bearer {SECRET}x"), format!("Basic {SECRET}"), SECRET.to_owned(), "Bearer ".to_owned()]
    {
        assert!(found(&odd).is_err(), "{odd}");
    }
}
