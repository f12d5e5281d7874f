//! What became of one alert, for people.

use super::super::output::{Look, Output};
use crate::agent::replay::{Story, StoryHeld, StorySilence};
use crate::domain::condition::{Canonicity, Match, Mute, Standing};
use crate::domain::text::terminal;

/// Alerts of one firing that are named.
const ALERTS_SHOWN_MAX: usize = 20;
/// Windows, trails and states in which it waits that are told of one condition.
const WAITING_SHOWN_MAX: usize = 20;

/// The whole story.
pub(super) fn text(story: &Story, out: &Output) -> String {
    if story.arrivals.is_empty() {
        return format!("No alert {} is in what was read.", terminal(&story.hash));
    }
    let mut text = String::new();
    for arrival in &story.arrivals {
        let block = match arrival.block {
            Some(Canonicity::Canonical) => "; its block is on the chain",
            Some(Canonicity::Orphaned) => "; its block is not on the chain",
            Some(Canonicity::Unknown) => "; nobody could say whether its block is on the chain",
            None => "",
        };
        let at = arrival.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let place = arrival.alert.map_or_else(String::new, |alert| format!(", alert {alert} of its batch"));
        text.push_str(&out.look(&format!("Line {}{place}, about {at}{block}", arrival.line), Look::Bold));
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
    for firing in &story.firings {
        text.push_str(&format!("It took part: {}: {}\n", firing.condition, terminal(&firing.because)));
    }
    for held in &story.held {
        held_text(&mut text, held, out);
    }
    if story.firings.is_empty() && story.held.is_empty() {
        text.push_str("It took part in no firing.\n");
    }
    if !story.waiting.is_empty() {
        text.push_str("At the end of what was read:\n");
        waiting_text(&mut text, &story.waiting);
    }
    for withdrawn in &story.withdrawn {
        text.push_str(&format!("It was taken back from {}: {}\n", withdrawn.condition, withdrawn.because));
    }
    if let Some(stopped) = &story.stopped {
        text.push_str(&out.look(&format!("Not read to the end: {}", terminal(stopped)), Look::Bad));
        text.push('\n');
    }
    text
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
