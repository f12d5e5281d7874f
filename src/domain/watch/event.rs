//! One kind of event: found by its name or signature, and read from a log by the number of its topics.

use std::collections::BTreeSet;
use std::fmt;

use alloy::dyn_abi::{DynSolValue, EventExt as _, Specifier as _};
use alloy::json_abi::{Event, JsonAbi};
use alloy::primitives::B256;

use super::{SeenLog, SubjectKind, known};
use crate::domain::alert::AlertSeverity;

/// Who may emit an event that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emitters {
    /// Contracts.
    Contracts,
    /// Safes.
    Safes,
    /// Both.
    Any,
}

impl Emitters {
    /// Whether these are among them.
    pub fn include(self, kind: SubjectKind) -> bool {
        match self {
            Self::Any => true,
            Self::Contracts => kind == SubjectKind::Contract,
            Self::Safes => kind == SubjectKind::Safe,
        }
    }
}

/// An event that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// Its name: the `alert_id` of its alerts.
    pub name: String,
    /// Its signature, types only.
    pub signature: String,
    /// keccak-256 of the signature.
    pub topic: B256,
    /// How bad an alert of it says it is.
    pub severity: AlertSeverity,
    /// Whose logs count.
    pub of: Emitters,
    /// Ways to read it, which differ in what is indexed and in names.
    forms: Vec<Event>,
}

/// An event that nothing watched has, or that was written badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEvent {
    /// What was written.
    pub text: String,
    /// Why it is not understood.
    pub why: String,
    /// What could have been meant.
    pub candidates: Vec<String>,
}

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\": {}", self.text, self.why)
    }
}

/// An argument: its name and value.
pub(super) type Arguments = Vec<(String, DynSolValue)>;

impl EventRule {
    /// A rule of forms with one signature; `None` of none.
    pub(super) fn new(forms: Vec<Event>, severity: AlertSeverity, of: Emitters) -> Option<Self> {
        let first = forms.first()?;
        let (name, signature, topic) = (first.name.clone(), first.signature(), first.selector());
        Some(Self { name, signature, topic, severity, of, forms })
    }

    /// The log's arguments, in order; `None` where no form fits it, so that it cannot be told what is what.
    pub(super) fn arguments(&self, log: &SeenLog) -> Option<Arguments> {
        let indexed = log.topics.len().checked_sub(1)?;
        let fitting = self.forms.iter().find(|form| count_indexed(form) == indexed);
        let adapted = || self.forms.iter().find_map(|form| with_indexed(form, indexed));
        let form = fitting.cloned().or_else(adapted)?;
        let decoded = form.decode_log_parts(log.topics.iter().copied(), &log.data).ok()?;
        let (mut indexed, mut body) = (decoded.indexed.into_iter(), decoded.body.into_iter());
        let mut arguments = Arguments::new();
        for (position, input) in form.inputs.iter().enumerate() {
            let value = if input.indexed { indexed.next()? } else { body.next()? };
            let name = if input.name.is_empty() { format!("arg{position}") } else { input.name.clone() };
            arguments.push((name, value));
        }
        Some(arguments)
    }
}

fn count_indexed(form: &Event) -> usize {
    form.inputs.iter().filter(|input| input.indexed).count()
}

/// The form with all or no arguments indexed, where that is the number: which ones else would be a guess.
fn with_indexed(form: &Event, wanted: usize) -> Option<Event> {
    let all = wanted == form.inputs.len();
    if !all && wanted != 0 {
        return None;
    }
    let mut form = form.clone();
    form.inputs.iter_mut().for_each(|input| input.indexed = all);
    Some(form)
}

/// Finds the events that `text` means: a name, or a signature with or without names and `indexed`.
///
/// `abis` are those of the contracts watched. An ABI that declares events is believed to declare all of them.
///
/// # Errors
/// Nothing that is watched has such an event.
pub fn resolve_event(text: &str, abis: &[&JsonAbi]) -> Result<Vec<EventRule>, UnknownEvent> {
    let text = text.trim();
    let declared: Vec<&Event> = abis.iter().flat_map(|abi| abi.events()).collect();
    let known: Vec<EventRule> = known::all().map(|(rule, _)| rule).collect();
    let unknown = |why: &str, named: bool| {
        let known = known.iter().map(|rule| if named { rule.name.clone() } else { rule.signature.clone() });
        let declared =
            declared.iter().map(|event| if named { event.name.clone() } else { event.signature() });
        let candidates: BTreeSet<String> = known.chain(declared).collect();
        UnknownEvent {
            text: text.to_owned(),
            why: why.to_owned(),
            candidates: candidates.into_iter().collect(),
        }
    };
    let of_topic = |topic: B256| -> Vec<Event> {
        declared.iter().filter(|event| event.selector() == topic).map(|event| (*event).clone()).collect()
    };
    // The parser takes any word for a type, and the event of a misspelt one is heard from nobody.
    let is_sound = |event: &Event| event.inputs.iter().all(|input| input.resolve().is_ok());
    if !text.contains('(') {
        if declared.iter().any(|event| event.name == text && !is_sound(event)) {
            return Err(unknown("an ABI declares it with a type that there is not", true));
        }
        let mut topics: Vec<B256> =
            declared.iter().filter(|event| event.name == text).map(|event| event.selector()).collect();
        topics.extend(known.iter().filter(|rule| rule.name == text).map(|rule| rule.topic));
        topics.sort_unstable();
        topics.dedup();
        let rules: Vec<EventRule> =
            topics.into_iter().filter_map(|topic| rule(topic, of_topic(topic), &known)).collect();
        return if rules.is_empty() {
            Err(unknown(
                "no ABI of a contract watched declares it, and it is none of those known by name",
                true,
            ))
        } else {
            Ok(rules)
        };
    }
    let Some(written) = Event::parse(text).ok().filter(is_sound) else {
        return Err(unknown("it is no signature of an event", false));
    };
    let topic = written.selector();
    if let Some(rule) = rule(topic, of_topic(topic), &known) {
        return Ok(vec![rule]);
    }
    if declared.iter().any(|event| event.name == written.name) {
        return Err(unknown("the ABI declares it with other arguments", false));
    }
    if !abis.is_empty() && abis.iter().all(|abi| abi.events().next().is_some()) {
        return Err(unknown("no ABI of a contract watched declares it", false));
    }
    if known.iter().any(|rule| rule.name != written.name && is_slip(&rule.name, &written.name)) {
        return Err(unknown("it looks like a slip of an event known by name", false));
    }
    Ok(EventRule::new(vec![written], AlertSeverity::Medium, Emitters::Any).into_iter().collect())
}

/// The rule of a topic that ABIs or we know; what ABIs declare gives the names.
fn rule(topic: B256, mut forms: Vec<Event>, known: &[EventRule]) -> Option<EventRule> {
    let known = known.iter().find(|rule| rule.topic == topic);
    let in_abi = !forms.is_empty();
    forms.extend(known.into_iter().flat_map(|rule| rule.forms.clone()));
    let severity = known.map_or(AlertSeverity::Medium, |rule| rule.severity);
    // What a contract's ABI declares may be watched there, too.
    let of = known.map_or(Emitters::Any, |rule| if in_abi { Emitters::Any } else { rule.of });
    EventRule::new(forms, severity, of)
}

fn is_slip(one: &str, other: &str) -> bool {
    strsim::damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase()) <= 2
}
