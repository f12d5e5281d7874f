//! Wrong rosters, and what is said of them.

use super::*;

fn roster(cases: &[(&str, &str)]) -> String {
    table("roster.toml", cases)
}

#[test]
fn people_are_reachable_and_hold_their_own_keys() {
    insta::assert_snapshot!(roster(&[
        ("zone = \"Europe/Berlin\"\nchannels", "zone = \"Europe/Berlni\"\nchannels"),
        ("zone = \"Europe/Berlin\"\nchannels", "channels"),
        ("name = \"Ana\"", "nmae = \"Ana\""),
        ("channels = [\"pager\"]", "channels = [\"pagr\"]"),
        ("channels = [\"pager\"]", "channels = []"),
        ("channels = [\"pager\"]", ""),
        ("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x70997970c51812dc3A010C7d01b50e0d17dc79C8"),
        ("from = 2026-01-15 }", "from = 2026-01-15, until = 2026-01-14 }"),
        ("from = 2026-01-15 }", "form = 2026-01-15 }"),
        ("from = 2026-01-15 }", "from = \"soon\" }"),
        ("[people.ben]", "[people.\"ben the second\"]"),
    ]), @r#"
    zone = "Europe/Berlni" ⏎ channels
      roster.toml:3:8: zone = "Europe/Berlni" in [people.ana]; expected an IANA time zone, such as "Europe/Berlin"; did you mean "Europe/Berlin"?
    channels
      roster.toml:1:1: missing key "zone" in [people.ana]; expected an IANA time zone, such as "Europe/Berlin"
    nmae = "Ana"
      roster.toml:1:1: missing key "name" in [people.ana]; expected text in quotes, not empty
      roster.toml:2:1: unknown key "nmae" in [people.ana]; expected one of channels, keys, name, skills, zone; did you mean "name"?
    channels = ["pagr"]
      roster.toml:10:13: no channel is called "pagr"; expected one of console, pager; did you mean "pager"?
    channels = []
      roster.toml:10:12: channels = [] in [people.ben]; expected at least one

      roster.toml:7:1: missing key "channels" in [people.ben]; expected a list, each text in quotes, not empty
    0x70997970C51812dc3A010C7d01b50e0d17dc79C8
      roster.toml:11:9: the key 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 is also ana's; expected each key in one person's hands, once; a key that was handed on is shared: replace it in its Safes
    0x70997970c51812dc3A010C7d01b50e0d17dc79C8
      roster.toml:5:9: keys = "0x70997970c51812dc3A010C7d01b50e0d17dc79C8" in [people.ana]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case; its checksum is wrong: compare every digit, the right spelling of these digits is 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
    from = 2026-01-15, until = 2026-01-14 }
      roster.toml:11:94: until = 2026-01-14 in [people.ben.keys]; expected a time after 2026-01-15T00:00:00
    form = 2026-01-15 }
      roster.toml:11:67: unknown key "form" in [people.ben.keys]; expected one of address, from, until; did you mean "from"?
    from = "soon" }
      roster.toml:11:74: from = "soon" in [people.ben.keys]; expected local wall time, such as "2026-11-21T18:00"
    [people."ben the second"]
      roster.toml:7:9: the name "ben the second" in [people]; expected a name: at most 64 ASCII letters, digits, - and single _, a letter or a digit first
      roster.toml:17:18: no person is called "ben"; expected one of ana, ben the second
      roster.toml:23:10: no person is called "ben"; expected one of ana, ben the second
    "#);
}

#[test]
fn schedules_are_wall_times_of_people_who_exist() {
    insta::assert_snapshot!(roster(&[
        ("people = [\"ana\", \"ben\"]", "people = [\"ana\", \"bne\"]"),
        ("people = [\"ana\", \"ben\"]", "people = []"),
        ("every = \"7d\"", "every = \"168h\""),
        ("every = \"7d\"", "every = \"1w\""),
        ("every = \"7d\"", "every = \"-7d\""),
        ("every = \"7d\"", "every = 7"),
        ("every = \"7d\"", "every = \"2y\""),
        ("start = \"2026-01-05T10:00\"", "start = \"2026-01-05T10:00Z\""),
        ("start = \"2026-01-05T10:00\"", "start = 2026-01-05T10:00:00+01:00"),
        ("start = \"2026-01-05T10:00\"", "start = \"2026-02-30T10:00\""),
        ("person = \"ben\"\nfrom = \"2026-12-24T18:00\"", "person = \"ben\"\nfrom = \"2026-12-27T18:00\""),
        ("person = \"ben\"\nfrom", "person = \"bob\"\nfrom"),
        ("person = \"ben\"\nfrom", "person = \"ben\"\nrole = \"comander\"\nfrom"),
        ("person = \"ben\"\nfrom", "from"),
        ("rotation = \"primary\"", "rotation = \"prime\""),
        ("remove = \"ana\"", ""),
        ("remove = \"ana\"", "replace = \"ana\""),
        ("reason = \"holiday\"", "reason = \" \""),
        ("[[override]]", "[[overide]]"),
        ("[[shift]]", "[shift]"),
    ]), @r#"
    people = ["ana", "bne"]
      roster.toml:17:18: no person is called "bne"; expected one of ana, ben; did you mean "ben"?
    people = []
      roster.toml:17:10: people = [] in [rotations.primary]; expected at least one
    every = "168h"
      roster.toml:16:9: every = "168h" in [rotations.primary]; expected whole days or weeks such as "7d" or "1w", at most 366 days; turns change at the same time of day, whatever the clocks do
    every = "1w"
      nothing is wrong
    every = "-7d"
      roster.toml:16:9: every = "-7d" in [rotations.primary]; expected whole days or weeks such as "7d" or "1w", at most 366 days
    every = 7
      roster.toml:16:9: every = 7 in [rotations.primary]; expected whole days or weeks such as "7d" or "1w", at most 366 days
    every = "2y"
      roster.toml:16:9: every = "2y" in [rotations.primary]; expected whole days or weeks such as "7d" or "1w", at most 366 days; turns change at the same time of day, whatever the clocks do
    start = "2026-01-05T10:00Z"
      roster.toml:15:9: start = "2026-01-05T10:00Z" in [rotations.primary]; expected local wall time, such as "2026-11-21T18:00"; leave the offset away and give the zone as zone = "Europe/Berlin"
    start = 2026-01-05T10:00:00+01:00
      roster.toml:15:9: start = 2026-01-05T10:00:00+01:00 in [rotations.primary]; expected local wall time, such as "2026-11-21T18:00"; leave the offset away and give the zone as zone = "Europe/Berlin"
    start = "2026-02-30T10:00"
      roster.toml:15:9: start = "2026-02-30T10:00" in [rotations.primary]; expected local wall time, such as "2026-11-21T18:00"
    person = "ben" ⏎ from = "2026-12-27T18:00"
      roster.toml:25:6: 2026-12-27T18:00:00 to 2026-12-27T09:00:00 is no stretch of time: the end must be after the start
    person = "bob" ⏎ from
      roster.toml:23:10: no person is called "bob"; expected one of ana, ben; did you mean "ben"?
    person = "ben" ⏎ role = "comander" ⏎ from
      roster.toml:24:8: role = "comander" in [[shift]]; expected one of "commander", "communications", "responder", "scribe", "counsel"; did you mean "commander"?
    from
      roster.toml:22:1: missing key "person" in [[shift]]; expected the ID of a person
    rotation = "prime"
      roster.toml:28:12: no rotation is called "prime"; expected primary

      roster.toml:27:1: [[override]] changes nothing; expected add = "ID", remove = "ID" or both
    replace = "ana"
      roster.toml:27:1: [[override]] changes nothing; expected add = "ID", remove = "ID" or both
      roster.toml:31:1: unknown key "replace" in [[override]]; expected one of add, from, reason, remove, rotation, to, zone
    reason = " "
      roster.toml:32:10: reason = " " in [[override]]; expected text in quotes, not empty
    [[overide]]
      roster.toml:27:3: unknown key "overide" in the top level of the file; expected one of override, people, policies, roles, rotations, shift; did you mean "override"?
    [shift]
      roster.toml:22:1: shift is a table in the top level of the file; expected tables: [[shift]]
    "#);
}

#[test]
fn policies_lead_somewhere_and_roles_to_people() {
    insta::assert_snapshot!(roster(&[
        ("notify = [\"on-call\"]", "notify = [\"oncall\"]"),
        ("notify = [\"on-call\"]", "notify = [\"person:bne\"]"),
        ("notify = [\"on-call\"]", "notify = [\"role:boss\"]"),
        ("notify = [\"on-call\"]", "notify = [\"role:counsel\"]"),
        ("notify = [\"on-call\"]", "notify = []"),
        ("after = \"0m\"", "after = \"6m\""),
        ("after = \"0m\", ", ""),
        ("after = \"0m\"", "after = \"zero\""),
        ("[policies.default]", "[policies.default]\nrepeat = 11"),
        ("[policies.default]\nsteps = [", "[policies.default]\nstep = ["),
        ("commander = \"rotation:primary\"", "comander = \"rotation:primary\""),
        ("commander = \"rotation:primary\"", "commander = \"role:responder\""),
        ("commander = \"rotation:primary\"", "communications = \"person:ana\""),
    ]), @r#"
    notify = ["oncall"]
      roster.toml:36:31: notify = "oncall" in [[policies.default.steps]]; expected one of "on-call", "signers", "role:ROLE", "person:ID" or "rotation:NAME"
    notify = ["person:bne"]
      roster.toml:36:31: no person is called "bne"; expected one of ana, ben; did you mean "ben"?
    notify = ["role:boss"]
      roster.toml:36:31: notify = "role:boss" in [[policies.default.steps]]; expected one of "on-call", "signers", "role:ROLE", "person:ID" or "rotation:NAME"; the roles are commander, communications, responder, scribe, counsel
    notify = ["role:counsel"]
      roster.toml:36:31: nobody is ever counsel; add [roles] counsel = "person:ID"
    notify = []
      roster.toml:36:30: notify = [] in [[policies.default.steps]]; expected at least one
    after = "6m"
      roster.toml:37:15: after = "5m" in [[policies.default.steps]]; expected "6m" or later: steps are in order of time

      roster.toml:36:5: missing key "after" in [[policies.default.steps]]; expected a length of time since the page began, such as "5m"
    after = "zero"
      roster.toml:36:15: after = "zero" in [[policies.default.steps]]; expected a length of time such as "10m" or "1h30m", from 0s to 24h
    [policies.default] ⏎ repeat = 11
      roster.toml:35:10: repeat = 11 in [policies.default]; expected a whole number from 0 to 10
    [policies.default] ⏎ step = [
      roster.toml:34:1: missing key "steps" in [policies.default]; expected at least one step: { after = "0m", notify = ["on-call"] }
      roster.toml:35:1: unknown key "step" in [policies.default]; expected one of repeat, steps; did you mean "steps"?
    comander = "rotation:primary"
      roster.toml:20:1: unknown key "comander" in [roles]; expected one of commander, communications, counsel, responder, scribe; did you mean "commander"?
      roster.toml:37:31: nobody is ever commander; add [roles] commander = "person:ID"
    commander = "role:responder"
      roster.toml:20:13: commander is "role:responder" in [roles]; expected people: a role cannot be another role's
    communications = "person:ana"
      roster.toml:37:31: nobody is ever commander; add [roles] commander = "person:ID"
    "#);
}
