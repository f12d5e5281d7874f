//! `REDHANDLE__SECTION__KEY=value`: settings from the environment, laid over a file.
//!
//! A variable sets one scalar. Its segments are keys, in any case, with `_` for `-`; an element of a list of
//! tables is found by its `name`. It cannot introduce a chain or a Safe that the file does not name: a slip in
//! a name must not become a second one. Unknown keys are found later, by whoever reads the table.

use super::node::{Entry, Node, Value};
use crate::config::environment::{Environment, PREFIX};
use crate::config::problem::{Findings, Place, Problem};

/// The sections whose entries have names that people choose.
const NAMED: [&str; 4] = ["chains", "contracts", "safes", "channels"];

/// Lays the environment's settings over those of the file.
pub(crate) fn lay(root: &mut Vec<Entry>, environment: &Environment, findings: &mut Findings) {
    for (variable, text) in environment.overrides() {
        let place = Place::Variable { name: variable.into() };
        let outcome = match text {
            Some(text) => {
                let path: Vec<&str> = variable.trim_start_matches(PREFIX).split("__").collect();
                set(root, &path, text, &place, None)
            }
            None => Err(Problem::new(&place, "it is set to bytes that are no text")),
        };
        if let Err(problem) = outcome {
            findings.problem(problem);
        }
    }
}

fn set(
    entries: &mut Vec<Entry>,
    path: &[&str],
    text: &str,
    place: &Place,
    section: Option<&str>,
) -> Result<(), Problem> {
    let Some((segment, rest)) = path.split_first().filter(|(segment, _)| !segment.is_empty()) else {
        return Err(Problem::new(place, "it names no setting").wanted(format!("{PREFIX}SECTION__KEY")));
    };
    let alike = entries.iter().filter(|entry| same(&entry.key, segment));
    let alike: Vec<&str> = alike.map(|entry| entry.key.as_str()).collect();
    if alike.len() > 1 {
        let found = format!("\"{segment}\" stands for each of {}", alike.join(", "));
        return Err(
            Problem::new(place, found).remedy("give them names that differ in more than case, - and _")
        );
    }
    let named = section.is_some_and(|section| NAMED.contains(&section));
    let Some(index) = entries.iter().position(|entry| same(&entry.key, segment)) else {
        if named {
            let known: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
            let section = section.unwrap_or_default();
            let found = format!("[{section}.{}] is not in the file", segment.to_lowercase());
            return Err(Problem::new(place, found).wanted(one_of(&known)).near(segment, known));
        }
        let value = if rest.is_empty() {
            Value::String(text.to_owned())
        } else {
            let mut inner = Vec::new();
            set(&mut inner, rest, text, place, None)?;
            Value::Table(inner)
        };
        let node = Node { place: place.clone(), value };
        entries.push(Entry { key: segment.to_lowercase(), place: place.clone(), node });
        return Ok(());
    };
    let Some(entry) = entries.get_mut(index) else { return Ok(()) };
    let key = entry.key.clone();
    match (&mut entry.node.value, rest) {
        (Value::Table(inner), [_, ..]) => set(inner, rest, text, place, section.is_none().then_some(&key)),
        (Value::Array(items), [name, rest @ ..]) => set_in_list(items, &key, name, rest, text, place),
        (Value::Table(_) | Value::Array(_), []) => {
            let found = format!("\"{key}\" is {}", entry.node.value.kind());
            Err(Problem::new(place, found).wanted("one setting: a variable cannot replace several"))
        }
        (
            Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_),
            [deeper, ..],
        ) => {
            let found = format!("\"{key}\" is {} and has no key \"{deeper}\"", entry.node.value.kind());
            Err(Problem::new(place, found))
        }
        (scalar, []) => {
            *scalar = Value::String(text.to_owned());
            entry.node.place = place.clone();
            Ok(())
        }
    }
}

fn set_in_list(
    items: &mut [Node],
    list: &str,
    name: &str,
    rest: &[&str],
    text: &str,
    place: &Place,
) -> Result<(), Problem> {
    let mut known = Vec::new();
    for item in items {
        let Value::Table(inner) = &mut item.value else { continue };
        let own = inner.iter().find(|entry| entry.key == "name").map(|entry| &entry.node.value);
        let Some(Value::String(own)) = own else { continue };
        if same(own, name) {
            return set(inner, rest, text, place, None);
        }
        known.push(own.clone());
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let found = format!("[[{list}]] named \"{}\" is not in the file", name.to_lowercase());
    Err(Problem::new(place, found).wanted(one_of(&known)).near(name, known))
}

/// A variable's segment and a key: the case does not matter, and variables have no `-`.
fn same(key: &str, segment: &str) -> bool {
    key.replace('-', "_").eq_ignore_ascii_case(&segment.replace('-', "_"))
}

/// A list for a reader.
pub(crate) fn one_of(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [only] => (*only).to_owned(),
        several => format!("one of {}", several.join(", ")),
    }
}
