//! Coverage of real Safes, and of one that cannot be read.

use super::*;
use crate::cli::check::practice::Practice;
use crate::config;

async fn shown(practice: &Practice, at: &str) -> (bool, String) {
    let config =
        config::load(&practice.config(), &practice.environment(), "2026-11-21".parse().unwrap()).unwrap();
    let (agent, _) = agent_without_journal(config, Keys::None, SystemClock::shared()).unwrap();
    let at = at.parse().unwrap();
    let safes = asked_about(&agent, None).unwrap();
    let lines = look(&agent, &safes, at).await;
    let text = text(at, &lines, &Output::plain(false, TimeZone::get("Europe/Berlin").unwrap()));
    (lines.iter().all(|line| line.report.state.is_met()), practice.steady(&text))
}

#[tokio::test(flavor = "multi_thread")]
async fn real_safes_are_covered_exact_uncovered_or_unknown() {
    let practice = Practice::lay().await;
    // Three are on call: one more than the guardian's two, and just the governance's three.
    let (met, text) = shown(&practice, "2026-11-21T02:12:44Z").await;
    insta::assert_snapshot!(text, @r"
    Who can sign at 2026-11-21 03:12:44 CET (02:12:44 UTC), of the owners that the chain has now

    governance: exact, 3 on call for 3 (no margin)
      0x3c5911773A657019788D325F469566807D8732CD on local, read at block N
      on call       0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC  ben
      on call       0x70997970C51812dc3A010C7d01b50e0d17dc79C8  ana
      on call       0x90F79bf6EB2c4f870365E785982E1f101E93b906  chi
      not on call   0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65  dan
      not on call   0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc  eve

    guardian: covered, 3 on call for 2 (margin 1)
      0x399c61b017A871181d8B6C418c93a8bB361E3Db8 on local, read at block N
      on call       0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC  ben
      on call       0x70997970C51812dc3A010C7d01b50e0d17dc79C8  ana
      on call       0x90F79bf6EB2c4f870365E785982E1f101E93b906  chi
    ");
    assert!(met);

    practice.change("roster.toml", "\"ben\"\nfrom", "\"dan\"\nfrom");
    let bens = practice.ground.actors.owners[1].address().to_string();
    practice.change("roster.toml", &bens, "0x00000000000000000000000000000000000000be");
    let (met, text) = shown(&practice, "2019-12-31T23:59:59Z").await;
    insta::assert_snapshot!(text, @r"
    Who can sign at 2020-01-01 00:59:59 CET (23:59:59 UTC), of the owners that the chain has now

    governance: UNCOVERED, 0 on call for 3
      0x3c5911773A657019788D325F469566807D8732CD on local, read at block N
      not on call   0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65  dan
      not on call   0x70997970C51812dc3A010C7d01b50e0d17dc79C8  ana
      not on call   0x90F79bf6EB2c4f870365E785982E1f101E93b906  chi
      not on call   0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc  eve
      unknown       0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC  nobody who could be woken
      nobody is on call: no shift and no rotation covers this time
      owner 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC is nobody in the roster

    guardian: UNCOVERED, 0 on call for 2
      0x399c61b017A871181d8B6C418c93a8bB361E3Db8 on local, read at block N
      not on call   0x70997970C51812dc3A010C7d01b50e0d17dc79C8  ana
      not on call   0x90F79bf6EB2c4f870365E785982E1f101E93b906  chi
      unknown       0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC  nobody who could be woken
      nobody is on call: no shift and no rotation covers this time
      owner 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC is nobody in the roster
    ");
    assert!(!met, "nobody is on call before the first shift");

    practice.change(
        "redhandle.toml",
        practice.ground.anvil.url().as_str(),
        "http://127.0.0.1:9/secret-key-0123",
    );
    let (met, text) = shown(&practice, "2026-11-21T02:12:44Z").await;
    insta::assert_snapshot!(text, @r"
    Who can sign at 2026-11-21 03:12:44 CET (02:12:44 UTC), of the owners that the chain has now

    governance: UNKNOWN: asking for the chain id on local: fewer than 1 endpoints answered (127.0.0.1:9:
                not reachable)
      0x3c5911773A657019788D325F469566807D8732CD on local, not read

    guardian: UNKNOWN: asking for the chain id on local: fewer than 1 endpoints answered (127.0.0.1:9:
              not reachable)
      0x399c61b017A871181d8B6C418c93a8bB361E3Db8 on local, not read
    ");
    assert!(!met, "what is unknown is not covered");
}

#[test]
fn times_are_read_with_their_offset_or_as_the_wall_clock_shows_them() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let read = |text: &str| instant(text, &berlin).map_or_else(|why| why, |at| at.to_string());
    assert_eq!(read("2026-12-24T22:00:00Z"), "2026-12-24T22:00:00Z");
    assert_eq!(read("2026-12-24T22:00:00+05:30"), "2026-12-24T16:30:00Z");
    assert_eq!(read("2026-12-24T22:00"), "2026-12-24T21:00:00Z");
    assert_eq!(read("2026-07-24 22:00"), "2026-07-24T20:00:00Z");
    insta::assert_snapshot!(read("2026-10-25T02:30"), @"--at: clocks are set in Europe/Berlin then, so that 2026-10-25T02:30:00 does not say which instant; write its offset");
    insta::assert_snapshot!(read("2026-03-29T02:30"), @"--at: clocks are set in Europe/Berlin then, so that 2026-03-29T02:30:00 does not say which instant; write its offset");
    insta::assert_snapshot!(read("tomorrow"), @"--at: `tomorrow` is no time; expected 2026-12-24T22:00 or 2026-12-24T22:00:00Z");
}
