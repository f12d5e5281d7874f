//! How each nonce-free path stands, now.

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use futures_util::future::join_all;

use super::rehearse::{Attempt, Outcome, rehearse};
use super::{Place, place};
use crate::agent::prepare::needed;
use crate::agent::reads::read_all;
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, CallOutcome, Chain, StorageOverride, decode_revert};
use crate::config::settings::{Module, ModuleKind};
use crate::domain::module::deputy_pause::{self, DeputyPause};
use crate::domain::module::zodiac_roles::{self, ZodiacDelay, ZodiacRoles};
use crate::domain::module::{PathReport, PathState, PauseOrder, PauseSignature, Proof, RoleKey, pause_hash};
use crate::domain::names::RunbookId;
use crate::domain::runbook::PlannedAction;
use crate::domain::safe::SafeState;

/// Storage slots among which the deputy is looked for: the module has fewer.
const DEPUTY_SLOTS: u64 = 16;

/// Modifiers that may stand one behind the other.
const HOPS_MAX: usize = 4;

/// Every path, or those for one runbook.
pub async fn reports(agent: &Agent, runbook: Option<&RunbookId>) -> Vec<PathReport> {
    let modules = agent.config.settings.modules.values();
    let wanted = modules.filter(|module| runbook.is_none_or(|runbook| module.runbook == *runbook));
    join_all(wanted.map(|module| report(agent, module))).await
}

/// One path.
pub async fn report(agent: &Agent, module: &Module) -> PathReport {
    let mut report = PathReport {
        module: module.name.clone(),
        kind: module.kind.as_str(),
        safe: module.safe.clone(),
        actor: None,
        enabled: None,
        module_guard: None,
        path: PathState::Unknown(String::new()),
    };
    report.path = match look(agent, module, &mut report).await {
        Ok(state) => state,
        Err(why) => PathState::Unknown(why),
    };
    report
}

async fn look(agent: &Agent, module: &Module, report: &mut PathReport) -> Result<PathState, String> {
    let place = place(agent, module)?;
    let block = place.chain.head().await.map_err(|error| chain_of(&error))?;
    let state = place.chain.safe_state(&block, place.safe).await.map_err(|error| chain_of(&error))?;
    report.module_guard = state.module_guard.map(|guard| guard.to_checksum(None));
    let code = place.chain.code_hash(&block, module.address).await.map_err(|error| chain_of(&error))?;
    if code.is_none() {
        return Ok(PathState::Closed(format!("there is no contract at {}", module.address)));
    }
    let unless = place.plan.actions.iter().filter_map(|action| action.unless.as_ref());
    let values = read_all(place.chain, &block, unless.flat_map(|unless| unless.reads())).await;
    let (actions, skipped) = needed(place.plan, &values);
    let looked = Look { agent, place: &place, block: &block, state: &state, actions: &actions };
    let path = match &module.kind {
        ModuleKind::DeputyPause => looked.deputy(report).await?,
        ModuleKind::ZodiacRoles { role, member } => looked.roles(report, *role, *member).await?,
    };
    if actions.is_empty() {
        let told: Vec<_> = skipped.iter().map(|skip| format!("{}: {}", skip.call, skip.because)).collect();
        return Ok(PathState::Closed(format!("there is nothing to do now: {}", told.join("; "))));
    }
    Ok(path)
}

/// What one look stands on.
struct Look<'a> {
    agent: &'a Agent,
    place: &'a Place<'a>,
    block: &'a BlockRef,
    state: &'a SafeState,
    actions: &'a [&'a PlannedAction],
}

impl Look<'_> {
    async fn deputy(&self, report: &mut PathReport) -> Result<PathState, String> {
        let module = self.place.module.address;
        let (chain, block) = (self.place.chain, self.block);
        let Some(deputy) = ask(chain, block, module, DeputyPause::deputyCall {}).await? else {
            return Ok(PathState::Closed(format!("{module} names no deputy: it is no DeputyPauseModule")));
        };
        report.actor = Some(named(self.agent, deputy));
        let safe = ask(chain, block, module, DeputyPause::foundationSafeCall {}).await?;
        if safe.is_some_and(|safe| safe != self.place.safe.0) {
            return Ok(PathState::Closed(format!("it is a module of Safe {}", safe.unwrap_or_default())));
        }
        report.enabled = Some(self.state.modules.contains(&module));
        if report.enabled == Some(false) {
            return Ok(PathState::Closed(format!("it is not enabled on Safe {}", self.place.module.safe)));
        }
        let Some(slot) = deputy_slot(chain, block, module, deputy).await? else {
            return Err(
                "its storage is not laid out as expected, so that a deputy's signature cannot be pretended"
                    .to_owned(),
            );
        };
        // Only the deputy can sign; for the simulation a key that is made here and forgotten stands in its place.
        let stand_in = PrivateKeySigner::random();
        let order = PauseOrder { chain_id: chain.id(), module, nonce: random_nonce() };
        let signature = stand_in.sign_hash_sync(&pause_hash(&order)).map_err(|error| chain_of(&error))?;
        let PauseOrder { chain_id, nonce, .. } = order;
        let signature = Bytes::from(signature.as_bytes().to_vec());
        let signed = PauseSignature { chain_id, module, nonce, signature };
        let overrides = vec![StorageOverride {
            address: module,
            slot,
            value: stand_in.address().into_word(),
            meaning:
                "a key made for this simulation is taken as the deputy, because only the deputy can sign"
                    .to_owned(),
        }];
        let attempt = self.attempt(Address::ZERO, vec![(module, signed.calldata())], overrides);
        Ok(self.judged(&attempt, |revert| deputy_revert(self.agent, revert)).await)
    }

    async fn roles(
        &self,
        report: &mut PathReport,
        role: RoleKey,
        member: Address,
    ) -> Result<PathState, String> {
        report.actor = Some(named(self.agent, member));
        let route = self.route().await?;
        report.enabled = Some(route.broken.is_none());
        if let Some(why) = route.broken {
            return Ok(PathState::Closed(why));
        }
        if let Some(seconds) = route.delay_seconds {
            return Ok(PathState::Slow(format!(
                "a Delay modifier stands between it and the Safe: {} must pass, and then somebody must call executeNextTx",
                in_time(seconds)
            )));
        }
        let module = self.place.module.address;
        let calls = self.actions.iter().map(|action| {
            (module, zodiac_roles::exec_with_role(action.call.address, action.call.data.clone(), role))
        });
        let attempt = self.attempt(member, calls.collect(), Vec::new());
        Ok(self.judged(&attempt, |revert| roles_revert(self.agent, revert, member, role)).await)
    }

    fn attempt(
        &self,
        from: Address,
        calls: Vec<(Address, Bytes)>,
        overrides: Vec<StorageOverride>,
    ) -> Attempt<'_> {
        let expects = self.actions.iter().map(|action| &action.expect).collect();
        Attempt { from, calls, overrides, expects, safe: self.place.safe }
    }

    async fn judged(&self, attempt: &Attempt<'_>, explain: impl Fn(&Bytes) -> String) -> PathState {
        match rehearse(self.place.chain, self.block, self.state.nonce, attempt).await {
            Outcome::Works { pretending, .. } => PathState::Ready(Proof {
                block: self.block.number,
                pretending,
                expects: attempt.expects.iter().map(|expect| expect.text().to_owned()).collect(),
            }),
            Outcome::Reverts(data) => PathState::Closed(format!("it reverts: {}", explain(&data))),
            Outcome::NoEffect(what) => {
                PathState::Closed(format!("it goes through, and this does not hold afterwards: {what}"))
            }
            Outcome::Unknown(why) => PathState::Unknown(why),
        }
    }

    /// From the modifier to the Safe: each must be a module of the next.
    async fn route(&self) -> Result<Route, String> {
        let (chain, block, safe) = (self.place.chain, self.block, self.place.safe.0);
        let mut at = self.place.module.address;
        let mut route = Route { delay_seconds: None, broken: None };
        for _ in 0..HOPS_MAX {
            let Some(target) = ask(chain, block, at, ZodiacRoles::targetCall {}).await? else {
                route.broken = Some(format!("{at} names no target: it is no Zodiac modifier"));
                return Ok(route);
            };
            if target == safe {
                if !self.state.modules.contains(&at) {
                    route.broken = Some(format!("{at} is not enabled on Safe {}", self.place.module.safe));
                }
                return Ok(route);
            }
            let enabled = ask(chain, block, target, ZodiacRoles::isModuleEnabledCall { module: at }).await?;
            if enabled != Some(true) {
                route.broken =
                    Some(format!("{at} hands calls to {target}, of which it is no enabled module"));
                return Ok(route);
            }
            if let Some(cooldown) = ask(chain, block, target, ZodiacDelay::txCooldownCall {}).await? {
                let known = route.delay_seconds.unwrap_or(U256::ZERO);
                route.delay_seconds = Some(known.saturating_add(cooldown));
            }
            at = target;
        }
        route.broken = Some(format!("more than {HOPS_MAX} modifiers stand between it and the Safe"));
        Ok(route)
    }
}

struct Route {
    /// Seconds that Delay modifiers make it wait; none without one.
    delay_seconds: Option<U256>,
    /// Where it does not lead to the Safe.
    broken: Option<String>,
}

/// Asks a view. None: the contract has no such view.
pub(super) async fn ask<C: SolCall>(
    chain: &Chain,
    block: &BlockRef,
    to: Address,
    call: C,
) -> Result<Option<C::Return>, String> {
    let mut answers =
        chain.call_many(block, &[(to, call.abi_encode().into())]).await.map_err(|error| chain_of(&error))?;
    match answers.pop() {
        Some(Ok(CallOutcome::Returned(data))) => Ok(C::abi_decode_returns(&data).ok()),
        Some(Ok(CallOutcome::Reverted(_))) | None => Ok(None),
        Some(Err(error)) => Err(chain_of(&error)),
    }
}

async fn deputy_slot(
    chain: &Chain,
    block: &BlockRef,
    module: Address,
    deputy: Address,
) -> Result<Option<B256>, String> {
    let slots: Vec<B256> = (0..DEPUTY_SLOTS).map(|slot| U256::from(slot).into()).collect();
    let words = join_all(slots.iter().map(|slot| chain.storage(block, module, *slot))).await;
    for (slot, word) in slots.into_iter().zip(words) {
        if word.map_err(|error| chain_of(&error))? == deputy.into_word() {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// 32 bytes of the operating system's randomness: a new key is that.
pub fn random_nonce() -> B256 {
    PrivateKeySigner::random().to_bytes()
}

/// An address, and whose it is.
fn named(agent: &Agent, address: Address) -> String {
    match agent.config.roster.person_of(address) {
        Some(person) => format!("{} ({})", person.id, address.to_checksum(None)),
        None => format!("{} (nobody in the roster)", address.to_checksum(None)),
    }
}

fn abis(agent: &Agent) -> Vec<&JsonAbi> {
    agent.config.settings.contracts.values().map(|contract| &contract.abi).collect()
}

/// What a revert of the deputy's module says.
pub(super) fn deputy_revert(agent: &Agent, revert: &Bytes) -> String {
    if let Some(cause) = deputy_pause::cause(revert) {
        return format!("the call inside fails: {}", decode_revert(&cause, &abis(agent)));
    }
    let errors = deputy_pause::errors();
    let mut known = abis(agent);
    known.push(&errors);
    decode_revert(revert, &known)
}

/// What a revert of the Roles modifier says.
pub(super) fn roles_revert(agent: &Agent, revert: &Bytes, member: Address, role: RoleKey) -> String {
    zodiac_roles::explain(revert, member, role).unwrap_or_else(|| decode_revert(revert, &abis(agent)))
}

fn in_time(seconds: U256) -> String {
    let seconds: u64 = seconds.saturating_to();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, hours, _) => format!("{hours} h"),
        (days, _, _) => format!("{days} day(s)"),
    }
}
