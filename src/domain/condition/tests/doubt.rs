//! What is not known, what is retracted, what is maintained: pages, waits, or goes.

use super::*;
use crate::domain::alert::AlertLabel;

fn unknown() -> Known {
    Known { block: Canonicity::Unknown, now: None }
}

/// Two CRITICAL alerts of two detectors, and nothing before.
fn pair() -> ConditionSpec {
    ConditionSpec { early: Early::Nothing, retracted_by: Some("detectors".to_owned()), ..spec() }
}

/// `F` in full, `p` downgraded.
fn told(observation: &Observation) -> String {
    observation.matches.iter().map(|found| if found.downgraded.is_some() { 'p' } else { 'F' }).collect()
}

fn block(second: i64) -> BlockId {
    BlockId::of(&alert("0x", "0xa1", second)).unwrap()
}

pub(super) fn retraction(bot: &str, second: i64, of: Address) -> Alert {
    let label = AlertLabel { label: "attacker-eoa".to_owned(), entity: format!("{of:#x}"), remove: true };
    let severity = AlertSeverity::Info;
    Alert { severity, addresses: Vec::new(), labels: vec![label], ..alert("0xback", bot, second) }
}

fn accusing(hash: &str, bot: &str, second: i64, of: Address) -> Alert {
    let mut alert = alert(hash, bot, second);
    alert.metadata.insert("attackerAddress".to_owned(), serde_json::json!(format!("{of:#x}")));
    alert
}

pub(super) const EVE: Address = Address::repeat_byte(0xee);

#[test]
fn an_unknown_block_pages_and_counts_in_full_once_it_is_known() {
    let mut matcher = matcher(pair());
    let (first, then) = (alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 60));
    assert_eq!(matcher.asks(&first, &matcher.look(&first)), Some(block(0)));
    assert_eq!(told(&matcher.observe(&first, &Known::CANONICAL)), "");
    assert_eq!(matcher.asks(&first, &matcher.look(&first)), None, "it is known");
    let seen = matcher.observe(&then, &unknown());
    assert_eq!((told(&seen).as_str(), seen.matches[0].response), ("p", Response::Page));
    assert_eq!(seen.matches[0].downgraded, Some(Downgrade::UnknownBlock));
    assert_eq!(matcher.unknown_blocks().into_iter().collect::<Vec<_>>(), [block(60)]);

    let (matches, withdrawn) = matcher.learn(&block(60), Canonicity::Unknown);
    assert!(matches.is_empty() && withdrawn.is_empty());
    let (matches, _) = matcher.learn(&block(60), Canonicity::Canonical);
    assert_eq!((matches.len(), matches[0].response, matches[0].downgraded), (1, Response::Propose, None));
    assert!(matcher.unknown_blocks().is_empty());
    let (matches, _) = matcher.learn(&block(60), Canonicity::Canonical);
    assert!(matches.is_empty(), "once");
}

#[test]
fn an_orphaned_block_counts_for_nothing_and_takes_back_what_it_caused() {
    let mut matcher = matcher(pair());
    let _page = matcher.observe(&alert("0x1", "0xa1", 0), &unknown());
    assert_eq!(told(&matcher.observe(&alert("0x2", "0xb2", 60), &Known::CANONICAL)), "p");
    let (matches, withdrawn) = matcher.learn(&block(0), Canonicity::Orphaned);
    assert!(matches.is_empty());
    assert_eq!(withdrawn[0].alerts, [AlertHash("0x1".to_owned())]);
    assert!(!matcher.holds(&AlertHash("0x1".to_owned()), true));

    // Put into a block below it, it is as new, although its height is lower.
    let mut again = alert("0x1", "0xa1", 0);
    again.block.as_mut().unwrap().number -= 1;
    assert_eq!(told(&matcher.observe(&again, &Known::CANONICAL)), "F");
}

#[test]
fn what_never_happened_displaces_nothing() {
    let mut matcher = matcher(pair());
    let _first = matcher.observe(&alert("0x1", "0xa1", 0), &Known::CANONICAL);
    let mut other = alert("0x1", "0xa1", 24);
    other.block.as_mut().unwrap().hash = Some(B256::repeat_byte(8));
    let seen = matcher.observe(&other, &Known { block: Canonicity::Orphaned, now: None });
    assert_eq!(seen.notes[0].why, Why::Orphaned);
    assert_eq!(told(&matcher.observe(&alert("0x2", "0xb2", 60), &Known::CANONICAL)), "F");
}

#[test]
fn announced_work_pages_and_sound_evidence_beside_it_fires() {
    let window = MaintenanceWindow {
        contract: "vault".into(),
        from: at(0),
        to: at(60),
        by: "ana".to_owned(),
        why: "upgrade".to_owned(),
    };
    let conditions = || vec![("pause-vault".into(), compile_spec(pair()))];
    let mut matcher = Matcher::with_maintenance(conditions(), Maintenance::new(vec![window]));
    let mut seen = |hash: &str, bot: &str, second: i64| {
        told(&matcher.observe(&alert(hash, bot, second), &Known::CANONICAL))
    };
    assert_eq!(seen("0x1", "0xa1", 0), "");
    assert_eq!(seen("0x2", "0xb2", 60), "p", "both ends belong to it");
    assert_eq!(seen("0x3", "0xc3", 61), "", "one sound alert is not two");
    assert_eq!(seen("0x4", "0xb2", 62), "F");
}

#[test]
fn a_retraction_withdraws_what_waits_and_what_comes_for_a_day() {
    let mut matcher = matcher(pair());
    let _waiting = matcher.observe(&accusing("0x1", "0xa1", 0, EVE), &Known::CANONICAL);
    let seen = matcher.observe(&retraction("0xc3", 30, EVE), &Known::CANONICAL);
    assert!(seen.kept && seen.withdrawn.is_empty());
    assert_eq!(seen.notes[0].why, Why::Withdrawn(AlertHash("0x1".to_owned())));
    let seen = matcher.observe(&accusing("0x2", "0xb2", 60, EVE), &Known::CANONICAL);
    assert_eq!(seen.notes[0].why, Why::Retracted(EVE));
    // Others go on, and so does who was cleared a day ago.
    assert_eq!(told(&matcher.observe(&alert("0x3", "0xa1", 61), &Known::CANONICAL)), "");
    assert_eq!(told(&matcher.observe(&alert("0x4", "0xb2", 62), &Known::CANONICAL)), "F");
    let day = 24 * 3600 + 31;
    assert_eq!(told(&matcher.observe(&accusing("0x5", "0xa1", day, EVE), &Known::CANONICAL)), "");
    assert_eq!(told(&matcher.observe(&accusing("0x6", "0xb2", day, EVE), &Known::CANONICAL)), "F");
}

#[test]
fn what_has_fired_is_told_as_taken_back() {
    let mut matcher = matcher(pair());
    let _waiting = matcher.observe(&accusing("0x1", "0xa1", 0, EVE), &Known::CANONICAL);
    assert_eq!(told(&matcher.observe(&accusing("0x2", "0xb2", 60, EVE), &Known::CANONICAL)), "F");
    let seen = matcher.observe(&retraction("0xa1", 90, EVE), &Known::CANONICAL);
    assert_eq!(seen.withdrawn.len(), 1);
    assert_eq!(seen.withdrawn[0].alerts.len(), 2);
}

#[test]
fn only_trusted_bots_retract_and_only_for_the_accused() {
    let table = [
        (retraction("0xd4", 30, EVE), "another bot"),
        (retraction("0xc3", 30, VAULT), "the contract it protects"),
        (Alert { authenticated: false, ..retraction("0xc3", 30, EVE) }, "anybody"),
        (Alert { chain: ChainId(10), ..retraction("0xc3", 30, EVE) }, "on another chain"),
    ];
    let waiting = accusing("0x1", "0xa1", 0, EVE);
    let blockless = Alert { block: None, created_at: at(0), ..waiting.clone() };
    for ((retraction, who), waiting) in table.iter().flat_map(|row| [(row, &waiting), (row, &blockless)]) {
        let mut matcher = matcher(pair());
        let _waiting = matcher.observe(waiting, &Known::CANONICAL);
        let _ignored = matcher.observe(retraction, &Known::CANONICAL);
        let seen = matcher.observe(&accusing("0x2", "0xb2", 60, EVE), &Known::CANONICAL);
        assert_eq!(told(&seen), "F", "{who}");
    }
}

#[test]
fn the_clock_of_the_day_makes_old_alerts_old() {
    let mut matcher = matcher(ConditionSpec { max_age: SignedDuration::from_hours(1), ..pair() });
    let known = |now| Known { block: Canonicity::Canonical, now: Some(at(now)) };
    assert!(matcher.observe(&alert("0x1", "0xa1", 0), &known(3_600)).kept);
    let seen = matcher.observe(&alert("0x2", "0xb2", 0), &known(3_601));
    assert!(matches!(seen.notes[0].why, Why::TooLate(_)) && !seen.kept);
}

/// Two monitors on a machine whose clock is days ahead are two bots: they make nobody else's evidence old.
#[test]
fn no_clock_of_the_data_runs_ahead_of_the_time_of_day() {
    let ahead = 3 * 24 * 3_600;
    let known = |now| Known { block: Canonicity::Canonical, now: Some(at(now)) };
    let mut matcher = matcher(pair());
    assert!(matcher.observe(&alert("0x1", "0xa1", 0), &known(0)).kept);
    for (number, bot) in ["0xd4", "0xe5", "0xd4"].into_iter().enumerate() {
        let second = ahead + 3_600 * number as i64;
        let _theirs = matcher.observe(&alert(&format!("0xf{number}"), bot, second), &known(10));
    }
    let seen = matcher.observe(&alert("0x2", "0xb2", 60), &known(60));
    assert_eq!(told(&seen), "F", "{:?}", seen.notes);
    // They wait for the time at which they say they happened.
    assert!(matcher.observe(&alert("0x3", "0xa1", ahead), &known(60)).kept);
}
