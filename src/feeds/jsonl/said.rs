//! What one line says: nothing, one alert, or several.
//!
//! An alert is tried first, so that lines of one alert cost what they cost; only an object that is none is looked at as a batch, by
//! the code that takes a webhook's bodies apart. A malformed alert within a batch costs itself alone.

use super::lines::{LINE_MAX_BYTES, Line};
use crate::domain::alert::Alert;
use crate::domain::names::FeedName;
use crate::feeds::batch::parts;
use crate::feeds::delivery::Rejected;
use crate::feeds::forta_wire::{ALERT_BODY_MAX_BYTES, Malformed, parse_alert};

/// What a line says.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart line by line: a box would cost each plain alert"
)]
pub(super) enum Said {
    /// It is blank.
    Nothing,
    /// One alert, or a line that is none.
    One(Result<Alert, Rejected>),
    /// The alerts of a batch, in their order; it may have none, and metrics only.
    Several(Vec<Result<Alert, Rejected>>),
}

/// Reads line `number`.
pub(super) fn of(line: &Line, number: u64, feed: &FeedName, authenticated: bool) -> Said {
    let text = line.text();
    let no_single = line.is_no_single_alert();
    if !no_single && text.iter().all(u8::is_ascii_whitespace) {
        return Said::Nothing;
    }
    let rejected = |malformed| Said::One(Err(Rejected::malformed(Some(number), malformed, text)));
    let malformed = if line.is_too_long() {
        return rejected(Malformed::new(format!(
            "the line, in bytes: over LINE_MAX_BYTES ({LINE_MAX_BYTES}); one alert may have ALERT_BODY_MAX_BYTES \
             ({ALERT_BODY_MAX_BYTES})"
        )));
    } else if no_single {
        Malformed::over("the line, in bytes", "ALERT_BODY_MAX_BYTES", ALERT_BODY_MAX_BYTES)
    } else {
        match parse_alert(text, feed, authenticated) {
            Ok(alert) => return Said::One(Ok(alert)),
            Err(malformed) => malformed,
        }
    };
    // No node writes bare lists: a line that is one was damaged, or made by mistake.
    let found = if text.trim_ascii_start().starts_with(b"{") { parts(text) } else { Ok(None) };
    match found {
        Ok(None) => rejected(malformed),
        Err(refused) => rejected(refused.into_malformed()),
        Ok(Some(parts)) => {
            let of = parts.len();
            let read = |(place, raw): (usize, &[u8])| {
                parse_alert(raw, feed, authenticated).map_err(|malformed| {
                    let reason = format!("alert {place} of {of} in the line: {}", malformed.reason);
                    Rejected::new(Some(number), reason, raw)
                })
            };
            Said::Several((1..).zip(parts).map(read).collect())
        }
    }
}
