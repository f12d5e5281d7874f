//! Where a message goes: an URL that may itself be a secret.

use std::fmt;

use url::{Host, Url};

/// An http or https URL that shows only its scheme and host.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why an URL is no place to send a message to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// Not a URL at all. It is not repeated here: it may hold a secret.
    #[error("this is not an http or https URL; expected one like https://example.org/…")]
    NotAUrl,
    /// The path is the secret, and everybody on the way could read it.
    #[error("{0} must be https: whoever sees the URL can write to the channel")]
    Plain(String),
}

impl Endpoint {
    /// Takes an http or https URL.
    ///
    /// # Errors
    /// When it is not one.
    pub fn new(url: &str) -> Result<Self, BadEndpoint> {
        let url = Url::parse(url.trim()).map_err(|_| BadEndpoint::NotAUrl)?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Self(url)),
            _ => Err(BadEndpoint::NotAUrl),
        }
    }

    /// Takes an URL whose path is a credential: plain http is for loopback only.
    ///
    /// # Errors
    /// When it is not one, or would be readable on the way.
    pub fn new_secret(url: &str) -> Result<Self, BadEndpoint> {
        let endpoint = Self::new(url)?;
        if endpoint.0.scheme() == "https" || endpoint.is_loopback() {
            Ok(endpoint)
        } else {
            Err(BadEndpoint::Plain(endpoint.to_string()))
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

/// Scheme and host only.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_sent_to_is_taken_and_secrets_do_not_show() {
        let cases = [
            ("https://hooks.example.org/services/T0/B0/secret", "Ok(https://hooks.example.org)"),
            ("http://127.0.0.1:8080/x", "Ok(http://127.0.0.1)"),
            ("http://[::1]/x", "Ok(http://[::1])"),
            ("http://localhost/x", "Ok(http://localhost)"),
            ("https://user:password@example.org/", "Ok(https://example.org)"),
            ("http://hooks.example.org/secret", r#"Err(Plain("http://hooks.example.org"))"#),
            ("ftp://example.org/secret", "Err(NotAUrl)"),
            ("secret", "Err(NotAUrl)"),
            ("", "Err(NotAUrl)"),
        ];
        for (url, want) in cases {
            assert_eq!(format!("{:?}", Endpoint::new_secret(url)), want);
        }
        assert!(Endpoint::new("http://pager.internal/x").is_ok());
    }
}
