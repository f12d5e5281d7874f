//! Lists of a Safe's transactions, with the real service's filters and orders. A filter that the real
//! service has and this one has not is refused: ignoring it would answer another question.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Parts;
use super::chain_view::Execution;
use super::fields::checksummed;
use super::page::Window;
use super::propose::in_path;
use super::refusal::Refusal;
use super::render;
use super::store::StoredTx;
use crate::domain::safe::{SafeNonce, SafeTxHash};

const STATUS: StatusCode = StatusCode::BAD_REQUEST;

/// What the real service filters by and this one does not.
const FILTERS_UNSUPPORTED: [&str; 14] = [
    "failed",
    "value",
    "value__gt",
    "value__lt",
    "safe_tx_hash",
    "transaction_hash",
    "submission_date__gte",
    "submission_date__lte",
    "execution_date__gte",
    "execution_date__lte",
    "modified__gte",
    "modified__lte",
    "modified__lt",
    "modified",
];

/// One page of a Safe's transactions.
pub(super) async fn list(parts: &Parts, address: &str, window: &Window) -> Result<Value, Refusal> {
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
    found.retain(|(tx, execution)| filter.keeps(tx, execution.as_ref()));
    if let Some(wanted) = filter.has_confirmations {
        found = having_confirmations(parts, found, wanted).await?;
    }
    filter.order.sort(&mut found);
    let count = found.len();
    let mut results = Vec::new();
    for (tx, execution) in window.cut(found) {
        let confirmations = parts.store.confirmations(tx.hash).await?;
        results.push(render::transaction(&tx, execution.as_ref(), &confirmations, state.as_ref()));
    }
    let mut page = window.fields(count, results);
    page.insert("countUniqueNonce".to_owned(), json!(parts.store.unique_nonces(safe).await?));
    Ok(Value::Object(page))
}

/// One transaction.
pub(super) async fn one(parts: &Parts, hash: SafeTxHash) -> Result<Value, Refusal> {
    let Some(tx) = parts.store.transaction(hash).await? else {
        return Err(Refusal::not_found("No MultisigTransaction matches the given query."));
    };
    let state = parts.state_of(tx.safe).await?;
    let execution = parts.execution(&tx, &state).await?;
    let confirmations = parts.store.confirmations(hash).await?;
    Ok(render::transaction(&tx, execution.as_ref(), &confirmations, Some(&state)))
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

struct Filter {
    executed: Option<bool>,
    trusted_only: bool,
    has_confirmations: Option<bool>,
    to: Option<alloy::primitives::Address>,
    modified_after: Option<Timestamp>,
    nonce_from: SafeNonce,
    nonce_to: SafeNonce,
    /// The range is empty whatever its ends say.
    nothing: bool,
    order: Order,
}

impl Filter {
    fn read(window: &Window) -> Result<Self, Refusal> {
        if let Some(name) = FILTERS_UNSUPPORTED.into_iter().find(|name| window.get(name).is_some()) {
            return Err(Refusal::field(STATUS, name, "This embedded service has no such filter."));
        }
        let to = match window.get("to").map(|text| (text, checksummed(text))) {
            None => None,
            Some((_, Some(to))) => Some(to),
            Some((_, None)) => {
                return Err(Refusal::field(STATUS, "to", "Enter a valid checksummed Ethereum Address."));
            }
        };
        let modified_after = match window.get("modified__gt").map(str::parse::<Timestamp>) {
            None => None,
            Some(Ok(time)) => Some(time),
            Some(Err(_)) => return Err(Refusal::field(STATUS, "modified__gt", "Enter a valid date/time.")),
        };
        let mut filter = Self {
            executed: flag(window, "executed")?,
            trusted_only: flag(window, "trusted")?.unwrap_or(true),
            has_confirmations: flag(window, "has_confirmations")?,
            to,
            modified_after,
            nonce_from: SafeNonce::default(),
            nonce_to: SafeNonce(alloy::primitives::U256::MAX),
            nothing: false,
            order: Order::read(window)?,
        };
        filter.read_nonces(window)?;
        Ok(filter)
    }

    fn read_nonces(&mut self, window: &Window) -> Result<(), Refusal> {
        let one = alloy::primitives::U256::ONE;
        if let Some(nonce) = nonce(window, "nonce")? {
            (self.nonce_from, self.nonce_to) = (nonce, nonce);
        }
        if let Some(least) = nonce(window, "nonce__gte")? {
            self.nonce_from = self.nonce_from.max(least);
        }
        if let Some(most) = nonce(window, "nonce__lte")? {
            self.nonce_to = self.nonce_to.min(most);
        }
        if let Some(below) = nonce(window, "nonce__gt")? {
            match below.0.checked_add(one) {
                Some(least) => self.nonce_from = self.nonce_from.max(SafeNonce(least)),
                None => self.nothing = true,
            }
        }
        if let Some(above) = nonce(window, "nonce__lt")? {
            match above.0.checked_sub(one) {
                Some(most) => self.nonce_to = self.nonce_to.min(SafeNonce(most)),
                None => self.nothing = true,
            }
        }
        Ok(())
    }

    fn keeps(&self, tx: &StoredTx, execution: Option<&Execution>) -> bool {
        !self.nothing
            && self.executed.is_none_or(|executed| executed == execution.is_some())
            && (tx.trusted || !self.trusted_only)
            && self.to.is_none_or(|to| to == tx.tx.to)
            && self.modified_after.is_none_or(|time| tx.modified_at > time.as_microsecond())
    }
}

fn flag(window: &Window, name: &str) -> Result<Option<bool>, Refusal> {
    match window.get(name).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Refusal::field(STATUS, name, "Enter true or false.")),
    }
}

fn nonce(window: &Window, name: &str) -> Result<Option<SafeNonce>, Refusal> {
    window
        .get(name)
        .map(|text| text.parse().map_err(|_| Refusal::field(STATUS, name, "Enter a number.")))
        .transpose()
}

/// By what a list is ordered; each has one direction or the other.
#[derive(Clone, Copy)]
struct Order {
    by: By,
    descending: bool,
}

#[derive(Clone, Copy)]
enum By {
    Nonce,
    Created,
    Modified,
}

impl Order {
    fn read(window: &Window) -> Result<Self, Refusal> {
        let text = window.get("ordering").unwrap_or("-nonce");
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let by = match name {
            "nonce" => By::Nonce,
            "created" => By::Created,
            "modified" => By::Modified,
            _ => {
                let text = "This embedded service orders by nonce, created or modified.";
                return Err(Refusal::field(STATUS, "ordering", text));
            }
        };
        Ok(Self { by, descending })
    }

    fn sort(self, rows: &mut [(StoredTx, Option<Execution>)]) {
        rows.sort_by(|(one, _), (other, _)| {
            let by_creation = one.submitted_at.cmp(&other.submitted_at);
            let ascending = match self.by {
                By::Nonce => one.tx.nonce.cmp(&other.tx.nonce).then(by_creation),
                By::Created => by_creation,
                By::Modified => one.modified_at.cmp(&other.modified_at).then(by_creation),
            };
            if self.descending { ascending.reverse() } else { ascending }
        });
    }
}
