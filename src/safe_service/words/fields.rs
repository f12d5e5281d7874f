//! What the service has against one field of a request, said for a person.

use super::super::client::FieldProblem;
use crate::domain::text::visible;

/// Explains what is wrong with a field; `None` for what nobody has seen yet.
pub(super) fn explain(problem: &FieldProblem) -> Option<String> {
    let text = problem.text.as_str();
    let field = visible(problem.field.as_deref().unwrap_or("a field"));
    let what = meaning(&field);
    let told = match text {
        "This field is required." => format!("`{field}` ({what}) is missing: add it"),
        "This field may not be null." => {
            format!("`{field}` ({what}) is null, which it must not be: name it; the zero address is one")
        }
        "This field may not be blank." => format!("`{field}` ({what}) is empty: fill it in"),
        "Unknown operation" => {
            format!(
                "`{field}` is neither 0 (call) nor 1 (delegatecall): use 0, or 1 with MultiSendCallOnly alone"
            )
        }
        "A valid integer is required." | "Enter a number." => {
            format!("`{field}` ({what}) is not a whole number: write decimal digits")
        }
        "Invalid boolean value." => format!("`{field}` is neither true nor false: write one of them"),
        _ if text.contains("greater than or equal to 0") => {
            format!("`{field}` ({what}) is negative: write zero or more")
        }
        _ if text.ends_with("is not a hexadecimal value.") => {
            format!(
                "`{field}` ({what}) is not hexadecimal: it begins with 0x, and two digits make a byte; copy it again"
            )
        }
        _ if text.starts_with("Ensure this field has at least 65 hexadecimal chars") => {
            format!(
                "`{field}` is too short to be a signature, which has 65 bytes: it was cut when it was copied; copy it whole"
            )
        }
        _ if text.starts_with("Ensure this field has no more than") => {
            let most = text.split_whitespace().find_map(|word| word.parse::<u32>().ok());
            let most =
                most.map_or_else(|| "the service takes".to_owned(), |most| format!("{most} characters"));
            format!("`{field}` ({what}) is longer than {most}: shorten it")
        }
        _ if text.contains("`expiry_date` cannot be previous") => {
            "the delegation would end in the past: name a later end, and check this machine's clock"
                .to_owned()
        }
        _ if text.starts_with("Datetime has wrong format") => {
            format!("`{field}` is not an instant: write it like 2026-12-31T00:00:00Z")
        }
        _ => return None,
    };
    Some(told)
}

/// What a field is, for those who do not know the service's names.
fn meaning(field: &str) -> &'static str {
    match field {
        "to" => "who is called",
        "value" => "wei sent along, at most 2^256 - 1",
        "data" => "the calldata",
        "operation" => "call or delegatecall",
        "safeTxGas" | "baseGas" | "gasPrice" => "a gas field, best zero",
        "gasToken" | "refundReceiver" => "a refund field, best the zero address",
        "nonce" => "its place in the Safe's order",
        "contractTransactionHash" => "the safeTxHash",
        "sender" => "who proposes",
        "signature" => "the sender's signature",
        "origin" => "free text about the proposal",
        "label" => "free text about the delegate",
        "expiryDate" => "when the delegation ends",
        "delegate" => "who may propose",
        "delegator" => "the owner who allows it",
        "safe" => "the Safe",
        _ => "one of its fields",
    }
}

/// Several sentences as one; fields that are missing are named together.
pub(super) fn lacking(told: &[String], problems: &[FieldProblem]) -> String {
    const MISSING: &str = "This field is required.";
    let missing: Vec<_> = problems
        .iter()
        .filter(|problem| problem.text == MISSING)
        .filter_map(|problem| problem.field.as_deref().map(|field| format!("`{}`", visible(field))))
        .collect();
    if missing.len() < 2 {
        return told.join("; ");
    }
    let together = format!("the request lacks {}: add them", missing.join(", "));
    let others = told.iter().filter(|one| !one.ends_with("is missing: add it")).cloned();
    std::iter::once(together).chain(others).collect::<Vec<_>>().join("; ")
}
