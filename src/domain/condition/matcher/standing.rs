//! What is lacking about one alert, in all conditions that hold it.

use super::super::held::HashKey;
use super::super::standing::Standing;
use super::Matcher;
use crate::domain::alert::AlertHash;

impl Matcher {
    /// Where the alert waits at this moment without having taken part in a firing, and what is lacking there: one for each
    /// condition and group, or contract.
    pub fn standing(&self, hash: &AlertHash, authenticated: bool) -> Vec<Standing> {
        let key = HashKey::of(hash);
        let rules = self.held.by(&key).filter_map(|number| self.rules.get(number));
        let clock = self.authenticated.made();
        rules.flat_map(|rule| rule.standing(hash, authenticated, clock)).collect()
    }
}
