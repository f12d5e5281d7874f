//! One Safe transaction: what the owners are asked to sign.

use alloy::primitives::{Address, Bytes, U256};
use serde::{Deserialize, Deserializer, Serialize};

use super::ids::{SafeNonce, checksummed};
use super::numbers;

/// How the Safe reaches its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An ordinary call.
    #[default]
    Call,
    /// The target's code runs as the Safe itself: only ever with a known batching contract.
    DelegateCall,
}

impl Operation {
    /// The number in the ABI and in the service's JSON.
    pub fn as_u8(self) -> u8 {
        match self {
            Self::Call => 0,
            Self::DelegateCall => 1,
        }
    }

    /// Reads the number of the ABI; `None` for one the contracts do not know.
    pub fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Call),
            1 => Some(Self::DelegateCall),
            2.. => None,
        }
    }
}

impl Serialize for Operation {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(self.as_u8())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = numbers::deserialize(from)?;
        u8::try_from(number).ok().and_then(Self::from_u8).ok_or_else(|| {
            serde::de::Error::custom(format!("operation {number} is neither 0 (call) nor 1 (delegatecall)"))
        })
    }
}

/// The ten fields that a safeTxHash covers.
///
/// JSON uses the Transaction Service's field names; numbers are written as decimal strings and read
/// from either. A missing or null `data`, `gasToken` or `refundReceiver` is empty, as at the service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SafeTx {
    /// Who is called.
    #[serde(serialize_with = "checksummed")]
    pub to: Address,
    /// Wei sent along.
    #[serde(with = "numbers")]
    pub value: U256,
    /// Calldata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub data: Bytes,
    /// Call or delegatecall.
    pub operation: Operation,
    /// Gas for the inner call. Zero means: if the inner call reverts, all of it reverts and the nonce
    /// is kept. Non-zero means a failed pause burns its nonce, so Redhandle leaves it zero.
    #[serde(with = "numbers")]
    pub safe_tx_gas: U256,
    /// Gas that does not depend on the inner call, for the refund.
    #[serde(with = "numbers")]
    pub base_gas: U256,
    /// Price per unit of gas of the refund; zero means no refund.
    #[serde(with = "numbers")]
    pub gas_price: U256,
    /// Token of the refund; zero is the chain's own.
    #[serde(default, deserialize_with = "null_as_default", serialize_with = "checksummed")]
    pub gas_token: Address,
    /// Who is refunded; zero is whoever executes.
    #[serde(default, deserialize_with = "null_as_default", serialize_with = "checksummed")]
    pub refund_receiver: Address,
    /// Its place in the Safe's order.
    pub nonce: SafeNonce,
}

impl SafeTx {
    /// A call without value, with all gas and refund fields zero.
    pub fn call(to: Address, data: Bytes, nonce: SafeNonce) -> Self {
        Self {
            to,
            value: U256::ZERO,
            data,
            operation: Operation::Call,
            safe_tx_gas: U256::ZERO,
            base_gas: U256::ZERO,
            gas_price: U256::ZERO,
            gas_token: Address::ZERO,
            refund_receiver: Address::ZERO,
            nonce,
        }
    }

    /// The transaction that, executed, only uses up `nonce`: how owners reject what is queued there.
    pub fn rejection(safe: Address, nonce: SafeNonce) -> Self {
        Self::call(safe, Bytes::new(), nonce)
    }

    /// True when somebody would be paid for executing it: gas and refund fields are an attack surface.
    pub fn pays_a_refund(&self) -> bool {
        !self.gas_price.is_zero()
    }
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_json_is_read_with_numbers_strings_and_nulls() {
        let numbers = r#"{"to":"0x0E801D84Fa97b50751Dbf25036d067dCf18858bF","value":0,"data":null,"operation":0,
            "safeTxGas":0,"baseGas":0,"gasPrice":0,"gasToken":null,"refundReceiver":null,"nonce":3}"#;
        let strings = r#"{"to":"0x0E801D84Fa97b50751Dbf25036d067dCf18858bF","value":"0","operation":"0",
            "safeTxGas":"0","baseGas":"0","gasPrice":"0","nonce":"3","unknown":"ignored"}"#;
        let target = "0x0E801D84Fa97b50751Dbf25036d067dCf18858bF".parse().unwrap();
        let expected = SafeTx::call(target, Bytes::new(), SafeNonce::from(3));
        assert_eq!(serde_json::from_str::<SafeTx>(numbers).unwrap(), expected);
        assert_eq!(serde_json::from_str::<SafeTx>(strings).unwrap(), expected);
        insta::assert_snapshot!(serde_json::to_string(&expected).unwrap(), @r#"{"to":"0x0E801D84Fa97b50751Dbf25036d067dCf18858bF","value":"0","data":"0x","operation":0,"safeTxGas":"0","baseGas":"0","gasPrice":"0","gasToken":"0x0000000000000000000000000000000000000000","refundReceiver":"0x0000000000000000000000000000000000000000","nonce":"3"}"#);
    }

    #[test]
    fn a_number_that_json_would_round_is_refused() {
        let json = r#"{"to":"0x0E801D84Fa97b50751Dbf25036d067dCf18858bF","value":0,"operation":0,
            "safeTxGas":0,"baseGas":0,"gasPrice":0,"nonce":92233720368547758080000}"#;
        assert!(serde_json::from_str::<SafeTx>(json).is_err());
        assert!(serde_json::from_str::<SafeTx>(&json.replace("\"operation\":0", "\"operation\":2")).is_err());
    }
}
