//! One HTTP exchange with one endpoint, as alloy wants it.
//!
//! alloy's own HTTP transport reads an answer whatever its length, and writes the URL, which holds
//! the provider's key, into its spans and errors. This one stops at [`ANSWER_MAX_BYTES`] and never
//! says where it went: the [`Endpoint`](super::Endpoint) adds its label.
//!
//! It knows nothing of methods, blocks or agreement.

use std::task::{Context, Poll};

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use tower_service::Service;
use url::Url;

/// The longest answer that is read. A block's receipts or a large `eth_simulateV1` fit many times over.
pub(super) const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Why an exchange failed; the URL is removed from the cause.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    #[error("no answer in time")]
    Timeout(#[source] reqwest::Error),
    #[error("the exchange broke off")]
    Broken(#[source] reqwest::Error),
    #[error("the answer is longer than {ANSWER_MAX_BYTES} bytes")]
    TooLong,
}

impl From<reqwest::Error> for ExchangeError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        // A connection that was not there in time counts as a timeout: nobody refused it.
        if error.is_timeout() {
            Self::Timeout(error)
        } else if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Broken(error)
        }
    }
}

/// JSON-RPC over HTTP POST.
#[derive(Clone)]
pub(super) struct BoundedHttp {
    client: reqwest::Client,
    url: Url,
}

impl BoundedHttp {
    pub(super) fn new(client: reqwest::Client, url: Url) -> Self {
        Self { client, url }
    }

    async fn exchange(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let answer = match self.post(&packet).await {
            // Nothing was sent when no connection was made, so that even a transaction may be sent again.
            Err(ExchangeError::Connect(_)) => self.post(&packet).await,
            first => first,
        };
        let (status, body) = answer.map_err(TransportErrorKind::custom)?;
        // Some providers send a JSON-RPC error with an HTTP error status: the body says more than the status.
        match serde_json::from_slice::<ResponsePacket>(&body) {
            Ok(packet) => Ok(packet),
            Err(_) if !status.is_success() => Err(TransportErrorKind::http_error(
                status.as_u16(),
                String::from_utf8_lossy(&body).into_owned(),
            )),
            Err(error) => Err(TransportError::deser_err(error, String::from_utf8_lossy(&body))),
        }
    }

    async fn post(&self, packet: &RequestPacket) -> Result<(reqwest::StatusCode, Vec<u8>), ExchangeError> {
        let mut response = self.client.post(self.url.clone()).json(packet).send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > ANSWER_MAX_BYTES {
                return Err(ExchangeError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }
}

impl Service<RequestPacket> for BoundedHttp {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(packet))
    }
}
