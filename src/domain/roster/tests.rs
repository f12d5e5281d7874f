//! Who is on call, and whether they cover a Safe.

use std::num::NonZeroU16;

use jiff::tz::TimeZone;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn between(from: &str, to: &str) -> Interval {
    Interval { from: at(from), to: at(to) }
}

/// The address of key number `n`.
fn key(n: u8) -> Address {
    Address::repeat_byte(n)
}

fn person(id: &str, keys: &[u8]) -> (PersonId, Person) {
    let person = Person {
        id: id.into(),
        name: id.to_uppercase(),
        zone: TimeZone::UTC,
        channels: vec!["console".into()],
        keys: keys.iter().map(|n| Key::always(key(*n))).collect(),
        skills: Vec::new(),
    };
    (person.id.clone(), person)
}

fn shift(person: &str, from: &str, to: &str) -> Shift {
    Shift { person: person.into(), role: None, interval: between(from, to) }
}

fn change(rotation: Option<&str>, remove: Option<&str>, add: Option<&str>, from: &str, to: &str) -> Override {
    Override {
        rotation: rotation.map(Into::into),
        interval: between(from, to),
        remove: remove.map(Into::into),
        add: add.map(Into::into),
        reason: "holiday".into(),
    }
}

/// Ana, ben and chi (keys 1, 2, 3) take weekly turns from Monday 2026-11-02; dee (keys 4 and 5) takes none.
fn roster() -> Roster {
    let rotation = Rotation {
        name: "primary".into(),
        zone: TimeZone::UTC,
        start: "2026-11-02T09:00".parse().unwrap(),
        every_days: NonZeroU16::new(7).unwrap(),
        people: vec!["ana".into(), "ben".into(), "chi".into()],
    };
    Roster {
        people: [person("ana", &[1]), person("ben", &[2]), person("chi", &[3]), person("dee", &[4, 5])]
            .into(),
        rotations: [(rotation.name.clone(), rotation)].into(),
        roles: [(Role::Commander, vec![Target::Rotation("primary".into())])].into(),
        ..Roster::default()
    }
}

fn names(people: &[PersonId]) -> String {
    people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn shifts_and_rotations_put_people_on_call_each_once() {
    let mut roster = roster();
    roster.shifts = vec![
        shift("dee", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"),
        shift("ana", "2026-11-03T12:00:00Z", "2026-11-03T18:00:00Z"),
    ];
    let table = [
        ("2026-11-02T08:59:59Z", ""),
        ("2026-11-02T09:00:00Z", "ana"),
        ("2026-11-03T00:00:00Z", "dee ana"),
        ("2026-11-03T13:00:00Z", "dee ana"),
        ("2026-11-04T00:00:00Z", "ana"),
        ("2026-11-09T09:00:00Z", "ben"),
        ("2026-11-23T09:00:00Z", "ana"),
    ];
    for (when, who) in table {
        assert_eq!(names(&roster.on_call(at(when))), who, "{when}");
    }
}

#[test]
fn the_later_override_wins_and_a_rotations_override_stays_in_it() {
    let mut roster = roster();
    roster.overrides = vec![
        // Ana is away all week, ben takes her turn; on Wednesday she steps in after all.
        change(Some("primary"), Some("ana"), Some("ben"), "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z"),
        change(None, Some("ana"), None, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z"),
        change(Some("primary"), None, Some("ana"), "2026-11-04T00:00:00Z", "2026-11-05T00:00:00Z"),
        // Dee helps on Thursday and Friday, and then cannot on Friday.
        change(None, None, Some("dee"), "2026-11-05T00:00:00Z", "2026-11-07T00:00:00Z"),
        change(None, Some("dee"), None, "2026-11-06T00:00:00Z", "2026-11-07T00:00:00Z"),
    ];
    let table = [
        ("2026-11-03T12:00:00Z", "ben", "ben"),
        ("2026-11-04T12:00:00Z", "ben ana", "ben ana"),
        ("2026-11-05T12:00:00Z", "dee ben", "ben"),
        ("2026-11-06T12:00:00Z", "ben", "ben"),
    ];
    for (when, on_call, primary) in table {
        assert_eq!(names(&roster.on_call(at(when))), on_call, "{when}");
        assert_eq!(names(&roster.who(&Target::Rotation("primary".into()), at(when))), primary, "{when}");
    }
}

#[test]
fn away_takes_a_person_off_shifts_and_off_every_rotation() {
    let mut roster = roster();
    roster.shifts = vec![shift("ana", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z")];
    roster.overrides = vec![change(None, Some("ana"), None, "2026-11-03T12:00:00Z", "2026-11-03T13:00:00Z")];
    assert_eq!(names(&roster.on_call(at("2026-11-03T11:59:59Z"))), "ana");
    assert_eq!(names(&roster.on_call(at("2026-11-03T12:30:00Z"))), "");
    assert_eq!(roster.commander_at(at("2026-11-03T12:30:00Z")), None);
}

#[test]
fn targets_are_resolved_at_the_instant_they_are_asked_for() {
    let mut roster = roster();
    let mut comms = shift("chi", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z");
    comms.role = Some(Role::Communications);
    let mut command = shift("dee", "2026-11-03T06:00:00Z", "2026-11-03T07:00:00Z");
    command.role = Some(Role::Commander);
    roster.shifts = vec![comms, command];
    let dee = roster.people.get_mut(&PersonId::from("dee")).unwrap();
    dee.keys = vec![Key {
        address: key(4),
        from: Some(at("2026-11-03T00:00:00Z")),
        until: Some(at("2026-11-04T00:00:00Z")),
    }];

    let table = [
        (Target::OnCall, "2026-11-02T12:00:00Z", "ana"),
        (Target::OnCall, "2026-11-03T06:30:00Z", "chi dee ana"),
        (Target::Signers, "2026-11-02T12:00:00Z", "ana ben chi"),
        (Target::Signers, "2026-11-03T12:00:00Z", "ana ben chi dee"),
        (Target::Role(Role::Commander), "2026-11-03T05:00:00Z", "ana"),
        (Target::Role(Role::Commander), "2026-11-03T06:30:00Z", "dee ana"),
        (Target::Role(Role::Communications), "2026-11-03T06:30:00Z", "chi"),
        (Target::Role(Role::Communications), "2026-11-05T06:30:00Z", ""),
        (Target::Person("ben".into()), "2026-11-03T06:30:00Z", "ben"),
        (Target::Rotation("primary".into()), "2026-11-10T06:30:00Z", "ben"),
    ];
    for (target, when, who) in table {
        assert_eq!(names(&roster.who(&target, at(when))), who, "{target} {when}");
    }
    assert_eq!(roster.commander_at(at("2026-11-03T06:30:00Z")), Some("dee".into()));
    assert_eq!(roster.communications_at(at("2026-11-03T06:30:00Z")), Some("chi".into()));
    assert_eq!(roster.person_of(key(2)).map(|person| person.id.as_str()), Some("ben"));
    assert_eq!(roster.person_of(key(9)), None);
    assert_eq!(names(&roster.signers(&[key(4), key(1)], at("2026-11-05T00:00:00Z"))), "ana");
}

#[test]
fn every_edge_is_a_change_and_nothing_changes_between_edges() {
    let mut roster = roster();
    roster.shifts = vec![shift("dee", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z")];
    roster.overrides = vec![change(None, Some("ana"), None, "2026-11-05T00:00:00Z", "2026-11-06T00:00:00Z")];
    roster.people.get_mut(&PersonId::from("ben")).unwrap().keys[0].until = Some(at("2026-11-07T00:00:00Z"));
    let mut now = at("2026-11-01T00:00:00Z");
    let mut edges = Vec::new();
    while edges.len() < 8 {
        now = roster.next_change(now).unwrap();
        edges.push(now.to_string());
    }
    insta::assert_snapshot!(edges.join("\n"), @r"
    2026-11-02T09:00:00Z
    2026-11-03T00:00:00Z
    2026-11-04T00:00:00Z
    2026-11-05T00:00:00Z
    2026-11-06T00:00:00Z
    2026-11-07T00:00:00Z
    2026-11-09T09:00:00Z
    2026-11-16T09:00:00Z
    ");

    roster.rotations.clear();
    assert_eq!(roster.next_change(at("2026-11-07T00:00:00Z")), None);
}

/// One line a case: the verdict, and who.
fn verdict(report: &CoverageReport) -> String {
    let slots =
        |slots: &[SignerSlot]| slots.iter().map(|slot| slot.person.to_string()).collect::<Vec<_>>().join(" ");
    format!(
        "{:?} margin {} available [{}] missing [{}] unknown {} several [{}]\n  {}",
        report.state,
        report.margin,
        slots(&report.available),
        slots(&report.missing),
        report.unknown_owners.len(),
        names(&report.one_person_many_keys),
        report.reasons.join("\n  "),
    )
}

#[test]
fn coverage_counts_owner_keys_in_the_hands_of_people_on_call() {
    let mut roster = roster();
    roster.shifts = vec![
        shift("ben", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"),
        shift("dee", "2026-11-03T12:00:00Z", "2026-11-04T00:00:00Z"),
    ];
    let owners = [key(1), key(2), key(3), key(4), key(5), key(9)];
    let cases = [
        ("before anybody is on call", "2026-11-01T00:00:00Z"),
        ("ana alone", "2026-11-02T12:00:00Z"),
        ("ana and ben", "2026-11-03T06:00:00Z"),
        ("ana, ben and dee", "2026-11-03T18:00:00Z"),
    ];
    let told =
        cases.map(|(name, when)| format!("{name}: {}", verdict(&coverage(&owners, 2, &roster, at(when)))));
    insta::assert_snapshot!(told.join("\n"), @r"
    before anybody is on call: Uncovered margin -2 available [] missing [ana ben chi dee dee] unknown 1 several [dee]
      nobody is on call: no shift and no rotation covers this time
      owner 0x0909090909090909090909090909090909090909 is nobody in the roster
      dee holds 2 of the owner keys: they are lost or asleep together
    ana alone: Uncovered margin -1 available [ana] missing [ben chi dee dee] unknown 1 several [dee]
      2 signatures are needed, and the people on call can give 1
      owner 0x0909090909090909090909090909090909090909 is nobody in the roster
      dee holds 2 of the owner keys: they are lost or asleep together
    ana and ben: Exact margin 0 available [ana ben] missing [chi dee dee] unknown 1 several [dee]
      owner 0x0909090909090909090909090909090909090909 is nobody in the roster
      dee holds 2 of the owner keys: they are lost or asleep together
    ana, ben and dee: Covered { margin: 2 } margin 2 available [ana ben dee dee] missing [chi] unknown 1 several [dee]
      owner 0x0909090909090909090909090909090909090909 is nobody in the roster
      dee holds 2 of the owner keys: they are lost or asleep together
    ");
}

#[test]
fn a_key_that_is_not_valid_then_does_not_count() {
    let mut roster = roster();
    roster.people.get_mut(&PersonId::from("ana")).unwrap().keys[0].until = Some(at("2026-11-03T00:00:00Z"));
    let owners = [key(1), key(2)];
    assert_eq!(coverage(&owners, 1, &roster, at("2026-11-02T12:00:00Z")).state, Coverage::Exact);
    insta::assert_snapshot!(verdict(&coverage(&owners, 1, &roster, at("2026-11-03T12:00:00Z"))), @r"
    Uncovered margin -1 available [] missing [ben] unknown 1 several []
      1 signature is needed, and the people on call can give 0
      ana holds the key of owner 0x0101010101010101010101010101010101010101, but not at this time
    ");
}

#[test]
fn what_cannot_be_read_is_never_covered() {
    let roster = roster();
    let now = at("2026-11-02T12:00:00Z");
    // A threshold no Safe can have means that the reading is wrong, whoever is on call.
    for (owners, threshold) in [(vec![key(1)], 0), (vec![], 0), (vec![key(1)], 2), (vec![key(1), key(1)], 2)]
    {
        let report = coverage(&owners, threshold, &roster, now);
        assert!(matches!(report.state, Coverage::Unknown { .. }), "{report:?}");
        assert!(!report.state.is_met());
    }
    let report = CoverageReport::unknown("no endpoint answered");
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
    {
      "state": {
        "unknown": {
          "cause": "no endpoint answered"
        }
      },
      "margin": 0,
      "threshold": 0,
      "available": [],
      "missing": [],
      "unknown_owners": [],
      "reasons": [
        "no endpoint answered"
      ],
      "one_person_many_keys": []
    }
    "#);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<CoverageReport>(&text).unwrap(), report);
}

#[test]
fn stretches_touch_and_neighbours_differ() {
    let roster = roster();
    let within = between("2026-11-01T00:00:00Z", "2026-11-25T00:00:00Z");
    let spans = coverage_between(&[key(1), key(2)], 1, &roster, within);
    let told: Vec<String> = spans
        .iter()
        .map(|span| format!("{} {} {:?}", span.interval.from, span.interval.to, span.report.state))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    2026-11-01T00:00:00Z 2026-11-02T09:00:00Z Uncovered
    2026-11-02T09:00:00Z 2026-11-09T09:00:00Z Exact
    2026-11-09T09:00:00Z 2026-11-16T09:00:00Z Exact
    2026-11-16T09:00:00Z 2026-11-23T09:00:00Z Uncovered
    2026-11-23T09:00:00Z 2026-11-25T00:00:00Z Exact
    ");
    assert!(spans.windows(2).all(|pair| pair[0].interval.to == pair[1].interval.from));
}

#[test]
fn a_roster_that_changes_too_often_is_not_called_covered_where_nobody_looked() {
    let mut roster = roster();
    for hour in 10..20 {
        let (from, to) = (format!("2026-11-03T{hour}:00:00Z"), format!("2026-11-03T{hour}:30:00Z"));
        roster.shifts.push(shift("ben", &from, &to));
    }
    let within = between("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z");
    let spans = super::coverage::spans(&[key(1), key(2)], 1, &roster, within, 10);
    assert_eq!(spans.len(), 11);
    let last = spans.last().unwrap();
    assert!(matches!(last.report.state, Coverage::Unknown { .. }));
    assert_eq!(last.interval.to, within.to);
}
