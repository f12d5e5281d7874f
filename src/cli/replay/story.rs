//! What became of one alert, for people.

use std::collections::BTreeSet;

use super::super::output::{Look, Output};
use crate::agent::replay::{HASH_DIGITS_MIN, Story, StoryHeld, StorySilence};
use crate::domain::condition::{Canonicity, Match, Mute, Standing};
use crate::domain::text::terminal;

/// Alerts of one firing that are named.
const ALERTS_SHOWN_MAX: usize = 20;
/// Windows, trails and states in which it waits that are told of one condition.
const WAITING_SHOWN_MAX: usize = 20;

/// The whole story.
pub(super) fn text(story: &Story, out: &Output) -> String {
    if story.arrivals.is_empty() {
        let mut text = format!("No alert {} is in what was read.\n", terminal(&story.hash));
        if story.hash.trim_start_matches("0x").chars().count() < HASH_DIGITS_MIN {
            text.push_str(&format!("The beginning of a hash is enough, from {HASH_DIGITS_MIN} digits on.\n"));
        }
        stopped_text(&mut text, story, out);
        return text;
    }
    let mut text = format!("Alert {}\n", terminal(&story.hash));
    for arrival in &story.arrivals {
        let block = match arrival.block {
            Some(Canonicity::Canonical) => "; its block is on the chain",
            Some(Canonicity::Orphaned) => "; its block is not on the chain",
            Some(Canonicity::Unknown) => "; nobody could say whether its block is on the chain",
            None => "",
        };
        let at = arrival.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let place = arrival.alert.map_or_else(String::new, |alert| format!(", alert {alert} of its batch"));
        let of = arrival.file.as_deref().map_or_else(String::new, |file| format!(" of {}", terminal(file)));
        let told = format!("Line {}{of}{place}: it happened at {at}{block}", arrival.line);
        text.push_str(&out.look(&told, Look::Bold));
        text.push('\n');
        if arrival.repeated {
            text.push_str("  a repetition: it changed nothing\n");
            continue;
        }
        for condition in &arrival.conditions {
            for told in &condition.told {
                text.push_str(&format!("  {}: {}\n", condition.condition, terminal(told)));
            }
            waiting_text(&mut text, &condition.waiting);
        }
    }
    if story.arrivals_beyond > 0 {
        text.push_str(&format!("and it came {} more times\n", story.arrivals_beyond));
    }
    for firing in &story.firings {
        text.push_str(&format!("It took part: {}: {}\n", firing.condition, terminal(&firing.because)));
    }
    for held in &story.held {
        held_text(&mut text, held, out);
    }
    if story.firings.is_empty() && story.held.is_empty() {
        text.push_str("It took part in no firing.\n");
    }
    taken_back_text(&mut text, story);
    if !story.waiting.is_empty() {
        text.push_str("At the end of what was read:\n");
        waiting_text(&mut text, &story.waiting);
    }
    for withdrawn in &story.withdrawn {
        let (condition, contract) = (&withdrawn.condition, &withdrawn.contract);
        let because = terminal(&withdrawn.because);
        text.push_str(&format!(
            "It was taken back after {condition} had fired about {contract}: {because}\n"
        ));
    }
    stopped_text(&mut text, story, out);
    text
}

fn stopped_text(text: &mut String, story: &Story, out: &Output) {
    if let Some(stopped) = &story.stopped {
        text.push_str(&out.look(&format!("Not read to the end: {}", terminal(stopped)), Look::Bad));
        text.push('\n');
    }
}

/// What it took back of others, all conditions together.
fn taken_back_text(text: &mut String, story: &Story) {
    let of_all = story.arrivals.iter().flat_map(|arrival| &arrival.conditions);
    let back = of_all.filter_map(|own| own.took_back.as_ref().map(|back| (own.condition.as_str(), back)));
    let (mut waited, mut fired) = (BTreeSet::new(), BTreeSet::new());
    for (condition, back) in back {
        if !back.waiting.is_empty() {
            waited.insert(condition);
        }
        if !back.fired.is_empty() {
            fired.insert(condition);
        }
    }
    let listed = |conditions: BTreeSet<&str>| conditions.into_iter().collect::<Vec<_>>().join(", ");
    if !fired.is_empty() {
        text.push_str(&format!("It took back what had fired: {}\n", listed(fired)));
    }
    if !waited.is_empty() {
        text.push_str(&format!("It took out what waited: {}\n", listed(waited)));
    }
}

/// Where it waits, and what is lacking there.
fn waiting_text(text: &mut String, waiting: &[Standing]) {
    for here in waiting.iter().take(WAITING_SHOWN_MAX) {
        text.push_str(&format!("  {}: it waits for {}\n", here.condition, terminal(&here.told)));
    }
    match waiting.len().saturating_sub(WAITING_SHOWN_MAX) {
        0 => {}
        more => text.push_str(&format!("  and it waits in {more} more; --json names all\n")),
    }
}

/// A firing that nobody was paged for: which, by whom or what, until when, and on which alerts it rests.
fn held_text(text: &mut String, StoryHeld { held, silences }: &StoryHeld, out: &Output) {
    let Match { runbook, condition, contract, at, because, mutes, alerts, .. } = &held.matched;
    let at = at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let headline =
        format!("Held back, so that nobody was paged: {condition} of {runbook}, about {contract}, at {at}");
    text.push_str(&out.look(&headline, Look::Bad));
    text.push_str(&format!("\n  {}\n", terminal(because)));
    for mute in &mutes.by {
        let silence = match mute {
            Mute::Silenced { silence } => silences.iter().find(|known| known.id == *silence),
            Mute::Inhibited { .. } | Mute::Excepted { .. } => None,
        };
        let told = match silence {
            Some(StorySilence { id, scope, by, comment, from, until }) => {
                let [from, until] = [from, until].map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
                format!("{id} of {by} silences {scope} from {from} until {until}: {comment}")
            }
            None => mute.to_string(),
        };
        text.push_str(&format!("  by: {}\n", terminal(&told)));
    }
    for hash in alerts.iter().take(ALERTS_SHOWN_MAX) {
        text.push_str(&format!("  alert {}\n", terminal(&hash.0)));
    }
    match alerts.len().saturating_sub(ALERTS_SHOWN_MAX) {
        0 => {}
        more => text.push_str(&format!("  and {more} more; --json names all\n")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::alert::{AlertHash, BotId};
    use crate::domain::condition::{HeldBack, Inhibitor, Mutes, Response, Scope, SilenceId};
    use crate::domain::incident::Actor;
    use crate::domain::names::ChainId;

    #[test]
    fn who_was_not_paged_reads_by_whom_until_when_and_on_what() {
        let mutes = vec![
            Mute::Silenced { silence: SilenceId(3) },
            Mute::Inhibited { by: Inhibitor::named("bridge/bridge-down") },
        ];
        let matched = Match {
            runbook: "pause-vault".into(),
            condition: "drain".into(),
            contract: "vault".into(),
            chain_id: ChainId(1),
            response: Response::Page,
            downgraded: None,
            early: false,
            alerts: (0..22).map(|n| AlertHash(format!("0x{n}"))).collect(),
            bots: vec![BotId::new("alertmanager:tvl")],
            at: "2026-11-01T03:00:00Z".parse().unwrap(),
            because: "22 alerts about vault; held back: silenced by SIL-3".to_owned(),
            mutes: Mutes { by: mutes, critical: Vec::new() },
        };
        let silence = StorySilence {
            id: SilenceId(3),
            scope: Scope { contract: Some("vault".into()), ..Scope::default() },
            by: Actor::Person("ana".into()),
            comment: "we move the monitor\u{1b}[2J".to_owned(),
            from: "2026-11-01T02:00:00Z".parse().unwrap(),
            until: "2026-11-01T04:00:00Z".parse().unwrap(),
        };
        let held = StoryHeld { held: HeldBack { matched }, silences: vec![silence] };
        let mut told = String::new();
        held_text(&mut told, &held, &Output::plain(false, TimeZone::UTC));
        assert!(told.contains("  alert 0x19\n  and 2 more; --json names all"), "{told}");
        let told: Vec<&str> = told.lines().filter(|line| !line.starts_with("  alert 0x1")).take(5).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        Held back, so that nobody was paged: drain of pause-vault, about vault, at 2026-11-01 03:00:00 UTC
          22 alerts about vault; held back: silenced by SIL-3
          by: SIL-3 of ana silences contract vault from 2026-11-01 02:00 UTC until 2026-11-01 04:00 UTC: we move the monitor\u{1b}[2J
          by: inhibited by condition bridge/bridge-down, which fired about the same contract
          alert 0x0
        ");
    }
}
