//! The embedded service over a real socket and a real database; the chain is a model that keeps state.

mod deployed;
mod messages;
mod model;
mod people;
mod replay;
mod strictness;
mod surface;

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::any::AnyPoolOptions;
use tokio::task::JoinSet;

use super::{EmbeddedService, Known};
use crate::clock::ManualClock;
use model::ModelChain;

/// When the recordings began, to the second: delegations carry the hour.
const RECORDED_AT: &str = "2026-11-21T19:38:34Z";

/// A running service.
struct Running {
    chain: Arc<ModelChain>,
    clock: Arc<ManualClock>,
    address: String,
    http: reqwest::Client,
    _server: JoinSet<()>,
    _dir: tempfile::TempDir,
}

/// An answer of it.
#[derive(Debug)]
struct Answered {
    status: u16,
    body: Option<Value>,
}

impl Running {
    async fn start(chain: ModelChain, key: Option<SecretString>) -> Self {
        Self::start_knowing(chain, key, Known::default()).await
    }

    async fn start_knowing(chain: ModelChain, key: Option<SecretString>, known: Known) -> Self {
        sqlx::any::install_default_drivers();
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", dir.path().join("sts.db").display());
        let pool = AnyPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
        for migration in [
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/0002_safe_service.sql")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/0003_safe_messages.sql")),
        ] {
            sqlx::raw_sql(migration).execute(&pool).await.unwrap();
        }
        let chain = Arc::new(chain);
        let clock = ManualClock::at(RECORDED_AT.parse::<Timestamp>().unwrap());
        let service = EmbeddedService::new(pool, chain.clone(), clock.clone(), known);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = service.router(key);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = crate::http::client(std::time::Duration::from_secs(10)).unwrap();
        Self { chain, clock, address, http, _server: server, _dir: dir }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<String>,
    ) -> Answered {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { None } else { Some(serde_json::from_str(&text).unwrap()) };
        Answered { status, body }
    }

    async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path, &[], None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answered {
        let json = ("content-type".to_owned(), "application/json".to_owned());
        self.ask("POST", path, &[json], Some(body.to_string())).await
    }
}
