//! For how long, as people write it on a command line: `30m`, `4h`, `1h 30m`, and whole days, `2d`.
//!
//! Whether a silence may be that long is not decided here.

use jiff::SignedDuration;

/// A text that is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a length of time such as 30m, 4h or 2d")]
pub struct NoLength;

/// Reads a length of time. A day is 24 hours.
///
/// # Errors
/// It is none.
pub fn length_of(text: &str) -> Result<SignedDuration, NoLength> {
    let text = text.trim();
    let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<i64>().ok());
    let read = match days {
        Some(days) => days.checked_mul(24).and_then(SignedDuration::try_from_hours),
        None => text.parse().ok(),
    };
    read.ok_or(NoLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_days_are_24_hours() {
        for (text, hours) in [("4h", 4), (" 2d ", 48), ("2 d", 48), ("PT3H", 3), ("-1d", -24)] {
            assert_eq!(length_of(text), Ok(SignedDuration::from_hours(hours)), "{text}");
        }
        for odd in ["", "d", "soon", "4", "9223372036854775807d", "1.5d", "2d 3h"] {
            assert_eq!(length_of(odd), Err(NoLength), "{odd}");
        }
    }
}
