//! What one endpoint says a transaction takes at the moment: the account's nonce, fees, gas.

use alloy::primitives::{Address, U64, U128};
use serde::Deserialize;
use serde_json::json;

use super::broadcast::TransactionDraft;
use super::endpoint::{Endpoint, Question};
use super::error::{RpcError, RpcErrorKind};

/// What one endpoint says about the account and the fees of the moment.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub nonce: u64,
    pub base_fee_wei: u128,
    pub tip_wei: u128,
    pub gas: Result<u64, RpcErrorKind>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeeHeader {
    base_fee_per_gas: Option<U128>,
}

/// Asks for all of it in one request.
pub(super) async fn terms(
    endpoint: &Endpoint,
    from: Address,
    draft: &TransactionDraft,
) -> Result<Terms, RpcError> {
    let doing = "preparing a transaction";
    let call = json!({ "from": from, "to": draft.to, "data": draft.data });
    let questions: [Question; 4] = [
        ("eth_getTransactionCount".into(), json!([from, "pending"])),
        ("eth_getBlockByNumber".into(), json!(["latest", false])),
        ("eth_maxPriorityFeePerGas".into(), json!([])),
        // Without a block some nodes estimate on what waits, where a transaction to outbid is done already.
        ("eth_estimateGas".into(), json!([call, "latest"])),
    ];
    let mut answers = endpoint.ask_batch(doing, &questions).await?.into_iter();
    let mut next = || {
        answers.next().unwrap_or_else(|| Err(RpcError::garbled(endpoint.label(), doing, "too few answers")))
    };
    let nonce: U64 = endpoint.parse(doing, &next()?)?;
    let header: FeeHeader = endpoint.parse(doing, &next()?)?;
    // Not every node knows the method; the floor holds then.
    let tip = next().and_then(|raw| endpoint.parse::<U128>(doing, &raw)).unwrap_or_default();
    let gas = next().and_then(|raw| endpoint.parse::<U64>(doing, &raw)).map_err(|error| error.kind);
    Ok(Terms {
        nonce: nonce.to(),
        base_fee_wei: header.base_fee_per_gas.unwrap_or_default().to(),
        tip_wei: tip.to(),
        gas: gas.map(|gas| gas.to()),
    })
}
