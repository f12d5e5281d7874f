//! Several calls as one Safe transaction.
//!
//! Batches go through MultiSendCallOnly and nothing else: plain MultiSend lets an inner call be a
//! delegatecall, and a delegatecall to anything else hands the Safe to whoever wrote it.
//!
//! Each call is packed as operation (1 byte), target (20), value (32), length of data (32), data.

use alloy::primitives::{Address, Bytes, U256, address};
use alloy::sol_types::SolCall;

use super::abi;
use super::ids::SafeNonce;
use super::tx::{Operation, SafeTx};
use super::version::SafeVersion;

/// Bytes of a packed call before its data.
const HEAD_BYTES: usize = 1 + 20 + 32 + 32;

/// One call of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BatchedCall {
    /// A delegatecall reverts in MultiSendCallOnly; it is kept so that what others wrote can be shown.
    pub operation: Operation,
    /// Who is called.
    pub to: Address,
    /// Wei sent along.
    pub value: U256,
    /// Calldata.
    pub data: Bytes,
}

impl BatchedCall {
    /// A call without value.
    pub fn call(to: Address, data: Bytes) -> Self {
        Self { operation: Operation::Call, to, value: U256::ZERO, data }
    }
}

/// Why calls cannot be batched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// An empty batch would be signed for nothing.
    #[error("a batch needs at least one call")]
    Empty,
    /// MultiSendCallOnly reverts on it, and so would the whole batch.
    #[error("call {position} of the batch, to {to}, is a delegatecall: MultiSendCallOnly reverts on it")]
    DelegateCall {
        /// Its place, counted from 1.
        position: usize,
        /// Its target.
        to: Address,
    },
}

/// Why bytes are not a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeBatchError {
    /// Not a call of `multiSend(bytes)`.
    #[error("not calldata of multiSend(bytes)")]
    NotMultiSend,
    /// The bytes end within a call.
    #[error("the batch ends within call {position}")]
    Cut {
        /// The call, counted from 1.
        position: usize,
    },
    /// An operation that no contract knows.
    #[error(
        "call {position} of the batch has operation {operation}, which is neither a call nor a delegatecall"
    )]
    Operation {
        /// The call, counted from 1.
        position: usize,
        /// What stood there.
        operation: u8,
    },
}

/// Where MultiSendCallOnly 1.3.0 is: canonical, EIP-155 deployer, zkSync
/// (`safe-global/safe-deployments` v1.37, `src/assets/v1.3.0/multi_send_call_only.json`).
const CALL_ONLY_1_3_0: [Address; 3] = [
    address!("0x40A2aCCbd92BCA938b02010E17A5b8929b49130D"),
    address!("0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B"),
    address!("0xf220D3b4DFb23C4ade8C88E526C1353AbAcbC38F"),
];

/// Where MultiSendCallOnly 1.4.1 is: canonical, zkSync
/// (`safe-global/safe-deployments`, `src/assets/v1.4.1/multi_send_call_only.json`).
const CALL_ONLY_1_4_1: [Address; 2] = [
    address!("0x9641d764fc13c8B624c04430C7356C1C7C8102e2"),
    address!("0x0408EF011960d02349d50286D20531229BCef773"),
];

/// Where MultiSendCallOnly 1.5.0 is; not deployed on zkSync
/// (`safe-global/safe-deployments` 1.37.63, `src/assets/v1.5.0/multi_send_call_only.json`).
const CALL_ONLY_1_5_0: [Address; 1] = [address!("0xA83c336B20401Af773B6219BA5027174338D1836")];

/// The addresses at which the batching contract for Safes of this version may stand on a chain,
/// canonical first; the caller takes the first that has code there. Safes before 1.3.0 had none of
/// their own and use that of 1.3.0, which is a library without state.
pub fn call_only_addresses(version: SafeVersion) -> &'static [Address] {
    match version {
        SafeVersion::V1_0_0 | SafeVersion::V1_1_1 | SafeVersion::V1_2_0 | SafeVersion::V1_3_0 => {
            &CALL_ONLY_1_3_0
        }
        SafeVersion::V1_4_1 => &CALL_ONLY_1_4_1,
        SafeVersion::V1_5_0 => &CALL_ONLY_1_5_0,
    }
}

/// The canonical address of MultiSendCallOnly for Safes of this version.
pub fn call_only(version: SafeVersion) -> Address {
    match version {
        SafeVersion::V1_0_0 | SafeVersion::V1_1_1 | SafeVersion::V1_2_0 | SafeVersion::V1_3_0 => {
            let [canonical, ..] = CALL_ONLY_1_3_0;
            canonical
        }
        SafeVersion::V1_4_1 => {
            let [canonical, ..] = CALL_ONLY_1_4_1;
            canonical
        }
        SafeVersion::V1_5_0 => {
            let [canonical] = CALL_ONLY_1_5_0;
            canonical
        }
    }
}

/// The canonical address of plain MultiSend for Safes of this version, which lets a call of the batch be a
/// delegatecall: named for those who ask, never used here. Safes before 1.3.0 use that of 1.1.1
/// (`safe-global/safe-deployments` 1.37.63, `src/assets/v*/multi_send.json`).
pub fn plain(version: SafeVersion) -> Address {
    match version {
        SafeVersion::V1_0_0 | SafeVersion::V1_1_1 | SafeVersion::V1_2_0 => {
            address!("0x8D29bE29923b68abfDD21e541b9374737B49cdAD")
        }
        SafeVersion::V1_3_0 => address!("0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761"),
        SafeVersion::V1_4_1 => address!("0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526"),
        SafeVersion::V1_5_0 => address!("0x218543288004CD07832472D464648173c77D7eB7"),
    }
}

/// Whether the address is a known MultiSendCallOnly: the only target a delegatecall may have.
pub fn is_call_only(address: Address) -> bool {
    SafeVersion::ALL.into_iter().any(|version| call_only_addresses(version).contains(&address))
}

/// Packs calls as `multiSend(bytes)` takes them.
pub fn pack(calls: &[BatchedCall]) -> Bytes {
    let mut packed = Vec::with_capacity(calls.iter().map(|call| HEAD_BYTES + call.data.len()).sum());
    for call in calls {
        packed.push(call.operation.as_u8());
        packed.extend_from_slice(call.to.as_slice());
        packed.extend_from_slice(&call.value.to_be_bytes::<32>());
        packed.extend_from_slice(&U256::from(call.data.len()).to_be_bytes::<32>());
        packed.extend_from_slice(&call.data);
    }
    packed.into()
}

/// Calldata of `multiSend(bytes)` for these calls.
pub fn calldata(calls: &[BatchedCall]) -> Bytes {
    abi::MultiSend::multiSendCall { transactions: pack(calls) }.abi_encode().into()
}

/// The Safe transaction that runs these calls, in order, all or nothing.
///
/// # Errors
/// When there is nothing to run, or a call of the batch is a delegatecall.
pub fn batch(calls: &[BatchedCall], call_only: Address, nonce: SafeNonce) -> Result<SafeTx, BatchError> {
    if calls.is_empty() {
        return Err(BatchError::Empty);
    }
    for (index, call) in calls.iter().enumerate() {
        match call.operation {
            Operation::Call => {}
            Operation::DelegateCall => {
                return Err(BatchError::DelegateCall { position: index + 1, to: call.to });
            }
        }
    }
    Ok(SafeTx { operation: Operation::DelegateCall, ..SafeTx::call(call_only, calldata(calls), nonce) })
}

/// Reads the calls back out of calldata of `multiSend(bytes)`, so that a signer sees each of them.
///
/// # Errors
/// When the calldata is another function's, is cut, or holds an unknown operation.
pub fn decode(calldata: &[u8]) -> Result<Vec<BatchedCall>, DecodeBatchError> {
    let call = abi::MultiSend::multiSendCall::abi_decode_validate(calldata)
        .map_err(|_| DecodeBatchError::NotMultiSend)?;
    unpack(&call.transactions)
}

/// Reads packed calls.
///
/// # Errors
/// When the bytes are cut, or hold an unknown operation.
pub fn unpack(packed: &[u8]) -> Result<Vec<BatchedCall>, DecodeBatchError> {
    let mut calls = Vec::new();
    let mut rest = packed;
    while !rest.is_empty() {
        let position = calls.len() + 1;
        let (call, after) = unpack_one(rest, position)?;
        calls.push(call);
        rest = after;
    }
    Ok(calls)
}

fn unpack_one(bytes: &[u8], position: usize) -> Result<(BatchedCall, &[u8]), DecodeBatchError> {
    let cut = DecodeBatchError::Cut { position };
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(cut.clone())?;
    let (operation, head) = head.split_first().ok_or(cut.clone())?;
    let (to, head) = head.split_at_checked(20).ok_or(cut.clone())?;
    let (value, length) = head.split_at_checked(32).ok_or(cut.clone())?;
    let length = usize::try_from(U256::from_be_slice(length)).map_err(|_| cut.clone())?;
    let (data, rest) = rest.split_at_checked(length).ok_or(cut)?;
    let operation = Operation::from_u8(*operation)
        .ok_or(DecodeBatchError::Operation { position, operation: *operation })?;
    let call = BatchedCall {
        operation,
        to: Address::from_slice(to),
        value: U256::from_be_slice(value),
        data: Bytes::copy_from_slice(data),
    };
    Ok((call, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_batching_contracts_may_be_delegatecalled() {
        for version in SafeVersion::ALL {
            assert_eq!(call_only_addresses(version).first(), Some(&call_only(version)));
            assert!(is_call_only(call_only(version)));
            assert!(!is_call_only(plain(version)));
        }
    }

    #[test]
    fn a_batch_that_would_revert_is_not_built() {
        let call = BatchedCall::call(Address::repeat_byte(1), Bytes::new());
        let to = Address::repeat_byte(2);
        let delegatecall = BatchedCall { operation: Operation::DelegateCall, to, ..call.clone() };
        let target = call_only(SafeVersion::V1_3_0);
        assert_eq!(batch(&[], target, SafeNonce::default()), Err(BatchError::Empty));
        assert_eq!(
            batch(&[call.clone(), delegatecall], target, SafeNonce::default()),
            Err(BatchError::DelegateCall { position: 2, to })
        );
        let tx = batch(std::slice::from_ref(&call), target, SafeNonce::from(4)).unwrap();
        assert_eq!((tx.to, tx.operation, tx.nonce), (target, Operation::DelegateCall, SafeNonce::from(4)));
        assert_eq!(decode(&tx.data), Ok(vec![call]));
    }

    #[test]
    fn what_is_not_a_batch_is_refused_by_name() {
        let packed = pack(&[BatchedCall::call(Address::ZERO, Bytes::from_static(&[1, 2]))]);
        assert_eq!(unpack(&packed[..packed.len() - 1]), Err(DecodeBatchError::Cut { position: 1 }));
        let mut huge = packed.to_vec();
        huge[53] = 0xff;
        assert_eq!(unpack(&huge), Err(DecodeBatchError::Cut { position: 1 }));
        let mut create = packed.to_vec();
        create[0] = 2;
        assert_eq!(unpack(&create), Err(DecodeBatchError::Operation { position: 1, operation: 2 }));
        assert_eq!(decode(&[0x84, 0x56, 0xcb, 0x59]), Err(DecodeBatchError::NotMultiSend));
    }
}
