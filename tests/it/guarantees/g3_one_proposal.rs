//! At most one safeTxHash per incident, action and Safe nonce, whatever crashes (see `crash`) and however many
//! replicas run.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use redhandle::domain::incident::{Fact, Phase, Stage};

use crate::support::{Life, Town, Waking, until};

async fn two_replicas_tell_one_story() {
    let town = Town::new().await;
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let (one, two) =
        tokio::join!(town.wake(), town.wake_as(Waking { listen: Some(anywhere), ..Waking::default() }));
    one.allow_the_proposer(&town).await;
    town.alarm();

    let replicas = [&one, &two];
    for replica in replicas {
        replica.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    }
    // One signs here, one there.
    one.signs(&town, "ana").await;
    two.signs(&town, "ben").await;
    for replica in replicas {
        replica.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
        replica.until("command", |incident| incident.phase == Phase::Declared).await;
    }

    assert!(town.is_paused().await);
    assert_eq!(town.nonce().await, 1, "executed once");
    let hashes: BTreeSet<_> = one.facts().iter().filter_map(proposed).collect();
    assert_eq!(hashes.len(), 1, "{hashes:?}");
    let at_service = one.at_service(&town).await;
    assert_eq!(at_service.len(), 1, "{at_service:?}");
    one.verified().await;
    until("both to know the same", async || (one.facts() == two.facts()).then_some(())).await;
    for replica in replicas {
        assert_eq!(replica.house.agent.store.all().len(), 1);
        assert!(!replica.has_ended());
    }
    let lives: [Life; 2] = [one, two];
    for life in lives {
        life.stop().await;
    }
}

fn proposed(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Prepared(preparation) => Some(preparation.safe_tx_hash().to_string()),
        Fact::SubmissionStarted { safe_tx_hash, .. } => Some(safe_tx_hash.to_string()),
        _ => None,
    }
}

#[tokio::test]
async fn g3_at_most_one_safe_tx_hash_per_incident_action_and_nonce_whatever_crashes_and_however_many_replicas_run()
 {
    // A race is won differently each time.
    for _ in 0..4 {
        two_replicas_tell_one_story().await;
    }
}
