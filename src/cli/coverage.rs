//! Placeholder.
use super::exit::{Exit, Failure};
#[derive(Debug, clap::Args)]
pub struct Args {}
pub async fn coverage(_context: &super::Context, _args: Args) -> Result<Exit, Failure> {
    Ok(Exit::Done)
}
