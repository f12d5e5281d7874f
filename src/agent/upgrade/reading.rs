//! What is read of a proxy and of the code behind it, at one agreed block.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolCall;

use super::Refusal;
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, CallOutcome, Chain};
use crate::domain::upgrade::PinnedCode;
use crate::domain::upgrade::calls::abi::Upgrades;
use crate::domain::upgrade::calls::{Generation, address_in};

/// Reads, at one block.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) agent: &'a Agent,
    pub(super) chain: &'a Chain,
    pub(super) block: &'a BlockRef,
}

impl Reader<'_> {
    /// A storage word.
    pub(super) async fn word(&self, address: Address, slot: B256) -> Result<B256, Refusal> {
        self.chain.storage(self.block, address, slot).await.map_err(|error| Refusal::later(chain_of(&error)))
    }

    /// keccak256 of the code, where there is code.
    pub(super) async fn code_hash(&self, address: Address) -> Result<Option<B256>, Refusal> {
        self.chain.code_hash(self.block, address).await.map_err(|error| Refusal::later(chain_of(&error)))
    }

    /// What a view returns; none where it reverts, is not there, or answers something else.
    pub(super) async fn view<C: SolCall>(
        &self,
        address: Address,
        call: C,
    ) -> Result<Option<C::Return>, Refusal> {
        let calls = [(address, Bytes::from(call.abi_encode()))];
        let mut outcomes = self
            .chain
            .call_many(self.block, &calls)
            .await
            .map_err(|error| Refusal::later(chain_of(&error)))?;
        match outcomes.pop() {
            Some(Ok(CallOutcome::Returned(bytes))) => Ok(C::abi_decode_returns_validate(&bytes).ok()),
            Some(Ok(CallOutcome::Reverted(_))) => Ok(None),
            Some(Err(error)) => Err(Refusal::later(chain_of(&error))),
            None => Err(Refusal::later("nothing was answered")),
        }
    }

    /// Which generation of upgrade functions a contract has.
    pub(super) async fn generation(&self, address: Address, what: &str) -> Result<Generation, Refusal> {
        let said = self.view(address, Upgrades::UPGRADE_INTERFACE_VERSIONCall {}).await?;
        Generation::of(said.as_deref()).map_err(|version| {
            Refusal::never(format!(
                "{what} says that its upgrade interface is {version:?}, which is not known here: upgrade it by hand"
            ))
        })
    }

    /// Who owns a contract, where it says so.
    pub(super) async fn owner(&self, address: Address) -> Result<Option<Address>, Refusal> {
        self.view(address, Upgrades::ownerCall {}).await
    }

    /// The pinned code is what stands there: its hash is.
    pub(super) async fn pinned(&self, code: &PinnedCode) -> Result<Result<B256, String>, Refusal> {
        let PinnedCode { contract, address, code_hash } = code;
        Ok(match self.code_hash(*address).await? {
            None => Err(format!("there is no contract at {address} ({contract})")),
            Some(found) if found == *code_hash => Ok(found),
            Some(found) => Err(format!(
                "the code of {contract} at {address} has the hash {found}, and the runbook pins {code_hash}: it is not the code that was reviewed"
            )),
        })
    }

    /// An address as people know it.
    pub(super) fn name(&self, address: Address) -> String {
        let settings = &self.agent.config.settings;
        let here = self.chain.name();
        if let Some(safe) =
            settings.safes.values().find(|safe| safe.address == address && safe.chain == *here)
        {
            return format!("Safe {}", safe.name);
        }
        let contract =
            settings.contracts.values().find(|known| known.address == address && known.chain == *here);
        contract.map_or_else(|| address.to_string(), |contract| contract.name.to_string())
    }

    /// A storage word that should hold an address.
    pub(super) fn account(word: B256, what: &str) -> Result<Address, String> {
        address_in(word).ok_or_else(|| format!("{what} holds {word}, which is no address"))
    }
}
