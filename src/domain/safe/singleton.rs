//! Which code a Safe runs: known releases by the hash of their code.
//!
//! A Safe is a proxy; whatever its singleton does, it does. `VERSION()` is what that code says of itself, so
//! a hostile singleton says what is expected. The code's hash cannot be made to lie. An unknown singleton is
//! shown in red with its reason and is no stop: a team may have had its own build deployed.

use std::fmt;

use alloy::primitives::{Address, B256, b256};
use serde::{Deserialize, Serialize};

use super::version::SafeVersion;

/// Which build of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Build {
    /// For main nets: `Safe`. A Transaction Service of a layer 2 does not see what it executes.
    L1,
    /// For layer 2: `SafeL2`, which logs what the Transaction Service needs there.
    L2,
}

/// What the code was compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Machine {
    /// Every chain that runs the EVM.
    Evm,
    /// zkSync Era and its kin.
    ZkSync,
}

/// A release's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its version.
    pub version: SafeVersion,
    /// Its build.
    pub build: Build,
    /// What it runs on.
    pub machine: Machine,
    /// keccak256 of its code.
    pub code_hash: B256,
}

const fn known(version: SafeVersion, build: Build, machine: Machine, code_hash: B256) -> Release {
    Release { version, build, machine, code_hash }
}

/// Every published singleton, from `@safe-global/safe-deployments` 1.37.63, `codeHash` of each deployment in
/// `assets/v*/{gnosis_safe,gnosis_safe_l2,safe,safe_l2}.json`. Its "eip155" deployments have the same code
/// as the canonical ones at another address.
pub const RELEASES: [Release; 13] = [
    known(
        SafeVersion::V1_0_0,
        Build::L1,
        Machine::Evm,
        b256!("0xe1f1593df76e69abc2d692792c80f329457551d5e83dde597546a1d58764da80"),
    ),
    known(
        SafeVersion::V1_1_1,
        Build::L1,
        Machine::Evm,
        b256!("0x56b8be58b5ad629a621593a2e5e5e8e9a28408dc06e95597497b303902772e45"),
    ),
    known(
        SafeVersion::V1_2_0,
        Build::L1,
        Machine::Evm,
        b256!("0x2ae2d1231f0d754a7fa4f5e5d0e5554085e1b500d8e09f95aaaaa3f49c0db922"),
    ),
    known(
        SafeVersion::V1_3_0,
        Build::L1,
        Machine::Evm,
        b256!("0xbba688fbdb21ad2bb58bc320638b43d94e7d100f6f3ebaab0a4e4de6304b1c2e"),
    ),
    known(
        SafeVersion::V1_3_0,
        Build::L1,
        Machine::ZkSync,
        b256!("0x551b7fdfd2dbcec4f785059e1ef6e0b40ca2e44d792158c4e825bc0b092f15e9"),
    ),
    known(
        SafeVersion::V1_3_0,
        Build::L2,
        Machine::Evm,
        b256!("0x21842597390c4c6e3c1239e434a682b054bd9548eee5e9b1d6a4482731023c0f"),
    ),
    known(
        SafeVersion::V1_3_0,
        Build::L2,
        Machine::ZkSync,
        b256!("0xe2ca068330339d608367d83a0b25545efe39e619098597699ab8ff828cb1ddd8"),
    ),
    known(
        SafeVersion::V1_4_1,
        Build::L1,
        Machine::Evm,
        b256!("0x1fe2df852ba3299d6534ef416eefa406e56ced995bca886ab7a553e6d0c5e1c4"),
    ),
    known(
        SafeVersion::V1_4_1,
        Build::L1,
        Machine::ZkSync,
        b256!("0xfa4d4fc0fa9f1a061571a3f3f66502464edf1a519ab1ab93dc232addf4fbe30f"),
    ),
    known(
        SafeVersion::V1_4_1,
        Build::L2,
        Machine::Evm,
        b256!("0xb1f926978a0f44a2c0ec8fe822418ae969bd8c3f18d61e5103100339894f81ff"),
    ),
    known(
        SafeVersion::V1_4_1,
        Build::L2,
        Machine::ZkSync,
        b256!("0x520462ebe1156cd2d37b1d470c57f23e12fe0c4cda4c62502d96e03fa0cb44da"),
    ),
    known(
        SafeVersion::V1_5_0,
        Build::L1,
        Machine::Evm,
        b256!("0xdda019cbd7c867a533a2a86e5c53434fdc50b13122b5a5ddb4a8df61b31c20f2"),
    ),
    known(
        SafeVersion::V1_5_0,
        Build::L2,
        Machine::Evm,
        b256!("0x180193227186ccb85316c94db1f0d156ed932b14712cfaac78901899178572dc"),
    ),
];

/// What is to be thought of a singleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is the published code of the version that the Safe says.
    Known(Release),
    /// It is published code, but of another version than it says: it cannot say that by itself.
    OtherVersion {
        /// What the code is.
        release: Release,
        /// What the Safe says.
        said: SafeVersion,
    },
    /// Nobody published this code.
    Unknown {
        /// Where it is.
        singleton: Address,
        /// Its hash.
        code_hash: B256,
    },
    /// Its code was not read.
    Unread {
        /// Where it is.
        singleton: Address,
    },
}

impl Judged {
    /// Whether it is proven to be what it says.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Known(_) => true,
            Self::OtherVersion { .. } | Self::Unknown { .. } | Self::Unread { .. } => false,
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(release) => {
                let build = match release.build {
                    Build::L1 => "L1",
                    Build::L2 => "L2",
                };
                let machine = match release.machine {
                    Machine::Evm => "",
                    Machine::ZkSync => " for zkSync",
                };
                write!(f, "its code is the published {build} singleton {}{machine}", release.version)
            }
            Self::OtherVersion { release, said } => {
                write!(
                    f,
                    "it says version {said}, but its code is the published singleton {}",
                    release.version
                )
            }
            Self::Unknown { singleton, code_hash } => write!(
                f,
                "its singleton {singleton} is no published Safe release (code hash {code_hash}): what it does with signatures is not known here; have its source compared before anybody trusts it"
            ),
            Self::Unread { singleton } => {
                write!(
                    f,
                    "the code of its singleton {singleton} could not be read, so it is not known to be a Safe release"
                )
            }
        }
    }
}

/// The release with this code.
pub fn release(code_hash: B256) -> Option<Release> {
    RELEASES.into_iter().find(|release| release.code_hash == code_hash)
}

/// Whether this is the code of a release.
pub fn is_known(code_hash: Option<B256>) -> bool {
    code_hash.and_then(release).is_some()
}

/// Judges a singleton by its code.
pub fn judge(said: SafeVersion, singleton: Address, code_hash: Option<B256>) -> Judged {
    let Some(code_hash) = code_hash else { return Judged::Unread { singleton } };
    match release(code_hash) {
        Some(release) if release.version == said => Judged::Known(release),
        Some(release) => Judged::OtherVersion { release, said },
        None => Judged::Unknown { singleton, code_hash },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_singleton_is_judged_by_its_code_and_not_by_what_it_says() {
        let singleton = Address::repeat_byte(7);
        for release in RELEASES {
            assert_eq!(judge(release.version, singleton, Some(release.code_hash)), Judged::Known(release));
            let said = if release.version == SafeVersion::V1_0_0 {
                SafeVersion::V1_5_0
            } else {
                SafeVersion::V1_0_0
            };
            assert_eq!(
                judge(said, singleton, Some(release.code_hash)),
                Judged::OtherVersion { release, said }
            );
        }
        let strange = judge(SafeVersion::V1_4_1, singleton, Some(B256::repeat_byte(1)));
        insta::assert_snapshot!(strange, @"its singleton 0x0707070707070707070707070707070707070707 is no published Safe release (code hash 0x0101010101010101010101010101010101010101010101010101010101010101): what it does with signatures is not known here; have its source compared before anybody trusts it");
        assert!(!judge(SafeVersion::V1_4_1, singleton, None).is_good());
    }

    #[test]
    fn every_version_has_its_releases() {
        for version in SafeVersion::ALL {
            assert!(RELEASES.iter().any(|release| release.version == version), "{version}");
        }
        let mut hashes: Vec<_> = RELEASES.iter().map(|release| release.code_hash).collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), RELEASES.len());
    }
}
