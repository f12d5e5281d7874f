//! `redhandle demo`: the whole story on a local chain.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::Context;
use super::exit::{Exit, Failure};
use crate::drill::demo::{DemoOptions, Narrator, tell};

/// Tell the story.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave chain and agent running, and say how to look at them.
    #[arg(long)]
    keep: bool,
    /// Where config, roster, runbook, journal and post-mortem are left: a new or empty folder.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The Foundry project with the contracts, if it is not found by itself.
    #[arg(long, value_name = "DIR")]
    foundry: Option<PathBuf>,
    /// How fast people and attacker act, against the usual: 2 is twice as slow, 0 does not wait.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pace: f64,
}

/// Tells it: on stdout, or, where the result is JSON, on stderr with the result as stdout's last line.
pub async fn demo(context: &Context, args: Args) -> Result<Exit, Failure> {
    if !args.pace.is_finite() || args.pace < 0.0 {
        return Err(Failure::wrong("--pace: expected a number from 0 on, such as 0.5"));
    }
    super::run::start_logging_from(false, "error");
    let plain = std::env::var_os("NO_COLOR").is_some();
    let narrator = if context.out.is_json() {
        Narrator::new(Box::new(std::io::stderr()), !plain && std::io::stderr().is_terminal())
    } else {
        Narrator::new(Box::new(context.out.stdout()), !plain && std::io::stdout().is_terminal())
    };
    let options =
        DemoOptions { folder: args.folder, foundry: args.foundry, keep: args.keep, pace: args.pace };
    let summary = tell(&options, &narrator).await.map_err(|error| Failure::no(error.to_string()))?;
    if context.out.is_json() {
        context.out.result(&summary, |_| String::new());
    }
    Ok(Exit::Done)
}
