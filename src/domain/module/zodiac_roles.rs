//! Zodiac's Roles modifier, version 2: calldata, keys of roles, and what its reverts mean; and the Delay modifier, as
//! far as it is recognised.
//!
//! Source: `gnosisguild/zodiac-modifier-roles`, `packages/evm/contracts`; the core of it, rebuilt, is in
//! `foundry-tests/src`.

#![allow(missing_docs, reason = "sol! generates the contract's own names; ours are documented")]

use std::fmt;
use std::str::FromStr;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol;
use alloy::sol_types::{SolCall as _, SolError as _};
use serde::{Serialize, Serializer};

use crate::domain::text::terminal;

sol! {
    /// The modifier, and what every modifier is.
    #[derive(Debug, PartialEq, Eq)]
    interface ZodiacRoles {
        function avatar() external view returns (address);
        function target() external view returns (address);
        function owner() external view returns (address);
        function isModuleEnabled(address module) external view returns (bool);
        function execTransactionWithRole(address to, uint256 value, bytes data, uint8 operation, bytes32 roleKey, bool shouldRevert) external returns (bool success);

        error NotAuthorized(address unacceptedAddress);
        error NoMembership();
        error ModuleTransactionFailed();
        error FunctionSignatureTooShort();
        error ConditionViolation(uint8 status, bytes32 info);
    }

    /// The Delay modifier.
    #[derive(Debug, PartialEq, Eq)]
    interface ZodiacDelay {
        function txCooldown() external view returns (uint256);
        function target() external view returns (address);
    }
}

/// Characters a role's name may have: 31 bytes and the zero that ends them.
const NAME_MAX_BYTES: usize = 31;

/// The key of a role.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoleKey(pub B256);

/// What is no key of a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a role's name of 1 to 31 printable ASCII characters, or 0x and 64 hexadecimal digits that are not all zero"
)]
pub struct RoleKeyError;

impl FromStr for RoleKey {
    type Err = RoleKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("0x") {
            return text.parse().ok().filter(|key: &B256| !key.is_zero()).map(Self).ok_or(RoleKeyError);
        }
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if text.is_empty() || text.len() > NAME_MAX_BYTES || !printable {
            return Err(RoleKeyError);
        }
        Ok(Self(B256::right_padding_from(text.as_bytes())))
    }
}

impl fmt::Display for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        match self.0.get(..end).map(std::str::from_utf8) {
            Some(Ok(name))
                if end <= NAME_MAX_BYTES
                    && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') =>
            {
                f.write_str(name)
            }
            Some(_) | None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoleKey({self})")
    }
}

impl Serialize for RoleKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

/// Calldata by which a member makes one call without value, which must succeed.
pub fn exec_with_role(to: Address, data: Bytes, role: RoleKey) -> Bytes {
    ZodiacRoles::execTransactionWithRoleCall {
        to,
        value: U256::ZERO,
        data,
        operation: 0,
        roleKey: role.0,
        shouldRevert: true,
    }
    .abi_encode()
    .into()
}

/// What a revert of the modifier means, where it is one of its own.
pub fn explain(revert: &[u8], member: Address, role: RoleKey) -> Option<String> {
    if let Ok(refused) = ZodiacRoles::NotAuthorized::abi_decode(revert) {
        return Some(format!(
            "{} is in no role of the modifier: its owner must call assignRoles",
            refused.unacceptedAddress.to_checksum(None)
        ));
    }
    if ZodiacRoles::NoMembership::abi_decode(revert).is_ok() {
        let role = terminal(&role.to_string());
        return Some(format!("{} is no member of role {role}", member.to_checksum(None)));
    }
    if ZodiacRoles::ModuleTransactionFailed::abi_decode(revert).is_ok() {
        return Some("the role allows the call, and the call itself fails".to_owned());
    }
    let violation = ZodiacRoles::ConditionViolation::abi_decode(revert).ok()?;
    // The numbers are those of `PermissionChecker.Status`.
    Some(match violation.status {
        1 => "the role does not allow a delegatecall".to_owned(),
        2 => "the role does not allow this target".to_owned(),
        3 => "the role does not allow this function".to_owned(),
        4 => "the role does not allow sending value".to_owned(),
        other => format!("the role's conditions refuse the call (status {other})"),
    })
}

/// An ABI of items as people write them; what cannot be parsed is left out.
pub(super) fn abi_of(items: &[&str]) -> JsonAbi {
    JsonAbi::parse(items.iter().copied()).unwrap_or_default()
}
