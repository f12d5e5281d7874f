//! The paths of the API, with and without the slash at their end (the real service answers 301 without;
//! the official client omits some), and what HTTP itself refuses.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get};
use axum::{Json, Router, middleware};
use secrecy::SecretString;
use serde_json::Value;

use super::auth::{self, Key};
use super::page::Window;
use super::refusal::Refusal;
use super::{EmbeddedService, confirm, delegates, erase, propose, queue, render};
use crate::domain::safe::SafeTxHash;

/// Bytes of a request's body: twice the largest transaction that nodes relay (128 kB), in hex.
pub const BODY_BYTES_MAX: usize = 512 << 10;

type Body = Result<Bytes, BytesRejection>;

pub(super) fn router(service: EmbeddedService, key: Option<SecretString>) -> Router {
    let routes = Router::new();
    let routes = both(routes, "/api/v1/about", get(about));
    let routes = both(routes, "/api/v1/safes/{address}", get(safe));
    let routes = both(
        routes,
        "/api/v2/safes/{address}/multisig-transactions",
        get(list_transactions).post(post_transaction),
    );
    let routes =
        both(routes, "/api/v2/multisig-transactions/{hash}", get(get_transaction).delete(delete_transaction));
    let routes = both(
        routes,
        "/api/v1/multisig-transactions/{hash}/confirmations",
        get(list_confirmations).post(post_confirmation),
    );
    let routes = both(routes, "/api/v1/delegates", get(list_delegates));
    let routes = both(routes, "/api/v2/delegates", get(list_delegates).post(post_delegate));
    let routes = both(routes, "/api/v2/delegates/{delegate}", delete(delete_delegate));
    let routes = routes
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service);
    match key {
        None => routes,
        Some(key) => routes.layer(middleware::from_fn_with_state(Key::new(&key), auth::require)),
    }
}

fn both(
    routes: Router<EmbeddedService>,
    path: &str,
    methods: MethodRouter<EmbeddedService>,
) -> Router<EmbeddedService> {
    routes.route(path, methods.clone()).route(&format!("{path}/"), methods)
}

async fn method_not_allowed(method: Method) -> Refusal {
    Refusal::Detail(StatusCode::METHOD_NOT_ALLOWED, format!("Method \"{method}\" not allowed."))
}

async fn no_such_path() -> Refusal {
    Refusal::not_found("Not found.")
}

async fn about(headers: HeaderMap) -> Json<Value> {
    Json(render::about(host(&headers)))
}

async fn safe(
    State(service): State<EmbeddedService>,
    Path(address): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let safe = propose::in_path(&address)?;
    match service.parts.chain.safe_state(safe).await? {
        Some(state) => Ok(Json(render::safe(&state))),
        None => Err(Refusal::Absent),
    }
}

async fn list_transactions(
    State(service): State<EmbeddedService>,
    Path(address): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    queue::list(&service.parts, &address, &window(&uri, &headers)).await.map(Json)
}

async fn post_transaction(
    State(service): State<EmbeddedService>,
    Path(address): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    propose::in_path(&address)?;
    propose::propose(&service.parts, &address, json_of(&headers, body)?).await?;
    Ok(StatusCode::CREATED)
}

async fn get_transaction(
    State(service): State<EmbeddedService>,
    Path(hash): Path<String>,
) -> Result<Json<Value>, Refusal> {
    queue::one(&service.parts, hash_in_path(&hash)?).await.map(Json)
}

async fn delete_transaction(
    State(service): State<EmbeddedService>,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    erase::erase(&service.parts, hash_in_path(&hash)?, json_of(&headers, body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_confirmations(
    State(service): State<EmbeddedService>,
    Path(hash): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    queue::confirmations(&service.parts, hash_in_path(&hash)?, &window(&uri, &headers)).await.map(Json)
}

async fn post_confirmation(
    State(service): State<EmbeddedService>,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let answer = confirm::confirm(&service.parts, hash_in_path(&hash)?, json_of(&headers, body)?).await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn list_delegates(
    State(service): State<EmbeddedService>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    delegates::list(&service.parts, &window(&uri, &headers)).await.map(Json)
}

async fn post_delegate(
    State(service): State<EmbeddedService>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let answer = delegates::add(&service.parts, json_of(&headers, body)?).await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn delete_delegate(
    State(service): State<EmbeddedService>,
    Path(delegate): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    delegates::remove(&service.parts, &delegate, json_of(&headers, body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A hash that is none is one nobody proposed.
fn hash_in_path(hash: &str) -> Result<SafeTxHash, Refusal> {
    hash.parse().map_err(|_| Refusal::not_found("No MultisigTransaction matches the given query."))
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost")
}

fn window(uri: &axum::http::Uri, headers: &HeaderMap) -> Window {
    let path = uri.path().trim_end_matches('/');
    Window::new(format!("http://{}{path}/", host(headers)), uri.query().unwrap_or_default())
}

fn json_of(headers: &HeaderMap, body: Body) -> Result<Value, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::Detail(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("Unsupported media type \"{kind}\" in request."),
        ));
    }
    let body = body.map_err(|rejection| {
        let text = format!("Request body cannot be read, or has more than {BODY_BYTES_MAX} bytes.");
        Refusal::Detail(rejection.status(), text)
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        // The real service names the place where a value should have begun, counted from 1 and from 0.
        let what = if error.is_eof() { "Expecting value".to_owned() } else { "Not JSON".to_owned() };
        let (line, column) = (error.line(), error.column());
        let text = format!("JSON parse error - {what}: line {line} column {} (char {column})", column + 1);
        Refusal::Detail(StatusCode::BAD_REQUEST, text)
    })
}
