//! Contracts that a delegatecall of a Safe may go to: known libraries, by chain.
//!
//! A delegatecall runs its target's code as the Safe itself. These are released libraries whose code does
//! one known thing. The gateway in front of the hosted service trusts the same kinds. Plain MultiSend is
//! not among them: a call inside it may be a delegatecall to anything.

use alloy::primitives::{Address, address};

use super::multisend::call_only_addresses;
use super::version::SafeVersion;
use crate::domain::names::ChainId;

/// What a trusted library does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedLibrary {
    /// Runs calls, and no delegatecalls.
    MultiSendCallOnly,
    /// Makes a message the Safe's own.
    SignMessageLib,
    /// Replaces the singleton by a released one: it changes what the Safe is.
    SafeMigration,
}

impl TrustedLibrary {
    /// Its name in the contracts' repository.
    pub fn name(self) -> &'static str {
        match self {
            Self::MultiSendCallOnly => "MultiSendCallOnly",
            Self::SignMessageLib => "SignMessageLib",
            Self::SafeMigration => "SafeMigration",
        }
    }
}

/// SignMessageLib 1.3.0 canonical and by the EIP-155 deployer, 1.4.1, 1.5.0
/// (`safe-global/safe-deployments` 1.37.63, `sign_message_lib.json`).
const SIGN_MESSAGE: [Address; 4] = [
    address!("0xA65387F16B013cf2Af4605Ad8aA5ec25a2cbA3a2"),
    address!("0x98FFBBF51bb33A056B08ddf711f289936AafF717"),
    address!("0xd53cd0aB83D845Ac265BE939c57F53AD838012c9"),
    address!("0x4FfeF8222648872B3dE295Ba1e49110E61f5b5aa"),
];

/// SafeMigration 1.4.1, 1.5.0 and SafeToL2Migration 1.4.1
/// (`safe-global/safe-deployments` 1.37.63, `safe_migration.json`, `safe_to_l2_migration.json`).
const MIGRATION: [Address; 3] = [
    address!("0x526643F69b81B008F46d95CD5ced5eC0edFFDaC6"),
    address!("0x6439e7ABD8Bb915A5263094784C5CF561c4172AC"),
    address!("0xfF83F6335d8930cBad1c0D439A841f01888D9f69"),
];

/// SignMessageLib 1.3.0 and 1.4.1 where the EraVM makes other addresses (as above).
const SIGN_MESSAGE_ERA: [Address; 2] = [
    address!("0x357147caf9C0cCa67DfA0CF5369318d8193c8407"),
    address!("0xAca1ec0a1A575CDCCF1DC3d5d296202Eb6061888"),
];

/// SafeMigration and SafeToL2Migration 1.4.1 there (as above).
const MIGRATION_ERA: [Address; 2] = [
    address!("0x817756C6c555A94BCEE39eB5a102AbC1678b09A7"),
    address!("0xa26620d1f8f1a2433F0D25027F141aaCAFB3E590"),
];

/// MultiSendCallOnly 1.3.0 and 1.4.1 there (`multi_send_call_only.json`).
const CALL_ONLY_ERA: [Address; 2] = [
    address!("0xf220D3b4DFb23C4ade8C88E526C1353AbAcbC38F"),
    address!("0x0408EF011960d02349d50286D20531229BCef773"),
];

/// Chains that run the EraVM, as far as Safe is deployed on them (`networkAddresses` of the files above).
const ERA_CHAINS: [u64; 16] = [
    232,
    240,
    280,
    282,
    300,
    324,
    388,
    2_741,
    11_124,
    37_111,
    50_104,
    61_166,
    543_210,
    810_180,
    4_457_845,
    531_050_104,
];

/// Plain MultiSend 1.1.1, 1.3.0 (canonical, EIP-155, EraVM), 1.4.1 (canonical, EraVM), 1.5.0
/// (`safe-global/safe-deployments` 1.37.63, `multi_send.json`): known, and not trusted.
const PLAIN_MULTI_SEND: [Address; 7] = [
    address!("0x8D29bE29923b68abfDD21e541b9374737B49cdAD"),
    address!("0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761"),
    address!("0x998739BFdAAdde7C933B942a68053933098f9EDa"),
    address!("0x0dFcccB95225ffB03c6FBB2559B530C2B7C8A912"),
    address!("0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526"),
    address!("0x309D0B190FeCCa8e1D5D8309a16F7e3CB133E885"),
    address!("0x218543288004CD07832472D464648173c77D7eB7"),
];

/// The library at an address of a chain; `None` for everything that a delegatecall must not go to.
pub fn trusted_library(chain: ChainId, target: Address) -> Option<TrustedLibrary> {
    let era = ERA_CHAINS.contains(&chain.0);
    let is_call_only =
        SafeVersion::ALL.into_iter().any(|version| call_only_addresses(version).contains(&target));
    if is_call_only && (era || !CALL_ONLY_ERA.contains(&target)) {
        return Some(TrustedLibrary::MultiSendCallOnly);
    }
    if SIGN_MESSAGE.contains(&target) || (era && SIGN_MESSAGE_ERA.contains(&target)) {
        return Some(TrustedLibrary::SignMessageLib);
    }
    if MIGRATION.contains(&target) || (era && MIGRATION_ERA.contains(&target)) {
        return Some(TrustedLibrary::SafeMigration);
    }
    None
}

/// Whether it is the batching contract that lets a call inside be a delegatecall.
pub fn is_plain_multi_send(target: Address) -> bool {
    PLAIN_MULTI_SEND.contains(&target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_trusted_where_they_are_deployed_and_nothing_else_is() {
        let (mainnet, era) = (ChainId(1), ChainId(324));
        for (target, on_mainnet, on_era) in [
            (
                address!("0x9641d764fc13c8B624c04430C7356C1C7C8102e2"),
                Some(TrustedLibrary::MultiSendCallOnly),
                Some(TrustedLibrary::MultiSendCallOnly),
            ),
            (CALL_ONLY_ERA[0], None, Some(TrustedLibrary::MultiSendCallOnly)),
            (SIGN_MESSAGE[3], Some(TrustedLibrary::SignMessageLib), Some(TrustedLibrary::SignMessageLib)),
            (MIGRATION_ERA[1], None, Some(TrustedLibrary::SafeMigration)),
            (PLAIN_MULTI_SEND[4], None, None),
            (Address::ZERO, None, None),
        ] {
            assert_eq!(trusted_library(mainnet, target), on_mainnet, "{target}");
            assert_eq!(trusted_library(era, target), on_era, "{target}");
            assert!(trusted_library(era, target).is_none() || !is_plain_multi_send(target));
        }
    }
}
