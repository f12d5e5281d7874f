//! Safes that own Safes: the people behind them pause the vault.

use alloy::primitives::Address;
use alloy::sol_types::SolValue as _;
use redhandle::agent::execute::{Execution, execute_with};
use redhandle::agent::nested::off_chain;
use redhandle::domain::incident::{Actor, CompanionStage, CompanionState, Incident, Stage};
use redhandle::domain::names::PersonId;
use redhandle::domain::roster::Coverage;
use redhandle::domain::safe::abi::Safe;
use redhandle::domain::safe::{SafeAddress, SafeTx, SafeTxHash, SafeVersion};
use redhandle::drill::ground::{LocalChain, SafeSpec};

use crate::support::{Life, Town, until};

const MIXED: [SafeVersion; 3] = [SafeVersion::V1_3_0, SafeVersion::V1_4_1, SafeVersion::V1_5_0];

async fn safe(chain: &LocalChain, version: SafeVersion, owners: &[Address], threshold: u64) -> Address {
    let spec = SafeSpec { version, owners: owners.to_vec(), threshold, salt: 31 };
    chain.deploy_safe(&spec).await.unwrap().0
}

/// 2 of 3 Safes, each 2 of 3 keys and of another release. Ana, ben and chi hold the first three keys, so that the
/// first Safe has three of them, the second two, and the third one.
async fn two_of_three_of_two_of_three() -> Town {
    Town::guarded_by(&MIXED, async |chain: &LocalChain| {
        let keys = chain.actors.owner_addresses(5);
        let mut children = Vec::new();
        for (first, version) in MIXED.into_iter().enumerate() {
            children.push(safe(chain, version, &keys[first..first + 3], 2).await);
        }
        SafeAddress(safe(chain, SafeVersion::V1_4_1, &children, 2).await)
    })
    .await
}

/// The approvals that are companions of the proposal, by the Safes that give them.
fn approvals(incident: &Incident) -> Vec<&CompanionState> {
    incident.companions.values().filter(|known| known.companion.is_approval()).collect()
}

fn approval_by(incident: &Incident, owners: &[Address]) -> SafeTxHash {
    let found = approvals(incident).into_iter().find(|known| known.companion.owners == owners);
    found.unwrap_or_else(|| panic!("no approval by a Safe of {owners:?}")).companion.safe_tx_hash()
}

/// Signs what the person was shown.
async fn signs(life: &Life, town: &Town, person: &str, hash: SafeTxHash) {
    life.try_sign_this(town, person, hash).await.unwrap().unwrap();
}

#[tokio::test]
async fn two_of_three_safes_of_two_of_three_keys_pause_the_vault_by_approving_on_chain() {
    let town = two_of_three_of_two_of_three().await;
    let keys = town.chain.actors.owner_addresses(5);
    let life = town.wake().await;
    // The children's owners let the proposer propose to the children. The parent has no key that could.
    let children =
        Vec::<Address>::abi_decode(&town.view(town.guardian.0, Safe::getOwnersCall {}).await).unwrap();
    for (child, owner) in children.into_iter().zip(["ana", "ben", "chi"]) {
        life.allow_the_proposer_at(&town, owner, SafeAddress(child)).await;
    }
    town.alarm();
    let incident = life
        .until("approvals at the service", |incident| {
            let proposed = |known: &&CompanionState| matches!(known.stage, CompanionStage::Proposed);
            incident.proposal_has_left()
                && approvals(incident).iter().filter(|known| proposed(known)).count() == 3
        })
        .await;
    let preparation = incident.preparation.as_ref().unwrap().clone();
    // Two of the three Safes can approve with those on call, and ben and chi hold two keys of both.
    assert_eq!(preparation.coverage.state, Coverage::Exact, "{:?}", preparation.coverage);
    let fewest = preparation.coverage.nested.as_ref().unwrap().fewest.clone();
    assert_eq!(fewest, [PersonId::new("ben"), PersonId::new("chi")]);
    for approval in approvals(&incident) {
        let companion = &approval.companion;
        assert_eq!(companion.approves(), [preparation.safe_tx_hash()]);
        assert_eq!(companion.tx.to, town.guardian.0);
        assert!(companion.simulation.as_ref().unwrap().passed());
        let asked = Safe::getTransactionHashCall {
            to: companion.tx.to,
            value: companion.tx.value,
            data: companion.tx.data.clone(),
            operation: companion.tx.operation.as_u8(),
            safeTxGas: companion.tx.safe_tx_gas,
            baseGas: companion.tx.base_gas,
            gasPrice: companion.tx.gas_price,
            gasToken: companion.tx.gas_token,
            refundReceiver: companion.tx.refund_receiver,
            _nonce: companion.tx.nonce.0,
        };
        let says = town.view(companion.domain.safe.0, asked).await;
        assert_eq!(says, companion.safe_tx_hash().0.to_vec(), "the child's own hash");
    }
    let first = approval_by(&incident, &keys[..3]);
    let second = approval_by(&incident, &keys[1..4]);
    // The pages say for whom one signs and what that brings about, with the child's hashes.
    until("pages with the child's hash", async || {
        let hash = redhandle::agent::message::device_hex(first.0.as_slice());
        let pages = life.pages();
        (pages.contains(&hash) && pages.contains("which approves vault.pause() by Safe guardian"))
            .then_some(())
    })
    .await;

    // Nobody but owners of the child signs for it, and a key of the child does not sign for the parent.
    let refused = life.try_sign(&town, "ana").await.unwrap().unwrap_err();
    assert!(refused.contains("is no owner of Safe guardian"), "{refused}");
    signs(&life, &town, "ana", first).await;
    signs(&life, &town, "ben", first).await;
    let approved = |hash| {
        move |incident: &Incident| {
            let known = incident.companions.get(&hash);
            known.is_some_and(|known| matches!(known.stage, CompanionStage::Executed { success: true, .. }))
        }
    };
    life.until("the first Safe's approval on chain", approved(first)).await;
    assert!(!town.is_paused().await, "one Safe of two");
    signs(&life, &town, "ben", second).await;
    signs(&life, &town, "chi", second).await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    assert_eq!(town.nonce().await, 1);
    let incident = life.newest().unwrap();
    let sources: Vec<_> = incident.confirmations.values().map(|one| one.source.as_str()).collect();
    assert_eq!(sources, ["chain", "chain"], "the parent believes the chain alone");
    // The third was not needed and was left alone.
    let third = approvals(&incident).into_iter().find(|known| known.companion.owners == keys[2..]).unwrap();
    assert!(third.stage.is_open() && third.confirmations.is_empty());
    assert!(life.verified().await.facts > 0);
    life.stop().await;
}

#[tokio::test]
async fn three_levels_execute_from_the_innermost_out_and_a_moved_nonce_is_prepared_again() {
    let town = Town::guarded_by(&MIXED, async |chain: &LocalChain| {
        let keys = chain.actors.owner_addresses(3);
        let innermost = safe(chain, SafeVersion::V1_3_0, &keys[2..], 1).await;
        let middle = safe(chain, SafeVersion::V1_5_0, &[innermost, keys[1]], 2).await;
        SafeAddress(safe(chain, SafeVersion::V1_4_1, &[middle, keys[0]], 2).await)
    })
    .await;
    let keys = town.chain.actors.owner_addresses(3);
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    let incident = life
        .until("a proposal with two approvals", |incident| {
            matches!(incident.stage, Stage::Proposed) && approvals(incident).len() == 2
        })
        .await;
    let pause = incident.preparation.as_ref().unwrap().safe_tx_hash();
    let innermost = approval_by(&incident, &keys[2..]);
    let middle = incident.approvals_of(pause).next().unwrap().0;
    assert_eq!(incident.companions[&innermost].companion.approves(), [middle]);

    // Somebody uses the innermost Safe's nonce for something else: its approval is prepared anew by itself.
    let companion = incident.companions[&innermost].companion.clone();
    let other = SafeTx::rejection(companion.domain.safe.0, companion.tx.nonce);
    town.outsider_executes_at(&companion.domain, &other, &["chi"]).await;
    let incident = life
        .until("another approval by the innermost Safe", |incident| {
            let again = incident.approvals_of(middle).next();
            again.is_some_and(|(hash, known)| hash != innermost && known.companion.tx.nonce != other.nonce)
        })
        .await;
    assert!(matches!(incident.companions[&innermost].stage, CompanionStage::Spent));
    let innermost = incident.approvals_of(middle).next().unwrap().0;

    signs(&life, &town, "ana", pause).await;
    signs(&life, &town, "ben", middle).await;
    signs(&life, &town, "chi", innermost).await;
    let incident = life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    // Inner first: that is the order in which they were executed.
    let executed: Vec<_> = life
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            redhandle::domain::incident::Fact::Executed { safe_tx_hash, success: true, .. } => {
                Some(safe_tx_hash)
            }
            _ => None,
        })
        .collect();
    assert_eq!(executed, [innermost, middle, pause]);
    assert_eq!(incident.confirmations[&keys[0]].source, "command");
    life.stop().await;
}

#[tokio::test]
async fn children_that_can_answer_sign_off_chain_and_the_one_that_cannot_is_told_to_approve() {
    let town = two_of_three_of_two_of_three().await;
    town.without_executor();
    let keys = town.chain.actors.owner_addresses(5);
    let life = town.wake().await;
    town.alarm();
    let incident = life
        .until("a proposal with approvals", |incident| {
            incident.proposal_has_left() && approvals(incident).len() == 3
        })
        .await;
    let preparation = incident.preparation.as_ref().unwrap().clone();
    let signs = async |person: &str, owners: &[Address]| {
        let (house, key, id) = (std::sync::Arc::clone(&life.house), town.key_of(person), incident.id);
        let (preparation, owners) = (preparation.clone(), owners.to_vec());
        let job = async move {
            let asks = off_chain::asks(&house.agent, &preparation, key.address()).await.unwrap();
            let ask = asks.into_iter().find(|ask| ask.child.owners == owners).unwrap();
            off_chain::sign(&house.agent, id, &preparation, &ask, &(&key).into()).await
        };
        life.within(job).await.unwrap()
    };
    // The third child has the 1.5.0 handler, and the parent is 1.4.1.
    let refused = signs("chi", &keys[2..]).await.unwrap_err();
    assert!(refused.contains("must approve with approveHash"), "{refused}");
    assert_eq!(signs("ana", &keys[..3]).await, Ok(false), "one signature of the two the child needs");
    assert_eq!(signs("ben", &keys[..3]).await, Ok(true));
    assert_eq!(signs("ben", &keys[1..4]).await, Ok(false));
    assert_eq!(signs("chi", &keys[1..4]).await, Ok(true));
    let incident = life.until("the quorum", Incident::has_quorum).await;
    // No child executed anything.
    assert!(approvals(&incident).iter().all(|known| known.stage.is_open()));
    let (house, executor) = (std::sync::Arc::clone(&life.house), town.chain.actors.executor.clone());
    let what = Execution { safe_tx_hash: preparation.safe_tx_hash(), attempt: 1, begun: false };
    let job = async move {
        execute_with(&house.agent, &incident, &(&executor).into(), Actor::Operator, what).await.unwrap()
    };
    assert!(life.within(job).await.unwrap(), "{:?}", life.newest().unwrap().stage);
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    life.stop().await;
}
