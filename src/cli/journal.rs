//! Placeholder.
use super::exit::{Exit, Failure};
#[derive(Debug, clap::Subcommand)]
pub enum Command { X }
pub async fn journal(_context: &super::Context, _command: Command) -> Result<Exit, Failure> { Ok(Exit::Done) }
