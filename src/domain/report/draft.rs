//! A report as somebody wrote it, and as it is taken: every problem at once.

use serde::Serialize;

use super::ReportSource;
use crate::domain::names::RunbookId;
use crate::domain::runbook::Severity;

/// Characters of a title at most: it is one line of a page.
pub const TITLE_MAX_CHARS: usize = 200;

/// Characters of a contact at most.
pub const CONTACT_MAX_CHARS: usize = 500;

/// Bytes of a text at most.
pub const TEXT_MAX_BYTES: usize = 32 * 1024;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Which.
    pub field: String,
    /// What, and what was expected.
    pub problem: String,
}

impl FieldProblem {
    /// A problem with a field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// A report as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Who speaks.
    pub source: Option<String>,
    /// One line.
    pub title: Option<String>,
    /// The rest.
    pub text: Option<String>,
    /// How they are reached.
    pub contact: Option<String>,
    /// How bad.
    pub severity: Option<String>,
    /// The runbook that answers it.
    pub runbook: Option<String>,
}

/// A report that can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who speaks.
    pub source: ReportSource,
    /// One line.
    pub title: String,
    /// The rest, as it was written.
    pub text: Option<String>,
    /// How they are reached, as they gave it.
    pub contact: Option<String>,
    /// How bad; none: the runbook's, and in doubt emergency.
    pub severity: Option<Severity>,
    /// The runbook that answers it.
    pub runbook: Option<RunbookId>,
}

impl Draft {
    /// The report, or everything that is wrong with it. A sender whose source is fixed (`source`) need not name one and
    /// cannot name another; only one who is `vouched` for says how bad it is and which runbook answers it.
    ///
    /// # Errors
    /// Every problem.
    pub fn check(self, source: Option<ReportSource>, vouched: bool) -> Result<Report, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, problem: String| problems.push(FieldProblem::new(field, problem));
        let named = self.source.as_deref().map(str::trim).filter(|word| !word.is_empty());
        let expected = || format!("expected one of {}", ReportSource::words());
        let source = match (named.map(ReportSource::of_word), source) {
            (None, Some(fixed)) => Some(fixed),
            (Some(Some(named)), Some(fixed)) if named == fixed => Some(fixed),
            (Some(_), Some(fixed)) => {
                wrong("source", format!("this sender speaks as \"{}\"; leave it away", fixed.as_str()));
                None
            }
            (Some(Some(named)), None) => Some(named),
            (Some(None), None) => {
                wrong("source", format!("it is not known; {}", expected()));
                None
            }
            (None, None) => {
                wrong("source", format!("it is missing; {}", expected()));
                None
            }
        };
        let title = match line(self.title.as_deref(), TITLE_MAX_CHARS) {
            Ok(Some(title)) => Some(title),
            Ok(None) => {
                wrong("title", "it is missing; expected what is wrong, in one line".to_owned());
                None
            }
            Err(problem) => {
                wrong("title", problem);
                None
            }
        };
        let contact = line(self.contact.as_deref(), CONTACT_MAX_CHARS).unwrap_or_else(|problem| {
            wrong("contact", problem);
            None
        });
        let text = self.text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if let Some(bytes) = text.as_ref().map(String::len).filter(|bytes| *bytes > TEXT_MAX_BYTES) {
            wrong(
                "text",
                format!("{bytes} bytes are too many; {TEXT_MAX_BYTES} at most, attach the rest as a file"),
            );
        }
        let given = |field: Option<String>| field.filter(|text| !text.trim().is_empty());
        let (severity, runbook) = (given(self.severity), given(self.runbook));
        let known = severity.as_deref().map(severity_of);
        if known == Some(None) {
            wrong("severity", "it is not known; expected normal, incident or emergency".to_owned());
        }
        if !vouched {
            for (field, said) in [("severity", severity.is_some()), ("runbook", runbook.is_some())] {
                if said {
                    wrong(field, "only a sender with a token says that; leave it away".to_owned());
                }
            }
        }
        match (source, title) {
            (Some(source), Some(title)) if problems.is_empty() => Ok(Report {
                source,
                title,
                text,
                contact,
                severity: known.flatten(),
                runbook: runbook.map(|id| RunbookId::new(id.trim())),
            }),
            _incomplete => Err(problems),
        }
    }
}

fn severity_of(word: &str) -> Option<Severity> {
    match word.trim() {
        "normal" => Some(Severity::Normal),
        "incident" => Some(Severity::Incident),
        "emergency" => Some(Severity::Emergency),
        _unknown => None,
    }
}

fn line(text: Option<&str>, chars_max: usize) -> Result<Option<String>, String> {
    let text = text.map(str::trim).unwrap_or_default();
    let chars = text.chars().count();
    if chars == 0 {
        return Ok(None);
    }
    if text.contains(['\n', '\r']) {
        return Err("expected one line".to_owned());
    }
    if chars > chars_max {
        return Err(format!(
            "{chars} characters are too many; {chars_max} at most, the rest belongs into the text"
        ));
    }
    Ok(Some(text.to_owned()))
}

/// A title and a text from what was written without a title: the first line, cut at a bound, and everything.
pub fn title_from(written: &str) -> (String, Option<String>) {
    let written = written.trim();
    let first = written.split(['\n', '\r']).next().unwrap_or_default().trim();
    let title: String = first.chars().take(TITLE_MAX_CHARS).collect();
    let text = (title.len() < written.len()).then(|| written.to_owned());
    (title, text)
}
