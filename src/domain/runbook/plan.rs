//! A runbook that can be run: its calls encoded, its expressions compiled.
//!
//! Compiling needs the contracts' ABIs and nothing else; what the chain says is read later. All
//! problems are found at once, each with the text it is about, so that `check` can point at it.

use std::collections::BTreeMap;

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall as _;

use super::{Action, Runbook};
use crate::domain::condition::ConditionSpec;
use crate::domain::contract::{Contract, ContractCall, Contracts};
use crate::domain::expression::{Read, ReadExpression};
use crate::domain::names::{ConditionId, ContractName, RunbookId};
use crate::domain::upgrade::calls::abi::Upgrades;
use crate::domain::upgrade::proof::UpgradeProof;
use crate::domain::upgrade::{TIMELOCK_VIEW, UpgradeAction, UpgradePlan, plan_upgrade};

/// An action, ready to be built into a proposal.
#[derive(Clone, Debug)]
pub struct PlannedAction {
    /// The call.
    pub call: ContractCall,
    /// Where it holds, there is nothing to do.
    pub unless: Option<ReadExpression>,
    /// What holds afterwards.
    pub expect: ReadExpression,
    /// An upgrade: until it is [`Resolved`](UpgradePlan::Resolved) against live state, `call` stands for it and
    /// reverts wherever it is sent.
    pub upgrade: Option<Box<UpgradePlan>>,
}

impl PlannedAction {
    /// What was found about the upgrade that this action is, once it is resolved.
    pub fn proof(&self) -> Option<&UpgradeProof> {
        match self.upgrade.as_deref() {
            Some(UpgradePlan::Resolved(proof)) => Some(proof),
            Some(UpgradePlan::Make(_) | UpgradePlan::Cancel { .. }) | None => None,
        }
    }
}

/// A runbook's machine part, compiled.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What stops the harm, in order.
    pub actions: Vec<PlannedAction>,
    /// What the chain must say before a match of a condition counts.
    pub confirms: BTreeMap<ConditionId, ReadExpression>,
}

/// What cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanProblem {
    /// Where in the front matter: `action 1, call`.
    pub place: String,
    /// The text it is about, as it was written.
    pub text: String,
    /// What is wrong, what was expected, what to do.
    pub problem: String,
}

impl Plan {
    /// Compiles a runbook against the configured contracts.
    ///
    /// # Errors
    /// Every call that no ABI has and every expression that cannot be right.
    pub fn compile(runbook: &Runbook, contracts: &Contracts) -> Result<Self, Vec<PlanProblem>> {
        let mut compiler = Compiler { contracts, problems: Vec::new() };
        let actions: Vec<_> = runbook
            .actions
            .iter()
            .enumerate()
            .filter_map(|(index, action)| {
                let place = format!("action {}", index + 1);
                match &action.upgrade {
                    None => compiler.action(&place, action),
                    Some(upgrade) => {
                        compiler.upgrade(&place, action, upgrade, (runbook.id.clone(), index + 1))
                    }
                }
            })
            .collect();
        for (index, recover) in runbook.recover.iter().enumerate() {
            compiler.call(&format!("recover {}", index + 1), &recover.contract, &recover.call);
        }
        let confirms: BTreeMap<_, _> =
            runbook.conditions.iter().filter_map(|condition| compiler.confirm(condition)).collect();
        if compiler.problems.is_empty() { Ok(Self { actions, confirms }) } else { Err(compiler.problems) }
    }

    /// Every view that `unless` and `confirm` need before a proposal is built.
    pub fn reads_before(&self) -> impl Iterator<Item = &Read> {
        let unless = self.actions.iter().filter_map(|action| action.unless.as_ref());
        unless.chain(self.confirms.values()).flat_map(|expression| expression.reads())
    }
}

/// Four bytes of a function whose arguments are missing: whoever sent it by mistake would only see it revert.
fn stands_for_an_upgrade(target: &Contract) -> ContractCall {
    let selector = Upgrades::upgradeToAndCallCall::SELECTOR;
    ContractCall {
        contract: target.name.clone(),
        chain: target.chain.clone(),
        chain_id: target.chain_id,
        address: target.address,
        signature: "upgrade()".to_owned(),
        selector: selector.into(),
        data: Bytes::copy_from_slice(&selector),
        arguments: Vec::new(),
        outputs: Vec::new(),
        is_view: false,
    }
}

struct Compiler<'a> {
    contracts: &'a Contracts,
    problems: Vec<PlanProblem>,
}

impl Compiler<'_> {
    fn contract(&mut self, place: &str, name: &ContractName) -> Option<&Contract> {
        let found = self.contracts.get(name);
        if found.is_none() {
            self.problems.push(PlanProblem {
                place: place.to_owned(),
                text: name.to_string(),
                problem: format!("no contract is named \"{name}\"; add [contracts.{name}]"),
            });
        }
        found
    }

    fn call(&mut self, place: &str, contract: &ContractName, call: &str) -> Option<ContractCall> {
        match self.contract(place, contract)?.resolve_action(call) {
            Ok(call) => Some(call),
            Err(error) => {
                self.problems.push(PlanProblem {
                    place: format!("{place}, call"),
                    text: call.to_owned(),
                    problem: error.to_string(),
                });
                None
            }
        }
    }

    fn expression(&mut self, place: String, text: &str) -> Option<ReadExpression> {
        match ReadExpression::compile(text, self.contracts) {
            Ok(expression) => Some(expression),
            Err(errors) => {
                self.problems.extend(errors.into_iter().map(|error| PlanProblem {
                    place: place.clone(),
                    text: text.to_owned(),
                    problem: error.to_string(),
                }));
                None
            }
        }
    }

    fn action(&mut self, place: &str, action: &Action) -> Option<PlannedAction> {
        let call = self.call(place, &action.contract, &action.call);
        let unless = action.unless.as_ref().map(|text| self.expression(format!("{place}, unless"), text));
        let expect = self.expression(format!("{place}, expect"), &action.expect);
        let unless = match unless {
            Some(None) => return None,
            Some(Some(expression)) => Some(expression),
            None => None,
        };
        Some(PlannedAction { call: call?, unless, expect: expect?, upgrade: None })
    }

    fn upgrade(
        &mut self,
        place: &str,
        action: &Action,
        upgrade: &UpgradeAction,
        of: (RunbookId, usize),
    ) -> Option<PlannedAction> {
        let contracts = self.contracts;
        self.contract(place, &action.contract)?;
        let target = contracts.get(&action.contract)?;
        let unless = action.unless.as_ref().map(|text| self.expression(format!("{place}, unless"), text));
        let (expect, planned) = match upgrade {
            UpgradeAction::Make(upgrade) => {
                let planned = plan_upgrade(target, upgrade, of, contracts).map_err(|misfits| {
                    self.problems.extend(misfits.into_iter().map(|(key, text, problem)| PlanProblem {
                        place: format!("{place}, upgrade.{key}"),
                        text,
                        problem,
                    }));
                });
                (action.expect.clone(), planned.map(|planned| UpgradePlan::Make(Box::new(planned))))
            }
            UpgradeAction::Cancel { of } => {
                // What is cancelled is known when the chain was read; this only stands for it.
                let expect = format!("read(\"{}\", \"{TIMELOCK_VIEW}\") == 0", target.name);
                (expect, Ok(UpgradePlan::Cancel { of: of.clone() }))
            }
        };
        let expect = self.expression(format!("{place}, expect"), &expect);
        let unless = match unless {
            Some(None) => return None,
            Some(Some(expression)) => Some(expression),
            None => None,
        };
        let upgrade = Some(Box::new(planned.ok()?));
        Some(PlannedAction { call: stands_for_an_upgrade(target), unless, expect: expect?, upgrade })
    }

    fn confirm(&mut self, condition: &ConditionSpec) -> Option<(ConditionId, ReadExpression)> {
        let text = condition.confirm.as_ref()?;
        let expression = self.expression(format!("condition \"{}\", confirm", condition.id), text)?;
        Some((condition.id.clone(), expression))
    }
}
