//! Revert data in words.
//!
//! Knows the two errors of Solidity itself, the codes of the Safe contracts, and the custom errors of
//! the ABIs it is given. What it does not know it shows as hex: nothing is guessed.

use alloy::dyn_abi::{DynSolValue, ErrorExt};
use alloy::json_abi::JsonAbi;
use alloy::sol_types::{Panic, PanicKind, Revert, SolError};

/// The longest text that a contract may put before people's eyes, in characters.
const REASON_MAX_CHARS: usize = 300;

/// What the codes of the Safe contracts mean, read from the `require`s of releases 1.3.0, 1.4.1 and 1.5.0.
const SAFE_CODES: &[(&str, &str)] = &[
    ("GS000", "the Safe could not finish its initialization"),
    ("GS001", "the Safe has no threshold: it was never set up"),
    ("GS002", "the contract that setup should call has no code"),
    ("GS010", "too little gas was given to execute the transaction"),
    ("GS011", "the refund in ether could not be paid"),
    ("GS012", "the refund in tokens could not be paid"),
    ("GS013", "the called contract reverted, and the Safe with it because no safeTxGas or gasPrice is set"),
    ("GS020", "the signatures are shorter than the threshold asks for: some are missing"),
    ("GS021", "a contract signature points into the fixed part of the signatures"),
    ("GS022", "a contract signature starts beyond the end of the signatures"),
    ("GS023", "a contract signature ends beyond the end of the signatures"),
    ("GS024", "an owner that is a contract does not accept its signature"),
    ("GS025", "an owner has not approved this hash on the chain"),
    ("GS026", "a signature is not of an owner, is out of order or twice, or is for another nonce"),
    ("GS027", "the given data does not hash to the given hash"),
    ("GS030", "only an owner may approve a hash"),
    ("GS031", "only the Safe itself may call this"),
    ("GS100", "modules were already initialized"),
    ("GS101", "a module's address is not valid"),
    ("GS102", "the module is enabled already"),
    ("GS103", "the given predecessor of the module is wrong"),
    ("GS104", "the caller is not an enabled module"),
    ("GS105", "the start of a page of modules is not valid"),
    ("GS106", "a page of modules must not be empty"),
    ("GS200", "owners were already set up"),
    ("GS201", "the threshold is higher than the number of owners"),
    ("GS202", "the threshold must be at least 1"),
    ("GS203", "an owner's address is not valid"),
    ("GS204", "the address is an owner already"),
    ("GS205", "the given predecessor of the owner is wrong"),
    ("GS300", "the guard does not say that it is a guard"),
    ("GS301", "the module guard does not say that it is a module guard"),
    ("GS400", "the fallback handler must not be the Safe itself"),
];

/// Says what revert data mean; custom errors are looked for in `abis`.
pub fn decode_revert(data: &[u8], abis: &[&JsonAbi]) -> String {
    if data.is_empty() {
        return "no reason given".to_owned();
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return reason(&revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return PanicKind::from_number(panic.code.saturating_to())
            .map_or_else(|| format!("panic {:#x}", panic.code), |kind| format!("panic: {kind}"));
    }
    abis.iter().find_map(|abi| custom(data, abi)).unwrap_or_else(|| format!("unknown error {}", hex(data)))
}

/// `Error(string)`, with the meaning of the Safe's codes.
fn reason(text: &str) -> String {
    match SAFE_CODES.iter().find(|(code, _)| *code == text) {
        Some((code, meaning)) => format!("{code}: {meaning}"),
        None => shorten(text),
    }
}

/// A custom error of this ABI, as `Name(field: value, …)`.
fn custom(data: &[u8], abi: &JsonAbi) -> Option<String> {
    let selector = data.get(..4)?;
    let error = abi.errors().find(|error| error.selector() == selector)?;
    let decoded = error.decode_error(data).ok()?;
    let fields = error.inputs.iter().zip(&decoded.body).map(|(input, value)| {
        let value = show(value);
        if input.name.is_empty() { value } else { format!("{}: {value}", input.name) }
    });
    Some(shorten(&format!("{}({})", error.name, fields.collect::<Vec<_>>().join(", "))))
}

fn show(value: &DynSolValue) -> String {
    if let Some(address) = value.as_address() {
        address.to_checksum(None)
    } else if let Some((number, _bits)) = value.as_uint() {
        number.to_string()
    } else if let Some((number, _bits)) = value.as_int() {
        number.to_string()
    } else if let Some(truth) = value.as_bool() {
        truth.to_string()
    } else if let Some(text) = value.as_str() {
        format!("{text:?}")
    } else if let Some((word, size)) = value.as_fixed_bytes() {
        hex(word.get(..size).unwrap_or(word))
    } else if let Some(bytes) = value.as_bytes() {
        hex(bytes)
    } else {
        // Arrays and tuples are rare in errors: their encoding is shown rather than a guess at a layout.
        hex(&value.abi_encode())
    }
}

fn hex(data: &[u8]) -> String {
    shorten(&alloy::hex::encode_prefixed(data))
}

/// A contract's text is anybody's: no control characters, and not the whole of it.
fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(REASON_MAX_CHARS).collect();
    if shown.len() < text.len() && text.chars().nth(REASON_MAX_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use alloy::sol;
    use alloy::sol_types::SolError;

    use super::*;

    sol! {
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error NothingToWithdraw(address owner);
        error Limit(uint256 left, string why, bytes data, int256 by, bool on);
    }

    fn abi() -> JsonAbi {
        JsonAbi::parse([
            "error NothingToWithdraw(address owner)",
            "error Limit(uint256 left, string why, bytes data, int256 by, bool on)",
        ])
        .unwrap()
    }

    #[test]
    fn reverts_are_said_in_words() {
        let abi = abi();
        let says = |data: Vec<u8>| decode_revert(&data, &[&abi]);
        let error = |text: &str| Revert::from(text).abi_encode();
        insta::assert_snapshot!([
            says(vec![]),
            says(error("GS013")),
            says(error("GS020")),
            says(error("GS025")),
            says(error("GS026")),
            says(error("GS999")),
            says(error("not\u{1b}[31m today")),
            says(Panic::from(PanicKind::DivisionByZero).abi_encode()),
            says(Panic { code: U256::from(0x77) }.abi_encode()),
            says(NothingToWithdraw { owner: Address::repeat_byte(0xab) }.abi_encode()),
            says(Limit { left: U256::from(7), why: "spent".into(), data: vec![1, 2].into(), by: alloy::primitives::I256::MINUS_ONE, on: true }.abi_encode()),
            says(AccessControlUnauthorizedAccount { account: Address::ZERO, neededRole: alloy::primitives::B256::ZERO }.abi_encode()),
            says(vec![1, 2, 3]),
        ].join("\n"), @r#"
        no reason given
        GS013: the called contract reverted, and the Safe with it because no safeTxGas or gasPrice is set
        GS020: the signatures are shorter than the threshold asks for: some are missing
        GS025: an owner has not approved this hash on the chain
        GS026: a signature is not of an owner, is out of order or twice, or is for another nonce
        GS999
        not[31m today
        panic: division or modulo by zero
        panic 0x77
        NothingToWithdraw(owner: 0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB)
        Limit(left: 7, why: "spent", data: 0x0102, by: -1, on: true)
        unknown error 0xe2517d3f00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        unknown error 0x010203
        "#);
    }

    #[test]
    fn a_long_reason_is_cut() {
        let text = decode_revert(&Revert::from("é".repeat(5_000).as_str()).abi_encode(), &[]);
        assert_eq!(text.chars().count(), REASON_MAX_CHARS + 1);
    }
}
