//! `[reports]`: who may report that something is wrong, by which way, and who is paged for it.
//!
//! `redhandle report` needs nothing of this. A way that is not configured does not exist: its path is not found.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::is_here;
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Form, Mismatch, Node, Table};
use crate::domain::alert::P256Key;
use crate::domain::report::ReportSource;

/// The shortest token or password, in bytes: 128 bits if it is random.
const SECRET_MIN_BYTES: usize = 16;

/// Reports a minute.
const PER_MINUTE: RangeInclusive<u64> = 1..=600;
const PER_MINUTE_DEFAULT: u32 = 30;
/// Each wakes somebody, and anybody may send one.
const OPEN_PER_MINUTE_DEFAULT: u32 = 3;

const EVIDENCE_MIB: RangeInclusive<u64> = 1..=1_048_576;
const EVIDENCE_MIB_DEFAULT: u64 = 1024;
const MIB: u64 = 1024 * 1024;

/// `[reports]`.
#[derive(Clone, Debug)]
pub struct Reports {
    /// Sources whose reports page; the others only open a triage that `incident list` shows.
    pub page: BTreeSet<ReportSource>,
    /// Reports a minute from one known sender or mail provider.
    pub per_minute: u32,
    /// Reports a minute from all strangers together by the open form.
    pub open_per_minute: u32,
    /// Anybody may post a report.
    pub open: bool,
    /// Where files are kept.
    pub evidence: PathBuf,
    /// The most they may take, in bytes.
    pub evidence_max_bytes: u64,
    /// `[reports.senders.NAME]`.
    pub senders: Vec<ReportSender>,
    /// `[reports.slack]`.
    pub slack: Option<SlackCommand>,
    /// `[reports.mail]`.
    pub mail: Option<ReportMail>,
}

/// Who may post reports, and with what.
#[derive(Clone, Debug)]
pub struct ReportSender {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub token: SecretString,
    /// As whom it always speaks; none: it says so in each report.
    pub source: Option<ReportSource>,
}

/// Slack's slash command.
#[derive(Clone, Debug)]
pub struct SlackCommand {
    /// The app's signing secret.
    pub secret: SecretString,
    /// Workspaces whose people may use it, by Slack's ids.
    pub teams: BTreeSet<String>,
    /// People whom the team knows, by Slack's ids; none: everybody in the workspaces. Who is not among them is heard as
    /// a stranger is.
    pub users: Option<BTreeSet<String>>,
    /// As whom they speak who do not say.
    pub source: ReportSource,
}

/// Mail, as providers hand it over.
#[derive(Clone, Debug)]
pub struct ReportMail {
    /// What an address that was written to says about who writes.
    pub addresses: Vec<MailAddress>,
    /// SendGrid's Inbound Parse.
    pub sendgrid: Option<SendgridProof>,
    /// Mailgun's routes, with the account's webhook signing key.
    pub mailgun: Option<SecretString>,
    /// Postmark's inbound webhook.
    pub postmark: Option<MailProof>,
    /// Raw messages, by whoever shows this token.
    pub raw: Option<SecretString>,
}

/// An address of ours, and who writes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress {
    /// The address, in lower case.
    pub address: String,
    /// Who writes to it.
    pub source: ReportSource,
}

/// A name and a password in the URL that a provider is given.
#[derive(Clone, Debug)]
pub struct MailProof {
    /// The name.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// What SendGrid shows.
#[derive(Clone, Debug)]
pub enum SendgridProof {
    /// A signature under its security policy.
    PublicKey(P256Key),
    /// A name and a password in the URL.
    Password(MailProof),
}

impl Form for ReportSource {
    fn wanted() -> String {
        format!("one of {}", Self::words())
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        node.text()
            .and_then(|word| Self::ALL.into_iter().find(|one| one.as_str() == word))
            .ok_or_else(Mismatch::default)
    }
}

pub(super) fn read(root: &mut Table<'_>, journal: &Path, findings: &mut Findings) -> Reports {
    let mut reports = Reports {
        page: ReportSource::ALL.into(),
        per_minute: PER_MINUTE_DEFAULT,
        open_per_minute: OPEN_PER_MINUTE_DEFAULT,
        open: false,
        evidence: journal.parent().unwrap_or(Path::new("")).join("evidence"),
        evidence_max_bytes: EVIDENCE_MIB_DEFAULT.saturating_mul(MIB),
        senders: Vec::new(),
        slack: None,
        mail: None,
    };
    let Some(mut table) = root.table("reports", findings) else { return reports };
    if table.has("page") {
        reports.page = table.list("page", findings).into_iter().collect();
    }
    let mut rate = |key: &'static str, default: u32, findings: &mut Findings| {
        let given = table.integer(key, PER_MINUTE, findings);
        given.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(default)
    };
    reports.per_minute = rate("per_minute", PER_MINUTE_DEFAULT, findings);
    reports.open_per_minute = rate("open_per_minute", OPEN_PER_MINUTE_DEFAULT, findings);
    reports.open = table.optional("open", findings).unwrap_or(false);
    reports.evidence = table.path("evidence", findings).unwrap_or(reports.evidence);
    let mib = table.integer("evidence_max_mib", EVIDENCE_MIB, findings).unwrap_or(EVIDENCE_MIB_DEFAULT);
    reports.evidence_max_bytes = mib.saturating_mul(MIB);
    for (name, mut sender) in table.named("senders", findings) {
        let token = long_secret(&mut sender, "token", findings);
        let source = sender.optional("source", findings);
        sender.finish(findings);
        reports.senders.extend(token.map(|token| ReportSender { name, token, source }));
    }
    one_token_each(&table, &reports.senders, findings);
    reports.slack = table.table("slack", findings).and_then(|slack| read_slack(slack, findings));
    reports.mail = table.table("mail", findings).map(|mail| read_mail(mail, findings));
    table.finish(findings);
    reports
}

/// Two senders with one token could not be told apart.
fn one_token_each(table: &Table<'_>, senders: &[ReportSender], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    let here = senders.iter().filter(|sender| is_here(&sender.token));
    for sender in here.filter(|sender| !seen.insert(sender.token.expose_secret())) {
        if !table.is_needed() {
            continue;
        }
        let found = format!("[reports.senders.{}] has another sender's token", sender.name);
        findings.problem(Problem::new(&table.place_of("senders"), found).wanted("a token for each"));
    }
}

/// A secret that nobody guesses.
fn long_secret(table: &mut Table<'_>, key: &'static str, findings: &mut Findings) -> Option<SecretString> {
    let secret = table.required_secret(key, findings)?;
    let wrong = |text: &str| {
        let bytes = text.len();
        let found = format!("the secret \"{key}\" of {} is too short: {bytes} bytes", table.shown());
        let wanted = format!("at least {SECRET_MIN_BYTES}, made at random");
        (bytes < SECRET_MIN_BYTES).then(|| Problem::new(&table.place_of(key), found).wanted(wanted))
    };
    table.well_made(key, secret, wrong, findings)
}

fn read_slack(mut table: Table<'_>, findings: &mut Findings) -> Option<SlackCommand> {
    let secret = long_secret(&mut table, "secret", findings);
    let teams: BTreeSet<String> = table.required_list::<String>("teams", findings).into_iter().collect();
    let users: Option<BTreeSet<String>> =
        table.has("users").then(|| table.required_list::<String>("users", findings).into_iter().collect());
    // Slack shows people by names; its ids stand in a profile's menu.
    if users.as_ref().is_some_and(|users| !users.iter().all(|user| is_user_id(user))) {
        findings.problem(table.wrong("users", "ids of people as Slack writes them, such as \"U0123456\""));
    }
    let source = table.optional("source", findings).unwrap_or(ReportSource::SecurityTeam);
    table.finish(findings);
    Some(SlackCommand { secret: secret?, teams, users, source })
}

/// Slack's ids of people begin with U, or with W in an Enterprise Grid.
fn is_user_id(id: &str) -> bool {
    id.starts_with(['U', 'W'])
        && (2..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn read_mail(mut table: Table<'_>, findings: &mut Findings) -> ReportMail {
    let mut addresses: Vec<MailAddress> = Vec::new();
    for mut entry in table.tables("addresses", findings) {
        let address: Option<String> = entry.required("address", findings);
        let source = entry.required("source", findings);
        let address = address.map(|address| address.to_lowercase());
        if let Some(address) = address.as_deref() {
            if address.split('@').filter(|part| !part.trim().is_empty()).count() != 2 {
                findings
                    .problem(entry.wrong("address", "an address of yours, such as \"security@example.org\""));
            } else if addresses.iter().any(|known| known.address == address) {
                let found = format!("{address} stands twice in [[reports.mail.addresses]]");
                findings.problem(Problem::new(&entry.place_of("address"), found).wanted("each address once"));
            }
        }
        entry.finish(findings);
        addresses.extend(address.zip(source).map(|(address, source)| MailAddress { address, source }));
    }
    let sendgrid = table.table("sendgrid", findings).and_then(|mut table| {
        let proof = if table.has("public_key") {
            table.optional("public_key", findings).map(SendgridProof::PublicKey)
        } else {
            read_password(&mut table, findings).map(SendgridProof::Password)
        };
        table.finish(findings);
        proof
    });
    let one_secret = |table: Option<Table<'_>>, key: &'static str, findings: &mut Findings| {
        let mut table = table?;
        let secret = long_secret(&mut table, key, findings);
        table.finish(findings);
        secret
    };
    let mailgun = table.table("mailgun", findings);
    let mailgun = one_secret(mailgun, "secret", findings);
    let postmark = table.table("postmark", findings).and_then(|mut table| {
        let proof = read_password(&mut table, findings);
        table.finish(findings);
        proof
    });
    let raw = table.table("raw", findings);
    let raw = one_secret(raw, "token", findings);
    table.finish(findings);
    ReportMail { addresses, sendgrid, mailgun, postmark, raw }
}

fn read_password(table: &mut Table<'_>, findings: &mut Findings) -> Option<MailProof> {
    let user: Option<String> = table.required("user", findings);
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        findings.problem(table.wrong("user", "a name without a colon"));
    }
    let password = long_secret(table, "password", findings);
    Some(MailProof { user: user?, password: password? })
}
