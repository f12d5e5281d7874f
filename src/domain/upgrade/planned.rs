//! An upgrade against the configured contracts: names become addresses, calls become calldata.

use alloy::json_abi::Function as AbiFunction;
use alloy::primitives::{Address, B256, Bytes};

use super::diamond::Function;
use super::layout::{Comparison, compare};
use super::{Initialize, Pinned, Upgrade, UpgradeKind};
use crate::domain::contract::{Contract, Contracts};
use crate::domain::names::{ChainId, ChainName, ContractName, RunbookId};

/// Code that may be put behind a proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct PinnedCode {
    /// Its name.
    pub contract: ContractName,
    /// Where it is.
    pub address: Address,
    /// keccak256 that its runtime code must have.
    pub code_hash: B256,
}

/// A facet and its functions.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFacet {
    /// Its code.
    pub code: PinnedCode,
    /// What is to come from it.
    pub functions: Vec<Function>,
}

/// A call made with the upgrade.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedInitialize {
    /// Whose code is run; none: the new implementation's.
    pub code: Option<PinnedCode>,
    /// Calldata.
    pub data: Bytes,
    /// In a signer's words.
    pub call: String,
}

/// An upgrade, ready to be resolved against live state.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedUpgrade {
    /// What is upgraded.
    pub contract: ContractName,
    /// Where it is.
    pub address: Address,
    /// On which chain, by name.
    pub chain: ChainName,
    /// And by id.
    pub chain_id: ChainId,
    /// How.
    pub kind: UpgradeKind,
    /// What is to stand there; none for a diamond.
    pub implementation: Option<PinnedCode>,
    /// Facets of a diamond.
    pub facets: Vec<PlannedFacet>,
    /// Functions that are to go.
    pub remove: Vec<Function>,
    /// keccak256 of the code that must stand there before.
    pub replaces: Option<B256>,
    /// The layouts, compared.
    pub layout: Option<Comparison>,
    /// The files they are of.
    pub layout_files: Option<(String, String)>,
    /// What is called with it.
    pub initialize: Option<PlannedInitialize>,
    /// The timelock, by name and address.
    pub timelock: Option<(ContractName, Address)>,
    /// Whose action it is, counted from 1: what the timelock's salt derives from.
    pub of: (RunbookId, usize),
}

impl PlannedUpgrade {
    /// Every piece of code whose hash is pinned.
    pub fn pins(&self) -> impl Iterator<Item = &PinnedCode> {
        let facets = self.facets.iter().map(|facet| &facet.code);
        let initialize = self.initialize.iter().filter_map(|initialize| initialize.code.as_ref());
        self.implementation.iter().chain(facets).chain(initialize)
    }
}

/// What is wrong with a plan: where in `[action.upgrade]`, the text it is about, and a sentence.
pub type Misfit = (&'static str, String, String);

/// Compiles an upgrade of `target`.
///
/// # Errors
/// Every name, function and call that the configured contracts do not have.
pub fn plan_upgrade(
    target: &Contract,
    upgrade: &Upgrade,
    of: (RunbookId, usize),
    contracts: &Contracts,
) -> Result<PlannedUpgrade, Vec<Misfit>> {
    let mut planner = Planner { target, contracts, misfits: Vec::new() };
    let implementation =
        upgrade.implementation.as_ref().and_then(|pinned| planner.code("implementation", pinned));
    let facets = upgrade
        .facets
        .iter()
        .filter_map(|facet| {
            let code = planner.code("facets", &facet.code)?;
            let functions = facet.functions.iter();
            let functions =
                functions.filter_map(|text| planner.function_of(&facet.code.contract, text)).collect();
            Some(PlannedFacet { code, functions })
        })
        .collect();
    let remove = upgrade.remove.iter().filter_map(|text| planner.function("remove", text)).collect();
    let initialize =
        upgrade.initialize.as_ref().and_then(|initialize| planner.initialize(upgrade, initialize));
    let timelock = upgrade.timelock.as_ref().and_then(|name| planner.timelock(name));
    if !planner.misfits.is_empty() {
        return Err(planner.misfits);
    }
    Ok(PlannedUpgrade {
        contract: target.name.clone(),
        address: target.address,
        chain: target.chain.clone(),
        chain_id: target.chain_id,
        kind: upgrade.kind,
        implementation,
        facets,
        remove,
        replaces: upgrade.replaces,
        layout: upgrade.layout.as_ref().map(|layouts| compare(&layouts.from, &layouts.to)),
        layout_files: upgrade.layout.as_ref().map(|layouts| layouts.files.clone()),
        initialize,
        timelock: timelock.map(|contract| (contract.name.clone(), contract.address)),
        of,
    })
}

/// What a timelock's ABI must have so that what it did can be read.
pub const TIMELOCK_VIEW: &str =
    "getTimestamp(0x0000000000000000000000000000000000000000000000000000000000000000)";

struct Planner<'a> {
    target: &'a Contract,
    contracts: &'a Contracts,
    misfits: Vec<Misfit>,
}

impl<'a> Planner<'a> {
    fn misfit(&mut self, key: &'static str, text: impl ToString, sentence: impl Into<String>) {
        self.misfits.push((key, text.to_string(), sentence.into()));
    }

    fn contract(&mut self, key: &'static str, name: &ContractName) -> Option<&'a Contract> {
        match self.contracts.get(name) {
            None => {
                self.misfit(key, name, format!("no contract is named \"{name}\"; add [contracts.{name}]"));
                None
            }
            Some(contract) if contract.chain != self.target.chain => {
                let (here, there) = (&self.target.chain, &contract.chain);
                self.misfit(key, name, format!("{name} is on {there}, and {} on {here}", self.target.name));
                None
            }
            Some(contract) => Some(contract),
        }
    }

    fn code(&mut self, key: &'static str, pinned: &Pinned) -> Option<PinnedCode> {
        let contract = self.contract(key, &pinned.contract)?;
        if contract.address == self.target.address {
            let sentence = format!("{} is the proxy itself: name what is to stand behind it", contract.name);
            self.misfit(key, &pinned.contract, sentence);
            return None;
        }
        let (contract, address) = (contract.name.clone(), contract.address);
        Some(PinnedCode { contract, address, code_hash: pinned.code_hash })
    }

    fn function(&mut self, key: &'static str, text: &str) -> Option<Function> {
        match AbiFunction::parse(text) {
            Ok(function) => Some(Function { selector: function.selector(), signature: function.signature() }),
            Err(_) => {
                let sentence = format!("\"{text}\" is no function's signature, such as \"pause()\"");
                self.misfit(key, text, sentence);
                None
            }
        }
    }

    fn function_of(&mut self, facet: &ContractName, text: &str) -> Option<Function> {
        let function = self.function("facets", text)?;
        let contract = self.contracts.get(facet)?;
        if contract.abi.functions().any(|known| known.selector() == function.selector) {
            return Some(function);
        }
        let sentence = format!("the ABI of {facet} has no {}: calls of it would fail", function.signature);
        self.misfit("facets", text, sentence);
        None
    }

    fn initialize(&mut self, upgrade: &Upgrade, initialize: &Initialize) -> Option<PlannedInitialize> {
        let own = upgrade.implementation.as_ref();
        let whose = initialize.code.as_ref().or(own).map(|pinned| &pinned.contract)?;
        let contract = self.contract("initialize", whose)?;
        let code = match &initialize.code {
            Some(pinned) => Some(self.code("initialize", pinned)?),
            None => None,
        };
        match contract.resolve_action(&initialize.call) {
            Ok(call) => Some(PlannedInitialize { code, data: call.data.clone(), call: call.describe() }),
            Err(error) => {
                self.misfit("initialize", &initialize.call, error.to_string());
                None
            }
        }
    }

    fn timelock(&mut self, name: &ContractName) -> Option<&'a Contract> {
        let contract = self.contract("timelock", name)?;
        check_timelock(contract).map_err(|sentence| self.misfit("timelock", name, sentence)).ok()?;
        Some(contract)
    }
}

/// Whether what a timelock did can be read through its configured ABI.
///
/// # Errors
/// Says what is missing.
pub fn check_timelock(contract: &Contract) -> Result<(), String> {
    contract.resolve_read(TIMELOCK_VIEW).map(|_| ()).map_err(|_| {
        format!(
            "the ABI of {} has no getTimestamp(bytes32), so it is no TimelockController's: use contracts-abi/timelock-controller.json",
            contract.name
        )
    })
}

/// Whether a diamond's, a beacon's or another upgrade is described in one piece.
///
/// # Errors
/// Every contradiction: the key it is about, and a sentence.
pub fn contradictions(upgrade: &Upgrade) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    match upgrade.kind {
        UpgradeKind::Diamond => {
            if upgrade.facets.is_empty() && upgrade.remove.is_empty() {
                found.push((
                    "kind",
                    "a diamond's upgrade changes nothing without facets or remove".to_owned(),
                ));
            }
            if upgrade.initialize.as_ref().is_some_and(|initialize| initialize.code.is_none()) {
                found.push((
                    "initialize",
                    "a diamond runs another contract's code in its own storage: name and pin it, as in { contract = \"init\", code_hash = \"0x…\", call = \"init()\" }".to_owned(),
                ));
            }
        }
        UpgradeKind::Beacon => {
            if upgrade.initialize.is_some() {
                found.push((
                    "initialize",
                    "a beacon's upgradeTo calls nothing: leave initialize away, and add an [[action]] with the call behind this one".to_owned(),
                ));
            }
        }
        UpgradeKind::Uups | UpgradeKind::Transparent => {
            if upgrade.initialize.as_ref().is_some_and(|initialize| initialize.code.is_some()) {
                found.push((
                    "initialize",
                    format!(
                        "of a {} proxy it is a call of the new implementation: write it as text",
                        upgrade.kind
                    ),
                ));
            }
        }
    }
    found
}
