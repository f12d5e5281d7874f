//! What a person reads: the title and the sections every runbook has.

use crate::config::problem::{Findings, Problem};
use crate::config::reader::Source;

/// What somebody who was just woken looks for.
const SECTIONS: [&str; 3] = ["When to use this", "Decide", "After"];

/// The first heading of the first level; sections that are missing are warnings.
pub(super) fn read(source: &Source, start: usize, findings: &mut Findings) -> Option<String> {
    let prose = source.text.get(start..).unwrap_or_default();
    let headings: Vec<(usize, &str)> = headings(prose).collect();
    let place = source.place(start);
    let title = headings.iter().find(|(level, _)| *level == 1).map(|(_, text)| (*text).to_owned());
    if title.is_none() {
        findings.warning(
            Problem::new(&place, "the runbook has no title").wanted("a heading such as # Pause the vault"),
        );
    }
    for section in SECTIONS {
        if !headings.iter().any(|(level, text)| *level == 2 && text.eq_ignore_ascii_case(section)) {
            let found = format!("the section \"{section}\" is missing");
            findings.warning(Problem::new(&place, found).wanted(format!("a heading ## {section}")));
        }
    }
    title
}

/// Levels and texts of headings; what stands in a code block is none.
fn headings(prose: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    prose.lines().filter_map(move |line| {
        let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        in_code ^= is_fence;
        let text = line.trim_start_matches('#');
        let level = line.len() - text.len();
        (!in_code && (1..=6).contains(&level) && text.starts_with(' ')).then(|| (level, text.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_lines_that_begin_with_hashes_outside_of_code() {
        let prose = "# Pause\ntext # no\n```sh\n# comment\n```\n## Decide \n#hash\n####### seven\n";
        assert_eq!(headings(prose).collect::<Vec<_>>(), [(1, "Pause"), (2, "Decide")]);
    }

    #[test]
    fn missing_sections_are_warnings() {
        let text = "+++\n+++\n## Decide\n";
        let source = Source { file: "runbooks/a.md".into(), text: text.to_owned() };
        let mut findings = Findings::default();
        assert_eq!(read(&source, 8, &mut findings), None);
        insta::assert_snapshot!(findings.conclude().unwrap(), @r#"
        runbooks/a.md:3:1: the runbook has no title; expected a heading such as # Pause the vault
        runbooks/a.md:3:1: the section "After" is missing; expected a heading ## After
        runbooks/a.md:3:1: the section "When to use this" is missing; expected a heading ## When to use this
        "#);
    }
}
