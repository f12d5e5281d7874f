//! What a condition is found to need, form by form.

use std::collections::BTreeSet;

use super::super::needs::Needs;
use super::*;

fn told(needs: &Needs) -> String {
    let Needs::Fields(fields) = needs else { return "anything".to_owned() };
    let names = |what: &str, names: &Option<BTreeSet<String>>| match names {
        Some(names) => format!(" {what}={}", names.iter().cloned().collect::<Vec<_>>().join(",")),
        None => String::new(),
    };
    format!("{:06b}{}{}", fields.severities(), names("bot", &fields.bots), names("id", &fields.alert_ids))
}

fn of(when: &str) -> String {
    let when = when.to_owned();
    told(&compile_spec(ConditionSpec { when, count: None, ..spec() }).needs())
}

#[test]
fn what_joined_terms_ask_for_is_needed_and_nothing_else() {
    let table = [
        ("true", "111111"),
        ("alert.severity >= HIGH", "110000"),
        ("MEDIUM > alert.severity", "000111"),
        ("alert.severity in [LOW, CRITICAL] && alert.severity != LOW", "100100"),
        ("alert.bot in bots.detectors && alert.severity >= CRITICAL", "100000 bot=0xa1,0xb2,0xc3"),
        ("alert.bot in bots.detectors && alert.bot == \"0xA1\"", "111111 bot=0xa1"),
        ("alert.bot == \"0xd4\" || alert.bot in bots.detectors", "111111 bot=0xa1,0xb2,0xc3,0xd4"),
        ("alert.bot == \"0xd4\" || alert.severity == HIGH", "111111"),
        ("alert.alert_id in [\"FLASH\", \"REENTER\"]", "111111 id=flash,reenter"),
        ("!(alert.severity >= HIGH)", "111111"),
        ("alert.metadata.profit > 7 && alert.severity == INFO", "000010"),
        ("false || alert.severity == INFO", "000010"),
        // A walk may use up the steps, and then what is right of it decides nothing.
        ("alert.addresses.exists(a, a == \"0x\") && alert.severity == INFO", "111111"),
        ("alert.severity == INFO && alert.addresses.exists(a, a == \"0x\")", "000010"),
    ];
    for (when, needs) in table {
        assert_eq!(of(when), needs, "{when}");
    }
}

/// What an alert needs that is about the contract, and one that is about none.
fn in_order(when: &str) -> [String; 2] {
    let step = |when: &str, anywhere| StepSpec { when: when.to_owned(), anywhere };
    let steps = vec![
        step("alert.bot == \"0x1\"", true),
        step("alert.bot == \"0x2\" && alert.severity >= HIGH", false),
    ];
    let within = jiff::SignedDuration::from_hours(1);
    let sequence = Some(SequenceSpec { same: Same::Attacker, within, steps });
    let condition = compile_spec(ConditionSpec { when: when.to_owned(), count: None, sequence, ..spec() });
    [told(&condition.needs()), told(&condition.needs_anywhere())]
}

#[test]
fn a_sequence_needs_one_of_its_steps_unless_when_may_lack_something() {
    assert_eq!(in_order("true"), ["111111 bot=0x1,0x2", "111111 bot=0x1"]);
    assert_eq!(in_order("alert.severity >= CRITICAL"), ["100000 bot=0x1,0x2", "100000 bot=0x1"]);
    assert_eq!(in_order("alert.metadata.profit > 7"), ["111111", "111111"]);
}

#[test]
fn what_is_set_and_not_known_here_needs_nothing() {
    assert!(super::super::needs::is_understood(&spec()));
    assert!(super::super::needs::is_understood(&ConditionSpec::new(
        "a".into(),
        "true".into(),
        Vec::new(),
        Response::Page
    )));
}

#[test]
fn a_step_that_needs_a_target_is_not_asked_of_an_alert_that_names_none() {
    let step = |when: &str, anywhere| StepSpec { when: when.to_owned(), anywhere };
    let steps = vec![step("alert.bot == \"0xa1\"", true), step("alert.metadata.loss > 7", false)];
    let within = jiff::SignedDuration::from_hours(1);
    let sequence = Some(SequenceSpec { same: Same::Attacker, within, steps });
    let mut matcher = matcher(ConditionSpec { when: "true".to_owned(), count: None, sequence, ..spec() });
    let mut observe = |hash: &str, bot: &str, about: Address| {
        let alert = Alert { addresses: vec![Address::repeat_byte(1), about], ..alert(hash, bot, 0) };
        let seen = matcher.observe(&alert, &Known::CANONICAL);
        (seen.kept, seen.notes.into_iter().map(|note| note.why.to_string()).collect::<Vec<_>>())
    };
    let elsewhere = Address::repeat_byte(2);
    assert_eq!(observe("0x1", "0xa1", elsewhere), (true, vec![]), "what it lacks would say nothing");
    assert_eq!(observe("0x2", "0xb2", elsewhere), (false, vec![]));
    let lacks = vec!["the condition needs metadata.loss, which the alert lacks".to_owned()];
    assert_eq!(observe("0x3", "0xb2", VAULT), (false, lacks));
}
