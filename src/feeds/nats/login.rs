//! Connecting to a bus: who we say we are, whom we trust, and in a sentence what to do where that does not work.
//!
//! *Invariant.* No sentence carries a secret: what the library says of one is not repeated. Secrets are read when the
//! agent starts, so that a sentence that asks for another one also asks for a start.

use std::error::Error as _;

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls::CertificateError;
use secrecy::ExposeSecret as _;

use crate::domain::nats::{NatsInstance, NatsLogin};

/// Connects as the instance says, with what else is wanted of the connection.
pub(super) async fn connect(instance: &NatsInstance, options: ConnectOptions) -> Result<Client, String> {
    let options = showing(instance, options)?;
    let servers: Vec<String> = instance.servers.iter().map(ToString::to_string).collect();
    options.connect(servers).await.map_err(|error| why(instance, &error))
}

/// The options with who we are and whom we trust.
fn showing(instance: &NatsInstance, options: ConnectOptions) -> Result<ConnectOptions, String> {
    let mut options = match &instance.login {
        NatsLogin::Nobody => options,
        NatsLogin::Token(token) => options.token(token.expose_secret().to_owned()),
        NatsLogin::User { user, password } => {
            options.user_and_password(user.clone(), password.expose_secret().to_owned())
        }
        NatsLogin::NKey(seed) => options.nkey(seed.expose_secret().trim().to_owned()),
        NatsLogin::Credentials(creds) => {
            options.credentials(creds.expose_secret()).map_err(|_its_text_is_secret| {
                format!("what its `credentials` name is not what a .creds file holds: {CREDS}")
            })?
        }
    };
    if let Some(ca) = &instance.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let Some(own) = &instance.certificate {
        options = options.add_client_certificate(own.chain.clone(), own.key.clone());
    }
    // What a server answers about others behind it is not the configuration's.
    options = options.ignore_discovered_servers();
    if instance.servers.iter().any(|server| server.scheme() == "tls") {
        options = options.require_tls(true);
    }
    Ok(options)
}

const CREDS: &str = "a block NATS USER JWT and a block USER NKEY SEED, as `nsc generate creds` writes it";

/// Why there is no connection, and what to do about it.
fn why(instance: &NatsInstance, error: &ConnectError) -> String {
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => refused(instance),
        ConnectErrorKind::Authentication => match &instance.login {
            NatsLogin::NKey(_) => {
                "what its `nkey` names is not the seed of a user's nkey: 58 letters and digits that begin with SU"
                    .to_owned()
            }
            NatsLogin::Credentials(_) => format!("the seed in its `credentials` cannot sign: {CREDS}"),
            NatsLogin::Nobody | NatsLogin::Token(_) | NatsLogin::User { .. } => {
                format!("who we are cannot be shown: {error}")
            }
        },
        ConnectErrorKind::Tls | ConnectErrorKind::Io => match (tls(error), &instance.ca) {
            (Some(broken), _) => untrusted(instance, broken),
            (None, _) if error.kind() == ConnectErrorKind::Tls && instance.certificate.is_some() => {
                unusable(instance, error)
            }
            (None, Some(ca)) if error.kind() == ConnectErrorKind::Tls => {
                format!("its ca, {}, cannot be used ({error}): a file of certificates in PEM is wanted", ca.display())
            }
            (None, _) => format!("cannot connect: {error}"),
        },
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::MaxReconnects => format!("cannot connect: {error}"),
    }
}

/// Files of ours that make no connection: which of them it is, the library does not say.
fn unusable(instance: &NatsInstance, error: &ConnectError) -> String {
    let own = instance.certificate.as_ref();
    let files = own.map(|own| [&own.chain, &own.key]).into_iter().flatten().chain(&instance.ca);
    let named: Vec<String> = files.map(|file| file.display().to_string()).collect();
    format!(
        "one of {} cannot be used ({error}): files in PEM are wanted, and `certificate_key` must be that of `certificate`",
        named.join(", ")
    )
}

fn refused(instance: &NatsInstance) -> String {
    let (what, remedy) = match &instance.login {
        NatsLogin::Nobody if instance.certificate.is_some() => {
            return "the server knows no user of our certificate: it needs verify_and_map and a user of that name, or \
                    this instance another login beside the certificate"
                .to_owned();
        }
        NatsLogin::Nobody => {
            return "the server wants to know who we are: give this instance token, user with password, nkey or \
                    credentials"
                .to_owned();
        }
        NatsLogin::Token(_) => ("this token".to_owned(), "compare what `token` names with the server's"),
        NatsLogin::User { user, .. } => {
            (format!("user {user} with this password"), "compare what `password` names with the server's")
        }
        NatsLogin::NKey(_) => {
            ("this nkey".to_owned(), "its public key, U…, must stand among the server's users")
        }
        NatsLogin::Credentials(creds) => (
            match end_of(creds.expose_secret()) {
                Some(end) => format!("these credentials, which end at {end}"),
                None => "these credentials".to_owned(),
            },
            "the account that signed them must be known to the server, and they must be neither expired nor revoked",
        ),
    };
    format!("the server refuses {what}: {remedy}, and start the agent again")
}

/// When credentials end, as they say themselves; none: they do not, or are none.
fn end_of(creds: &str) -> Option<Timestamp> {
    let jwt = creds.lines().map(str::trim).find(|line| line.starts_with("ey"))?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    claims.get("exp")?.as_i64().filter(|end| *end > 0).and_then(|end| Timestamp::from_second(end).ok())
}

/// What to add to what a server said when it ended a connection, where more is known.
pub(super) fn ended(instance: &NatsInstance) -> Option<String> {
    let NatsLogin::Credentials(creds) = &instance.login else { return None };
    let end = end_of(creds.expose_secret())?;
    Some(format!("these credentials end at {end}: make new ones, and start the agent again"))
}

/// What is wrong with TLS, where that is what failed.
fn tls(error: &ConnectError) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(now) = cause {
        let within = now.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let found = within.and_then(|inner| inner.downcast_ref()).or_else(|| now.downcast_ref());
        if found.is_some() {
            return found;
        }
        cause = now.source();
    }
    None
}

fn untrusted(instance: &NatsInstance, broken: &rustls::Error) -> String {
    let is = |wanted: &dyn Fn(&CertificateError) -> bool| matches!(broken, rustls::Error::InvalidCertificate(error) if wanted(error));
    if is(&|error| matches!(error, CertificateError::UnknownIssuer)) {
        return match &instance.ca {
            Some(ca) => format!(
                "the server's certificate is not signed by whom {} holds: give `ca` the certificate of the authority \
                 that signed it, PEM",
                ca.display()
            ),
            None => "the server's certificate is signed by nobody this machine trusts: give `ca` the certificate of \
                     the authority that signed it, PEM"
                .to_owned(),
        };
    }
    if is(&|error| {
        matches!(error, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
    }) {
        return format!(
            "the server's certificate is for another name ({broken}): write that name in `servers`"
        );
    }
    if let rustls::Error::AlertReceived(alert) = broken {
        return match &instance.certificate {
            None => format!(
                "the server wants a certificate of ours ({alert:?}): give this instance `certificate` and `certificate_key`"
            ),
            Some(own) => format!(
                "the server does not take the certificate in {} ({alert:?}): it must be signed by an authority that the \
                 server trusts, for clients, and not have expired",
                own.chain.display()
            ),
        };
    }
    if matches!(broken, rustls::Error::InvalidMessage(_)) {
        return "the server speaks no TLS there: turn it on, or write nats:// where nobody else can reach the \
                network between"
            .to_owned();
    }
    format!("there is no TLS with the server: {broken}")
}
