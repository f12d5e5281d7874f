//! The hash chain: what a fact's hash covers, and how checked writes become entries.
//!
//! `hash = SHA-256(DOMAIN ‖ prev ‖ seq ‖ stream ‖ version ‖ at ‖ kind ‖ body)`, each field after `prev`
//! preceded by its length in bytes as a big-endian u64 (numbers are 8 big-endian bytes, `at` is RFC 3339
//! text in UTC). Lengths make the fields inseparable from their borders: moving a byte from one field to its
//! neighbour changes the hash. Pure; the same for every store.

use sha2::{Digest, Sha256};

use super::fact::{Entry, FactHash, Head, Stream, Version};
use super::write::{Checked, CheckedFact};

/// Separates these hashes from every other use of SHA-256. A new layout takes a new number.
const DOMAIN: &[u8] = b"redhandle/journal/fact/1\n";

/// The hash an entry must carry, given its other fields.
pub(super) fn hash_of(entry: &Entry) -> FactHash {
    let mut sha = Sha256::new();
    sha.update(DOMAIN);
    sha.update(entry.prev.0);
    let (seq, version) = (entry.seq.to_be_bytes(), entry.version.0.to_be_bytes());
    let at = entry.at.to_string();
    let fields: [&[u8]; 6] = [
        &seq,
        entry.stream.as_str().as_bytes(),
        &version,
        at.as_bytes(),
        entry.kind.as_bytes(),
        entry.body.as_bytes(),
    ];
    for field in fields {
        sha.update((field.len() as u64).to_be_bytes());
        sha.update(field);
    }
    FactHash(sha.finalize().into())
}

/// Says how an entry's content and the hash it carries disagree, if they do.
pub(super) fn disagreement(entry: &Entry) -> Option<String> {
    let hash = hash_of(entry);
    (hash != entry.hash).then(|| format!("its content hashes to {hash}, but it carries {}", entry.hash))
}

/// Lines checked writes up behind `head`. The caller has compared every expected version.
pub(super) fn link(head: Head, writes: &[Checked]) -> Vec<Entry> {
    let mut head = head;
    let mut entries = Vec::new();
    for write in writes {
        let mut version = write.expected;
        for fact in &write.facts {
            version = Version(version.0.saturating_add(1));
            let entry = next(head, &write.stream, version, fact);
            head = entry.head();
            entries.push(entry);
        }
    }
    entries
}

fn next(head: Head, stream: &Stream, version: Version, fact: &CheckedFact) -> Entry {
    let mut entry = Entry {
        seq: head.seq.saturating_add(1),
        stream: stream.clone(),
        version,
        at: fact.at,
        kind: fact.kind.clone(),
        body: fact.body.clone(),
        prev: head.hash,
        hash: FactHash::GENESIS,
    };
    entry.hash = hash_of(&entry);
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            seq: 1,
            stream: "incident/INC-7".into(),
            version: Version(1),
            at: "2026-11-21T03:00:00.5Z".parse().unwrap(),
            kind: "opened".into(),
            body: r#"{"severity":"emergency"}"#.into(),
            prev: FactHash::GENESIS,
            hash: FactHash::GENESIS,
        }
    }

    /// Both were computed with another implementation of SHA-256, from the words at the top of this file. Journals
    /// on disk depend on them: they never change.
    #[test]
    fn the_layout_is_fixed() {
        let first = entry();
        let prev = hash_of(&first);
        assert_eq!(prev.to_string(), "b7c4e4e13f72ea782ab89499a6e6f4991c0757ece54d3ab364ddc3ec7edc5ceb");
        let second = Entry {
            seq: 2,
            stream: "feed/é".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            kind: "cursor".into(),
            body: "null".into(),
            prev,
            ..first
        };
        let hash = hash_of(&second).to_string();
        assert_eq!(hash, "08b2aa0989ce673937a9b2d4b99bd375625f0884e6da455a4889a5b9540b4b5d");
    }

    #[test]
    fn every_field_and_every_border_counts() {
        let base = entry();
        let changed = [
            Entry { seq: 2, ..base.clone() },
            Entry { stream: "incident/INC-8".into(), ..base.clone() },
            Entry { version: Version(2), ..base.clone() },
            Entry { at: "2026-11-21T03:00:00.500000001Z".parse().unwrap(), ..base.clone() },
            Entry { kind: "Opened".into(), ..base.clone() },
            Entry { body: r#"{"severity":"incident"}"#.into(), ..base.clone() },
            Entry { prev: FactHash([1; 32]), ..base.clone() },
            Entry { kind: "opene".into(), body: format!("d{}", base.body), ..base.clone() },
        ];
        for entry in changed {
            assert_ne!(hash_of(&entry), hash_of(&base), "{entry:?}");
        }
    }
}
