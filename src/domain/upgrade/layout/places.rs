//! Where variables stand, in words and in bytes, and which value types mean the same.

use alloy::primitives::U256;

use super::{Shape, StorageLayout, Variable};

/// Bytes of a storage slot.
pub(super) const SLOT_BYTES: u64 = 32;

/// Where variables stand, for sentences.
#[derive(Clone)]
pub(super) struct Place {
    /// Before labels: `vaultStorage.`
    pub(super) prefix: String,
    /// After the slot: ` of namespace …`.
    pub(super) within: String,
    /// What slots are counted from.
    pub(super) base: U256,
}

impl Place {
    pub(super) fn contract() -> Self {
        Self { prefix: String::new(), within: String::new(), base: U256::ZERO }
    }

    pub(super) fn namespace(id: &str) -> Self {
        Self { within: format!(" of namespace {id}"), ..Self::contract() }
    }

    pub(super) fn name(&self, variable: &Variable) -> String {
        format!("`{}{}`", self.prefix, variable.label)
    }

    pub(super) fn at(&self, variable: &Variable) -> String {
        let slot = self.base.saturating_add(variable.slot);
        format!("slot {slot}, offset {}{}", variable.offset, self.within)
    }

    /// Inside a struct that lies in place.
    pub(super) fn member_of(&self, variable: &Variable) -> Self {
        Self {
            prefix: format!("{}{}.", self.prefix, variable.label),
            within: self.within.clone(),
            base: self.base.saturating_add(variable.slot),
        }
    }

    /// Inside what a mapping or an array holds.
    pub(super) fn value_of(&self, variable: &Variable) -> Self {
        let name = format!("{}{}", self.prefix, variable.label);
        Self {
            prefix: format!("{name}[…]."),
            within: format!(" of each value of `{name}`"),
            base: U256::ZERO,
        }
    }
}

/// First and last byte, as (slot, byte).
pub(super) type Span = ((U256, u64), (U256, u64));

pub(super) fn span(variable: &Variable, layout: &StorageLayout) -> Span {
    let bytes = layout.kind(&variable.kind).map_or(U256::ONE, |kind| kind.bytes).max(U256::ONE);
    let first = u64::from(variable.offset);
    let last = U256::from(first).saturating_add(bytes).saturating_sub(U256::ONE);
    let slot_bytes = U256::from(SLOT_BYTES);
    let end = variable.slot.saturating_add(last / slot_bytes);
    ((variable.slot, first), (end, (last % slot_bytes).saturating_to()))
}

pub(super) fn overlap(one: Span, other: Span) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}

pub(super) fn is_gap(variable: &Variable, layout: &StorageLayout) -> bool {
    let named = variable.label.starts_with("__gap") || variable.label.ends_with("__gap");
    let array = layout.kind(&variable.kind).map(|kind| matches!(kind.shape, Shape::FixedArray { .. }));
    named && array == Some(true)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    /// Of one width, and by name another type that may mean the same.
    Perhaps,
    No,
}

/// Whether two value types of one width mean the same.
pub(super) fn same_value(was: &str, now: &str) -> Same {
    let is_account = |label: &str| label.starts_with("address") || label.starts_with("contract ");
    // `enum Vault.State`, `contract IERC20`, `Price`: who declares it says nothing about its values.
    let last = |label: &str| label.rsplit(['.', ' ']).next().unwrap_or_default().to_owned();
    let is_named =
        |label: &str| label.chars().next().is_some_and(char::is_uppercase) || label.contains(['.', ' ']);
    if was == now || is_account(was) && is_account(now) {
        return Same::Yes;
    }
    if is_account(was) || is_account(now) {
        return Same::No;
    }
    match (is_named(was), is_named(now)) {
        (true, true) if last(was) == last(now) => Same::Yes,
        (false, false) => Same::No,
        (true, true) | (true, false) | (false, true) => Same::Perhaps,
    }
}
