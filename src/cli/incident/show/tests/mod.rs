//! What people see of an incident, drawn from facts made in memory.

mod told;

use alloy::primitives::B256;

use crate::cli::incident::{in_short, list};
use crate::domain::condition::Response;
use crate::domain::incident::fact::{Fact, Retry, Source};
use crate::domain::incident::preparation::Queue;
use crate::domain::runbook::Severity;
use told::{Told, berlin, preparation, proposed, report};

#[tokio::test]
async fn an_incident_whose_proposal_waits_for_signatures() {
    let told = proposed().await;
    insta::assert_snapshot!(told.shown(false), @r"
    INC-1: Pause the vault
    phase           declared
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by a responder's trigger
    contract        vault
    runbook         pause-vault
    response        propose
    commander       ana (ANA)
    communications  nobody
    responders      ana, ben
    objective       stop the drain
    containment     proposed

    Proposal
    safeTxHash      0x3a055bb7f8f4b00f5124731fd8f24ef34b131398417c21971d3c080fed3f319e
    Safe            guardian 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A (mainnet), nonce 7
    call            vault.pause()
    simulation      passes, at block 123 by a.example, b.example
    signers         UNCOVERED, 0 on call for 2
    displaces       calls setCap(uint256) of vault
                    (0xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd)
    passed over     Safe governance: the simulation reverts: not the pauser
    confirmations   1 of 2
                    0x0202020202020202020202020202020202020202 (ben), by service

    Open calls
      sign, since 2026-11-21 03:12:50 CET (02:12:50 UTC): sign vault.pause() for Safe guardian
        ana             acknowledged 2026-11-21 03:14:07 CET (02:14:07 UTC); console: delivered
        ben             confirmed; slack: failed 1 time(s), tried again (HTTP 503 \u{1b}[31m)

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by a responder's trigger: Pause the vault (emergency; page,
                               prepare and propose)
             +5.0 s  03:12:49  ana triaged it as an incident, severity emergency: seen it
             +5.0 s  03:12:49  ana declared it: incident commander ana, communications nobody,
                               responders ana, ben; objective: stop the drain
             +6.0 s  03:12:50  prepared 0x3a055bb7…ed3f319e for Safe guardian at nonce 7: vault.pause();
                               simulated at block 123 on 2 endpoints; signers UNCOVERED, 0 on call for
                               2; displaces 1 queued
             +8.0 s  03:12:52  submitted 0x3a055bb7…ed3f319e to the embedded service, read back and
                               equal
             +8.0 s  03:12:52  the page to ben by slack failed: HTTP 503 \u{1b}[31m; will try again
        +1 min 23 s  03:14:07  ana acknowledged (link)
        +1 min 23 s  03:14:07  owner 0x02020202…02020202 confirmed 0x3a055bb7…ed3f319e (service)
      6 details are left out; --all shows them
    ");
    insta::assert_snapshot!(in_short(&told.incident()), @r"
    INC-1 is declared (emergency): Pause the vault
    commander ana, communications nobody, responders ana, ben; containment proposed, 1 of 2 confirmations
    ");
}

#[tokio::test]
async fn the_whole_story_over_midnight() {
    let told = proposed().await;
    let safe_tx_hash = told.incident().preparation.as_ref().unwrap().safe_tx_hash();
    told.then(
        21 * 3600,
        vec![
            Fact::Executed { safe_tx_hash, transaction: B256::repeat_byte(0xee), block: 130, success: true },
            Fact::Verified { block: 131, expects: vec!["read(\"vault\", \"paused()\")".into()] },
        ],
    )
    .await;
    told.then(60, vec![Fact::EffectLost { block: 150, because: "paused() is false".into() }]).await;
    insta::assert_snapshot!(told.shown(true), @r#"
    INC-1: Pause the vault
    phase           declared
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by a responder's trigger
    contract        vault
    runbook         pause-vault
    response        propose
    commander       ana (ANA)
    communications  nobody
    responders      ana, ben
    objective       stop the drain
    containment     the effect was there and is GONE, seen at block 150

    Proposal
    safeTxHash      0x3a055bb7f8f4b00f5124731fd8f24ef34b131398417c21971d3c080fed3f319e
    Safe            guardian 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A (mainnet), nonce 7
    call            vault.pause()
    simulation      passes, at block 123 by a.example, b.example
    signers         UNCOVERED, 0 on call for 2
    displaces       calls setCap(uint256) of vault
                    (0xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd)
    passed over     Safe governance: the simulation reverts: not the pauser
    confirmations   1 of 2
                    0x0202020202020202020202020202020202020202 (ben), by service

    Open calls
      effect-lost, since 2026-11-22 00:15:07 CET (23:15:07 UTC): paused() is false
        nobody was paged yet

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by a responder's trigger: Pause the vault (emergency; page,
                               prepare and propose)
             +5.0 s  03:12:49  ana triaged it as an incident, severity emergency: seen it
             +5.0 s  03:12:49  ana declared it: incident commander ana, communications nobody,
                               responders ana, ben; objective: stop the drain
             +5.0 s  03:12:49  preparing the proposal
             +6.0 s  03:12:50  prepared 0x3a055bb7…ed3f319e for Safe guardian at nonce 7: vault.pause();
                               simulated at block 123 on 2 endpoints; signers UNCOVERED, 0 on call for
                               2; displaces 1 queued
             +6.0 s  03:12:50  submitting 0x3a055bb7…ed3f319e
             +8.0 s  03:12:52  submitted 0x3a055bb7…ed3f319e to the embedded service, read back and
                               equal
             +8.0 s  03:12:52  paging ana by console (sign)
             +8.0 s  03:12:52  console took the page to ana (sign)
             +8.0 s  03:12:52  paging ben by slack (sign)
             +8.0 s  03:12:52  the page to ben by slack failed: HTTP 503 \u{1b}[31m; will try again
        +1 min 23 s  03:14:07  ana acknowledged (link)
        +1 min 23 s  03:14:07  owner 0x02020202…02020202 confirmed 0x3a055bb7…ed3f319e (service)
        +1 min 23 s  03:14:07  the operator noted: the bridge is \u{202e}fine\nreally
      2026-11-22
       +21 h 01 min  00:14:07  executed in block 130 by 0xeeeeeeee…eeeeeeee
       +21 h 01 min  00:14:07  verified on the chain at block 131: read("vault", "paused()")
       +21 h 02 min  00:15:07  the effect is gone at block 150: paused() is false
    "#);
}

#[tokio::test]
async fn a_report_by_a_stranger_cannot_steer_the_terminal() {
    let told = Told::begin(Fact::Reported {
        source: Source::Reporter {
            kind: "hacker".into(),
            contact: Some("a\u{1b}]0;x\u{7}@example.org".into()),
        },
        title: "I have your \u{202e}keys\u{1b}[2J".into(),
        severity: Severity::Emergency,
        runbook: None,
        contract: None,
        response: Response::Page,
        matched: None,
        statement: Some(format!("line one\nline two {}", "x".repeat(900))),
    })
    .await;
    let shown = told.shown(true);
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    insta::assert_snapshot!(shown, @r"
    INC-1: I have your \u{202e}keys\u{1b}[2J
    phase           reported
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by hacker, who is reached at
                    a\u{1b}]0;x\u{7}@example.org
    as reported     line one\nline two
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (318
                    more characters)
    response        page
    commander       nobody
    communications  nobody
    responders      nobody
    containment     idle

    Open calls
      triage, since 2026-11-21 03:12:44 CET (02:12:44 UTC): I have your \u{202e}keys\u{1b}[2J
        nobody was paged yet

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by a report from hacker: I have your \u{202e}keys\u{1b}[2J
                               (emergency; page)
    ");
    insta::assert_snapshot!(in_short(&told.incident()), @r"
    INC-1 is reported (emergency): I have your \u{202e}keys\u{1b}[2J
    Decide whether it is real: redhandle incident triage INC-1 --real|--event --reason …
    ");
    insta::assert_snapshot!(list::shown(&told.store.all(), false, &berlin()), @r"
    id     phase     severity   stage  about                              opened
    INC-1  reported  emergency  idle   I have your \u{202e}keys\u{1b}[2J  2026-11-21 03:12:44 CET
                                                                          (02:12:44 UTC)
    ");
    insta::assert_snapshot!(list::shown(&[], true, &berlin()), @"No incident is open.");
}

#[tokio::test]
async fn a_proposal_that_failed_is_not_offered_for_signing() {
    let told = Told::begin(report()).await;
    let mut draft = preparation(told.clock_now());
    draft.simulation.failure = Some("AccessControl: account is missing the role".into());
    draft.queue = Queue::Unknown("the service did not answer".into());
    told.then(
        1,
        vec![
            Fact::PreparationStarted { attempt: 1 },
            Fact::PreparationFailed {
                attempt: 1,
                problem: "Safe guardian: the simulation reverts".into(),
                retry: Retry::Later,
                draft: Some(draft),
            },
        ],
    )
    .await;
    insta::assert_snapshot!(told.shown(false), @r"
    INC-1: Pause the vault
    phase           reported
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by a responder's trigger
    contract        vault
    runbook         pause-vault
    response        propose
    commander       nobody
    communications  nobody
    responders      nobody
    containment     preparation failed (attempt 1): Safe guardian: the simulation reverts; next attempt
                    2026-11-21 03:12:46 CET (02:12:46 UTC)

    Proposal that failed: nobody is asked to sign it
    safeTxHash      0x3a055bb7f8f4b00f5124731fd8f24ef34b131398417c21971d3c080fed3f319e
    Safe            guardian 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A (mainnet), nonce 7
    call            vault.pause()
    simulation      the simulation reverts: AccessControl: account is missing the role, at block 123 by
                    a.example, b.example
    signers         UNCOVERED, 0 on call for 2
    displaces       unknown: the service did not answer
    passed over     Safe governance: the simulation reverts: not the pauser

    Open calls
      triage, since 2026-11-21 03:12:44 CET (02:12:44 UTC): Pause the vault
        nobody was paged yet
      blocked, since 2026-11-21 03:12:45 CET (02:12:45 UTC): no proposal could be prepared: Safe
      guardian: the simulation reverts
        nobody was paged yet

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by a responder's trigger: Pause the vault (emergency; page,
                               prepare and propose)
             +1.0 s  03:12:45  no proposal: Safe guardian: the simulation reverts; will try again
      1 details are left out; --all shows them
    ");
}
