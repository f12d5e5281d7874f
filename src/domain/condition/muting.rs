//! Which firings are held back, and which page all the same.
//!
//! **Held back** is a firing that needs an alert which is silenced or excepted, or whose condition another one
//! inhibits: told and counted by whoever asked, never lost. **Overridden** is that where two different bots of
//! authenticated feeds say CRITICAL about the contract, in one firing or in several within
//! [`CORROBORATES_WITHIN`]: it pages, and goes no further, as in announced maintenance.
//!
//! **Inhibition** is Alertmanager's: the source mutes the target about the same contract, for as long as the source
//! looks back itself ([`inhibits_for`]). Only a source that fired in full and in public counts: one that was held
//! back, is in doubt, or could have been sent by anybody mutes nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::compile::Condition;
use super::mute::{ActiveSilence, HeldBack, Inhibitor, Mute};
use super::outcome::Match;
use super::spec::Response;
use super::truth::Downgrade;
use crate::domain::alert::BotId;
use crate::domain::names::{ChainId, ConditionId, ContractName, RunbookId};

/// How far apart, by event time, two bots that say CRITICAL corroborate each other whatever a condition counts.
pub const CORROBORATES_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// How many different bots that say CRITICAL page through whatever holds back.
pub const OVERRIDING_BOTS: usize = 2;

/// How long a condition mutes others that has no time of its own.
pub const INHIBITS_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Bots remembered for one contract; beyond, the oldest word is forgotten.
const CRITICAL_WORDS_MAX: usize = 64;

type Named = (RunbookId, ConditionId);

/// How long the condition mutes others after it fired: as long as it looks back itself.
pub fn inhibits_for(condition: &Condition) -> SignedDuration {
    let spec = condition.spec();
    let own = match (&spec.sequence, &spec.absent, &spec.count) {
        (Some(sequence), _, _) => sequence.within,
        (None, Some(absent), _) => absent.after,
        (None, None, Some(count)) => count.within,
        (None, None, None) => INHIBITS_FOR,
    };
    if own.is_zero() { INHIBITS_FOR } else { own }
}

/// Names in `inhibited_by` that no condition bears, and conditions that name themselves: whose, and which.
pub fn unknown_inhibitors(conditions: &[(RunbookId, Condition)]) -> Vec<(RunbookId, ConditionId, String)> {
    let mut problems = Vec::new();
    for (runbook, condition) in conditions {
        for inhibitor in &condition.spec().inhibited_by {
            let mut others = conditions.iter().filter(|(whose, other)| inhibitor.means(whose, other.id()));
            let own =
                |(whose, other): &&(RunbookId, Condition)| whose == runbook && other.id() == condition.id();
            let told = match (others.clone().next(), others.find(|other| !own(other))) {
                (None, _) => {
                    format!("inhibited_by names \"{inhibitor}\", and no runbook has such a condition")
                }
                (Some(_), None) => {
                    "inhibited_by names the condition itself: it would mute its next firing".to_owned()
                }
                (Some(_), Some(_)) => continue,
            };
            problems.push((runbook.clone(), condition.id().clone(), told));
        }
    }
    problems
}

/// What is silenced, what has fired, and what was held back since it was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Muting {
    silences: Vec<ActiveSilence>,
    /// By target.
    inhibited_by: BTreeMap<Named, Vec<Inhibitor>>,
    /// How long each source mutes.
    lasts: BTreeMap<Named, SignedDuration>,
    /// When a source last fired about a contract.
    fired: BTreeMap<(Named, ContractName), Timestamp>,
    /// Who said CRITICAL about a contract, and when.
    critical: BTreeMap<(ChainId, ContractName), Vec<(BotId, Timestamp)>>,
    held: Vec<HeldBack>,
}

impl Muting {
    pub(super) fn new(conditions: &[(RunbookId, Condition)]) -> Self {
        let mut muting = Self::default();
        for (runbook, condition) in conditions {
            let inhibitors = &condition.spec().inhibited_by;
            if inhibitors.is_empty() {
                continue;
            }
            let target = (runbook.clone(), condition.id().clone());
            for (whose, source) in conditions {
                if inhibitors.iter().any(|inhibitor| inhibitor.means(whose, source.id())) {
                    muting.lasts.insert((whose.clone(), source.id().clone()), inhibits_for(source));
                }
            }
            muting.inhibited_by.insert(target, inhibitors.clone());
        }
        muting
    }

    /// What is silenced now.
    pub(super) fn silences(&self) -> &[ActiveSilence] {
        &self.silences
    }

    /// Says what is silenced from here on. False: that was so already.
    pub(super) fn silence(&mut self, silences: Vec<ActiveSilence>) -> bool {
        let news = self.silences != silences;
        self.silences = silences;
        news
    }

    /// Gives what was held back since it was last asked for.
    pub(super) fn take_held(&mut self) -> Vec<HeldBack> {
        std::mem::take(&mut self.held)
    }

    /// Takes out what is held back; what is overridden stays, as a page. `authenticated`: not anybody could have sent
    /// the alerts.
    pub(super) fn sift(&mut self, matches: &mut Vec<Match>, authenticated: bool) {
        if matches.is_empty() {
            return;
        }
        // Sources first: where one alert makes both fire, the source mutes.
        for matched in matches.iter_mut() {
            self.silence_whole(matched);
            self.note_source(matched, authenticated);
            self.note_critical(matched);
        }
        let fired = std::mem::take(matches);
        for mut matched in fired {
            if let Some(by) = self.inhibitor_of(&matched) {
                matched.mutes.by.push(Mute::Inhibited { by });
            }
            if matched.mutes.by.is_empty() {
                matches.push(matched);
                continue;
            }
            matched.response = Response::Page;
            matched.downgraded = Some(Downgrade::Suppressed);
            let bots = self.critical_near(&matched).len();
            let why = matched.mutes.in_words();
            if bots >= OVERRIDING_BOTS && !matched.mutes.critical.is_empty() {
                matched.because.push_str(&format!(
                    "; {why}, but {bots} different bots say CRITICAL, so this pages all the same and goes no further"
                ));
                matches.push(matched);
            } else {
                matched.because.push_str(&format!("; held back: {why}"));
                self.held.push(HeldBack { matched });
            }
        }
    }

    /// Silences that name neither a bot nor a feed, which silent heartbeats have none of.
    fn silence_whole(&self, matched: &mut Match) {
        for silence in &self.silences {
            let mute = Mute::Silenced { silence: silence.id };
            if silence.scope.covers_whole(matched) && !matched.mutes.by.contains(&mute) {
                matched.mutes.by.push(mute);
            }
        }
    }

    fn note_source(&mut self, matched: &Match, authenticated: bool) {
        let source = (matched.runbook.clone(), matched.condition.clone());
        let counts = !matched.early
            && matched.downgraded.is_none()
            && matched.mutes.by.is_empty()
            // Nobody but an authenticated feed goes beyond a page.
            && (authenticated || matched.response > Response::Page);
        if counts && self.lasts.contains_key(&source) {
            let at = self.fired.entry((source, matched.contract.clone())).or_insert(matched.at);
            *at = matched.at.max(*at);
        }
    }

    fn inhibitor_of(&self, matched: &Match) -> Option<Inhibitor> {
        let target = (matched.runbook.clone(), matched.condition.clone());
        let inhibitors = self.inhibited_by.get(&target)?;
        self.lasts.iter().filter(|(source, _)| **source != target).find_map(|(source, lasts)| {
            inhibitors.iter().find(|inhibitor| inhibitor.means(&source.0, &source.1))?;
            let at = self.fired.get(&(source.clone(), matched.contract.clone()))?;
            let near = matched.at.duration_since(*at).abs() <= *lasts;
            near.then(|| Inhibitor { runbook: Some(source.0.clone()), condition: source.1.clone() })
        })
    }

    fn note_critical(&mut self, matched: &Match) {
        if matched.mutes.critical.is_empty() {
            return;
        }
        let words = self.critical.entry((matched.chain_id, matched.contract.clone())).or_default();
        for bot in &matched.mutes.critical {
            words.retain(|(known, _)| known != bot);
            words.push((bot.clone(), matched.at));
        }
        let more = words.len().saturating_sub(CRITICAL_WORDS_MAX);
        words.drain(..more);
    }

    /// The different bots that said CRITICAL about the contract around the firing.
    fn critical_near(&self, matched: &Match) -> BTreeSet<&BotId> {
        let words = self.critical.get(&(matched.chain_id, matched.contract.clone()));
        let near = |at: &Timestamp| matched.at.duration_since(*at).abs() <= CORROBORATES_WITHIN;
        words.into_iter().flatten().filter(|(_, at)| near(at)).map(|(bot, _)| bot).collect()
    }
}
