//! Mail as providers hand it over: `POST /v1/mail/{provider}`.
//!
//! A provider shows who it is; whose the mail is, nobody shows. So a mail is a stranger's report, its sender, its verdicts
//! on SPF and DKIM and its text are claims, and only the address of ours that was written to says what it is about. A mail
//! that a machine sent of itself (a bounce, an automatic answer) opens nothing and is set aside, as is one that cannot be
//! read: the provider would only send it again. 200 means that it is committed or set aside.

mod letter;
mod mailgun;
mod postmark;
mod raw;
mod sendgrid;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use self::letter::Letter;
use super::answer::{Refusal, taken};
use super::form::{self, Form};
use super::{MAIL_BODY_MAX_BYTES, Surface, proof, read_body};
use crate::config::settings::{ReportMail, SendgridProof};

/// Who hands mail over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    Sendgrid,
    Mailgun,
    Postmark,
    Raw,
}

impl Provider {
    fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "sendgrid" => Self::Sendgrid,
            "mailgun" => Self::Mailgun,
            "postmark" => Self::Postmark,
            "raw" => Self::Raw,
            _unknown => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sendgrid => "SendGrid",
            Self::Mailgun => "Mailgun",
            Self::Postmark => "Postmark",
            Self::Raw => "raw mail",
        }
    }
}

/// What a provider posted could not be read as a mail. Its proof held.
struct NoLetter(String);

pub(super) async fn receive(
    State(surface): State<Arc<Surface>>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let Some(provider) = Provider::of_path(&provider) else { return Refusal::NoSuchWay.into_response() };
    match surface.receive_mail(provider, request).await {
        Ok(response) => response,
        Err(refusal) => {
            refusal.note(provider.name());
            refusal.into_response()
        }
    }
}

impl Surface {
    async fn receive_mail(&self, provider: Provider, request: Request) -> Result<Response, Refusal> {
        let Some(settings) = &self.settings.mail else { return Err(Refusal::NoSuchWay) };
        let headers = request.headers().clone();
        let now = self.clock.now();
        // Whoever can be known before the body is read.
        match provider {
            Provider::Sendgrid => match settings.sendgrid.as_ref().ok_or(Refusal::NoSuchWay)? {
                SendgridProof::Password(password) => proof::basic(&headers, password)?,
                SendgridProof::PublicKey(_) => {}
            },
            Provider::Mailgun => {
                settings.mailgun.as_ref().ok_or(Refusal::NoSuchWay)?;
            }
            Provider::Postmark => {
                proof::basic(&headers, settings.postmark.as_ref().ok_or(Refusal::NoSuchWay)?)?
            }
            Provider::Raw => {
                let token = settings.raw.as_ref().ok_or(Refusal::NoSuchWay)?;
                let no_token = Refusal::Unproven { challenge: Some("Bearer"), why: "no token is shown" };
                proof::bearer(&headers, std::iter::once(token)).ok_or(no_token)??;
            }
        }
        let content_type =
            proof::text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let (body, _room) = read_body(request, MAIL_BODY_MAX_BYTES, &self.mail_bodies).await?;
        let seen = body.clone();
        let letter = match provider {
            Provider::Sendgrid => {
                if let Some(SendgridProof::PublicKey(key)) = &settings.sendgrid {
                    proof::sendgrid(&headers, &body, key, now)?;
                }
                form_of(&content_type, body).await?.and_then(sendgrid::letter)
            }
            Provider::Mailgun => match (form_of(&content_type, body).await?, &settings.mailgun) {
                (Ok(form), Some(secret)) => {
                    let once = mailgun::prove(&form, secret, now)?;
                    mailgun::letter(form, once)
                }
                // Its proof stands in the form: what cannot be read is nobody's.
                (Err(NoLetter(why)), _) => return Err(Refusal::Unreadable(why)),
                (Ok(_), None) => return Err(Refusal::NoSuchWay),
            },
            Provider::Postmark => postmark::letter(&body),
            Provider::Raw => raw::letter(&body),
        };
        self.mail.take(now).map_err(|seconds| Refusal::TooOften { seconds })?;
        match letter {
            Ok(letter) => self.take_letter(provider, letter, settings).await,
            Err(NoLetter(why)) => {
                self.set_aside(provider, &why, String::from_utf8_lossy(&seen).into_owned()).await
            }
        }
    }

    async fn take_letter(
        &self,
        provider: Provider,
        letter: Letter,
        settings: &ReportMail,
    ) -> Result<Response, Refusal> {
        if let Some(why) = letter.is_of_a_machine() {
            return self.set_aside(provider, &why, letter.in_short()).await;
        }
        let arrived = letter.arrived(provider.name(), &settings.addresses);
        match self.desk.take(arrived).await {
            Ok(done) => taken(StatusCode::OK, done),
            Err(error) => Err(Refusal::not_stored(&error)),
        }
    }

    async fn set_aside(&self, provider: Provider, why: &str, raw: String) -> Result<Response, Refusal> {
        let reason = format!("{}: {why}", provider.name());
        if let Err(error) = self.desk.set_aside(reason, raw).await {
            tracing::error!(error = %crate::agent::chain_of(&error), "a mail could not be set aside");
            return Err(Refusal::NotStored);
        }
        tracing::warn!(provider = provider.name(), "a mail opened nothing and was set aside: {why}");
        Ok((StatusCode::OK, axum::Json(json!({ "set_aside": why }))).into_response())
    }
}

/// The form that a provider posts; in another form nothing of it can be read.
async fn form_of(content_type: &str, body: Bytes) -> Result<Result<Form, NoLetter>, Refusal> {
    let read = form::read(content_type, body).await;
    let wanted = "multipart/form-data or application/x-www-form-urlencoded";
    Ok(read.ok_or(Refusal::OtherForm { wanted })?.map_err(NoLetter))
}

/// Reads bytes by every reader that takes bytes.
#[cfg(test)]
pub(super) fn read_any(bytes: &[u8]) -> usize {
    [raw::letter(bytes), postmark::letter(bytes)].iter().filter(|letter| letter.is_ok()).count()
}
