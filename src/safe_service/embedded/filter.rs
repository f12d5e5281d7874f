//! The filters and orders of a Safe's list of transactions, as the real service has them. A value that is none
//! is refused: ignoring it would answer another question.

use alloy::primitives::{Address, B256, U256};
use axum::http::StatusCode;
use jiff::Timestamp;

use super::chain_view::Execution;
use super::fields::checksummed;
use super::page::Window;
use super::refusal::Refusal;
use super::store::{Micros, StoredTx};
use crate::domain::safe::SafeNonce;

const STATUS: StatusCode = StatusCode::BAD_REQUEST;

/// What a list may hold.
pub(super) struct Filter {
    executed: Option<bool>,
    failed: Option<bool>,
    trusted_only: bool,
    pub(super) has_confirmations: Option<bool>,
    to: Option<Address>,
    hash: Option<B256>,
    executed_in: Option<B256>,
    value: Range<U256>,
    modified: Range<Micros>,
    submitted: Range<Micros>,
    executed_at: Range<Micros>,
    pub(super) nonce_from: SafeNonce,
    pub(super) nonce_to: SafeNonce,
    /// The range of nonces is empty whatever its ends say.
    nothing: bool,
    pub(super) order: Order,
}

/// Bounds that are given; `above` and `below` are not part of the range, `least` and `most` are.
struct Range<T> {
    is: Option<T>,
    above: Option<T>,
    least: Option<T>,
    below: Option<T>,
    most: Option<T>,
}

impl<T: PartialOrd + Copy> Range<T> {
    fn read(
        window: &Window,
        name: &str,
        parse: impl Fn(&Window, &str) -> Result<Option<T>, Refusal>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            is: parse(window, name)?,
            above: parse(window, &format!("{name}__gt"))?,
            least: parse(window, &format!("{name}__gte"))?,
            below: parse(window, &format!("{name}__lt"))?,
            most: parse(window, &format!("{name}__lte"))?,
        })
    }

    fn is_given(&self) -> bool {
        [&self.is, &self.above, &self.least, &self.below, &self.most].into_iter().any(Option::is_some)
    }

    fn holds(&self, value: T) -> bool {
        self.is.is_none_or(|is| value == is)
            && self.above.is_none_or(|above| value > above)
            && self.least.is_none_or(|least| value >= least)
            && self.below.is_none_or(|below| value < below)
            && self.most.is_none_or(|most| value <= most)
    }
}

impl Filter {
    pub(super) fn read(window: &Window) -> Result<Self, Refusal> {
        let to = match window.get("to").map(checksummed) {
            None => None,
            Some(Some(to)) => Some(to),
            Some(None) => {
                return Err(Refusal::field(STATUS, "to", "Enter a valid checksummed Ethereum Address."));
            }
        };
        let mut filter = Self {
            executed: flag(window, "executed")?,
            failed: flag(window, "failed")?,
            trusted_only: flag(window, "trusted")?.unwrap_or(true),
            has_confirmations: flag(window, "has_confirmations")?,
            to,
            hash: hash(window, "safe_tx_hash")?,
            executed_in: hash(window, "transaction_hash")?,
            value: Range::read(window, "value", number)?,
            modified: Range::read(window, "modified", moment)?,
            submitted: Range::read(window, "submission_date", moment)?,
            executed_at: Range::read(window, "execution_date", moment)?,
            nonce_from: SafeNonce::default(),
            nonce_to: SafeNonce(U256::MAX),
            nothing: false,
            order: Order::read(window)?,
        };
        filter.read_nonces(window)?;
        Ok(filter)
    }

    fn read_nonces(&mut self, window: &Window) -> Result<(), Refusal> {
        let one = U256::ONE;
        if let Some(nonce) = number(window, "nonce")?.map(SafeNonce) {
            (self.nonce_from, self.nonce_to) = (nonce, nonce);
        }
        if let Some(least) = number(window, "nonce__gte")?.map(SafeNonce) {
            self.nonce_from = self.nonce_from.max(least);
        }
        if let Some(most) = number(window, "nonce__lte")?.map(SafeNonce) {
            self.nonce_to = self.nonce_to.min(most);
        }
        if let Some(below) = number(window, "nonce__gt")? {
            match below.checked_add(one) {
                Some(least) => self.nonce_from = self.nonce_from.max(SafeNonce(least)),
                None => self.nothing = true,
            }
        }
        if let Some(above) = number(window, "nonce__lt")? {
            match above.checked_sub(one) {
                Some(most) => self.nonce_to = self.nonce_to.min(SafeNonce(most)),
                None => self.nothing = true,
            }
        }
        Ok(())
    }

    /// Executions whose time is not known can be neither within nor outside of a range of times.
    pub(super) fn check_dates(&self, rows: &[(StoredTx, Option<Execution>)]) -> Result<(), Refusal> {
        let unknown = |execution: &Execution| execution.at_s.is_none();
        if self.executed_at.is_given()
            && rows.iter().any(|(_, execution)| execution.as_ref().is_some_and(unknown))
        {
            let text =
                "When some of these transactions were executed is not known here; leave out execution_date.";
            return Err(Refusal::Unavailable(text.to_owned()));
        }
        Ok(())
    }

    pub(super) fn keeps(&self, tx: &StoredTx, execution: Option<&Execution>) -> bool {
        let executed_at = execution
            .and_then(|execution| execution.at_s)
            .map(|at_s| i64::try_from(at_s).unwrap_or(i64::MAX).saturating_mul(1_000_000));
        !self.nothing
            && self.executed.is_none_or(|executed| executed == execution.is_some())
            && self.failed.is_none_or(|failed| execution.is_some_and(|execution| execution.success != failed))
            && (tx.trusted || !self.trusted_only)
            && self.to.is_none_or(|to| to == tx.tx.to)
            && self.hash.is_none_or(|hash| hash == tx.hash.0)
            && self
                .executed_in
                .is_none_or(|hash| execution.is_some_and(|execution| execution.tx_hash == hash))
            && self.value.holds(tx.tx.value)
            && self.modified.holds(tx.modified_at)
            && self.submitted.holds(tx.submitted_at)
            && (!self.executed_at.is_given() || executed_at.is_some_and(|at| self.executed_at.holds(at)))
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

fn number(window: &Window, name: &str) -> Result<Option<U256>, Refusal> {
    window
        .get(name)
        .map(|text| {
            let nonce: Result<SafeNonce, _> = text.parse();
            nonce.map(|nonce| nonce.0).map_err(|_| Refusal::field(STATUS, name, "Enter a number."))
        })
        .transpose()
}

fn hash(window: &Window, name: &str) -> Result<Option<B256>, Refusal> {
    window
        .get(name)
        .map(|text| text.parse().map_err(|_| Refusal::field(STATUS, name, "Enter a valid Keccak256 hash.")))
        .transpose()
}

fn moment(window: &Window, name: &str) -> Result<Option<Micros>, Refusal> {
    window
        .get(name)
        .map(|text| {
            let time: Result<Timestamp, _> = text.parse();
            time.map(Timestamp::as_microsecond)
                .map_err(|_| Refusal::field(STATUS, name, "Enter a valid date/time."))
        })
        .transpose()
}

/// By what a list is ordered; each has one direction or the other.
#[derive(Clone, Copy)]
pub(super) struct Order {
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

    pub(super) fn sort(self, rows: &mut [(StoredTx, Option<Execution>)]) {
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
