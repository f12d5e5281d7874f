//! Chains by the names that vendors give them.

use std::collections::BTreeMap;

use crate::domain::names::ChainId;

/// Names in use at OpenZeppelin, Tenderly, Hypernative, Alchemy and QuickNode, beside EIP-155's number itself; from
/// their documentation and from <https://chainid.network>.
const KNOWN: &[(&str, u64)] = &[
    ("ethereum", 1),
    ("ethereum-mainnet", 1),
    ("ethereum_mainnet", 1),
    ("eth-mainnet", 1),
    ("eth_mainnet", 1),
    ("mainnet", 1),
    ("eth", 1),
    ("optimism", 10),
    ("optimism-mainnet", 10),
    ("opt-mainnet", 10),
    ("opt_mainnet", 10),
    ("bsc", 56),
    ("bnb", 56),
    ("bnb-mainnet", 56),
    ("bnb_mainnet", 56),
    ("gnosis", 100),
    ("xdai", 100),
    ("unichain", 130),
    ("polygon", 137),
    ("polygon-mainnet", 137),
    ("matic", 137),
    ("matic-mainnet", 137),
    ("matic_mainnet", 137),
    ("sonic", 146),
    ("zksync", 324),
    ("base", 8453),
    ("base-mainnet", 8453),
    ("base_mainnet", 8453),
    ("arbitrum", 42_161),
    ("arbitrum-mainnet", 42_161),
    ("arb-mainnet", 42_161),
    ("arb_mainnet", 42_161),
    ("celo", 42_220),
    ("avalanche", 43_114),
    ("avax", 43_114),
    ("linea", 59_144),
    ("blast", 81_457),
    ("scroll", 534_352),
    ("sepolia", 11_155_111),
    ("eth-sepolia", 11_155_111),
    ("eth_sepolia", 11_155_111),
    ("ethereum-sepolia", 11_155_111),
];

/// Chains by name; what the configuration names goes before what we know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(BTreeMap<String, ChainId>);

impl Networks {
    /// With names of the configuration; case does not matter.
    pub fn new(own: impl IntoIterator<Item = (String, ChainId)>) -> Self {
        Self(own.into_iter().map(|(name, chain)| (name.to_ascii_lowercase(), chain)).collect())
    }

    /// The chain of a name or of a number, decimal or `0x…`.
    pub fn chain(&self, network: &str) -> Option<ChainId> {
        let name = network.trim().to_ascii_lowercase();
        if let Some(chain) = self.0.get(&name) {
            return Some(*chain);
        }
        let number = match name.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => name.parse().ok(),
        };
        let known = || KNOWN.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
        number.or_else(known).filter(|id| *id != 0).map(ChainId)
    }
}
