//! What a Safe has executed, as far as it was proposed here: executions of proposals, newest first.
//!
//! Transfers, module transactions and executions that nobody proposed here are not in it: this service has no
//! index. Paths that show only such things refuse (`routes`), because an empty list would be a lie.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Parts;
use super::chain_view::Execution;
use super::page::Window;
use super::propose::in_path;
use super::refusal::Refusal;
use super::render::{Api, Whole};
use super::store::StoredTx;
use crate::domain::safe::SafeNonce;

/// One page of executed proposals.
pub(super) async fn list(parts: &Parts, address: &str, api: Api, window: &Window) -> Result<Value, Refusal> {
    let safe = in_path(address)?;
    let newest_first = match window.get("ordering").unwrap_or("-timestamp") {
        "timestamp" | "execution_date" | "executionDate" => false,
        "-timestamp" | "-execution_date" | "-executionDate" => true,
        _ => {
            let text = "This embedded service orders executed transactions by timestamp.";
            return Err(Refusal::field(StatusCode::BAD_REQUEST, "ordering", text));
        }
    };
    let every = SafeNonce(alloy::primitives::U256::MAX);
    let rows = parts.store.transactions(safe, SafeNonce::default(), every).await?;
    let mut found: Vec<(StoredTx, Execution)> = Vec::new();
    let mut state = None;
    if !rows.is_empty() {
        let now = parts.state_of(safe).await?;
        let known = parts.executions(rows, &now).await?;
        found = known.into_iter().filter_map(|(tx, execution)| Some((tx, execution?))).collect();
        state = Some(now);
    }
    found.sort_by_key(|(tx, _)| tx.tx.nonce);
    if newest_first {
        found.reverse();
    }
    let count = found.len();
    let mut results = Vec::new();
    for (tx, execution) in window.cut(found) {
        let confirmations = parts.store.confirmations(tx.hash).await?;
        let whole = Whole {
            stored: &tx,
            execution: Some(&execution),
            confirmations: &confirmations,
            state: state.as_ref(),
            known: &parts.known,
        };
        let mut shown = whole.shown(api);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("transfers".to_owned(), json!([]));
            shown.insert("txType".to_owned(), json!("MULTISIG_TRANSACTION"));
        }
        results.push(shown);
    }
    Ok(window.page(count, results))
}
