//! Reports with everything wrong in them, and what is kept of what strangers write.

use super::*;
use crate::domain::runbook::Severity;

fn draft(source: &str, title: &str) -> Draft {
    Draft { source: Some(source.into()), title: Some(title.into()), ..Draft::default() }
}

#[test]
fn every_word_of_a_source_is_read_back() {
    for source in ReportSource::ALL {
        assert_eq!(ReportSource::of_word(source.as_str()), Some(source));
        assert_eq!(serde_json::to_value(source).unwrap(), source.as_str());
    }
    assert_eq!(ReportSource::of_word(" Law Enforcement "), Some(ReportSource::LawEnforcement));
    assert_eq!(ReportSource::of_word("security_team"), Some(ReportSource::SecurityTeam));
    assert_eq!(ReportSource::of_word("police"), None);
}

#[test]
fn a_good_report_is_taken() {
    let told = Draft {
        text: Some("  I can drain it  ".into()),
        contact: Some(" x@evil.example ".into()),
        severity: Some("incident".into()),
        runbook: Some("pause-vault".into()),
        ..draft("hacker", " Somebody can drain the vault ")
    };
    let report = told.check(None, true).unwrap();
    assert_eq!(report.title, "Somebody can drain the vault");
    assert_eq!(report.text.as_deref(), Some("I can drain it"));
    assert_eq!(report.contact.as_deref(), Some("x@evil.example"));
    assert_eq!(
        (report.severity, report.runbook.unwrap().as_str()),
        (Some(Severity::Incident), "pause-vault")
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let told = |draft: Draft, source, vouched| {
        let problems = draft.check(source, vouched).unwrap_err();
        problems.iter().map(|told| format!("{}: {}", told.field, told.problem)).collect::<Vec<_>>().join("\n")
    };
    let all = Draft {
        source: Some("police".into()),
        title: Some("two\nlines".into()),
        text: Some("x".repeat(TEXT_MAX_BYTES + 1)),
        contact: Some("c".repeat(CONTACT_MAX_CHARS + 1)),
        severity: Some("dire".into()),
        runbook: Some("pause-vault".into()),
    };
    insta::assert_snapshot!(told(all, None, false), @r#"
    source: it is not known; expected one of support, customer, hacker, security-team, law-enforcement, other
    title: expected one line
    contact: 501 characters are too many; 500 at most, the rest belongs into the text
    text: 32769 bytes are too many; 32768 at most, attach the rest as a file
    severity: it is not known; expected normal, incident or emergency
    severity: only a sender with a token says that; leave it away
    runbook: only a sender with a token says that; leave it away
    "#);
    insta::assert_snapshot!(told(Draft::default(), None, true), @"
    source: it is missing; expected one of support, customer, hacker, security-team, law-enforcement, other
    title: it is missing; expected what is wrong, in one line
    ");
    insta::assert_snapshot!(told(draft("hacker", "x"), Some(ReportSource::Support), true), @r#"source: this sender speaks as "support"; leave it away"#);
}

#[test]
fn a_file_name_is_never_a_path() {
    for (declared, kept) in [
        ("poc.sol", "poc.sol"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\poc.exe", "poc.exe"),
        ("/", "unnamed"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a\u{202e}gpj.exe", "a\\u{202e}gpj.exe"),
        ("a\u{0}b\u{1b}[2J", "a\\u{0}b\\u{1b}[2J"),
    ] {
        assert_eq!(file_name(declared), kept, "{declared:?}");
    }
    assert_eq!(file_name(&"n".repeat(500)).chars().count(), FILE_NAME_MAX_CHARS);
}

#[test]
fn a_media_type_is_a_claim_in_two_words() {
    for (declared, kept) in [
        ("text/plain; charset=utf-8", "text/plain"),
        ("Image/PNG", "image/png"),
        ("text/<script>", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("a/b/c", "application/octet-stream"),
    ] {
        assert_eq!(media_type(declared), kept, "{declared:?}");
    }
}

#[test]
fn a_title_is_the_first_line_and_nothing_is_lost() {
    assert_eq!(title_from(" one line "), ("one line".to_owned(), None));
    assert_eq!(title_from("one\ntwo"), ("one".to_owned(), Some("one\ntwo".to_owned())));
    assert_eq!(title_from("one\rtwo"), ("one".to_owned(), Some("one\rtwo".to_owned())));
    let (title, text) = title_from(&"x".repeat(TITLE_MAX_CHARS + 5));
    assert_eq!((title.len(), text.map(|text| text.len())), (TITLE_MAX_CHARS, Some(TITLE_MAX_CHARS + 5)));
}
