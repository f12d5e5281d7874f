//! What a Safe was at one block.

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::hash::SafeDomain;
use super::ids::{SafeAddress, SafeNonce};
use super::singleton::{self, Judged};
use super::version::SafeVersion;
use crate::domain::names::ChainId;

/// A Safe as the chain had it at one block. A value: it does not age, but it does not stay true either;
/// whoever uses it says of which block it speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeState {
    /// The Safe.
    pub address: SafeAddress,
    /// Its chain.
    pub chain: ChainId,
    /// What its `VERSION()` says.
    pub version: SafeVersion,
    /// Owners in the contract's order.
    pub owners: Vec<Address>,
    /// How many of them must sign.
    pub threshold: u64,
    /// The nonce at which the next transaction executes.
    pub nonce: SafeNonce,
    /// Modules: contracts that may act without owners' signatures.
    pub modules: Vec<Address>,
    /// The transaction guard, which may veto `execTransaction`.
    pub guard: Option<Address>,
    /// The module guard (1.5.0 on), which may veto modules.
    #[serde(default)]
    pub module_guard: Option<Address>,
    /// The contract that answers calls the Safe does not know.
    pub fallback_handler: Option<Address>,
    /// The contract whose code the proxy runs.
    pub singleton: Address,
    /// keccak256 of that contract's code; `None` when it was not learnt.
    #[serde(default)]
    pub singleton_code_hash: Option<B256>,
    /// The block's height.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: B256,
}

impl SafeState {
    /// What separates this Safe's hashes from every other Safe's.
    pub fn domain(&self) -> SafeDomain {
        SafeDomain { version: self.version, chain_id: self.chain, safe: self.address }
    }

    /// Which release the singleton is, by its code, and whether that is what the Safe says.
    pub fn singleton_judged(&self) -> Judged {
        singleton::judge(self.version, self.singleton, self.singleton_code_hash)
    }

    /// Whether the address is an owner.
    pub fn is_owner(&self, address: Address) -> bool {
        self.owners.contains(&address)
    }
}
