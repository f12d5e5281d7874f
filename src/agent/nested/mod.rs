//! Safes that own Safes, as the agent meets them.
//!
//! | file | does |
//! |---|---|
//! | [`contract`] | asks owners that are contracts, as their parent would, whether a signature is theirs |
//! | [`approvals`] | prepares what child Safes must execute so that their parent's proposal is approved |
//! | [`off_chain`] | collects a child's signature without a transaction, where that works |
//! | [`page`] | what a page says to a child's people |
//! | [`scrutiny`] | whether an approval is what it says it is |
//!
//! What a child's people sign is the child's transaction; the parent learns of it from the chain. Nothing a
//! service says about a contract's signature is believed.

pub mod approvals;
pub mod contract;
pub mod off_chain;
pub mod page;
pub mod scrutiny;
