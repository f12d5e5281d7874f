//! Nonce-free paths: modules of a Safe by which a pause needs neither its owners nor its nonce.
//!
//! | file | what |
//! |---|---|
//! | [`deputy_pause`] | one deputy signs a random nonce, anybody relays it |
//! | [`zodiac_roles`] | a member of a role makes the calls that the role allows |
//! | [`path`] | how such a path stands: proven, or why not |
//!
//! Both go through `execTransactionFromModule`: transaction guards and timelocks of owners are passed by, a module
//! guard (Safe 1.5.0) is not.

pub mod deputy_pause;
pub mod path;
pub mod zodiac_roles;

pub use deputy_pause::{PauseOrder, PauseSignature, pause_hash};
pub use path::{PathReport, PathState, Proof};
pub use zodiac_roles::{RoleKey, RoleKeyError};

#[cfg(test)]
mod tests;
