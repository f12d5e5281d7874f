//! What a term may be: numbers in ranges, texts in or out of a set, there or not.
//!
//! Always too much rather than too little: a value that the term may have is never left out, so that a span
//! with nothing in it proves that nothing fits. Texts are in lower case, as they are compared.

use std::collections::BTreeSet;

use super::number::{Decimal, Integer, Number};
use super::{Comparison, TextTest};

/// Ranges beyond which a span keeps only the lowest and the highest end.
const RANGES_MAX: usize = 512;
/// Values shown of a list.
const SHOWN_MAX: usize = 5;

/// Where a range ends; none: it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    at: Decimal,
    inclusive: bool,
}

/// Numbers without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    low: Option<End>,
    high: Option<End>,
}

/// Texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
}

/// What a term may be if an expression is to be true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// It is a number in one of these; none: it need not be a number.
    numbers: Option<Vec<Range>>,
    texts: Option<Texts>,
    tests: Vec<(TextTest, String, bool)>,
    /// It must be there, or must not.
    pub(super) there: Option<bool>,
}

impl Range {
    fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Some(low), Some(high)) => {
                low.at > high.at || (low.at == high.at && !(low.inclusive && high.inclusive))
            }
            (_, _) => false,
        }
    }

    fn meet(&self, other: &Self) -> Self {
        let tighter = |one: &Option<End>, two: &Option<End>, low: bool| match (one, two) {
            (None, end) | (end, None) => end.clone(),
            (Some(one), Some(two)) => {
                let first = match one.at.cmp(&two.at) {
                    std::cmp::Ordering::Equal => !one.inclusive,
                    std::cmp::Ordering::Less => !low,
                    std::cmp::Ordering::Greater => low,
                };
                Some(if first { one.clone() } else { two.clone() })
            }
        };
        Self { low: tighter(&self.low, &other.low, true), high: tighter(&self.high, &other.high, false) }
    }

    fn point(&self) -> Option<&Decimal> {
        match (&self.low, &self.high) {
            (Some(low), Some(high)) if low.at == high.at => Some(&low.at),
            (_, _) => None,
        }
    }
}

/// The ranges of what compares so with `number`; `whole` where the term is a whole number.
pub(super) fn compared(comparison: Comparison, number: &Number, whole: bool) -> Vec<Range> {
    let end = |at: Decimal, inclusive| Some(End { at, inclusive });
    let at = number.to_decimal();
    let step = |up: bool| match number {
        Number::Whole(number) if whole => {
            let one = Integer::from(1_u64);
            if up { number.checked_add(one) } else { number.checked_sub(one) }
        }
        Number::Whole(_) | Number::Decimal(_) => None,
    };
    let above = || step(true).map_or_else(|| end(at.clone(), false), |next| end(Decimal::from(next), true));
    let below = || step(false).map_or_else(|| end(at.clone(), false), |next| end(Decimal::from(next), true));
    let from = |low| Range { low, high: None };
    let to = |high| Range { low: None, high };
    match comparison {
        Comparison::Equal => vec![Range { low: end(at.clone(), true), high: end(at, true) }],
        Comparison::NotEqual => vec![to(below()), from(above())],
        Comparison::Less => vec![to(below())],
        Comparison::LessOrEqual => vec![to(end(at, true))],
        Comparison::Greater => vec![from(above())],
        Comparison::GreaterOrEqual => vec![from(end(at, true))],
    }
}

fn meet_ranges(one: &[Range], two: &[Range]) -> Vec<Range> {
    let met = one.iter().flat_map(|one| two.iter().map(move |two| one.meet(two)));
    hull(met.filter(|range| !range.is_empty()).collect())
}

/// Too many ranges become the one around them all.
fn hull(ranges: Vec<Range>) -> Vec<Range> {
    if ranges.len() <= RANGES_MAX {
        return ranges;
    }
    let far = |end: fn(&Range) -> &Option<End>, highest: bool| {
        let ends: Option<Vec<&End>> = ranges.iter().map(|range| end(range).as_ref()).collect();
        let ends = ends?;
        let by = |one: &&&End, two: &&&End| one.at.cmp(&two.at);
        let end = if highest { ends.iter().max_by(by) } else { ends.iter().min_by(by) };
        end.map(|end| End { at: end.at.clone(), inclusive: true })
    };
    vec![Range { low: far(|range| &range.low, false), high: far(|range| &range.high, true) }]
}

impl Span {
    /// A whole number from `low` to `high`.
    pub(crate) fn whole_numbers(low: u64, high: u64) -> Self {
        let end = |at: u64| Some(End { at: Decimal::from(Integer::from(at)), inclusive: true });
        Self { numbers: Some(vec![Range { low: end(low), high: end(high) }]), ..Self::default() }
    }

    /// One of these texts, whose letters are small.
    pub(crate) fn one_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let texts = texts.into_iter().map(str::to_ascii_lowercase).collect();
        Self { texts: Some(Texts::In(texts)), ..Self::default() }
    }

    pub(super) fn in_ranges(ranges: Vec<Range>) -> Self {
        Self { numbers: Some(hull(ranges)), there: Some(true), ..Self::default() }
    }

    pub(super) fn in_texts(texts: Texts) -> Self {
        Self { texts: Some(texts), there: Some(true), ..Self::default() }
    }

    pub(super) fn tested(test: TextTest, part: &str, holds: bool) -> Self {
        let tests = vec![(test, part.to_ascii_lowercase(), holds)];
        Self { tests, there: Some(true), ..Self::default() }
    }

    pub(super) fn there(is: bool) -> Self {
        Self { there: Some(is), ..Self::default() }
    }

    /// What fits both; none: nothing does.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let there = match (self.there, other.there) {
            (Some(one), Some(two)) if one != two => return None,
            (one, two) => one.or(two),
        };
        let numbers = match (&self.numbers, &other.numbers) {
            (Some(one), Some(two)) => Some(meet_ranges(one, two)),
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        let texts = match (&self.texts, &other.texts) {
            (Some(one), Some(two)) => Some(one.meet(two)),
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        let mut tests = self.tests.clone();
        tests.extend(other.tests.iter().filter(|test| !self.tests.contains(test)).cloned());
        Self { numbers, texts, tests, there }.fitting()
    }

    /// Texts that pass their tests and are the numbers they must be; none where nothing is left.
    fn fitting(mut self) -> Option<Self> {
        if self.numbers.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let excluded = |one| self.tests.iter().any(|other| excludes(one, other));
        if self.tests.iter().any(excluded) {
            return None;
        }
        if let Some(Texts::In(texts)) = &mut self.texts {
            let (tests, numbers) = (&self.tests, &self.numbers);
            texts.retain(|text| {
                let passes = tests.iter().all(|(test, part, holds)| test.holds(text, part) == *holds);
                passes && numbers.as_ref().is_none_or(|ranges| is_in(text, ranges))
            });
            if texts.is_empty() {
                return None;
            }
        }
        Some(self)
    }

    /// What fits either.
    pub(super) fn join(&self, other: &Self) -> Self {
        let numbers = match (&self.numbers, &other.numbers) {
            (Some(one), Some(two)) => {
                let more = two.iter().filter(|range| !one.contains(range)).cloned();
                Some(hull(one.iter().cloned().chain(more).collect()))
            }
            (_, _) => None,
        };
        let texts = match (&self.texts, &other.texts) {
            (Some(one), Some(two)) => Some(one.join(two)),
            (_, _) => None,
        };
        let tests = self.tests.iter().filter(|test| other.tests.contains(test)).cloned().collect();
        let there = self.there.filter(|there| other.there == Some(*there));
        Self { numbers, texts, tests, there }
    }

    /// Without the texts that it is never, each for a reason; the first of the reasons where none is left.
    pub(super) fn refusing(mut self, refused: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        if let Some(Texts::In(texts)) = &mut self.texts {
            let why = texts.iter().find_map(|text| refused(text));
            texts.retain(|text| refused(text).is_none());
            if let (true, Some(why)) = (texts.is_empty(), why) {
                return Err(why);
            }
        }
        Ok(self)
    }

    /// The texts it may be, where they are known.
    pub(crate) fn listed(&self) -> Option<&BTreeSet<String>> {
        match &self.texts {
            Some(Texts::In(texts)) => Some(texts),
            Some(Texts::NotIn(_)) | None => None,
        }
    }
}

fn is_in(text: &str, ranges: &[Range]) -> bool {
    Number::parse(text).is_some_and(|number| {
        let point = compared(Comparison::Equal, &number, false);
        !meet_ranges(&point, ranges).is_empty()
    })
}

impl Texts {
    fn meet(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::In(one), Self::In(two)) => Self::In(one & two),
            (Self::In(some), Self::NotIn(none)) | (Self::NotIn(none), Self::In(some)) => {
                Self::In(some - none)
            }
            (Self::NotIn(one), Self::NotIn(two)) => Self::NotIn(one | two),
        }
    }

    fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::In(one), Self::In(two)) => Self::In(one | two),
            (Self::In(some), Self::NotIn(none)) | (Self::NotIn(none), Self::In(some)) => {
                Self::NotIn(none - some)
            }
            (Self::NotIn(one), Self::NotIn(two)) => Self::NotIn(one & two),
        }
    }
}

/// Whether a text that passes the first cannot pass the second.
fn excludes(one: &(TextTest, String, bool), other: &(TextTest, String, bool)) -> bool {
    let ((test, part, true), (also, piece, holds)) = (one, other) else { return false };
    match (test, also) {
        // What is in a part of the text is in the text.
        (TextTest::Contains | TextTest::StartsWith | TextTest::EndsWith, TextTest::Contains) => {
            !holds && part.contains(piece)
        }
        (TextTest::StartsWith, TextTest::StartsWith) if *holds => {
            !part.starts_with(piece) && !piece.starts_with(part)
        }
        (TextTest::EndsWith, TextTest::EndsWith) if *holds => {
            !part.ends_with(piece) && !piece.ends_with(part)
        }
        (TextTest::StartsWith, TextTest::StartsWith) => part.starts_with(piece),
        (TextTest::EndsWith, TextTest::EndsWith) => part.ends_with(piece),
        (TextTest::Contains | TextTest::EndsWith, TextTest::StartsWith)
        | (TextTest::Contains | TextTest::StartsWith, TextTest::EndsWith) => false,
    }
}

impl TextTest {
    fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::Contains => text.contains(part),
            Self::StartsWith => text.starts_with(part),
            Self::EndsWith => text.ends_with(part),
        }
    }
}

/// Some of them, and how many more.
pub(super) fn some_of(values: impl ExactSizeIterator<Item = String>) -> String {
    let count = values.len();
    let mut shown: Vec<String> = values.take(SHOWN_MAX).collect();
    if let Some(more) = count.checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        shown.push(format!("{more} more"));
    }
    match shown.as_slice() {
        [one] => one.clone(),
        several => format!("one of {}", several.join(", ")),
    }
}

impl Span {
    /// In words; `number` says one, and what is so of every `own` value is not said.
    pub(super) fn in_words(&self, number: &dyn Fn(&Decimal) -> String, own: &Self) -> String {
        let natural = match own.numbers.as_deref() {
            Some([range]) => range.clone(),
            Some(_) | None => Range::default(),
        };
        let mut words = Vec::new();
        if let Some(ranges) = &self.numbers {
            let points: Option<Vec<&Decimal>> = ranges.iter().map(Range::point).collect();
            words.push(match points {
                Some(points) => some_of(points.into_iter().map(number)),
                None => {
                    let told: Vec<String> =
                        ranges.iter().map(|range| range.in_words(number, &natural)).collect();
                    told.join(" or ")
                }
            });
        }
        let quoted = |text: &String| format!("{text:?}");
        match &self.texts {
            Some(Texts::In(texts)) => words.push(some_of(texts.iter().map(quoted))),
            Some(Texts::NotIn(texts)) => words.push(format!("not {}", some_of(texts.iter().map(quoted)))),
            None => {}
        }
        words.extend(self.tests.iter().map(|(test, part, holds)| {
            let verb = match test {
                TextTest::Contains => "containing",
                TextTest::StartsWith => "beginning with",
                TextTest::EndsWith => "ending with",
            };
            format!("{}{verb} {part:?}", if *holds { "" } else { "not " })
        }));
        match (words.is_empty(), self.there) {
            (true, Some(true)) => "there".to_owned(),
            (true, Some(false)) => "lacking".to_owned(),
            (true, None) => "anything".to_owned(),
            (false, _) => words.join(" and "),
        }
    }
}

impl Range {
    fn in_words(&self, number: &dyn Fn(&Decimal) -> String, natural: &Self) -> String {
        if let Some(point) = self.point() {
            return number(point);
        }
        let low = self.low.as_ref().filter(|_| self.low != natural.low).map(|end| {
            let word = if end.inclusive { "at least" } else { "above" };
            format!("{word} {}", number(&end.at))
        });
        let high = self.high.as_ref().filter(|_| self.high != natural.high).map(|end| {
            let word = if end.inclusive { "at most" } else { "below" };
            format!("{word} {}", number(&end.at))
        });
        match (low, high) {
            (Some(low), Some(high)) => format!("{low} and {high}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "one that there is".to_owned(),
        }
    }
}
