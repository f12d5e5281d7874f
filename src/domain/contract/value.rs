//! Between what people write and Solidity's values.
//!
//! Strict on purpose: a mixed-case address must carry its EIP-55 checksum, because a mistyped one in a
//! runbook would be signed at three in the morning; a number must fit its type, never wrap.

use alloy::dyn_abi::{DynSolType, DynSolValue};
use alloy::hex;
use alloy::primitives::{Address, B256, I256, U256};

use super::text::Literal;

/// Reads a literal as a value of `kind`; the error is the rest of a sentence about the argument.
pub(super) fn from_literal(kind: &DynSolType, literal: &Literal) -> Result<DynSolValue, String> {
    let mismatch = || format!("{} is not {}", shown(literal), article(&kind.sol_type_name()));
    match (kind, literal) {
        (DynSolType::Bool, Literal::Word(word)) => match word.as_str() {
            "true" => Ok(DynSolValue::Bool(true)),
            "false" => Ok(DynSolValue::Bool(false)),
            _other => Err(mismatch()),
        },
        (DynSolType::Address, Literal::Word(word)) => address(word).map(DynSolValue::Address),
        (DynSolType::Uint(bits), Literal::Word(word)) => {
            let number = unsigned(word).ok_or_else(mismatch)?;
            if number.bit_len() > *bits {
                return Err(format!("{word} does not fit uint{bits}"));
            }
            Ok(DynSolValue::Uint(number, *bits))
        }
        (DynSolType::Int(bits), Literal::Word(word)) => {
            let number = signed(word).ok_or_else(mismatch)?;
            if number.bits() as usize > *bits {
                return Err(format!("{word} does not fit int{bits}"));
            }
            Ok(DynSolValue::Int(number, *bits))
        }
        (DynSolType::Bytes, Literal::Word(word)) => bytes(word).map(DynSolValue::Bytes).ok_or_else(mismatch),
        (DynSolType::FixedBytes(size), Literal::Word(word)) => {
            let bytes = bytes(word).ok_or_else(mismatch)?;
            if bytes.len() != *size {
                return Err(format!("{word} is {} of the {size} bytes of a bytes{size}", bytes.len()));
            }
            Ok(DynSolValue::FixedBytes(B256::right_padding_from(&bytes), *size))
        }
        (DynSolType::String, Literal::Text(text)) => Ok(DynSolValue::String(text.clone())),
        (DynSolType::Array(item), Literal::List(items)) => all(items, |_| Some(item)).map(DynSolValue::Array),
        (DynSolType::FixedArray(item, size), Literal::List(items)) => {
            if items.len() != *size {
                return Err(format!("a list of {} is not {}", items.len(), article(&kind.sol_type_name())));
            }
            all(items, |_| Some(item)).map(DynSolValue::FixedArray)
        }
        (DynSolType::Tuple(kinds), Literal::Tuple(items)) => {
            if items.len() != kinds.len() {
                return Err(format!("a tuple of {} is not {}", items.len(), article(&kind.sol_type_name())));
            }
            all(items, |position| kinds.get(position)).map(DynSolValue::Tuple)
        }
        (
            DynSolType::Bool
            | DynSolType::Address
            | DynSolType::Uint(_)
            | DynSolType::Int(_)
            | DynSolType::Bytes
            | DynSolType::FixedBytes(_)
            | DynSolType::String
            | DynSolType::Array(_)
            | DynSolType::FixedArray(..)
            | DynSolType::Tuple(_)
            | DynSolType::Function
            | DynSolType::CustomStruct { .. },
            _,
        ) => Err(mismatch()),
    }
}

fn all<'k>(
    items: &[Literal],
    kind: impl Fn(usize) -> Option<&'k DynSolType>,
) -> Result<Vec<DynSolValue>, String> {
    items
        .iter()
        .enumerate()
        .map(|(position, item)| match kind(position) {
            Some(kind) => from_literal(kind, item),
            None => Err("too many items".to_owned()),
        })
        .collect()
}

fn address(word: &str) -> Result<Address, String> {
    let digits = word.strip_prefix("0x").unwrap_or_default();
    if digits.len() != 40 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!("{word} is not an address (0x and 40 hex digits)"));
    }
    let address: Address = word.parse().map_err(|_| format!("{word} is not an address"))?;
    let one_case = !digits.contains(|c: char| c.is_ascii_uppercase())
        || !digits.contains(|c: char| c.is_ascii_lowercase());
    if !one_case && address.to_checksum(None) != word {
        return Err(format!("{word} fails its EIP-55 checksum: a mistyped address? ({address} would pass)"));
    }
    Ok(address)
}

fn unsigned(word: &str) -> Option<U256> {
    let (digits, radix) = word.strip_prefix("0x").map_or((word, 10), |hex| (hex, 16));
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    plain.then(|| U256::from_str_radix(digits, u64::from(radix)).ok()).flatten()
}

fn signed(word: &str) -> Option<I256> {
    use alloy::primitives::Sign;
    let (sign, digits) =
        word.strip_prefix('-').map_or((Sign::Positive, word), |digits| (Sign::Negative, digits));
    I256::checked_from_sign_and_abs(sign, unsigned(digits)?)
}

fn bytes(word: &str) -> Option<Vec<u8>> {
    hex::decode(word.strip_prefix("0x")?).ok()
}

fn article(kind: &str) -> String {
    if kind.starts_with(['a', 'i']) { format!("an {kind}") } else { format!("a {kind}") }
}

fn shown(literal: &Literal) -> String {
    match literal {
        Literal::Word(word) => word.clone(),
        Literal::Text(text) => format!("{text:?}"),
        Literal::List(_) => "a list".to_owned(),
        Literal::Tuple(_) => "a tuple".to_owned(),
    }
}

/// A value as people write it.
pub(super) fn display(value: &DynSolValue) -> String {
    let joined = |values: &[DynSolValue]| values.iter().map(display).collect::<Vec<_>>().join(", ");
    match value {
        DynSolValue::Bool(bool) => bool.to_string(),
        DynSolValue::Int(number, _) => number.to_string(),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::FixedBytes(word, size) => {
            hex::encode_prefixed(word.get(..*size).unwrap_or(word.as_slice()))
        }
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Function(function) => hex::encode_prefixed(function),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::String(text) => format!("{text:?}"),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => format!("[{}]", joined(values)),
        DynSolValue::Tuple(values) | DynSolValue::CustomStruct { tuple: values, .. } => {
            format!("({})", joined(values))
        }
    }
}
