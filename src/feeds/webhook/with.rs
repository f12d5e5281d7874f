//! With which of a feed's secrets a request was made.
//!
//! Every secret is tried, whichever fits: how long it takes tells nobody which one it was. The sender is not told either;
//! the operator is, so that it is known when the old one can be taken out.

/// Which of the secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    /// The first, or none: the sender has a key of its own.
    Present,
    /// One that stands behind it until its sender has the present one.
    Previous,
}

impl With {
    /// Which of the secrets fits, in their order; none: none does. Looks at all of them.
    pub(super) fn of(fits: impl IntoIterator<Item = bool>) -> Option<Self> {
        let (mut present, mut any) = (false, false);
        for (index, fits) in fits.into_iter().enumerate() {
            present |= fits & (index == 0);
            any |= fits;
        }
        any.then_some(if present { Self::Present } else { Self::Previous })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_one_counts_wherever_both_fit() {
        let cases: [(&[bool], Option<With>); 6] = [
            (&[], None),
            (&[false, false], None),
            (&[true], Some(With::Present)),
            (&[true, true], Some(With::Present)),
            (&[true, false], Some(With::Present)),
            (&[false, true], Some(With::Previous)),
        ];
        for (fits, with) in cases {
            assert_eq!(With::of(fits.iter().copied()), with, "{fits:?}");
        }
    }
}
