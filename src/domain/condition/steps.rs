//! Which steps of its sequence an alert may be.

use super::problem::STEPS;

const _: () = assert!(*STEPS.end() <= u32::BITS as usize, "each step has a bit");

/// Some of the steps of a sequence, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps(u32);

impl Steps {
    fn bit(step: usize) -> u32 {
        u32::try_from(step).ok().and_then(|step| 1_u32.checked_shl(step)).unwrap_or(0)
    }

    pub(super) fn insert(&mut self, step: usize) {
        self.0 |= Self::bit(step);
    }

    pub(super) fn contains(self, step: usize) -> bool {
        self.0 & Self::bit(step) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after the other.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..*STEPS.end()).filter(move |step| self.contains(*step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_a_set_of_small_numbers() {
        let mut steps = Steps::default();
        assert!(steps.is_empty());
        [7, 0, 3, 0].into_iter().for_each(|step| steps.insert(step));
        assert_eq!(steps.iter().collect::<Vec<_>>(), [0, 3, 7]);
        assert!(steps.contains(3) && !steps.contains(4) && !steps.contains(64));
    }
}
