//! Preparing a window.

use super::settings;
use crate::agent::house::House;
use crate::agent::message::device_hex;
use crate::agent::presigned::prepare as preparing;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::names::WindowName;
use crate::domain::presigned::Window;

/// Prepares, and says what there is to sign.
pub async fn prepare(context: &Context, house: &House, name: &WindowName) -> Result<Exit, Failure> {
    let settings = settings(house, name)?;
    let prepared = preparing::prepare(&house.agent, settings).await.map_err(|error| Failure::of(&error))?;
    let window = &prepared.window;
    let json = serde_json::json!({
        "window": window.name,
        "chain": window.chain,
        "safe": window.safe,
        "threshold": window.ground.threshold,
        "calls": window.calls,
        "domain_hash": window.entries.first().map(|entry| entry.hashes.domain),
        "entries": window.entries.iter().map(|entry| serde_json::json!({
            "nonce": entry.tx.nonce,
            "message_hash": entry.hashes.message,
            "safe_tx_hash": entry.hashes.safe_tx,
            "signatures": entry.signatures.len(),
        })).collect::<Vec<_>>(),
        "kept": prepared.kept,
        "left": prepared.left,
        "simulated": prepared.simulated,
        "notes": prepared.notes,
    });
    for note in &prepared.notes {
        context.out.note(&format!("note: {note}"));
    }
    context.out.result(&json, |_| {
        let mut text = hashes(window);
        text.push_str(&format!("\nEach nonce was simulated and passes ({}).", prepared.simulated));
        if prepared.kept > 0 {
            text.push_str(&format!("\n{} signature(s) of the window before still fit.", prepared.kept));
        }
        if prepared.left > 0 {
            text.push_str(&format!(
                "\n{} signature(s) of the window before were left: their nonce is used, or what they were signed on changed.",
                prepared.left
            ));
        }
        text.push_str(&format!(
            "\nNow {} owner(s) sign: redhandle presign sign {name} --person WHO --keystore FILE, or presign sheet {name} --person WHO.",
            window.ground.threshold
        ));
        text
    });
    Ok(Exit::Done)
}

/// What a window holds, as signers read it on their devices.
pub fn hashes(window: &Window) -> String {
    let domain = window.entries.first().map(|entry| device_hex(entry.hashes.domain.as_slice()));
    let mut lines = vec![
        format!("Window       {} (runbook {})", window.name, window.runbook),
        format!("Chain        {} ({})", window.chain, window.domain.chain_id),
        format!("Safe         {}  {}  version {}", window.safe, window.domain.safe, window.domain.version),
    ];
    for call in &window.calls {
        lines.push(format!("Call         {}  at {}", call.call, call.address));
        lines.push(format!("  expected   {}", call.expect));
    }
    lines.push(format!("Domain hash  {}", domain.unwrap_or_default()));
    for entry in &window.entries {
        lines.push(format!("Nonce {}", entry.tx.nonce));
        lines.push(format!("  message    {}", device_hex(entry.hashes.message.as_slice())));
        lines.push(format!("  safeTxHash {}", device_hex(entry.hashes.safe_tx.0.as_slice())));
    }
    lines.join("\n")
}
