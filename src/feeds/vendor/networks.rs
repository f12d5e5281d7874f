//! Chains by the names that vendors give them.

use std::collections::BTreeMap;

use super::read::shown;
use crate::domain::names::ChainId;
use crate::feeds::forta_wire::Malformed;

/// Names in use at OpenZeppelin, Tenderly, Hypernative, Alchemy and QuickNode, in lower case, with `-` for `_` and without
/// `-mainnet` at the end; from their documentation, the example networks of OpenZeppelin Monitor, and <https://chainid.network>.
const KNOWN: &[(&str, u64)] = &[
    ("ethereum", 1),
    ("eth", 1),
    ("mainnet", 1),
    ("optimism", 10),
    ("opt", 10),
    ("op", 10),
    ("bsc", 56),
    ("bnb", 56),
    ("bnbchain", 56),
    ("bnb-chain", 56),
    ("bnb-smart-chain", 56),
    ("gnosis", 100),
    ("xdai", 100),
    ("unichain", 130),
    ("polygon", 137),
    ("matic", 137),
    ("sonic", 146),
    ("fantom", 250),
    ("zksync", 324),
    ("zksync-era", 324),
    ("worldchain", 480),
    ("polygonzkevm", 1_101),
    ("polygon-zkevm", 1_101),
    ("soneium", 1_868),
    ("mantle", 5_000),
    ("base", 8_453),
    ("mode", 34_443),
    ("arbitrum", 42_161),
    ("arbitrum-one", 42_161),
    ("arb", 42_161),
    ("arbitrum-nova", 42_170),
    ("arbnova", 42_170),
    ("celo", 42_220),
    ("avalanche", 43_114),
    ("avalanche-c-chain", 43_114),
    ("avax", 43_114),
    ("ink", 57_073),
    ("linea", 59_144),
    ("berachain", 80_094),
    ("blast", 81_457),
    ("scroll", 534_352),
    ("sepolia", 11_155_111),
    ("eth-sepolia", 11_155_111),
    ("ethereum-sepolia", 11_155_111),
    ("base-sepolia", 84_532),
    ("arb-sepolia", 421_614),
    ("arbitrum-sepolia", 421_614),
    ("opt-sepolia", 11_155_420),
    ("optimism-sepolia", 11_155_420),
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
        let plain = name.replace('_', "-");
        let plain = plain.strip_suffix("-mainnet").unwrap_or(&plain);
        let known = || KNOWN.iter().find(|(known, _)| *known == plain).map(|(_, id)| *id);
        number.or_else(known).filter(|id| *id != 0).map(ChainId)
    }

    /// The chain of a name, or what to do about it.
    pub(super) fn needed(&self, network: &str) -> Result<ChainId, Malformed> {
        self.chain(network).ok_or_else(|| {
            let name =
                shown(network).map_or("its network".to_owned(), |name| format!("its network {name:?}"));
            Malformed::new(format!(
                "{name} is none we know; name it in networks = {{ NAME = \"chain\" }} of the feed"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the example networks of OpenZeppelin Monitor, and how Alchemy and QuickNode write theirs.
    #[test]
    fn the_vendors_names_are_known_however_they_are_written() {
        let chains = Networks::default();
        for (names, id) in [
            (
                &["ethereum_mainnet", "ETH_MAINNET", "ethereum-mainnet", "mainnet", " Ethereum ", "0x1", "1"]
                    [..],
                1,
            ),
            (&["optimism_mainnet", "OPT_MAINNET", "op-mainnet"], 10),
            (&["bsc_mainnet", "BNB_MAINNET", "bnbchain-mainnet"], 56),
            (&["polygon_mainnet", "MATIC_MAINNET"], 137),
            (&["sonic_mainnet"], 146),
            (&["zksync_era_mainnet", "ZKSYNC_MAINNET"], 324),
            (&["mantle_mainnet"], 5_000),
            (&["base", "BASE_MAINNET"], 8_453),
            (&["arbitrum_one", "ARB_MAINNET", "arbitrum-mainnet"], 42_161),
            (&["arbitrum_nova"], 42_170),
            (&["celo_mainnet"], 42_220),
            (&["avalanche_c_chain", "AVAX_MAINNET"], 43_114),
            (&["linea_mainnet"], 59_144),
            (&["scroll_mainnet"], 534_352),
            (&["ethereum_sepolia", "ETH_SEPOLIA"], 11_155_111),
            (&["base_sepolia"], 84_532),
        ] {
            for name in names {
                assert_eq!(chains.chain(name), Some(ChainId(id)), "{name}");
            }
        }
        for name in ["", "0", "0x0", "-mainnet", "main", "solana_mainnet", "bsc_testnet", "celo_alfajores"] {
            assert_eq!(chains.chain(name), None, "{name}");
        }
        assert_eq!(Networks::new([("Base".to_owned(), ChainId(7))]).chain("BASE"), Some(ChainId(7)));
    }
}
