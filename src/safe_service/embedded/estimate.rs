//! Gas estimation, as on every L2: `safeTxGas` is 0. With 0 a transaction whose call reverts reverts as a
//! whole and keeps its nonce, which is what an emergency wants; any other value would burn the nonce.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Parts;
use super::fields::{Fields, Need};
use super::propose::in_path;
use super::refusal::Refusal;

/// Answers 0 to a well-formed question about a Safe that is there.
pub(super) async fn estimate(parts: &Parts, address: &str, body: Value) -> Result<Value, Refusal> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let safe = in_path(address)?;
    let mut fields = Fields::new(body, status)?;
    fields.address("to", Need::Required);
    fields.number("value");
    fields.bytes("data", Need::Optional);
    if fields.number("operation").is_some_and(|operation| operation > alloy::primitives::U256::from(2)) {
        fields.problem("operation", "Unknown operation");
    }
    fields.finish(status)?;
    match parts.chain.safe_state(safe).await? {
        Some(_) => Ok(json!({ "safeTxGas": "0" })),
        None => Err(Refusal::Absent),
    }
}
