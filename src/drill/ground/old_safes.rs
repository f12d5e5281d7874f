//! Safes 1.0.0, 1.1.1 and 1.2.0, put where they stand on real chains.
//!
//! They were published before the CREATE2 factories: by accounts whose keys only the publisher has. So their code
//! is put at the published addresses, from the publisher's npm packages. That of 1.1.1 is the published code by its
//! hash. The packages of 1.0.0 and 1.2.0 were compiled in another folder, so the hash of the sources that
//! the compiler appends differs, and with it the code's: a Safe of these is shown as one of unknown code, truly.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::SolCall;

use super::GroundError;
use super::anvil::Anvil;
use super::artifacts::{canonical, runtime_code};
use super::safe_contracts::{SafeRelease, SafeSpec};
use super::tools::Tools;
use crate::domain::safe::SafeVersion;
use crate::domain::safe::abi::SafeBefore1_1_0;
use crate::domain::safe::multisend;

/// The slot of the threshold; the constructors of 1.1.1 and 1.2.0 make it 1, so that nobody sets the singleton up.
const THRESHOLD_SLOT: B256 = B256::with_last_byte(4);

/// The proxy factory of 1.0.0, and that of 1.1.1, which 1.2.0 uses as well.
const FACTORY_1_0_0: (&str, &str, &str) = ("safe-contracts-1.0.0", "ProxyFactory", "v1.0.0/proxy_factory");
const FACTORY_1_1_1: (&str, &str, &str) = ("safe-contracts-1.1.1", "ProxyFactory", "v1.1.1/proxy_factory");

/// The fallback handler of 1.1.1 and 1.2.0: it takes tokens, and knows no EIP-1271, which these Safes answer
/// themselves.
const HANDLER: (&str, &str, &str) =
    ("safe-contracts-1.1.1", "DefaultCallbackHandler", "v1.1.1/default_callback_handler");

/// A contract to put somewhere.
struct Placed {
    address: Address,
    code: Bytes,
}

/// Puts a release where it is published.
pub(super) async fn place(
    anvil: &Anvil,
    tools: &Tools,
    version: SafeVersion,
) -> Result<SafeRelease, GroundError> {
    let package = format!("safe-contracts-{version}");
    let asset = format!("v{version}/gnosis_safe");
    let singleton = placed(tools, (&package, "GnosisSafe", &asset), version == SafeVersion::V1_1_1)?;
    let factory = match version {
        SafeVersion::V1_0_0 => placed(tools, FACTORY_1_0_0, false)?,
        SafeVersion::V1_1_1
        | SafeVersion::V1_2_0
        | SafeVersion::V1_3_0
        | SafeVersion::V1_4_1
        | SafeVersion::V1_5_0 => placed(tools, FACTORY_1_1_1, true)?,
    };
    let handler = if version.has_fallback_handler() { Some(placed(tools, HANDLER, true)?) } else { None };
    let release = SafeRelease {
        singleton: singleton.address,
        singleton_l2: singleton.address,
        proxy_factory: factory.address,
        multisend_call_only: multisend::call_only(version),
        fallback_handler: handler.as_ref().map(|handler| handler.address).unwrap_or_default(),
    };
    if version.has_fallback_handler() {
        anvil.set_storage(singleton.address, THRESHOLD_SLOT, B256::with_last_byte(1)).await?;
    }
    for contract in [Some(singleton), Some(factory), handler].into_iter().flatten() {
        anvil.set_code(contract.address, &contract.code).await?;
    }
    Ok(release)
}

/// A contract of a package, and where it is published; its code is compared where the package holds the
/// published one.
fn placed(
    tools: &Tools,
    (package, contract, asset): (&str, &str, &str),
    compared: bool,
) -> Result<Placed, GroundError> {
    let artifact = tools.package_file(&format!("{package}/build/contracts/{contract}.json"));
    let published =
        canonical(&tools.package_file(&format!("@safe-global/safe-deployments/dist/assets/{asset}.json")))?;
    let code = runtime_code(&artifact)?;
    let found = keccak256(&code);
    if compared && found != published.code_hash {
        return Err(GroundError::NotTheRealOne {
            what: format!("{contract} of {package}"),
            address: published.address,
            problem: format!("its code hashes to {found}, but {} is published", published.code_hash),
        });
    }
    Ok(Placed { address: published.address, code })
}

/// What sets up a Safe 1.0.0, which knows no fallback handler.
pub(super) fn setup_1_0_0(spec: &SafeSpec) -> Bytes {
    SafeBefore1_1_0::setupCall {
        _owners: spec.owners.clone(),
        _threshold: U256::from(spec.threshold),
        to: Address::ZERO,
        data: Bytes::new(),
        paymentToken: Address::ZERO,
        payment: U256::ZERO,
        paymentReceiver: Address::ZERO,
    }
    .abi_encode()
    .into()
}

/// Puts every old release of `versions` on the chain.
pub(super) async fn place_all(
    anvil: &Anvil,
    tools: &Tools,
    versions: &[SafeVersion],
) -> Result<BTreeMap<SafeVersion, SafeRelease>, GroundError> {
    let mut releases = BTreeMap::new();
    for version in versions.iter().copied().filter(|version| *version < SafeVersion::V1_3_0) {
        releases.insert(version, place(anvil, tools, version).await?);
    }
    Ok(releases)
}
