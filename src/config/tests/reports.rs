//! `[reports]`: who may report, and what is told where that is wrong.

use super::*;
use crate::config::settings::{Reports, SendgridProof};
use crate::domain::report::ReportSource;

fn files(text: &str) -> Files {
    let secret = "a-secret-that-nobody-guesses";
    Files::right()
        .add("redhandle.toml", text)
        .with("LONG", secret)
        .with("LONG_2", "another-secret-to-guess")
        .with("SHORT", "short")
}

fn read(text: &str) -> Reports {
    files(text).load().unwrap_or_else(|problems| panic!("{problems}")).settings.reports
}

#[test]
fn without_a_word_only_the_command_reports_and_all_page() {
    let reports = read("");
    assert!(!reports.open && reports.senders.is_empty() && reports.slack.is_none() && reports.mail.is_none());
    assert_eq!(reports.page.len(), ReportSource::ALL.len());
    assert!(reports.evidence.ends_with("evidence") && reports.evidence_max_bytes == 1 << 30);
}

#[test]
fn every_way_is_read() {
    let reports = read(
        r#"
[reports]
page = ["hacker", "law-enforcement"]
per_minute = 5
open = true
evidence = "proof"
evidence_max_mib = 2

[reports.senders.helpdesk]
token = { env = "LONG" }
source = "support"

[reports.slack]
secret = { env = "LONG" }
teams = ["T0AA"]

[[reports.mail.addresses]]
address = "Security@Example.org"
source = "hacker"

[reports.mail.sendgrid]
user = "sendgrid"
password = { env = "LONG" }
[reports.mail.mailgun]
secret = { env = "LONG" }
[reports.mail.postmark]
user = "postmark"
password = { env = "LONG" }
[reports.mail.raw]
token = { env = "LONG" }
"#,
    );
    assert!(reports.open && reports.evidence.ends_with("proof") && reports.evidence_max_bytes == 2 << 20);
    assert_eq!(reports.page, [ReportSource::Hacker, ReportSource::LawEnforcement].into());
    assert_eq!((reports.per_minute, reports.open_per_minute), (5, 3));
    assert_eq!(reports.senders[0].source, Some(ReportSource::Support));
    assert_eq!(reports.slack.unwrap().source, ReportSource::SecurityTeam);
    let mail = reports.mail.unwrap();
    assert_eq!(mail.addresses[0].address, "security@example.org");
    assert!(matches!(mail.sendgrid, Some(SendgridProof::Password(_))));
    assert!(mail.mailgun.is_some() && mail.postmark.is_some() && mail.raw.is_some());
}

#[test]
fn what_is_wrong_is_told_and_no_secret_is() {
    for (text, says) in [
        ("[reports]\npage = [\"police\"]", "expected one of support, customer"),
        ("[reports]\nper_minute = 0", "per_minute = 0"),
        ("[reports]\nopne = true", "did you mean \"open\"?"),
        ("[reports.senders.a]\ntoken = { env = \"SHORT\" }", "is too short: 5 bytes; expected at least 16"),
        ("[reports.senders.a]\ntoken = \"a-secret-that-nobody-guesses\"", "a secret is written out"),
        (
            "[reports.senders.a]\ntoken = { env = \"LONG\" }\n[reports.senders.b]\ntoken = { env = \"LONG\" }",
            "[reports.senders.b] has another sender's token; expected a token for each",
        ),
        ("[reports.slack]\nsecret = { env = \"LONG\" }", "missing key \"teams\""),
        (
            "[reports.slack]\nsecret = { env = \"LONG\" }\nteams = [\"T1\"]\nusers = [\"ana\"]",
            "ids of people as Slack writes them",
        ),
        ("[[reports.mail.addresses]]\naddress = \"security\"\nsource = \"hacker\"", "an address of yours"),
        ("[reports.mail.postmark]\nuser = \"a:b\"\npassword = { env = \"LONG\" }", "a name without a colon"),
        ("[reports.mail.pigeon]\ntoken = { env = \"LONG\" }", "unknown key \"pigeon\""),
    ] {
        let told = files(text).told();
        assert!(told.contains(says), "{text}:\n{told}");
        assert!(!told.contains("nobody-guesses"), "{told}");
    }
    let two =
        "[reports.senders.a]\ntoken = { env = \"LONG\" }\n[reports.senders.b]\ntoken = { env = \"LONG_2\" }";
    assert_eq!(files(two).told(), "nothing is wrong");
}
