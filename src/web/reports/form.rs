//! A form as it is posted: multipart or URL-encoded, within bounds.

use std::convert::Infallible;

use axum::body::Bytes;
use futures_util::stream;

use crate::agent::reports::{Attachment, REPORT_FILES_MAX};

/// Parts of a form at most: SendGrid posts about fifteen fields besides the files.
const PARTS_MAX: usize = 200;

/// Bytes of one field's text at most; the rest is cut off. Mailgun's message headers are the longest.
const FIELD_MAX_BYTES: usize = 2 * 1024 * 1024;

/// What was posted.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    /// Fields in the order of posting. Bytes that are not UTF-8 are marked.
    pub(super) fields: Vec<(String, String)>,
    /// Files, [`REPORT_FILES_MAX`] at most.
    pub(super) files: Vec<Attachment>,
    /// Files beyond that.
    pub(super) left_out: u32,
}

impl Form {
    /// The first field of a name; names differ in case between providers' own versions.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map(|(_, text)| text.as_str())
    }

    /// As [`Self::get`], where empty says nothing.
    pub(super) fn some(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|text| !text.is_empty())
    }
}

/// Reads a form by its content type; `None` when it is no form.
pub(super) async fn read(content_type: &str, body: Bytes) -> Option<Result<Form, String>> {
    let bare = content_type.split(';').next().unwrap_or_default().trim();
    if bare.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Some(url_encoded(&body));
    }
    bare.eq_ignore_ascii_case("multipart/form-data").then_some(())?;
    Some(match multer::parse_boundary(content_type) {
        Ok(boundary) => multipart(body, boundary).await,
        Err(_none) => Err("the multipart body has no boundary".to_owned()),
    })
}

/// Reads a URL-encoded form.
pub(super) fn url_encoded(body: &[u8]) -> Result<Form, String> {
    let fields: Vec<(String, String)> =
        url::form_urlencoded::parse(body).into_owned().take(PARTS_MAX + 1).collect();
    if fields.len() > PARTS_MAX {
        return Err(format!("the form has more than {PARTS_MAX} fields"));
    }
    Ok(Form { fields, ..Form::default() })
}

async fn multipart(body: Bytes, boundary: String) -> Result<Form, String> {
    let broken = |_error: multer::Error| "the multipart body is broken".to_owned();
    let whole = stream::once(async move { Ok::<_, Infallible>(body) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut form = Form::default();
    let mut count = 0_usize;
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        count = count.saturating_add(1);
        if count > PARTS_MAX {
            return Err(format!("the form has more than {PARTS_MAX} parts"));
        }
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let media_type = part.content_type().map(ToString::to_string).unwrap_or_default();
        let bytes = part.bytes().await.map_err(broken)?;
        match file {
            Some(_) if form.files.len() >= REPORT_FILES_MAX => {
                form.left_out = form.left_out.saturating_add(1);
            }
            Some(name) => form.files.push(Attachment { name, media_type, bytes: bytes.to_vec() }),
            None => {
                let kept = bytes.get(..FIELD_MAX_BYTES).unwrap_or(&bytes);
                form.fields.push((name, String::from_utf8_lossy(kept).into_owned()));
            }
        }
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xx";

    async fn multi(body: &str) -> Result<Form, String> {
        read(TYPE, Bytes::from(body.replace('\n', "\r\n"))).await.unwrap()
    }

    #[tokio::test]
    async fn fields_and_files_are_told_apart() {
        let form = multi(
            "--xx\nContent-Disposition: form-data; name=\"Title\"\n\nfünf\n--xx\nContent-Disposition: form-data; \
             name=\"f\"; filename=\"../a.txt\"\nContent-Type: text/plain\n\n--x\n--xx--\n",
        )
        .await
        .unwrap();
        assert_eq!(form.get("title"), Some("fünf"));
        assert_eq!(form.files.len(), 1);
        assert_eq!((form.files[0].name.as_str(), form.files[0].bytes.as_slice()), ("../a.txt", &b"--x"[..]));
    }

    #[tokio::test]
    async fn what_is_broken_or_too_much_is_refused() {
        assert_eq!(
            multi("--xx\nContent-Disposition: form-data; name=\"a\"\n\nb").await.unwrap_err(),
            "the multipart body is broken"
        );
        assert_eq!(multi("nothing").await.unwrap_err(), "the multipart body is broken");
        let no_boundary = read("multipart/form-data", Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(no_boundary.unwrap_err(), "the multipart body has no boundary");
        let part = |name: &str| format!("--xx\nContent-Disposition: form-data; name=\"{name}\"\n\nb\n");
        let many = part("a").repeat(PARTS_MAX + 1) + "--xx--\n";
        assert_eq!(multi(&many).await.unwrap_err(), "the form has more than 200 parts");
        let file = part("a\"; filename=\"f");
        let form = multi(&(file.repeat(REPORT_FILES_MAX + 3) + "--xx--\n")).await.unwrap();
        assert_eq!((form.files.len(), form.left_out), (REPORT_FILES_MAX, 3));
        assert!(read("text/plain", Bytes::from_static(b"x")).await.is_none());
        assert!(url_encoded("a=b&".repeat(PARTS_MAX + 1).as_bytes()).is_err());
    }
}
