//! The client against a service that keeps state and misbehaves: status by status, and what is done next.

use std::time::{Duration, Instant};

use alloy::primitives::Address;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use super::stub::{Mischief, Stub};
use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::domain::names::ChainId;
use crate::domain::safe::{SafeDomain, SafeVersion, delegate_hash, hash, totp};
use crate::safe_service::recordings::TIMEOUT;
use crate::safe_service::words;

const QUICK: Patience = Patience {
    retries_max: 1,
    first_wait: Duration::from_millis(5),
    rate_limit_wait_max: Duration::from_millis(50),
};

struct Scene {
    stub: Stub,
    client: ServiceClient,
    clock: std::sync::Arc<ManualClock>,
    domain: SafeDomain,
    owner: PrivateKeySigner,
}

async fn scene() -> Scene {
    let clock = ManualClock::at("2026-11-22T01:59:00Z".parse().unwrap());
    let safe = SafeAddress("0x42D718c3035d3f9A22222E4d8D48E11e60383D37".parse().unwrap());
    let domain = SafeDomain { version: SafeVersion::V1_4_1, chain_id: ChainId(31_337), safe };
    let owner = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    let stub = Stub::start(domain, vec![owner.address()], clock.clone()).await;
    let client = ServiceClient::new(&stub.url, None, TIMEOUT).unwrap();
    let client = client.with_patience(QUICK).with_clock(clock.clone());
    Scene { stub, client, clock, domain, owner }
}

impl Scene {
    fn proposal(&self, nonce: u64) -> Proposal {
        let tx =
            SafeTx::call(Address::repeat_byte(0xaa), Bytes::from(vec![0x84, 0x56, 0xcb, 0x59]), nonce.into());
        let hash = hash(&tx, &self.domain).safe_tx;
        let signature = self.owner.sign_hash_sync(&hash.0).unwrap().as_bytes().to_vec().into();
        let origin = Some(r#"{"name":"Redhandle","incident":"INC-1"}"#.to_owned());
        Proposal { tx, hash, sender: self.owner.address(), signature, origin }
    }

    fn delegation(&self, safe: Option<SafeAddress>, by: &PrivateKeySigner) -> NewDelegate {
        let delegate = Address::repeat_byte(0xde);
        let hour = totp(u64::try_from(self.clock.now().as_second()).unwrap());
        let digest = delegate_hash(Some(self.domain.chain_id), delegate, hour);
        let signature = by.sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into();
        let delegator = self.owner.address();
        NewDelegate { safe, delegate, delegator, signature, label: "bot".to_owned(), expires: None }
    }
}

#[tokio::test]
async fn a_lost_answer_is_followed_by_the_question_and_only_then_by_a_repetition() {
    for mischief in [Mischief::ActAndHang, Mischief::ActAndCut] {
        let scene = scene().await;
        let proposal = scene.proposal(0);
        scene.stub.next(Method::POST, mischief.clone());
        let read = scene.client.deliver(&scene.domain, &proposal, false).await.unwrap();
        assert_eq!(read, ReadBack::default(), "{mischief:?}");
        assert_eq!(scene.stub.count(&Method::POST), 1, "{mischief:?}: it was there and is not sent again");
    }
    // The gateway gave up, and the service behind it never got it.
    let scene = scene().await;
    scene.stub.next(Method::POST, Mischief::say(504, ""));
    let read = scene.client.deliver(&scene.domain, &scene.proposal(0), false).await.unwrap();
    assert_eq!((read, scene.stub.count(&Method::POST)), (ReadBack::default(), 2));
    let asked: Vec<_> =
        scene.stub.with(|known| known.asked.iter().map(|(method, _)| method.to_string()).collect());
    assert_eq!(asked, ["POST", "GET", "POST", "GET"]);
}

#[tokio::test]
async fn after_a_crash_it_is_asked_before_anything_is_sent() {
    let scene = scene().await;
    let proposal = scene.proposal(0);
    scene.client.propose(scene.domain.safe, &proposal).await.unwrap();
    scene.client.deliver(&scene.domain, &proposal, true).await.unwrap();
    assert_eq!(scene.stub.count(&Method::POST), 1);
}

#[tokio::test]
async fn what_is_shown_otherwise_than_it_was_sent_is_told_field_by_field() {
    let changes: [fn(&mut Value); 9] = [
        |row| row["to"] = json!(Address::repeat_byte(0xbb).to_checksum(None)),
        |row| row["value"] = json!("1"),
        |row| row["operation"] = json!(1),
        |row| row["gasPrice"] = json!("3"),
        |row| row["refundReceiver"] = json!(Address::repeat_byte(0xbb).to_checksum(None)),
        |row| row["nonce"] = json!("9"),
        |row| row["trusted"] = json!(false),
        |row| row["origin"] = json!("\u{202e}somebody else"),
        |row| row["confirmations"] = json!([]),
    ];
    let mut told = Vec::new();
    for change in changes {
        let scene = scene().await;
        scene.stub.next(Method::GET, Mischief::Alter(change));
        let error = scene.client.deliver(&scene.domain, &scene.proposal(0), false).await.unwrap_err();
        let DeliverError::Altered { differences, .. } = error else { panic!("{error:?}") };
        told.push(differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    to is 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB and not 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa; safeTxHash of the fields shown is 0x3a05a3455ce769f16926a298125e18f782aebe0c5a109cbc5b9b681333ee1b5e and not 0x737f5f700756eb2a193593d5bb64d1e89dbd5b3270039fa86badbfd4138aae58
    value is 1 and not 0; safeTxHash of the fields shown is 0x94622995feb6c30c07f1e11a27c92112beca319fedfdd469fc4c0d915ca20209 and not 0x737f5f700756eb2a193593d5bb64d1e89dbd5b3270039fa86badbfd4138aae58
    operation is 1 and not 0; safeTxHash of the fields shown is 0xed73aeb0598ee3eaf963b5247a123e072be2e35936bd9e1b2327fe22b487b153 and not 0x737f5f700756eb2a193593d5bb64d1e89dbd5b3270039fa86badbfd4138aae58
    gasPrice is 3 and not 0; safeTxHash of the fields shown is 0x9e99fcd6d19af2d998ec28cb39a8cc620d285660d2e10ad41d585ec79436bf1d and not 0x737f5f700756eb2a193593d5bb64d1e89dbd5b3270039fa86badbfd4138aae58
    refundReceiver is 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB and not 0x0000000000000000000000000000000000000000; safeTxHash of the fields shown is 0x8d48432dbd4b60821a8c1024607977188c85b50e25b9cc4ba88dda9e26d93811 and not 0x737f5f700756eb2a193593d5bb64d1e89dbd5b3270039fa86badbfd4138aae58
    nonce is 9 and not 0; safeTxHash of the fields shown is 0x3df0146f8e92104457e465ac929cc2dde618ee08c875a78a8545d8601094fc3a and not 0x737f5f700756eb2a193593d5bb64d1e89dbd5b3270039fa86badbfd4138aae58
    trusted is false and not true
    origin is \u{202e}somebody else and not {"name":"Redhandle","incident":"INC-1"}
    confirmations is missing and not the signature of 0x4a62316623ad457F02cDC5D997deD67a383EC569
    "#);
}

#[tokio::test]
async fn what_differs_honestly_is_no_difference() {
    let scene = scene().await;
    // The service keeps JSON as JSON, and changes the order of its keys.
    scene.stub.next(
        Method::GET,
        Mischief::Alter(|row| row["origin"] = json!(r#"{"incident": "INC-1", "name": "Redhandle"}"#)),
    );
    let read = scene.client.deliver(&scene.domain, &scene.proposal(0), false).await.unwrap();
    assert_eq!(read, ReadBack::default());
    // Somebody else proposed the same before.
    scene.stub.with(|known| known.rows[0]["proposer"] = json!(Address::repeat_byte(1).to_checksum(None)));
    let read = scene.client.deliver(&scene.domain, &scene.proposal(0), true).await.unwrap();
    assert_eq!(read.differences, []);
    assert_eq!(
        read.notes,
        ["the same transaction was proposed before, by 0x0101010101010101010101010101010101010101"]
    );
}

#[tokio::test]
async fn a_service_that_takes_it_and_does_not_have_it_is_told_and_nothing_unsound_is_sent() {
    let scene = scene().await;
    scene.stub.next(Method::POST, Mischief::Forget);
    let error = scene.client.deliver(&scene.domain, &scene.proposal(0), false).await.unwrap_err();
    assert!(matches!(error, DeliverError::NotShown(_)), "{error:?}");
    let before = scene.stub.count(&Method::POST);
    let mut unsound = scene.proposal(1);
    unsound.sender = Address::repeat_byte(3);
    let signed_by_another = scene.client.deliver(&scene.domain, &unsound, false).await.unwrap_err();
    unsound = scene.proposal(1);
    unsound.tx.nonce = 2.into();
    let of_another_hash = scene.client.deliver(&scene.domain, &unsound, false).await.unwrap_err();
    assert!(
        matches!(signed_by_another, DeliverError::Unsound(_))
            && matches!(of_another_hash, DeliverError::Unsound(_))
    );
    assert_eq!(scene.stub.count(&Method::POST), before);
}

#[tokio::test]
async fn each_status_and_each_broken_answer_says_what_may_be_done_next() {
    let html = |status: u16| {
        Mischief::Say(status, vec![("content-type", "text/html".to_owned())], "<html>x".to_owned())
    };
    let limited = |wait: &str, body: &str| {
        Mischief::Say(
            429,
            vec![("retry-after", wait.to_owned()), ("content-type", "application/json".to_owned())],
            body.to_owned(),
        )
    };
    let elsewhere =
        Mischief::Say(307, vec![("location", "http://elsewhere.invalid/".to_owned())], String::new());
    let cases = [
        ("401", Mischief::say(401, r#"{"detail":"Invalid API key"}"#)),
        ("403", Mischief::say(403, r#"{"detail":"IP not allowed"}"#)),
        ("404", Mischief::say(404, r#"{"detail":"Not found."}"#)),
        (
            "422",
            Mischief::say(
                422,
                r#"{"to":["This field may not be null."],"nonce":["A valid integer is required."]}"#,
            ),
        ),
        ("429 second", limited("1", "{}")),
        ("429 month", limited("266400", r#"{"detail":"Monthly quota exceeded."}"#)),
        ("451", Mischief::say(451, r#"{"detail":"Unavailable For Legal Reasons"}"#)),
        ("500 html", html(500)),
        ("504", html(504)),
        ("redirect", elsewhere),
        ("200 html", html(200)),
        ("cut", Mischief::ActAndCut),
        ("drip", Mischief::Drip),
        ("hang", Mischief::ActAndHang),
    ];
    let mut told = Vec::new();
    for (name, mischief) in cases {
        let scene = scene().await;
        let mut row = vec![format!("{name:<10}")];
        for method in [Method::GET, Method::POST] {
            let before = scene.stub.count(&method);
            for _ in 0..2 {
                scene.stub.next(method.clone(), mischief.clone());
            }
            let proposal = scene.proposal(0);
            let next = if method == Method::GET {
                scene.client.queue_reading(scene.domain.safe, 0.into()).await.unwrap_err().next()
            } else {
                scene.client.propose(scene.domain.safe, &proposal).await.unwrap_err().next()
            };
            let asked = scene.stub.count(&method) - before;
            assert!(asked <= 2);
            row.push(format!("{method} asked {asked}x, then {next:?}"));
        }
        told.push(row.join(" | "));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    401        | GET asked 1x, then Never | POST asked 1x, then Never
    403        | GET asked 1x, then Never | POST asked 1x, then Never
    404        | GET asked 1x, then Never | POST asked 1x, then Never
    422        | GET asked 1x, then Never | POST asked 1x, then Never
    429 second | GET asked 1x, then After(Some(1s)) | POST asked 1x, then After(Some(1s))
    429 month  | GET asked 1x, then After(Some(266400s)) | POST asked 1x, then After(Some(266400s))
    451        | GET asked 1x, then Never | POST asked 1x, then Never
    500 html   | GET asked 2x, then Later | POST asked 2x, then Later
    504        | GET asked 2x, then Later | POST asked 1x, then AskFirst
    redirect   | GET asked 1x, then Never | POST asked 1x, then Never
    200 html   | GET asked 1x, then Later | POST asked 1x, then AskFirst
    cut        | GET asked 2x, then Later | POST asked 1x, then AskFirst
    drip       | GET asked 2x, then Later | POST asked 1x, then AskFirst
    hang       | GET asked 2x, then Later | POST asked 1x, then AskFirst
    ");
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_in_time() {
    let scene = scene().await;
    for _ in 0..2 {
        scene.stub.next(Method::GET, Mischief::Drip);
    }
    let started = Instant::now();
    let error = scene.client.about().await.unwrap_err();
    assert!(matches!(error.failure, ServiceFailure::Garbled(Garbling::Cut(_))), "{error:?}");
    assert!(started.elapsed() < TIMEOUT * 20);
    assert_eq!(scene.client.heard().failed.map(|(at, _)| at), Some(scene.clock.now()));
}

#[tokio::test]
async fn the_quota_is_remembered_with_its_time_and_a_month_that_is_over_is_known_without_headers() {
    let scene = scene().await;
    assert_eq!(scene.client.heard().quota, None);
    scene.stub.with(|known| known.quota = Some((50_000, 10_001)));
    scene.client.queue_reading(scene.domain.safe, 0.into()).await.unwrap();
    let heard = scene.client.heard();
    let quota = heard.quota.unwrap();
    assert_eq!((quota.remaining, quota.at, heard.requests), (Some(10_000), scene.clock.now(), 1));
    assert_eq!(quota.standing(20), Standing::Enough);
    scene.clock.step(SignedDuration::from_mins(5));
    scene.client.queue_reading(scene.domain.safe, 0.into()).await.unwrap();
    let quota = scene.client.heard().quota.unwrap();
    assert_eq!((quota.standing(20), quota.at), (Standing::Low, scene.clock.now()));
    scene.stub.with(|known| known.quota = None);
    scene.stub.next(Method::GET, Mischief::say(429, r#"{"detail":"Monthly quota exceeded."}"#));
    let error = scene.client.queue_reading(scene.domain.safe, 0.into()).await.unwrap_err();
    assert!(matches!(
        error.failure,
        ServiceFailure::RateLimited { limit: RateLimit::Month, retry_after: None }
    ));
    let quota = scene.client.heard().quota.unwrap();
    assert_eq!((quota.standing(20), quota.limit), (Standing::Exhausted, Some(50_000)));
}

#[tokio::test]
async fn owner_wide_delegations_are_found_and_a_wrong_clock_is_explained() {
    let scene = scene().await;
    let (owner, safe, now) = (scene.owner.address(), scene.domain.safe, scene.clock.now());
    scene.client.add_delegate(&scene.delegation(None, &scene.owner)).await.unwrap();
    assert_eq!(scene.client.delegates(safe).await.unwrap(), []);
    let found = scene.client.delegations_of(Address::repeat_byte(0xde), safe, &[owner], now).await.unwrap();
    assert_eq!(found.iter().map(|one| (one.safe, one.delegator)).collect::<Vec<_>>(), [(None, owner)]);
    let all = scene.client.delegations(safe, &[owner]).await.unwrap();
    assert_eq!((all.delegates, all.cut), (found, false));
    let strangers = [Address::repeat_byte(9)];
    let for_nobody =
        scene.client.delegations_of(Address::repeat_byte(0xde), safe, &strangers, now).await.unwrap();
    assert_eq!(for_nobody, []);
    // Updated, not doubled.
    let renamed = NewDelegate { label: "new".to_owned(), ..scene.delegation(None, &scene.owner) };
    scene.client.add_delegate(&renamed).await.unwrap();
    assert_eq!(scene.client.delegations(safe, &[owner]).await.unwrap().delegates[0].label, "new");

    scene.stub.with(|known| known.clock_ahead = SignedDuration::from_mins(130));
    let error = scene.client.add_delegate(&scene.delegation(Some(safe), &scene.owner)).await.unwrap_err();
    let told = words::explain_failure(safe, &error, "[chains.mainnet] safe_service.key");
    let behind = words::explain_hour(&told, scene.client.heard().clock_ahead);
    scene.stub.with(|known| known.clock_ahead = SignedDuration::ZERO);
    let other = PrivateKeySigner::from_slice(&[8; 32]).unwrap();
    let error = scene.client.add_delegate(&scene.delegation(Some(safe), &other)).await.unwrap_err();
    let told = words::explain_failure(safe, &error, "[chains.mainnet] safe_service.key");
    let in_time = words::explain_hour(&told, scene.client.heard().clock_ahead);
    insta::assert_snapshot!(format!("{behind}\n{in_time}"), @r"
    the delegation is not signed by 0x4a62316623ad457F02cDC5D997deD67a383EC569; your clock is 2 h 10 min behind the service: set it (`timedatectl set-ntp true`) and sign again; the hour is part of what is signed, and the service takes its own hour and the one before
    the delegation is not signed by 0x4a62316623ad457F02cDC5D997deD67a383EC569; the clocks agree to the minute, so it is not the hour: another key signed, or another chain, delegate or Safe
    ");
}

#[tokio::test]
async fn a_queue_is_read_over_its_pages_with_what_cannot_be_read_and_then_by_its_changes() {
    let scene = scene().await;
    for nonce in 0..5 {
        scene.client.propose(scene.domain.safe, &scene.proposal(nonce)).await.unwrap();
        scene.clock.step(SignedDuration::from_secs(1));
    }
    scene.stub.next(
        Method::GET,
        Mischief::Alter(|row| {
            if row["nonce"] == "1" {
                row["operation"] = json!(7);
            }
        }),
    );
    let mut reading = scene.client.queue_reading(scene.domain.safe, 0.into()).await.unwrap();
    assert_eq!((reading.items.len(), reading.pages, reading.unreadable.len()), (4, 2, 1));
    assert_eq!(reading.cut_of, None);
    assert!(reading.unreadable[0].because.contains("operation 7"), "{:?}", reading.unreadable);
    let since = reading.newest_change().unwrap();
    scene.client.propose(scene.domain.safe, &scene.proposal(7)).await.unwrap();
    scene.stub.with(|known| {
        let now = known.rows[5]["modified"].clone();
        known.rows[0]["modified"] = now;
        known.rows[0]["isExecuted"] = json!(true);
    });
    let changes = scene.client.queue_changes(scene.domain.safe, 0.into(), since).await.unwrap();
    assert_eq!((changes.items.len(), changes.pages), (2, 1));
    reading.merge(changes);
    let nonces: Vec<_> = reading.items.iter().map(|item| item.tx.nonce.to_string()).collect();
    assert_eq!(nonces, ["2", "3", "4", "7"]);
    let dead = scene.client.dead_queue(scene.domain.safe, 3.into()).await.unwrap();
    assert_eq!((dead.items.len(), dead.pages), (3, 1));
    for nonce in 20..40 {
        scene.client.propose(scene.domain.safe, &scene.proposal(nonce)).await.unwrap();
    }
    let cut = scene.client.queue_reading(scene.domain.safe, 0.into()).await.unwrap();
    assert_eq!((cut.items.len(), cut.pages, cut.cut_of), (15, READING_PAGES_MAX, Some(26)));
    let taken = scene.client.take_back(scene.proposal(7).hash, &Bytes::from(vec![7; 65])).await.unwrap();
    let again = scene.client.take_back(scene.proposal(7).hash, &Bytes::from(vec![7; 65])).await.unwrap();
    assert_eq!((taken, again), (Removed::Now, Removed::WasAbsent));
}
