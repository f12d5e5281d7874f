//! A chain of our own making, which reorganises itself, indexes late, refuses and disagrees.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use async_trait::async_trait;

use super::super::{ChainEye, OnchainSettings, Readings};
use crate::domain::alert::AlertSeverity;
use crate::domain::contract::Contract;
use crate::domain::names::{ChainId, FeedName};
use crate::domain::watch::{SeenBlock, SeenLog, Subject, SubjectKind, View, ViewText, Watch, default_events};

pub(super) const VAULT: Address = Address::repeat_byte(0xaa);

#[derive(Default)]
pub(super) struct World {
    /// Blocks from 0, each with its logs.
    chain: Vec<(SeenBlock, Vec<SeenLog>)>,
    /// What tells forks apart.
    fork: u64,
    /// What `totalAssets()` returns, or why it does not.
    pub(super) assets: Option<u64>,
    /// Nobody says what the head is.
    pub(super) outage: bool,
    /// Blocks whose logs are not indexed yet.
    pub(super) late: Vec<u64>,
    /// The longest range that is answered.
    pub(super) longest: Option<u64>,
    /// Everything that was asked, ranges only.
    pub(super) asked: Vec<(u64, u64)>,
}

#[derive(Default)]
pub(super) struct FakeChain(Mutex<World>);

impl FakeChain {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(super) fn mine(&self, transactions: &[u8]) {
        let mut world = self.world();
        let number = world.chain.len() as u64;
        let hash = keccak256(format!("{} {number} {transactions:?}", world.fork));
        let block = SeenBlock { number, hash, timestamp_s: 1_700_000_000 + 12 * number };
        let log = |(index, transaction): (usize, &u8)| SeenLog {
            address: VAULT,
            topics: vec![keccak256("Paused(address)")],
            data: Bytes::from(U256::from(*transaction).to_be_bytes_vec()),
            transaction: B256::repeat_byte(*transaction),
            index: index as u64,
            block,
        };
        let logs = transactions.iter().enumerate().map(log).collect();
        world.chain.push((block, logs));
    }

    pub(super) fn mine_empty(&self, blocks: usize) {
        (0..blocks).for_each(|_| self.mine(&[]));
    }

    /// The chain leaves everything above this height.
    pub(super) fn reorganise(&self, above: u64) {
        let mut world = self.world();
        world.chain.truncate(usize::try_from(above).unwrap() + 1);
        world.fork += 1;
    }
}

#[async_trait]
impl ChainEye for FakeChain {
    async fn head(&self) -> Result<SeenBlock, String> {
        let world = self.world();
        let head = world.chain.last().filter(|_| !world.outage).map(|(block, _)| *block);
        head.ok_or_else(|| "no endpoint answers".to_owned())
    }

    async fn block(&self, number: u64) -> Result<Option<SeenBlock>, String> {
        Ok(self.world().chain.get(usize::try_from(number).unwrap()).map(|(block, _)| *block))
    }

    async fn logs(&self, _: &Watch, from: u64, to: &SeenBlock) -> Result<Vec<SeenLog>, String> {
        let mut world = self.world();
        world.asked.push((from, to.number));
        if world.longest.is_some_and(|longest| to.number - from + 1 > longest) {
            return Err("the range is too long".to_owned());
        }
        let there = world.chain.iter().filter(|(block, _)| (from..=to.number).contains(&block.number));
        let there = there.filter(|(block, _)| !world.late.contains(&block.number));
        Ok(there.flat_map(|(_, logs)| logs.clone()).collect())
    }

    async fn read(
        &self,
        _: &SeenBlock,
        calls: &[(Address, Bytes)],
        _: &[Address],
        slots: &[(Address, B256)],
    ) -> Result<Readings, String> {
        let assets = self.world().assets.map(|assets| Bytes::from(U256::from(assets).to_be_bytes_vec()));
        let answer = assets.ok_or_else(|| "endpoints disagree".to_owned());
        let said = self.world().assets.map(|_| B256::ZERO).ok_or_else(|| "endpoints disagree".to_owned());
        Ok(Readings { calls: vec![answer; calls.len()], safes: Vec::new(), slots: vec![said; slots.len()] })
    }
}

pub(super) fn settings() -> OnchainSettings {
    let contract = Contract {
        name: "vault".into(),
        chain: "mainnet".into(),
        chain_id: ChainId(1),
        address: VAULT,
        abi: JsonAbi::parse(["function totalAssets() view returns (uint256)"]).unwrap(),
    };
    let written = ViewText {
        call: Some("totalAssets()".to_owned()),
        below: Some("100".to_owned()),
        ..ViewText::default()
    };
    let view = View::compile("low".to_owned(), &contract, &written, AlertSeverity::Critical, None).unwrap();
    OnchainSettings {
        watch: Watch {
            feed: FeedName::new("chain-mainnet"),
            chain: "mainnet".into(),
            chain_id: ChainId(1),
            subjects: vec![Subject { name: "vault".to_owned(), kind: SubjectKind::Contract, address: VAULT }],
            events: default_events(),
            views: vec![view],
        },
        poll: Duration::from_millis(1),
        confirmations: 0,
        overlap_blocks: 3,
        reorg_blocks: 4,
        page_blocks: 50,
    }
}
