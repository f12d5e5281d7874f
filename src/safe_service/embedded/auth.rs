//! The bearer key. Both sides are hashed before they are compared, so that neither the time it takes nor
//! the lengths tell anything.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::refusal::Refusal;

/// The hash of the key that every request must carry.
#[derive(Clone)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn new(key: &SecretString) -> Self {
        Self(Sha256::digest(key.expose_secret().as_bytes()).into())
    }

    fn fits(&self, request: &Request) -> bool {
        let given = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let given: [u8; 32] = Sha256::digest(given.unwrap_or_default().as_bytes()).into();
        given.ct_eq(&self.0).into()
    }
}

pub(super) async fn require(State(key): State<Key>, request: Request, next: Next) -> Response {
    if key.fits(&request) { next.run(request).await } else { Refusal::Unauthorized.into_response() }
}
