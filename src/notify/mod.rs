//! How a page or a notice leaves.
