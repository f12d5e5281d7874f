//! `POST /v1/reports`: JSON, or a form with files.
//!
//! A token is shown before the body is read. Without one the report is a stranger's, where strangers are let in at all; a
//! wrong token is refused also there, because whoever shows one wants to be somebody.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

use super::answer::{Refusal, taken};
use super::{OPEN_BODY_MAX_BYTES, REPORT_BODY_MAX_BYTES, Surface, form, proof, read_body};
use crate::agent::reports::{Arrived, Attachment, REPORT_FILE_MAX_BYTES, REPORT_FILES_MAX, digest};
use crate::config::settings::ReportSender;
use crate::domain::names::RunbookId;
use crate::domain::report::{Draft, FieldProblem, Way};

/// Names one report of its sender: sent again with the same key, it is the same report.
const KEY_HEADER: &str = "idempotency-key";

/// Characters of such a key.
const KEY_MAX_CHARS: usize = 200;

const FORMS: &str = "application/json or multipart/form-data";

pub(super) async fn receive(State(surface): State<Arc<Surface>>, request: Request) -> Response {
    match surface.receive_http(request).await {
        Ok(response) => response,
        Err(refusal) => {
            refusal.note("http");
            refusal.into_response()
        }
    }
}

impl Surface {
    async fn receive_http(&self, request: Request) -> Result<Response, Refusal> {
        let headers = request.headers().clone();
        let now = self.clock.now();
        let tokens = self.settings.senders.iter().map(|sender| &sender.token);
        let sender = match proof::bearer(&headers, tokens).transpose()? {
            Some(index) => {
                let known = self.settings.senders.get(index).zip(self.senders.get(index));
                let (sender, bucket) = known.ok_or(Refusal::NoSuchWay)?;
                bucket.take(now).map_err(|seconds| Refusal::TooOften { seconds })?;
                Some(sender)
            }
            None if self.settings.open => {
                self.open.take(now).map_err(|seconds| Refusal::TooOften { seconds })?;
                None
            }
            None => return Err(Refusal::Unproven { challenge: Some("Bearer"), why: "no token is shown" }),
        };
        let key = idempotency_key(&headers)?;
        let content_type =
            proof::text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        if !is_json(&content_type) && !content_type.to_ascii_lowercase().starts_with("multipart/form-data") {
            return Err(Refusal::OtherForm { wanted: FORMS });
        }
        let (bytes_max, room) = match sender {
            Some(_) => (REPORT_BODY_MAX_BYTES, &self.known_bodies),
            None => (OPEN_BODY_MAX_BYTES, &self.open_bodies),
        };
        let (body, _room) = read_body(request, bytes_max, room).await?;
        let arrived = self.arrived(sender, key, &content_type, body).await?;
        match self.desk.take(arrived).await {
            Ok(done) => taken(StatusCode::ACCEPTED, done),
            Err(error) => Err(Refusal::not_stored(&error)),
        }
    }

    async fn arrived(
        &self,
        sender: Option<&ReportSender>,
        key: Option<String>,
        content_type: &str,
        body: Bytes,
    ) -> Result<Arrived, Refusal> {
        let mut problems = Vec::new();
        let (draft, files) = if is_json(content_type) {
            (from_json(&body, &mut problems)?, Vec::new())
        } else {
            from_form(content_type, body, &mut problems).await?
        };
        let runbook = draft.runbook.as_deref().map(|id| RunbookId::new(id.trim()));
        if runbook
            .is_some_and(|id| sender.is_some() && !id.as_str().is_empty() && !self.desk.has_runbook(&id))
        {
            problems.push(FieldProblem::new("runbook", "there is none of that id"));
        }
        let source = sender.and_then(|sender| sender.source);
        let report = match draft.check(source, sender.is_some()) {
            Ok(report) => Some(report),
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        let Some(report) = report.filter(|_| problems.is_empty()) else {
            return Err(Refusal::Fields(problems));
        };
        // Strangers share no secret: one could use another's key to keep his report out.
        let key =
            sender.zip(key).map(|(sender, key)| digest(&[b"http", sender.name.as_bytes(), key.as_bytes()]));
        Ok(Arrived {
            report,
            way: if sender.is_some() { Way::Http } else { Way::OpenForm },
            sender: sender.map(|sender| sender.name.clone()),
            vouched: sender.is_some(),
            key,
            once: None,
            claims: Vec::new(),
            files,
            left_out: 0,
        })
    }
}

fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|bare| bare.trim().eq_ignore_ascii_case("application/json"))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    if !headers.contains_key(KEY_HEADER) {
        return Ok(None);
    }
    let good = |key: &&str| {
        !key.is_empty() && key.len() <= KEY_MAX_CHARS && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let key = proof::text(headers, KEY_HEADER).filter(good);
    let wanted = || {
        Refusal::Unreadable(format!(
            "Idempotency-Key must be 1 to {KEY_MAX_CHARS} visible ASCII characters, once"
        ))
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(wanted)
}

fn from_json(body: &[u8], problems: &mut Vec<FieldProblem>) -> Result<Draft, Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::Unreadable(format!("the body is no JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(Refusal::Unreadable("the body must be a JSON object".to_owned()));
    };
    let mut draft = Draft::default();
    for (field, value) in &object {
        match (place(&mut draft, field), value) {
            (None, _) => problems.push(unknown(field)),
            (Some(_), Value::Null) => {}
            (Some(place), Value::String(text)) => *place = Some(text.clone()),
            (Some(_), Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                problems.push(FieldProblem::new(field, "expected text"));
            }
        }
    }
    left_away(&object, &mut draft);
    Ok(draft)
}

/// A field of another kind was told as such; that it is missing as well would be one problem too many.
fn left_away(object: &Map<String, Value>, draft: &mut Draft) {
    let odd = |field: &str| object.get(field).is_some_and(|value| !value.is_string() && !value.is_null());
    if odd("title") {
        draft.title = Some("?".to_owned());
    }
    if odd("source") {
        draft.source = Some("other".to_owned());
    }
}

async fn from_form(
    content_type: &str,
    body: Bytes,
    problems: &mut Vec<FieldProblem>,
) -> Result<(Draft, Vec<Attachment>), Refusal> {
    let read = form::read(content_type, body).await.ok_or(Refusal::OtherForm { wanted: FORMS })?;
    let form = read.map_err(Refusal::Unreadable)?;
    let mut draft = Draft::default();
    for (field, text) in form.fields {
        match place(&mut draft, &field) {
            None => problems.push(unknown(&field)),
            Some(place) if place.is_some() => problems.push(FieldProblem::new(field, "it stands twice")),
            Some(place) => *place = Some(text),
        }
    }
    if form.left_out > 0 {
        problems.push(FieldProblem::new(
            "files",
            format!("{REPORT_FILES_MAX} files at most; pack them into one"),
        ));
    }
    if form.files.iter().any(|file| file.bytes.len() > REPORT_FILE_MAX_BYTES) {
        return Err(Refusal::TooLarge { bytes_max: REPORT_FILE_MAX_BYTES });
    }
    Ok((draft, form.files))
}

fn unknown(field: &str) -> FieldProblem {
    let shown: String = field.chars().take(60).collect();
    FieldProblem::new(shown, "it is not known; expected source, title, text, contact, severity, runbook")
}

fn place<'d>(draft: &'d mut Draft, field: &str) -> Option<&'d mut Option<String>> {
    Some(match field {
        "source" => &mut draft.source,
        "title" => &mut draft.title,
        "text" => &mut draft.text,
        "contact" => &mut draft.contact,
        "severity" => &mut draft.severity,
        "runbook" => &mut draft.runbook,
        _unknown => return None,
    })
}
