//! What can be wrong with a call, said so that the writer of a runbook can mend it.

use alloy::json_abi::Function;

use super::text::{CallText, CallTextError};
use super::{Contract, ContractName};

/// Signatures listed in an error before the rest is counted.
const SIGNATURES_SHOWN_MAX: usize = 12;
/// Suggestions in an error.
const NEAREST_SHOWN_MAX: usize = 3;
/// How alike a suggestion must be (Jaro-Winkler, 0 to 1): below, it only distracts.
const NEAREST_LIKENESS_MIN: f64 = 0.75;

/// A call that cannot be made of its text.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Not a call at all.
    #[error("`{text}` is not a call such as `pause()` or `setCap(0x…, 0)`: {why}")]
    Text {
        /// What was written.
        text: String,
        /// Where it went wrong; part of the sentence, because it alone says what to change.
        why: CallTextError,
    },
    /// The ABI has no function of that name and number of arguments.
    #[error("contract \"{contract}\" has no function {wanted}; {hint}")]
    NoSuchFunction {
        /// Which contract.
        contract: ContractName,
        /// What was looked for.
        wanted: String,
        /// Nearest functions and the ABI.
        hint: String,
    },
    /// Several functions take these arguments.
    #[error(
        "`{text}` could be several functions of contract \"{contract}\": {}; write which, as in `{}(…)`",
        signatures.join(", "),
        signatures.first().map_or("", String::as_str)
    )]
    Ambiguous {
        /// Which contract.
        contract: ContractName,
        /// What was written.
        text: String,
        /// What it could be.
        signatures: Vec<String>,
    },
    /// Several functions have that name and number of arguments, and none takes these.
    #[error("no function \"{function}\" of contract \"{contract}\" takes these arguments: {why}")]
    NoOverloadFits {
        /// Which contract.
        contract: ContractName,
        /// The name.
        function: String,
        /// Each candidate's complaint.
        why: String,
    },
    /// The signature is written out, and the arguments are fewer or more.
    #[error("{signature} of contract \"{contract}\" takes {}, and {found} given", plural(*wanted), found = given(*found))]
    ArgumentCount {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
        /// Parameters it has.
        wanted: usize,
        /// Arguments given.
        found: usize,
    },
    /// An argument is not of its parameter's type.
    #[error("argument {position}{} of {signature} of contract \"{contract}\": {why}", named(parameter))]
    Argument {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
        /// Counted from one.
        position: usize,
        /// The parameter's name, empty where the ABI gives none.
        parameter: String,
        /// What is wrong with it.
        why: String,
    },
    /// The ABI itself names a type that does not exist.
    #[error("the ABI of contract \"{contract}\" is not usable for {signature}")]
    Abi {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
        /// What the ABI library says.
        #[source]
        source: Box<alloy::dyn_abi::Error>,
    },
    /// A read must not change state.
    #[error("{signature} of contract \"{contract}\" is not a view: only view and pure functions can be read")]
    NotAView {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
    },
    /// An action must change state.
    #[error("{signature} of contract \"{contract}\" is a view: as an action it would change nothing")]
    OnlyAView {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
    },
    /// A read must return something.
    #[error("{signature} of contract \"{contract}\" returns nothing to read")]
    ReturnsNothing {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
    },
    /// No candidate was left where one must be: a defect of this module.
    #[error("no function was left to call")]
    Empty,
}

/// Bytes that are not what the ABI declares.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Nothing came back.
    #[error("{signature} of contract \"{contract}\" returned nothing: is there a contract at its address?")]
    Empty {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
    },
    /// Something else came back.
    #[error("{signature} of contract \"{contract}\" returned {bytes} bytes that do not fit its ABI")]
    Malformed {
        /// Which contract.
        contract: ContractName,
        /// The function.
        signature: String,
        /// How many bytes came back.
        bytes: usize,
        /// What the ABI library says.
        #[source]
        source: Box<alloy::dyn_abi::Error>,
    },
}

fn plural(arguments: usize) -> String {
    format!("{arguments} argument{}", if arguments == 1 { "" } else { "s" })
}

fn given(arguments: usize) -> String {
    format!("{arguments} {}", if arguments == 1 { "is" } else { "are" })
}

fn named(parameter: &str) -> String {
    if parameter.is_empty() { String::new() } else { format!(" ({parameter})") }
}

/// The refusal of a name, a number of arguments or a written-out signature, with what would have been right.
pub(super) fn no_such_function(contract: &Contract, call: &CallText, named: &[Function]) -> CallError {
    let wanted = match &call.types {
        Some(types) => format!("\"{}({types})\"", call.name),
        None => format!("\"{}\" with {}", call.name, plural(call.arguments.len())),
    };
    let nearest: Vec<String> = if named.is_empty() {
        nearest_functions(contract, call)
    } else {
        named.iter().map(Function::signature).collect()
    };
    let abi = contract.abi.functions().map(Function::signature).collect::<Vec<_>>();
    let hint = match (nearest.is_empty(), abi.is_empty()) {
        (_, true) => "its ABI has no function at all".to_owned(),
        (true, false) => format!("its ABI is {}", shown(&abi)),
        (false, false) => format!("nearest: {}; its ABI is {}", nearest.join(", "), shown(&abi)),
    };
    CallError::NoSuchFunction { contract: contract.name.clone(), wanted, hint }
}

/// The most alike names; among equals, first those with as many parameters as arguments were given.
fn nearest_functions(contract: &Contract, call: &CallText) -> Vec<String> {
    let name = call.name.to_ascii_lowercase();
    let mut alike: Vec<(f64, usize, String)> = contract
        .abi
        .functions()
        .map(|function| {
            let likeness = strsim::jaro_winkler(&function.name.to_ascii_lowercase(), &name);
            (likeness, function.inputs.len().abs_diff(call.arguments.len()), function.signature())
        })
        .filter(|(likeness, _, _)| *likeness >= NEAREST_LIKENESS_MIN)
        .collect();
    alike.sort_by(|left, right| {
        right.0.total_cmp(&left.0).then_with(|| (left.1, &left.2).cmp(&(right.1, &right.2)))
    });
    alike.into_iter().take(NEAREST_SHOWN_MAX).map(|(_, _, signature)| signature).collect()
}

fn shown(signatures: &[String]) -> String {
    let head: Vec<&str> = signatures.iter().take(SIGNATURES_SHOWN_MAX).map(String::as_str).collect();
    match signatures.len().saturating_sub(head.len()) {
        0 => head.join(", "),
        rest => format!("{} and {rest} more", head.join(", ")),
    }
}
