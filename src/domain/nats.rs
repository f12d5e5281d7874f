//! A message bus that findings come over, as people describe it and as it is heard: one definition for the files and
//! for the feed.
//!
//! *Invariant.* What proves who we are is a secret that no output shows. It connects nothing, and knows no server.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// Who is heard, how, and how many of them must say the same.
#[derive(Clone, Debug)]
pub struct NatsBus {
    /// The monitors that are heard; at least one.
    pub instances: Vec<NatsInstance>,
    /// How many instances must make a claim before it is an alert; from 1 to as many as there are.
    pub quorum: usize,
    /// How long a claim waits for the others.
    pub quorum_within: Duration,
    /// Whether every instance shows who it is and cannot be overheard; false: may page and never propose.
    pub authenticated: bool,
    /// The name of our place on each stream; two agents that share one would get half of the findings each.
    pub durable: String,
    /// Whether a subscription that loses what is said while we are away is what is wanted.
    pub lossy: bool,
}

/// One bus, or one part of it.
#[derive(Clone, Debug)]
pub struct NatsInstance {
    /// What it is called in health, in reasons and in `alert.metadata.instances`.
    pub name: String,
    /// Its servers, any of which will do: `nats://` or `tls://`.
    pub servers: Vec<Url>,
    /// What is heard: `findings.>`.
    pub subject: String,
    /// The JetStream stream that holds it; none: the one that the server names.
    pub stream: Option<String>,
    /// How we show who we are.
    pub login: NatsLogin,
    /// Certificates to trust in place of the system's, PEM.
    pub ca: Option<PathBuf>,
    /// The certificate we show to servers that want one.
    pub certificate: Option<NatsCertificate>,
}

/// A certificate of ours: alone it says who we are where a server takes users from certificates, else beside the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsCertificate {
    /// It, and what it is signed by, PEM.
    pub chain: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How we show a NATS server who we are.
#[derive(Clone, Debug)]
pub enum NatsLogin {
    /// Not at all.
    Nobody,
    /// A token.
    Token(SecretString),
    /// A user and a password.
    User {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// The seed of an nkey, `SU…`.
    NKey(SecretString),
    /// The contents of a `.creds` file: a JWT and the seed of its nkey.
    Credentials(SecretString),
}
