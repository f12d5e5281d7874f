//! Which alert's story is wanted: named by its hash, by the beginning of it, or by its ends as tables shorten it.
//!
//! One reading is enough: the story begins with the first alert that fits, and others that fit are remembered by their
//! hashes, [`OTHERS_TOLD_MAX`] at most, so that what is not unique is known as such once all is read. *Invariant.*
//! Nothing is told of an alert before it came, so that whoever has exactly this hash may still take the place of one
//! that only begins so.

use std::collections::BTreeSet;

use crate::domain::alert::AlertHash;

/// Digits of a hash that are enough to name it by, where no other has them.
pub const HASH_DIGITS_MIN: usize = 6;
/// Other alerts with these digits that are told.
pub const OTHERS_TOLD_MAX: usize = 19;

/// What was asked for, and which alerts fit.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    head: String,
    tail: String,
    /// It is more than the beginning and the end of a hash, or may be.
    is_shortened: bool,
    found: Option<(AlertHash, Fit)>,
    others: BTreeSet<AlertHash>,
    others_beyond: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// It has these digits among others.
    Part,
    /// It is this hash.
    Whole,
}

/// What an alert that comes is to the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// The story is, or begins, this alert's; whatever was told is another's where `anew`.
    Own {
        /// Nothing of it was told yet.
        anew: bool,
    },
    /// Not this one's.
    Other,
}

impl Asked {
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim();
        let ends = text.split_once('…').or_else(|| text.split_once("..."));
        let (head, tail) = ends.unwrap_or((text, ""));
        Self {
            head: bare(head).to_owned(),
            tail: tail.to_owned(),
            is_shortened: ends.is_some(),
            found: None,
            others: BTreeSet::new(),
            others_beyond: false,
        }
    }

    /// Heeds an alert that comes.
    pub(super) fn meet(&mut self, hash: &AlertHash) -> Met {
        let Some(fit) = self.fit(&hash.0) else { return Met::Other };
        match &self.found {
            Some((found, _)) if found == hash => Met::Own { anew: false },
            Some((_, Fit::Part)) if fit == Fit::Whole => {
                self.others.clear();
                self.others_beyond = false;
                self.found = Some((hash.clone(), fit));
                Met::Own { anew: true }
            }
            Some((_, found)) => {
                if *found == fit && !self.others.contains(hash) {
                    if self.others.len() < OTHERS_TOLD_MAX {
                        self.others.insert(hash.clone());
                    } else {
                        self.others_beyond = true;
                    }
                }
                Met::Other
            }
            None => {
                self.found = Some((hash.clone(), fit));
                Met::Own { anew: true }
            }
        }
    }

    /// Whose story it is.
    pub(super) fn found(&self) -> Option<&AlertHash> {
        self.found.as_ref().map(|(hash, _)| hash)
    }

    /// Others with these digits, and whether there are more than are told.
    pub(super) fn others(self) -> (Vec<AlertHash>, bool) {
        (self.others.into_iter().collect(), self.others_beyond)
    }

    fn fit(&self, hash: &str) -> Option<Fit> {
        let hash = bare(hash);
        if !self.is_shortened && hash.eq_ignore_ascii_case(&self.head) {
            return Some(Fit::Whole);
        }
        let (head, tail) = (self.head.len(), self.tail.len());
        let digits = head.saturating_add(tail);
        if digits < HASH_DIGITS_MIN || hash.len() < digits {
            return None;
        }
        let begins = hash.get(..head)?.eq_ignore_ascii_case(&self.head);
        let ends = hash.get(hash.len().checked_sub(tail)?..)?.eq_ignore_ascii_case(&self.tail);
        (begins && ends).then_some(Fit::Part)
    }
}

/// Without `0x`.
fn bare(hash: &str) -> &str {
    hash.strip_prefix("0x").or_else(|| hash.strip_prefix("0X")).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0x9adaa6a8bb7a00726d902ce7eff2c83dfa9c42de4cabe7dab6f8dd66e969aeb7";
    const OTHER: &str = "0x9adaa6a9bb7a00726d902ce7eff2c83dfa9c42de4cabe7dab6f8dd66e969aeb7";

    fn meet(asked: &mut Asked, hash: &str) -> Met {
        asked.meet(&AlertHash(hash.to_owned()))
    }

    #[test]
    fn a_hash_is_named_by_its_beginning_or_its_ends() {
        let long = ONE.to_ascii_uppercase();
        for named in [
            ONE,
            &long,
            &ONE[2..],
            "0x9adaa6a8",
            "9ADAA6",
            "0X9AdAa6a8b",
            "0x9adaa6a8…69aeb7",
            "9adaa6a8...69aeb7",
            " 0x9ADAA6A8…69AEB7 ",
        ] {
            assert_eq!(meet(&mut Asked::new(named), ONE), Met::Own { anew: true }, "{named}");
        }
        for not in ["0x9adaa", "0x9adaa6a8…69aeb8", "9adaa6b", "…", "", "0x", "daa6a8", &format!("{ONE}0")]
        {
            assert_eq!(meet(&mut Asked::new(not), ONE), Met::Other, "{not}");
        }
        // Ends that overlap are not those of a hash so short.
        assert_eq!(meet(&mut Asked::new("0xabcdef…def"), "0xabcdef"), Met::Other);
    }

    #[test]
    fn what_several_have_is_not_unique_but_a_whole_hash_is() {
        let mut asked = Asked::new("0x9adaa6");
        assert_eq!(meet(&mut asked, ONE), Met::Own { anew: true });
        assert_eq!(meet(&mut asked, OTHER), Met::Other);
        assert_eq!(meet(&mut asked, ONE), Met::Own { anew: false });
        assert_eq!(asked.others(), (vec![AlertHash(OTHER.to_owned())], false));

        let mut asked = Asked::new("abcdef");
        meet(&mut asked, "abcdef1");
        meet(&mut asked, "abcdef2");
        assert_eq!(meet(&mut asked, "abcdef"), Met::Own { anew: true }, "exactly this one");
        assert_eq!(meet(&mut asked, "abcdef3"), Met::Other);
        assert_eq!(asked.others(), (Vec::new(), false));

        let mut asked = Asked::new("abcdef");
        for n in (0..30).chain(0..30) {
            meet(&mut asked, &format!("abcdef{n}"));
        }
        let (others, beyond) = asked.others();
        assert_eq!((others.len(), beyond), (OTHERS_TOLD_MAX, true), "memory is bounded");
    }
}
