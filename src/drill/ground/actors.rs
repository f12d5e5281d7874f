//! Who plays on the practice chain.
//!
//! The keys are those of the public development mnemonic ("test test … junk") that anvil and hardhat
//! fund on every chain they start. Whoever sends money to one of these addresses on a real chain loses it.

use alloy::primitives::{Address, B256, b256};
use alloy::signers::local::PrivateKeySigner;

/// Owners that are prepared; Safes are made with some of them.
pub const OWNERS: usize = 5;

/// Accounts 0 to 9 of the development mnemonic at m/44'/60'/0'/0/i, as anvil prints them.
const KEYS: [B256; 10] = [
    b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    b256!("0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    b256!("0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    b256!("0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    b256!("0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    b256!("0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    b256!("0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    b256!("0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
];

/// The practice chain's accounts, by what they do.
#[derive(Clone, Debug)]
pub struct Actors {
    /// Deploys contracts and owns the token.
    pub deployer: PrivateKeySigner,
    /// Owners of Safes.
    pub owners: [PrivateKeySigner; OWNERS],
    /// Proposes, as a delegate: never an owner.
    pub proposer: PrivateKeySigner,
    /// Pays the gas of executions: never an owner.
    pub executor: PrivateKeySigner,
    /// Robs the vault.
    pub attacker: PrivateKeySigner,
    /// Puts money into the vault.
    pub depositor: PrivateKeySigner,
}

impl Default for Actors {
    fn default() -> Self {
        Self::new()
    }
}

impl Actors {
    /// The same ones on every practice chain.
    #[expect(clippy::expect_used, reason = "the keys are constants; a test reads every one of them")]
    pub fn new() -> Self {
        let [deployer, a, b, c, d, e, proposer, executor, attacker, depositor] =
            KEYS.map(|key| PrivateKeySigner::from_bytes(&key).expect("a development key is a key"));
        Self { deployer, owners: [a, b, c, d, e], proposer, executor, attacker, depositor }
    }

    /// The addresses of the first `count` owners (at most [`OWNERS`]).
    pub fn owner_addresses(&self, count: usize) -> Vec<Address> {
        self.owners.iter().take(count).map(PrivateKeySigner::address).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_those_anvil_prints() {
        let actors = Actors::new();
        let first = actors.deployer.address().to_checksum(None);
        let last = actors.depositor.address().to_checksum(None);
        assert_eq!(first, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(last, "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720");
        assert_eq!(actors.owner_addresses(9).len(), OWNERS);
    }
}
