//! Each guarantee that the README gives, shown on the whole house; the name of a test is the guarantee.

mod g1_alerts;
mod g2_pages;
mod g3_one_proposal;
mod g4_keys;
mod g5_green;
mod g6_journal;
