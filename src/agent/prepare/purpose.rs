//! What a Safe transaction does, in words: told from its calldata and the configuration alone.
//!
//! Its text never comes from a service: names are the configuration's, functions are those of the configured ABIs and
//! of the Safe itself. What is not known is named as such, with its selector.

use alloy::primitives::{Address, Bytes, U256, hex};
use alloy::sol_types::SolCall;

use crate::domain::contract::Contracts;
use crate::domain::safe::multisend::{BatchedCall, decode, is_call_only};
use crate::domain::safe::{Operation, SafeAddress, SafeTx};

/// Calls of a batch that are told one by one; the rest are counted.
const CALLS_MAX: usize = 6;

mod known {
    alloy::sol! {
        function addOwnerWithThreshold(address owner, uint256 threshold);
        function removeOwner(address previous, address owner, uint256 threshold);
        function swapOwner(address previous, address old, address fresh);
        function changeThreshold(uint256 threshold);
        function enableModule(address module);
        function disableModule(address previous, address module);
        function setGuard(address guard);
        function setModuleGuard(address guard);
        function setFallbackHandler(address handler);
        function approveHash(bytes32 hash);
        function transfer(address to, uint256 amount);
        function transferFrom(address from, address to, uint256 amount);
        function approve(address spender, uint256 amount);
    }
}

/// What the transaction does.
pub fn purpose(tx: &SafeTx, safe: SafeAddress, contracts: &Contracts) -> String {
    let words = Words { safe, contracts };
    match tx.operation {
        Operation::Call => words.call(tx.to, tx.value, &tx.data),
        Operation::DelegateCall => match decode(&tx.data) {
            Ok(calls) if is_call_only(tx.to) => words.batch(&calls),
            Ok(calls) => {
                format!("DELEGATECALLS {}, not a known batching contract: {}", tx.to, words.batch(&calls))
            }
            Err(_) => format!(
                "DELEGATECALLS {} of {}: it may do anything to the Safe",
                words.selector(&tx.data),
                tx.to
            ),
        },
    }
}

struct Words<'a> {
    safe: SafeAddress,
    contracts: &'a Contracts,
}

impl Words<'_> {
    fn batch(&self, calls: &[BatchedCall]) -> String {
        let mut each: Vec<_> = calls
            .iter()
            .take(CALLS_MAX)
            .map(|call| match call.operation {
                Operation::Call => self.call(call.to, call.value, &call.data),
                Operation::DelegateCall => format!("a DELEGATECALL to {}, which reverts", call.to),
            })
            .collect();
        if let Some(more) = calls.len().checked_sub(CALLS_MAX).filter(|more| *more > 0) {
            each.push(format!("{more} more calls"));
        }
        each.join(", then ")
    }

    fn call(&self, to: Address, value: U256, data: &Bytes) -> String {
        let with = if value.is_zero() { String::new() } else { format!(" with {}", ether(value)) };
        if data.is_empty() {
            return if to == self.safe.0 && value.is_zero() {
                "rejects what is queued at its nonce".to_owned()
            } else {
                format!("sends {} to {}", ether(value), self.name(to))
            };
        }
        let told = if to == self.safe.0 { self.of_the_safe(data) } else { self.configured(to, data) };
        let told = told.or_else(|| self.of_a_token(to, data));
        let told = told.unwrap_or_else(|| {
            format!("calls the unknown function {} of {}", self.selector(data), self.name(to))
        });
        format!("{told}{with}")
    }

    /// A function of a configured ABI: of this contract.
    fn configured(&self, to: Address, data: &Bytes) -> Option<String> {
        let contract = self.contracts.values().find(|contract| contract.address == to)?;
        let selector = data.get(..4)?;
        let function = contract.abi.functions().find(|function| function.selector() == selector)?;
        Some(format!("calls {} of {}", function.signature(), contract.name))
    }

    /// What a Safe does to itself.
    fn of_the_safe(&self, data: &Bytes) -> Option<String> {
        use known::*;
        let name = |address| self.name(address);
        if let Ok(call) = addOwnerWithThresholdCall::abi_decode(data) {
            return Some(format!("adds owner {}; {} must sign then", name(call.owner), call.threshold));
        }
        if let Ok(call) = removeOwnerCall::abi_decode(data) {
            return Some(format!("removes owner {}; {} must sign then", name(call.owner), call.threshold));
        }
        if let Ok(call) = swapOwnerCall::abi_decode(data) {
            return Some(format!("replaces owner {} by {}", name(call.old), name(call.fresh)));
        }
        if let Ok(call) = changeThresholdCall::abi_decode(data) {
            return Some(format!("changes the threshold: {} must sign then", call.threshold));
        }
        if let Ok(call) = enableModuleCall::abi_decode(data) {
            return Some(format!(
                "enables module {}, which may then act without signatures",
                name(call.module)
            ));
        }
        if let Ok(call) = disableModuleCall::abi_decode(data) {
            return Some(format!("disables module {}", name(call.module)));
        }
        if let Ok(call) = setGuardCall::abi_decode(data) {
            return Some(self.setting("guard", call.guard));
        }
        if let Ok(call) = setModuleGuardCall::abi_decode(data) {
            return Some(self.setting("module guard", call.guard));
        }
        if let Ok(call) = setFallbackHandlerCall::abi_decode(data) {
            return Some(self.setting("fallback handler", call.handler));
        }
        Some(format!("calls the unknown function {} of the Safe itself", self.selector(data)))
    }

    fn setting(&self, what: &str, address: Address) -> String {
        if address.is_zero() {
            format!("removes the Safe's {what}")
        } else {
            format!("sets the Safe's {what} to {}", self.name(address))
        }
    }

    /// What any token understands, and another Safe's approval.
    fn of_a_token(&self, to: Address, data: &Bytes) -> Option<String> {
        use known::*;
        let token = self.name(to);
        if let Ok(call) = transferCall::abi_decode(data) {
            return Some(format!(
                "transfers {} units of token {token} to {}",
                call.amount,
                self.name(call.to)
            ));
        }
        if let Ok(call) = transferFromCall::abi_decode(data) {
            let (from, to) = (self.name(call.from), self.name(call.to));
            return Some(format!("transfers {} units of token {token} from {from} to {to}", call.amount));
        }
        if let Ok(call) = approveCall::abi_decode(data) {
            let spender = self.name(call.spender);
            return Some(format!("lets {spender} spend {} units of token {token}", call.amount));
        }
        if let Ok(call) = approveHashCall::abi_decode(data) {
            return Some(format!("approves hash {} at {token}", call.hash));
        }
        None
    }

    fn selector(&self, data: &Bytes) -> String {
        data.get(..4).map_or_else(|| hex::encode_prefixed(data), hex::encode_prefixed)
    }

    fn name(&self, address: Address) -> String {
        if address == self.safe.0 {
            return "the Safe itself".to_owned();
        }
        let known = self.contracts.values().find(|contract| contract.address == address);
        known.map_or_else(|| address.to_string(), |contract| contract.name.to_string())
    }
}

/// An amount of the chain's own coin, exactly.
fn ether(wei: U256) -> String {
    let unit = U256::from(10).pow(U256::from(18));
    let (whole, rest) = (wei / unit, wei % unit);
    if rest.is_zero() {
        return format!("{whole} ether");
    }
    let digits = format!("{rest:0>18}");
    format!("{whole}.{} ether", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use alloy::json_abi::JsonAbi;

    use super::*;
    use crate::domain::contract::Contract;
    use crate::domain::names::ChainId;
    use crate::domain::safe::multisend::{batch, call_only};
    use crate::domain::safe::{SafeNonce, SafeVersion};

    const SAFE: Address = Address::repeat_byte(0x5a);
    const VAULT: Address = Address::repeat_byte(0xbb);
    const OTHER: Address = Address::repeat_byte(0x01);

    fn contracts() -> Contracts {
        let abi = JsonAbi::parse(["function pause()", "function setCap(uint256 cap)"]).unwrap();
        let vault = Contract {
            name: "vault".into(),
            chain: "mainnet".into(),
            chain_id: ChainId(1),
            address: VAULT,
            abi,
        };
        Contracts::from([(vault.name.clone(), vault)])
    }

    fn told(to: Address, value: u64, data: Vec<u8>) -> String {
        let tx = SafeTx { value: U256::from(value), ..SafeTx::call(to, data.into(), SafeNonce::from(7)) };
        purpose(&tx, SafeAddress(SAFE), &contracts())
    }

    #[test]
    fn each_purpose_is_told_in_our_words() {
        use known::*;
        let address = OTHER;
        let two = U256::from(2);
        let of_safe = |call: Vec<u8>| told(SAFE, 0, call);
        let lines = [
            told(VAULT, 0, vec![0x84, 0x56, 0xcb, 0x59]),
            told(VAULT, 0, vec![1, 2, 3, 4, 5]),
            told(VAULT, 0, vec![1, 2]),
            told(SAFE, 0, vec![]),
            told(SAFE, 1, vec![]),
            told(OTHER, 1_500_000_000_000_000_000, vec![]),
            told(OTHER, 0, transferCall { to: VAULT, amount: two }.abi_encode()),
            told(OTHER, 0, approveCall { spender: VAULT, amount: two }.abi_encode()),
            told(OTHER, 0, transferFromCall { from: SAFE, to: VAULT, amount: two }.abi_encode()),
            told(OTHER, 0, approveHashCall { hash: [7; 32].into() }.abi_encode()),
            of_safe(addOwnerWithThresholdCall { owner: address, threshold: two }.abi_encode()),
            of_safe(removeOwnerCall { previous: address, owner: address, threshold: two }.abi_encode()),
            of_safe(swapOwnerCall { previous: address, old: address, fresh: VAULT }.abi_encode()),
            of_safe(changeThresholdCall { threshold: two }.abi_encode()),
            of_safe(enableModuleCall { module: address }.abi_encode()),
            of_safe(disableModuleCall { previous: address, module: address }.abi_encode()),
            of_safe(setGuardCall { guard: Address::ZERO }.abi_encode()),
            of_safe(setModuleGuardCall { guard: address }.abi_encode()),
            of_safe(setFallbackHandlerCall { handler: address }.abi_encode()),
            of_safe(vec![9, 9, 9, 9]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        calls pause() of vault
        calls the unknown function 0x01020304 of vault
        calls the unknown function 0x0102 of vault
        rejects what is queued at its nonce
        sends 0.000000000000000001 ether to the Safe itself
        sends 1.5 ether to 0x0101010101010101010101010101010101010101
        transfers 2 units of token 0x0101010101010101010101010101010101010101 to vault
        lets vault spend 2 units of token 0x0101010101010101010101010101010101010101
        transfers 2 units of token 0x0101010101010101010101010101010101010101 from the Safe itself to vault
        approves hash 0x0707070707070707070707070707070707070707070707070707070707070707 at 0x0101010101010101010101010101010101010101
        adds owner 0x0101010101010101010101010101010101010101; 2 must sign then
        removes owner 0x0101010101010101010101010101010101010101; 2 must sign then
        replaces owner 0x0101010101010101010101010101010101010101 by vault
        changes the threshold: 2 must sign then
        enables module 0x0101010101010101010101010101010101010101, which may then act without signatures
        disables module 0x0101010101010101010101010101010101010101
        removes the Safe's guard
        sets the Safe's module guard to 0x0101010101010101010101010101010101010101
        sets the Safe's fallback handler to 0x0101010101010101010101010101010101010101
        calls the unknown function 0x09090909 of the Safe itself
        ");
    }

    #[test]
    fn batches_are_told_call_by_call_and_delegatecalls_aloud() {
        let pause = BatchedCall::call(VAULT, vec![0x84, 0x56, 0xcb, 0x59].into());
        let calls: Vec<_> = std::iter::repeat_n(pause, 8).collect();
        let known = batch(&calls, call_only(SafeVersion::V1_4_1), SafeNonce::from(7)).unwrap();
        let unknown = SafeTx { to: OTHER, ..known.clone() };
        let blind = SafeTx { data: vec![1, 2, 3, 4].into(), ..unknown.clone() };
        let told = [&known, &unknown, &blind].map(|tx| purpose(tx, SafeAddress(SAFE), &contracts()));
        insta::assert_snapshot!(told.join("\n"), @r"
        calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then 2 more calls
        DELEGATECALLS 0x0101010101010101010101010101010101010101, not a known batching contract: calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then calls pause() of vault, then 2 more calls
        DELEGATECALLS 0x01020304 of 0x0101010101010101010101010101010101010101: it may do anything to the Safe
        ");
    }
}
