//! A practice chain with everything on it.

use alloy::primitives::{Address, Bytes};

use super::anvil::{Anvil, AnvilOptions};
use super::protocol::{Protocol, ProtocolRoles, Strike};
use super::safe_contracts::{SafeContracts, SafeSpec};
use super::tools::Tools;
use super::{Actors, GroundError};
use crate::chain::Chain;
use crate::domain::names::ChainName;
use crate::domain::safe::{SafeAddress, SafeVersion};

/// What to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalChainOptions {
    /// The process. With a block time, blocks come at that pace once the contracts stand.
    pub anvil: AnvilOptions,
    /// How the chain is called in errors.
    pub name: ChainName,
    /// The Safe releases to deploy.
    pub safe_versions: Vec<SafeVersion>,
}

impl Default for LocalChainOptions {
    fn default() -> Self {
        Self {
            anvil: AnvilOptions::default(),
            name: ChainName::new("local"),
            safe_versions: vec![SafeVersion::V1_4_1],
        }
    }
}

/// Anvil with the real Safe contracts, seen through [`Chain`] as any chain is.
#[derive(Debug)]
pub struct LocalChain {
    /// The process, and what only it can do.
    pub anvil: Anvil,
    /// The chain as the agent sees it.
    pub chain: Chain,
    /// Who plays.
    pub actors: Actors,
    /// The Safe releases.
    pub safes: SafeContracts,
    tools: Tools,
}

impl LocalChain {
    /// Starts anvil and deploys the Safe releases.
    ///
    /// # Errors
    /// When something is not installed, does not start, or is not what is published.
    pub async fn start(tools: &Tools, options: &LocalChainOptions) -> Result<Self, GroundError> {
        // The contracts are not to wait for blocks.
        let at_once = AnvilOptions { block_time_s: None, ..options.anvil.clone() };
        let anvil = Anvil::start(tools, &at_once).await?;
        let actors = Actors::new();
        let safes = SafeContracts::deploy(&anvil, tools, &actors, &options.safe_versions).await?;
        let chain =
            Chain::new(options.name.clone(), options.anvil.chain_id, vec![anvil.endpoint().clone()], 1)?;
        if let Some(seconds) = options.anvil.block_time_s {
            anvil.mine_every(seconds).await?;
        }
        Ok(Self { anvil, chain, actors, safes, tools: tools.clone() })
    }

    /// Makes a Safe.
    ///
    /// # Errors
    /// When its release was not deployed, or the factory refuses.
    pub async fn deploy_safe(&self, spec: &SafeSpec) -> Result<SafeAddress, GroundError> {
        self.safes.deploy_safe(&self.anvil, &self.actors, spec).await
    }

    /// Makes a Safe 1.4.1 of the first `owners` owners.
    ///
    /// # Errors
    /// As [`LocalChain::deploy_safe`].
    pub async fn safe(&self, threshold: u64, owners: usize) -> Result<SafeAddress, GroundError> {
        let owners = self.actors.owner_addresses(owners);
        self.deploy_safe(&SafeSpec { version: SafeVersion::V1_4_1, owners, threshold, salt: 0 }).await
    }

    /// Deploys token, vault and attacker.
    ///
    /// # Errors
    /// When an artifact is missing or a transaction fails.
    pub async fn deploy_protocol(&self, roles: &ProtocolRoles) -> Result<Protocol, GroundError> {
        Protocol::deploy(&self.anvil, &self.tools, &self.actors, roles).await
    }

    /// Puts whole tokens of the depositor into the vault.
    ///
    /// # Errors
    /// When it fails: the vault is paused, or the depositor has not as much.
    pub async fn deposit(&self, protocol: &Protocol, tokens: u64) -> Result<(), GroundError> {
        protocol.deposit(&self.anvil, &self.actors, tokens).await
    }

    /// Lets the attacker take all that one block allows.
    ///
    /// # Errors
    /// When the transaction is not mined. A strike that reverts is a result.
    pub async fn strike(&self, protocol: &Protocol) -> Result<Strike, GroundError> {
        protocol.strike(&self.anvil, &self.actors).await
    }

    /// Calls a view of a contract at the newest block.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn view(&self, to: Address, data: Bytes) -> Result<crate::chain::CallOutcome, GroundError> {
        let block = self.chain.head().await?;
        let mut plan = crate::chain::SnapshotPlan::new();
        let ticket = plan.call(to, data);
        Ok(self.chain.read(&block, plan).await?.call(ticket)?)
    }
}
