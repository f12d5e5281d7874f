//! How each kind of proxy gets other code: found out from the chain, and refused where that is not what the runbook
//! was written for.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolCall as _;

use super::reading::Reader;
use super::{Refusal, cutting};
use crate::domain::upgrade::calls::abi::Upgrades;
use crate::domain::upgrade::calls::{
    ADMIN_SLOT, BEACON_SLOT, Generation, IMPLEMENTATION_SLOT, upgrade_beacon, upgrade_by_admin, upgrade_proxy,
};
use crate::domain::upgrade::proof::{Replacement, Source, StateCheck};
use crate::domain::upgrade::{PinnedCode, PlannedUpgrade, UpgradeKind};

/// The one call that upgrades, and what it changes.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) target: Address,
    /// How the target is called to people.
    pub(super) target_name: String,
    pub(super) data: Bytes,
    /// In a signer's words, without the target.
    pub(super) words: String,
    pub(super) replacements: Vec<Replacement>,
    pub(super) checks: Vec<StateCheck>,
    pub(super) authority: String,
    pub(super) proxiable_uuid: Option<B256>,
    pub(super) warnings: Vec<String>,
}

/// What the chain says about an upgrade.
#[derive(Debug)]
pub(super) enum Found {
    /// It is to be done so.
    Todo(Box<Inner>),
    /// What is pinned stands there already.
    Already(String),
}

/// Reads the proxy, and everything that could be in the way.
pub(super) async fn look(reader: Reader<'_>, plan: &PlannedUpgrade) -> Result<Found, Refusal> {
    let mut wrong = Vec::new();
    for code in plan.pins() {
        wrong.extend(reader.pinned(code).await?.err());
    }
    if let Some(comparison) = plan.layout.as_ref().filter(|comparison| !comparison.is_compatible()) {
        let (from, to) = plan.layout_files.clone().unwrap_or_default();
        let clashes: Vec<_> = comparison.clashes.iter().map(ToString::to_string).collect();
        wrong
            .push(format!("the storage layout {to} cannot take the place of {from}: {}", clashes.join("; ")));
    }
    match how(reader, plan).await {
        Ok(found) if wrong.is_empty() => Ok(found),
        Err(refusal) if wrong.is_empty() || refusal.is_later() => Err(refusal),
        Ok(_) => Err(Refusal::never(wrong.join("; "))),
        Err(refusal) => {
            wrong.push(refusal.text);
            Err(Refusal::never(wrong.join("; ")))
        }
    }
}

/// How it is to be done, whatever the code is: what is to be cancelled is found by this as well.
pub(super) async fn how(reader: Reader<'_>, plan: &PlannedUpgrade) -> Result<Found, Refusal> {
    match (plan.kind, &plan.implementation) {
        (UpgradeKind::Diamond, _) => cutting::cut(reader, plan).await,
        (UpgradeKind::Uups, Some(new)) => uups(reader, plan, new).await,
        (UpgradeKind::Transparent, Some(new)) => transparent(reader, plan, new).await,
        (UpgradeKind::Beacon, Some(new)) => beacon(reader, plan, new).await,
        (UpgradeKind::Uups | UpgradeKind::Transparent | UpgradeKind::Beacon, None) => {
            Err(Refusal::never("the runbook names no implementation"))
        }
    }
}

pub(super) fn refuse<T>(sentence: String) -> Result<T, Refusal> {
    Err(Refusal::never(sentence))
}

/// The slot that a proxy's implementation stands in, and what is known about what stands there.
async fn implementation_in_slot(
    reader: Reader<'_>,
    plan: &PlannedUpgrade,
) -> Result<(StateCheck, Option<Address>), Refusal> {
    let what = format!("the ERC-1967 implementation slot of {}", plan.contract);
    let before = reader.word(plan.address, IMPLEMENTATION_SLOT).await?;
    let current = Reader::account(before, &what).map_err(Refusal::never)?;
    let wanted = plan.implementation.as_ref().map_or(B256::ZERO, |new| new.address.into_word());
    let source = Source::Slot(IMPLEMENTATION_SLOT);
    let check = StateCheck { what, address: plan.address, source, before, wanted, simulated: None };
    Ok((check, Some(current).filter(|address| !address.is_zero())))
}

/// What stands there now, against what the runbook was written to replace; what is pinned already needs nothing.
async fn replacement(
    reader: Reader<'_>,
    plan: &PlannedUpgrade,
    what: &str,
    current: Address,
    new: &PinnedCode,
) -> Result<Result<(Replacement, Vec<String>), String>, Refusal> {
    if current == new.address {
        return Ok(Err(format!("{} runs {} at {} already", plan.contract, new.contract, new.address)));
    }
    let from_code = reader.code_hash(current).await?;
    let mut warnings = Vec::new();
    match (plan.replaces, from_code) {
        (Some(expected), found) if found != Some(expected) => {
            let found = found.map_or("no code".to_owned(), |hash| format!("code with the hash {hash}"));
            return refuse(format!(
                "{} runs {found} at {current} now, and the runbook was written to replace {expected}: somebody upgraded it since",
                plan.contract
            ));
        }
        (Some(_), _) => {}
        (None, found) => warnings.push(format!(
            "what is replaced is not pinned: nothing says that the old layout is that of {current} (replaces = \"{}\")",
            found.unwrap_or_default()
        )),
    }
    let replacement = Replacement {
        what: what.to_owned(),
        from: Some(current),
        from_code,
        to: Some(new.address),
        to_code: Some(new.code_hash),
    };
    Ok(Ok((replacement, warnings)))
}

fn initialize(plan: &PlannedUpgrade) -> (Bytes, String) {
    match &plan.initialize {
        Some(initialize) => (initialize.data.clone(), format!(", then {}", initialize.call)),
        None => (Bytes::new(), String::new()),
    }
}

async fn uups(reader: Reader<'_>, plan: &PlannedUpgrade, new: &PinnedCode) -> Result<Found, Refusal> {
    let name = &plan.contract;
    let (check, current) = implementation_in_slot(reader, plan).await?;
    let Some(current) = current else {
        return refuse(format!("{} is empty: {name} is no UUPS proxy", check.what));
    };
    let admin = reader.word(plan.address, ADMIN_SLOT).await?;
    if !admin.is_zero() {
        return refuse(format!(
            "{name} has an ERC-1967 admin: it is a transparent proxy; write kind = \"transparent\""
        ));
    }
    let uuid = match reader.view(new.address, Upgrades::proxiableUUIDCall {}).await? {
        Some(uuid) if uuid == IMPLEMENTATION_SLOT => uuid,
        Some(uuid) => {
            return refuse(format!(
                "proxiableUUID() of {} is {uuid} and not the ERC-1967 slot {IMPLEMENTATION_SLOT}: the proxy would refuse it, or never be upgraded again",
                new.contract
            ));
        }
        None => {
            return refuse(format!(
                "{} has no proxiableUUID(): it is no UUPS implementation, and the proxy could never be upgraded again",
                new.contract
            ));
        }
    };
    let (replacement, warnings) = match replacement(reader, plan, "implementation", current, new).await? {
        Ok(found) => found,
        Err(already) => return Ok(Found::Already(already)),
    };
    let generation = reader.generation(plan.address, name.as_str()).await?;
    let (data, then) = initialize(plan);
    Ok(Found::Todo(Box::new(Inner {
        target: plan.address,
        target_name: name.to_string(),
        data: upgrade_proxy(generation, new.address, &data),
        words: format!("upgradeTo({} {}{then})", new.contract, new.address),
        replacements: vec![replacement],
        checks: vec![check],
        authority: who_may_upgrade(reader, plan).await?,
        proxiable_uuid: Some(uuid),
        warnings,
    })))
}

/// What a UUPS proxy says about who may; only the simulation proves it.
async fn who_may_upgrade(reader: Reader<'_>, plan: &PlannedUpgrade) -> Result<String, Refusal> {
    let name = &plan.contract;
    if let Some(owner) = reader.owner(plan.address).await? {
        return Ok(format!("{name} is owned by {}", reader.name(owner)));
    }
    let Some(role) = reader.view(plan.address, Upgrades::UPGRADER_ROLECall {}).await? else {
        return Ok(format!("{name} does not say who may upgrade it: the simulation shows that this does"));
    };
    let settings = &reader.agent.config.settings;
    let safes = settings.safes.values().filter(|safe| safe.chain == plan.chain);
    let accounts = safes.map(|safe| safe.address).chain(plan.timelock.iter().map(|(_, address)| *address));
    let mut holders = Vec::new();
    for account in accounts {
        let call = Upgrades::hasRoleCall { role, account };
        if reader.view(plan.address, call).await? == Some(true) {
            holders.push(reader.name(account));
        }
    }
    if holders.is_empty() {
        return Ok(format!("UPGRADER_ROLE of {name} is held by nobody who is named in the configuration"));
    }
    Ok(format!("UPGRADER_ROLE of {name} is held by {}", holders.join(" and ")))
}

async fn transparent(reader: Reader<'_>, plan: &PlannedUpgrade, new: &PinnedCode) -> Result<Found, Refusal> {
    let name = &plan.contract;
    let (check, current) = implementation_in_slot(reader, plan).await?;
    let Some(current) = current else {
        return refuse(format!("{} is empty: {name} is no transparent proxy", check.what));
    };
    let word = reader.word(plan.address, ADMIN_SLOT).await?;
    let admin =
        Reader::account(word, &format!("the ERC-1967 admin slot of {name}")).map_err(Refusal::never)?;
    if admin.is_zero() {
        return refuse(format!(
            "the ERC-1967 admin slot of {name} is empty: it is no transparent proxy; a UUPS proxy has kind = \"uups\""
        ));
    }
    let (replacement, warnings) = match replacement(reader, plan, "implementation", current, new).await? {
        Ok(found) => found,
        Err(already) => return Ok(Found::Already(already)),
    };
    let (data, then) = initialize(plan);
    let is_caller = |address: Address| {
        let safes = reader.agent.config.settings.safes.values();
        let timelock = plan.timelock.as_ref().is_some_and(|(_, timelock)| *timelock == address);
        timelock || safes.filter(|safe| safe.chain == plan.chain).any(|safe| safe.address == address)
    };
    let words = format!("upgrade({name}, {} {}{then})", new.contract, new.address);
    let (target, target_name, data, authority) = if is_caller(admin) {
        // Version 4 lets any account be the admin; version 5 puts a ProxyAdmin of its own between.
        let data = upgrade_proxy(Generation::V4, new.address, &data);
        (
            plan.address,
            name.to_string(),
            data,
            format!("the admin of {name} is {} itself", reader.name(admin)),
        )
    } else {
        let who = format!("the ProxyAdmin of {name}");
        let generation = reader.generation(admin, &who).await?;
        let owner = reader.owner(admin).await?;
        let Some(owner) = owner else {
            return refuse(format!(
                "the admin of {name} is {admin}, which is neither a ProxyAdmin nor a Safe of the configuration: nobody here can upgrade it"
            ));
        };
        let data = upgrade_by_admin(generation, plan.address, new.address, &data);
        let version = generation.as_str();
        let authority = format!("{who} {admin} ({version}) is owned by {}", reader.name(owner));
        (admin, format!("{name}'s ProxyAdmin"), data, authority)
    };
    Ok(Found::Todo(Box::new(Inner {
        target,
        target_name,
        data,
        words,
        replacements: vec![replacement],
        checks: vec![check, unchanged(plan, "admin", ADMIN_SLOT, word)],
        authority,
        proxiable_uuid: None,
        warnings,
    })))
}

/// A slot that must hold afterwards what it holds now.
fn unchanged(plan: &PlannedUpgrade, which: &str, slot: B256, word: B256) -> StateCheck {
    StateCheck {
        what: format!("the ERC-1967 {which} slot of {}", plan.contract),
        address: plan.address,
        source: Source::Slot(slot),
        before: word,
        wanted: word,
        simulated: None,
    }
}

async fn beacon(reader: Reader<'_>, plan: &PlannedUpgrade, new: &PinnedCode) -> Result<Found, Refusal> {
    let name = &plan.contract;
    let word = reader.word(plan.address, BEACON_SLOT).await?;
    let beacon =
        Reader::account(word, &format!("the ERC-1967 beacon slot of {name}")).map_err(Refusal::never)?;
    if beacon.is_zero() {
        return refuse(format!("the ERC-1967 beacon slot of {name} is empty: it is no beacon proxy"));
    }
    let Some(current) = reader.view(beacon, Upgrades::implementationCall {}).await? else {
        return refuse(format!("the beacon of {name}, {beacon}, has no implementation()"));
    };
    let (replacement, mut warnings) = match replacement(reader, plan, "implementation", current, new).await? {
        Ok(found) => found,
        Err(already) => return Ok(Found::Already(already)),
    };
    warnings.push(format!("every proxy of the beacon {beacon} changes with {name}"));
    let owner = reader.owner(beacon).await?;
    let owner = owner.map_or("nobody it tells of".to_owned(), |owner| reader.name(owner));
    let check = StateCheck {
        what: format!("implementation() of the beacon of {name}"),
        address: beacon,
        source: Source::View(Upgrades::implementationCall {}.abi_encode().into()),
        before: current.into_word(),
        wanted: new.address.into_word(),
        simulated: None,
    };
    Ok(Found::Todo(Box::new(Inner {
        target: beacon,
        target_name: format!("{name}'s beacon"),
        data: upgrade_beacon(new.address),
        words: format!("upgradeTo({} {})", new.contract, new.address),
        replacements: vec![replacement],
        checks: vec![check, unchanged(plan, "beacon", BEACON_SLOT, word)],
        authority: format!("the beacon of {name} is owned by {owner}"),
        proxiable_uuid: None,
        warnings,
    })))
}
