//! What the configuration tells the service: which Safes there are, how calls on its contracts read, and
//! what may be delegatecalled. None of it is needed to propose and confirm.

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, b256};

use super::Parts;
use super::refusal::Refusal;
use crate::domain::safe::multisend::is_call_only;
use crate::domain::safe::{Operation, SafeAddress, SafeTx};

/// What the configuration knows of one chain.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Safes that lists by owner and module look at, besides those something is stored of.
    pub safes: Vec<SafeAddress>,
    /// Contracts whose calls are decoded.
    pub contracts: Vec<(Address, JsonAbi)>,
    /// Contracts that may be delegatecalled besides Safe's own libraries.
    pub delegatecalls: Vec<Address>,
}

/// Code of Safe's libraries that are made to be delegatecalled and do only what their names say:
/// MultiSendCallOnly, SignMessageLib (1.3.0, 1.4.1, 1.5.0 each) and SafeMigration (1.4.1, 1.5.0), as the
/// service of Safe itself trusts them (`codeHash` in `@safe-global/safe-deployments` 1.37.63). By code and not
/// by address, so that a chain on which they stand elsewhere is served as well.
const TRUSTED_CODE: [B256; 8] = [
    b256!("0xa9865ac2d9c7a1591619b188c4d88167b50df6cc0c5327fcbd1c8c75f7c066ad"),
    b256!("0xecd5bd14a08c5d2122379900b2f272bdf107a7e92423c10dd5fe3254386c9939"),
    b256!("0xcdbdcec38d2f1c7d961b0029ff8416b7e86e9974d6f0e9c9580c7d17fcfb6663"),
    b256!("0x3ac65dea3cc9dd0d7b7b800f834e3d73415b4e944bb94555c3e4a08fb137e918"),
    b256!("0x525c754a46b79e05543a59bb61e8de3c9eee0d955a59352409cbe67ea1077528"),
    b256!("0xd61840855da008da59a00fc03fb71455b4f70bdca1f56f9504f072ed8d90c50e"),
    b256!("0xc00d7921460cd5a05393e7772e634bd7d212f356356aa3a77f0120a9b8e25e99"),
    b256!("0x52d7472fa02c3a574544f9b5a4ed4c7777e4e3315217e368926b51e1cc6014ea"),
];

/// A delegatecall lets its target do anything with the Safe, so only known targets are taken. The real
/// service takes all; the gateway of Safe{Wallet} refuses the same ones as this.
pub(super) async fn check_delegatecall(parts: &Parts, tx: &SafeTx) -> Result<(), Refusal> {
    match tx.operation {
        Operation::Call => return Ok(()),
        Operation::DelegateCall => {}
    }
    if is_call_only(tx.to) || parts.known.delegatecalls.contains(&tx.to) {
        return Ok(());
    }
    match parts.chain.code_hash(tx.to).await? {
        Some(code) if TRUSTED_CODE.contains(&code) => Ok(()),
        Some(_) | None => Err(Refusal::unprocessable(format!(
            "Delegatecall to {} is not taken: its code could change anything of the Safe, and it is neither a library of Safe nor named in delegatecall_targets of the configuration",
            tx.to.to_checksum(None)
        ))),
    }
}
