//! What Safes that are owners must execute so that the proposal is approved: built at each child's own nonce,
//! hashed twice and simulated like the proposal itself, for all children at once.

use futures_util::future::join_all;

use crate::agent::proposal::{self, Authority, Shown};
use crate::agent::{Agent, TaskError, chain_of};
use crate::chain::{BlockRef, Chain};
use crate::domain::incident::{Companion, CompanionRole, Fact, Incident, Preparation};
use crate::domain::names::SafeName;
use crate::domain::roster::{CoverageReport, tree_coverage};
use crate::domain::safe::approval::{Approval, Approved, approvals};
use crate::domain::safe::{OwnerTree, SafeAddress, SafeTxHash};

/// Adds to a proposal the approvals of all Safes behind its owners, for it and for its variant at the next
/// nonce. A Safe that could not approve is left out, and the proposal says why.
pub async fn add(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    tree: &OwnerTree,
    preparation: &mut Preparation,
) {
    let mut of = vec![preparation.safe_tx_hash()];
    let variants = preparation.companions.iter().filter(|companion| match companion.role {
        CompanionRole::NextNonce => true,
        CompanionRole::Approval { .. } | CompanionRole::Rejection { .. } => false,
    });
    of.extend(variants.map(Companion::safe_tx_hash));
    let what = preparation.describe_calls();
    let (built, cannot) = build(agent, chain, block, tree, &of, &what).await;
    preparation.companions.extend(built);
    preparation.coverage.reasons.extend(cannot);
}

/// Prepares approvals again whose child's nonce went to something else, and those that hang on them.
///
/// # Errors
/// When the chain cannot be read, or nothing can be recorded.
pub async fn renew(
    agent: &Agent,
    chain: &Chain,
    incident: &Incident,
    preparation: &Preparation,
) -> Result<(), TaskError> {
    if !incident.is_proposal(preparation.safe_tx_hash()) || !incident.approvals_lost() {
        return Ok(());
    }
    let not_now = |error: &dyn std::error::Error| TaskError::NotNow(chain_of(error));
    let block = chain.head().await.map_err(|error| not_now(&error))?;
    let root = chain.safe_state(&block, preparation.domain.safe).await.map_err(|error| not_now(&error))?;
    let Some(tree) = chain.owner_trees(&block, &[root]).await.pop() else { return Ok(()) };
    let mut of = vec![preparation.safe_tx_hash()];
    let open =
        incident.open_companions().filter(|(_, known)| known.companion.role == CompanionRole::NextNonce);
    of.extend(open.map(|(hash, _)| hash));
    let (built, cannot) = build(agent, chain, &block, &tree, &of, &preparation.describe_calls()).await;
    for because in cannot {
        tracing::error!(incident.id = %incident.id, %because, "an approval could not be prepared again");
    }
    for companion in built {
        if incident.companion(companion.safe_tx_hash()).is_none() {
            agent.record_outcome(incident, Fact::CompanionPrepared(Box::new(companion))).await?;
        }
    }
    Ok(())
}

/// The approvals, and why some are missing.
async fn build(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    tree: &OwnerTree,
    of: &[SafeTxHash],
    what: &str,
) -> (Vec<Companion>, Vec<String>) {
    let approvals = match approvals(tree, of) {
        Ok(approvals) => approvals,
        Err(error) => {
            return (Vec::new(), vec![format!("no approvals by child Safes: {}", chain_of(&error))]);
        }
    };
    let context = Context { agent, chain, block, tree, what };
    let made = join_all(approvals.into_iter().map(|approval| context.companion(approval))).await;
    let (mut built, mut cannot) = (Vec::new(), Vec::new());
    for one in made {
        match one {
            Ok(companion) => built.push(companion),
            Err(because) => cannot.push(because),
        }
    }
    (built, cannot)
}

struct Context<'a> {
    agent: &'a Agent,
    chain: &'a Chain,
    block: &'a BlockRef,
    tree: &'a OwnerTree,
    what: &'a str,
}

impl Context<'_> {
    async fn companion(&self, approval: Approval) -> Result<Companion, String> {
        let child = approval.safe.address;
        let cannot = |why: String| format!("Safe {} cannot approve: {why}", self.label(child));
        let shown = proposal::simulate(
            self.chain,
            self.block,
            &approval.safe,
            &approval.tx,
            &[],
            Authority::Pretended,
            &[],
        )
        .await
        .map_err(|error| cannot(chain_of(&error)))?;
        let Shown { simulation, safe_says } = shown;
        if let Some(why) = simulation.why_not() {
            return Err(cannot(why));
        }
        match safe_says {
            Some(says) if says.agrees(&approval.hashes) => {}
            Some(says) => {
                let (theirs, ours) = (says.safe_tx, approval.hashes.safe_tx);
                return Err(cannot(format!(
                    "its own hash is {theirs} and ours is {ours}: nothing may be signed"
                )));
            }
            None => return Err(cannot("it did not say its own hash of the transaction".to_owned())),
        }
        let Some(first) = approval.approves.first().copied() else {
            return Err(cannot("there is nothing to approve".to_owned()));
        };
        let roster = &self.agent.config.roster;
        let coverage = self.tree.find(child).map_or_else(
            || CoverageReport::unknown("who owns it was not read"),
            |tree| tree_coverage(tree, roster, self.agent.clock.now()),
        );
        Ok(Companion {
            role: CompanionRole::Approval { of: first.hash },
            chain: self.chain.name().clone(),
            safe: self.configured(child),
            domain: approval.safe.domain(),
            owners: approval.safe.owners.clone(),
            threshold: approval.safe.threshold,
            purpose: self.purpose(child, &approval.approves),
            tx: approval.tx,
            hashes: approval.hashes,
            calls: Vec::new(),
            simulation: Some(simulation),
            built_at_block: self.block.number,
            coverage,
        })
    }

    /// In one sentence: for whom one signs, and what that brings about.
    fn purpose(&self, child: SafeAddress, approves: &[Approved]) -> String {
        let (root, what) = (self.tree.safe.address, self.what);
        let mut above: Vec<SafeAddress> = approves.iter().map(|approved| approved.safe).collect();
        above.dedup();
        let each: Vec<_> = above
            .iter()
            .map(|safe| {
                if *safe == root {
                    format!("{what} by Safe {}", self.label(root))
                } else {
                    format!("the approval that Safe {} gives to {what}", self.label(*safe))
                }
            })
            .collect();
        let twice = if approves.len() > above.len() { " (at two nonces)" } else { "" };
        format!("the approval by Safe {} of {}{twice}", self.label(child), each.join(" and of "))
    }

    fn configured(&self, safe: SafeAddress) -> Option<SafeName> {
        let safes = &self.agent.config.settings.safes;
        let here = safes.values().find(|known| known.address == safe.0 && known.chain == *self.chain.name());
        here.map(|known| known.name.clone())
    }

    fn label(&self, safe: SafeAddress) -> String {
        self.configured(safe).map_or_else(|| safe.to_string(), |name| name.to_string())
    }
}
