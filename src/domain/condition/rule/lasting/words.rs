//! What was said of one state since its last known end.
//!
//! The first word began it, and carries what came of it. The others count once an end between them is told late: the
//! state has begun anew with the first word after that end, and nobody may say so again.

use super::super::super::window::{Entry, Mark};

/// Most words kept beside the first; beyond, the earliest of them goes, and a state that is found to have begun anew
/// begins with the next one.
pub(super) const WORDS_MAX: usize = 8;

/// One state about one contract.
#[derive(Clone, Debug)]
pub(super) struct Words {
    first: Entry,
    /// By event time, none before the first.
    later: Vec<Entry>,
}

impl Words {
    pub(super) fn new(first: Entry) -> Self {
        Self { first, later: Vec::new() }
    }

    /// The word that began it.
    pub(super) fn first_mut(&mut self) -> &mut Entry {
        &mut self.first
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.first).chain(&self.later)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        std::iter::once(&mut self.first).chain(&mut self.later)
    }

    /// Takes another word in. That of an earlier begin moves the begin, and what came of the state stays with it; a newer
    /// block of a known alert takes its place.
    pub(super) fn add(&mut self, entry: Entry) {
        let mark = std::mem::take(&mut self.first.mark);
        if self.first.hash == entry.hash {
            self.first = entry;
        } else {
            self.later.retain(|word| word.hash != entry.hash);
            self.later.push(entry);
        }
        self.later.sort_by_key(|word| word.at);
        if let Some(earliest) = self.later.first_mut().filter(|earliest| earliest.at < self.first.at) {
            std::mem::swap(earliest, &mut self.first);
            self.later.sort_by_key(|word| word.at);
        }
        self.first.mark = mark;
        let over = self.later.len().saturating_sub(WORDS_MAX);
        self.later.drain(..over);
    }

    /// What is left of it without these words, and the words, the first of all in front. What came of the state goes
    /// with the word that brought it about.
    pub(super) fn without(self, gone: &dyn Fn(&Entry) -> bool) -> (Option<Self>, Vec<Entry>) {
        let Self { mut first, later } = self;
        let (mut left, later): (Vec<Entry>, Vec<Entry>) = later.into_iter().partition(|word| gone(word));
        if !gone(&first) {
            return (Some(Self { first, later }), left);
        }
        let mut later = later.into_iter();
        let rest = later.next().map(|mut next| {
            let rest: Vec<Entry> = later.collect();
            if std::iter::once(&next).chain(&rest).any(|word| brought_about(word, &first.mark)) {
                next.mark = std::mem::take(&mut first.mark);
            }
            Self { first: next, later: rest }
        });
        left.insert(0, first);
        (rest, left)
    }
}

/// Whether this word was the first when the mark was made.
fn brought_about(word: &Entry, mark: &Mark) -> bool {
    [&mark.spent, &mark.paged, &mark.held].into_iter().flatten().any(|by| *by == word.hash)
}
