//! Reading TOML so that every problem is told at once, each with its place and a remedy.
//!
//! serde stops at the first error and loses the place; so a file is parsed into values that know where they
//! were written (`node`), the environment is laid over them (`overlay`), and a cursor ([`Table`]) hands
//! out checked values, pushes a problem for each that is missing or wrong, remembers what was asked for, and
//! reports in the end what nobody asked for: the unknown keys, each with the nearest right one.
//!
//! It does not know what the keys mean.

mod form;
mod name;
mod node;
mod overlay;
mod secret;
mod source;
mod table;

pub(super) use form::{Form, Mismatch, Placed, duration_text, http_url};
pub(super) use name::{Name, known};
pub(super) use node::{Entry, Node, Value, parse};
pub(super) use overlay::{lay, one_of};
pub use secret::is_here;
pub(super) use source::{Source, read_text};
pub(super) use table::{Context, Item, Table};
