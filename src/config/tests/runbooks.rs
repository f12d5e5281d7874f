//! Wrong runbooks, and what is said of them.

use super::*;
use crate::domain::condition::{Early, Response};

fn runbook(cases: &[(&str, &str)]) -> String {
    table("runbooks/pause.md", cases)
}

#[test]
fn a_runbook_is_read_as_it_was_meant() {
    let files = Files::right().spoil(
        "runbooks/pause.md",
        "respond = \"propose\"",
        "respond = \"propose\"\ndeclare = \"on-match\"\npolicy = \"default\"\nobjective = \"stop it\"",
    );
    let files = files.spoil(
        "runbooks/pause.md",
        "[\"vault\"]\n",
        "\"vault\"\nrespond = \"prepare\"\nearly = \"page\"\n",
    );
    let config = files.load().unwrap();
    let runbook = &config.runbooks[&"pause".into()];
    assert!(runbook.declare_on_match);
    assert_eq!(runbook.title, "Pause the vault");
    assert_eq!(runbook.policy, Some("default".into()));
    assert_eq!(runbook.objective.as_deref(), Some("stop it"));
    assert_eq!(runbook.safes, ["guardian".into(), "governance".into()]);
    let condition = &runbook.conditions[0];
    assert_eq!(condition.respond, Response::Prepare);
    assert_eq!(condition.early, Early::Respond(Response::Page));
    assert_eq!(condition.about, ["vault".into()]);
    assert_eq!(condition.count.map(|count| count.within.as_mins()), Some(10));
    assert_eq!(runbook.actions[0].call, "pause()");
    assert_eq!(runbook.recover[0].safe, "governance".into());
    assert!(runbook.prose.starts_with("# Pause the vault"));
}

#[test]
fn front_matter_is_complete_and_every_name_in_it_exists() {
    insta::assert_snapshot!(runbook(&[
        ("id = \"pause\"", "name = \"pause\""),
        ("id = \"pause\"", "id = \"pause it\""),
        ("severity = \"emergency\"", "severity = \"high\""),
        ("owner = \"security\"\n", ""),
        ("reviewed = 2026-11-01", "reviewed = \"last week\""),
        ("reviewed = 2026-11-01", "reviewed = 2026-11-01T10:00:00Z"),
        ("respond = \"propose\"", "respond = \"execute\""),
        ("respond = \"propose\"", "respond = \"propose\"\ndeclare = \"always\""),
        ("respond = \"propose\"", "respond = \"propose\"\npolicy = \"defualt\""),
        ("safe = [\"guardian\", \"governance\"]", "safe = [\"gaurdian\", \"governance\"]"),
        ("safe = [\"guardian\", \"governance\"]\n", ""),
        ("about = [\"vault\"]", "about = []"),
        ("about = [\"vault\"]", "abuot = [\"vault\"]"),
        ("count = { alerts = 2, bots = 2, within = \"10m\" }", "count = { alerts = 0, bot = 2, within = \"11d\" }"),
        ("[[recover]]", "[[condition]]\nid = \"drain\"\nwhen = 'true'\nabout = [\"vault\"]\n[[recover]]"),
        ("when = 'alert", "early = \"propose\"\nwhen = 'alert"),
    ]), @r#"
    name = "pause"
      runbooks/pause.md:1:1: missing key "id" in the front matter; expected a name: at most 64 ASCII letters, digits, - and single _, a letter or a digit first
      runbooks/pause.md:2:1: unknown key "name" in the front matter; expected one of action, condition, declare, id, objective, owner, policy, recover, respond, reviewed, safe, severity; did you mean "safe"?
    id = "pause it"
      runbooks/pause.md:2:6: id = "pause it" in the front matter; expected a name: at most 64 ASCII letters, digits, - and single _, a letter or a digit first
    severity = "high"
      runbooks/pause.md:3:12: severity = "high" in the front matter; expected one of "normal", "incident", "emergency"

      runbooks/pause.md:1:1: missing key "owner" in the front matter; expected text in quotes, not empty
    reviewed = "last week"
      runbooks/pause.md:5:12: reviewed = "last week" in the front matter; expected a date, such as 2026-11-01
    reviewed = 2026-11-01T10:00:00Z
      runbooks/pause.md:5:12: reviewed = 2026-11-01T10:00:00Z in the front matter; expected a date, such as 2026-11-01
    respond = "execute"
      runbooks/pause.md:7:11: respond = "execute" in the front matter; expected one of "page", "prepare", "propose"
    respond = "propose" ⏎ declare = "always"
      runbooks/pause.md:8:11: declare = "always" in the front matter; expected one of "on-match", "by-person"
    respond = "propose" ⏎ policy = "defualt"
      runbooks/pause.md:8:10: no escalation policy is called "defualt"; expected default; did you mean "default"?
    safe = ["gaurdian", "governance"]
      runbooks/pause.md:6:9: no Safe is called "gaurdian"; expected one of elsewhere, governance, guardian; did you mean "guardian"?

      runbooks/pause.md:1:1: missing key "safe" in the front matter; expected the names of Safes that can do the actions, best first
    about = []
      runbooks/pause.md:12:9: about = [] in [[condition]]; expected at least one
    abuot = ["vault"]
      runbooks/pause.md:9:1: missing key "about" in [[condition]]; expected a list, each text in quotes, not empty
      runbooks/pause.md:12:1: unknown key "abuot" in [[condition]]; expected one of about, absent, confirm, count, early, except, for, id, inhibited_by, max_age, respond, retracted_by, sequence, step, when; did you mean "about"?
    count = { alerts = 0, bot = 2, within = "11d" }
      runbooks/pause.md:13:20: alerts = 0 in [condition.count]; expected a whole number from 1 to 1000
      runbooks/pause.md:13:23: unknown key "bot" in [condition.count]; expected one of alerts, attackers, bots, contracts, entities, feeds, including, stages, transactions, vendors, within; did you mean "bots"?
      runbooks/pause.md:13:41: within = "11d" in [condition.count]; expected a length of time such as "10m" or "1h30m", from 1s to 240h
    [[condition]] ⏎ id = "drain" ⏎ when = 'true' ⏎ about = ["vault"] ⏎ [[recover]]
      runbooks/pause.md:21:6: a second condition is called "drain"; expected each id once in a runbook
    early = "propose" ⏎ when = 'alert
      runbooks/pause.md:11:9: early = "propose" in [[condition]]; expected one of "critical", "nothing", "page", "prepare"
    "#);
}

#[test]
fn calls_and_expressions_are_compiled_where_they_are_written() {
    insta::assert_snapshot!(runbook(&[
        ("call = \"pause()\"", "call = \"pause(1)\""),
        ("call = \"pause()\"", "call = \"totalAssets()\""),
        ("call = \"unpause()\"", "call = \"transferOwnership(0x0000000000000000000000000000000000000001)\""),
        ("'read(\"vault\", \"paused()\")'", "'read(\"vault\", \"totalAssets()\")'"),
        ("'read(\"vault\", \"paused()\")'", "'read(\"valt\", \"paused()\") &&'"),
        ("when = 'alert.severity >= CRITICAL'", "when = 'alert.sevrity >= CRITICAL && alert.bot in bots.detectors'"),
        ("when = 'alert.severity >= CRITICAL'", "when = 'alert.severity >= CRITICAL && alert.bot in bots.detector'"),
        ("count = { alerts = 2, bots = 2,", "count = { alerts = 1, bots = 2,"),
        ("count = {", "confirm = 'read(\"vault\", \"totalAssets()\")'\ncount = {"),
    ]), @r#"
    call = "pause(1)"
      runbooks/pause.md:17:8: contract "vault" has no function "pause" with 1 argument; nearest: pause(); its ABI is PAUSER_ROLE(), asset(), balanceOf(address), hasRole(bytes32,address), pause(), paused(), totalAssets(), totalSupply(), unpause()
    call = "totalAssets()"
      runbooks/pause.md:17:8: totalAssets() of contract "vault" is a view: as an action it would change nothing
    call = "transferOwnership(0x0000000000000000000000000000000000000001)"
      runbooks/pause.md:22:8: contract "vault" has no function "transferOwnership" with 1 argument; its ABI is PAUSER_ROLE(), asset(), balanceOf(address), hasRole(bytes32,address), pause(), paused(), totalAssets(), totalSupply(), unpause()
    'read("vault", "totalAssets()")'
      runbooks/pause.md:18:10: expect, at character 1: the result must be true or false, and this is a whole number
    'read("valt", "paused()") &&'
      runbooks/pause.md:18:10: expect, at character 28: syntax error: unexpected end
    when = 'alert.sevrity >= CRITICAL && alert.bot in bots.detectors'
      runbooks/pause.md:11:8: when, at character 48: there is no list of bots "detectors"; did you mean "detector"?
      runbooks/pause.md:11:8: when, at character 7: an alert has no field "sevrity"; did you mean "severity"?
    when = 'alert.severity >= CRITICAL && alert.bot in bots.detector'
      nothing is wrong
    count = { alerts = 1, bots = 2,
      runbooks/pause.md:13:9: count: alerts = 1 is fewer than bots = 2, and each alert comes from one bot; ask for at least 2 alerts
    confirm = 'read("vault", "totalAssets()")' ⏎ count = {
      runbooks/pause.md:13:11: confirm, at character 1: the result must be true or false, and this is a whole number
    "#);
}

#[test]
fn actions_can_be_done_by_the_safes_and_undone_by_another() {
    insta::assert_snapshot!(runbook(&[
        ("contract = \"vault\"\ncall = \"pause()\"", "contract = \"valt\"\ncall = \"pause()\""),
        ("call = \"pause()\"", "call = \"puase()\""),
        ("call = \"pause()\"", "call = \"pause\""),
        ("call = \"pause()\"\nexpect = 'read(\"vault\", \"paused()\")'", "call = \"pause()\""),
        ("call = \"unpause()\"\nsafe = \"governance\"", "call = \"unpause()\"\nsafe = \"guardian\""),
        ("call = \"unpause()\"\nsafe = \"governance\"", "call = \"unpause()\"\nsafe = \"elsewhere\""),
        ("safe = [\"guardian\", \"governance\"]", "safe = \"elsewhere\""),
        ("[[action]]\ncontract = \"vault\"\ncall = \"pause()\"\nexpect = 'read(\"vault\", \"paused()\")'\n", ""),
        ("[[condition]]", "[[conditions]]"),
    ]), @r#"
    contract = "valt" ⏎ call = "pause()"
      runbooks/pause.md:16:12: no contract is called "valt"; expected vault; did you mean "vault"?
    call = "puase()"
      runbooks/pause.md:17:8: contract "vault" has no function "puase" with 0 arguments; nearest: pause(), paused(), unpause(); its ABI is PAUSER_ROLE(), asset(), balanceOf(address), hasRole(bytes32,address), pause(), paused(), totalAssets(), totalSupply(), unpause()
    call = "pause"
      runbooks/pause.md:17:8: `pause` is not a call such as `pause()` or `setCap(0x…, 0)`: at character 6: expected `(` after the name, found the end
    call = "pause()"
      runbooks/pause.md:15:1: missing key "expect" in [[action]]; expected what holds once it is done, such as 'read("vault", "paused()")'
    call = "unpause()" ⏎ safe = "guardian"
      runbooks/pause.md:23:8: "guardian" is the Safe that pauses, and is to undo it here; expected another Safe; who can stop the protocol quickly must not restart it as quickly
    call = "unpause()" ⏎ safe = "elsewhere"
      runbooks/pause.md:21:12: contract "vault" is on mainnet, Safe "elsewhere" on base; expected both on one chain
    safe = "elsewhere"
      runbooks/pause.md:16:12: contract "vault" is on mainnet, Safe "elsewhere" on base; expected both on one chain

      runbooks/pause.md:7:11: there is no [[action]] to prepare or propose; add one, or write respond = "page"
    [[conditions]]
      runbooks/pause.md:9:3: unknown key "conditions" in the front matter; expected one of action, condition, declare, id, objective, owner, policy, recover, respond, reviewed, safe, severity; did you mean "condition"?
    "#);
    // A page needs no action, and no Safe.
    let action =
        "[[action]]\ncontract = \"vault\"\ncall = \"pause()\"\nexpect = 'read(\"vault\", \"paused()\")'\n";
    let page_only = Files::right()
        .spoil("runbooks/pause.md", action, "")
        .spoil("runbooks/pause.md", "respond = \"propose\"", "respond = \"page\"")
        .spoil("runbooks/pause.md", "safe = [\"guardian\", \"governance\"]\n", "");
    assert_eq!(page_only.told(), "nothing is wrong");
}

#[test]
fn the_safe_that_pauses_is_known_under_every_name() {
    let files = Files::right()
        .add("redhandle.toml", "\n[safes.other]\nchain = \"mainnet\"\naddress = \"0xe7f1725e7734ce288f8367e1bb143e90bb3f0512\"\n")
        .spoil("runbooks/pause.md", "call = \"unpause()\"\nsafe = \"governance\"", "call = \"unpause()\"\nsafe = \"other\"");
    insta::assert_snapshot!(files.told(), @r#"
    redhandle.toml:51:11: this is also [safes.guardian]; expected each Safe under one name
    runbooks/pause.md:23:8: "other" is the Safe that pauses, and is to undo it here; expected another Safe; who can stop the protocol quickly must not restart it as quickly
    "#);
}

#[test]
fn what_a_person_needs_is_there_and_fresh_or_it_is_a_warning() {
    insta::assert_snapshot!(runbook(&[
        ("## Decide\n", ""),
        ("# Pause the vault\n", ""),
        ("## After\n", "```\n## After\n```\n"),
        ("reviewed = 2026-11-01", "reviewed = 2026-05-25"),
        ("reviewed = 2026-11-01", "reviewed = 2026-05-24"),
        ("reviewed = 2026-11-01", "reviewed = 2026-12-01"),
    ]), @r#"
      warning: runbooks/pause.md:25:1: the section "Decide" is missing; expected a heading ## Decide

      warning: runbooks/pause.md:25:1: the runbook has no title; expected a heading such as # Pause the vault
    ``` ⏎ ## After ⏎ ```
      warning: runbooks/pause.md:25:1: the section "After" is missing; expected a heading ## After
    reviewed = 2026-05-25
      nothing is wrong
    reviewed = 2026-05-24
      warning: runbooks/pause.md:5:12: the last review was 2026-05-24, 181 days ago; expected one in the last 180 days; read it, dry-run it, and set reviewed
    reviewed = 2026-12-01
      warning: runbooks/pause.md:5:12: the last review is in the future: 2026-12-01
    "#);
}

#[test]
fn files_are_runbooks_each_with_an_id_of_its_own() {
    let mut twice = Files::right();
    twice.texts.insert("runbooks/second.md", RUNBOOK.to_owned());
    let not_a_runbook = Files::right().add("runbooks/notes.md", "# Notes\n");
    let endless =
        Files::right().spoil("runbooks/pause.md", "safe = \"governance\"\n+++", "safe = \"governance\"");
    insta::assert_snapshot!([twice.told(), not_a_runbook.told(), endless.told()].join("\n"), @r#"
    runbooks/second.md:2:6: a second runbook is called "pause"; the first is runbooks/pause.md:2
    runbooks/notes.md:1:1: the file does not begin with front matter; expected TOML between two lines that are +++
    runbooks/pause.md:1:1: the front matter does not end; expected a second line that is +++
    "#);
    let readme = Files::right().add("runbooks/README.md", "# About\n").add("runbooks/list.txt", "no\n");
    assert_eq!(readme.told(), "nothing is wrong");
}

/// `count` in other words, and what stands in its place.
#[test]
fn what_makes_a_condition_fire_is_checked_where_it_is_written() {
    let count = "count = { alerts = 2, bots = 2, within = \"10m\" }";
    insta::assert_snapshot!(runbook(&[
        (count, "count = { bots = 2, within = \"10m\", including = 'alert.severity >= HIGH' }"),
        (count, "count = { bots = 2, within = \"10m\", including = 'alert.sevrity >= HIGH' }"),
        (count, "count = { within = \"10m\", stages = { of = [\"nobody\"], at_least = 1 } }"),
        (count, "count = { within = \"10m\" }"),
        (count, "retracted_by = \"nobody\"\nmax_age = \"11d\""),
        (count, "absent = { after = \"2h\", intervals = 2.5 }"),
        (count, "absent = { after = \"2h\", intervals = 2.55 }"),
        (count, "sequence = { same = \"attaker\", within = \"1h\" }"),
        (count, "sequence = { same = \"attacker\", within = \"1h\" }"),
        (count, "step = [{ when = 'true', anywhere = true }]"),
        (
            count,
            "sequence = { same = \"attacker\", within = \"1h\" }\nstep = [{ when = 'true', anywhere = true }, { when = 'alert.bto == \"0x\"' }]"
        ),
    ]), @r#"
    count = { bots = 2, within = "10m", including = 'alert.severity >= HIGH' }
      nothing is wrong
    count = { bots = 2, within = "10m", including = 'alert.sevrity >= HIGH' }
      runbooks/pause.md:13:9: count.including, at character 7: an alert has no field "sevrity"; did you mean "severity"?
    count = { within = "10m", stages = { of = ["nobody"], at_least = 1 } }
      runbooks/pause.md:13:9: count.stages: there is no list of bots "nobody"
    count = { within = "10m" }
      runbooks/pause.md:13:9: missing key "alerts" in [condition.count]; expected how many alerts, or how many different bots, feeds, vendors, stages or the like
    retracted_by = "nobody" ⏎ max_age = "11d"
      runbooks/pause.md:13:16: retracted_by: there is no list of bots "nobody"
      runbooks/pause.md:14:11: max_age = "11d" in [[condition]]; expected a length of time such as "10m" or "1h30m", from 1s to 240h
    absent = { after = "2h", intervals = 2.5 }
      nothing is wrong
    absent = { after = "2h", intervals = 2.55 }
      runbooks/pause.md:13:38: intervals = 2.55 in [condition.absent]; expected a number from 1.1 to 100 with at most one decimal
    sequence = { same = "attaker", within = "1h" }
      runbooks/pause.md:13:21: same = "attaker" in [condition.sequence]; expected one of "attacker", "transaction", "contract"; did you mean "attacker"?
    sequence = { same = "attacker", within = "1h" }
      runbooks/pause.md:13:12: sequence: a sequence has from 2 to 8 steps, and this one 0
    step = [{ when = 'true', anywhere = true }]
      runbooks/pause.md:9:1: missing key "sequence" in [[condition]]; expected sequence = { same = "attacker", within = "1h" }
    sequence = { same = "attacker", within = "1h" } ⏎ step = [{ when = 'true', anywhere = true }, { when = 'alert.bto == "0x"' }]
      runbooks/pause.md:14:8: step 2, when, at character 7: an alert has no field "bto"; it has severity, bot, alert_id, name, description, protocol, finding_type, feed, chain, hash, transaction, block.number, addresses, created_at, event_time, metadata.NAME
    "#);
}
