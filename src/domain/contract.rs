//! Contracts the configuration names, and calls on them written as text.

use alloy::json_abi::JsonAbi;
use alloy::primitives::Address;

use super::names::{ChainId, ChainName, ContractName};

/// A contract that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its name in the configuration.
    pub name: ContractName,
    /// The chain it lives on, by name.
    pub chain: ChainName,
    /// The chain it lives on, by id.
    pub chain_id: ChainId,
    /// Where it lives.
    pub address: Address,
    /// What can be called on it.
    pub abi: JsonAbi,
}
