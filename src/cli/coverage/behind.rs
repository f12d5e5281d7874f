//! Who stands behind the owners of a Safe whose owners are Safes, as an indented tree.

use crate::cli::output::{Look, Output};
use crate::domain::roster::{NestedCoverage, OwnerCoverage};
use crate::domain::text::terminal;

/// One line an owner, deeper ones further in; then the fewest people who suffice.
pub fn lines(nested: &NestedCoverage, out: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(out.look("  behind the owners", Look::Dim));
    for owner in &nested.owners {
        below(owner, 2, out, &mut lines);
    }
    if !nested.fewest.is_empty() {
        let people: Vec<_> = nested.fewest.iter().map(|person| terminal(person.as_str())).collect();
        lines.push(out.look(&format!("  the fewest who suffice: {}", people.join(", ")), Look::Plain));
    }
    lines
}

fn below(owner: &OwnerCoverage, depth: usize, out: &Output, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let (word, look) = match owner.able {
        Some(true) => ("can sign", Look::Plain),
        Some(false) => ("cannot", Look::Dim),
        None => ("UNKNOWN", Look::Bad),
    };
    let what = match (&owner.threshold, &owner.version, &owner.person) {
        (Some(threshold), Some(version), _) => {
            format!("Safe {version}, {threshold} of {}", owner.owners.len())
        }
        (_, _, Some(person)) => terminal(person.as_str()),
        (_, _, None) if owner.kind == "key" => "nobody who could be woken".to_owned(),
        (_, _, None) => terminal(&owner.kind),
    };
    lines.push(out.look(&format!("{indent}{}  {word:<8}  {what}", owner.owner), look));
    for deeper in &owner.owners {
        below(deeper, depth + 1, out, lines);
    }
}
