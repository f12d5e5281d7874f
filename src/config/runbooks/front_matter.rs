//! A runbook's two parts: TOML between two `+++` lines, and prose.

use std::ops::Range;

use crate::config::problem::{Findings, Problem};
use crate::config::reader::Source;

/// What the front matter begins and ends with.
const FENCE: &str = "+++";

/// Where the parts lie in the file, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) front_matter: Range<usize>,
    pub(super) prose: Range<usize>,
}

/// Whether the file begins as a runbook does.
pub(super) fn begins(text: &str) -> bool {
    text.lines().next().is_some_and(|first| first.trim_end() == FENCE)
}

/// Finds the parts.
pub(super) fn split(source: &Source, findings: &mut Findings) -> Option<Parts> {
    if !begins(&source.text) {
        let problem = Problem::new(&source.place(0), "the file does not begin with front matter");
        findings.problem(problem.wanted(format!("TOML between two lines that are {FENCE}")));
        return None;
    }
    let mut offset = 0;
    let mut start = None;
    for line in source.text.split_inclusive('\n') {
        let next = offset + line.len();
        if line.trim_end() == FENCE {
            match start {
                None => start = Some(next),
                Some(start) => {
                    return Some(Parts { front_matter: start..offset, prose: next..source.text.len() });
                }
            }
        }
        offset = next;
    }
    let problem = Problem::new(&source.place(0), "the front matter does not end");
    findings.problem(problem.wanted(format!("a second line that is {FENCE}")));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<(String, String)>, String) {
        let source = Source { file: "runbooks/a.md".into(), text: text.to_owned() };
        let mut findings = Findings::default();
        let parts = split(&source, &mut findings);
        let parts = parts.map(|parts| (text[parts.front_matter].to_owned(), text[parts.prose].to_owned()));
        (parts, findings.conclude().map_or_else(|problems| problems.to_string(), |_| String::new()))
    }

    #[test]
    fn the_parts_are_between_and_after_the_fences() {
        let table = [
            ("+++\nid = 1\n+++\n# A\n", "id = 1\n", "# A\n"),
            ("+++\r\nid = 1\r\n+++\r\n# A", "id = 1\r\n", "# A"),
            ("+++\n+++", "", ""),
            ("+++\na = '+++'\n+++\n+++\n", "a = '+++'\n", "+++\n"),
        ];
        for (text, front_matter, prose) in table {
            assert_eq!(parts(text).0, Some((front_matter.to_owned(), prose.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn front_matter_that_is_missing_or_does_not_end_is_told() {
        let told: Vec<String> =
            ["", "# Pause\n", "+++\nid = 1\n# Pause\n"].into_iter().map(|text| parts(text).1).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        runbooks/a.md:1:1: the file does not begin with front matter; expected TOML between two lines that are +++
        runbooks/a.md:1:1: the file does not begin with front matter; expected TOML between two lines that are +++
        runbooks/a.md:1:1: the front matter does not end; expected a second line that is +++
        ");
    }
}
