//! Lists of a Safe's transactions, with the real service's filters and orders.

use serde_json::{Value, json};

use super::Parts;
use super::chain_view::Execution;
use super::filter::Filter;
use super::page::Window;
use super::propose::in_path;
use super::refusal::Refusal;
use super::render::{self, Api, Whole};
use super::store::StoredTx;
use crate::domain::safe::SafeTxHash;

/// One page of a Safe's transactions.
pub(super) async fn list(parts: &Parts, address: &str, api: Api, window: &Window) -> Result<Value, Refusal> {
    let safe = in_path(address)?;
    let filter = Filter::read(window)?;
    let rows = parts.store.transactions(safe, filter.nonce_from, filter.nonce_to).await?;
    let mut state = None;
    let mut found = Vec::new();
    if !rows.is_empty() {
        let now = parts.state_of(safe).await?;
        found = parts.executions(rows, &now).await?;
        state = Some(now);
    }
    filter.check_dates(&found)?;
    found.retain(|(tx, execution)| filter.keeps(tx, execution.as_ref()));
    if let Some(wanted) = filter.has_confirmations {
        found = having_confirmations(parts, found, wanted).await?;
    }
    filter.order.sort(&mut found);
    let count = found.len();
    let mut results = Vec::new();
    for (tx, execution) in window.cut(found) {
        let confirmations = parts.store.confirmations(tx.hash).await?;
        let whole = Whole {
            stored: &tx,
            execution: execution.as_ref(),
            confirmations: &confirmations,
            state: state.as_ref(),
            known: &parts.known,
        };
        results.push(whole.shown(api));
    }
    let mut page = window.fields(count, results);
    page.insert("countUniqueNonce".to_owned(), json!(parts.store.unique_nonces(safe).await?));
    Ok(Value::Object(page))
}

/// One transaction.
pub(super) async fn one(parts: &Parts, hash: SafeTxHash, api: Api) -> Result<Value, Refusal> {
    let Some(tx) = parts.store.transaction(hash).await? else {
        return Err(Refusal::not_found("No MultisigTransaction matches the given query."));
    };
    let state = parts.state_of(tx.safe).await?;
    let execution = parts.execution(&tx, &state).await?;
    let confirmations = parts.store.confirmations(hash).await?;
    let whole = Whole {
        stored: &tx,
        execution: execution.as_ref(),
        confirmations: &confirmations,
        state: Some(&state),
        known: &parts.known,
    };
    Ok(whole.shown(api))
}

/// One page of a transaction's confirmations.
pub(super) async fn confirmations(
    parts: &Parts,
    hash: SafeTxHash,
    window: &Window,
) -> Result<Value, Refusal> {
    let found = parts.store.confirmations(hash).await?;
    let count = found.len();
    let results = window.cut(found).iter().map(render::confirmation).collect();
    Ok(window.page(count, results))
}

async fn having_confirmations(
    parts: &Parts,
    found: Vec<(StoredTx, Option<Execution>)>,
    wanted: bool,
) -> Result<Vec<(StoredTx, Option<Execution>)>, Refusal> {
    let mut kept = Vec::new();
    for (tx, execution) in found {
        if parts.store.confirmations(tx.hash).await?.is_empty() != wanted {
            kept.push((tx, execution));
        }
    }
    Ok(kept)
}
