//! By which way a transaction goes to the chain: by a private relay first, where one is configured, and by the public
//! endpoints when the relay does not take it or has not had it mined after some blocks; never, where it says so.

use std::collections::BTreeMap;

use alloy::primitives::B256;

use crate::agent::chain_of;
use crate::chain::{Chain, Relay, SignedTransaction};

/// The way of one delivery.
pub struct Route<'a> {
    chain: &'a Chain,
    relay: Option<&'a Relay>,
    /// What only the relay was given, and since which block.
    private: BTreeMap<B256, u64>,
    /// The public endpoints have one of ours already: there is nothing left to hide.
    public: bool,
    /// What the relay said, newest last.
    said: Vec<String>,
}

impl<'a> Route<'a> {
    pub fn new(chain: &'a Chain, relay: Option<&'a Relay>) -> Self {
        Self { chain, relay, private: BTreeMap::new(), public: false, said: Vec::new() }
    }

    /// Whether only the relay was given it, so that no public endpoint can know it.
    pub fn is_private(&self, transaction: B256) -> bool {
        self.private.contains_key(&transaction)
    }

    /// Whether anything went by the relay that the public endpoints have not.
    pub fn has_private(&self) -> bool {
        !self.private.is_empty()
    }

    /// What the relay said, to be told with whatever came of it.
    pub fn told(&self) -> String {
        if self.said.is_empty() { String::new() } else { format!(" ({})", self.said.join("; ")) }
    }

    /// Hands it in. The error is who said what.
    pub async fn hand_in(&mut self, transaction: &SignedTransaction) -> Result<(), String> {
        let Some(relay) = self.relay.filter(|_| !self.public) else { return self.publish(transaction).await };
        let by_relay = match self.chain.head().await {
            Ok(head) => relay.send(transaction).await.map(|()| head.number).map_err(|error| chain_of(&error)),
            Err(error) => Err(chain_of(&error)),
        };
        match (by_relay, relay.public_after_blocks()) {
            (Ok(block), _) => {
                self.said.push(format!("the private relay {} took it at block {block}", relay.label()));
                self.private.insert(transaction.hash, block);
                Ok(())
            }
            (Err(problem), Some(_)) => {
                tracing::warn!(transaction = %transaction.hash, %problem, "the private relay does not take it: sending publicly");
                self.said.push(format!("the private relay {} did not take it: {problem}", relay.label()));
                self.publish(transaction).await
            }
            (Err(problem), None) => Err(format!(
                "the private relay {} did not take it, and it is to go by no other way: {problem}",
                relay.label()
            )),
        }
    }

    /// Gives the public endpoints what the relay has had for long enough.
    pub async fn publish_if_due(&mut self, transaction: &SignedTransaction) {
        let due =
            self.relay.and_then(Relay::public_after_blocks).zip(self.private.get(&transaction.hash).copied());
        let Some((blocks, since)) = due else { return };
        let Ok(head) = self.chain.head().await else { return };
        if head.number < since.saturating_add(blocks) {
            return;
        }
        self.said.push(format!(
            "it was not mined after {blocks} blocks, and sent publicly at block {}",
            head.number
        ));
        if let Err(problem) = self.publish(transaction).await {
            tracing::warn!(transaction = %transaction.hash, %problem, "the public endpoints do not take it");
        }
    }

    async fn publish(&mut self, transaction: &SignedTransaction) -> Result<(), String> {
        self.public = true;
        self.private.remove(&transaction.hash);
        self.chain.send(transaction).await.map_err(|error| chain_of(&error))
    }
}
