//! `[web]`: what listens, and how it is reached.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;
use url::Url;

use crate::config::problem::{Findings, Problem};
use crate::config::reader::Table;

/// Loopback, on a port that spells nothing and that nobody else registered.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8645);

/// What listens.
#[derive(Clone, Debug)]
pub struct Web {
    /// Where; loopback unless told otherwise.
    pub listen: SocketAddr,
    /// How people reach it: what links in pages begin with.
    pub public_url: Url,
    /// What callers of the API must show. There is one whenever `listen` is not loopback.
    pub key: Option<SecretString>,
    /// What links in pages are signed with. None: one is made once and kept beside the journal.
    pub link_secret: Option<SecretString>,
}

pub(super) fn read(root: &mut Table<'_>, findings: &mut Findings) -> Web {
    let (mut listen, mut public_url, mut key, mut link_secret) = (LISTEN_DEFAULT, None, None, None);
    if let Some(mut table) = root.table("web", findings) {
        listen = table.optional("listen", findings).unwrap_or(listen);
        public_url = table.optional("public_url", findings);
        key = table.header_secret("key", findings);
        link_secret = table.secret("link_secret", findings);
        if !listen.ip().is_loopback() && !table.has("key") {
            let place = table.place_of("listen");
            findings.problem(
                Problem::new(
                    &place,
                    format!("{listen} can be reached from other machines, and [web] has no key"),
                )
                .remedy("add key = { env = \"NAME\" }, or listen on 127.0.0.1"),
            );
        }
        if listen.ip().is_unspecified() && !table.has("public_url") {
            let found = format!("{listen} is no address that a link in a page can lead to");
            let problem = Problem::new(&table.place_of("listen"), found);
            findings.problem(problem.remedy("add public_url = \"https://…\""));
        }
        table.finish(findings);
    }
    let public_url = public_url.unwrap_or_else(|| own_url(listen));
    Web { listen, public_url, key, link_secret }
}

/// The URL of the socket itself.
fn own_url(listen: SocketAddr) -> Url {
    let text = format!("http://{listen}");
    #[expect(clippy::expect_used, reason = "every socket address is a valid host and port of a URL")]
    Url::parse(&text).expect("a socket address makes a URL")
}
