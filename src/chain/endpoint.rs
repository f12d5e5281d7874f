//! One JSON-RPC endpoint: asks, in one request or one batch, and classifies what comes back.
//!
//! An endpoint is one voice. Whether it is right is decided where several are heard
//! ([`Chain`](super::Chain)); here nothing is believed or compared.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use alloy::rpc::client::RpcClient;
use alloy::transports::TransportError;
use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::error::RpcError;
use super::transport::BoundedHttp;
use crate::http;

/// How often alloy's own watchers would ask; its default for distant endpoints is 7 s.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Requests in one JSON-RPC batch at most. Hosted providers refuse longer ones, some from 100 on.
pub(super) const BATCH_MAX: usize = 100;

/// How an endpoint is named to people: the host of its URL, because path and query hold keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointLabel(String);

impl EndpointLabel {
    /// The host, and the port if the URL names one.
    fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or("(no host)");
        Self(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }

    /// Tells apart several endpoints of one host, which differ only in what must not be shown.
    pub(super) fn numbered(&self, number: usize) -> Self {
        Self(format!("{} #{number}", self.0))
    }

    /// The label as it is printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One question of a batch.
pub(crate) type Question = (Cow<'static, str>, Value);

/// A JSON-RPC endpoint over HTTP.
#[derive(Clone)]
pub struct Endpoint {
    label: EndpointLabel,
    client: RpcClient,
    /// Parts of the URL that may be keys.
    secrets: Arc<[String]>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.label.0).finish()
    }
}

impl Endpoint {
    /// Makes ready to ask at `url`; each exchange, connection included, fails after `timeout`.
    ///
    /// # Errors
    /// As [`http::client`].
    pub fn new(url: &Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self::through(http::client(timeout)?, url))
    }

    /// As [`Endpoint::new`], for recordings of the past: no connection outlives its exchange
    /// ([`http::client_of_single_exchanges`]).
    ///
    /// # Errors
    /// As [`http::client`].
    pub fn for_recordings(url: &Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self::through(http::client_of_single_exchanges(timeout)?, url))
    }

    fn through(client: reqwest::Client, url: &Url) -> Self {
        let transport = BoundedHttp::new(client, url.clone());
        let client = RpcClient::new(transport, false).with_poll_interval(POLL_INTERVAL);
        Self { label: EndpointLabel::of(url), client, secrets: secrets(url) }
    }

    /// How it is named to people.
    pub fn label(&self) -> &EndpointLabel {
        &self.label
    }

    pub(super) fn relabel(&mut self, label: EndpointLabel) {
        self.label = label;
    }

    /// Asks one question. `doing` completes an error: "reading the latest block".
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        doing: &str,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        let answer = self.client.request(method, params).await;
        let answer: Box<RawValue> = answer.map_err(|error| self.failed(doing, error))?;
        self.parse(doing, &answer)
    }

    /// Asks several questions in one request (one for each [`BATCH_MAX`] of them, at once).
    ///
    /// The answers stand in the order of the questions. When the exchange itself fails, there are none.
    pub(crate) async fn ask_batch(
        &self,
        doing: &str,
        questions: &[Question],
    ) -> Result<Vec<Result<Box<RawValue>, RpcError>>, RpcError> {
        let chunks = questions.chunks(BATCH_MAX).map(|chunk| self.ask_chunk(doing, chunk));
        let mut answers = Vec::with_capacity(questions.len());
        for chunk in join_all(chunks).await {
            answers.extend(chunk?);
        }
        Ok(answers)
    }

    async fn ask_chunk(
        &self,
        doing: &str,
        questions: &[Question],
    ) -> Result<Vec<Result<Box<RawValue>, RpcError>>, RpcError> {
        let failed = |error| self.failed(doing, error);
        let mut batch = self.client.new_batch();
        let mut waiters = Vec::with_capacity(questions.len());
        for (method, params) in questions {
            waiters.push(batch.add_call::<_, Box<RawValue>>(method.clone(), params).map_err(failed)?);
        }
        batch.send().await.map_err(failed)?;
        Ok(join_all(waiters).await.into_iter().map(|answer| answer.map_err(failed)).collect())
    }

    fn failed(&self, doing: &str, error: TransportError) -> RpcError {
        RpcError::from_transport(&self.label, doing, error).without(&self.secrets)
    }

    /// Reads an answer as what it should be.
    pub(crate) fn parse<T: DeserializeOwned>(&self, doing: &str, answer: &RawValue) -> Result<T, RpcError> {
        serde_json::from_str(answer.get()).map_err(|error| RpcError::garbled(&self.label, doing, error))
    }
}

/// The shortest part of a URL that is taken for a key: `v2` and `mainnet` are none.
const KEY_MIN_CHARS: usize = 8;

fn secrets(url: &Url) -> Arc<[String]> {
    let path = url.path_segments().into_iter().flatten().map(str::to_owned);
    let query = url.query_pairs().map(|(_, value)| value.into_owned());
    let password = url.password().map(str::to_owned);
    path.chain(query).chain(password).filter(|part| part.len() >= KEY_MIN_CHARS).collect()
}
