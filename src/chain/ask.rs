//! One read of one block: how an endpoint is asked, and what its answer is taken for.
//!
//! *Invariant.* A read is pinned to the block's hash, so that a fork cannot answer. Who is asked and who must agree is
//! [`snapshot`](super::snapshot)'s.

use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Question};
use super::error::{RpcError, RpcErrorKind};
use super::head::BlockRef;
use super::snapshot::CallOutcome;

/// `SLOAD(0)`, `EXTCODEHASH` of it, returned: run in the proxy's place by a state override, it tells the
/// hash of the singleton's code in the same request that first tells where the singleton is.
const CODE_HASH_OF_FIRST_SLOT: &str = "0x6000543f60005260206000f3";

/// One read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Call {
        to: Address,
        data: Bytes,
    },
    CallAs {
        from: Address,
        to: Address,
        data: Bytes,
    },
    /// The hash of the code that the proxy's first slot points at.
    SingletonCode {
        proxy: Address,
    },
    Storage {
        address: Address,
        slot: B256,
    },
    Code {
        address: Address,
    },
    Balance {
        address: Address,
    },
}

impl Ask {
    pub(super) fn question(&self, block: &BlockRef) -> Question {
        let at = at(block);
        match self {
            Self::Call { to, data } => ("eth_call".into(), json!([{ "to": to, "data": data }, at])),
            Self::CallAs { from, to, data } => {
                ("eth_call".into(), json!([{ "from": from, "to": to, "data": data }, at]))
            }
            Self::SingletonCode { proxy } => {
                let assumed =
                    json!({ alloy::hex::encode_prefixed(proxy): { "code": CODE_HASH_OF_FIRST_SLOT } });
                ("eth_call".into(), json!([{ "to": proxy, "data": "0x" }, at, assumed]))
            }
            Self::Storage { address, slot } => ("eth_getStorageAt".into(), json!([address, slot, at])),
            Self::Code { address } => ("eth_getCode".into(), json!([address, at])),
            Self::Balance { address } => ("eth_getBalance".into(), json!([address, at])),
        }
    }

    pub(super) fn doing(&self) -> String {
        match self {
            Self::SingletonCode { proxy } => format!("reading the code behind {proxy}"),
            Self::Call { to, data } | Self::CallAs { to, data, .. } => {
                let selector = data.get(..4).map(alloy::hex::encode_prefixed).unwrap_or_default();
                format!("calling {selector} of {to}")
            }
            Self::Storage { address, slot } => format!("reading slot {slot} of {address}"),
            Self::Code { address } => format!("reading the code of {address}"),
            Self::Balance { address } => format!("reading the balance of {address}"),
        }
    }

    /// Every answer as bytes, numbers as 32 of them: what is compared and then decoded.
    pub(super) fn outcome(
        &self,
        endpoint: &Endpoint,
        doing: &str,
        answer: Result<Box<RawValue>, RpcError>,
    ) -> Result<CallOutcome, RpcError> {
        let raw = match answer {
            Ok(raw) => raw,
            Err(RpcError { kind: RpcErrorKind::Reverted { data }, .. }) => {
                return Ok(CallOutcome::Reverted(data));
            }
            Err(error) => return Err(error),
        };
        let bytes = match self {
            Self::Call { .. } | Self::CallAs { .. } | Self::SingletonCode { .. } | Self::Code { .. } => {
                endpoint.parse(doing, &raw)?
            }
            // Some nodes shorten storage words, as they shorten numbers.
            Self::Storage { .. } | Self::Balance { .. } => {
                Bytes::from(endpoint.parse::<U256>(doing, &raw)?.to_be_bytes_vec())
            }
        };
        Ok(CallOutcome::Returned(bytes))
    }
}

/// Pins a read to the block itself rather than to its height, so that a fork cannot answer (EIP-1898).
pub(super) fn at(block: &BlockRef) -> Value {
    json!({ "blockHash": block.hash })
}
