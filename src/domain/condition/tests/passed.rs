//! What was passed over on the way to a firing is said with it.

use insta::assert_snapshot;

use super::*;
use crate::domain::alert::AlertLabel;

const EVE: Address = Address::repeat_byte(0xee);

fn trio() -> ConditionSpec {
    ConditionSpec {
        early: Early::Nothing,
        retracted_by: Some("detectors".to_owned()),
        count: Some(CountSpec { alerts: 3, bots: 2, feeds: 1, within: SignedDuration::from_mins(10) }),
        ..spec()
    }
}

fn known(block: Canonicity) -> Known {
    Known { block, now: None }
}

fn accusing(hash: &str, bot: &str, second: i64) -> Alert {
    let mut alert = alert(hash, bot, second);
    alert.metadata.insert("attackerAddress".to_owned(), serde_json::json!(EVE));
    alert
}

fn retraction(second: i64) -> Alert {
    let label = AlertLabel { label: "attacker-eoa".to_owned(), entity: format!("{EVE:#x}"), remove: true };
    Alert { addresses: Vec::new(), labels: vec![label], ..alert("0xback", "0xc3", second) }
}

/// The sentences of what the alerts bring about.
fn because(matcher: &mut Matcher, alerts: &[(Alert, Canonicity)]) -> String {
    let seen = alerts.iter().flat_map(|(alert, block)| matcher.observe(alert, &known(*block)).matches);
    seen.map(|found| found.because).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_firing_says_what_did_not_count_and_why() {
    use Canonicity::{Canonical, Orphaned};
    let mut matcher = matcher(trio());
    let told = because(
        &mut matcher,
        &[
            (accusing("0xwaits", "0xa1", 0), Canonical),
            (alert("0xgone", "0xb2", 10), Orphaned),
            (retraction(20), Canonical),
            (accusing("0xlate", "0xb2", 30), Canonical),
            (alert("0x1", "0xa1", 40), Canonical),
            (alert("0x2", "0xb2", 50), Canonical),
            (alert("0x3", "0xa1", 60), Canonical),
        ],
    );
    assert_snapshot!(told, @"3 alerts from 2 bots about vault within 10m satisfy `count` (3 alerts from 2 different bots): 0x1 (bot 0xa1), 0x2 (bot 0xb2), 0x3 (bot 0xa1); not counted: 0xgone (its block is not on the chain), 0xwaits (whom it accuses was cleared), 0xlate (the accusation of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE was retracted)");
}

#[test]
fn what_lacks_a_field_is_said_and_the_rest_is_counted() {
    let when = "alert.bot in bots.detectors && alert.metadata.loss > 5".to_owned();
    let mut matcher = matcher(ConditionSpec { when, count: None, ..trio() });
    let mut alerts: Vec<(Alert, Canonicity)> =
        (0..12).map(|n| (alert(&format!("0x{n}"), "0xa1", n), Canonicity::Canonical)).collect();
    let mut loss = alert("0xloss", "0xb2", 20);
    loss.metadata.insert("loss".to_owned(), serde_json::json!("6"));
    alerts.push((loss, Canonicity::Canonical));
    let told = because(&mut matcher, &alerts);
    // The newest eight are remembered.
    assert_snapshot!(told, @"1 alert about vault satisfies `when`: 0xloss (bot 0xb2); not counted: 0x4 (the condition needs metadata.loss, which the alert lacks), 0x5 (the condition needs metadata.loss, which the alert lacks), 0x6 (the condition needs metadata.loss, which the alert lacks) and 5 more");
}

/// What came again in a block of the chain did count; what is about others, or long past, is another story; and nobody
/// can fill the sentence from outside.
#[test]
fn only_what_could_have_counted_is_said() {
    let orphaned = |alert| (alert, Canonicity::Orphaned);
    let spec = ConditionSpec { about: vec!["vault".into(), "pool".into()], ..trio() };
    let mut matcher = matcher(spec);
    let mut elsewhere = alert("0xpool", "0xa1", 1);
    (elsewhere.chain, elsewhere.addresses) = (ChainId(10), vec![POOL]);
    let mut alerts = vec![orphaned(alert("0xagain", "0xa1", 0)), orphaned(elsewhere)];
    alerts.push(orphaned(alert("0xpast", "0xa1", -7_200)));
    for n in 0..20 {
        alerts.push(orphaned(Alert { authenticated: false, ..alert(&format!("0xf{n}"), "0xa1", 2) }));
    }
    let mut again = alert("0xagain", "0xa1", 12);
    again.block.iter_mut().for_each(|block| block.hash = Some(B256::repeat_byte(8)));
    alerts.extend(
        [again, alert("0x2", "0xb2", 50), alert("0x3", "0xa1", 60)]
            .map(|alert| (alert, Canonicity::Canonical)),
    );
    let told = because(&mut matcher, &alerts);
    assert_snapshot!(told, @"3 alerts from 2 bots about vault within 10m satisfy `count` (3 alerts from 2 different bots): 0xagain (bot 0xa1), 0x2 (bot 0xb2), 0x3 (bot 0xa1)");
}
