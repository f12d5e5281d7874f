//! Why a condition fired, as one sentence: which alerts, and which clause of the condition they satisfy.
//!
//! It is in our words: of what an alert says only ids are repeated, by their ends, and names of bots with everything
//! written out that could be more than a name. What was passed over on the way is said by whoever remembers it.

use super::compile::Condition;
use super::explain::asked;
use super::outcome::{Firing, short};
use super::truth::Downgrade;
use crate::domain::alert::BotId;

/// Alerts named before the rest is counted.
const ALERTS_NAMED_MAX: usize = 5;

/// The sentence of a firing by so many bots.
pub(super) fn sentence(
    firing: &Firing<'_>,
    bots: usize,
    condition: &Condition,
    authenticated: bool,
) -> String {
    let (taken, within) = (&firing.taken, condition.count().within);
    let many = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let mut sentence = many(taken.len(), "alert");
    if taken.len() > 1 {
        sentence.push_str(&format!(" from {}", many(bots, "bot")));
    }
    sentence.push_str(&format!(" about {}", firing.watched.contract));
    if let Some(shared) = &firing.shared {
        let order = if condition.spec().sequence.is_some() { ", in this order" } else { "" };
        sentence.push_str(&format!("{order}, {shared}"));
    }
    if !firing.early && taken.len() > 1 {
        sentence.push_str(&format!(" within {within:#}"));
    }
    let satisfy = if taken.len() == 1 { "satisfies" } else { "satisfy" };
    let pause = if firing.shared.is_some() { "," } else { "" };
    sentence.push_str(&format!("{pause} {satisfy} {}", clause(firing, condition)));
    let named: Vec<String> = taken
        .iter()
        .take(ALERTS_NAMED_MAX)
        .map(|entry| format!("{} (bot {})", short(&entry.hash.0), bot_named(&entry.bot)))
        .collect();
    sentence.push_str(&format!(": {}", named.join(", ")));
    match taken.len().saturating_sub(named.len()) {
        0 => {}
        rest => sentence.push_str(&format!(" and {rest} more")),
    }
    match firing.doubt {
        Some(Downgrade::Maintenance) => {
            sentence.push_str("; the contract was in announced maintenance, so this only pages");
        }
        Some(Downgrade::UnknownBlock) => {
            let whose = if taken.len() == 1 { "its block is" } else { "their blocks are" };
            sentence.push_str(&format!("; it is not known whether {whose} on the chain, so this only pages"));
        }
        // Told with its reason, by whoever holds it back.
        Some(Downgrade::Suppressed) | None => {}
    }
    if !authenticated {
        sentence.push_str("; the feed is not authenticated, so this only pages");
    }
    sentence
}

/// The key of the condition that was satisfied, and what it asks for where that is more than `when`.
fn clause(firing: &Firing<'_>, condition: &Condition) -> String {
    let (spec, wanted) = (condition.spec(), condition.count());
    if firing.early {
        let full = asked(&wanted, spec);
        return format!(
            "`when`, which `early` answers ({full} within {:#} would fire in full)",
            wanted.within
        );
    }
    if let Some(sequence) = &spec.sequence {
        return format!("all {} steps of `sequence`", sequence.steps.len());
    }
    match (spec.lasting.is_some(), spec.count.is_some_and(|count| count.alerts > 1)) {
        (true, _) => "`when` and `for`".to_owned(),
        (false, true) => format!("`count` ({})", asked(&wanted, spec)),
        (false, false) => "`when`".to_owned(),
    }
}

/// Characters of a bot's name that are shown.
const BOT_NAMED_MAX_CHARS: usize = 64;

/// A bot as people tell it from others: an id by its ends, another vendor's name in full. What could be more than a name
/// (a link, a mention, markup, writing in another direction) is written out, and one that is long is cut.
fn bot_named(bot: &BotId) -> String {
    let text = bot.as_str();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return short(text);
    }
    let mut named = String::new();
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    for _ in 0..BOT_NAMED_MAX_CHARS {
        let Some(c) = rest.next() else { break };
        let is_more = match c {
            '.' => before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphabetic()),
            '/' => before == '/' || rest.peek() == Some(&'/'),
            c => !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | ':' | ' ' | ',' | '+' | '%' | '='),
        };
        if is_more {
            named.extend(c.escape_unicode())
        } else {
            named.push(c)
        }
        before = c;
    }
    if rest.peek().is_some() {
        named.push('…');
    }
    if named.contains(' ') { format!("“{named}”") } else { named }
}
