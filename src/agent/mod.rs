//! Reconcilers that keep incidents moving, and the driver that runs them.
