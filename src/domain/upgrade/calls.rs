//! Calldata of every kind of proxy, and where ERC-1967 keeps what it points to.

use alloy::dyn_abi::JsonAbiExt as _;
use alloy::json_abi::Function;
use alloy::primitives::{Address, B256, Bytes, b256};
use alloy::sol;
use alloy::sol_types::SolCall;

use crate::domain::contract::Argument;

/// `keccak256("eip1967.proxy.implementation") - 1` (ERC-1967).
pub const IMPLEMENTATION_SLOT: B256 =
    b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
/// `keccak256("eip1967.proxy.beacon") - 1` (ERC-1967).
pub const BEACON_SLOT: B256 = b256!("0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50");
/// `keccak256("eip1967.proxy.admin") - 1` (ERC-1967).
pub const ADMIN_SLOT: B256 = b256!("0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103");

/// The names that contracts themselves give.
pub mod abi {
    use super::sol;

    sol! {
        /// OpenZeppelin 4 and 5, ERC-1967, ERC-2535, and the roles that guard them.
        interface Upgrades {
            function upgradeTo(address newImplementation) external;
            function upgradeToAndCall(address newImplementation, bytes data) external payable;
            function upgrade(address proxy, address implementation) external;
            function upgradeAndCall(address proxy, address implementation, bytes data) external payable;
            function implementation() external view returns (address);
            function proxiableUUID() external view returns (bytes32);
            function UPGRADE_INTERFACE_VERSION() external view returns (string);
            function owner() external view returns (address);
            function hasRole(bytes32 role, address account) external view returns (bool);
            function UPGRADER_ROLE() external view returns (bytes32);
            function facetAddress(bytes4 selector) external view returns (address);
            function diamondCut(FacetCut[] cuts, address init, bytes data) external;
        }

        /// Of ERC-2535; the action is 0 add, 1 replace, 2 remove.
        struct FacetCut {
            address facetAddress;
            uint8 action;
            bytes4[] functionSelectors;
        }

        /// OpenZeppelin's TimelockController, the same in 4 and 5.
        interface Timelock {
            function getMinDelay() external view returns (uint256);
            function getTimestamp(bytes32 id) external view returns (uint256);
            function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay) external;
            function execute(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt) external payable;
            function cancel(bytes32 id) external;
        }
    }
}

use abi::Upgrades;

/// Which generation of OpenZeppelin's upgrade functions a contract has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// No `UPGRADE_INTERFACE_VERSION`: `upgradeTo` and `upgrade` exist, and `…AndCall` calls in any case.
    V4,
    /// "5.0.0": only `…AndCall`, which calls when there is something to call.
    V5,
}

impl Generation {
    /// What `UPGRADE_INTERFACE_VERSION()` says, or that it is not there.
    ///
    /// # Errors
    /// With the version, when it is one that is not known here.
    pub fn of(said: Option<&str>) -> Result<Self, String> {
        match said {
            None => Ok(Self::V4),
            Some("5.0.0") => Ok(Self::V5),
            Some(other) => Err(other.to_owned()),
        }
    }

    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V5 => "v5",
        }
    }
}

/// A call on a proxy itself: UUPS, or a transparent one whose admin is the caller.
pub fn upgrade_proxy(generation: Generation, implementation: Address, data: &Bytes) -> Bytes {
    let new = implementation;
    match (generation, data.is_empty()) {
        // Version 4 would call the implementation's fallback with nothing, and revert where there is none.
        (Generation::V4, true) => Upgrades::upgradeToCall { newImplementation: new }.abi_encode().into(),
        (Generation::V4, false) | (Generation::V5, _) => {
            Upgrades::upgradeToAndCallCall { newImplementation: new, data: data.clone() }.abi_encode().into()
        }
    }
}

/// A call on a ProxyAdmin.
pub fn upgrade_by_admin(
    generation: Generation,
    proxy: Address,
    implementation: Address,
    data: &Bytes,
) -> Bytes {
    match (generation, data.is_empty()) {
        (Generation::V4, true) => Upgrades::upgradeCall { proxy, implementation }.abi_encode().into(),
        (Generation::V4, false) | (Generation::V5, _) => {
            Upgrades::upgradeAndCallCall { proxy, implementation, data: data.clone() }.abi_encode().into()
        }
    }
}

/// A call on a beacon.
pub fn upgrade_beacon(implementation: Address) -> Bytes {
    Upgrades::upgradeToCall { newImplementation: implementation }.abi_encode().into()
}

/// The address in a storage word; none where something else stands there.
pub fn address_in(word: B256) -> Option<Address> {
    (word.get(..12) == Some(&[0; 12])).then(|| Address::from_word(word))
}

/// Every function that is called for an upgrade, with the names that signers read.
const KNOWN: [&str; 8] = [
    "upgradeTo(address newImplementation)",
    "upgradeToAndCall(address newImplementation, bytes data)",
    "upgrade(address proxy, address implementation)",
    "upgradeAndCall(address proxy, address implementation, bytes data)",
    "diamondCut((address,uint8,bytes4[])[] cuts, address init, bytes data)",
    "schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay)",
    "execute(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt)",
    "cancel(bytes32 id)",
];

/// Calldata of an upgrade, taken apart again: what a signer reads comes from the bytes that are signed.
pub fn explain(data: &[u8]) -> Option<(String, Vec<Argument>)> {
    let (selector, rest) = data.split_at_checked(4)?;
    let known = KNOWN.iter().filter_map(|text| Function::parse(text).ok());
    let function = known.into_iter().find(|function| function.selector() == *selector)?;
    let values = function.abi_decode_input(rest).ok()?;
    let names = function.inputs.iter().map(|input| input.name.clone());
    let arguments = names.zip(values).map(|(name, value)| Argument { name, value }).collect();
    Some((function.signature(), arguments))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{U256, address, hex, keccak256};

    use super::*;

    #[test]
    fn slots_are_the_hashes_of_their_names_minus_one() {
        for (slot, name) in [
            (IMPLEMENTATION_SLOT, "eip1967.proxy.implementation"),
            (BEACON_SLOT, "eip1967.proxy.beacon"),
            (ADMIN_SLOT, "eip1967.proxy.admin"),
        ] {
            let hash = U256::from_be_bytes(keccak256(name).0);
            assert_eq!(U256::from_be_bytes(slot.0), hash - U256::ONE, "{name}");
        }
    }

    #[test]
    fn selectors_are_those_of_the_published_table() {
        let (new, proxy) =
            (address!("0x1111111111111111111111111111111111111111"), Address::repeat_byte(0x22));
        let some = Bytes::from_static(&[1]);
        let none = Bytes::new();
        let table = [
            (upgrade_proxy(Generation::V4, new, &none), "3659cfe6"),
            (upgrade_proxy(Generation::V4, new, &some), "4f1ef286"),
            (upgrade_proxy(Generation::V5, new, &none), "4f1ef286"),
            (upgrade_by_admin(Generation::V4, proxy, new, &none), "99a88ec4"),
            (upgrade_by_admin(Generation::V4, proxy, new, &some), "9623609d"),
            (upgrade_by_admin(Generation::V5, proxy, new, &none), "9623609d"),
            (upgrade_beacon(new), "3659cfe6"),
        ];
        for (data, selector) in table {
            assert_eq!(hex::encode(&data[..4]), selector);
        }
        assert_eq!(hex::encode(Upgrades::diamondCutCall::SELECTOR), "1f931c1c");
        assert_eq!(hex::encode(abi::Timelock::cancelCall::SELECTOR), "c4d252f5");
    }

    #[test]
    fn what_is_built_is_read_back_with_names() {
        let (one, two) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let operation = super::super::timelock::Operation {
            target: one,
            data: Bytes::from_static(&[7]),
            salt: B256::repeat_byte(3),
        };
        let change = super::super::diamond::Change {
            function: super::super::diamond::Function { selector: [1; 4].into(), signature: "f()".into() },
            from: None,
            to: Some(one),
        };
        let some = Bytes::from_static(&[1]);
        let table = [
            (upgrade_beacon(one), "upgradeTo(address)", "newImplementation"),
            (
                upgrade_proxy(Generation::V5, one, &some),
                "upgradeToAndCall(address,bytes)",
                "newImplementation data",
            ),
            (
                upgrade_by_admin(Generation::V4, one, two, &Bytes::new()),
                "upgrade(address,address)",
                "proxy implementation",
            ),
            (
                upgrade_by_admin(Generation::V5, one, two, &some),
                "upgradeAndCall(address,address,bytes)",
                "proxy implementation data",
            ),
            (
                super::super::diamond::cut(&[change], Address::ZERO, &Bytes::new()),
                "diamondCut((address,uint8,bytes4[])[],address,bytes)",
                "cuts init data",
            ),
            (
                operation.schedule(U256::from(9)),
                "schedule(address,uint256,bytes,bytes32,bytes32,uint256)",
                "target value data predecessor salt delay",
            ),
            (
                operation.execute(),
                "execute(address,uint256,bytes,bytes32,bytes32)",
                "target value data predecessor salt",
            ),
            (super::super::timelock::cancel(operation.id()), "cancel(bytes32)", "id"),
        ];
        assert_eq!(table.len(), KNOWN.len());
        for (data, signature, names) in table {
            let (said, arguments) = explain(&data).unwrap_or_else(|| panic!("{signature}"));
            let said_names: Vec<_> = arguments.iter().map(|argument| argument.name.as_str()).collect();
            assert_eq!((said.as_str(), said_names.join(" ").as_str()), (signature, names));
        }
        assert!(explain(&[1, 2, 3]).is_none() && explain(&[0; 36]).is_none());
    }

    #[test]
    fn generations_are_told_apart_and_an_unknown_one_is_said() {
        assert_eq!(Generation::of(None), Ok(Generation::V4));
        assert_eq!(Generation::of(Some("5.0.0")), Ok(Generation::V5));
        assert_eq!(Generation::of(Some("6.0.0")), Err("6.0.0".to_owned()));
        assert_eq!(address_in(new_word(1)), Some(Address::with_last_byte(1)));
        assert_eq!(address_in(B256::repeat_byte(1)), None);
    }

    fn new_word(last: u8) -> B256 {
        B256::with_last_byte(last)
    }
}
