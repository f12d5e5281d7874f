//! `ETag` and `If-None-Match`: who polls a queue is told 304 while nothing has changed.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::refusal::Refusal;

/// Bytes of an answer: a page of 200 of the longest transactions that are taken, and then some.
const ANSWER_BYTES_MAX: usize = 512 << 20;

/// Names every answer to a GET by its content, and leaves out what the client has.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    let reading = *request.method() == Method::GET;
    let known = request.headers().clone();
    let response = next.run(request).await;
    if !reading || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_BYTES_MAX).await else {
        return Refusal::Unavailable(format!("The answer has more than {ANSWER_BYTES_MAX} bytes."))
            .into_response();
    };
    let digest = Sha256::digest(&bytes);
    let tag = format!("\"{}\"", alloy::hex::encode(digest.get(..16).unwrap_or_default()));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if has(&known, &tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether the client has this content already; a weak tag counts, as RFC 9110 wants of `If-None-Match`.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
