//! `redhandle.toml`: where things are and how to reach them.
//!
//! Reading goes on after a problem with what could be read, so that the roster and the runbooks can be
//! checked against the rest; settings with a problem in them never leave `config`. Names are *declared* by being
//! written, however badly they are described: a contract with a wrong checksum is one problem and not one more
//! in each runbook that names it.

mod chain_feed;
mod chains;
mod channels;
mod contracts;
mod executor;
mod feeds;
mod keystores;
mod modules;
mod nats;
mod presigned;
mod reports;
mod secrets;
mod web;
mod webhook;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use chain_feed::ChainFeed;
pub use chains::{Chain, ENDPOINTS_MAX, RpcEndpoint, SafeService};
pub use channels::{Channel, ChannelKind};
pub use contracts::Safe;
pub use executor::{Executor, RelayMethod, RelaySettings, SpendingCap};
pub use feeds::{
    Feed, FeedKind, FortaFeed, JsonLinesFeed, JsonLinesFrom, Life, NatsFeed, WebhookAuthentication,
    WebhookFeed, WebhookWords,
};
pub use keystores::{KeySource, Keystore, Proposer};
pub use modules::{Module, ModuleKind};
pub use presigned::{Presigned, Release};
pub use reports::{MailAddress, MailProof, ReportMail, ReportSender, Reports, SendgridProof, SlackCommand};
pub use secrets::WebhookSecrets;
pub use web::Web;

use super::problem::{Findings, Place};
use super::reader::{Context, Entry, Placed, Table};
use crate::domain::alert::BotId;
use crate::domain::condition::{Lists, Macros, Origins, Vendors, Words};
use crate::domain::contract::Contract;
use crate::domain::names::{ChainName, ChannelName, ContractName, ModuleName, PolicyName, SafeName};

/// `redhandle.toml`, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The journal's database file.
    pub journal: PathBuf,
    /// What listens.
    pub web: Web,
    /// `[chains.NAME]`.
    pub chains: BTreeMap<ChainName, Chain>,
    /// `[contracts.NAME]`.
    pub contracts: BTreeMap<ContractName, Contract>,
    /// `[safes.NAME]`.
    pub safes: BTreeMap<SafeName, Safe>,
    /// `[[presigned]]`, in the order of writing.
    pub presigned: Vec<Presigned>,
    /// `[modules.NAME]`.
    pub modules: BTreeMap<ModuleName, Module>,
    /// The key that suggests, if there is one.
    pub proposer: Option<Proposer>,
    /// The key that pays gas, if there is one.
    pub executor: Option<Executor>,
    /// `[[feeds]]`, in the order of writing.
    pub feeds: Vec<Feed>,
    /// `[bots]`: lists that conditions name, `bots.attack_detector`.
    pub bots: BTreeMap<String, Vec<BotId>>,
    /// `[lists]`: what else conditions name, `lists.drain_ids`.
    pub lists: Lists,
    /// `[macros]`: conditions with a name.
    pub macros: Macros,
    /// Whose feeds are whose, where the alerts do not say it.
    pub vendors: Vendors,
    /// What the feeds will bring, as far as it is known before.
    pub origins: Origins,
    /// `[channels.NAME]`.
    pub channels: BTreeMap<ChannelName, Channel>,
    /// `[paging] policy`: whom to page when a runbook does not say. None: the only policy of the roster, which
    /// [`Config`](super::Config) resolves.
    pub policy: Option<PolicyName>,
    /// Where the roster is.
    pub roster: PathBuf,
    /// Files and folders of runbooks.
    pub runbooks: Vec<PathBuf>,
    /// Where announced work is; in the usual place the file may be missing.
    pub maintenance: PathBuf,
    /// `[reports]`: what people report.
    pub reports: Reports,
}

impl Settings {
    /// The words of conditions.
    pub fn words(&self) -> Words<'_> {
        Words {
            bots: &self.bots,
            lists: &self.lists,
            macros: &self.macros,
            vendors: &self.vendors,
            origins: &self.origins,
        }
    }
}

/// What was read, and what else the other files are checked against.
#[derive(Debug)]
pub(super) struct SettingsFile {
    pub(super) settings: Settings,
    /// Where each list of runbooks is asked for, in the order of [`Settings::runbooks`].
    pub(super) runbook_places: Vec<Place>,
    /// Where the roster is asked for.
    pub(super) roster_place: Place,
    /// Where the file of announced work is asked for, if it is.
    pub(super) maintenance_place: Option<Place>,
    /// The default policy as it was written.
    pub(super) policy: Option<Placed<String>>,
    /// Where a missing policy is told.
    pub(super) paging_place: Place,
    pub(super) declared: Declared,
}

/// The names that are written, well described or not.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) contracts: BTreeSet<String>,
    pub(super) safes: BTreeSet<String>,
    pub(super) channels: BTreeSet<String>,
}

/// Reads the whole file.
pub(super) fn read(
    entries: &[Entry],
    place: Place,
    context: &Context<'_>,
    findings: &mut Findings,
) -> SettingsFile {
    let mut root = Table::root(context, entries, place, "the top level of the file");
    let (chains, ids) = chains::read(&mut root, findings);
    let chain_names: BTreeSet<String> = Table::keys_of(entries, "chains").into_iter().collect();
    let mut contracts = contracts::read_contracts(&mut root, &chain_names, &ids, findings);
    let safes = contracts::read_safes(&mut root, &chain_names, &chains, findings);
    let safe_names: BTreeSet<String> = Table::keys_of(entries, "safes").into_iter().collect();
    let presigned = presigned::read(&mut root, &safe_names, findings);
    let modules = modules::read(&mut root, &safe_names, &safes, findings);
    let bots = feeds::read_bots(&mut root, findings);
    let lists = words::read_lists(&mut root, findings);
    let macros = words::read_macros(&mut root, &bots, &lists, findings);
    let mut contract_names: BTreeSet<String> = Table::keys_of(entries, "contracts").into_iter().collect();
    let around = chain_feed::Around {
        chains: &chains,
        contracts: &contracts,
        safes: &safes,
        contract_names: &contract_names,
        safe_names: &safe_names,
    };
    let feeds = feeds::read(&mut root, &chain_names, &ids, &bots, &around, findings);
    chain_feed::name_safes(&feeds, &safes, &mut contracts, &mut contract_names, &root, findings);
    let vendors = words::vendors(&feeds);
    let origins = words::origins(&feeds, Table::tables_of(entries, "feeds"));
    let channels = channels::read(&mut root, findings);
    let web = web::read(&mut root, findings);
    let proposer = keystores::read_proposer(&mut root, findings);
    let executor = executor::read(&mut root, &chain_names, findings);

    let mut journal = context.folder.join("redhandle.db");
    if let Some(mut table) = root.table("journal", findings) {
        journal = table.path("path", findings).unwrap_or(journal);
        table.finish(findings);
    }
    let mut policy: Option<Placed<String>> = None;
    let paging_place = root.place_of("paging");
    if let Some(mut table) = root.table("paging", findings) {
        policy = table.optional("policy", findings);
        table.finish(findings);
    }
    let roster_place = root.place_of("roster");
    let roster = root.path("roster", findings).unwrap_or_else(|| context.folder.join("roster.toml"));
    let maintenance_place = root.has("maintenance").then(|| root.place_of("maintenance"));
    let maintenance =
        root.path("maintenance", findings).unwrap_or_else(|| context.folder.join("maintenance.toml"));
    let mut runbooks: Vec<Placed<String>> = root.list("runbooks", findings);
    if runbooks.is_empty() {
        runbooks.push(Placed { place: root.place_of("runbooks"), value: "runbooks".to_owned() });
    }

    let keys = |section: &str| Table::keys_of(entries, section).into_iter().collect();
    let declared = Declared { contracts: contract_names, safes: keys("safes"), channels: keys("channels") };
    let reports = reports::read(&mut root, &journal, findings);
    root.finish(findings);
    let settings = Settings {
        journal,
        web,
        chains,
        contracts,
        safes,
        presigned,
        modules,
        proposer,
        executor,
        feeds,
        bots,
        lists,
        macros,
        vendors,
        origins,
        channels,
        policy: policy.as_ref().map(|policy| PolicyName::new(policy.value.clone())),
        roster,
        runbooks: runbooks.iter().map(|path| context.folder.join(&path.value)).collect(),
        maintenance,
        reports,
    };
    let runbook_places = runbooks.into_iter().map(|path| path.place).collect();
    SettingsFile { settings, runbook_places, roster_place, maintenance_place, policy, paging_place, declared }
}
