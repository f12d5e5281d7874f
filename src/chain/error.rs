//! What can go wrong when endpoints are asked, classified once.
//!
//! [`RpcError`] is about one endpoint, [`ChainError`] about what several of them said together. Both
//! say what was being done and carry labels, never URLs. Callers decide by [`Retry`]; nobody parses
//! text but the two places where nodes' dialects end: here, and where a transaction is sent.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::transports::{TransportError, TransportErrorKind};
use serde_json::Value;

use super::endpoint::EndpointLabel;
use super::transport::ExchangeError;
use crate::domain::names::{ChainId, ChainName};

/// The longest text of an endpoint that an error repeats, in characters.
const MESSAGE_MAX_CHARS: usize = 300;

/// When the same question may be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// At once: nothing was decided against us.
    Now,
    /// After a pause: the other side is overloaded or catching up.
    After,
    /// Never: the same question gets the same answer.
    Never,
    /// The answer was lost: ask what happened before anything with an effect is repeated.
    AskFirst,
}

/// What an endpoint did instead of answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcErrorKind {
    /// No connection, or one that broke off.
    Unreachable,
    /// No answer within the endpoint's time limit.
    Timeout,
    /// It answered with an error: the JSON-RPC code, or the HTTP status when the body was no JSON-RPC.
    Refused {
        /// JSON-RPC error codes are negative or small, HTTP statuses are 300 to 599.
        code: i64,
        /// What it said, shortened.
        message: String,
    },
    /// The call ran and was reverted.
    Reverted {
        /// The revert data; empty when the contract gave none.
        data: Bytes,
    },
    /// It does not know the method.
    Unsupported,
    /// It answered something that is no answer to the question.
    Garbled {
        /// What is wrong with it.
        problem: String,
    },
}

/// How nodes say that they do not have a block, or what was so at it: pruned, not synced so far, or of another fork.
const LACKS: [&str; 8] = [
    "missing trie node",
    "header not found",
    "unknown block",
    "block not found",
    "pruned",
    "historical state",
    "historical data",
    "archive",
];

impl RpcErrorKind {
    /// Whether the endpoint says that it does not have what was asked for: smaller questions get the same answer.
    pub(super) fn lacks(&self) -> bool {
        match self {
            Self::Refused { message, .. } => {
                let message = message.to_lowercase();
                LACKS.iter().any(|words| message.contains(words))
            }
            Self::Unreachable
            | Self::Timeout
            | Self::Reverted { .. }
            | Self::Unsupported
            | Self::Garbled { .. } => false,
        }
    }
}

impl fmt::Display for RpcErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => write!(f, "not reachable"),
            Self::Timeout => write!(f, "no answer in time"),
            Self::Refused { code, message } => write!(f, "refused with {code}: {message}"),
            Self::Reverted { data } => write!(f, "reverted: {}", super::revert::decode_revert(data, &[])),
            Self::Unsupported => write!(f, "does not know the method"),
            Self::Garbled { problem } => write!(f, "no usable answer: {problem}"),
        }
    }
}

/// One endpoint's failure.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{doing} at {endpoint}: {kind}")]
pub struct RpcError {
    /// Which endpoint.
    pub endpoint: EndpointLabel,
    /// What was being done, as in "reading the latest block".
    pub doing: String,
    /// What it did instead of answering.
    pub kind: RpcErrorKind,
    #[source]
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl RpcError {
    pub(super) fn new(endpoint: &EndpointLabel, doing: impl Into<String>, kind: RpcErrorKind) -> Self {
        Self { endpoint: endpoint.clone(), doing: doing.into(), kind, cause: None }
    }

    pub(crate) fn garbled(endpoint: &EndpointLabel, doing: &str, problem: impl fmt::Display) -> Self {
        Self::new(endpoint, doing, RpcErrorKind::Garbled { problem: shorten(&problem.to_string()) })
    }

    /// Classifies what alloy reports.
    pub(super) fn from_transport(endpoint: &EndpointLabel, doing: &str, error: TransportError) -> Self {
        let this = |kind| Self::new(endpoint, doing, kind);
        match error {
            TransportError::ErrorResp(payload) => this(refusal(&payload)),
            TransportError::Transport(TransportErrorKind::HttpError(error)) => {
                this(RpcErrorKind::Refused { code: error.status.into(), message: shorten(&error.body) })
            }
            TransportError::Transport(TransportErrorKind::MissingBatchResponse(_)) => {
                Self::garbled(endpoint, doing, "one item of the batch was not answered")
            }
            TransportError::Transport(TransportErrorKind::Custom(cause)) => {
                let kind = match cause.downcast_ref::<ExchangeError>() {
                    Some(ExchangeError::Timeout(_)) => RpcErrorKind::Timeout,
                    Some(problem @ ExchangeError::TooLong) => {
                        RpcErrorKind::Garbled { problem: problem.to_string() }
                    }
                    Some(ExchangeError::Connect(_) | ExchangeError::Broken(_)) | None => {
                        RpcErrorKind::Unreachable
                    }
                };
                Self { cause: Some(Arc::from(cause)), ..this(kind) }
            }
            TransportError::NullResp => Self::garbled(endpoint, doing, "null"),
            // The text of a DeserError is the whole answer; its cause says where it went wrong.
            TransportError::DeserError { err, .. } => Self::garbled(endpoint, doing, err),
            other @ (TransportError::UnsupportedFeature(_)
            | TransportError::LocalUsageError(_)
            | TransportError::SerError(_)
            | TransportError::Transport(_)) => Self::garbled(endpoint, doing, other),
        }
    }

    /// Takes out of an endpoint's own words what its URL keeps secret: some repeat the key they refuse.
    pub(super) fn without(mut self, secrets: &[String]) -> Self {
        if let RpcErrorKind::Refused { message, .. } = &mut self.kind {
            for secret in secrets {
                *message = message.replace(secret.as_str(), "…");
            }
        }
        self
    }

    /// When the same may be asked again.
    pub fn retry(&self) -> Retry {
        match &self.kind {
            RpcErrorKind::Unreachable => Retry::Now,
            RpcErrorKind::Timeout => Retry::AskFirst,
            RpcErrorKind::Refused { .. } | RpcErrorKind::Garbled { .. } => Retry::After,
            RpcErrorKind::Reverted { .. } | RpcErrorKind::Unsupported => Retry::Never,
        }
    }
}

/// The dialects: which refusals are reverts, and which mean that the method is unknown.
fn refusal(payload: &ErrorPayload) -> RpcErrorKind {
    // EIP-1474 gives -32601 and -32004 to unknown methods; hosted gateways say it with -32600 and a text.
    let unknown = matches!(payload.code, -32601 | -32004)
        || (payload.code == -32600 && payload.message.to_lowercase().contains("unsupported method"));
    if unknown {
        return RpcErrorKind::Unsupported;
    }
    // geth answers 3, Nethermind and OpenEthereum's heirs -32015, older nodes only the word. A contract
    // compiled before Solidity 0.8 fails an assertion by the invalid opcode 0xfe, and says nothing more.
    let message = payload.message.to_lowercase();
    let failed = ["revert", "invalid opcode", "invalidfeopcode"].iter().any(|words| message.contains(words));
    if failed || matches!(payload.code, 3 | -32015) {
        let data = payload.data.as_ref().and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        return RpcErrorKind::Reverted { data: data.as_ref().and_then(revert_data).unwrap_or_default() };
    }
    RpcErrorKind::Refused { code: payload.code, message: shorten(&payload.message) }
}

/// Finds revert data in the shapes that nodes give it: a hex string, "Reverted 0x…", or an object holding either.
fn revert_data(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => text.trim_start_matches("Reverted").trim().parse().ok(),
        Value::Object(fields) => fields.values().find_map(revert_data),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// An endpoint's text is somebody else's: no control characters, and not the whole of it.
fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(MESSAGE_MAX_CHARS).collect();
    if text.chars().count() > MESSAGE_MAX_CHARS {
        shown.push('…');
    }
    shown
}

/// What one endpoint said, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who.
    pub endpoint: EndpointLabel,
    /// What: a value, a failure, or that it was not heard before the rest was decided.
    pub said: String,
}

/// Statements as they are printed, one after the other.
struct Statements<'a>(&'a [Statement]);

impl fmt::Display for Statements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Statement { endpoint, said }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{endpoint}: {said}")?;
        }
        Ok(())
    }
}

/// Endpoints did not give one answer that may be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Enough of them answered, but not the same.
    #[error("{doing} on {chain}: endpoints disagree ({})", Statements(said))]
    Disagreement {
        /// The chain's name.
        chain: ChainName,
        /// What was being done.
        doing: String,
        /// Who said what.
        said: Vec<Statement>,
    },
    /// Fewer answered than must agree.
    #[error("{doing} on {chain}: fewer than {agree} endpoints answered ({})", Statements(said))]
    Unavailable {
        /// The chain's name.
        chain: ChainName,
        /// What was being done.
        doing: String,
        /// How many have to say the same.
        agree: usize,
        /// Who said what.
        said: Vec<Statement>,
    },
    /// An endpoint serves another chain than the configuration says.
    #[error("{endpoint} serves chain id {found}, but {chain} is configured as {expected}")]
    WrongChain {
        /// The chain's name.
        chain: ChainName,
        /// The endpoint that is on the wrong chain.
        endpoint: EndpointLabel,
        /// What it answered to `eth_chainId`.
        found: ChainId,
        /// What the configuration says.
        expected: ChainId,
    },
    /// Endpoints agree on an answer that does not have the form it must have.
    #[error("{doing} on {chain}: {problem}")]
    Malformed {
        /// The chain's name.
        chain: ChainName,
        /// What was being done.
        doing: String,
        /// What is wrong with the answer.
        problem: String,
    },
}

impl ChainError {
    /// When the same may be asked again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Disagreement { .. } | Self::Unavailable { .. } => Retry::After,
            Self::WrongChain { .. } | Self::Malformed { .. } => Retry::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i64, message: &str, data: &str) -> RpcErrorKind {
        let data =
            (!data.is_empty()).then(|| serde_json::value::RawValue::from_string(data.to_owned()).unwrap());
        refusal(&ErrorPayload { code, message: message.to_owned().into(), data })
    }

    #[test]
    fn the_dialects_of_nodes_say_the_same() {
        let data: Bytes = vec![0xab, 0xcd].into();
        for (code, message, raw) in [
            (3, "execution reverted: no", r#""0xabcd""#),
            (-32000, "execution reverted", r#""0xabcd""#),
            (-32015, "VM execution error.", r#""Reverted 0xabcd""#),
            (-32603, "call reverted", r#"{"message":"no","data":"0xabcd"}"#),
        ] {
            assert_eq!(
                refused(code, message, raw),
                RpcErrorKind::Reverted { data: data.clone() },
                "{message}"
            );
        }
        for message in ["execution reverted", "invalid opcode: INVALID", "EVM error InvalidFEOpcode"] {
            assert_eq!(
                refused(-32000, message, ""),
                RpcErrorKind::Reverted { data: Bytes::new() },
                "{message}"
            );
        }
        for (code, message) in
            [(-32601, "no"), (-32004, "no"), (-32600, "Unsupported method: eth_simulateV1 on ETH_MAINNET")]
        {
            assert_eq!(refused(code, message, ""), RpcErrorKind::Unsupported, "{message}");
        }
        for message in ["header not found", "missing trie node", "insufficient funds"] {
            assert!(matches!(refused(-32000, message, ""), RpcErrorKind::Refused { .. }), "{message}");
        }
    }

    #[test]
    fn who_does_not_have_a_block_is_told_from_who_finds_a_question_too_long() {
        for message in [
            "missing trie node 3f2a (path ) state 0x3f2a is not available",
            "header not found",
            "Unknown block",
            "History has been pruned for this block",
            "historical state 0x12 is not available",
            "block not found: 0x10",
        ] {
            assert!(refused(-32000, message, "").lacks(), "{message}");
        }
        for message in [
            "query returned more than 10000 results",
            "exceed maximum block range: 2000",
            "block range is too wide",
            "Log response size exceeded",
            "rate limit exceeded",
        ] {
            assert!(!refused(-32005, message, "").lacks(), "{message}");
        }
    }

    #[test]
    fn an_endpoints_words_are_cut_and_cleaned() {
        assert_eq!(shorten("a\u{1b}[31mb\nc"), "a[31mbc");
        assert_eq!(shorten(&"é".repeat(1_000)).chars().count(), MESSAGE_MAX_CHARS + 1);
    }
}
