//! The one constructor of HTTP clients.
//!
//! reqwest is built without a TLS provider of its own, so that the process carries one (ring) and not
//! two; a client made before the provider is installed panics. Hence every client is made here.
//! Whose certificates are believed is in `trust`.

mod trust;

use std::time::Duration;

/// How this program names itself to servers.
const USER_AGENT: &str = concat!("redhandle/", env!("CARGO_PKG_VERSION"));

/// Makes a client whose requests, connection included, fail after `timeout`.
///
/// The platform's certificate store is read at the first TLS handshake of the process, not here: where it cannot be
/// read, that handshake fails.
///
/// # Errors
/// When reqwest takes no client of these parts.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    with_tls(timeout, trust::tls()).build()
}

/// As [`client`], with a connection for each exchange: for whoever is in no hurry, and may meet a server that serves one
/// connection after the other, where a second client's idle one would keep out all others.
///
/// # Errors
/// As [`client`].
pub fn client_of_single_exchanges(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    with_tls(timeout, trust::tls()).pool_max_idle_per_host(0).build()
}

fn with_tls(timeout: Duration, tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
}

/// Makes ring the process's TLS provider. Libraries that bring clients of their own (the clouds') would otherwise find two
/// and panic.
pub fn install_tls() {
    // A second installation answers Err and changes nothing: that is what is wanted.
    rustls::crypto::ring::default_provider().install_default().ok();
}
