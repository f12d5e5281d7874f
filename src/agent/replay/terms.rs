//! Why `when` does not hold of an alert: the first of its terms that is false.
//!
//! A text is taken apart at `&&` where that is safe to see: outside brackets and quotes, and with no `||` and no `?`
//! beside it, which bind less. Each term is then checked and evaluated by itself as the whole would be, so that what is
//! said is true; what cannot be taken apart, or not be checked by itself, is told as a whole, or not at all.

use crate::config::Config;
use crate::domain::alert::Alert;
use crate::domain::condition::{
    BotLists, Condition, ConditionSpec, Lists, Macros, Matcher, Origins, Response, Vendors, Words,
};
use crate::domain::contract::Contracts;
use crate::domain::names::RunbookId;

/// Characters of a term that are told.
const TERM_SHOWN_MAX_CHARS: usize = 160;

/// What is needed to check a term by itself.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    bots: BotLists,
    lists: Lists,
    macros: Macros,
    vendors: Vendors,
    origins: Origins,
    contracts: Contracts,
}

impl Terms {
    pub(super) fn new(config: &Config) -> Self {
        let Words { bots, lists, macros, vendors, origins } = config.settings.words();
        Self {
            bots: bots.clone(),
            lists: lists.clone(),
            macros: macros.clone(),
            vendors: vendors.clone(),
            origins: origins.clone(),
            contracts: config.settings.contracts.clone(),
        }
    }

    /// The first false term of `text`, an expression of the condition, in words; `None` where none is found.
    pub(super) fn false_term(&self, text: &str, condition: &Condition, alert: &Alert) -> Option<String> {
        let term = conjuncts(text).into_iter().find(|term| self.is_false(term, condition, alert))?;
        let (bot, term) = (alert.bot.as_str(), one_line(term));
        let lists = lists_of(&term).into_iter().filter(|list| {
            self.bots.get(*list).is_some_and(|bots| !bots.iter().any(|known| known.as_str() == bot))
        });
        let lists: Vec<String> = lists.map(|list| format!("bots.{list}")).collect();
        let bots = match lists.as_slice() {
            [] => String::new(),
            [list] => format!(": its bot {bot} is not in {list}"),
            lists => format!(": its bot {bot} is in none of {}", lists.join(", ")),
        };
        let mut shown: String = term.chars().take(TERM_SHOWN_MAX_CHARS).collect();
        if shown.len() < term.len() {
            shown.push('…');
        }
        Some(format!("`{shown}` is false{bots}"))
    }

    fn is_false(&self, term: &str, condition: &Condition, alert: &Alert) -> bool {
        let Self { bots, lists, macros, vendors, origins, contracts } = self;
        let words = Words { bots, lists, macros, vendors, origins };
        let of = condition.spec();
        let spec = ConditionSpec::new(of.id.clone(), term.to_owned(), of.about.clone(), Response::Page);
        let Ok(alone) = Condition::compile_with(spec, words, contracts) else { return false };
        let verdicts = Matcher::new(vec![(RunbookId::new("term"), alone)]).verdicts(alert);
        verdicts.first().is_some_and(|verdict| verdict.when == Ok(false))
    }
}

/// The terms that must all be true, or the whole where it is not safe to take it apart.
fn conjuncts(text: &str) -> Vec<&str> {
    let whole = vec![text.trim()];
    let (mut terms, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    let mut rest = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map(|(_, next)| *next);
        match c {
            // A raw or a long text has rules of its own.
            '"' | '\'' if before.is_ascii_alphanumeric() => return whole,
            '"' | '\'' => {
                let mut escaped = false;
                let end = rest.find(|(_, inner)| {
                    let is_end = *inner == c && !escaped;
                    escaped = *inner == '\\' && !escaped;
                    is_end
                });
                let is_empty = end.is_some_and(|(end, _)| end == at.saturating_add(1));
                let again = rest.peek().is_some_and(|(_, again)| *again == c);
                if end.is_none() || (is_empty && again) {
                    return whole;
                }
            }
            '(' | '[' | '{' => depth = depth.saturating_add(1),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '/' if next == Some('/') => return whole,
            '|' | '?' if depth == 0 => return whole,
            '&' if depth == 0 && next == Some('&') => {
                terms.extend(text.get(from..at));
                rest.next();
                from = at.saturating_add(2);
            }
            _ => {}
        }
        before = c;
    }
    terms.extend(text.get(from..));
    terms.into_iter().map(str::trim).collect()
}

/// The lists of bots that a text names, each once.
fn lists_of(text: &str) -> Vec<&str> {
    let mut lists = Vec::new();
    for part in text.split("bots.").skip(1) {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        if let Some(list) = part.get(..end).filter(|list| !list.is_empty() && !lists.contains(list)) {
            lists.push(list);
        }
    }
    lists
}

/// No text in quotes goes over several lines.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_only_where_that_is_safe() {
        for (text, terms) in [
            ("a", vec!["a"]),
            (" a\n&& b && (c && d || e) ", vec!["a", "b", "(c && d || e)"]),
            (
                "a && b.exists(x, x && y) && c in [\"&&\", 'x\\'&&'] && d",
                vec!["a", "b.exists(x, x && y)", "c in [\"&&\", 'x\\'&&']", "d"],
            ),
            ("a && b || c", vec!["a && b || c"]),
            ("a && b ? c : d", vec!["a && b ? c : d"]),
            ("a && r'\\' && b", vec!["a && r'\\' && b"]),
            ("a && '''x' && ''' && b", vec!["a && '''x' && ''' && b"]),
            ("a // it's\n && b", vec!["a // it's\n && b"]),
            ("a == \"\" && b", vec!["a == \"\"", "b"]),
            ("a && 'open", vec!["a && 'open"]),
        ] {
            assert_eq!(conjuncts(text), terms, "{text}");
        }
    }

    #[test]
    fn lists_are_named_once() {
        let text = "alert.bot in bots.funding || alert.bot in bots.a_1 || (alert.bot in bots.funding)";
        assert_eq!(lists_of(text), ["funding", "a_1"]);
    }
}
