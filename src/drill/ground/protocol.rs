//! What is defended on the practice chain: a token, a vault with a planted hole, and who knows of it.
//!
//! The sources, and the hole, are in `foundry-tests/src`. The vault stands behind an ERC-1967 proxy, as
//! real ones do. Whoever pauses it cannot unpause it.

#![allow(missing_docs, reason = "sol! generates the contracts' own names; ours are documented")]

use alloy::primitives::{Address, Bytes, TxHash, U256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};

use super::anvil::Anvil;
use super::artifacts::creation_code;
use super::controls::DevTransaction;
use super::tools::Tools;
use super::{Actors, GroundError};
use crate::domain::safe::SafeAddress;

sol! {
    /// The vault, the token and the attacker, as far as they are called here and in tests.
    interface Ground {
        function initialize(address asset, address admin, address pauser, address unpauser) external;
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 value) external returns (bool);
        function deposit(uint256 assets, address receiver) external returns (uint256);
        function totalAssets() external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function paused() external view returns (bool);
        function pause() external;
        function unpause() external;
        function strike() external returns (uint256 gained);
        function loot() external view returns (uint256);
    }
}

/// 10^18: what one token is.
const ONE: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Tokens the depositor holds at the beginning.
const DEPOSITOR_TOKENS: u64 = 1_000_000;

/// Tokens the attacker's contract begins with; `Attacker.STAKE` is one.
const ATTACKER_TOKENS: u64 = 1;

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolRoles {
    /// Grants roles and upgrades.
    pub admin: Address,
    /// May pause, and nothing else.
    pub pauser: SafeAddress,
    /// May unpause.
    pub unpauser: Address,
}

/// The deployed contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The asset; the deployer mints it.
    pub token: Address,
    /// The vault's proxy: the address people know.
    pub vault: Address,
    /// The code behind the proxy.
    pub implementation: Address,
    /// The attacker's contract; the attacker alone may call it.
    pub attacker: Address,
}

/// What became of a strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The transaction.
    pub transaction: TxHash,
    /// Whether it took anything; it reverts on a paused vault.
    pub succeeded: bool,
}

impl Protocol {
    pub(super) async fn deploy(
        anvil: &Anvil,
        tools: &Tools,
        actors: &Actors,
        roles: &ProtocolRoles,
    ) -> Result<Self, GroundError> {
        let code = |source, contract| creation_code(&tools.artifact(source, contract));
        let (deployer, attacker) = (actors.deployer.address(), actors.attacker.address());
        let (first, attackers_first) =
            (next_nonce(anvil, deployer).await?, next_nonce(anvil, attacker).await?);
        let ours = |offset: u64| deployer.create(first.saturating_add(offset));
        let protocol = Self {
            token: ours(0),
            implementation: ours(1),
            vault: ours(2),
            attacker: attacker.create(attackers_first),
        };
        let initialize = Ground::initializeCall {
            asset: protocol.token,
            admin: roles.admin,
            pauser: roles.pauser.0,
            unpauser: roles.unpauser,
        };
        let proxy_arguments =
            (protocol.implementation, Bytes::from(initialize.abi_encode())).abi_encode_params();
        let mint = |to, tokens| Ground::mintCall { to, amount: ONE.saturating_mul(U256::from(tokens)) };
        anvil
            .send_all(&[
                creating("the token", deployer, &code("Token", "Token")?, &deployer.abi_encode()),
                creating("the vault's code", deployer, &code("Vault", "Vault")?, &[]),
                creating("the vault", deployer, &code("ERC1967Proxy", "ERC1967Proxy")?, &proxy_arguments),
                calling(deployer, protocol.token, mint(actors.depositor.address(), DEPOSITOR_TOKENS)),
                calling(deployer, protocol.token, mint(protocol.attacker, ATTACKER_TOKENS)),
            ])
            .await?;
        // The attacker's constructor reads the vault.
        let attack =
            creating("the attacker", attacker, &code("Attacker", "Attacker")?, &protocol.vault.abi_encode());
        anvil.send_all(&[attack]).await?;
        Ok(protocol)
    }

    /// Puts whole tokens of the depositor into the vault.
    pub(super) async fn deposit(
        &self,
        anvil: &Anvil,
        actors: &Actors,
        tokens: u64,
    ) -> Result<(), GroundError> {
        let from = actors.depositor.address();
        let assets = ONE.saturating_mul(U256::from(tokens));
        let approve = Ground::approveCall { spender: self.vault, value: assets };
        let deposit = Ground::depositCall { assets, receiver: from };
        anvil.send_all(&[calling(from, self.token, approve), calling(from, self.vault, deposit)]).await?;
        Ok(())
    }

    /// Lets the attacker take all that one block allows.
    pub(super) async fn strike(&self, anvil: &Anvil, actors: &Actors) -> Result<Strike, GroundError> {
        let strike = calling(actors.attacker.address(), self.attacker, Ground::strikeCall {});
        let sent = anvil.submit_all(&[strike]).await?;
        let outcomes = anvil.outcomes(&sent).await?;
        let transaction = sent.first().copied().unwrap_or_default();
        Ok(Strike { transaction, succeeded: outcomes.first() == Some(&true) })
    }
}

async fn next_nonce(anvil: &Anvil, account: Address) -> Result<u64, GroundError> {
    let probe = [calling(account, Address::ZERO, Ground::pausedCall {})];
    Ok(anvil.nonces(&probe).await?.first().map(|(_, nonce)| *nonce).unwrap_or_default())
}

fn creating(what: &str, from: Address, code: &Bytes, arguments: &[u8]) -> DevTransaction {
    let data = [code, arguments].concat();
    DevTransaction { what: format!("deploying {what}"), from, to: None, data: data.into() }
}

fn calling<C: SolCall>(from: Address, to: Address, call: C) -> DevTransaction {
    DevTransaction { what: C::SIGNATURE.to_owned(), from, to: Some(to), data: call.abi_encode().into() }
}
