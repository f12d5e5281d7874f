//! Placeholder.
use super::exit::{Exit, Failure};
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    X,
}
pub async fn safe(_context: &super::Context, _command: Command) -> Result<Exit, Failure> {
    Ok(Exit::Done)
}
