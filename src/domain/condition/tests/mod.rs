//! Conditions and windows, safeguard by safeguard.

mod compile;
mod doubt;
mod grouping;
mod heard;
mod indexed;
mod kinds;
mod lasting;
mod linear;
mod needs;
mod never;
mod numbers;
mod passed;
mod reference;
mod reference_doubt;
mod reference_lasting;
mod safeguards;
mod standing;
mod stream;
mod suppression;
mod trails;
mod words;

use std::sync::OnceLock;

use alloy::primitives::{Address, B256, address};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::ProptestConfig;

use super::*;
use crate::domain::alert::{Alert, AlertBlock, AlertHash, AlertSeverity, BotId};
use crate::domain::contract::tests::vault;
use crate::domain::contract::{Contract, Contracts};
use crate::domain::names::ChainId;

/// The vault of the fixtures, on chain 1.
const VAULT: Address = address!("0x5FbDB2315678afecb367f032d93F642f64180aa3");
/// A second contract, on chain 10.
const POOL: Address = address!("0xf4b3026c8b83b582efd7fa31b8d427bce769cd35");

fn contracts() -> &'static Contracts {
    static CONTRACTS: OnceLock<Contracts> = OnceLock::new();
    CONTRACTS.get_or_init(|| {
        let chain_id = ChainId(10);
        let pool =
            Contract { name: "pool".into(), chain: "optimism".into(), chain_id, address: POOL, ..vault() };
        Contracts::from([("vault".into(), vault()), ("pool".into(), pool)])
    })
}

fn bots() -> BotLists {
    BotLists::from([(
        "detectors".to_owned(),
        vec![BotId::new("0xA1"), BotId::new("0xb2"), BotId::new("0xc3")],
    )])
}

/// So many random cases, as long as `PROPTEST_CASES` asks for no other number: more find what is rarer, and take longer.
fn cases(number: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|asked| asked.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(number))
}

/// Two CRITICAL alerts of two detectors about the vault within ten minutes.
fn spec() -> ConditionSpec {
    let when = "alert.severity >= CRITICAL && alert.bot in bots.detectors".to_owned();
    ConditionSpec {
        count: Some(CountSpec { alerts: 2, bots: 2, feeds: 1, within: SignedDuration::from_mins(10) }),
        ..ConditionSpec::new("drain".into(), when, vec!["vault".into()], Response::Propose)
    }
}

fn compile_spec(spec: ConditionSpec) -> Condition {
    Condition::compile(spec, &bots(), contracts()).unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems.iter().map(|problem| format!("{}: {problem}\n", problem.field())).collect::<String>()
        )
    })
}

fn matcher(spec: ConditionSpec) -> Matcher {
    Matcher::new(vec![("pause-vault".into(), compile_spec(spec))])
}

/// Midnight of the fixtures, plus seconds.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap() + second.seconds()
}

/// A CRITICAL, authenticated alert about the vault.
fn alert(hash: &str, bot: &str, second: i64) -> Alert {
    Alert {
        feed: "forta".into(),
        authenticated: true,
        hash: AlertHash(hash.to_owned()),
        alert_id: "ATTACK-DETECTOR-2".to_owned(),
        name: "Attack".to_owned(),
        description: "visit http://evil.example *now*".to_owned(),
        protocol: "ethereum".to_owned(),
        severity: AlertSeverity::Critical,
        finding_type: "EXPLOIT".to_owned(),
        bot: BotId::new(bot),
        chain: ChainId(1),
        block: Some(AlertBlock {
            number: u64::try_from(1_000_000 + second / 12).unwrap(),
            hash: Some(B256::repeat_byte(7)),
            timestamp: at(second),
        }),
        transaction: Some(B256::repeat_byte(9)),
        addresses: vec![Address::repeat_byte(1), VAULT],
        truncated: false,
        bloom: None,
        metadata: serde_json::from_str(
            r#"{"anomalyScore": "0.00034", "profit": "1000000000000000000000.5"}"#,
        )
        .unwrap(),
        created_at: at(second + 30),
        related: Vec::new(),
        labels: Vec::new(),
    }
}

/// What each alert brought about: nothing `.`, early `e`, in full `F`, in the order of arrival.
fn story(matcher: &mut Matcher, alerts: &[Alert]) -> String {
    alerts
        .iter()
        .map(|alert| match matcher.observe(alert, &Known::CANONICAL).matches.as_slice() {
            [] => '.',
            [found] if found.early => 'e',
            [_] => 'F',
            _ => 'M',
        })
        .collect()
}
