//! People's reports through the real binary: its command, its HTTP server, its journal and its evidence folder.
//!
//! No chain runs: a report opens a triage, and that needs none.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use redhandle::clock::{Clock as _, SystemClock};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::support::process::{Process, Said, redhandle, said};
use crate::support::until;

const TOKEN: &str = "token-of-the-helpdesk-01";
const SLACK: &str = "slack-signing-secret-01";

/// The files of a team, and where its agent listens.
struct Desk {
    folder: TempDir,
    listen: SocketAddr,
    client: reqwest::Client,
}

impl Desk {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = format!(
            r#"[web]
listen = "{listen}"

[channels.console]
kind = "console"

[reports]
open = true
{more}

[reports.senders.helpdesk]
token = {{ env = "HELPDESK_TOKEN" }}

[reports.slack]
secret = {{ env = "SLACK_SECRET" }}
teams = ["T0AA"]

[reports.mail]
raw = {{ token = {{ env = "HELPDESK_TOKEN" }} }}

[[reports.mail.addresses]]
address = "security@example.org"
source = "hacker"
"#
        );
        let roster = r#"[people.ana]
name = "Ana"
zone = "Europe/Berlin"
channels = ["console"]

[policies.default]
steps = [{ after = "0m", notify = ["person:ana"] }]
"#;
        std::fs::write(folder.path().join("redhandle.toml"), settings).unwrap();
        std::fs::write(folder.path().join("roster.toml"), roster).unwrap();
        std::fs::create_dir(folder.path().join("runbooks")).unwrap();
        let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
        Self { folder, listen, client }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = redhandle();
        command.env("HELPDESK_TOKEN", TOKEN).env("SLACK_SECRET", SLACK);
        command.arg("-c").arg(self.folder.path().join("redhandle.toml")).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        said(&mut self.command(arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[&["--json"], arguments].concat());
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    async fn spawn(&self) -> Process {
        let process = Process::spawn(&mut self.command(&["run"]));
        // It listens before it has opened its journal, and answers once it has.
        until("the agent to answer", async || {
            self.client.get(format!("http://{}/healthz", self.listen)).send().await.ok().map(drop)
        })
        .await;
        process
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("http://{}{path}", self.listen))
    }

    fn report(&self, body: &Value) -> RequestBuilder {
        self.post("/v1/reports").bearer_auth(TOKEN).json(body)
    }

    fn with_file(&self, key: &str, title: &str, file: &str) -> RequestBuilder {
        let field = |name: &str, text: &str| {
            format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let body = field("source", "hacker")
            + &field("title", title)
            + &field("f\"; filename=\"../poc.sol", file)
            + "--xx--\r\n";
        let request = self.post("/v1/reports").bearer_auth(TOKEN).header("idempotency-key", key);
        request.header("content-type", "multipart/form-data; boundary=xx").body(body)
    }

    fn slack(&self, text: &str, trigger: &str, at: i64, secret: &str) -> RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("team_id", "T0AA"), ("user_id", "U1"), ("text", text), ("trigger_id", trigger)])
            .finish();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("v0:{at}:{body}").as_bytes());
        let signature = alloy::hex::encode(mac.finalize().into_bytes());
        let request = self.post("/v1/slack/commands").header("x-slack-request-timestamp", at);
        request.header("x-slack-signature", format!("v0={signature}")).body(body)
    }

    fn evidence(&self) -> Vec<PathBuf> {
        match std::fs::read_dir(self.folder.path().join("evidence")) {
            Ok(files) => {
                let finished = |path: &PathBuf| !path.file_name().unwrap().to_string_lossy().starts_with('.');
                files.map(|file| file.unwrap().path()).filter(finished).collect()
            }
            Err(_missing) => Vec::new(),
        }
    }

    fn incidents(&self) -> usize {
        self.json(&["incident", "list"])["incidents"].as_array().unwrap().len()
    }

    /// Holds the journal so that nobody writes.
    async fn hold(&self) -> SqliteConnection {
        let path = format!("sqlite://{}", self.folder.path().join("redhandle.db").display());
        let mut connection = SqliteConnection::connect(&path).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        connection
    }
}

fn now() -> i64 {
    SystemClock.now().as_second()
}

async fn told(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn a_report_is_acknowledged_when_it_and_its_files_are_on_disk() {
    let desk = Desk::new("");
    let agent = desk.spawn().await;
    let (status, answer) = told(desk.with_file("k-1", "Somebody can drain the vault", "contract X {}")).await;
    assert_eq!((status, &answer["incident"]), (202, &json!("INC-1")), "{answer}");
    assert_eq!(answer["evidence"][0]["name"], "poc.sol");
    // Killed at once: what was acknowledged is there.
    agent.kill();
    let hash = answer["evidence"][0]["sha256"].as_str().unwrap().to_owned();
    let file = desk.folder.path().join("evidence").join(&hash);
    assert_eq!(std::fs::read(&file).unwrap(), b"contract X {}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let shown = desk.run(&["incident", "show", "1"]).stdout;
    for text in [
        "by HTTP, from a known sender (helpdesk)",
        "poc.sol",
        hash.get(..40).unwrap(),
        "1 file kept as evidence",
    ] {
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
    }
    let verified = desk.run(&["journal", "verify"]);
    assert!(verified.code == 0 && verified.stdout.contains("1 of 1 files of evidence"), "{verified:?}");

    let _agent = desk.spawn().await;
    let (status, again) = told(desk.with_file("k-1", "Somebody can drain the vault", "contract X {}")).await;
    assert_eq!((status, &again["repeated"], &again["incident"]), (202, &json!(true), &json!("INC-1")));
    assert_eq!(told(desk.with_file("k-1", "Something else", "contract X {}")).await.0, 422);
    assert_eq!(desk.incidents(), 1);

    std::fs::write(&file, b"contract Y {}").unwrap();
    let changed = desk.run(&["journal", "verify"]);
    assert!(changed.code == 1 && changed.stdout.contains("it was changed"), "{changed:?}");
    std::fs::remove_file(&file).unwrap();
    assert!(desk.run(&["journal", "verify"]).stdout.contains("it is not there"));
}

#[tokio::test]
async fn what_is_refused_says_why_and_records_nothing() {
    let desk = Desk::new("per_minute = 3");
    let _agent = desk.spawn().await;
    let good = json!({ "source": "customer", "title": "odd withdrawals" });
    assert_eq!(told(desk.post("/v1/reports").bearer_auth("wrong-token-of-nobody").json(&good)).await.0, 401);
    let long = desk.post("/v1/reports").bearer_auth(TOKEN).header("content-type", "application/json");
    let sent = long.body(vec![b' '; 25 * 1024 * 1024]).send().await;
    // The server may hang up before all of it was sent.
    assert!(sent.is_err() || sent.unwrap().status() == 413);
    let (status, told_all) = told(desk.report(&json!({ "source": "police" }))).await;
    assert_eq!((status, told_all["problems"].as_array().unwrap().len()), (422, 2), "{told_all}");
    assert_eq!(told(desk.report(&good)).await.0, 202);
    let refused = desk.report(&good).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(desk.incidents(), 1);
}

#[tokio::test]
async fn without_a_journal_nothing_is_acknowledged_and_a_crash_leaves_a_file_at_most() {
    let desk = Desk::new("");
    let agent = desk.spawn().await;
    assert_eq!(told(desk.report(&json!({ "source": "other", "title": "first" }))).await.0, 202);
    let held = desk.hold().await;
    let answer = desk.with_file("k-2", "held", "one").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let slack = told(desk.slack("report it burns", "t.1", now(), SLACK)).await;
    assert_eq!(slack.0, 200);
    assert!(slack.1["text"].as_str().unwrap().starts_with("NOT "), "{slack:?}");
    held.close().await.unwrap();
    assert_eq!(desk.evidence().len(), 1, "the file of what was not acknowledged");

    // Killed between the file and the fact.
    agent.kill();
    let agent = desk.spawn().await;
    let held = desk.hold().await;
    let mut sending = tokio::task::JoinSet::new();
    sending.spawn(desk.with_file("k-3", "killed", "two").send());
    until("the file", async || (desk.evidence().len() == 2).then_some(())).await;
    agent.kill();
    assert!(sending.join_next().await.unwrap().unwrap().is_err(), "nothing was acknowledged");
    held.close().await.unwrap();
    assert_eq!(desk.incidents(), 1);
    let verified = desk.run(&["journal", "verify"]);
    assert!(
        verified.code == 0 && verified.stdout.contains("2 further files are named by no fact"),
        "{verified:?}"
    );

    let agent = desk.spawn().await;
    let (status, again) = told(desk.with_file("k-3", "killed", "two")).await;
    assert_eq!((status, &again["repeated"]), (202, &json!(false)), "{again}");
    assert_eq!((desk.incidents(), desk.evidence().len()), (2, 2));

    // Days later a start removes what no fact names, and only that.
    agent.kill();
    let named = desk.folder.path().join("evidence").join(again["evidence"][0]["sha256"].as_str().unwrap());
    let old = SystemClock.now() - jiff::SignedDuration::from_hours(48);
    for file in desk.evidence() {
        std::fs::File::options().write(true).open(file).unwrap().set_modified(old.into()).unwrap();
    }
    let _agent = desk.spawn().await;
    until("what no fact names to be gone", async || (desk.evidence() == [named.clone()]).then_some(())).await;
    let verified = desk.run(&["journal", "verify"]);
    assert!(verified.code == 0 && !verified.stdout.contains("named by no fact"), "{verified:?}");
}

#[tokio::test]
async fn slack_and_mail_open_one_triage_each_also_after_a_restart() {
    let desk = Desk::new("page = [\"security-team\"]");
    let agent = desk.spawn().await;
    let mail = "From: Eve <eve@evil.example>\r\nTo: security@example.org\r\nSubject: \u{1b}[2J <!channel>\r\nMessage-ID: <1@evil.example>\r\n\r\nI am in\r\n";
    let mailed = |text: &str| {
        desk.post("/v1/mail/raw")
            .bearer_auth(TOKEN)
            .header("content-type", "message/rfc822")
            .body(text.to_owned())
    };
    let at = now();
    assert_eq!(told(desk.slack("report it burns", "t.1", at, "another-secret-of-slack")).await.0, 401);
    assert_eq!(told(desk.slack("report it burns", "t.1", at - 600, SLACK)).await.0, 401);
    assert!(
        told(desk.slack("report it burns", "t.1", at, SLACK)).await.1["text"]
            .as_str()
            .unwrap()
            .contains("INC-1")
    );
    assert_eq!(
        told(mailed(mail)).await,
        (200, json!({ "incident": "INC-2", "repeated": false, "evidence": [] }))
    );
    agent.kill();
    let _agent = desk.spawn().await;
    let replayed = told(desk.slack("report it burns", "t.1", at, SLACK)).await;
    assert_eq!(replayed.1["text"], "Recorded before, as INC-1; nothing was opened twice.");
    assert_eq!(told(mailed(mail)).await.1["repeated"], true);
    let bounce = format!("Auto-Submitted: auto-replied\r\n{mail}").replace("<1@", "<2@");
    assert!(told(mailed(&bounce)).await.1["set_aside"].is_string());
    assert_eq!(desk.incidents(), 2);
    assert!(desk.run(&["feed", "quarantine", "reports-mail"]).stdout.contains("Auto-Submitted"));

    let shown = desk.run(&["incident", "show", "2"]).stdout;
    assert!(shown.contains("A hacker reports by mail, unverified"), "{shown}");
    assert!(shown.contains("NOBODY VOUCHES") && shown.contains("nobody is paged"), "{shown}");
    assert!(shown.contains("eve@evil.example") && !shown.contains('\u{1b}'), "{shown}");
    let draft = desk.run(&["postmortem", "draft", "2"]).stdout;
    assert!(!draft.contains("evil") && !draft.contains("I am in"), "a post-mortem may be published: {draft}");
    until("the page for Slack's", async || {
        let incident = desk.json(&["incident", "show", "1"]);
        incident["incident"]["pages"].as_object().filter(|pages| !pages.is_empty()).map(drop)
    })
    .await;
    let quiet = desk.json(&["incident", "show", "2"]);
    assert_eq!(quiet["incident"]["pages"], json!({}));
}

#[test]
fn the_command_keeps_files_and_tells_every_bad_one() {
    let desk = Desk::new("");
    let (poc, note) = (desk.folder.path().join("poc.sol"), desk.folder.path().join("note.txt"));
    std::fs::write(&poc, "contract X {}").unwrap();
    std::fs::write(&note, "call me").unwrap();
    let (poc, note) = (poc.to_str().unwrap(), note.to_str().unwrap());
    let report = ["report", "--source", "law-enforcement", "--title", "a letter", "--contact", "Officer 7"];
    let bad = desk.run(&[&report[..], &["--attach", "/no/such/file", "--attach", "/"]].concat());
    assert_eq!(bad.code, 2, "{bad:?}");
    assert!(bad.stderr.contains("/no/such/file") && bad.stderr.contains("expected a file"), "{bad:?}");
    assert!(desk.evidence().is_empty());
    let done = desk.run(&[&report[..], &["--attach", poc, note]].concat());
    assert!(done.code == 0 && done.stdout.contains("poc.sol") && done.stdout.contains("SHA-256"), "{done:?}");
    let json = desk.json(&[&report[..], &["--attach", poc]].concat());
    assert_eq!(json["incident"]["arrival"]["evidence"][0]["bytes"], 13);
    assert_eq!(desk.evidence().len(), 2, "the same bytes are kept once");
    let draft = desk.run(&["postmortem", "draft", "1"]).stdout;
    assert!(!draft.contains("Officer") && !draft.contains("poc.sol"), "{draft}");
    assert!(draft.contains("2 files kept as evidence"), "{draft}");
}
