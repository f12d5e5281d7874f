//! The one constructor of HTTP clients.
//!
//! reqwest is built without a TLS provider of its own, so that the process carries one (ring) and not
//! two; a client made before the provider is installed panics. Hence every client is made here.

use std::time::Duration;

/// How this program names itself to servers.
const USER_AGENT: &str = concat!("redhandle/", env!("CARGO_PKG_VERSION"));

/// Makes a client whose requests, connection included, fail after `timeout`.
///
/// # Errors
/// When the platform's certificate store cannot be read.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    install_tls();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// Makes ring the process's TLS provider. Libraries that bring clients of their own (the clouds') would otherwise find two
/// and panic.
pub fn install_tls() {
    // A second installation answers Err and changes nothing: that is what is wanted.
    rustls::crypto::ring::default_provider().install_default().ok();
}
