//! Links that acknowledge a page for one person and one incident, without signing in.
//!
//! The token is the first half of `HMAC-SHA256(secret, "ack\n{incident}\n{person}")`: 128 bits, the same each time, so
//! that a link in an old message still works and nothing has to be stored. Names with line ends could be shifted
//! against each other and have no links.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use url::Url;

/// The shortest secret that is taken: a 256-bit key is 64 hex digits or 44 characters of base64.
pub const LINK_SECRET_MIN_BYTES: usize = 32;
/// Hex digits of a token.
const TOKEN_DIGITS: usize = 32;

/// Makes and checks acknowledge links.
#[derive(Clone)]
pub struct AckLinks {
    key: Hmac<Sha256>,
    public_url: Url,
}

/// Why links cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLinks {
    /// Whoever finds the secret can acknowledge for everybody.
    #[error(
        "the secret of the acknowledge links is too short: {bytes} bytes, at least {LINK_SECRET_MIN_BYTES} are needed"
    )]
    ShortSecret {
        /// How long it is.
        bytes: usize,
    },
    /// Phones cannot open it.
    #[error("the public URL {url} is not an http or https URL")]
    BadUrl {
        /// What was given.
        url: String,
    },
}

impl AckLinks {
    /// Links below `public_url`, which is how people's phones reach this agent.
    ///
    /// # Errors
    /// When the secret is short or the URL is not http or https.
    pub fn new(secret: &SecretString, public_url: Url) -> Result<Self, BadLinks> {
        let bytes = secret.expose_secret().as_bytes();
        let short = || BadLinks::ShortSecret { bytes: bytes.len() };
        if bytes.len() < LINK_SECRET_MIN_BYTES {
            return Err(short());
        }
        if !matches!(public_url.scheme(), "http" | "https") {
            return Err(BadLinks::BadUrl { url: public_url.to_string() });
        }
        // HMAC takes keys of any length.
        let key = Hmac::new_from_slice(bytes).map_err(|_| short())?;
        Ok(Self { key, public_url })
    }

    /// The link by which `person` acknowledges `incident`; none for names that cannot stand in a link.
    pub fn url(&self, incident: &str, person: &str) -> Option<Url> {
        if !fit(incident) || !fit(person) {
            return None;
        }
        let mut url = self.public_url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let token = self.token(incident, person);
        url.path_segments_mut().ok()?.pop_if_empty().extend(["ack", incident, person, &token]);
        Some(url)
    }

    /// Whether a token is the one for these names, found out in the same time for any wrong one.
    pub fn verify(&self, incident: &str, person: &str, token: &str) -> bool {
        let want = self.token(incident, person);
        let same = want.as_bytes().ct_eq(token.as_bytes());
        bool::from(same) && fit(incident) && fit(person)
    }

    fn token(&self, incident: &str, person: &str) -> String {
        let mac = self.key.clone().chain_update(format!("ack\n{incident}\n{person}")).finalize();
        let mut token = alloy::primitives::hex::encode(mac.into_bytes());
        token.truncate(TOKEN_DIGITS);
        token
    }
}

/// A URL drops the segments `.` and `..`.
fn fit(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.chars().any(char::is_control)
}

impl fmt::Debug for AckLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AckLinks({})", self.public_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn links(public_url: &str) -> AckLinks {
        AckLinks::new(&SECRET.into(), public_url.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_link_is_made_below_the_public_url() {
        for (public_url, want) in [
            ("https://agent.example.org", "https://agent.example.org/ack/INC-7/ana/"),
            ("https://agent.example.org/red/?a#b", "https://agent.example.org/red/ack/INC-7/ana/"),
            ("http://127.0.0.1:8080/red", "http://127.0.0.1:8080/red/ack/INC-7/ana/"),
        ] {
            let url = links(public_url).url("INC-7", "ana").unwrap();
            // Computed with another implementation of HMAC.
            assert_eq!(url.as_str(), format!("{want}9ad7c110aae9ba9464aa24180352b5bc"));
        }
        let odd = links("https://x.org").url("INC 7/8", "ä?#").unwrap();
        assert!(odd.as_str().starts_with("https://x.org/ack/INC%207%2F8/%C3%A4%3F%23/"), "{odd}");
    }

    #[test]
    fn only_the_whole_right_token_opens() {
        let links = links("https://x.org");
        let token = links.token("INC-7", "ana");
        assert!(links.verify("INC-7", "ana", &token));
        for (incident, person, token) in [
            ("INC-8", "ana", token.as_str()),
            ("INC-7", "ben", &token),
            ("INC-7", "ana", &token[..31]),
            ("INC-7", "ana", ""),
            ("INC-7", "ana", &format!("{token}0")),
            ("INC-7", "ana", &token.to_uppercase()),
        ] {
            assert!(!links.verify(incident, person, token), "{incident} {person} {token}");
        }
        let other = AckLinks::new(&"f".repeat(32).into(), "https://x.org".parse().unwrap()).unwrap();
        assert!(!other.verify("INC-7", "ana", &token));
    }

    #[test]
    fn names_that_could_be_shifted_have_no_links() {
        let links = links("https://x.org");
        assert_eq!(links.token("a\nb", "c"), links.token("a", "b\nc"), "this is why");
        for (incident, person) in [("a\nb", "c"), ("a", "b\nc"), ("", "a"), ("a", ".."), (".", "a")] {
            assert_eq!(links.url(incident, person), None);
            assert!(!links.verify(incident, person, &links.token(incident, person)));
        }
    }

    #[test]
    fn weak_secrets_and_odd_urls_are_refused_and_nothing_shows_the_secret() {
        let url: Url = "https://x.org".parse().unwrap();
        let short = AckLinks::new(&"x".repeat(31).into(), url.clone()).unwrap_err();
        assert_eq!(
            short.to_string(),
            "the secret of the acknowledge links is too short: 31 bytes, at least 32 are needed"
        );
        assert!(AckLinks::new(&SECRET.into(), "mailto:a@x.org".parse().unwrap()).is_err());
        assert!(!format!("{:?}", AckLinks::new(&SECRET.into(), url).unwrap()).contains(SECRET));
    }
}
