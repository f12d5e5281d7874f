//! Makes the agent from the files people wrote.
//!
//! Everything that can be wrong without asking anybody is found here, and all of it at once: a call no
//! ABI has, a condition that can never fire, a keystore that does not open.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::files::{kept_secret, new_secret};
pub use super::keys::connect;
use super::service::ServiceLink;
use super::silences::SilenceBook;
use super::store::IncidentStore;
use super::{Agent, chain_of, keys};
use crate::chain::{Chain, Endpoint, Relay};
use crate::clock::SharedClock;
use crate::config::settings::{self, ChannelKind, KeySource, SafeService};
use crate::config::{Config, is_here};
use crate::domain::condition::{Condition, unknown_inhibitors};
use crate::domain::names::{ChainName, RunbookId};
use crate::domain::runbook::Plan;
use crate::http;
use crate::journal::{EvidenceStore, Journal};
use crate::notify::{
    self, AckLinks, Channel, ConsoleChannel, Output, SlackChannel, WebhookChannel, WebhookSecret,
};
use crate::safe_service::ServiceClient;
use crate::signer::KeySigner;

/// One thing that is wrong, in a sentence: where, what, what to do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SetupProblem {
    /// The file or the section it is about.
    pub place: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// Everything that is wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} problem(s) in the configuration", .0.len())]
pub struct SetupProblems(pub Vec<SetupProblem>);

/// The machine parts of all runbooks.
pub struct Compiled {
    /// Calls and expressions.
    pub plans: BTreeMap<RunbookId, Plan>,
    /// Conditions, in the order of the runbooks.
    pub conditions: Vec<(RunbookId, Condition)>,
}

/// Compiles every runbook.
///
/// # Errors
/// Everything that cannot be compiled.
pub fn compile(config: &Config) -> Result<Compiled, SetupProblems> {
    let contracts = &config.settings.contracts;
    let mut problems = Vec::new();
    let mut plans = BTreeMap::new();
    let mut conditions = Vec::new();
    for (id, runbook) in &config.runbooks {
        match Plan::compile(runbook, contracts) {
            Ok(plan) => {
                plans.insert(id.clone(), plan);
            }
            Err(found) => problems.extend(found.into_iter().map(|found| SetupProblem {
                place: format!("runbook \"{id}\", {}", found.place),
                problem: format!("`{}`: {}", found.text, found.problem),
            })),
        }
        for spec in &runbook.conditions {
            let place = format!("runbook \"{id}\", condition \"{}\"", spec.id);
            match Condition::compile_with(spec.clone(), config.settings.words(), contracts) {
                Ok(condition) => conditions.push((id.clone(), condition)),
                Err(found) => problems.extend(
                    found
                        .into_iter()
                        .map(|found| SetupProblem { place: place.clone(), problem: found.to_string() }),
                ),
            }
        }
    }
    // Where one cannot be compiled, it is not known which there are.
    let unknown = if problems.is_empty() { unknown_inhibitors(&conditions) } else { Vec::new() };
    problems.extend(unknown.into_iter().map(|(runbook, condition, problem)| SetupProblem {
        place: format!("runbook \"{runbook}\", condition \"{condition}\""),
        problem,
    }));
    if problems.is_empty() { Ok(Compiled { plans, conditions }) } else { Err(SetupProblems(problems)) }
}

/// The secret of links, made once where none is named.
const LINK_SECRET_FILE: &str = "redhandle.link-secret";

/// What an agent needs beside the configuration.
pub struct Surroundings {
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// What time it is.
    pub clock: SharedClock,
    /// Where console pages go; none: standard error.
    pub console: Option<Output>,
    /// Where the embedded service is reached: the address that is listened on.
    pub listen: SocketAddr,
    /// Whether keystores are opened: commands that only read do without.
    pub keys: Keys,
}

/// Which keystores are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// None.
    None,
    /// Proposer and executor.
    All,
}

/// Makes the agent.
///
/// # Errors
/// Everything that is wrong.
pub fn agent(
    config: Config,
    around: Surroundings,
) -> Result<(Agent, Vec<(RunbookId, Condition)>), SetupProblems> {
    let mut builder = Builder { config: &config, problems: Vec::new() };
    let compiled = match compile(&config) {
        Ok(compiled) => Some(compiled),
        Err(SetupProblems(found)) => {
            builder.problems.extend(found);
            None
        }
    };
    let chains = builder.chains();
    let services = builder.services(around.listen, &around.clock);
    let channels = builder.channels(around.console, &around.clock);
    let (proposer, executor) = match around.keys {
        Keys::None => (None, None),
        Keys::All => (
            builder.key("proposer", config.settings.proposer.as_ref().map(|proposer| &proposer.key)),
            builder.key("executor", config.settings.executor.as_ref().map(|executor| &executor.key)),
        ),
    };
    let relays = builder.relays();
    let links = builder.links(around.listen);
    let presigned = super::presigned::Windows::open(&config.settings);
    builder.problems.extend(super::presigned::name_problems(&config));
    builder.problems.extend(super::module::name_problems(&config));
    let problems = builder.problems;
    let (Some(Compiled { plans, conditions }), Some(links), true) = (compiled, links, problems.is_empty())
    else {
        return Err(SetupProblems(problems));
    };
    let poll =
        config.settings.chains.values().map(|chain| chain.poll).min().unwrap_or(Duration::from_secs(2));
    let agent = Agent {
        silences: SilenceBook::new(Arc::clone(&around.journal)),
        store: Arc::new(IncidentStore::new(around.journal, Arc::clone(&around.clock))),
        clock: around.clock,
        plans,
        chains,
        services,
        channels,
        presigned,
        proposer,
        executor,
        relays,
        links,
        poll,
        post_mortems: beside(&config.settings.journal, "post-mortems"),
        evidence: Arc::new(EvidenceStore::new(
            &config.settings.reports.evidence,
            config.settings.reports.evidence_max_bytes,
        )),
        config: Arc::new(config),
    };
    Ok((agent, conditions))
}

/// Has no secret of links made where there is none yet: whoever only looks at the files writes none.
pub fn make_no_secret(config: &mut Config) {
    let kept = beside(&config.settings.journal, LINK_SECRET_FILE);
    if config.settings.web.link_secret.is_none() && !kept.exists() {
        config.settings.web.link_secret = Some(new_secret());
    }
}

/// A path beside the journal.
fn beside(journal: &Path, name: &str) -> PathBuf {
    journal.parent().unwrap_or(Path::new("")).join(name)
}

struct Builder<'a> {
    config: &'a Config,
    problems: Vec<SetupProblem>,
}

impl Builder<'_> {
    fn problem<T>(&mut self, place: String, problem: String) -> Option<T> {
        self.problems.push(SetupProblem { place, problem });
        None
    }

    fn chains(&mut self) -> BTreeMap<ChainName, Chain> {
        let settings = &self.config.settings.chains;
        settings.iter().filter_map(|(name, chain)| Some((name.clone(), self.chain(name, chain)?))).collect()
    }

    fn chain(&mut self, name: &ChainName, settings: &settings::Chain) -> Option<Chain> {
        match chain(name, settings, Endpoint::new) {
            Ok(Some(chain)) => Some(chain),
            // Read for what does not ask it; who asks it needs the secret, and was refused before.
            Ok(None) if settings.absent.is_some() => None,
            Ok(None) => self.problem(
                format!("[chains.{name}]"),
                "its endpoints are all optional, and none of their variables is set: set one".to_owned(),
            ),
            Err(problem) => self.problem(format!("[chains.{name}]"), problem),
        }
    }

    fn services(&mut self, listen: SocketAddr, clock: &SharedClock) -> BTreeMap<ChainName, ServiceLink> {
        let settings = &self.config.settings;
        let mut services = BTreeMap::new();
        for (name, chain) in &settings.chains {
            let (link, url, key, quota_low_percent) = match &chain.safe_service {
                SafeService::Embedded => {
                    let url = embedded_url(name, listen);
                    ("the embedded service".to_owned(), url, settings.web.key.clone(), None)
                }
                SafeService::Hosted { url, key, quota_low_percent } => (
                    url.host_str().unwrap_or("the Transaction Service").to_owned(),
                    Some(url.clone()),
                    key.clone(),
                    Some(*quota_low_percent),
                ),
            };
            if key.as_ref().is_some_and(|key| !is_here(key)) {
                continue;
            }
            let place = format!("[chains.{name}] safe_service");
            let Some(url) = url else {
                self.problem::<()>(place, format!("no URL can be made for {listen}"));
                continue;
            };
            match ServiceClient::new(&url, key, chain.rpc_timeout) {
                Ok(client) => {
                    let client = client.with_clock(Arc::clone(clock));
                    services.insert(name.clone(), ServiceLink::new(name, link, client, quota_low_percent));
                }
                Err(error) => {
                    self.problem::<()>(place, chain_of(&error));
                }
            }
        }
        services
    }

    fn channels(
        &mut self,
        console: Option<Output>,
        clock: &SharedClock,
    ) -> BTreeMap<crate::domain::names::ChannelName, Channel> {
        let settings = &self.config.settings.channels;
        settings
            .iter()
            .filter(|(_, channel)| channel.is_whole())
            .filter_map(|(name, channel)| {
                let made = make_channel(channel, console.clone(), clock);
                match made {
                    Ok(channel) => Some((name.clone(), channel)),
                    Err(problem) => self.problem(format!("[channels.{name}]"), problem),
                }
            })
            .collect()
    }

    fn key(&mut self, whose: &str, source: Option<&KeySource>) -> Option<KeySigner> {
        match keys::here(source?)? {
            (_, Ok(signer)) => Some(signer),
            (place, Err(problem)) => self.problem(format!("[{whose}] {place}"), problem.to_string()),
        }
    }

    fn relays(&mut self) -> BTreeMap<ChainName, Relay> {
        let settings = self.config.settings.executor.iter().flat_map(|executor| &executor.relays);
        let mut relays = BTreeMap::new();
        for (name, relay) in settings {
            let timeout = self.config.settings.chains.get(name).map(|chain| chain.rpc_timeout);
            // The configuration has checked that it is a URL, and that the chain is configured.
            let (Ok(url), Some(timeout)) = (Url::parse(relay.url.expose_secret()), timeout) else { continue };
            match Endpoint::new(&url, timeout) {
                Ok(endpoint) => {
                    let private = relay.method == settings::RelayMethod::Private;
                    relays.insert(name.clone(), Relay::new(endpoint, private, relay.public_after_blocks));
                }
                Err(error) => {
                    self.problem::<()>(format!("[executor.relay.{name}]"), chain_of(&error));
                }
            }
        }
        relays
    }

    fn links(&mut self, listen: SocketAddr) -> Option<AckLinks> {
        let web = &self.config.settings.web;
        let secret = match &web.link_secret {
            Some(secret) if is_here(secret) => Ok(secret.clone()),
            // Nobody is sent a link by a command that does not need it.
            Some(_absent) => Ok(new_secret()),
            None => kept_secret(&beside(&self.config.settings.journal, LINK_SECRET_FILE)),
        };
        let mut public_url = web.public_url.clone();
        if web.listen.port() == 0 && public_url.port() == Some(0) {
            // Tests and the demo listen on whatever port is free. Ports of http URLs can be set.
            public_url.set_port(Some(listen.port())).ok();
        }
        let made =
            secret.and_then(|secret| AckLinks::new(&secret, public_url).map_err(|error| error.to_string()));
        match made {
            Ok(links) => Some(links),
            Err(problem) => self.problem("[web] link_secret".to_owned(), problem),
        }
    }
}

/// A chain as it is configured, asked through what `make` makes ([`Endpoint::new`]); `None` where it has no
/// endpoint.
///
/// # Errors
/// Why it cannot be asked.
pub fn chain(
    name: &ChainName,
    settings: &settings::Chain,
    make: fn(&Url, Duration) -> Result<Endpoint, reqwest::Error>,
) -> Result<Option<Chain>, String> {
    let mut endpoints = Vec::new();
    for endpoint in &settings.rpc {
        // The configuration has checked that these are URLs.
        let url = Url::parse(endpoint.url.expose_secret())
            .map_err(|_| format!("{} is not a URL", endpoint.label))?;
        let made = make(&url, settings.rpc_timeout).map_err(|error| chain_of(&error))?;
        endpoints.push(made);
    }
    if endpoints.is_empty() {
        return Ok(None);
    }
    let chain = Chain::new(name.clone(), settings.id, endpoints, settings.agree);
    chain.map(Some).map_err(|error| chain_of(&error))
}

/// Where a chain's embedded service is reached.
pub fn embedded_url(chain: &ChainName, listen: SocketAddr) -> Option<Url> {
    Url::parse(&format!("http://{listen}{}", embedded_path(chain))).ok()
}

/// The path below which a chain's embedded service speaks.
pub fn embedded_path(chain: &ChainName) -> String {
    format!("/safe/{chain}")
}

fn make_channel(
    channel: &settings::Channel,
    console: Option<Output>,
    clock: &SharedClock,
) -> Result<Channel, String> {
    let client = || http::client(channel.timeout).map_err(|error| chain_of(&error));
    Ok(match &channel.kind {
        ChannelKind::Console => {
            Channel::Console(console.map_or_else(ConsoleChannel::stderr, ConsoleChannel::new))
        }
        ChannelKind::Webhook { url, secret } => {
            let to = notify::Endpoint::new(url.as_str()).map_err(|error| error.to_string())?;
            let secret = WebhookSecret::new(secret).map_err(|error| error.to_string())?;
            Channel::Webhook(WebhookChannel::new(client()?, to, secret, Arc::clone(clock)))
        }
        ChannelKind::Slack { url } => {
            let to = notify::Endpoint::new_secret(url.expose_secret()).map_err(|error| error.to_string())?;
            Channel::Slack(SlackChannel::new(client()?, to, Arc::clone(clock)))
        }
    })
}

/// Opens an encrypted keystore (Web3 Secret Storage, version 3).
///
/// # Errors
/// Says which file, and whether it is the password.
pub fn open_keystore(path: &Path, password: &SecretString) -> Result<KeySigner, String> {
    KeySigner::keystore(path, password).map_err(|error| error.to_string())
}
