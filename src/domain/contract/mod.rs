//! Contracts the configuration names, and calls on them written as text.
//!
//! A runbook says `setCap(0xAb…, 0)`; [`Contract::resolve`] finds the one function of the contract's ABI
//! that means, and encodes it. Invariants:
//!
//! * A call that could mean two functions is refused, never guessed: the text must then carry the
//!   signature, as in `pause(bytes32)(0x…)`.
//! * What a signer reads ([`ContractCall::describe`]) comes from the same arguments as the calldata.
//!
//! It does not know how a call is sent, and reads nothing: values of a read come from `chain`.

mod error;
mod text;
mod value;

use std::collections::BTreeMap;

use alloy::dyn_abi::{DynSolType, DynSolValue, JsonAbiExt as _, Specifier as _};
use alloy::json_abi::{Function, JsonAbi, StateMutability};
use alloy::primitives::{Address, Bytes, Selector};

use super::names::{ChainId, ChainName, ContractName};

pub use error::{CallError, DecodeError};
pub use text::{CALL_CHARS_MAX, CALL_DEPTH_MAX, CallText, CallTextError, Literal};

/// `[contracts.NAME]`: every contract the configuration names.
pub type Contracts = BTreeMap<ContractName, Contract>;

/// A contract the configuration names, with its ABI.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// `[contracts.NAME]`.
    pub name: ContractName,
    /// The chain it lives on, by name.
    pub chain: ChainName,
    /// The same chain's EIP-155 id.
    pub chain_id: ChainId,
    /// Where it is.
    pub address: Address,
    /// What can be called on it.
    pub abi: JsonAbi,
}

/// One argument of a call, as a signer should see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The parameter's name; empty where the ABI gives none.
    pub name: String,
    /// What is passed.
    pub value: DynSolValue,
}

/// One value a call returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The output's name; empty where the ABI gives none.
    pub name: String,
    /// Its Solidity type.
    pub kind: DynSolType,
}

/// One call on a named contract, encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractCall {
    /// The contract, as the configuration names it.
    pub contract: ContractName,
    /// Its chain, by name.
    pub chain: ChainName,
    /// Its chain's EIP-155 id.
    pub chain_id: ChainId,
    /// Its address: the call's target.
    pub address: Address,
    /// For example `setCap(address,uint256)`.
    pub signature: String,
    /// First four bytes of the signature's keccak-256.
    pub selector: Selector,
    /// Calldata, selector included.
    pub data: Bytes,
    /// What is passed, in order.
    pub arguments: Vec<Argument>,
    /// What comes back, in order.
    pub outputs: Vec<Output>,
    /// True when the ABI says `view` or `pure`.
    pub is_view: bool,
}

impl Contract {
    /// Finds the function `text` means and encodes the call, whatever its mutability.
    ///
    /// # Errors
    /// The text is not a call, or the ABI has no such function, several, or none that takes these arguments.
    pub fn resolve(&self, text: &str) -> Result<ContractCall, CallError> {
        let call = CallText::parse(text).map_err(|why| CallError::Text { text: text.to_owned(), why })?;
        let named = self.abi.function(&call.name).map_or(&[][..], Vec::as_slice);
        let candidates: Vec<&Function> = match &call.types {
            Some(types) => {
                let wanted = format!("{}({types})", call.name);
                named.iter().filter(|function| function.signature() == wanted).collect()
            }
            None => named.iter().filter(|function| function.inputs.len() == call.arguments.len()).collect(),
        };
        if candidates.is_empty() {
            return Err(error::no_such_function(self, &call, named));
        }
        let mut fitting = Vec::new();
        let mut misfits = Vec::new();
        for function in candidates {
            match self.encode(function, &call) {
                Ok(encoded) => fitting.push(encoded),
                Err(misfit) => misfits.push(misfit),
            }
        }
        match (fitting.len(), misfits.pop()) {
            (0, Some(misfit)) if misfits.is_empty() => Err(misfit),
            (0, last) => {
                misfits.extend(last);
                Err(CallError::NoOverloadFits {
                    contract: self.name.clone(),
                    function: call.name,
                    why: misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                })
            }
            (1, _) => fitting.pop().ok_or(CallError::Empty),
            (_, _) => Err(CallError::Ambiguous {
                contract: self.name.clone(),
                text: text.to_owned(),
                signatures: fitting.iter().map(|call| call.signature.clone()).collect(),
            }),
        }
    }

    /// As [`Contract::resolve`], for a call that only reads.
    ///
    /// # Errors
    /// As [`Contract::resolve`]; or the function may change state, or returns nothing.
    pub fn resolve_read(&self, text: &str) -> Result<ContractCall, CallError> {
        let call = self.resolve(text)?;
        if !call.is_view {
            return Err(CallError::NotAView { contract: self.name.clone(), signature: call.signature });
        }
        if call.outputs.is_empty() {
            return Err(CallError::ReturnsNothing { contract: self.name.clone(), signature: call.signature });
        }
        Ok(call)
    }

    /// As [`Contract::resolve`], for a call that is to change something.
    ///
    /// # Errors
    /// As [`Contract::resolve`]; or the function is a view, so that calling it does nothing.
    pub fn resolve_action(&self, text: &str) -> Result<ContractCall, CallError> {
        let call = self.resolve(text)?;
        if call.is_view {
            return Err(CallError::OnlyAView { contract: self.name.clone(), signature: call.signature });
        }
        Ok(call)
    }

    fn encode(&self, function: &Function, call: &CallText) -> Result<ContractCall, CallError> {
        let signature = function.signature();
        if function.inputs.len() != call.arguments.len() {
            return Err(CallError::ArgumentCount {
                contract: self.name.clone(),
                wanted: function.inputs.len(),
                found: call.arguments.len(),
                signature,
            });
        }
        let abi = |source| CallError::Abi {
            contract: self.name.clone(),
            signature: function.signature(),
            source: Box::new(source),
        };
        let mut arguments = Vec::with_capacity(function.inputs.len());
        for (position, (parameter, literal)) in function.inputs.iter().zip(&call.arguments).enumerate() {
            let kind = parameter.resolve().map_err(abi)?;
            let value = value::from_literal(&kind, literal).map_err(|why| CallError::Argument {
                contract: self.name.clone(),
                signature: signature.clone(),
                position: position.saturating_add(1),
                parameter: parameter.name.clone(),
                why,
            })?;
            arguments.push(Argument { name: parameter.name.clone(), value });
        }
        let values: Vec<DynSolValue> = arguments.iter().map(|argument| argument.value.clone()).collect();
        let data = Bytes::from(function.abi_encode_input(&values).map_err(abi)?);
        let mut outputs = Vec::with_capacity(function.outputs.len());
        for output in &function.outputs {
            outputs.push(Output { name: output.name.clone(), kind: output.resolve().map_err(abi)? });
        }
        Ok(ContractCall {
            contract: self.name.clone(),
            chain: self.chain.clone(),
            chain_id: self.chain_id,
            address: self.address,
            signature,
            selector: function.selector(),
            data,
            arguments,
            outputs,
            is_view: matches!(function.state_mutability, StateMutability::View | StateMutability::Pure),
        })
    }
}

impl ContractCall {
    /// Decodes what the call returned, by the outputs its ABI declares.
    ///
    /// # Errors
    /// The bytes are not what the ABI declares: a wrong ABI, or an address without that function. Empty
    /// bytes are such a case, and the error says so: an account without code answers every call with them.
    pub fn decode_output(&self, data: &[u8]) -> Result<Vec<DynSolValue>, DecodeError> {
        if data.is_empty() && !self.outputs.is_empty() {
            return Err(DecodeError::Empty {
                contract: self.contract.clone(),
                signature: self.signature.clone(),
            });
        }
        let kind = DynSolType::Tuple(self.outputs.iter().map(|output| output.kind.clone()).collect());
        match kind.abi_decode_params(data) {
            Ok(DynSolValue::Tuple(values)) => Ok(values),
            Ok(value) => Ok(vec![value]),
            Err(source) => Err(DecodeError::Malformed {
                contract: self.contract.clone(),
                signature: self.signature.clone(),
                bytes: data.len(),
                source: Box::new(source),
            }),
        }
    }

    /// The call in a signer's words: `vault.setCap(account: 0x…, cap: 0)`.
    pub fn describe(&self) -> String {
        let name = self.signature.split('(').next().unwrap_or_default();
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|argument| match argument.name.as_str() {
                "" => value::display(&argument.value),
                name => format!("{name}: {}", value::display(&argument.value)),
            })
            .collect();
        format!("{}.{name}({})", self.contract, arguments.join(", "))
    }
}

/// A Solidity value as people write it: checksummed addresses, decimal numbers, quoted strings.
pub fn display_value(value: &DynSolValue) -> String {
    value::display(value)
}

#[cfg(test)]
pub(crate) mod tests;
