//! `redhandle safe multisend`: several calls packed as one.
//!
//! MultiSendCallOnly unless plain MultiSend is named: a delegatecall inside a batch hands the Safe to
//! whoever wrote its target, and MultiSendCallOnly reverts on it. The packing is the same for both, so it is
//! printed either way; whether it may be used is the answer, and the exit code.

use serde_json::json;
use serde_json::value::RawValue;

use super::input::{self, Need, Reader, read};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::safe::multisend::{self, BatchError};
use crate::domain::safe::{BatchedCall, Operation, SafeNonce, SafeVersion};

/// Calls in one batch at most.
const CALLS_MAX: usize = 1_000;

const FIELDS: &[&str] = &["operation", "to", "value", "data"];

/// Pack calls for MultiSendCallOnly.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON: [{"operation", "to", "value", "data"}, …]; "-" reads standard input.
    #[arg(default_value = "-")]
    file: String,
    /// Name the contract that runs the batch for Safes of this version.
    #[arg(long, value_name = "VERSION")]
    safe_version: Option<SafeVersion>,
    /// It is for plain MultiSend, which lets a call of the batch be a delegatecall.
    #[arg(long)]
    plain_multisend: bool,
}

/// Prints the packed calls, and the calldata of `multiSend(bytes)`.
pub fn multisend(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let calls = parse(&read(&args.file)?).map_err(input::wrong)?;
    let target = args.safe_version.map(|version| {
        (
            version,
            if args.plain_multisend { multisend::plain(version) } else { multisend::call_only(version) },
        )
    });
    let refused = (!args.plain_multisend).then(|| refusal(&calls)).flatten();
    if calls.is_empty() {
        context.out.note("note: the list is empty: a transaction with this batch does nothing");
    }
    let mut value = json!({
        "packed": multisend::pack(&calls),
        "calldata": multisend::calldata(&calls),
    });
    if let Some((_, target)) = target {
        input::put(&mut value, "to", json!(target.to_checksum(None)));
        input::put(&mut value, "operation", json!(Operation::DelegateCall));
    }
    if let Some(refused) = &refused {
        input::put(&mut value, "problems", json!([refused]));
        context.out.note(&format!("redhandle: {refused}"));
    }
    context.out.result(&value, |out| {
        let line =
            |label: &str, text: String| format!("{}  {text}", out.look(&format!("{label:<8}"), Look::Dim));
        let mut lines = vec![listed(&calls, out)];
        if let Some((version, target)) = target {
            let name = if args.plain_multisend { "MultiSend" } else { "MultiSendCallOnly" };
            let of = if version < SafeVersion::V1_3_0 && !args.plain_multisend {
                "1.3.0"
            } else {
                version.as_str()
            };
            lines.push(line("to", format!("{target} ({name} {of}, where it is canonical), operation 1")));
        }
        lines.push(line("packed", multisend::pack(&calls).to_string()));
        lines.push(line("calldata", multisend::calldata(&calls).to_string()));
        lines.join("\n")
    });
    Ok(if refused.is_some() { Exit::No } else { Exit::Done })
}

fn refusal(calls: &[BatchedCall]) -> Option<String> {
    match multisend::batch(calls, multisend::call_only(SafeVersion::V1_4_1), SafeNonce::default()) {
        Ok(_) | Err(BatchError::Empty) => None,
        Err(error @ BatchError::DelegateCall { .. }) => Some(format!(
            "{error}; plain MultiSend would run it as the Safe itself: if that is meant, say --plain-multisend"
        )),
    }
}

fn listed(calls: &[BatchedCall], out: &Output) -> String {
    let rows = calls.iter().enumerate().map(|(index, call)| {
        let how = match call.operation {
            Operation::Call => "call",
            Operation::DelegateCall => "DELEGATECALL",
        };
        let data = match call.data.get(..4) {
            Some(selector) => {
                format!("{} ({} bytes)", alloy::hex::encode_prefixed(selector), call.data.len())
            }
            None => format!("{} bytes", call.data.len()),
        };
        vec![(index + 1).to_string(), how.to_owned(), call.to.to_string(), call.value.to_string(), data]
    });
    out.table(&["", "HOW", "TO", "WEI", "DATA"], rows.collect())
}

/// Reads the calls.
///
/// # Errors
/// Every field that is missing, unknown or wrong, with its place in the list, one sentence each.
pub fn parse(text: &str) -> Result<Vec<BatchedCall>, Vec<String>> {
    let items: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| vec![format!("this is no list of calls as JSON: {error}; expected [{{…}}, …]")])?;
    if items.len() > CALLS_MAX {
        return Err(vec![format!("there are {} calls; at most {CALLS_MAX} are packed", items.len())]);
    }
    let mut calls = Vec::with_capacity(items.len());
    let mut problems = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match one(item, index) {
            Ok(call) => calls.push(call),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(calls) } else { Err(problems) }
}

fn one(item: &RawValue, index: usize) -> Result<BatchedCall, Vec<String>> {
    let place = format!("[{index}].");
    let mut reader =
        Reader::new(item.get(), &place, "call").map_err(|problem| vec![format!("[{index}]: {problem}")])?;
    let call = BatchedCall {
        operation: reader.operation(),
        to: reader.address("to", Need::Required),
        value: reader.number("value"),
        data: reader.bytes("data", Need::Optional),
    };
    reader.refuse_unknown(&[FIELDS], "a call of a batch");
    reader.end(call)
}
