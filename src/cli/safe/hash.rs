//! `redhandle safe hash`: the three hashes of a Safe transaction, computed here.
//!
//! It asks nobody: no chain, no service, no configuration. What the JSON itself says its hash is, is
//! compared, never believed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

use crate::agent::message::device_hex;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::names::ChainId;
use crate::domain::safe::{
    Operation, SafeAddress, SafeDomain, SafeNonce, SafeTx, SafeTxHash, SafeTxHashes, SafeVersion, hash,
};
use crate::domain::text::{cut, terminal};

/// The longest JSON that is read. Calldata is at most 128 KiB in a transaction's pool.
const INPUT_MAX_BYTES: u64 = 1024 * 1024;

/// Characters of a wrong value that are repeated.
const SHOWN_MAX_CHARS: usize = 80;

/// Domain hash, message hash and safeTxHash of a transaction.
#[derive(Debug, clap::Args)]
pub struct HashArgs {
    /// JSON with the Transaction Service's field names; "-" reads standard input.
    #[arg(default_value = "-")]
    file: String,
    /// The Safe.
    #[arg(long, value_name = "ADDRESS", value_parser = checked_address)]
    safe: Address,
    /// The chain's EIP-155 id.
    #[arg(long, value_name = "N")]
    chain_id: u64,
    /// The Safe's version, as its VERSION() says.
    #[arg(long, value_name = "VERSION")]
    safe_version: SafeVersion,
}

/// Prints the three hashes.
pub fn hash_of(context: &Context, args: HashArgs) -> Result<Exit, Failure> {
    let text = read(&args.file)?;
    let domain = SafeDomain {
        version: args.safe_version,
        chain_id: ChainId(args.chain_id),
        safe: SafeAddress(args.safe),
    };
    let Written { tx, claimed } =
        parse(&text, domain.safe).map_err(|problems| Failure { exit: Exit::Wrong, problems })?;
    let hashes = hash(&tx, &domain);
    for caution in cautions(&tx, domain) {
        context.out.note(&caution);
    }
    if let Some(claimed) = claimed.filter(|claimed| *claimed != hashes.safe_tx) {
        return Err(Failure::no(format!(
            "the JSON says that its safeTxHash is {claimed}, but its fields hash to {}: a field, the Safe, the chain or the version differs; sign nothing until they agree",
            hashes.safe_tx
        )));
    }
    let value = json!({
        "domain_hash": hashes.domain,
        "message_hash": hashes.message,
        "safe_tx_hash": hashes.safe_tx,
    });
    context.out.result(&value, |out| labelled(&hashes, out));
    Ok(Exit::Done)
}

/// As hardware wallets show them.
fn labelled(hashes: &SafeTxHashes, out: &Output) -> String {
    let line = |label: &str, hash: &B256| {
        format!("{}  {}", out.look(&format!("{label:<12}"), Look::Dim), device_hex(hash.as_slice()))
    };
    [
        line("Domain hash", &hashes.domain),
        line("Message hash", &hashes.message),
        line("safeTxHash", &hashes.safe_tx.0),
    ]
    .join("\n")
}

/// What a signer should know beside the hashes.
fn cautions(tx: &SafeTx, domain: SafeDomain) -> Vec<String> {
    let mut cautions = Vec::new();
    if !domain.version.has_chain_id() {
        cautions.push(format!(
            "note: Safe {} does not hash the chain id: a signature holds for this Safe address on every chain",
            domain.version
        ));
    }
    if tx.operation == Operation::DelegateCall {
        cautions.push(format!(
            "warning: operation 1 is a delegatecall: the code at {} runs as the Safe itself",
            tx.to
        ));
    }
    if tx.pays_a_refund() {
        cautions.push("warning: gasPrice is not 0: whoever executes it is paid by the Safe".to_owned());
    }
    cautions
}

fn read(file: &str) -> Result<String, Failure> {
    let told = |error: std::io::Error| Failure::wrong(format!("{} cannot be read: {error}", terminal(file)));
    let mut text = String::new();
    let read = if file == "-" {
        std::io::stdin().take(INPUT_MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).map_err(told)?.take(INPUT_MAX_BYTES + 1).read_to_string(&mut text)
    };
    read.map_err(told)?;
    if text.len() as u64 > INPUT_MAX_BYTES {
        return Err(Failure::wrong(format!("{} is longer than {INPUT_MAX_BYTES} bytes", terminal(file))));
    }
    Ok(text)
}

/// A transaction as it was written, and what it says its hash is.
#[derive(Debug, PartialEq)]
struct Written {
    tx: SafeTx,
    claimed: Option<SafeTxHash>,
}

/// The fields of a JSON object as they are written; a field written twice is refused, because two readers
/// would take different ones.
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = BTreeMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one transaction as a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if fields.insert(name.clone(), value).is_some() {
                        return Err(serde::de::Error::custom(format!("{name} is written twice")));
                    }
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Each).map(Self)
    }
}

/// Reads a transaction of `safe`.
///
/// # Errors
/// Every field that is missing or wrong, one sentence each.
fn parse(text: &str, safe: SafeAddress) -> Result<Written, Vec<String>> {
    let Fields(fields) = serde_json::from_str(text)
        .map_err(|error| vec![format!("this is no transaction as JSON: {error}")])?;
    let mut reader = Reader { fields, problems: Vec::new() };
    let tx = SafeTx {
        to: reader.address("to", Need::Required),
        value: reader.number("value"),
        data: reader.data(),
        operation: reader.operation(),
        safe_tx_gas: reader.number("safeTxGas"),
        base_gas: reader.number("baseGas"),
        gas_price: reader.number("gasPrice"),
        gas_token: reader.address("gasToken", Need::Optional),
        refund_receiver: reader.address("refundReceiver", Need::Optional),
        nonce: SafeNonce(reader.number("nonce")),
    };
    let of = reader.address("safe", Need::Optional);
    if !of.is_zero() && of != safe.0 {
        reader.problem("safe", &of.to_string(), &format!("{safe}, which --safe names"));
    }
    let claimed = reader.claimed_hash();
    if reader.problems.is_empty() { Ok(Written { tx, claimed }) } else { Err(reader.problems) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

struct Reader<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, field: &str, found: &str, expected: &str) {
        self.problems
            .push(format!("{field} is {}; expected {expected}", terminal(&cut(found, SHOWN_MAX_CHARS))));
    }

    /// The field's text: a string's content, anything else as it is written. None, and no problem, where it
    /// is optional and missing or null.
    fn text(&mut self, field: &str, need: Need, expected: &str) -> Option<String> {
        let raw = self.fields.get(field).map_or("null", |raw| raw.get());
        if raw == "null" {
            if need == Need::Required {
                self.problems.push(format!("{field} is missing; expected {expected}"));
            }
            return None;
        }
        Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
    }

    /// A whole number, as a string or as JSON digits: the digits themselves are read, so that none is rounded.
    fn number(&mut self, field: &str) -> U256 {
        let expected = "a whole decimal number, as a string or as a number";
        let Some(text) = self.text(field, Need::Required, expected) else { return U256::ZERO };
        match text.parse::<SafeNonce>() {
            Ok(SafeNonce(number)) => number,
            Err(why) => {
                self.problem(field, &text, &format!("{expected} ({why})"));
                U256::ZERO
            }
        }
    }

    fn address(&mut self, field: &str, need: Need) -> Address {
        let expected = "an address: 0x and 40 hex digits";
        let Some(text) = self.text(field, need, expected) else { return Address::ZERO };
        checked_address(&text).unwrap_or_else(|why| {
            self.problems.push(format!("{field}: {why}"));
            Address::ZERO
        })
    }

    fn data(&mut self) -> Bytes {
        let expected = "calldata: 0x and an even number of hex digits, or null";
        let Some(text) = self.text("data", Need::Optional, expected) else { return Bytes::new() };
        match text.strip_prefix("0x").and_then(|digits| alloy::hex::decode(digits).ok()) {
            Some(data) => data.into(),
            None => {
                self.problem("data", &text, expected);
                Bytes::new()
            }
        }
    }

    fn operation(&mut self) -> Operation {
        let expected = "0 (call) or 1 (delegatecall)";
        let Some(text) = self.text("operation", Need::Required, expected) else { return Operation::Call };
        text.parse().ok().and_then(Operation::from_u8).unwrap_or_else(|| {
            self.problem("operation", &text, expected);
            Operation::Call
        })
    }

    /// The service calls it `safeTxHash` when it answers, `contractTransactionHash` when it is asked.
    fn claimed_hash(&mut self) -> Option<SafeTxHash> {
        let mut claimed = None;
        for field in ["safeTxHash", "contractTransactionHash"] {
            let expected = "a hash: 0x and 64 hex digits";
            let Some(text) = self.text(field, Need::Optional, expected) else { continue };
            match text.parse::<SafeTxHash>() {
                Ok(hash) if claimed.is_none_or(|other| other == hash) => claimed = Some(hash),
                Ok(_) => self.problem(field, &text, "the same hash as safeTxHash"),
                Err(_) => self.problem(field, &text, expected),
            }
        }
        claimed
    }
}

/// Reads an address. One in mixed case carries a checksum, which must be right (EIP-55).
fn checked_address(text: &str) -> Result<Address, String> {
    let shown = terminal(&cut(text, SHOWN_MAX_CHARS));
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40);
    let address = digits.and_then(|_| text.parse::<Address>().ok());
    let (Some(digits), Some(address)) = (digits, address) else {
        return Err(format!("`{shown}` is no address; expected 0x and 40 hex digits"));
    };
    let lower = digits.contains(|c: char| c.is_ascii_lowercase());
    let upper = digits.contains(|c: char| c.is_ascii_uppercase());
    if lower && upper && address.to_checksum(None) != text {
        return Err(format!(
            "the checksum of `{shown}` is wrong: a character differs from where it was copied; copy it again (these digits would be written {})",
            address.to_checksum(None)
        ));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    const SAFE: &str = "0x42D718c3035d3f9A22222E4d8D48E11e60383D37";

    fn safe_address() -> SafeAddress {
        SAFE.to_lowercase().parse::<Address>().unwrap().into()
    }

    fn json(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
        let mut tx = json!({
            "to": "0x0E801D84Fa97b50751Dbf25036d067dCf18858bF", "value": "0", "data": "0x8456cb59", "operation": 0,
            "safeTxGas": 0, "baseGas": "0", "gasPrice": "0", "gasToken": null, "nonce": 7, "confirmations": [],
        });
        change(tx.as_object_mut().unwrap());
        tx.to_string()
    }

    fn domain(version: SafeVersion) -> SafeDomain {
        SafeDomain { version, chain_id: ChainId(1), safe: safe_address() }
    }

    #[test]
    fn the_hashes_stand_as_a_hardware_wallet_shows_them() {
        let written = parse(&json(|_| ()), safe_address()).unwrap();
        let hashes = hash(&written.tx, &domain(SafeVersion::V1_4_1));
        let out = Output::plain(false, TimeZone::UTC);
        insta::assert_snapshot!(labelled(&hashes, &out), @r"
        Domain hash   0xC2963E4B6FB847B0CF69632D17F6E3AADB45A767DCDD1FE6D1C62737ED433446
        Message hash  0xBA6A00B435F517E7B125196BB912D5C828594682AEC0AF97470419EAE4FC2052
        safeTxHash    0xF6ECEAE29166B7536C7481068F3D7CFFD5F419ED8E6D2B7ACB08CBA01C3283D9
        ");
        let same = serde_json::from_str::<SafeTx>(&json(|_| ())).unwrap();
        assert_eq!(written.tx, same, "the two readers of the service's JSON agree");
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let text = json(|tx| {
            tx.insert("to".into(), "0x0e801D84Fa97b50751Dbf25036d067dCf18858bF".into());
            tx.insert("value".into(), "0x10".into());
            tx.insert("data".into(), "0x845".into());
            tx.insert("operation".into(), 2.into());
            tx.insert("gasPrice".into(), "-1".into());
            tx.insert("gasToken".into(), "0x00".into());
            tx.insert("safe".into(), "0x0000000000000000000000000000000000000001".into());
            tx.insert("safeTxHash".into(), "0xab".into());
            tx.remove("nonce");
        });
        insta::assert_snapshot!(parse(&text, safe_address()).unwrap_err().join("\n"), @r"
        to: the checksum of `0x0e801D84Fa97b50751Dbf25036d067dCf18858bF` is wrong: a character differs from where it was copied; copy it again (these digits would be written 0x0E801D84Fa97b50751Dbf25036d067dCf18858bF)
        value is 0x10; expected a whole decimal number, as a string or as a number (`0x10` is not a whole decimal number)
        data is 0x845; expected calldata: 0x and an even number of hex digits, or null
        operation is 2; expected 0 (call) or 1 (delegatecall)
        gasPrice is -1; expected a whole decimal number, as a string or as a number (`-1` is not a whole decimal number)
        gasToken: `0x00` is no address; expected 0x and 40 hex digits
        nonce is missing; expected a whole decimal number, as a string or as a number
        safe is 0x0000000000000000000000000000000000000001; expected 0x42D718c3035d3f9A22222E4d8D48E11e60383D37, which --safe names
        safeTxHash is 0xab; expected a hash: 0x and 64 hex digits
        ");
        insta::assert_snapshot!(parse("[]", safe_address()).unwrap_err().join("\n"), @"this is no transaction as JSON: invalid type: sequence, expected one transaction as a JSON object at line 1 column 0");
        insta::assert_snapshot!(parse(r#"{"to":1,"to":2}"#, safe_address()).unwrap_err().join("\n"), @"this is no transaction as JSON: to is written twice at line 1 column 15");
    }

    #[test]
    fn a_number_that_json_readers_round_keeps_its_digits() {
        let text = json(|_| ()).replace("\"nonce\":7", "\"nonce\":92233720368547758080001");
        let written = parse(&text, safe_address()).unwrap();
        assert_eq!(written.tx.nonce.to_string(), "92233720368547758080001");
        let fraction = json(|_| ()).replace("\"nonce\":7", "\"nonce\":7.0");
        assert!(parse(&fraction, safe_address()).is_err());
    }

    #[test]
    fn what_a_signer_should_know_is_said() {
        let text = json(|tx| {
            tx.insert("operation".into(), "1".into());
            tx.insert("gasPrice".into(), 5.into());
        });
        let written = parse(&text, safe_address()).unwrap();
        insta::assert_snapshot!(cautions(&written.tx, domain(SafeVersion::V1_1_1)).join("\n"), @r"
        note: Safe 1.1.1 does not hash the chain id: a signature holds for this Safe address on every chain
        warning: operation 1 is a delegatecall: the code at 0x0E801D84Fa97b50751Dbf25036d067dCf18858bF runs as the Safe itself
        warning: gasPrice is not 0: whoever executes it is paid by the Safe
        ");
        assert!(
            cautions(&parse(&json(|_| ()), safe_address()).unwrap().tx, domain(SafeVersion::V1_4_1))
                .is_empty()
        );
    }

    #[test]
    fn one_case_has_no_checksum_and_mixed_case_must_have_the_right_one() {
        let right = "0x0E801D84Fa97b50751Dbf25036d067dCf18858bF";
        for good in [right.to_owned(), right.to_lowercase(), format!("0x{}", right[2..].to_uppercase())] {
            assert!(checked_address(&good).is_ok(), "{good}");
        }
        for bad in ["", "0x", &right[2..], &right.replace("0E", "0e"), &format!("{right}0")] {
            assert!(checked_address(bad).is_err(), "{bad}");
        }
    }
}
