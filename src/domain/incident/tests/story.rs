//! A whole story as people read it.

use alloy::primitives::B256;
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::condition::Response;
use crate::domain::incident::Incident;
use crate::domain::incident::fact::{Actor, Fact, Retry, Role, Source};
use crate::domain::incident::fixture::*;
use crate::domain::incident::names::{IncidentId, Purpose};
use crate::domain::incident::postmortem::{draft, span};
use crate::domain::incident::timeline::{Weight, short, timeline};
use crate::domain::runbook::Severity;
use crate::domain::text::terminal;

/// Text that means harm on a terminal and in Markdown.
const HOSTILE: &str = "\u{1b}[2Jpaid | [click](https://evil.example) <script>\n# Causes\nben did it \u{202e}";

fn story() -> Vec<(Timestamp, Fact)> {
    let safe_tx_hash = hash_at(7);
    let ana = || Actor::Person("ana".into());
    let key = page(Purpose::Triage, "ana", "slack", 0, 0);
    let retry = Retry::Later;
    let told = [
        (
            0,
            Fact::Reported {
                source: Source::Reporter { kind: "customer".into(), contact: Some("x@evil.example".into()) },
                title: "Withdrawals fail".into(),
                severity: Severity::Incident,
                runbook: Some("pause-vault".into()),
                contract: Some("vault".into()),
                response: Response::Page,
                matched: None,
                statement: Some(HOSTILE.into()),
            },
        ),
        (40, Fact::PageStarted { page: key.clone(), attempt: 1 }),
        (900, Fact::PageFailed { page: key.clone(), attempt: 1, problem: "429".into(), retry }),
        (2_900, Fact::PageStarted { page: key.clone(), attempt: 2 }),
        (3_000, Fact::PageDelivered { page: key, reference: Some("m1".into()) }),
        (
            60_000,
            Fact::Matched {
                matched: matched(&["0x01", "0x02"], Response::Propose),
                response: Response::Propose,
            },
        ),
        (60_100, Fact::PreparationStarted { attempt: 1 }),
        (
            60_400,
            Fact::PreparationFailed { attempt: 1, problem: "no node answers".into(), retry, draft: None },
        ),
        (61_400, Fact::PreparationStarted { attempt: 2 }),
        (62_000, prepared(2, 7)),
        (62_010, Fact::SubmissionStarted { safe_tx_hash, attempt: 1 }),
        (62_900, Fact::Submitted { safe_tx_hash, service: "safe.example".into() }),
        (75_000, acknowledged("ana")),
        (80_000, triaged(ana(), true)),
        (81_000, declared(None)),
        (90_000, Fact::Assigned { by: ana(), role: Role::Commander, person: "ana".into() }),
        (95_000, Fact::Noted { by: ana(), text: HOSTILE.into() }),
        (120_000, confirmed(1, 7)),
        (192_000, confirmed(2, 7)),
        (192_100, Fact::ExecutionStarted { safe_tx_hash, attempt: 1, by: Actor::Agent }),
        (
            205_000,
            Fact::Executed { safe_tx_hash, transaction: B256::repeat_byte(2), block: 130, success: true },
        ),
        (206_000, Fact::Verified { block: 131, expects: vec!["paused".into()] }),
        (300_000, Fact::JournalGap { since: at(280), facts: 2, dropped: vec!["x".into()] }),
        (400_000, Fact::Exhausted { purpose: Purpose::JournalGap }),
        (7_300_000, Fact::Resolved { by: ana(), summary: HOSTILE.into() }),
        (
            7_301_000,
            Fact::ActionItemAdded {
                item: 1,
                what: HOSTILE.into(),
                owner: "ben".into(),
                due: date(2026, 12, 1),
            },
        ),
    ];
    told.map(|(millis, fact)| (at_ms(millis), fact)).to_vec()
}

fn fold(facts: &[(Timestamp, Fact)]) -> Incident {
    let ((at, first), rest) = facts.split_first().unwrap();
    let mut incident = Incident::open(IncidentId(1), first, *at).unwrap();
    for (at, fact) in rest {
        incident.apply(fact, *at).unwrap_or_else(|refused| panic!("{refused}"));
    }
    incident
}

#[test]
fn the_timeline_of_a_story() {
    let facts = story();
    let lines: Vec<_> = timeline(&facts)
        .iter()
        .map(|moment| {
            let after = span(moment.at.duration_since(at(0)));
            format!("{after:>11} {:<7} {}", format!("{:?}", moment.weight), terminal(&moment.sentence))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
          0 ms Turn    reported by customer: Withdrawals fail (incident; page)
         40 ms Detail  paging ana by slack (triage)
        900 ms Trouble the page to ana by slack failed: 429; will try again
         2.9 s Detail  paging ana by slack (triage), attempt 2
         3.0 s Detail  slack took the page to ana (triage)
    1 min 00 s Turn    matched again: 2 alerts of 1 bot about vault (page, prepare and propose)
    1 min 00 s Detail  preparing the proposal
    1 min 00 s Trouble no proposal: no node answers; will try again
    1 min 01 s Detail  preparing the proposal, attempt 2
    1 min 02 s Turn    prepared 0x3a055bb7…ed3f319e for Safe guardian at nonce 7: vault.pause(); simulated at block 123 on 2 endpoints; signers exact, 2 on call for 2 (no margin)
    1 min 02 s Detail  submitting 0x3a055bb7…ed3f319e
    1 min 02 s Turn    submitted 0x3a055bb7…ed3f319e to safe.example, read back and equal
    1 min 15 s Turn    ana acknowledged (link)
    1 min 20 s Turn    ana triaged it as an incident, severity emergency: looked
    1 min 21 s Turn    Redhandle declared it: incident commander nobody, communications nobody, responders ana, ben; objective: stop the harm
    1 min 30 s Turn    ana made ana incident commander
    1 min 35 s Detail  ana noted: \u{1b}[2Jpaid | [click](https://evil.example) <script>\n# Causes\nben did it \u{202e}
    2 min 00 s Turn    owner 0x01010101…01010101 confirmed 0x3a055bb7…ed3f319e (command)
    3 min 12 s Turn    owner 0x02020202…02020202 confirmed 0x3a055bb7…ed3f319e (command)
    3 min 12 s Detail  Redhandle executes 0x3a055bb7…ed3f319e
    3 min 25 s Turn    executed in block 130 by 0x02020202…02020202
    3 min 26 s Turn    verified on the chain at block 131: paused
    5 min 00 s Trouble the journal could not be written since 2026-11-21T02:17:24Z: 2 facts kept, no longer applicable: x
    6 min 40 s Trouble nobody answered the journal-gap call: everybody is paged
    2 h 01 min Turn    ana resolved it: \u{1b}[2Jpaid | [click](https://evil.example) <script>\n# Causes\nben did it \u{202e}
    2 h 01 min Turn    action item 1: \u{1b}[2Jpaid | [click](https://evil.example) <script>\n# Causes\nben did it \u{202e} (ben, by 2026-12-01)
    "#);
}

#[test]
fn the_draft_of_a_post_mortem() {
    let facts = story();
    let page = draft(&fold(&facts), &facts, &TimeZone::get("Europe/Berlin").unwrap());
    insta::assert_snapshot!(page, @r#"
    # Post-mortem of INC-1: Withdrawals fail

    *A draft from the journal. It names no person as a cause; what only people know is asked in italics.*

    ## Summary

    | | |
    |---|---|
    | Severity | emergency |
    | Contract | vault |
    | Runbook | pause\-vault |
    | Reported | 2026-11-21 03:12:44 CET (02:12:44 UTC) |
    | Containment | verified at block 131, 2026-11-21 03:16:10 CET (02:16:10 UTC) |
    | Incident commander | ana |
    | Objective | stop the harm |
    | Resolution | \\u\{1b\}\[2Jpaid \| \[click\]\(https&#58;//evil\.example\) \<script\>\\n\# Causes\\nben did it \\u\{202e\} |
    | As reported | \\u\{1b\}\[2Jpaid \| \[click\]\(https&#58;//evil\.example\) \<script\>\\n\# Causes\\nben did it \\u\{202e\} |

    ## How long it took

    | from the first report to | |
    |---|---|
    | first page delivered | 3.0 s |
    | first acknowledgement | 1 min 15 s |
    | declared | 1 min 21 s |
    | proposal prepared and simulated | 1 min 02 s |
    | proposal submitted | 1 min 02 s |
    | first confirmation | 2 min 00 s |
    | executed | 3 min 25 s |
    | effect verified | 3 min 26 s |
    | resolved | 2 h 01 min |

    ## The proposal

    - Safe `guardian` (0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A), nonce 7
    - `vault.pause()`, expected afterwards: `read("vault", "paused()") == true`
    - domain hash `0x680307958aa4f4ba71bb13d4643a62dbaee808ddaf5ceba53514fbd6c1a89a26`
    - message hash `0x1c3ede45cffb2ac8bad4138da260b378f94997b8154ccc152f87fd5a63516ea1`
    - safeTxHash `0x3a055bb7f8f4b00f5124731fd8f24ef34b131398417c21971d3c080fed3f319e`
    - signers: exact, 2 on call for 2 \(no margin\)
    - confirmed by `0x0101010101010101010101010101010101010101`
    - confirmed by `0x0202020202020202020202020202020202020202`

    ## Timeline

    - 2026-11-21 03:12:44 CET (02:12:44 UTC) (+0 ms) **reported by customer&#58; Withdrawals fail \(incident; page\)**
    - 2026-11-21 03:12:44 CET (02:12:44 UTC) (+40 ms) paging ana by slack \(triage\)
    - 2026-11-21 03:12:44 CET (02:12:44 UTC) (+900 ms) ***the page to ana by slack failed&#58; 429; will try again***
    - 2026-11-21 03:12:46 CET (02:12:46 UTC) (+2.9 s) paging ana by slack \(triage\), attempt 2
    - 2026-11-21 03:12:47 CET (02:12:47 UTC) (+3.0 s) slack took the page to ana \(triage\)
    - 2026-11-21 03:13:44 CET (02:13:44 UTC) (+1 min 00 s) **matched again&#58; 2 alerts of 1 bot about vault \(page, prepare and propose\)**
    - 2026-11-21 03:13:44 CET (02:13:44 UTC) (+1 min 00 s) preparing the proposal
    - 2026-11-21 03:13:44 CET (02:13:44 UTC) (+1 min 00 s) ***no proposal&#58; no node answers; will try again***
    - 2026-11-21 03:13:45 CET (02:13:45 UTC) (+1 min 01 s) preparing the proposal, attempt 2
    - 2026-11-21 03:13:46 CET (02:13:46 UTC) (+1 min 02 s) **prepared 0x3a055bb7…ed3f319e for Safe guardian at nonce 7&#58; vault\.pause\(\); simulated at block 123 on 2 endpoints; signers exact, 2 on call for 2 \(no margin\)**
    - 2026-11-21 03:13:46 CET (02:13:46 UTC) (+1 min 02 s) submitting 0x3a055bb7…ed3f319e
    - 2026-11-21 03:13:46 CET (02:13:46 UTC) (+1 min 02 s) **submitted 0x3a055bb7…ed3f319e to safe\.example, read back and equal**
    - 2026-11-21 03:13:59 CET (02:13:59 UTC) (+1 min 15 s) **ana acknowledged \(link\)**
    - 2026-11-21 03:14:04 CET (02:14:04 UTC) (+1 min 20 s) **ana triaged it as an incident, severity emergency&#58; looked**
    - 2026-11-21 03:14:05 CET (02:14:05 UTC) (+1 min 21 s) **Redhandle declared it&#58; incident commander nobody, communications nobody, responders ana, ben; objective&#58; stop the harm**
    - 2026-11-21 03:14:14 CET (02:14:14 UTC) (+1 min 30 s) **ana made ana incident commander**
    - 2026-11-21 03:14:19 CET (02:14:19 UTC) (+1 min 35 s) ana noted&#58; \\u\{1b\}\[2Jpaid \| \[click\]\(https&#58;//evil\.example\) \<script\>\\n\# Causes\\nben did it \\u\{202e\}
    - 2026-11-21 03:14:44 CET (02:14:44 UTC) (+2 min 00 s) **owner 0x01010101…01010101 confirmed 0x3a055bb7…ed3f319e \(command\)**
    - 2026-11-21 03:15:56 CET (02:15:56 UTC) (+3 min 12 s) **owner 0x02020202…02020202 confirmed 0x3a055bb7…ed3f319e \(command\)**
    - 2026-11-21 03:15:56 CET (02:15:56 UTC) (+3 min 12 s) Redhandle executes 0x3a055bb7…ed3f319e
    - 2026-11-21 03:16:09 CET (02:16:09 UTC) (+3 min 25 s) **executed in block 130 by 0x02020202…02020202**
    - 2026-11-21 03:16:10 CET (02:16:10 UTC) (+3 min 26 s) **verified on the chain at block 131&#58; paused**
    - 2026-11-21 03:17:44 CET (02:17:44 UTC) (+5 min 00 s) ***the journal could not be written since 2026\-11\-21T02&#58;17&#58;24Z&#58; 2 facts kept, no longer applicable&#58; x***
    - 2026-11-21 03:19:24 CET (02:19:24 UTC) (+6 min 40 s) ***nobody answered the journal\-gap call&#58; everybody is paged***
    - 2026-11-21 05:14:24 CET (04:14:24 UTC) (+2 h 01 min) **ana resolved it&#58; \\u\{1b\}\[2Jpaid \| \[click\]\(https&#58;//evil\.example\) \<script\>\\n\# Causes\\nben did it \\u\{202e\}**
    - 2026-11-21 05:14:25 CET (04:14:25 UTC) (+2 h 01 min) **action item 1&#58; \\u\{1b\}\[2Jpaid \| \[click\]\(https&#58;//evil\.example\) \<script\>\\n\# Causes\\nben did it \\u\{202e\} \(ben, by 2026\-12\-01\)**

    ## Impact

    *Who and what was affected, and how much: users, funds, chains, partners?*

    ## Detection

    *Did the feeds see it first? What would have seen it earlier?*

    ## Causes

    *What made it possible? What made it worse? Causes are conditions, not people.*

    ## What went well, what went badly, where we were lucky

    *One list each.*

    ## Action items

    | # | what | owner | due | done |
    |---|---|---|---|---|
    | 1 | \\u\{1b\}\[2Jpaid \| \[click\]\(https&#58;//evil\.example\) \<script\>\\n\# Causes\\nben did it \\u\{202e\} | ben | 2026-12-01 | no |
    "#);
}

#[test]
fn what_the_agent_noted_is_a_turn_of_the_story() {
    let note = |by: Actor| (at(1), Fact::Noted { by, text: "INC-2 makes the same calls".to_owned() });
    let told = timeline(&[note(Actor::Agent), note(Actor::Person("ana".into()))]);
    let told: Vec<_> = told.iter().map(|moment| moment.weight).collect();
    assert_eq!(told, [Weight::Turn, Weight::Detail]);
}

#[test]
fn strangers_text_can_neither_steer_the_draft_nor_name_a_cause() {
    let facts = story();
    let page = draft(&fold(&facts), &facts, &TimeZone::UTC);
    assert!(!page.contains("[click]("), "no link");
    assert!(!page.contains("<script>") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    assert_eq!(page.matches("\n# ").count(), 0, "no heading of somebody else's");
    assert_eq!(
        page.lines().filter(|line| line.starts_with("| ")).filter(|line| line.contains("paid |")).count(),
        0
    );
    let causes = page.split("## Causes").nth(1).unwrap().split("## ").next().unwrap();
    for person in ["ana", "ben", "chi", "dee"] {
        assert!(!causes.contains(person), "{causes}");
    }
    assert!(page.contains("2026-11-21 02:12:44 UTC") && !page.contains("CET"), "one zone, said once: {page}");
}

#[test]
fn spans_are_read_at_a_glance() {
    let table = [
        (0, "0 ms"),
        (850, "850 ms"),
        (4_249, "4.2 s"),
        (59_999, "59.9 s"),
        (192_000, "3 min 12 s"),
        (3_599_000, "59 min 59 s"),
        (7_500_000, "2 h 05 min"),
        (90_000_000, "25 h 00 min"),
    ];
    for (millis, text) in table {
        assert_eq!(span(SignedDuration::from_millis(millis)), text);
    }
    assert_eq!(short(&hash_at(7)).chars().count(), 19);
    assert_eq!(short(&"0x1234"), "0x1234");
}
