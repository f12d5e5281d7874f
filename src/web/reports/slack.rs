//! Slack's slash command: `/redhandle report [SOURCE:] what is wrong`.
//!
//! Slack shows a person the text of a 200 and, for everything else, only that it failed. So a report that could not be
//! recorded is a 200 that says so, loudly. Slack waits three seconds. What it sends again carries the same `trigger_id`,
//! which is the report's key in the journal: it opens nothing twice, after a restart neither.
//!
//! Who is not among `users`, where there are any, is heard as a stranger is who writes from outside: nobody vouches for the
//! report, its title stands in no page, and it shares the strangers' rate. Nothing that was reported is lost for it.
//!
//! Source: <https://docs.slack.dev/interactivity/implementing-slash-commands>

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::form::{self, Form};
use super::{SLACK_BODY_MAX_BYTES, Surface, proof, read_body};
use crate::agent::reports::{Arrived, ReportError, Taken, digest};
use crate::config::settings::SlackCommand;
use crate::domain::report::{Report, ReportSource, Way, title_from};
use crate::domain::text::{cut, slack, visible};

/// How long the journal may take, so that an answer reaches Slack within its three seconds.
const ANSWER_MAX: Duration = Duration::from_millis(2_300);

/// Characters of one of Slack's ids.
const ID_MAX_CHARS: usize = 64;

pub(super) async fn receive(State(surface): State<Arc<Surface>>, request: Request) -> Response {
    match surface.receive_slack(request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => {
            refusal.note("slack");
            refusal.into_response()
        }
    }
}

/// Seen by the person alone, as it is: nothing in it is markup.
fn say(text: &str) -> Value {
    json!({ "response_type": "ephemeral", "mrkdwn": false, "text": text })
}

fn help(command: &str) -> Value {
    let sources = ReportSource::words();
    say(&format!(
        "Say what is wrong: {command} report SOURCE: what is wrong, in one line; more lines may follow. SOURCE may be left \
         away, or is one of {sources}. It opens a triage and pages whoever is on call; it never signs or pauses anything."
    ))
}

impl Surface {
    async fn receive_slack(&self, request: Request) -> Result<Value, Refusal> {
        let Some(settings) = &self.settings.slack else { return Err(Refusal::NoSuchWay) };
        let headers = request.headers().clone();
        let (body, _room) = read_body(request, SLACK_BODY_MAX_BYTES, &self.slack_bodies).await?;
        let now = self.clock.now();
        proof::slack(&headers, &body, &settings.secret, now)?;
        let form = form::url_encoded(&body).map_err(Refusal::Unreadable)?;
        if !form.get("team_id").is_some_and(|team| settings.teams.contains(team)) {
            return Err(Refusal::Forbidden("this workspace is not in [reports.slack] teams"));
        }
        let command: String =
            form.some("command").unwrap_or("/redhandle").chars().take(ID_MAX_CHARS).collect();
        let command = slack(&command);
        let Some(report) = report(&form, settings) else { return Ok(help(&command)) };
        let known = is_known(&form, settings);
        let rate = if known { &self.slack } else { &self.slack_strangers };
        if let Err(seconds) = rate.take(now) {
            return Ok(say(&format!(
                "NOT RECORDED: too many reports came in a minute. Say it again in {seconds} s, or call."
            )));
        }
        let shown = slack(&cut(&report.title, 120));
        let arrived = arrived(report, &form, &body, known);
        Ok(match tokio::time::timeout(ANSWER_MAX, self.desk.take(arrived)).await {
            Ok(Ok(Taken::Opened { id, .. })) if !known => say(&format!(
                "Recorded as {id}, unverified: you are not among the people whom your team named for this command \
                 ([reports.slack] users), so your words stand in no page. Triage decides; if it is urgent, tell somebody of \
                 the security team yourself. To be named, give them your id: {}.",
                slack(&cut(form.some("user_id").unwrap_or("?"), ID_MAX_CHARS))
            )),
            Ok(Ok(Taken::Opened { id, .. })) => say(&format!(
                "Recorded as {id}: {shown}. Whoever is on call for triage is paged, unless your team decided otherwise for this source."
            )),
            Ok(Ok(Taken::Repeated { id, .. } | Taken::OtherContent(id))) => {
                say(&format!("Recorded before, as {id}; nothing was opened twice."))
            }
            Ok(Ok(Taken::Replayed)) => say("NOT RECORDED: this request was used before. Say it again."),
            Ok(Err(error)) => {
                let _told = Refusal::not_stored(&error);
                not_recorded(&error)
            }
            Err(_elapsed) => {
                tracing::error!("a report by Slack was not recorded in time; whether it was is not known");
                say(
                    "NOT KNOWN TO BE RECORDED: the journal answers too slowly. Call whoever is on call, then say it again.",
                )
            }
        })
    }
}

fn not_recorded(error: &ReportError) -> Value {
    let what = match error {
        ReportError::Evidence(_) | ReportError::Ended => "the disk",
        ReportError::Store(_) => "the journal",
    };
    say(&format!(
        "NOT RECORDED, and nobody is paged: {what} cannot be written. Call whoever is on call, then say it again."
    ))
}

/// Who speaks, and what; `None` when it is no report.
fn report(form: &Form, settings: &SlackCommand) -> Option<Report> {
    let text = unescape(form.some("text")?);
    let (word, rest) = text.split_once(char::is_whitespace)?;
    word.eq_ignore_ascii_case("report").then_some(())?;
    let rest = rest.trim();
    let named =
        rest.split_once(':').and_then(|(word, rest)| Some((ReportSource::of_word(word)?, rest.trim())));
    let (source, said) = named.unwrap_or((settings.source, rest));
    if said.is_empty() {
        return None;
    }
    let (title, text) = title_from(said);
    let text = text.map(|text| text.chars().take(crate::domain::report::TEXT_MAX_BYTES / 4).collect());
    let contact = Some(format!("Slack: {}", who(form)));
    Some(Report { source, title, text, contact, severity: None, runbook: None })
}

/// Whether the team vouches for who speaks.
fn is_known(form: &Form, settings: &SlackCommand) -> bool {
    let named = |users: &std::collections::BTreeSet<String>| {
        form.get("user_id").is_some_and(|user| users.contains(user))
    };
    settings.users.as_ref().is_none_or(named)
}

fn arrived(report: Report, form: &Form, body: &[u8], vouched: bool) -> Arrived {
    let team = form.get("team_id").unwrap_or_default().as_bytes();
    let key = match form.some("trigger_id") {
        Some(trigger) => digest(&[b"slack", team, trigger.as_bytes()]),
        None => digest(&[b"slack-body", team, body]),
    };
    Arrived {
        report,
        way: Way::Slack,
        sender: Some(who(form)),
        vouched,
        key: Some(key),
        once: None,
        claims: Vec::new(),
        files: Vec::new(),
        left_out: 0,
    }
}

/// A person of a workspace, by Slack's ids; a name there is whatever its owner likes.
fn who(form: &Form) -> String {
    let id =
        |name: &str| visible(form.some(name).unwrap_or("?")).chars().take(ID_MAX_CHARS).collect::<String>();
    format!("user {} ({}) of workspace {}", id("user_id"), id("user_name"), id("team_id"))
}

/// Slack writes three characters out.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reports_stands_in_one_line() {
        let form = form::url_encoded("user_id=U1&user_name=e%0Ave%1B%5B2J&team_id=T1".as_bytes()).unwrap();
        assert_eq!(who(&form), "user U1 (e\\nve\\u{1b}[2J) of workspace T1");
    }
}
