//! Connecting to a bus: who we say we are, whom we trust, and in a sentence what to do where that does not work.
//!
//! *Invariant.* No sentence carries a secret: what the library says of one is not repeated. Secrets are read when the
//! agent starts, so that a sentence that asks for another one also asks for a start.

use std::error::Error as _;

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions};
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
        ConnectErrorKind::AuthorizationViolation => refused(&instance.login),
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

fn refused(login: &NatsLogin) -> String {
    let (what, remedy) = match login {
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
        NatsLogin::Credentials(_) => (
            "these credentials".to_owned(),
            "the account that signed them must be known to the server, and they must be neither expired nor revoked",
        ),
    };
    format!("the server refuses {what}: {remedy}, and start the agent again")
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
    if matches!(broken, rustls::Error::InvalidMessage(_)) {
        return "the server speaks no TLS there: turn it on, or write nats:// where nobody else can reach the \
                network between"
            .to_owned();
    }
    format!("there is no TLS with the server: {broken}")
}
