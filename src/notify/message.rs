//! What is to be told, before any channel gives it a form.
//!
//! Texts may hold what an attacker wrote in an alert: each channel escapes them for its own surface, and none
//! trusts their length.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use url::Url;

use crate::domain::names::PersonId;
use crate::domain::text;

/// Lines of a message that are shown; a longer one says how many are not.
pub const LINES_SHOWN_MAX: usize = 60;
/// Characters of a title, a label or a value that are shown.
pub const TEXT_SHOWN_MAX_CHARS: usize = 2_000;

/// What a message is, derived from what it is for: sending it twice carries the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MessageId(pub String);

/// Whether it is meant to wake someone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is.
    Page,
    /// It is not.
    Notice,
}

impl Kind {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "PAGE",
            Self::Notice => "NOTICE",
        }
    }
}

/// One thing to know: `Chain: mainnet (1)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about: `Chain`, `Safe`, `Call`, `Needed`.
    pub label: String,
    /// What it is.
    pub value: String,
}

impl Line {
    /// Makes a line.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// Whom it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The person's id in the roster.
    pub person: PersonId,
    /// How they are called.
    pub name: String,
}

/// A page or a notice to one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it is; the same each time it is sent.
    pub id: MessageId,
    /// Page or notice.
    pub kind: Kind,
    /// The incident, `INC-7`.
    pub incident: String,
    /// Its severity: `normal`, `incident`, `emergency`.
    pub severity: String,
    /// One sentence: what happened.
    pub title: String,
    /// What else to know, in the order to read it.
    pub lines: Vec<Line>,
    /// Where to acknowledge it.
    pub ack_url: Option<Url>,
    /// Whom it is for.
    pub to: Recipient,
    /// When it was decided to tell them.
    pub at: Timestamp,
    /// The recipient's time zone.
    pub zone: TimeZone,
}

impl Message {
    /// `PAGE · EMERGENCY · INC-7`. Not escaped.
    pub fn heading(&self) -> String {
        format!("{} · {} · {}", self.kind.name(), self.severity.to_uppercase(), self.incident)
    }

    /// When, in the recipient's zone and in UTC.
    pub fn when(&self) -> String {
        let utc = self.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        if self.zone == TimeZone::UTC {
            return utc.to_string();
        }
        let local = self.at.to_zoned(self.zone.clone());
        format!("{} · {utc}", local.strftime("%a %Y-%m-%d %H:%M:%S %Z"))
    }

    /// The lines within bounds, and a last one that says what is missing. Not escaped.
    pub fn shown(&self) -> Vec<Line> {
        let cut = |line: &Line| Line {
            label: text::cut(&line.label, TEXT_SHOWN_MAX_CHARS),
            value: text::cut(&line.value, TEXT_SHOWN_MAX_CHARS),
        };
        let mut shown: Vec<Line> = self.lines.iter().take(LINES_SHOWN_MAX).map(cut).collect();
        let missing = self.lines.len().saturating_sub(shown.len());
        if missing > 0 {
            shown.push(Line::new("Not shown", format!("{missing} more lines")));
        }
        shown
    }

    /// The title within bounds. Not escaped.
    pub fn title_shown(&self) -> String {
        text::cut(&self.title, TEXT_SHOWN_MAX_CHARS)
    }
}
