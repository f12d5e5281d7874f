//! Which functions a cut adds, replaces and removes: what is wanted, against what the loupe says.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, Selector};
use alloy::sol_types::SolCall;

use super::calls::abi::{FacetCut, Upgrades};

/// A function by its selector, with the signature people know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// Four bytes.
    pub selector: Selector,
    /// `withdrawUpTo(uint256,address)`.
    pub signature: String,
}

/// What becomes of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub function: Function,
    /// Where it comes from now; none: the diamond has it not.
    pub from: Option<Address>,
    /// Where it is to come from; none: it goes.
    pub to: Option<Address>,
}

impl Change {
    /// `replaces withdrawUpTo(uint256,address)`.
    pub fn describe(&self) -> String {
        let verb = match (self.from, self.to) {
            (None, _) => "adds",
            (Some(_), Some(_)) => "replaces",
            (Some(_), None) => "removes",
        };
        format!("{verb} {}", self.function.signature)
    }

    /// Its `FacetCutAction`: 0 add, 1 replace, 2 remove.
    fn action(&self) -> u8 {
        match (self.from, self.to) {
            (None, _) => 0,
            (Some(_), Some(_)) => 1,
            (Some(_), None) => 2,
        }
    }
}

/// What must change so that every function comes from where it should, and those that should go are gone. `now` says
/// where each comes from; what is as it should be already is left out.
pub fn changes(
    wanted: &[(Function, Address)],
    remove: &[Function],
    now: &BTreeMap<Selector, Address>,
) -> Vec<Change> {
    let from = |function: &Function| now.get(&function.selector).copied().filter(|facet| !facet.is_zero());
    let put = wanted.iter().map(|(function, facet)| Change {
        function: function.clone(),
        from: from(function),
        to: Some(*facet),
    });
    let gone =
        remove.iter().map(|function| Change { function: function.clone(), from: from(function), to: None });
    put.chain(gone).filter(|change| change.from != change.to).collect()
}

/// Calldata of `diamondCut`: one cut for each facet and verb, in the order of the changes.
pub fn cut(changes: &[Change], init: Address, data: &Bytes) -> Bytes {
    let mut cuts: Vec<FacetCut> = Vec::new();
    for change in changes {
        let (facet, action) = (change.to.unwrap_or(Address::ZERO), change.action());
        match cuts.iter_mut().find(|cut| cut.facetAddress == facet && cut.action == action) {
            Some(cut) => cut.functionSelectors.push(change.function.selector),
            None => cuts.push(FacetCut {
                facetAddress: facet,
                action,
                functionSelectors: vec![change.function.selector],
            }),
        }
    }
    Upgrades::diamondCutCall { cuts, init, data: data.clone() }.abi_encode().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(number: u8) -> Function {
        Function { selector: Selector::from([number; 4]), signature: format!("f{number}()") }
    }

    #[test]
    fn a_cut_names_what_it_adds_replaces_and_removes_and_leaves_the_rest() {
        let (old, new) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let now = [(1, old), (2, new), (3, old), (5, Address::ZERO)]
            .map(|(number, facet)| (function(number).selector, facet))
            .into();
        let wanted = [1, 2, 4, 5].map(|number| (function(number), new));
        let changes = changes(&wanted, &[function(3), function(6)], &now);
        let told: Vec<_> = changes.iter().map(Change::describe).collect();
        assert_eq!(told, ["replaces f1()", "adds f4()", "adds f5()", "removes f3()"]);
        let data = cut(&changes, Address::ZERO, &Bytes::new());
        let cuts = Upgrades::diamondCutCall::abi_decode(&data).unwrap().cuts;
        let shape: Vec<_> =
            cuts.iter().map(|cut| (cut.facetAddress, cut.action, cut.functionSelectors.len())).collect();
        assert_eq!(shape, [(new, 1, 1), (new, 0, 2), (Address::ZERO, 2, 1)]);
    }
}
