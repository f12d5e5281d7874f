//! How a window stands against the chain.

use serde::Serialize;

use super::ground::Ground;
use super::window::{Entry, Window};
use crate::domain::names::WindowName;
use crate::domain::safe::{SafeNonce, SafeTxHash};

/// How one nonce stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum EntryState {
    /// Enough owners signed, on this ground: it can be executed once the Safe is at this nonce.
    Complete,
    /// Owners must still sign.
    Short {
        /// Signatures there.
        have: usize,
        /// Signatures needed.
        need: u64,
    },
    /// The Safe has used this nonce: it can never execute.
    Used,
    /// The ground changed: these signatures are not used.
    Void,
    /// The chain did not say.
    Unknown,
}

impl EntryState {
    /// For a table.
    pub fn in_words(&self) -> String {
        match self {
            Self::Complete => "complete".to_owned(),
            Self::Short { have, need } => format!("has {have} of {need}"),
            Self::Used => "used".to_owned(),
            Self::Void => "void".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }
}

/// One nonce of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntryStanding {
    /// The nonce.
    pub nonce: SafeNonce,
    /// Its transaction.
    pub safe_tx_hash: SafeTxHash,
    /// How it stands.
    #[serde(flatten)]
    pub entry: EntryState,
    /// Which owners signed.
    pub signed: Vec<alloy::primitives::Address>,
}

/// A window against the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Which window.
    pub window: WindowName,
    /// The Safe's nonce now; none where the chain did not say.
    pub safe_nonce: Option<SafeNonce>,
    /// At which block.
    pub block: Option<u64>,
    /// Every nonce, in order.
    pub entries: Vec<EntryStanding>,
    /// Complete ones that can follow one another from the Safe's nonce on: what could be used without a new signature.
    pub remaining: u64,
    /// Fewer than this is a shortage.
    pub low: u64,
    /// Why all of it is void.
    pub void: Vec<String>,
    /// Why nothing is known.
    pub unknown: Option<String>,
}

impl Standing {
    /// What is wrong with it, in a sentence; none when it is as it should be.
    pub fn trouble(&self) -> Option<String> {
        if let Some(why) = &self.unknown {
            return Some(format!("whether window {} holds is unknown: {why}", self.window));
        }
        if !self.void.is_empty() {
            return Some(format!(
                "window {} is void: {}; prepare it anew and sign again",
                self.window,
                self.void.join("; ")
            ));
        }
        (self.remaining < self.low).then(|| {
            let nonces = if self.remaining == 1 { "nonce is" } else { "nonces are" };
            format!(
                "window {} is short: {} {nonces} complete, and fewer than {} is too few; prepare it anew and sign",
                self.window, self.remaining, self.low
            )
        })
    }

    /// Proven good at its block.
    pub fn is_good(&self) -> bool {
        self.trouble().is_none()
    }
}

/// What was read at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The Safe's nonce.
    pub nonce: SafeNonce,
    /// The ground.
    pub ground: Ground,
    /// The block.
    pub block: u64,
    /// What else is not as it was signed: the files name another Safe, the runbook makes other calls.
    pub otherwise: Vec<String>,
}

/// What was read, or why it could not be.
pub type Reading = Result<Seen, String>;

/// Compares a window with the chain.
pub fn standing(window: &Window, low: u64, reading: &Reading) -> Standing {
    let mut standing = Standing {
        window: window.name.clone(),
        safe_nonce: None,
        block: None,
        entries: Vec::new(),
        remaining: 0,
        low,
        void: Vec::new(),
        unknown: None,
    };
    let mut nonce = None;
    match reading {
        Ok(seen) => {
            nonce = Some(seen.nonce);
            standing.block = Some(seen.block);
            standing.void = seen.ground.changes_since(&window.ground);
            standing.void.extend(seen.otherwise.iter().cloned());
        }
        Err(why) => standing.unknown = Some(why.clone()),
    }
    standing.safe_nonce = nonce;
    let is_void = !standing.void.is_empty();
    standing.entries =
        window.entries.iter().map(|entry| of_entry(entry, window.ground.threshold, nonce, is_void)).collect();
    standing.remaining = remaining(&standing.entries, nonce);
    standing
}

fn of_entry(entry: &Entry, need: u64, nonce: Option<SafeNonce>, is_void: bool) -> EntryStanding {
    let have = entry.signatures.len();
    let state = match nonce {
        None => EntryState::Unknown,
        Some(now) if entry.tx.nonce < now => EntryState::Used,
        Some(_) if is_void => EntryState::Void,
        Some(_) if u64::try_from(have).unwrap_or(u64::MAX) >= need => EntryState::Complete,
        Some(_) => EntryState::Short { have, need },
    };
    EntryStanding {
        nonce: entry.tx.nonce,
        safe_tx_hash: entry.hashes.safe_tx,
        entry: state,
        signed: entry.signatures.keys().copied().collect(),
    }
}

/// Complete entries in a row from the Safe's nonce on. Behind a gap none helps: the Safe must first pass it.
fn remaining(entries: &[EntryStanding], nonce: Option<SafeNonce>) -> u64 {
    let Some(first) = nonce else { return 0 };
    let (mut expected, mut count) = (first, 0);
    for entry in entries.iter().skip_while(|entry| entry.nonce < first) {
        if entry.nonce != expected || entry.entry != EntryState::Complete {
            break;
        }
        count += 1;
        expected = expected.next();
    }
    count
}
