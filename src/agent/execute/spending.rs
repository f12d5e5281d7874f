//! How much gas money the executor may still spend by itself.
//!
//! Counted from the journal, where every transaction stands before it is sent: a crash forgets none. What counts is the
//! most that a transaction can cost, its gas limit times its highest fee, from the moment it is signed and whatever
//! became of it. Of several bids at one account nonce only one can be mined, so the dearest of them counts. Of two
//! processes with the same key that begin two incidents in the same instant each may overlook the other's; for one
//! incident the journal's compare-and-swap lets only one sign.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use jiff::{SignedDuration, Timestamp};

use crate::agent::Agent;
use crate::chain::SignedTransaction;
use crate::config::settings::SpendingCap;
use crate::domain::ether::Wei;
use crate::domain::incident::{Fact, IncidentId};

/// The time that the daily cap looks back.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The transactions of an account that can each be mined: by chain and account nonce, the most it can cost.
type Reserved = BTreeMap<(u64, u64), U256>;

/// What may still be spent, and why no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The most that the next transaction may cost.
    pub left: Wei,
    /// Which cap leaves no more, in words.
    pub because: String,
}

/// What a transaction of this account may cost now. `replaces` is the account nonce of one that waits: whatever takes
/// its place takes its reservation too.
pub fn allowance(
    agent: &Agent,
    id: IncidentId,
    account: Address,
    cap: &SpendingCap,
    replaces: Option<(u64, u64)>,
) -> Allowance {
    let since = agent.clock.now().checked_sub(DAY).unwrap_or(Timestamp::MIN);
    let mut of_incident = Reserved::new();
    let mut of_day = Reserved::new();
    for incident in agent.store.all() {
        for (at, fact) in agent.store.facts(incident.id) {
            let Some((place, cost)) = reservation(&fact, account) else { continue };
            let reserve = |reserved: &mut Reserved| {
                let most = reserved.entry(place).or_default();
                *most = cost.max(*most);
            };
            if incident.id == id {
                reserve(&mut of_incident);
            }
            if at >= since {
                reserve(&mut of_day);
            }
        }
    }
    remaining(cap, &of_incident, &of_day, replaces)
}

/// What a fact says was reserved, where it is of this account.
fn reservation(fact: &Fact, account: Address) -> Option<((u64, u64), U256)> {
    let Fact::ExecutionSigned { raw, .. } = fact else { return None };
    let (signed, from) = SignedTransaction::read(raw)?;
    (from == account).then(|| ((signed.chain_id(), signed.nonce), signed.most_wei()))
}

fn remaining(
    cap: &SpendingCap,
    of_incident: &Reserved,
    of_day: &Reserved,
    replaces: Option<(u64, u64)>,
) -> Allowance {
    let others = |reserved: &Reserved| {
        let counted = reserved.iter().filter(|(place, _)| Some(**place) != replaces);
        counted.fold(U256::ZERO, |sum, (_, cost)| sum.saturating_add(*cost))
    };
    let (incident, day) = (others(of_incident), others(of_day));
    let left_of_incident = cap.per_incident.0.saturating_sub(incident);
    let left_of_day = cap.per_day.0.saturating_sub(day);
    let (left, because) = if left_of_incident <= left_of_day {
        let words = format!("cap_per_incident is {}, and {} of it is taken", cap.per_incident, Wei(incident));
        (left_of_incident, words)
    } else {
        let words = format!("cap_per_day is {}, and {} of it was taken in 24 hours", cap.per_day, Wei(day));
        (left_of_day, words)
    };
    Allowance { left: Wei(left), because }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wei(number: u64) -> U256 {
        U256::from(number)
    }

    #[test]
    fn the_nearer_cap_counts_and_a_replacement_takes_its_own_place() {
        let cap = SpendingCap { per_incident: Wei(wei(100)), per_day: Wei(wei(150)) };
        let incident = Reserved::from([((1, 7), wei(60))]);
        let mut day = incident.clone();
        let left =
            |incident: &Reserved, day: &Reserved, replaces| remaining(&cap, incident, day, replaces).left.0;
        assert_eq!(left(&Reserved::new(), &Reserved::new(), None), wei(100));
        assert_eq!(left(&incident, &day, None), wei(40));
        assert_eq!(left(&incident, &day, Some((1, 7))), wei(100), "a higher bid at the same nonce");
        assert_eq!(left(&incident, &day, Some((10, 7))), wei(40), "the same nonce on another chain");
        day.insert((1, 3), wei(80));
        assert_eq!(left(&incident, &day, None), wei(10));
        assert!(remaining(&cap, &incident, &day, None).because.contains("cap_per_day"));
        day.insert((1, 4), wei(80));
        assert_eq!(left(&incident, &day, Some((1, 7))), U256::ZERO);
    }
}
