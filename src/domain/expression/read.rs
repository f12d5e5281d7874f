//! `read("vault", "totalAssets()")`: what it means, what it is worth.

use std::cmp::Ordering;
use std::fmt;

use alloy::dyn_abi::{DynSolType, DynSolValue};
use alloy::hex;

use super::language::{Gap, Integer, Resolved, Type, Value, Vocabulary, nearest};
use crate::domain::contract::{ContractCall, Contracts};
use crate::domain::names::ContractName;

/// One view of one contract that an expression needs. Two reads are the same when contract and calldata are.
#[derive(Clone, Debug)]
pub struct Read(ContractCall);

/// What became of a read.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadValue {
    /// What the view returned, in the order of its outputs.
    Returned(Vec<DynSolValue>),
    /// It could not be read, and why: the endpoints disagree, it reverted, nobody answered.
    Failed(String),
}

impl Read {
    /// The call to make.
    pub fn call(&self) -> &ContractCall {
        &self.0
    }

    fn key(&self) -> (&ContractName, &[u8]) {
        (&self.0.contract, &self.0.data)
    }
}

impl PartialEq for Read {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Read {}

impl PartialOrd for Read {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Read {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.describe())
    }
}

impl ReadValue {
    /// Decodes what the call of `read` returned; bytes that do not fit its ABI are a failed read.
    pub fn decode(read: &Read, data: &[u8]) -> Self {
        match read.call().decode_output(data) {
            Ok(values) => Self::Returned(values),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

/// Knows `read(…)` and no name.
pub(super) struct ReadVocabulary<'a> {
    contracts: &'a Contracts,
    reads: Vec<Read>,
}

impl<'a> ReadVocabulary<'a> {
    pub(super) fn new(contracts: &'a Contracts) -> Self {
        Self { contracts, reads: Vec::new() }
    }

    pub(super) fn into_reads(self) -> Vec<Read> {
        self.reads
    }
}

impl Vocabulary for ReadVocabulary<'_> {
    type Leaf = Read;

    fn name(&mut self, path: &[String]) -> Result<Resolved<Read>, String> {
        Err(format!(
            "unknown name {:?}; here only read(\"contract\", \"function()\") is known",
            path.join(".")
        ))
    }

    fn call(&mut self, name: &str, arguments: &[Option<&str>]) -> Option<Result<Resolved<Read>, String>> {
        if name != "read" {
            return None;
        }
        let [Some(contract), Some(call)] = arguments else {
            return Some(Err("read takes two quoted texts: read(\"contract\", \"function()\")".to_owned()));
        };
        let Some(found) = self.contracts.get(&ContractName::new(*contract)) else {
            let known = self.contracts.keys().map(ContractName::as_str);
            return Some(Err(format!("unknown contract \"{contract}\"{}", nearest(contract, known))));
        };
        Some(found.resolve_read(call).map_err(|error| error.to_string()).map(|call| {
            let kind = type_of_outputs(&call);
            let read = Read(call);
            if !self.reads.contains(&read) {
                self.reads.push(read.clone());
            }
            Resolved::Leaf(read, kind)
        }))
    }

    fn functions(&self) -> &'static [&'static str] {
        &["read"]
    }
}

/// One output is itself; several are a tuple, taken apart by position or name.
fn type_of_outputs(call: &ContractCall) -> Type {
    match call.outputs.as_slice() {
        [output] => type_of(&output.kind),
        outputs => {
            Type::Tuple(outputs.iter().map(|output| (output.name.clone(), type_of(&output.kind))).collect())
        }
    }
}

fn type_of(kind: &DynSolType) -> Type {
    match kind {
        DynSolType::Bool => Type::Bool,
        DynSolType::Int(_) | DynSolType::Uint(_) => Type::Int,
        DynSolType::Address
        | DynSolType::Function
        | DynSolType::FixedBytes(_)
        | DynSolType::Bytes
        | DynSolType::String => Type::Text,
        DynSolType::Array(item) | DynSolType::FixedArray(item, _) => Type::List(Box::new(type_of(item))),
        DynSolType::Tuple(kinds) => {
            Type::Tuple(kinds.iter().map(|kind| (String::new(), type_of(kind))).collect())
        }
        DynSolType::CustomStruct { prop_names, tuple, .. } => {
            Type::Tuple(prop_names.iter().cloned().zip(tuple.iter().map(type_of)).collect())
        }
    }
}

/// What a read returned, as the language's value.
pub(super) fn value_of(read: &Read, returned: &[DynSolValue]) -> Result<Value, Gap> {
    let outputs = read.call().outputs.len();
    if returned.len() != outputs {
        return Err(Gap::Failed(format!(
            "{read} returned {} values, and its ABI says {outputs}",
            returned.len()
        )));
    }
    Ok(match returned {
        [value] => convert(value),
        values => Value::List(values.iter().map(convert).collect()),
    })
}

fn convert(value: &DynSolValue) -> Value {
    match value {
        DynSolValue::Bool(bool) => Value::Bool(*bool),
        DynSolValue::Uint(number, _) => Value::Int(Integer::from_unsigned(*number)),
        DynSolValue::Int(number, _) => Value::Int(Integer::from_signed(*number)),
        DynSolValue::FixedBytes(word, size) => {
            Value::Text(hex::encode_prefixed(word.get(..*size).unwrap_or(word.as_slice())))
        }
        DynSolValue::Address(address) => Value::Text(hex::encode_prefixed(address)),
        DynSolValue::Function(function) => Value::Text(hex::encode_prefixed(function)),
        DynSolValue::Bytes(bytes) => Value::Text(hex::encode_prefixed(bytes)),
        DynSolValue::String(text) => Value::Text(text.clone()),
        DynSolValue::Array(values)
        | DynSolValue::FixedArray(values)
        | DynSolValue::Tuple(values)
        | DynSolValue::CustomStruct { tuple: values, .. } => {
            Value::List(values.iter().map(convert).collect())
        }
    }
}
