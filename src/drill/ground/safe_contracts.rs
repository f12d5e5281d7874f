//! The real Safe contracts at the addresses they have on the real chains.
//!
//! They are deployed from the publisher's npm packages through the two CREATE2 factories that made the
//! canonical addresses, and then compared with `@safe-global/safe-deployments`: address and code hash.
//! A test that passes against something that only resembles a Safe would prove nothing. The releases before
//! 1.3.0 are put in place by `old_safes`.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy::sol_types::SolCall;
use serde_json::json;

use super::anvil::Anvil;
use super::artifacts::{Deployment, canonical, creation_code};
use super::controls::DevTransaction;
use super::tools::Tools;
use super::{Actors, GroundError, old_safes};
use crate::domain::safe::abi::{Safe, SafeProxyFactory};
use crate::domain::safe::{SafeAddress, SafeVersion};

/// Arachnid's deterministic deployment proxy; anvil has it from the start.
const DETERMINISTIC_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// The Safe singleton factory: the same code at another address.
const SAFE_SINGLETON_FACTORY: Address = address!("0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7");

/// What a release consists of here, in the order in which it is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Singleton,
    SingletonL2,
    ProxyFactory,
    MultiSendCallOnly,
    FallbackHandler,
}

impl Part {
    const ALL: [Self; 5] = [
        Self::Singleton,
        Self::SingletonL2,
        Self::ProxyFactory,
        Self::MultiSendCallOnly,
        Self::FallbackHandler,
    ];
}

/// Where npm keeps a release, and what made its canonical addresses.
struct Source {
    version: SafeVersion,
    package: &'static str,
    factory: Address,
    /// Whether its files still bear the old name, Gnosis Safe.
    gnosis: bool,
}

const SOURCES: [Source; 3] = [
    Source {
        version: SafeVersion::V1_3_0,
        package: "@gnosis.pm/safe-contracts",
        factory: DETERMINISTIC_DEPLOYER,
        gnosis: true,
    },
    Source {
        version: SafeVersion::V1_4_1,
        package: "@safe-global/safe-contracts",
        factory: SAFE_SINGLETON_FACTORY,
        gnosis: false,
    },
    Source {
        version: SafeVersion::V1_5_0,
        package: "@safe-global/safe-smart-account",
        factory: SAFE_SINGLETON_FACTORY,
        gnosis: false,
    },
];

impl Source {
    /// The part's artifact, below the package's artifacts, and its file in safe-deployments.
    fn files(&self, part: Part) -> (&'static str, &'static str) {
        match (part, self.gnosis) {
            (Part::Singleton, true) => ("GnosisSafe.sol/GnosisSafe", "gnosis_safe"),
            (Part::Singleton, false) => ("Safe.sol/Safe", "safe"),
            (Part::SingletonL2, true) => ("GnosisSafeL2.sol/GnosisSafeL2", "gnosis_safe_l2"),
            (Part::SingletonL2, false) => ("SafeL2.sol/SafeL2", "safe_l2"),
            (Part::ProxyFactory, true) => {
                ("proxies/GnosisSafeProxyFactory.sol/GnosisSafeProxyFactory", "proxy_factory")
            }
            (Part::ProxyFactory, false) => {
                ("proxies/SafeProxyFactory.sol/SafeProxyFactory", "safe_proxy_factory")
            }
            (Part::MultiSendCallOnly, _) => {
                ("libraries/MultiSendCallOnly.sol/MultiSendCallOnly", "multi_send_call_only")
            }
            (Part::FallbackHandler, _) => (
                "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler",
                "compatibility_fallback_handler",
            ),
        }
    }
}

/// Where a release's contracts are; the same on every chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafeRelease {
    /// For the main chain: emits fewer logs.
    pub singleton: Address,
    /// For layer 2: emits what the Transaction Service needs there.
    pub singleton_l2: Address,
    /// Makes Safes.
    pub proxy_factory: Address,
    /// Batches calls.
    pub multisend_call_only: Address,
    /// Answers EIP-1271 and token callbacks for a Safe.
    pub fallback_handler: Address,
}

/// A Safe to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeSpec {
    /// Its release; the L2 singleton is used.
    pub version: SafeVersion,
    /// Its owners.
    pub owners: Vec<Address>,
    /// How many must sign.
    pub threshold: u64,
    /// Tells apart Safes that are alike otherwise.
    pub salt: u64,
}

/// The releases that stand on a practice chain.
#[derive(Clone, Debug)]
pub struct SafeContracts {
    releases: BTreeMap<SafeVersion, SafeRelease>,
}

/// One contract to deploy, with what it must become.
struct Piece {
    part: Part,
    what: String,
    factory: Address,
    creation: Bytes,
    published: Deployment,
}

impl SafeContracts {
    /// Deploys the given releases and checks each contract. Those before 1.3.0 bring MultiSendCallOnly 1.3.0.
    ///
    /// # Errors
    /// When a file is missing, or a contract is not the published one.
    pub(super) async fn deploy(
        anvil: &Anvil,
        tools: &Tools,
        actors: &Actors,
        versions: &[SafeVersion],
    ) -> Result<Self, GroundError> {
        let mut releases = old_safes::place_all(anvil, tools, versions).await?;
        let mut pieces = Vec::new();
        if !releases.is_empty() && !versions.contains(&SafeVersion::V1_3_0) {
            pieces.push(piece(tools, source(SafeVersion::V1_3_0)?, Part::MultiSendCallOnly)?);
        }
        for version in versions.iter().filter(|version| **version >= SafeVersion::V1_3_0) {
            let source = source(*version)?;
            let of_release = Part::ALL
                .into_iter()
                .map(|part| piece(tools, source, part))
                .collect::<Result<Vec<_>, _>>()?;
            releases.insert(source.version, release(&of_release)?);
            pieces.extend(of_release);
        }
        let transactions: Vec<_> = pieces.iter().map(|piece| piece.transaction(actors)).collect();
        let endpoint = anvil.endpoint();
        let params = json!([DETERMINISTIC_DEPLOYER, "latest"]);
        let factory: Bytes = endpoint.ask("reading the CREATE2 factory", "eth_getCode", params).await?;
        anvil.set_code(SAFE_SINGLETON_FACTORY, &factory).await?;
        anvil.send_all(&transactions).await?;
        let doing = "reading the code of the Safe contracts";
        let codes: Vec<_> = pieces
            .iter()
            .map(|piece| ("eth_getCode".into(), json!([piece.published.address, "latest"])))
            .collect();
        for (piece, code) in pieces.iter().zip(endpoint.ask_batch(doing, &codes).await?) {
            piece.check(&endpoint.parse::<Bytes>(doing, &code?)?)?;
        }
        Ok(Self { releases })
    }

    /// A release's contracts; `None` when it was not deployed.
    pub fn release(&self, version: SafeVersion) -> Option<&SafeRelease> {
        self.releases.get(&version)
    }

    /// Makes a Safe through the release's own factory, with its fallback handler.
    pub(super) async fn deploy_safe(
        &self,
        anvil: &Anvil,
        actors: &Actors,
        spec: &SafeSpec,
    ) -> Result<SafeAddress, GroundError> {
        let Some(release) = self.release(spec.version) else { return Err(unknown(spec.version)) };
        let setup = Safe::setupCall {
            _owners: spec.owners.clone(),
            _threshold: U256::from(spec.threshold),
            to: Address::ZERO,
            data: Bytes::new(),
            fallbackHandler: release.fallback_handler,
            paymentToken: Address::ZERO,
            payment: U256::ZERO,
            paymentReceiver: Address::ZERO,
        };
        let initializer = match spec.version {
            SafeVersion::V1_0_0 => old_safes::setup_1_0_0(spec),
            SafeVersion::V1_1_1
            | SafeVersion::V1_2_0
            | SafeVersion::V1_3_0
            | SafeVersion::V1_4_1
            | SafeVersion::V1_5_0 => setup.abi_encode().into(),
        };
        let create = SafeProxyFactory::createProxyWithNonceCall {
            _singleton: release.singleton_l2,
            initializer,
            saltNonce: U256::from(spec.salt),
        };
        let data = Bytes::from(create.abi_encode());
        // The factory says the address when it is asked what it would do.
        let call = json!([{ "to": release.proxy_factory, "data": data }, "latest"]);
        let proxy: B256 = anvil.endpoint().ask("making a Safe", "eth_call", call).await?;
        let what = format!("making a Safe {}", spec.version);
        let transaction =
            DevTransaction { what, from: actors.deployer.address(), to: Some(release.proxy_factory), data };
        anvil.send_all(&[transaction]).await?;
        Ok(SafeAddress(Address::from_word(proxy)))
    }
}

impl Piece {
    fn transaction(&self, actors: &Actors) -> DevTransaction {
        // The factories take the salt, here zero, and the creation code as they are, without an ABI.
        let data = [B256::ZERO.as_slice(), &self.creation].concat();
        DevTransaction {
            what: format!("deploying {}", self.what),
            from: actors.deployer.address(),
            to: Some(self.factory),
            data: data.into(),
        }
    }

    fn check(&self, code: &Bytes) -> Result<(), GroundError> {
        let found = keccak256(code);
        let want = self.published.code_hash;
        if found == want {
            return Ok(());
        }
        let problem = if code.is_empty() {
            "there is no contract".to_owned()
        } else {
            format!("its code hashes to {found}, but {want} is published")
        };
        Err(GroundError::NotTheRealOne { what: self.what.clone(), address: self.published.address, problem })
    }
}

fn source(version: SafeVersion) -> Result<&'static Source, GroundError> {
    SOURCES.iter().find(|source| source.version == version).ok_or_else(|| unknown(version))
}

fn unknown(version: SafeVersion) -> GroundError {
    GroundError::NotTheRealOne {
        what: format!("Safe {version}"),
        address: Address::ZERO,
        problem: "this release was not deployed here".to_owned(),
    }
}

fn piece(tools: &Tools, source: &Source, part: Part) -> Result<Piece, GroundError> {
    let (artifact, asset) = source.files(part);
    let artifact =
        tools.package_file(&format!("{}/build/artifacts/contracts/{artifact}.json", source.package));
    let asset = tools
        .package_file(&format!("@safe-global/safe-deployments/dist/assets/v{}/{asset}.json", source.version));
    let creation = creation_code(&artifact)?;
    let published = canonical(&asset)?;
    let what = format!("{part:?} of Safe {}", source.version);
    let would_be = source.factory.create2_from_code(B256::ZERO, &creation);
    if would_be != published.address {
        let problem = format!("the package's code would be deployed to {would_be}");
        return Err(GroundError::NotTheRealOne { what, address: published.address, problem });
    }
    Ok(Piece { part, what, factory: source.factory, creation, published })
}

fn release(pieces: &[Piece]) -> Result<SafeRelease, GroundError> {
    let address = |part| {
        let piece = pieces.iter().find(|piece| piece.part == part);
        piece.map(|piece| piece.published.address).unwrap_or_default()
    };
    Ok(SafeRelease {
        singleton: address(Part::Singleton),
        singleton_l2: address(Part::SingletonL2),
        proxy_factory: address(Part::ProxyFactory),
        multisend_call_only: address(Part::MultiSendCallOnly),
        fallback_handler: address(Part::FallbackHandler),
    })
}
