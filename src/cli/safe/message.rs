//! `redhandle safe message`: the hash that owners sign to make a message the Safe's own.
//!
//! A text is hashed as wallets do (EIP-191) before it becomes the bytes of the SafeMessage; a hash or typed
//! data's hash is taken as it is. Safe 1.0.0 hashes it the same way, without the chain as all before 1.3.0.

use alloy::primitives::{B256, Bytes, eip191_hash_message};
use serde_json::json;

use super::asked::SafeArgs;
use super::input::{self, hex_bytes, read};
use crate::agent::message::device_hex;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Look;
use crate::domain::safe::message_hash;

/// The hash that owners sign for a message of the Safe.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The text; "-" reads standard input, as it is, a line's end included.
    #[arg(required_unless_present_any = ["hash", "bytes"], conflicts_with_all = ["hash", "bytes"])]
    text: Option<String>,
    /// A 32-byte hash instead of a text, as that of typed data.
    #[arg(long, value_name = "HASH", conflicts_with = "bytes")]
    hash: Option<B256>,
    /// The message's bytes themselves in hex, hashed by nobody before.
    #[arg(long, value_name = "HEX")]
    bytes: Option<String>,
    #[command(flatten)]
    safe: SafeArgs,
}

/// Prints it.
pub async fn message(context: &Context, args: Args) -> Result<Exit, Failure> {
    let asked = args.safe.find(context).await?;
    let domain = asked.domain();
    let bytes: Bytes = match (&args.text, args.hash, &args.bytes) {
        (_, Some(hash), _) => Bytes::from(hash),
        (_, None, Some(bytes)) => {
            hex_bytes(bytes).map_err(|why| input::wrong(vec![format!("--bytes: {why}")]))?
        }
        (Some(text), None, None) => {
            let text = if text == "-" { read("-")? } else { text.clone() };
            Bytes::from(eip191_hash_message(text))
        }
        (None, None, None) => return Err(Failure::wrong("a text, --hash or --bytes is missing")),
    };
    let hash = message_hash(&bytes, &domain);
    let value = json!({
        "domain_hash": domain.separator(), "message": bytes, "safe_message_hash": hash,
        "safe": domain.safe, "version": domain.version,
    });
    if !domain.version.has_chain_id() {
        context.out.note(&format!(
            "note: Safe {} does not hash the chain id: a signature holds for this Safe address on every chain",
            domain.version
        ));
    }
    context.out.result(&value, |out| {
        let line = |label: &str, bytes: &[u8]| {
            format!("{}  {}", out.look(&format!("{label:<16}"), Look::Dim), device_hex(bytes))
        };
        [
            line("Domain hash", domain.separator().as_slice()),
            line("Message", &bytes),
            line("SafeMessage hash", hash.as_slice()),
        ]
        .join("\n")
    });
    Ok(Exit::Done)
}
