//! How many alerts to ask for: less after the API said that it was too much, more again when it works.

/// Below this, the answer is not too large; something else is wrong.
const PAGE_SIZE_MIN: u32 = 10;

/// After so many pages in a row the size is doubled, up to what is configured.
const PAGES_TO_GROW: u32 = 8;

#[derive(Debug)]
pub(super) struct PageSize {
    wanted: u32,
    current: u32,
    worked: u32,
}

impl PageSize {
    pub(super) fn new(wanted: u32) -> Self {
        let wanted = wanted.max(1);
        Self { wanted, current: wanted, worked: 0 }
    }

    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// Halves; false when it is as small as it gets.
    #[must_use]
    pub(super) fn halve(&mut self) -> bool {
        let smallest = PAGE_SIZE_MIN.min(self.wanted);
        self.worked = 0;
        let halved = (self.current / 2).max(smallest);
        let smaller = halved < self.current;
        self.current = halved;
        smaller
    }

    pub(super) fn worked(&mut self) {
        self.worked = self.worked.saturating_add(1);
        if self.worked >= PAGES_TO_GROW {
            self.worked = 0;
            self.current = self.current.saturating_mul(2).min(self.wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_to_a_minimum_and_grows_back() {
        let mut size = PageSize::new(50);
        let mut sizes = vec![size.current()];
        while size.halve() {
            sizes.push(size.current());
        }
        assert_eq!(sizes, [50, 25, 12, 10]);
        for _ in 0..3 * PAGES_TO_GROW {
            size.worked();
        }
        assert_eq!(size.current(), 50);
    }

    #[test]
    fn a_small_wish_is_not_raised() {
        let mut size = PageSize::new(3);
        assert!(!size.halve());
        assert_eq!(size.current(), 3);
        assert_eq!(PageSize::new(0).current(), 1);
    }
}
