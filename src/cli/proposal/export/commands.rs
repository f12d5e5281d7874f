//! What does the same without us: commands of `cast` (Foundry), for a POSIX shell.
//!
//! Whoever runs one sets `RPC_URL` to their own node and chooses their key: `--ledger`, `--trezor`, `--keystore FILE`. The
//! tests run each of them as it stands, on a practice chain.

use alloy::primitives::Bytes;

use crate::agent::message::cast_command;
use crate::domain::incident::{Incident, Preparation};
use crate::domain::safe::exchange::CommandPart;
use crate::domain::safe::signature::{pack, recover};
use crate::domain::safe::{OwnerSignature, SafeTx, typed_data};

/// Every command that applies now, in the order they are needed.
pub fn commands(incident: &Incident, preparation: &Preparation) -> Vec<CommandPart> {
    let command = |does: &str, command: String| CommandPart { does: does.to_owned(), command };
    let mut commands = vec![
        command("ask the Safe itself for the safeTxHash", check(preparation)),
        command("sign; it prints the signature", sign(preparation)),
        command(
            "or approve the hash on the chain, which needs no signature to be carried",
            approve(preparation),
        ),
    ];
    if let Some(signatures) = packed(incident, preparation) {
        let execute = execute(preparation.domain.safe.0, &preparation.tx, &signatures);
        commands.push(command("execute it with the signatures that are here; anybody may", execute));
    }
    commands
}

fn check(preparation: &Preparation) -> String {
    cast_command(preparation).replace("YOUR_OWN_NODE", "\"$RPC_URL\"")
}

/// The typed data holds no apostrophe: names of fields, addresses and digits only.
fn sign(preparation: &Preparation) -> String {
    format!("cast wallet sign --data '{}' --ledger", typed_data(&preparation.tx, &preparation.domain))
}

/// The approval as a transaction of an owner.
pub fn approve(preparation: &Preparation) -> String {
    format!(
        "cast send {} 'approveHash(bytes32)' {} --rpc-url \"$RPC_URL\" --ledger",
        preparation.domain.safe,
        preparation.safe_tx_hash()
    )
}

fn execute(safe: alloy::primitives::Address, tx: &SafeTx, signatures: &Bytes) -> String {
    format!(
        "cast send {safe} 'execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)(bool)' {} {} {} {} {} {} {} {} {} {signatures} --rpc-url \"$RPC_URL\" --ledger",
        tx.to,
        tx.value,
        tx.data,
        tx.operation.as_u8(),
        tx.safe_tx_gas,
        tx.base_gas,
        tx.gas_price,
        tx.gas_token,
        tx.refund_receiver,
    )
}

/// The signatures as the Safe takes them, once there are enough.
fn packed(incident: &Incident, preparation: &Preparation) -> Option<Bytes> {
    let hash = preparation.safe_tx_hash();
    if incident.quorum_of(hash).is_none_or(|(have, needed)| have < needed) {
        return None;
    }
    let owners =
        incident.confirmations_of(hash)?.values().filter(|known| preparation.owners.contains(&known.owner));
    let mut signatures: Vec<_> = owners
        .filter_map(|known| {
            let kind = recover(hash, &known.signature).ok()?.kind;
            Some(OwnerSignature { owner: known.owner, kind, bytes: known.signature.clone() })
        })
        .collect();
    signatures.sort_by_key(|signature| signature.owner);
    let needed = usize::try_from(preparation.threshold).ok()?;
    signatures.truncate(needed);
    (signatures.len() == needed).then(|| pack(signatures).ok()).flatten()
}
