//! Signing for a child Safe without a transaction of the child: `proposal sign --off-chain`.

use crate::agent::house::House;
use crate::agent::message::device_hex;
use crate::agent::nested::off_chain::{Ask, asks, sign};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::incident::{IncidentId, Preparation};
use crate::domain::safe::contract_signature::OffChain;
use crate::signer::KeySigner;

/// What the key would sign for the proposal's Safe: for the one child it owns that can answer this way.
pub async fn asked(house: &House, preparation: &Preparation, key: &KeySigner) -> Result<Ask, Failure> {
    let found = asks(&house.agent, preparation, key.address()).await.map_err(Failure::no)?;
    let mut reasons = Vec::new();
    for ask in found {
        match &ask.works {
            OffChain::Works | OffChain::AskTheChain { .. } => return Ok(ask),
            OffChain::Impossible { because } => reasons.push(format!("not signed: {because}")),
        }
    }
    if reasons.is_empty() {
        return Err(Failure::wrong(format!(
            "--off-chain: {} owns no Safe that is an owner of Safe {}",
            key.address(),
            preparation.safe
        )));
    }
    Err(Failure { exit: Exit::No, problems: reasons })
}

/// What the device will show, and what it brings about.
pub fn text(ask: &Ask, preparation: &Preparation) -> String {
    format!(
        "you sign a message of Safe {child}, which approves {calls} by Safe {parent}; the child executes nothing\n\
         domain hash   {}\nmessage hash  {}\nhash to sign  {}\nyour device shows these, of the child's message; not the hashes of the proposal",
        device_hex(ask.hashes.domain.as_slice()),
        device_hex(ask.hashes.message.as_slice()),
        device_hex(ask.hashes.safe_tx.0.as_slice()),
        child = ask.child.address,
        calls = preparation.describe_calls(),
        parent = preparation.safe,
    )
}

/// Signs, and says whether the parent counts the child now.
pub async fn go(
    context: &Context,
    house: &House,
    id: IncidentId,
    preparation: &Preparation,
    ask: &Ask,
    key: &KeySigner,
) -> Result<Exit, Failure> {
    let counts = sign(&house.agent, id, preparation, ask, key).await.map_err(Failure::no)?;
    let json = serde_json::json!({
        "incident_id": id,
        "safe_tx_hash": preparation.safe_tx_hash(),
        "child": ask.child.address,
        "signed_hash": ask.hashes.safe_tx,
        "owner": key.address(),
        "child_confirmed": counts,
    });
    context.out.result(&json, |_| {
        let child = ask.child.address;
        if counts {
            format!("signed; Safe {child} confirms {}: the chain says so", preparation.safe_tx_hash())
        } else {
            format!("signed; Safe {child} needs {} signatures for its own", ask.child.threshold)
        }
    });
    Ok(Exit::Done)
}
