//! What may be written, judged before any store is touched: the same bounds for every store.
//!
//! A value of [`Checked`] exists only for a write within bounds; its body is already the exact text that
//! will be hashed and stored.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::fact::{Stream, Version, Write};

/// The longest body of a fact, as JSON text. An alert is 2 to 3 KB, a proposal with its simulation some
/// tens of KB; what is longer belongs in a file that the fact names by hash.
pub const FACT_BODY_MAX_BYTES: usize = 1024 * 1024;
/// The most facts one append takes, over all its streams.
pub const APPEND_FACTS_MAX: usize = 1_000;
/// The most body text one append takes, over all its facts: it is held in memory and in one transaction.
pub const APPEND_BODIES_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The longest name of a stream or a kind.
pub const NAME_MAX_BYTES: usize = 200;

/// A write within bounds.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) stream: Stream,
    pub(super) expected: Version,
    pub(super) facts: Vec<CheckedFact>,
}

#[derive(Debug)]
pub(super) struct CheckedFact {
    pub(super) kind: String,
    pub(super) at: Timestamp,
    pub(super) body: String,
}

/// Checks the writes of one append.
///
/// # Errors
/// The reason for refusing the whole append, for people.
pub(super) fn check(writes: Vec<Write>) -> Result<Vec<Checked>, String> {
    if writes.is_empty() {
        return Err("nothing to append".into());
    }
    let facts: usize = writes.iter().map(|write| write.facts.len()).sum();
    if facts > APPEND_FACTS_MAX {
        return Err(format!("{facts} facts in one append; at most {APPEND_FACTS_MAX} are taken"));
    }
    let mut streams = BTreeSet::new();
    let mut bytes: usize = 0;
    let mut checked = Vec::with_capacity(writes.len());
    for write in writes {
        let write = check_one(write)?;
        if !streams.insert(write.stream.clone()) {
            return Err(format!("stream {} is written twice in one append", write.stream));
        }
        bytes = bytes.saturating_add(write.facts.iter().map(|fact| fact.body.len()).sum());
        checked.push(write);
    }
    if bytes > APPEND_BODIES_MAX_BYTES {
        return Err(format!(
            "{bytes} bytes of bodies in one append; at most {APPEND_BODIES_MAX_BYTES} are taken"
        ));
    }
    Ok(checked)
}

fn check_one(write: Write) -> Result<Checked, String> {
    let Write { stream, expected, facts } = write;
    name("stream", stream.as_str())?;
    if facts.is_empty() {
        return Err(format!("no facts for stream {stream}"));
    }
    // Stores count in signed 64 bits.
    if i64::try_from(expected.0).is_err() {
        return Err(format!("version {expected} of stream {stream} is out of range"));
    }
    let mut checked = Vec::with_capacity(facts.len());
    for fact in facts {
        name("kind", &fact.kind)?;
        let body = fact.body.to_string();
        if body.len() > FACT_BODY_MAX_BYTES {
            return Err(format!(
                "a `{}` fact for stream {stream} has a body of {} bytes; at most {FACT_BODY_MAX_BYTES} are taken",
                fact.kind,
                body.len()
            ));
        }
        checked.push(CheckedFact { kind: fact.kind, at: fact.at, body });
    }
    Ok(Checked { stream, expected, facts: checked })
}

/// Names are read by people in terminals and tables: printable, without spaces around, not endless.
fn name(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() || text.trim() != text || text.chars().any(char::is_control) {
        return Err(format!("{text:?} is not the name of a {what}"));
    }
    if text.len() > NAME_MAX_BYTES {
        return Err(format!(
            "the name of a {what} has {} bytes; at most {NAME_MAX_BYTES} are taken",
            text.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fact::NewFact;
    use super::*;

    fn write(stream: &str, kind: &str, body: serde_json::Value, facts: usize) -> Write {
        let fact = NewFact { kind: kind.into(), at: Timestamp::UNIX_EPOCH, body };
        Write { stream: stream.into(), expected: Version(0), facts: vec![fact; facts] }
    }

    #[test]
    fn everything_out_of_bounds_is_refused_with_its_reason() {
        let long = "x".repeat(NAME_MAX_BYTES + 1);
        let body = |bytes: usize| json!("x".repeat(bytes - 2));
        let fits = vec![write("a", "k", body(FACT_BODY_MAX_BYTES), 16)];
        assert!(check(fits).is_ok(), "exactly at the bounds is taken");
        let mut past = write("a", "k", json!(1), 1);
        past.expected = Version(u64::MAX);
        for (writes, reason) in [
            (vec![], "nothing to append"),
            (vec![write("a", "k", json!(1), 0)], "no facts for stream a"),
            (vec![write("", "k", json!(1), 1)], r#""" is not the name of a stream"#),
            (vec![write("a\n", "k", json!(1), 1)], r#""a\n" is not the name of a stream"#),
            (vec![write("a", " k", json!(1), 1)], r#"" k" is not the name of a kind"#),
            (vec![write(&long, "k", json!(1), 1)], "has 201 bytes; at most 200 are taken"),
            (vec![write("a", "k", json!(1), 1), write("a", "k", json!(1), 1)], "stream a is written twice"),
            (vec![write("a", "k", json!(1), 1001)], "1001 facts in one append; at most 1000"),
            (vec![write("a", "k", body(FACT_BODY_MAX_BYTES + 1), 1)], "a body of 1048577 bytes"),
            (vec![write("a", "k", body(FACT_BODY_MAX_BYTES), 17)], "bytes of bodies in one append"),
            (vec![past], "is out of range"),
        ] {
            let refused = check(writes).unwrap_err();
            assert!(refused.contains(reason), "{refused} / {reason}");
        }
    }
}
