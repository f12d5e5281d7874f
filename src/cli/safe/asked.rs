//! Of which Safe a `safe` command speaks: told on the command line, or read from a configured chain.
//!
//! Told, nobody is asked: no chain, no service, no configuration. Read, everything comes from one block, and
//! what the command line says beside it must agree.

use alloy::primitives::Address;

use super::input::checked_address;
use crate::agent::chain_of;
use crate::agent::setup::Keys;
use crate::chain::{BlockRef, Chain};
use crate::cli::check::agent_without_journal;
use crate::cli::exit::Failure;
use crate::cli::{Context, open};
use crate::clock::SystemClock;
use crate::config::Reach;
use crate::domain::names::{ChainId, ChainName, SafeName};
use crate::domain::safe::{SafeAddress, SafeDomain, SafeState, SafeVersion};
use crate::domain::text::terminal;

/// Which Safe.
#[derive(Clone, Debug, clap::Args)]
pub struct SafeArgs {
    /// The Safe: its address, or its name in the configuration.
    #[arg(long, value_name = "ADDRESS|NAME")]
    pub safe: Option<String>,
    /// The chain's EIP-155 id, when no chain is to be asked.
    #[arg(long, value_name = "N")]
    pub chain_id: Option<u64>,
    /// The Safe's version as its VERSION() says, when no chain is to be asked.
    #[arg(long, value_name = "VERSION")]
    pub safe_version: Option<SafeVersion>,
    /// A chain of the configuration, to read the Safe from and to compare with the contract.
    #[arg(long, value_name = "NAME")]
    pub chain: Option<String>,
}

/// A Safe at a block of its chain.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its chain.
    pub chain: Chain,
    /// The block.
    pub block: BlockRef,
    /// The Safe there.
    pub state: SafeState,
}

/// The Safe that was asked for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// As the command line says.
    Told(SafeDomain),
    /// As the chain has it.
    Read(Box<Live>),
}

impl Asked {
    /// What separates its hashes from every other Safe's.
    pub fn domain(&self) -> SafeDomain {
        match self {
            Self::Told(domain) => *domain,
            Self::Read(live) => live.state.domain(),
        }
    }

    /// What was read, if anything was.
    pub fn live(&self) -> Option<&Live> {
        match self {
            Self::Told(_) => None,
            Self::Read(live) => Some(live),
        }
    }
}

impl SafeArgs {
    /// Whether a chain is to be asked.
    pub fn asks_the_chain(&self) -> bool {
        self.chain.is_some() || self.safe.as_ref().is_some_and(|safe| !safe.starts_with("0x"))
    }

    /// Finds the Safe.
    ///
    /// # Errors
    /// When too little or something contradictory was said, or the chain does not show such a Safe.
    pub async fn find(&self, context: &Context) -> Result<Asked, Failure> {
        let Some(safe) = &self.safe else {
            return Err(Failure::wrong(
                "--safe is missing: the Safe's address, or its name in the configuration",
            ));
        };
        if self.asks_the_chain() {
            return self.read(context, safe).await.map(Box::new).map(Asked::Read);
        }
        let address = checked_address(safe).map_err(|why| Failure::wrong(format!("--safe: {why}")))?;
        match (self.chain_id, self.safe_version) {
            (Some(chain_id), Some(version)) => Ok(Asked::Told(SafeDomain {
                version,
                chain_id: ChainId(chain_id),
                safe: SafeAddress(address),
            })),
            (chain_id, version) => {
                let missing: Vec<_> =
                    [("--chain-id", chain_id.is_none()), ("--safe-version", version.is_none())]
                        .into_iter()
                        .filter_map(|(name, missing)| missing.then_some(name))
                        .collect();
                Err(Failure::wrong(format!(
                    "{} missing: give --chain-id N and --safe-version VERSION, or --chain NAME to read both from a chain of the configuration",
                    match missing.as_slice() {
                        [one] => format!("{one} is"),
                        all => format!("{} are", all.join(" and ")),
                    }
                )))
            }
        }
    }

    async fn read(&self, context: &Context, safe: &str) -> Result<Live, Failure> {
        let config = open::config(context, Reach::Chain)?;
        let clock = SystemClock::shared();
        let (agent, _) = agent_without_journal(config, Keys::None, clock)?;
        let settings = &agent.config.settings;
        let named = settings.safes.get(&SafeName::from(safe));
        let address: Address = match named {
            Some(named) => named.address,
            None if safe.starts_with("0x") => {
                checked_address(safe).map_err(|why| Failure::wrong(format!("--safe: {why}")))?
            }
            None => {
                let names: Vec<_> = settings.safes.keys().map(ToString::to_string).collect();
                return Err(Failure::wrong(format!(
                    "no Safe is named \"{}\" in {}; there is {}",
                    terminal(safe),
                    context.config.display(),
                    names.join(", ")
                )));
            }
        };
        let wanted = self.chain.as_deref().map(ChainName::from);
        let name = match (wanted, named) {
            (Some(wanted), Some(named)) if wanted != named.chain => {
                return Err(Failure::wrong(format!(
                    "Safe \"{}\" is configured on chain {}, not on {}",
                    named.name,
                    named.chain,
                    terminal(wanted.as_str())
                )));
            }
            (Some(wanted), _) => wanted,
            (None, Some(named)) => named.chain.clone(),
            (None, None) => return Err(Failure::wrong("--chain is missing: a chain of the configuration")),
        };
        let Some(chain) = agent.chains.get(&name) else {
            let names: Vec<_> = agent.chains.keys().map(ToString::to_string).collect();
            return Err(Failure::wrong(format!(
                "no chain is named \"{}\" in {}; there is {}",
                terminal(name.as_str()),
                context.config.display(),
                names.join(", ")
            )));
        };
        if let Some(id) = self.chain_id.filter(|id| *id != chain.id().0) {
            return Err(Failure::wrong(format!(
                "chain {name} has id {}, but --chain-id says {id}",
                chain.id()
            )));
        }
        let block = chain.head().await.map_err(|error| Failure::no(chain_of(&error)))?;
        let state = chain
            .safe_state(&block, SafeAddress(address))
            .await
            .map_err(|error| Failure::no(chain_of(&error)))?;
        if let Some(said) = self.safe_version.filter(|said| *said != state.version) {
            return Err(Failure::no(format!(
                "Safe {} is version {} on {name}, but --safe-version says {said}",
                state.address, state.version
            )));
        }
        Ok(Live { chain: chain.clone(), block, state })
    }
}
