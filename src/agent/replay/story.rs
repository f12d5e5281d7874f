//! What became of one alert: for people who ask why they were paged, and why they were not.

use jiff::Timestamp;
use serde::Serialize;

use super::asked::{Asked, Met};
use super::taken_back::{TookBack, taken_back};
use super::terms::Terms;
use super::{Firing, Place, Replay};
use crate::config::Config;
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::condition::{
    Canonicity, Condition, HeldBack, Matcher, Observation, Scope, SilenceId, Standing, Verdict, Watched, Why,
    Withdrawal,
};
use crate::domain::incident::Actor;
use crate::domain::names::{ConditionId, ContractName, RunbookId};
use crate::domain::silence::Silence;

/// Times an alert came that are told; the rest is counted.
const ARRIVALS_TOLD_MAX: usize = 100;

/// What became of one alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The alert; as it was asked for, where none is found.
    pub hash: String,
    /// Other alerts that were asked for as well: it is not known which is meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<AlertHash>,
    /// There are more of these.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub others_beyond: bool,
    /// The times it came, the first hundred.
    pub arrivals: Vec<StoryArrival>,
    /// How many more there were.
    #[serde(skip_serializing_if = "super::summary::is_zero")]
    pub arrivals_beyond: u64,
    /// Firings it took part in.
    pub firings: Vec<Firing>,
    /// What was taken back later.
    pub withdrawn: Vec<Withdrawal>,
    /// Why what was given could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Firings it took part in that were held back, with their reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<StoryHeld>,
    /// Where it still waits at the end of what was read, as far as that is not what was said when it came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Standing>,
}

/// One time the alert came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryArrival {
    /// Its file, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line.
    pub line: u64,
    /// Which alert of the line it was, from 1, where the line is a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<u64>,
    /// Event time.
    pub at: Timestamp,
    /// What the chain said about its block; none where it was not asked.
    pub block: Option<Canonicity>,
    /// It was known already.
    pub repeated: bool,
    /// What each condition that it is about makes of it, and what was discarded and why.
    pub conditions: Vec<StoryCondition>,
}

/// What one condition made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryCondition {
    /// Which.
    pub condition: ConditionId,
    /// In words.
    pub told: Vec<String>,
    /// Where it waited once it was judged, and what was lacking there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Standing>,
    /// What it took back here, where it takes marks off somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_back: Option<TookBack>,
}

/// A firing that was held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryHeld {
    /// What would have been told, with its reasons.
    #[serde(flatten)]
    pub held: HeldBack,
    /// The silences among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub silences: Vec<StorySilence>,
}

/// A silence that held something back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StorySilence {
    /// Its name.
    pub id: SilenceId,
    /// About what.
    pub scope: Scope,
    /// Who answers for it.
    pub by: Actor,
    /// Why.
    pub comment: String,
    /// Since when.
    pub from: Timestamp,
    /// When it ended, or ends.
    pub until: Timestamp,
}

impl StorySilence {
    fn of(silence: &Silence) -> Self {
        Self {
            id: silence.id,
            scope: silence.scope.clone(),
            by: silence.by.clone(),
            comment: silence.comment.clone(),
            from: silence.from,
            until: silence.end(),
        }
    }
}

impl Replay {
    pub(super) fn note_held(&mut self) {
        for held in self.matcher.take_held() {
            self.summary.held = self.summary.held.saturating_add(1);
            if let Some(telling) = self.story.as_mut().filter(|telling| telling.is_of(&held.matched.alerts)) {
                let silences = held.silences().filter_map(|id| self.silenced.get(id));
                let silences = silences.map(StorySilence::of).collect();
                telling.story.held.push(StoryHeld { held, silences });
            }
        }
    }

    pub(super) fn tell(
        &mut self,
        place: Place,
        alert: &Alert,
        block: Option<Canonicity>,
        observation: &Observation,
    ) {
        let own = [alert.hash.clone()];
        let Some(telling) = self.story.as_mut().filter(|telling| telling.is_of(&own)) else { return };
        let Telling { terms, story, .. } = telling;
        if story.arrivals.len() >= ARRIVALS_TOLD_MAX {
            story.arrivals_beyond = story.arrivals_beyond.saturating_add(1);
            return;
        }
        let standing = self.matcher.standing(&alert.hash, alert.authenticated);
        let conditions = self.matcher.verdicts(alert).into_iter().zip(self.matcher.conditions());
        let conditions = conditions
            .map(|(verdict, (_, condition))| {
                let is_its = |runbook: &RunbookId, condition: &ConditionId| {
                    *runbook == verdict.runbook && *condition == verdict.condition
                };
                let notes = observation.notes.iter().filter(|note| is_its(&note.runbook, &note.condition));
                let withdrawn = observation.withdrawn.iter();
                let withdrawn = withdrawn.filter(|found| is_its(&found.runbook, &found.condition));
                let back = taken_back(alert, block, condition, notes.clone(), withdrawn);
                let mut told = in_words(&verdict, alert, condition, terms);
                // Those are told together.
                let notes = notes.filter(|note| !matches!(note.why, Why::Withdrawn(_)));
                told.extend(notes.map(|note| note.why.to_string()));
                let (took_back, of_it) = back.unzip();
                told.extend(of_it.unwrap_or_default());
                let waiting = standing.iter().filter(|here| is_its(&here.runbook, &here.condition));
                let waiting = waiting.cloned().collect();
                StoryCondition { condition: verdict.condition, told, waiting, took_back }
            })
            .collect();
        story.arrivals.push(StoryArrival {
            file: self.file.clone(),
            line: place.line,
            alert: place.alert,
            at: alert.event_time(),
            block,
            repeated: observation.repeated,
            conditions,
        });
    }
}

/// A story while it is gathered.
#[derive(Clone, Debug)]
pub(super) struct Telling {
    asked: Asked,
    terms: Terms,
    pub(super) story: Story,
}

impl Telling {
    /// The story of the alert that is named so.
    pub(super) fn new(named: &str, config: &Config) -> Self {
        let story = Story { hash: named.to_owned(), ..Story::default() };
        Self { asked: Asked::new(named), terms: Terms::new(config), story }
    }

    /// Heeds an alert before it is judged: it may be the one that is asked for.
    pub(super) fn meet(&mut self, hash: &AlertHash) {
        if self.asked.meet(hash) == (Met::Own { anew: true }) {
            self.story = Story { hash: hash.0.clone(), ..Story::default() };
        }
    }

    /// Whether the alert is among these.
    pub(super) fn is_of(&self, alerts: &[AlertHash]) -> bool {
        self.asked.found().is_some_and(|own| alerts.contains(own))
    }

    /// What is told, with where the alert still waits, if that is not what was said when it came.
    pub(super) fn end(self, matcher: &Matcher, stopped: Option<&String>) -> Story {
        let mut story = self.story;
        if let Some(hash) = self.asked.found() {
            let mut waiting = matcher.standing(hash, true);
            waiting.extend(matcher.standing(hash, false));
            let said = story.arrivals.iter().flat_map(|arrival| &arrival.conditions);
            let said: Vec<&Standing> = said.flat_map(|condition| &condition.waiting).collect();
            waiting.retain(|here| !said.contains(&here));
            story.waiting = waiting;
        }
        story.stopped = stopped.cloned();
        (story.others, story.others_beyond) = self.asked.others();
        story
    }
}

fn in_words(verdict: &Verdict, alert: &Alert, condition: &Condition, terms: &Terms) -> Vec<String> {
    let about: Vec<&str> = verdict.about.iter().map(ContractName::as_str).collect();
    let about = match about.as_slice() {
        [] => about_none(alert, condition.watched()).to_owned(),
        about => format!("it is about {}", about.join(", ")),
    };
    let spec = condition.spec();
    let mut further = Vec::new();
    let when = match &verdict.when {
        Ok(true) => "`when` holds".to_owned(),
        Ok(false) => match (&spec.sequence, terms.false_term(&spec.when, condition, alert)) {
            (_, Some(why)) => format!("`when` does not hold: {why}"),
            (None, None) => "`when` does not hold".to_owned(),
            (Some(sequence), None) => {
                let steps = sequence.steps.iter().enumerate();
                further.extend(steps.filter_map(|(index, step)| {
                    let why = terms.false_term(&step.when, condition, alert)?;
                    Some(format!("not step {}: {why}", index.saturating_add(1)))
                }));
                "it is none of the steps".to_owned()
            }
        },
        Err(lack) => format!("`when` cannot be told: {lack}"),
    };
    let steps: Vec<String> = verdict.steps.iter().map(ToString::to_string).collect();
    let first = match steps.as_slice() {
        [] => format!("{about}; {when}"),
        steps => format!("{about}; it may be step {}", steps.join(" or ")),
    };
    further.insert(0, first);
    further
}

/// Why it is about none of these contracts.
fn about_none(alert: &Alert, watched: &[Watched]) -> &'static str {
    let is_here = |watched: &&Watched| watched.chain_id == alert.chain;
    let is_named = |watched: &Watched| alert.addresses.contains(&watched.address);
    if !watched.iter().any(|watched| is_here(&watched)) {
        return "it is of a chain that none of this condition's contracts is on";
    }
    if watched.iter().filter(is_here).any(is_named) {
        return "it is about none of this condition's contracts: it names one, and says that another is the victim";
    }
    if watched.iter().any(is_named) {
        return "it names none of this condition's contracts: one has such an address, and is on another chain";
    }
    "it names none of this condition's contracts"
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::domain::condition::{About, about};
    use crate::domain::names::ChainId;
    use crate::feeds::forta_wire::parse_alert;

    /// The first line of the sample, about `address` on `chain`.
    fn alert(chain: u64, address: Address, victim: Option<Address>) -> Alert {
        let sample = include_bytes!("../../../tests/fixtures/feeds/sample.jsonl");
        let line = sample.split(|byte| *byte == b'\n').next().unwrap();
        let mut alert = parse_alert(line, &"replay".into(), true).unwrap();
        (alert.chain, alert.addresses, alert.truncated, alert.bloom) =
            (ChainId(chain), vec![address], false, None);
        alert.labels.clear();
        alert.metadata.clear();
        let victim = victim.map(|victim| ("address1".to_owned(), victim.to_string().into()));
        alert.metadata.extend(victim);
        alert
    }

    #[test]
    fn why_it_is_about_none_of_them_is_said_as_it_is() {
        let [vault, bridge, router] = [1, 2, 3].map(Address::repeat_byte);
        let on = |contract: &str, chain, address| Watched {
            contract: contract.into(),
            chain_id: ChainId(chain),
            address,
        };
        let watched = [on("vault", 1, vault), on("bridge", 10, bridge)];
        let told = [
            alert(137, vault, None),
            alert(1, vault, Some(router)),
            alert(1, bridge, None),
            alert(1, router, None),
        ]
        .map(|alert| {
            let is_about = |own: &Watched| about(&alert, own.chain_id, own.address);
            assert!(watched.iter().all(|own| is_about(own) == About::No), "{:?}", alert.addresses);
            about_none(&alert, &watched)
        });
        insta::assert_snapshot!(told.join("\n"), @r"
        it is of a chain that none of this condition's contracts is on
        it is about none of this condition's contracts: it names one, and says that another is the victim
        it names none of this condition's contracts: one has such an address, and is on another chain
        it names none of this condition's contracts
        ");
    }
}
