//! What only a practice chain allows: acting as its accounts, mining at will, writing state.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, TxHash, U64, U256};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::GroundError;
use super::anvil::Anvil;
use crate::chain::RpcError;

/// Gas for each transaction: enough for the largest contract we deploy, and under the 2^24 that EIP-7825 allows.
const GAS: u64 = 12_000_000;

/// How long transactions of the ground may wait to be mined.
const MINED_TIMEOUT: Duration = Duration::from_secs(15);

/// How often that is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A transaction that anvil signs itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevTransaction {
    /// What it is for, to be said when it fails.
    pub what: String,
    /// One of anvil's accounts, or an impersonated one.
    pub from: Address,
    /// The called contract; none creates one.
    pub to: Option<Address>,
    /// Calldata or creation code.
    pub data: Bytes,
}

impl Anvil {
    /// Sends all transactions, in order, and mines them.
    ///
    /// # Errors
    /// When one is refused or fails.
    pub async fn send_all(&self, transactions: &[DevTransaction]) -> Result<Vec<TxHash>, GroundError> {
        let sent = self.submit_all(transactions).await?;
        self.require_all(transactions, &sent).await?;
        Ok(sent)
    }

    /// Sends all transactions, in order, and waits for none.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn submit_all(&self, transactions: &[DevTransaction]) -> Result<Vec<TxHash>, GroundError> {
        if transactions.is_empty() {
            return Ok(Vec::new());
        }
        let doing = "sending transactions";
        // One after the other: of a batch anvil takes the items in any order, and has been seen to forget one that
        // came before its predecessor.
        let mut nonces = self.nonces(transactions).await?;
        let mut sent = Vec::with_capacity(transactions.len());
        for transaction in transactions {
            let nonce = nonces.iter_mut().find(|(from, _)| *from == transaction.from).map(|(_, next)| {
                let nonce = *next;
                *next = next.saturating_add(1);
                U64::from(nonce)
            });
            let params = json!([{
                "from": transaction.from,
                "to": transaction.to,
                "data": transaction.data,
                "gas": U64::from(GAS),
                "nonce": nonce,
            }]);
            sent.push(self.endpoint().ask(doing, "eth_sendTransaction", params).await?);
        }
        Ok(sent)
    }

    /// The next nonce of each sender.
    pub(super) async fn nonces(
        &self,
        transactions: &[DevTransaction],
    ) -> Result<Vec<(Address, u64)>, RpcError> {
        let doing = "reading nonces";
        let mut senders: Vec<_> = transactions.iter().map(|transaction| transaction.from).collect();
        senders.sort_unstable();
        senders.dedup();
        let questions: Vec<_> = senders
            .iter()
            .map(|sender| ("eth_getTransactionCount".into(), json!([sender, "pending"])))
            .collect();
        let answers = self.endpoint().ask_batch(doing, &questions).await?;
        senders
            .into_iter()
            .zip(answers)
            .map(|(sender, answer)| Ok((sender, self.endpoint().parse::<U64>(doing, &answer?)?.to())))
            .collect()
    }

    async fn require_all(&self, transactions: &[DevTransaction], sent: &[TxHash]) -> Result<(), GroundError> {
        let deadline = Instant::now() + MINED_TIMEOUT;
        let outcomes = loop {
            if let Some(outcomes) = self.mined(sent).await? {
                break outcomes;
            }
            if Instant::now() >= deadline {
                return Err(self.not_mined().into());
            }
            // Some did not fit into the block that the last of them set off.
            self.mine(1).await?;
        };
        for ((transaction, hash), succeeded) in transactions.iter().zip(sent).zip(outcomes) {
            if !succeeded {
                return Err(GroundError::Failed { what: transaction.what.clone(), transaction: *hash });
            }
        }
        Ok(())
    }

    /// Waits until all are mined and says of each whether it succeeded.
    ///
    /// # Errors
    /// When one is not mined within 15 s.
    pub async fn outcomes(&self, sent: &[TxHash]) -> Result<Vec<bool>, RpcError> {
        let deadline = Instant::now() + MINED_TIMEOUT;
        loop {
            if let Some(outcomes) = self.mined(sent).await? {
                return Ok(outcomes);
            }
            if Instant::now() >= deadline {
                return Err(self.not_mined());
            }
            sleep(POLL).await;
        }
    }

    fn not_mined(&self) -> RpcError {
        RpcError::garbled(self.endpoint().label(), "reading receipts", "not all transactions are mined")
    }

    /// Of each whether it succeeded, once all are mined.
    async fn mined(&self, sent: &[TxHash]) -> Result<Option<Vec<bool>>, RpcError> {
        let doing = "reading receipts";
        let questions: Vec<_> =
            sent.iter().map(|hash| ("eth_getTransactionReceipt".into(), json!([hash]))).collect();
        let mut outcomes = Vec::with_capacity(sent.len());
        for answer in self.endpoint().ask_batch(doing, &questions).await? {
            let receipt: Option<Status> = self.endpoint().parse(doing, &answer?)?;
            outcomes.push(receipt.map(|receipt| receipt.status == U64::from(1)));
        }
        Ok(outcomes.into_iter().collect())
    }

    /// Mines `blocks` empty blocks, or what waits.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn mine(&self, blocks: u64) -> Result<(), RpcError> {
        self.control("mining", "anvil_mine", json!([U64::from(blocks)])).await
    }

    /// Mines a block for each transaction, or (`false`) only when told.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn automine(&self, on: bool) -> Result<(), RpcError> {
        self.control("setting automatic mining", "evm_setAutomine", json!([on])).await
    }

    /// Mines a block each `seconds`; 0 stops that. Automatic mining ends with it.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn mine_every(&self, seconds: u64) -> Result<(), RpcError> {
        self.control("setting the block time", "evm_setIntervalMining", json!([seconds])).await
    }

    /// Writes a contract's code.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn set_code(&self, address: Address, code: &Bytes) -> Result<(), RpcError> {
        self.control("writing code", "anvil_setCode", json!([address, code])).await
    }

    /// Writes a storage word.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn set_storage(&self, address: Address, slot: B256, value: B256) -> Result<(), RpcError> {
        self.control("writing storage", "anvil_setStorageAt", json!([address, slot, value])).await
    }

    /// Writes a balance.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn set_balance(&self, address: Address, wei: U256) -> Result<(), RpcError> {
        self.control("writing a balance", "anvil_setBalance", json!([address, wei])).await
    }

    /// Lets transactions be sent from any address, without a key.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn impersonate(&self, address: Address) -> Result<(), RpcError> {
        self.control("impersonating", "anvil_impersonateAccount", json!([address])).await
    }

    /// Remembers the state; the number brings it back, once.
    ///
    /// # Errors
    /// When anvil refuses.
    pub async fn snapshot(&self) -> Result<U256, RpcError> {
        self.endpoint().ask("remembering the state", "evm_snapshot", json!([])).await
    }

    /// Brings a remembered state back. Block numbers repeat afterwards.
    ///
    /// # Errors
    /// When anvil refuses, or does not know the snapshot.
    pub async fn revert(&self, snapshot: U256) -> Result<(), RpcError> {
        let doing = "bringing a state back";
        let done: bool = self.endpoint().ask(doing, "evm_revert", json!([snapshot])).await?;
        if done { Ok(()) } else { Err(RpcError::garbled(self.endpoint().label(), doing, "no such snapshot")) }
    }

    /// Calls a method whose answer says nothing.
    async fn control(&self, doing: &str, method: &'static str, params: Value) -> Result<(), RpcError> {
        self.endpoint().ask::<IgnoredAny>(doing, method, params).await.map(|_| ())
    }
}

#[derive(Deserialize)]
struct Status {
    status: U64,
}
