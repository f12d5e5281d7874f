//! A Safe read from the chain: which questions, and what the answers make of it.
//!
//! Nothing is filled in: a value that is missing or disputed is an error, and what is not a Safe is
//! said not to be one, with the reason. Whether the singleton is a known release is judged in
//! [`singleton`](crate::domain::safe::singleton); that its code was not told is no error, and unknown is red.

use alloy::primitives::{Address, B256, Bytes, U256, address, b256};
use alloy::sol_types::SolCall;

use super::ask::Ask;
use super::error::{ChainError, Retry};
use super::head::BlockRef;
use super::snapshot::CallOutcome;
use crate::domain::names::ChainId;
use crate::domain::safe::abi::Safe;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeState, SafeVersion};

/// Modules that are read; a Safe with more is refused rather than shown in part. The answer is as long as there are
/// modules (`ModuleManager.getModulesPaginated` cuts its array), so that asking for many costs a usual Safe nothing.
pub const MODULES_MAX: usize = 1_000;

/// Start and end of the Safe's linked lists (`ModuleManager.SENTINEL_MODULES`).
const SENTINEL: Address = address!("0x0000000000000000000000000000000000000001");

/// The proxy's first slot: the singleton's address.
const SINGLETON_SLOT: B256 = B256::ZERO;
/// keccak256("guard_manager.guard.address"), of `GuardManager`.
const GUARD_SLOT: B256 = b256!("0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8");
/// keccak256("module_manager.module_guard.address"), of `ModuleManager` 1.5.0.
const MODULE_GUARD_SLOT: B256 = b256!("0xb104e0b93118902c651344349b610029d694cfdec91c589c91ebafbcd0289947");
/// keccak256("fallback_manager.handler.address"), of `FallbackManager`.
const FALLBACK_HANDLER_SLOT: B256 =
    b256!("0x6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5");

/// Why a Safe could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SafeReadError {
    /// There is something else at the address, or nothing.
    #[error("{safe} is not a Safe that can be used: {reason}")]
    NotASafe {
        /// The address.
        safe: SafeAddress,
        /// Why not.
        reason: String,
    },
    /// It may be a Safe, but this was not learnt about it.
    #[error("could not read {what} of Safe {safe}")]
    Unread {
        /// The Safe.
        safe: SafeAddress,
        /// What was not learnt.
        what: &'static str,
        /// Why not.
        #[source]
        source: ChainError,
    },
    /// The ticket belongs to another plan.
    #[error("the Safe was not part of this snapshot")]
    Foreign(#[source] ChainError),
}

impl SafeReadError {
    pub(super) fn unread(safe: SafeAddress, what: &'static str, source: ChainError) -> Self {
        Self::Unread { safe, what, source }
    }

    /// When the same may be read again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::NotASafe { .. } | Self::Foreign(_) => Retry::Never,
            Self::Unread { source, .. } => source.retry(),
        }
    }
}

/// Where the answers about one Safe stand among those of a snapshot.
#[derive(Clone, Debug)]
pub(super) struct SafeQuestions {
    safe: SafeAddress,
    code: usize,
    version: usize,
    owners: usize,
    threshold: usize,
    nonce: usize,
    modules: usize,
    modules_unpaged: usize,
    singleton: usize,
    singleton_code: usize,
    guard: usize,
    module_guard: usize,
    fallback_handler: usize,
}

impl SafeQuestions {
    /// Adds the questions about `safe` to a plan.
    pub(super) fn plan(safe: SafeAddress, mut add: impl FnMut(Ask) -> usize) -> Self {
        let address = safe.0;
        let code = add(Ask::Code { address });
        let mut call = |data: Vec<u8>| add(Ask::Call { to: address, data: data.into() });
        let page = Safe::getModulesPaginatedCall { start: SENTINEL, pageSize: U256::from(MODULES_MAX) };
        let version = call(Safe::VERSIONCall {}.abi_encode());
        let owners = call(Safe::getOwnersCall {}.abi_encode());
        let threshold = call(Safe::getThresholdCall {}.abi_encode());
        let nonce = call(Safe::nonceCall {}.abi_encode());
        let modules = call(page.abi_encode());
        let modules_unpaged = call(Safe::getModulesCall {}.abi_encode());
        let singleton_code = add(Ask::SingletonCode { proxy: address });
        let mut slot = |slot| add(Ask::Storage { address, slot });
        Self {
            safe,
            code,
            version,
            owners,
            threshold,
            nonce,
            modules,
            modules_unpaged,
            singleton: slot(SINGLETON_SLOT),
            singleton_code,
            guard: slot(GUARD_SLOT),
            module_guard: slot(MODULE_GUARD_SLOT),
            fallback_handler: slot(FALLBACK_HANDLER_SLOT),
        }
    }

    /// Makes a Safe of the answers.
    pub(super) fn read(
        &self,
        chain: ChainId,
        block: &BlockRef,
        answer: impl Fn(usize) -> Result<CallOutcome, ChainError>,
    ) -> Result<SafeState, SafeReadError> {
        let read = Reading { safe: self.safe, answer: &answer };
        if read.bytes(self.code, "the code")?.is_empty() {
            return Err(read.not_a_safe("there is no contract at this address"));
        }
        let said: String = read.view::<Safe::VERSIONCall>(self.version, "VERSION()")?;
        let version: SafeVersion = said.parse().map_err(|unknown| read.not_a_safe(unknown))?;
        // Before the owners: a singleton by itself answers VERSION(), too, and has none.
        let Some(singleton) = read.slot(self.singleton, "the singleton")? else {
            return Err(read.not_a_safe("it names no singleton, so it is no proxy of a Safe"));
        };
        let owners = read.view::<Safe::getOwnersCall>(self.owners, "getOwners()")?;
        let threshold = read.view::<Safe::getThresholdCall>(self.threshold, "getThreshold()")?;
        if threshold.is_zero() || threshold > U256::from(owners.len()) {
            let reason = format!("its threshold is {threshold} with {} owners", owners.len());
            return Err(read.not_a_safe(reason));
        }
        // An older Safe may hold anything in the slots that later releases gave a meaning.
        let guard = if version.has_guard() { read.slot(self.guard, "the guard")? } else { None };
        let module_guard =
            if version.has_module_guard() { read.slot(self.module_guard, "the module guard")? } else { None };
        let fallback_handler = if version.has_fallback_handler() {
            read.slot(self.fallback_handler, "the fallback handler")?
        } else {
            None
        };
        Ok(SafeState {
            address: self.safe,
            chain,
            version,
            owners,
            threshold: threshold.saturating_to(),
            nonce: SafeNonce(read.view::<Safe::nonceCall>(self.nonce, "nonce()")?),
            modules: self.modules(&read, version)?,
            guard,
            module_guard,
            fallback_handler,
            singleton,
            singleton_code_hash: read.code_hash(self.singleton_code),
            block_number: block.number,
            block_hash: block.hash,
        })
    }

    fn modules<A>(&self, read: &Reading<'_, A>, version: SafeVersion) -> Result<Vec<Address>, SafeReadError>
    where
        A: Fn(usize) -> Result<CallOutcome, ChainError>,
    {
        if version == SafeVersion::V1_0_0 {
            return read.view::<Safe::getModulesCall>(self.modules_unpaged, "getModules()");
        }
        let page = read.view::<Safe::getModulesPaginatedCall>(self.modules, "getModulesPaginated()")?;
        if page.next != SENTINEL && page.next != Address::ZERO {
            return Err(read.not_a_safe(format!("it has more than {MODULES_MAX} modules")));
        }
        Ok(page.array)
    }
}

/// Reads answers by what they should be.
struct Reading<'a, A> {
    safe: SafeAddress,
    answer: &'a A,
}

impl<A> Reading<'_, A>
where
    A: Fn(usize) -> Result<CallOutcome, ChainError>,
{
    fn not_a_safe(&self, reason: impl ToString) -> SafeReadError {
        SafeReadError::NotASafe { safe: self.safe, reason: reason.to_string() }
    }

    fn bytes(&self, index: usize, what: &'static str) -> Result<Bytes, SafeReadError> {
        match (self.answer)(index).map_err(|source| SafeReadError::unread(self.safe, what, source))? {
            CallOutcome::Returned(bytes) => Ok(bytes),
            CallOutcome::Reverted(data) => {
                Err(self.not_a_safe(format!("{what} reverted: {}", super::decode_revert(&data, &[]))))
            }
        }
    }

    fn view<C: SolCall>(&self, index: usize, what: &'static str) -> Result<C::Return, SafeReadError> {
        let bytes = self.bytes(index, what)?;
        C::abi_decode_returns_validate(&bytes)
            .map_err(|_| self.not_a_safe(format!("{what} did not answer as a Safe does")))
    }

    /// The hash of the singleton's code; `None` where the nodes did not tell it, which is no fault of the Safe.
    fn code_hash(&self, index: usize) -> Option<B256> {
        match (self.answer)(index) {
            Ok(CallOutcome::Returned(word)) => B256::try_from(word.as_ref()).ok(),
            Ok(CallOutcome::Reverted(_)) | Err(_) => None,
        }
        .filter(|hash| !hash.is_zero())
    }

    /// The address in a storage word; `None` for zero.
    fn slot(&self, index: usize, what: &'static str) -> Result<Option<Address>, SafeReadError> {
        let word = U256::try_from_be_slice(&self.bytes(index, what)?).map(B256::from);
        match word {
            Some(word) if word.get(..12) == Some(&[0; 12]) => {
                Ok(Some(Address::from_word(word)).filter(|address| !address.is_zero()))
            }
            Some(_) | None => Err(self.not_a_safe(format!("the slot of {what} holds no address"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::*;

    #[test]
    fn slots_are_the_hashes_of_their_names() {
        for (slot, name) in [
            (GUARD_SLOT, "guard_manager.guard.address"),
            (MODULE_GUARD_SLOT, "module_manager.module_guard.address"),
            (FALLBACK_HANDLER_SLOT, "fallback_manager.handler.address"),
        ] {
            assert_eq!(slot, keccak256(name), "{name}");
        }
    }
}
