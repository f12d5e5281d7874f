//! A contract's storage layout as its compiler prints it, and whether another may take its place.
//!
//! Read is what `forge inspect C storageLayout --json` prints, what `solc --storage-layout` puts into its JSON, and
//! a forge artifact that holds it as `storageLayout`. What OpenZeppelin's upgrade tools call `namespaces` (ERC-7201)
//! is read as well. The compiler itself shows no namespace: a layout without a variable proves nothing about them,
//! and [`Comparison`] says so. What no compiler writes is refused, with everything that is wrong with it ([`Unsound`]).
//!
//! *Invariant.* Types are compared by what they are, never by the compiler's ids, which differ from build to build.

mod compare;
mod places;
mod sound;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_sound;

use std::collections::BTreeMap;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

pub use compare::{Clash, Comparison, compare};
pub use sound::Unsound;

/// Variables and members in one layout at most.
pub const VARIABLES_MAX: usize = 10_000;

/// A storage layout.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StorageLayout {
    /// Variables at fixed slots, in the order of slots.
    pub(super) variables: Vec<Variable>,
    /// ERC-7201 namespaces by id, where the tool that wrote the file shows them.
    pub(super) namespaces: BTreeMap<String, Vec<Variable>>,
    types: BTreeMap<String, Type>,
}

/// A state variable, or a member of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Variable {
    pub(super) label: String,
    /// Of the contract, or counted from the beginning of the struct.
    pub(super) slot: U256,
    /// In bytes, from the low end of the slot.
    pub(super) offset: u32,
    /// Id of its type.
    pub(super) kind: String,
}

/// What a type is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Type {
    /// As Solidity writes it: `mapping(address => uint256)`.
    pub(super) label: String,
    pub(super) bytes: U256,
    pub(super) shape: Shape,
}

/// How values of a type lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shape {
    /// In place, one value.
    Value,
    /// `bytes` and `string`.
    Bytes,
    Mapping {
        key: String,
        value: String,
    },
    DynamicArray {
        base: String,
    },
    FixedArray {
        base: String,
    },
    Struct {
        members: Vec<Variable>,
    },
}

/// Why a text is no storage layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Not JSON, or another JSON.
    #[error("is no storage layout: {0}")]
    NotALayout(String),
    /// An artifact that was built without it.
    #[error(
        "is an artifact without \"storageLayout\": add extra_output = [\"storageLayout\"] to foundry.toml and build again, or write the output of `forge inspect CONTRACT storageLayout --json`"
    )]
    ArtifactWithout,
    /// A variable's type is not among the types.
    #[error("names the type {0}, and does not describe it")]
    UnknownType(String),
    /// Variables lie where no compiler puts them.
    #[error(
        "is no layout that a compiler writes: {0}. Nothing compared with it would be proof: take the file from the compiler again (`forge inspect CONTRACT storageLayout --json`), and leave it as it is"
    )]
    Unsound(Unsound),
    /// More than [`VARIABLES_MAX`].
    #[error("has {0} variables; at most {VARIABLES_MAX} are compared")]
    TooLong(usize),
}

#[derive(Deserialize)]
struct RawLayout {
    storage: Vec<RawVariable>,
    types: Option<BTreeMap<String, RawType>>,
    namespaces: Option<BTreeMap<String, Vec<RawVariable>>>,
}

#[derive(Deserialize)]
struct RawVariable {
    label: String,
    offset: u32,
    slot: RawNumber,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawType {
    encoding: Option<String>,
    label: String,
    number_of_bytes: RawNumber,
    key: Option<String>,
    value: Option<String>,
    base: Option<String>,
    members: Option<Vec<RawVariable>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawNumber {
    Number(u64),
    Text(String),
}

impl RawNumber {
    fn read(&self) -> Result<U256, LayoutError> {
        match self {
            Self::Number(number) => Ok(U256::from(*number)),
            Self::Text(text) => text
                .parse()
                .map_err(|_| LayoutError::NotALayout(format!("{text:?} is no slot and no number of bytes"))),
        }
    }
}

impl RawVariable {
    fn read(self) -> Result<Variable, LayoutError> {
        Ok(Variable { slot: self.slot.read()?, label: self.label, offset: self.offset, kind: self.kind })
    }
}

impl RawType {
    fn read(self) -> Result<Type, LayoutError> {
        let bytes = self.number_of_bytes.read()?;
        let members = self.members.map(read_all).transpose()?;
        let shape = match (self.encoding.as_deref(), self.key, self.value, self.base, members) {
            (_, Some(key), Some(value), _, _) => Shape::Mapping { key, value },
            (Some("dynamic_array"), _, _, Some(base), _) => Shape::DynamicArray { base },
            (_, _, _, Some(base), _) => Shape::FixedArray { base },
            (_, _, _, _, Some(members)) if self.label.starts_with("struct ") => Shape::Struct { members },
            (Some("bytes"), ..) => Shape::Bytes,
            (Some("inplace") | None, ..) => Shape::Value,
            (Some(encoding), ..) => {
                return Err(LayoutError::NotALayout(format!(
                    "type {} has the encoding {encoding:?}, which is not known here",
                    self.label
                )));
            }
        };
        Ok(Type { label: self.label, bytes, shape })
    }
}

fn read_all(raw: Vec<RawVariable>) -> Result<Vec<Variable>, LayoutError> {
    raw.into_iter().map(RawVariable::read).collect()
}

impl StorageLayout {
    /// Reads a layout from JSON.
    ///
    /// # Errors
    /// The text is not one, describes it in part, is too long, or is nothing that a compiler writes.
    pub fn parse(text: &str) -> Result<Self, LayoutError> {
        let mut json: serde_json::Value =
            serde_json::from_str(text).map_err(|error| LayoutError::NotALayout(error.to_string()))?;
        let inner = json.get_mut("storageLayout").map(serde_json::Value::take);
        if inner.is_none() && json.get("storage").is_none() && json.get("abi").is_some() {
            return Err(LayoutError::ArtifactWithout);
        }
        let raw: RawLayout = serde_json::from_value(inner.unwrap_or(json))
            .map_err(|error| LayoutError::NotALayout(error.to_string()))?;
        let types = raw.types.unwrap_or_default();
        let types = types
            .into_iter()
            .map(|(id, raw)| Ok((id, raw.read()?)))
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let namespaces = raw.namespaces.unwrap_or_default();
        let namespaces = namespaces
            .into_iter()
            .map(|(id, raw)| Ok((id, read_all(raw)?)))
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let layout = Self { variables: read_all(raw.storage)?, namespaces, types };
        layout.check()?;
        sound::check(&layout)?;
        Ok(layout)
    }

    /// Every type that is named is described, and there is not too much of it.
    fn check(&self) -> Result<(), LayoutError> {
        let members = self.types.values().flat_map(|kind| match &kind.shape {
            Shape::Struct { members } => members.as_slice(),
            Shape::Value
            | Shape::Bytes
            | Shape::Mapping { .. }
            | Shape::DynamicArray { .. }
            | Shape::FixedArray { .. } => &[],
        });
        let all: Vec<_> =
            self.variables.iter().chain(self.namespaces.values().flatten()).chain(members).collect();
        if all.len() > VARIABLES_MAX {
            return Err(LayoutError::TooLong(all.len()));
        }
        let inner = self.types.values().flat_map(|kind| match &kind.shape {
            Shape::Mapping { key, value } => vec![key, value],
            Shape::DynamicArray { base } | Shape::FixedArray { base } => vec![base],
            Shape::Value | Shape::Bytes | Shape::Struct { .. } => Vec::new(),
        });
        let named = all.iter().map(|variable| &variable.kind).chain(inner);
        match named.into_iter().find(|id| !self.types.contains_key(*id)) {
            Some(id) => Err(LayoutError::UnknownType(id.clone())),
            None => Ok(()),
        }
    }

    /// How many variables it shows, namespaces included.
    pub fn len(&self) -> usize {
        self.variables.len().saturating_add(self.namespaces.values().map(Vec::len).sum())
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn kind(&self, id: &str) -> Option<&Type> {
        self.types.get(id)
    }
}
