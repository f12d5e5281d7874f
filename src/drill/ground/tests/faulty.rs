//! An endpoint that stands in front of anvil and does one thing wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use url::Url;

use crate::chain::Endpoint;

/// What is wrong with it.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// Takes the request and never answers.
    Hangs,
    /// Answers everything with this status and text.
    Says(u16, String),
    /// Answers more than anybody reads.
    Floods,
    /// Does not know this method.
    Without(&'static str),
    /// Answers this method with this value.
    Claims(&'static str, Value),
    /// Is this many blocks behind.
    Behind(u64),
    /// Leaves out the first answer of each batch.
    LosesOne,
    /// Refuses logs of more than this many blocks.
    LimitsLogs(u64),
    /// Says of everything asked by this method, in these words, that it does not have it; the requests are counted.
    Lacks(&'static str, &'static str, Arc<AtomicUsize>),
    /// Nothing is wrong; the requests are counted.
    Counts(Arc<AtomicUsize>),
}

struct Front {
    fault: Fault,
    upstream: Url,
    client: reqwest::Client,
}

/// Starts it; it ends with the test's runtime.
pub(super) async fn faulty(upstream: &Url, fault: Fault) -> Endpoint {
    let client = crate::http::client(Duration::from_secs(10)).unwrap();
    let front = Arc::new(Front { fault, upstream: upstream.clone(), client });
    let router = Router::new().fallback(post(answer)).with_state(front);
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}/v3/0123456789abcdef", listener.local_addr().unwrap()).parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a server of one test, gone with its runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    Endpoint::new(&url, Duration::from_secs(3)).unwrap()
}

async fn answer(State(front): State<Arc<Front>>, body: String) -> Response {
    match &front.fault {
        Fault::Hangs => std::future::pending().await,
        Fault::Says(status, text) => (StatusCode::from_u16(*status).unwrap(), text.clone()).into_response(),
        Fault::Floods => vec![b' '; 17 * 1024 * 1024].into_response(),
        Fault::Without(_)
        | Fault::Claims(..)
        | Fault::Behind(_)
        | Fault::LosesOne
        | Fault::LimitsLogs(_)
        | Fault::Lacks(..)
        | Fault::Counts(_) => {
            if let Fault::Counts(requests) = &front.fault {
                requests.fetch_add(1, Ordering::Relaxed);
            }
            let asked: Value = serde_json::from_str(&body).unwrap();
            let answer = if let Some(items) = asked.as_array() {
                let lost = usize::from(matches!(front.fault, Fault::LosesOne));
                let mut answers = Vec::new();
                for item in items.iter().skip(lost) {
                    answers.push(front.one(item.clone()).await);
                }
                Value::Array(answers)
            } else {
                front.one(asked).await
            };
            answer.to_string().into_response()
        }
    }
}

impl Front {
    async fn one(&self, mut item: Value) -> Value {
        let method = item["method"].as_str().unwrap_or_default().to_owned();
        let id = item["id"].clone();
        match &self.fault {
            Fault::Without(unknown) if *unknown == method => {
                return json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32601, "message": "the method does not exist" } });
            }
            Fault::Lacks(about, words, asked) if *about == method => {
                asked.fetch_add(1, Ordering::Relaxed);
                return json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32000, "message": words } });
            }
            Fault::Claims(about, value) if *about == method => {
                return json!({ "jsonrpc": "2.0", "id": id, "result": value });
            }
            Fault::Behind(blocks) if method == "eth_getBlockByNumber" && item["params"][0] == "latest" => {
                let latest = self
                    .ask(&json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": [] }))
                    .await;
                let latest =
                    u64::from_str_radix(latest["result"].as_str().unwrap().trim_start_matches("0x"), 16)
                        .unwrap();
                item["params"][0] = json!(format!("{:#x}", latest - blocks));
            }
            Fault::LimitsLogs(blocks) if method == "eth_getLogs" => {
                let height = |key: &str| {
                    let text = item["params"][0][key].as_str().unwrap().trim_start_matches("0x");
                    u64::from_str_radix(text, 16).unwrap()
                };
                if height("toBlock") - height("fromBlock") >= *blocks {
                    let message = format!("Log response size exceeded: up to a {blocks} block range");
                    return json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32602, "message": message } });
                }
            }
            Fault::Hangs
            | Fault::LimitsLogs(_)
            | Fault::Says(..)
            | Fault::Floods
            | Fault::Without(_)
            | Fault::Claims(..)
            | Fault::Behind(_)
            | Fault::LosesOne
            | Fault::Lacks(..)
            | Fault::Counts(_) => {}
        }
        self.ask(&item).await
    }

    async fn ask(&self, item: &Value) -> Value {
        self.client.post(self.upstream.clone()).json(item).send().await.unwrap().json().await.unwrap()
    }
}
