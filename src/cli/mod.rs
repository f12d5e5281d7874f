//! One file a command; the composition root.
//!
//! Results go to stdout, everything else to stderr; `--json` changes the form of the result and nothing
//! else. Exit codes: 0 done, 1 a check failed, the answer is no or the result could not be written, 2 the call or
//! the configuration is wrong ([`exit::Exit`]).

mod check;
mod coverage;
mod demo;
#[cfg(test)]
mod documented;
pub mod exit;
mod feed;
mod incident;
mod journal;
mod module;
mod open;
mod output;
mod postmortem;
mod presign;
mod proposal;
mod replay;
mod report;
mod run;
mod safe;
mod silence;
mod trigger;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Exit, Failure};
use output::Output;

/// On-chain emergency response: from an alert to one simulated Safe proposal in front of the right people.
#[derive(Debug, Parser)]
#[command(name = "redhandle", version, propagate_version = true)]
struct Cli {
    /// The configuration.
    #[arg(
        long,
        short,
        global = true,
        default_value = "redhandle.toml",
        value_name = "FILE",
        env = "REDHANDLE_CONFIG"
    )]
    config: PathBuf,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every file and every name in it, against the chain.
    Check(check::Args),
    /// Run the agent: feeds, incidents, pages, web.
    Run(run::Args),
    /// Tell the whole story on a local chain, in about a minute.
    Demo(demo::Args),
    /// Tell what would have fired, when and why, over recorded alerts.
    Replay(replay::Args),
    /// Start a runbook by hand.
    Trigger(trigger::Args),
    /// Report that something is wrong.
    Report(report::Args),
    /// List, show and lead incidents.
    #[command(subcommand)]
    Incident(incident::Command),
    /// Who can sign, now or at a time.
    Coverage(coverage::Args),
    /// Proposals: list, show, check, sign, export, import, approve on chain, reject and execute.
    #[command(subcommand)]
    Proposal(proposal::Command),
    /// Collect signatures before they are needed.
    #[command(subcommand)]
    Presign(presign::Command),
    /// Pause without owners and without the Safe's nonce.
    #[command(subcommand)]
    Module(module::Command),
    /// Draft a post-mortem, and follow its action items.
    #[command(subcommand)]
    Postmortem(postmortem::Command),
    /// Verify the chain of facts.
    #[command(subcommand)]
    Journal(journal::Command),
    /// What feeds brought that was no alert.
    #[command(subcommand)]
    Feed(feed::Command),
    /// Hold firings back for a stated time, and see what was held back.
    #[command(subcommand)]
    Silence(silence::Command),
    /// Hashes of Safe transactions, computed here.
    #[command(subcommand)]
    Safe(safe::Command),
}

/// What every command is given.
struct Context {
    config: PathBuf,
    out: Output,
}

/// Runs the command line, and gives the process's exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to stdout, mistakes to stderr.
            let printed = error.print();
            if error.use_stderr() {
                return Exit::Wrong.into();
            }
            let out = Output::new(false);
            out.printed(printed);
            return out.end(Exit::Done).into();
        }
    };
    let context = Context { config: cli.config, out: Output::new(cli.json) };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return context.out.fail(&Failure::no(format!("could not start: {error}"))).into(),
    };
    let result = runtime.block_on(dispatch(&context, cli.command));
    let exit = result.unwrap_or_else(|failure| context.out.fail(&failure));
    context.out.end(exit).into()
}

async fn dispatch(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => check::check(context, args).await,
        Command::Run(args) => run::run(context, args).await,
        Command::Demo(args) => demo::demo(context, args).await,
        Command::Replay(args) => replay::replay(context, args).await,
        Command::Trigger(args) => trigger::trigger(context, args).await,
        Command::Report(args) => report::report(context, args).await,
        Command::Incident(command) => incident::incident(context, command).await,
        Command::Coverage(args) => coverage::coverage(context, args).await,
        Command::Proposal(command) => proposal::proposal(context, command).await,
        Command::Presign(command) => presign::presign(context, command).await,
        Command::Module(command) => module::module(context, command).await,
        Command::Postmortem(command) => postmortem::postmortem(context, command).await,
        Command::Journal(command) => journal::journal(context, command).await,
        Command::Feed(command) => feed::feed(context, command).await,
        Command::Silence(command) => silence::silence(context, command).await,
        Command::Safe(command) => safe::safe(context, command).await,
    }
}
