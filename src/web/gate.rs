//! Who may pass to the routes that do not authenticate by themselves.
//!
//! With a key: whoever shows it. Without one the agent listens on loopback only, and a browser on the same machine is
//! the way in that is left: a request that names another host (DNS rebinding) or comes from another site's page is
//! turned away.

use std::fmt;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::{Host, Url};

/// The shortest key that is taken.
pub const BEARER_KEY_MIN_BYTES: usize = 32;

/// Who may pass. Made only by [`Gate::for_listener`]: an open network without a key has no gate.
#[derive(Clone)]
pub struct Gate(Rule);

#[derive(Clone)]
enum Rule {
    /// SHA-256 of the key: comparing digests tells nothing about its length.
    Key([u8; 32]),
    Loopback,
}

/// Why there is no gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Anybody on the network could use everything.
    #[error("listening on {listen} needs a key: set one, or listen on 127.0.0.1")]
    NoKey {
        /// The address.
        listen: SocketAddr,
    },
    /// Keys are to be random.
    #[error("the key is too short: {bytes} bytes, at least {BEARER_KEY_MIN_BYTES} are needed")]
    ShortKey {
        /// How long it is.
        bytes: usize,
    },
}

impl Gate {
    /// The gate for an address to listen on, and the key if one is configured.
    ///
    /// # Errors
    /// When the address is not loopback and there is no key, or the key is short.
    pub fn for_listener(listen: SocketAddr, key: Option<&SecretString>) -> Result<Self, GateError> {
        match key.map(|key| key.expose_secret().as_bytes()) {
            Some(key) if key.len() < BEARER_KEY_MIN_BYTES => Err(GateError::ShortKey { bytes: key.len() }),
            Some(key) => Ok(Self(Rule::Key(Sha256::digest(key).into()))),
            None if listen.ip().is_loopback() => Ok(Self(Rule::Loopback)),
            None => Err(GateError::NoKey { listen }),
        }
    }

    /// The answer to a request that may not pass.
    fn refusal(&self, request: &Request) -> Option<Response> {
        match &self.0 {
            Rule::Key(key) => match bearer(request.headers()) {
                Some(shown) if bool::from(Sha256::digest(shown).ct_eq(key)) => None,
                Some(_) | None => {
                    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
                    Some((StatusCode::UNAUTHORIZED, challenge, "a key is needed\n").into_response())
                }
            },
            Rule::Loopback if is_local(request) => None,
            Rule::Loopback => Some((StatusCode::FORBIDDEN, "only from this machine\n").into_response()),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Rule::Key(_) => "Gate(key)",
            Rule::Loopback => "Gate(loopback)",
        })
    }
}

/// Puts a router behind a gate.
pub(super) fn guard(router: Router, gate: Gate) -> Router {
    router.layer(from_fn_with_state(gate, check))
}

async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.refusal(&request) {
        None => next.run(request).await,
        Some(refusal) => refusal,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn is_local(request: &Request) -> bool {
    let headers = request.headers();
    let named = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let named = named.or_else(|| Some(headers.get(header::HOST)?.to_str().ok()?.to_owned()));
    let host = named.is_some_and(|named| names_loopback(&format!("http://{named}/")));
    let origin = match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().is_ok_and(names_loopback),
    };
    host && origin
}

fn names_loopback(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_network_needs_a_key_worth_the_name() {
        let key: SecretString = "k".repeat(BEARER_KEY_MIN_BYTES).into();
        let short: SecretString = "k".repeat(BEARER_KEY_MIN_BYTES - 1).into();
        let gate =
            |listen: &str, key: Option<&SecretString>| match Gate::for_listener(listen.parse().unwrap(), key)
            {
                Ok(gate) => format!("{gate:?}"),
                Err(error) => error.to_string(),
            };
        let told = [
            gate("127.0.0.1:80", None),
            gate("[::1]:80", None),
            gate("127.0.0.1:80", Some(&key)),
            gate("0.0.0.0:80", Some(&key)),
            gate("0.0.0.0:80", None),
            gate("[::]:80", None),
            gate("192.0.2.1:80", None),
            gate("0.0.0.0:80", Some(&short)),
            gate("127.0.0.1:80", Some(&short)),
        ];
        insta::assert_snapshot!(told.join("\n"), @"
    Gate(loopback)
    Gate(loopback)
    Gate(key)
    Gate(key)
    listening on 0.0.0.0:80 needs a key: set one, or listen on 127.0.0.1
    listening on [::]:80 needs a key: set one, or listen on 127.0.0.1
    listening on 192.0.2.1:80 needs a key: set one, or listen on 127.0.0.1
    the key is too short: 31 bytes, at least 32 are needed
    the key is too short: 31 bytes, at least 32 are needed
    ");
    }
}
