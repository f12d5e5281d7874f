//! A practice Forta API: a server that keeps alerts and answers the `alerts` query as the real one does, its
//! traps included (chain 1 and today are what it answers for when it is not told otherwise).
//!
//! It keeps state: alerts can be pushed while it runs, and it can be told to misbehave. It speaks the one
//! query that a poller needs, with all of the fields whatever the selection; it is no GraphQL server.

mod answer;
mod wire;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::sync::oneshot;
use url::Url;

use self::answer::{Input, Stored};
use self::wire::CuttingListener;
use crate::clock::SharedClock;

/// How the server is to misbehave; the default is not at all.
#[derive(Clone, Debug, Default)]
pub struct Misbehaviour {
    /// HTTP 500 when more alerts than this are asked for at once: the real API's way of saying "too large".
    pub too_large_over: Option<u32>,
    /// This status instead of any answer.
    pub status: Option<u16>,
    /// This GraphQL error beside an empty answer.
    pub graphql_error: Option<String>,
    /// Answers every page with the first one, and says that there are more.
    pub circle: bool,
    /// Waits so long before it answers.
    pub delay: Option<Duration>,
    /// Drops the connection after so many bytes of a response.
    pub cut_after_bytes: Option<usize>,
}

/// A running server. It stops when dropped.
#[derive(Debug)]
pub struct FortaServer {
    url: Url,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    clock: SharedClock,
    key: Option<String>,
    alerts: Vec<Stored>,
    misbehaviour: Misbehaviour,
    questions: Vec<Value>,
}

/// How many questions are remembered.
const QUESTIONS_MAX: usize = 10_000;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FortaServer {
    /// Starts on a free port of the loopback interface. `clock` says which day "today" is; with `key`, a
    /// question without that bearer token is answered 401.
    ///
    /// # Errors
    /// When no port can be had or no thread can be started.
    pub fn start(clock: SharedClock, key: Option<&str>) -> io::Result<Self> {
        let inner = Inner {
            clock,
            key: key.map(str::to_owned),
            alerts: Vec::new(),
            misbehaviour: Misbehaviour::default(),
            questions: Vec::new(),
        };
        let shared = Shared(Arc::new(Mutex::new(inner)));
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/graphql")).map_err(io::Error::other)?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let state = shared.clone();
        // A thread of its own: the practice ground is outside of the agent whose tasks are drained.
        let thread = std::thread::Builder::new().name("forta-server".to_owned()).spawn(move || {
            runtime.block_on(serve(listener, state, stopped));
        })?;
        Ok(Self { url, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it answers.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Adds an alert, as raw JSON that is answered byte for byte.
    ///
    /// # Errors
    /// When `raw` is not one JSON document: such a thing cannot be part of an answer.
    pub fn push(&self, raw: &str) -> Result<(), serde_json::Error> {
        let stored = Stored::new(raw)?;
        self.shared.lock().alerts.push(stored);
        Ok(())
    }

    /// From now on misbehaves like this.
    pub fn misbehave(&self, misbehaviour: Misbehaviour) {
        self.shared.lock().misbehaviour = misbehaviour;
    }

    /// The `input` of each question so far.
    pub fn questions(&self) -> Vec<Value> {
        self.shared.lock().questions.clone()
    }
}

impl Drop for FortaServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn serve(listener: TcpListener, shared: Shared, stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let listener = CuttingListener::new(listener, shared.clone());
    let router = axum::Router::new().route("/graphql", post(alerts)).with_state(shared);
    tokio::select! {
        served = axum::serve(listener, router) => drop(served),
        stopped = stopped => drop(stopped),
    }
}

async fn alerts(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let (misbehaviour, key) = {
        let inner = shared.lock();
        (inner.misbehaviour.clone(), inner.key.clone())
    };
    if let Some(delay) = misbehaviour.delay {
        tokio::time::sleep(delay).await;
    }
    if let Some(status) = misbehaviour.status {
        return StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    }
    if let Some(key) = key
        && headers
            .get(AUTHORIZATION)
            .is_none_or(|given| given.as_bytes() != format!("Bearer {key}").as_bytes())
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(question) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let input = question.pointer("/variables/input").cloned().unwrap_or_default();
    let mut inner = shared.lock();
    if inner.questions.len() < QUESTIONS_MAX {
        inner.questions.push(input.clone());
    }
    let mut input = Input::read(&input);
    input.circle = misbehaviour.circle;
    if misbehaviour.too_large_over.is_some_and(|max| input.first > max) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let json = match misbehaviour.graphql_error {
        Some(message) => answer::error(&message),
        None => answer::page(&inner.alerts, &input, inner.clock.now()),
    };
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}
