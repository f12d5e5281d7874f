//! Whoever has the owners' signatures may execute: transactions that the agent did not send.

use alloy::signers::SignerSync as _;
use redhandle::domain::safe::abi::exec_calldata;
use redhandle::domain::safe::signature::pack;
use redhandle::domain::safe::{OwnerSignature, SafeDomain, SafeTx, SafeTxHash, SignatureKind, hash};
use redhandle::drill::ground::DevTransaction;
use redhandle::safe_service::Proposal;

use super::{Life, Town};

impl Town {
    /// The hash of a transaction of the guardian Safe.
    pub async fn hash_of(&self, tx: &SafeTx) -> SafeTxHash {
        let chain = &self.chain.chain;
        let state = chain.safe_state(&chain.head().await.unwrap(), self.guardian).await.unwrap();
        hash(tx, &state.domain()).safe_tx
    }

    /// One owner's signature.
    pub fn signature_of(&self, person: &str, hash: SafeTxHash) -> OwnerSignature {
        let key = self.key_of(person);
        let bytes = key.sign_hash_sync(&hash.0).unwrap().as_bytes().to_vec().into();
        OwnerSignature { owner: key.address(), kind: SignatureKind::Eoa, bytes }
    }

    /// Somebody who is nobody to the agent executes a transaction that these people signed.
    pub async fn outsider_executes(&self, tx: &SafeTx, signers: &[&str]) {
        let chain = &self.chain.chain;
        let state = chain.safe_state(&chain.head().await.unwrap(), self.guardian).await.unwrap();
        self.outsider_executes_at(&state.domain(), tx, signers).await;
    }

    /// The same of another Safe.
    pub async fn outsider_executes_at(&self, of: &SafeDomain, tx: &SafeTx, signers: &[&str]) {
        let hash = hash(tx, of).safe_tx;
        let signatures =
            pack(signers.iter().map(|person| self.signature_of(person, hash)).collect()).unwrap();
        let transaction = DevTransaction {
            what: "executing a Safe transaction".to_owned(),
            from: self.chain.actors.depositor.address(),
            to: Some(of.safe.0),
            data: exec_calldata(tx, signatures),
        };
        self.chain.anvil.send_all(&[transaction]).await.unwrap();
    }
}

impl Life {
    /// An owner queues a transaction at the service, as the Safe's interface does.
    pub async fn queues(&self, town: &Town, person: &str, tx: &SafeTx) -> SafeTxHash {
        let hash = town.hash_of(tx).await;
        let signature = town.signature_of(person, hash);
        let (sender, signature) = (signature.owner, signature.bytes);
        let proposal = Proposal { tx: tx.clone(), hash, sender, signature, origin: None };
        let client = self.house.agent.services[&town.chain_name()].client.clone();
        let safe = town.guardian;
        self.within(async move { client.propose(safe, &proposal).await.unwrap() }).await;
        hash
    }
}
