//! The paths of the API, with and without the slash at their end (the real service answers 301 without;
//! the official client omits some), and what HTTP itself refuses.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use axum::{Json, Router, middleware};
use secrecy::SecretString;
use serde_json::Value;

use super::auth::{self, Key};
use super::page::Window;
use super::refusal::Refusal;
use super::render::Api;
use super::{
    EmbeddedService, about, confirm, decode, delegates, erase, estimate, etag, history, messages, propose,
    queue, render,
};
use crate::domain::safe::SafeTxHash;

/// Bytes of a request's body: twice the largest transaction that nodes relay (128 kB), in hex.
pub const BODY_BYTES_MAX: usize = 512 << 10;

type Body = Result<Bytes, BytesRejection>;

type Answer = Result<Json<Value>, Refusal>;
type Service = State<EmbeddedService>;

/// Paths of the real service that only an index of the chain could answer.
const INDEXED: [&str; 13] = [
    "/api/v1/safes/{address}/module-transactions",
    "/api/v1/safes/{address}/incoming-transfers",
    "/api/v1/safes/{address}/transfers",
    "/api/v1/safes/{address}/balances",
    "/api/v2/safes/{address}/balances",
    "/api/v2/safes/{address}/collectibles",
    "/api/v1/safes/{address}/export",
    "/api/v1/safes/{address}/safe-operations",
    "/api/v1/safes/{address}/user-operations",
    "/api/v1/module-transaction/{id}",
    "/api/v1/transfer/{id}",
    "/api/v1/safe-operations/{hash}",
    "/api/v1/user-operations/{hash}",
];

pub(super) fn router(service: EmbeddedService, key: Option<SecretString>) -> Router {
    let mut routes = Router::new();
    for (path, methods) in offered() {
        routes = both(routes, path, methods);
    }
    for path in INDEXED {
        routes = both(routes, path, any(not_indexed));
    }
    let routes = routes
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(etag::conditional))
        .with_state(service);
    match key {
        None => routes,
        Some(key) => routes.layer(middleware::from_fn_with_state(Key::new(&key), auth::require)),
    }
}

fn offered() -> Vec<(&'static str, MethodRouter<EmbeddedService>)> {
    vec![
        ("/api/v1/about", get(about_us)),
        ("/api/v1/about/indexing", get(about_indexing)),
        ("/api/v1/about/singletons", get(about_singletons)),
        ("/api/v1/about/ethereum-rpc", get(about_rpc)),
        ("/api/v1/safes/{address}", get(safe)),
        ("/api/v1/safes/{address}/creation", get(creation)),
        ("/api/v1/safes/{address}/multisig-transactions", get(list_v1).post(post_transaction)),
        ("/api/v2/safes/{address}/multisig-transactions", get(list_v2).post(post_transaction)),
        ("/api/v1/safes/{address}/multisig-transactions/estimations", post(post_estimation)),
        ("/api/v1/multisig-transactions/{hash}", get(one_v1).delete(delete_transaction)),
        ("/api/v2/multisig-transactions/{hash}", get(one_v2).delete(delete_transaction)),
        (
            "/api/v1/multisig-transactions/{hash}/confirmations",
            get(list_confirmations).post(post_confirmation),
        ),
        ("/api/v1/safes/{address}/all-transactions", get(history_v1)),
        ("/api/v2/safes/{address}/all-transactions", get(history_v2)),
        ("/api/v1/owners/{address}/safes", get(owned_v1)),
        ("/api/v2/owners/{address}/safes", get(owned_v2)),
        ("/api/v1/modules/{address}/safes", get(with_module_v1)),
        ("/api/v2/modules/{address}/safes", get(with_module_v2)),
        ("/api/v1/delegates", get(list_delegates)),
        ("/api/v2/delegates", get(list_delegates).post(post_delegate)),
        ("/api/v2/delegates/{delegate}", delete(delete_delegate)),
        ("/api/v1/safes/{address}/messages", get(list_messages).post(post_message)),
        ("/api/v1/messages/{hash}", get(get_message)),
        ("/api/v1/messages/{hash}/signatures", post(post_message_signature)),
        ("/api/v1/data-decoder", post(post_decoder)),
        ("/api/v1/tokens", get(list_tokens)),
        ("/api/v1/tokens/{address}", get(get_token)),
    ]
}

fn both(
    routes: Router<EmbeddedService>,
    path: &str,
    methods: MethodRouter<EmbeddedService>,
) -> Router<EmbeddedService> {
    routes.route(path, methods.clone()).route(&format!("{path}/"), methods)
}

/// `OPTIONS` is answered by `Allow` alone: without CORS headers a browser goes no further.
async fn method_not_allowed(method: Method) -> Result<StatusCode, Refusal> {
    if method == Method::OPTIONS {
        return Ok(StatusCode::OK);
    }
    Err(Refusal::Detail(StatusCode::METHOD_NOT_ALLOWED, format!("Method \"{method}\" not allowed.")))
}

async fn no_such_path() -> Refusal {
    Refusal::not_found("Not found.")
}

async fn not_indexed() -> Refusal {
    Refusal::Detail(
        StatusCode::NOT_IMPLEMENTED,
        "This embedded service has no index of the chain, so it does not know this. Ask the chain, or the hosted service.".to_owned(),
    )
}

async fn about_us(headers: HeaderMap) -> Json<Value> {
    Json(render::about(host(&headers)))
}

async fn about_indexing(State(service): Service) -> Answer {
    about::indexing(&service.parts).await.map(Json)
}

async fn about_singletons(State(service): Service) -> Answer {
    about::singletons(&service.parts).await.map(Json)
}

async fn about_rpc(State(service): Service) -> Answer {
    about::rpc(&service.parts).await.map(Json)
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

/// Who made a Safe, and how, is in logs of long ago.
async fn creation(State(service): Service, Path(address): Path<String>) -> Answer {
    let safe = propose::in_path(&address)?;
    match service.parts.chain.safe_state(safe).await? {
        Some(_) => Err(Refusal::not_found(format!(
            "This embedded service has no index of the chain: it does not know how Safe {safe} was created."
        ))),
        None => Err(Refusal::Absent),
    }
}

async fn list_v1(service: Service, path: Path<String>, uri: OriginalUri, headers: HeaderMap) -> Answer {
    queue::list(&service.parts, &path, Api::V1, &window(&uri, &headers)).await.map(Json)
}

async fn list_v2(service: Service, path: Path<String>, uri: OriginalUri, headers: HeaderMap) -> Answer {
    queue::list(&service.parts, &path, Api::V2, &window(&uri, &headers)).await.map(Json)
}

async fn history_v1(service: Service, path: Path<String>, uri: OriginalUri, headers: HeaderMap) -> Answer {
    history::list(&service.parts, &path, Api::V1, &window_of_history(&uri, &headers)).await.map(Json)
}

async fn history_v2(service: Service, path: Path<String>, uri: OriginalUri, headers: HeaderMap) -> Answer {
    history::list(&service.parts, &path, Api::V2, &window_of_history(&uri, &headers)).await.map(Json)
}

async fn owned_v1(service: Service, path: Path<String>) -> Answer {
    about::safes(&service.parts, about::By::Owner, &path).await.map(Json)
}

async fn owned_v2(service: Service, path: Path<String>, uri: OriginalUri, headers: HeaderMap) -> Answer {
    let window = window(&uri, &headers);
    about::safes_in_pages(&service.parts, about::By::Owner, &path, &window).await.map(Json)
}

async fn with_module_v1(service: Service, path: Path<String>) -> Answer {
    about::safes(&service.parts, about::By::Module, &path).await.map(Json)
}

async fn with_module_v2(
    service: Service,
    path: Path<String>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Answer {
    let window = window(&uri, &headers);
    about::safes_in_pages(&service.parts, about::By::Module, &path, &window).await.map(Json)
}

async fn post_estimation(service: Service, path: Path<String>, headers: HeaderMap, body: Body) -> Answer {
    estimate::estimate(&service.parts, &path, json_of(&headers, body)?).await.map(Json)
}

async fn post_decoder(service: Service, headers: HeaderMap, body: Body) -> Answer {
    decode::requested(&service.parts, json_of(&headers, body)?).map(Json)
}

async fn list_messages(service: Service, path: Path<String>, uri: OriginalUri, headers: HeaderMap) -> Answer {
    messages::list(&service.parts, &path, &window(&uri, &headers)).await.map(Json)
}

async fn post_message(
    service: Service,
    path: Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    messages::create(&service.parts, &path, json_of(&headers, body)?).await?;
    Ok(StatusCode::CREATED)
}

async fn get_message(service: Service, path: Path<String>) -> Answer {
    messages::one(&service.parts, &path).await.map(Json)
}

async fn post_message_signature(
    service: Service,
    path: Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    messages::sign(&service.parts, &path, json_of(&headers, body)?).await?;
    Ok(StatusCode::CREATED)
}

/// The list of tokens is the service's own, and this one keeps none.
async fn list_tokens(uri: OriginalUri, headers: HeaderMap) -> Json<Value> {
    Json(window(&uri, &headers).page(0, Vec::new()))
}

async fn get_token(Path(address): Path<String>) -> Refusal {
    match propose::in_path(&address) {
        Ok(_) => Refusal::not_found("No Token matches the given query."),
        Err(refusal) => refusal,
    }
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

async fn one_v1(service: Service, path: Path<String>) -> Answer {
    queue::one(&service.parts, hash_in_path(&path)?, Api::V1).await.map(Json)
}

async fn one_v2(service: Service, path: Path<String>) -> Answer {
    queue::one(&service.parts, hash_in_path(&path)?, Api::V2).await.map(Json)
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
    Window::new(list_address(uri, headers), uri.query().unwrap_or_default())
}

fn window_of_history(uri: &axum::http::Uri, headers: &HeaderMap) -> Window {
    Window::of_history(list_address(uri, headers), uri.query().unwrap_or_default())
}

fn list_address(uri: &axum::http::Uri, headers: &HeaderMap) -> String {
    format!("http://{}{}/", host(headers), uri.path().trim_end_matches('/'))
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
