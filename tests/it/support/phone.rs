//! Somebody's server that pages are posted to. It keeps them, and refuses when it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{any, post};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A server on a thread of its own; it ends when dropped.
pub struct Phone {
    pub address: SocketAddr,
    kept: Arc<Kept>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Kept {
    rings: Mutex<Vec<Value>>,
    refused: Mutex<bool>,
}

impl Phone {
    /// Starts it. Pages go to `/ring`; whatever comes to `/service/…` is answered 503.
    pub fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Arc::new(Kept::default());
        let router = Router::new()
            .route("/ring", post(ring))
            .route("/service/{*path}", any(out_of_service))
            .with_state(Arc::clone(&kept));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Self { address, kept, runtime: Some(runtime) }
    }

    /// The `[channels.phone]` that leads here.
    pub fn channel(&self) -> String {
        format!(
            "[channels.phone]\nkind = \"webhook\"\nurl = \"http://{}/ring\"\nsecret = {{ file = \"secrets/phone\" }}",
            self.address
        )
    }

    /// From now on refuses pages, or takes them.
    pub fn refuse(&self, refused: bool) {
        *self.kept.refused.lock().unwrap() = refused;
    }

    /// The pages so far, refused ones included.
    pub fn rings(&self) -> Vec<Value> {
        self.kept.rings.lock().unwrap().clone()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn ring(State(kept): State<Arc<Kept>>, body: String) -> StatusCode {
    kept.rings.lock().unwrap().push(serde_json::from_str(&body).unwrap_or(json!(body)));
    if *kept.refused.lock().unwrap() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn out_of_service(Path(_path): Path<String>) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}
