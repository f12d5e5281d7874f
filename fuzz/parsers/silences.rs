//! What people say to silence something: for how long, about what, why.

use jiff::{SignedDuration, Timestamp};
use redhandle::domain::alert::BotId;
use redhandle::domain::condition::{Scope, SilenceId};
use redhandle::domain::incident::Actor;
use redhandle::domain::names::{ConditionId, ContractName, FeedName, RunbookId};
use redhandle::domain::silence::{NoLength, SILENCE_MAX, SILENCE_MIN, SilenceFact, Silences, length_of};

const NOW_SECONDS: i64 = 1_763_694_000;

/// How long, a silence's name, why, and then lines such as `runbook=pause-vault`.
pub fn silence(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (lasts, id, comment, about) = (line(), line(), line(), line());
    named(id);
    let Some(lasts) = length(lasts) else { return };
    let mut scope = Scope::default();
    for named in about.lines() {
        match named.split_once('=') {
            Some(("runbook", name)) => scope.runbook = Some(RunbookId::from(name)),
            Some(("condition", name)) => scope.condition = Some(ConditionId::from(name)),
            Some(("contract", name)) => scope.contract = Some(ContractName::from(name)),
            Some(("bot", name)) => scope.bot = Some(BotId::new(name)),
            Some(("feed", name)) => scope.feed = Some(FeedName::from(name)),
            Some(_) | None => {}
        }
    }
    let (now, by) = (Timestamp::from_second(NOW_SECONDS).expect("a time"), Actor::Operator);
    let mut silences = Silences::default();
    let within = (SILENCE_MIN..=SILENCE_MAX).contains(&lasts);
    let is_whole = within && !scope.is_empty() && !comment.trim().is_empty();
    let fact = match silences.add(scope.clone(), by.clone(), comment, now, lasts) {
        Ok(fact) => fact,
        Err(error) => {
            assert!(!is_whole, "{error}");
            return assert!(!error.to_string().is_empty());
        }
    };
    assert!(is_whole, "a silence of {lasts:?} about {scope:?}, because {comment:?}");
    let kept = serde_json::to_string(&fact).expect("a silence that cannot be kept");
    let back: SilenceFact = serde_json::from_str(&kept).expect("a kept silence that cannot be read");
    assert_eq!(back, fact, "the journal gives back another silence");
    silences.apply(back, now);
    let one = silences.all().next().cloned().expect("it was added");
    assert_eq!((&one.scope, one.until.duration_since(now)), (&scope, lasts));
    let last = one.until.checked_sub(SignedDuration::from_nanos(1)).expect("a time");
    assert!(one.holds_at(now) && one.holds_at(last) && !one.holds_at(one.until));
    assert_eq!(silences.scopes(last).len(), 1);
    // It may be ended sooner, once.
    let end = silences.end(one.id, by.clone(), "", now).expect("it holds");
    silences.apply(end, now);
    assert!(silences.end(one.id, by, "", now).is_err() && silences.scopes(last).is_empty());
}

/// What is read is printed, and read again the same.
fn length(text: &str) -> Option<SignedDuration> {
    match length_of(text) {
        Ok(lasts) => {
            assert_eq!(
                length_of(&format!("{lasts:#}")),
                Ok(lasts),
                "{text:?} is read and printed as another"
            );
            assert_eq!(length_of(&format!(" {text}\t")), Ok(lasts), "blanks change nothing");
            Some(lasts)
        }
        Err(NoLength) => None,
    }
}

fn named(text: &str) {
    if let Ok(id) = text.parse::<SilenceId>() {
        assert!(id.0 > 0, "silences are numbered from 1");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.0.to_string().parse(), Ok(id), "the number alone is enough");
    }
}
