//! A chain that keeps Safes: owners, nonces, approvals, executions. No call lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy::primitives::{Address, B256, Bytes};
use async_trait::async_trait;

use crate::domain::names::ChainId;
use crate::domain::safe::{
    ContractOwnerMessage, SafeAddress, SafeNonce, SafeState, SafeTxHash, SafeVersion, message_hash, signature,
};
use crate::safe_service::{ChainView, ChainViewError, Execution, Head};

/// The time of block 0, in seconds since 1970; a block takes a second.
const BLOCK_TIME_S: u64 = 1_795_000_000;

#[derive(Debug, Default)]
struct World {
    safes: BTreeMap<SafeAddress, SafeState>,
    code: BTreeMap<Address, B256>,
    approvals: BTreeSet<(SafeAddress, Address, SafeTxHash)>,
    executions: BTreeMap<(SafeAddress, SafeTxHash), Execution>,
    deployed: BTreeMap<Address, u64>,
    forgets_before: u64,
    code_reads: usize,
}

/// The chain 31337 of the recordings, or any other.
#[derive(Debug, Default)]
pub(super) struct ModelChain {
    world: Mutex<World>,
    broken: AtomicBool,
}

impl ModelChain {
    pub(super) fn add(
        &self,
        address: &str,
        version: SafeVersion,
        owners: &[&str],
        threshold: u64,
        singleton: &str,
    ) {
        let address = SafeAddress(address.parse().unwrap());
        let state = SafeState {
            address,
            chain: ChainId(31_337),
            version,
            owners: owners.iter().map(|owner| owner.parse().unwrap()).collect(),
            threshold,
            nonce: SafeNonce::default(),
            modules: Vec::new(),
            guard: None,
            module_guard: None,
            fallback_handler: None,
            singleton: singleton.parse().unwrap(),
            singleton_code_hash: None,
            block_number: 49,
            block_hash: B256::ZERO,
        };
        let mut world = self.world.lock().unwrap();
        world.deployed.entry(state.singleton).or_insert(1);
        world.safes.insert(address, state);
    }

    /// The contract is there from this block on.
    pub(super) fn deployed(&self, address: Address, block: u64) {
        self.world.lock().unwrap().deployed.insert(address, block);
    }

    /// The node has lost what was before a block.
    pub(super) fn forgets_before(&self, block: u64) {
        self.world.lock().unwrap().forgets_before = block;
    }

    /// How often it was asked for code at a block.
    pub(super) fn code_reads(&self) -> usize {
        self.world.lock().unwrap().code_reads
    }

    /// Changes a Safe.
    pub(super) fn change(&self, address: &str, change: impl FnOnce(&mut SafeState)) {
        let address = SafeAddress(address.parse().unwrap());
        change(self.world.lock().unwrap().safes.get_mut(&address).unwrap());
    }

    /// There is a contract with this code.
    pub(super) fn has_code(&self, address: Address, code_hash: B256) {
        self.world.lock().unwrap().code.insert(address, code_hash);
    }

    pub(super) fn approve(&self, safe: &str, owner: &str, hash: &str) {
        let approval = (SafeAddress(safe.parse().unwrap()), owner.parse().unwrap(), hash.parse().unwrap());
        self.world.lock().unwrap().approvals.insert(approval);
    }

    /// Executes at the Safe's nonce, in a new block.
    pub(super) fn execute(&self, safe: &str, hash: &str, in_tx: &str, success: bool) {
        let address = SafeAddress(safe.parse().unwrap());
        let mut world = self.world.lock().unwrap();
        let state = world.safes.get_mut(&address).unwrap();
        state.nonce = state.nonce.next();
        state.block_number += 1;
        let execution = Execution {
            tx_hash: in_tx.parse().unwrap(),
            success,
            block: state.block_number,
            at_s: Some(BLOCK_TIME_S + state.block_number),
        };
        world.executions.insert((address, hash.parse().unwrap()), execution);
    }

    /// A reorg takes the execution back.
    pub(super) fn undo(&self, safe: &str, hash: &str) {
        let address = SafeAddress(safe.parse().unwrap());
        let mut world = self.world.lock().unwrap();
        world.executions.remove(&(address, hash.parse().unwrap())).unwrap();
        let state = world.safes.get_mut(&address).unwrap();
        state.nonce = SafeNonce(state.nonce.0 - alloy::primitives::U256::ONE);
    }

    /// From now on nothing can be read, or everything again.
    pub(super) fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    fn read<T>(&self, doing: &str, read: impl FnOnce(&World) -> T) -> Result<T, ChainViewError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(ChainViewError { doing: doing.to_owned(), source: "no endpoint answers".into() });
        }
        Ok(read(&self.world.lock().unwrap()))
    }
}

#[async_trait]
impl ChainView for ModelChain {
    fn chain_id(&self) -> ChainId {
        ChainId(31_337)
    }

    async fn head(&self) -> Result<Head, ChainViewError> {
        self.read("read the newest block", |world| {
            let number = world.safes.values().map(|state| state.block_number).max().unwrap_or_default();
            Head { number, timestamp_s: BLOCK_TIME_S + number }
        })
    }

    async fn code_hash(&self, address: Address) -> Result<Option<B256>, ChainViewError> {
        self.read("read a contract's code", |world| world.code.get(&address).copied())
    }

    async fn had_code(&self, address: Address, block: u64) -> Result<bool, ChainViewError> {
        let doing = "read a contract's code as it was";
        self.read(doing, |_| ())?;
        let mut world = self.world.lock().unwrap();
        world.code_reads += 1;
        if block < world.forgets_before {
            return Err(ChainViewError { doing: doing.to_owned(), source: "missing trie node".into() });
        }
        Ok(world.deployed.get(&address).is_some_and(|from| *from <= block))
    }

    async fn safe_state(&self, safe: SafeAddress) -> Result<Option<SafeState>, ChainViewError> {
        self.read("read a Safe", |world| world.safes.get(&safe).cloned())
    }

    /// Answers as a Safe with a handler of its version does: its owners signed its message, and a
    /// handler of 1.5.0 has no answer in the form before.
    async fn is_valid_signature(
        &self,
        signer: Address,
        message: &ContractOwnerMessage,
        signature: &Bytes,
    ) -> Result<bool, ChainViewError> {
        self.read("ask a contract owner", |world| {
            let Some(child) = world.safes.get(&SafeAddress(signer)) else { return false };
            let legacy = matches!(message, ContractOwnerMessage::Preimage(_));
            if legacy && child.version >= SafeVersion::V1_5_0 {
                return false;
            }
            let hash = SafeTxHash(message_hash(message.as_bytes(), &child.domain()));
            let threshold = usize::try_from(child.threshold).unwrap();
            signature::check(hash, signature, &child.owners, threshold).is_ok()
        })
    }

    async fn approved_hash(
        &self,
        safe: SafeAddress,
        owner: Address,
        hash: SafeTxHash,
    ) -> Result<bool, ChainViewError> {
        self.read("read an approval", |world| world.approvals.contains(&(safe, owner, hash)))
    }

    async fn execution(
        &self,
        safe: SafeAddress,
        hash: SafeTxHash,
    ) -> Result<Option<Execution>, ChainViewError> {
        self.read("find an execution", |world| world.executions.get(&(safe, hash)).copied())
    }
}
