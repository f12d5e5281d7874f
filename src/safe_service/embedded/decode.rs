//! What calldata says, for people: by the ABI of the contract it is sent to, the Safe's own functions,
//! `multiSend`, or any configured ABI that has the function. In the shape of the real service: numbers as
//! decimal text, addresses with their checksum, `True` and `False`.
//!
//! A decoding by another contract's ABI is a reading, not a proof: nothing here is built on it.

use std::sync::LazyLock;

use alloy::dyn_abi::{DynSolValue, JsonAbiExt as _};
use alloy::json_abi::{Function, JsonAbi};
use alloy::primitives::{Address, Bytes, Selector};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Parts;
use super::fields::{Fields, Need};
use super::known::Known;
use super::refusal::Refusal;
use crate::domain::safe::multisend;

/// Batches within batches that are decoded.
const DEPTH_MAX: usize = 3;

/// Functions of the Safe and its proxy, 1.0.0 to 1.5.0, with the parameter names of the contracts.
const SAFE_FUNCTIONS: [&str; 17] = [
    "function addOwnerWithThreshold(address owner, uint256 _threshold)",
    "function removeOwner(address prevOwner, address owner, uint256 _threshold)",
    "function swapOwner(address prevOwner, address oldOwner, address newOwner)",
    "function changeThreshold(uint256 _threshold)",
    "function enableModule(address module)",
    "function disableModule(address prevModule, address module)",
    "function setGuard(address guard)",
    "function setModuleGuard(address moduleGuard)",
    "function setFallbackHandler(address handler)",
    "function changeMasterCopy(address _masterCopy)",
    "function approveHash(bytes32 hashToApprove)",
    "function signMessage(bytes _data)",
    "function setup(address[] _owners, uint256 _threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)",
    "function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures)",
    "function execTransactionFromModule(address to, uint256 value, bytes data, uint8 operation)",
    "function execTransactionFromModuleReturnData(address to, uint256 value, bytes data, uint8 operation)",
    "function multiSend(bytes transactions)",
];

static SAFE_ABI: LazyLock<JsonAbi> = LazyLock::new(|| JsonAbi::parse(SAFE_FUNCTIONS).unwrap_or_default());

/// `POST /api/v1/data-decoder/`.
pub(super) fn requested(parts: &Parts, body: Value) -> Result<Value, Refusal> {
    let mut fields = Fields::new(body, StatusCode::UNPROCESSABLE_ENTITY)?;
    let data = fields.bytes("data", Need::Required);
    let to = fields.address("to", Need::Optional);
    if data.as_ref().is_some_and(|data| data.len() < 4) {
        fields.problem("data", "Ensure this field has at least 4 hexadecimal chars (not counting 0x).");
    }
    fields.finish(StatusCode::UNPROCESSABLE_ENTITY)?;
    data.and_then(|data| decode(&parts.known, to, &data)).ok_or(Refusal::Absent)
}

/// Method and parameters, or `None` where no known function reads it.
pub(super) fn decode(known: &Known, to: Option<Address>, data: &Bytes) -> Option<Value> {
    at_depth(known, to, data, 0)
}

fn at_depth(known: &Known, to: Option<Address>, data: &Bytes, depth: usize) -> Option<Value> {
    let (selector, arguments) = data.split_at_checked(4)?;
    let selector = Selector::try_from(selector).ok()?;
    let of_target = known.contracts.iter().filter(|(address, _)| Some(*address) == to);
    let others = known.contracts.iter().filter(|(address, _)| Some(*address) != to);
    let abis = of_target.map(|(_, abi)| abi).chain([&*SAFE_ABI]).chain(others.map(|(_, abi)| abi));
    abis.filter_map(|abi| abi.function_by_selector(selector))
        .find_map(|function| read(known, function, data, arguments, depth))
}

fn read(known: &Known, function: &Function, whole: &Bytes, arguments: &[u8], depth: usize) -> Option<Value> {
    let values = function.abi_decode_input(arguments).ok()?;
    let parameters: Vec<Value> = function
        .inputs
        .iter()
        .zip(&values)
        .map(|(input, value)| json!({ "name": input.name, "type": input.ty, "value": shown(value) }))
        .collect();
    let mut parameters = Value::Array(parameters);
    if function.selector() == multisend_selector()
        && depth < DEPTH_MAX
        && let Ok(calls) = multisend::decode(whole)
        && let Some(first) = parameters.get_mut(0).and_then(Value::as_object_mut)
    {
        let calls: Vec<Value> = calls
            .iter()
            .map(|call| {
                json!({
                    "operation": call.operation.as_u8(),
                    "to": call.to.to_checksum(None),
                    "value": call.value.to_string(),
                    "data": if call.data.is_empty() { Value::Null } else { json!(call.data) },
                    "dataDecoded": at_depth(known, Some(call.to), &call.data, depth + 1),
                })
            })
            .collect();
        first.insert("valueDecoded".to_owned(), Value::Array(calls));
    }
    Some(json!({ "method": function.name, "parameters": parameters }))
}

fn multisend_selector() -> Selector {
    use alloy::sol_types::SolCall as _;
    crate::domain::safe::abi::MultiSend::multiSendCall::SELECTOR.into()
}

fn shown(value: &DynSolValue) -> Value {
    match value {
        DynSolValue::Bool(value) => json!(if *value { "True" } else { "False" }),
        DynSolValue::Int(value, _) => json!(value.to_string()),
        DynSolValue::Uint(value, _) => json!(value.to_string()),
        DynSolValue::FixedBytes(word, size) => {
            json!(Bytes::copy_from_slice(word.get(..*size).unwrap_or_default()))
        }
        DynSolValue::Address(address) => json!(address.to_checksum(None)),
        DynSolValue::Function(function) => json!(Bytes::copy_from_slice(function.as_slice())),
        DynSolValue::Bytes(bytes) => json!(Bytes::copy_from_slice(bytes)),
        DynSolValue::String(text) => json!(text),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) | DynSolValue::Tuple(values) => {
            Value::Array(values.iter().map(shown).collect())
        }
        DynSolValue::CustomStruct { tuple, .. } => Value::Array(tuple.iter().map(shown).collect()),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;

    use super::*;
    use crate::domain::safe::BatchedCall;

    #[test]
    fn the_functions_of_the_safe_are_read() {
        assert_eq!(SAFE_ABI.functions().count(), SAFE_FUNCTIONS.len());
    }

    #[test]
    fn a_batch_is_read_call_by_call_as_deep_as_it_is_bounded() {
        let vault = Address::repeat_byte(7);
        let pause = JsonAbi::parse(["function pause()", "function set(bool on, int8[2] pair, bytes4 tag)"]);
        let known = Known { contracts: vec![(vault, pause.unwrap())], ..Known::default() };
        let mut data = Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]);
        assert_eq!(decode(&known, None, &data), Some(json!({ "method": "pause", "parameters": [] })));
        for _ in 0..5 {
            let call = BatchedCall { value: U256::from(3), ..BatchedCall::call(vault, data.clone()) };
            data = multisend::calldata(&[call]);
        }
        let mut read = decode(&known, Some(Address::ZERO), &data).unwrap();
        for _ in 0..DEPTH_MAX {
            assert_eq!(read["method"], "multiSend");
            let call = &read["parameters"][0]["valueDecoded"][0];
            assert_eq!((call["value"].as_str(), call["operation"].as_u64()), (Some("3"), Some(0)));
            read = call["dataDecoded"].clone();
        }
        assert_eq!(read["parameters"][0].get("valueDecoded"), None);
    }

    #[test]
    fn values_have_the_real_services_forms_and_cut_calldata_has_no_meaning() {
        let abi = JsonAbi::parse(["function set(bool on, int8[2] pair, bytes4 tag)"]).unwrap();
        let function = abi.functions().next().unwrap();
        let values = [
            DynSolValue::Bool(true),
            DynSolValue::FixedArray(vec![
                DynSolValue::Int(alloy::primitives::I256::MINUS_ONE, 8),
                DynSolValue::Int(alloy::primitives::I256::ONE, 8),
            ]),
            DynSolValue::FixedBytes(alloy::primitives::B256::repeat_byte(0xab), 4),
        ];
        let data = Bytes::from(function.abi_encode_input(&values).unwrap());
        let known = Known { contracts: vec![(Address::ZERO, abi.clone())], ..Known::default() };
        let read = decode(&known, None, &data).unwrap();
        let shown: Vec<_> =
            read["parameters"].as_array().unwrap().iter().map(|one| one["value"].clone()).collect();
        assert_eq!(shown, [json!("True"), json!(["-1", "1"]), json!("0xabababab")]);
        assert_eq!(decode(&known, None, &data.slice(..data.len() - 1)), None);
        assert_eq!(decode(&known, None, &data.slice(..3)), None);
        assert_eq!(decode(&known, None, &Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef])), None);
    }
}
