//! One anvil process.
//!
//! It dies with us whatever happens to us, SIGKILL included. A shell stands between: it starts anvil,
//! then reads from a pipe whose other end only this process holds. When the pipe closes, because we
//! dropped it or because we are gone, the shell kills anvil. No signal handler and no unsafe code is
//! needed, and a terminal's Ctrl-C does not reach either of them before we have written our journal.
//!
//! Other users of the machine can read a command line, so a fork's URL, which holds a key, goes into
//! anvil's environment, and nothing of our own environment does.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, thread};

use tokio::sync::oneshot;
use tokio::time::timeout;
use url::Url;

use super::tools::Tools;
use crate::chain::Endpoint;
use crate::domain::names::ChainId;

/// How long anvil may take to listen; a fork reads a block from afar first.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long anvil may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Lines of its output that are kept, to say why it did not start.
const LINES_KEPT_MAX: usize = 12;

/// Development accounts at most; [`super::Actors`] knows ten.
const ACCOUNTS: u8 = 10;

/// The name under which a fork's URL stands in anvil's environment.
const FORK_ALIAS: &str = "upstream";

/// Starts anvil, lets go of its output, waits for our end of the pipe to close, kills it. The signals of
/// a terminal are ignored: a shell that died of one would leave anvil behind.
const KEEPER: &str =
    r#"trap '' HUP INT TERM; "$@" & child=$!; exec >/dev/null 2>&1; read _; kill -9 $child; wait $child"#;

/// A chain to start from instead of an empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// An endpoint of that chain.
    pub url: Url,
    /// The block to start from; without it, the latest.
    pub block: Option<u64>,
}

/// How to start anvil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnvilOptions {
    /// The chain id it answers.
    pub chain_id: ChainId,
    /// Seconds between blocks; without it, each transaction is mined at once.
    pub block_time_s: Option<u64>,
    /// Start from another chain's state.
    pub fork: Option<Fork>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        // 31337 is what anvil and hardhat use: wallets know it as a local chain.
        Self { chain_id: ChainId(31_337), block_time_s: None, fork: None }
    }
}

/// Why anvil did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process could not be made.
    #[error("could not start {anvil}")]
    Spawn {
        /// The binary.
        anvil: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It ended before it listened.
    #[error("anvil ended before it listened; its last words: {last_words}")]
    Ended {
        /// What it printed last.
        last_words: String,
    },
    /// It did not listen in time.
    #[error("anvil did not listen within {limit_s} s; its last words: {last_words}")]
    Slow {
        /// The limit, in seconds.
        limit_s: u64,
        /// What it printed last.
        last_words: String,
    },
    /// The HTTP client could not be made.
    #[error("could not make an HTTP client for anvil")]
    Client(#[source] reqwest::Error),
}

/// A running anvil; dropping it ends it.
#[derive(Debug)]
pub struct Anvil {
    url: Url,
    chain_id: ChainId,
    endpoint: Endpoint,
    _keeper: Keeper,
}

impl Anvil {
    /// Starts anvil on a free port of the loopback interface and waits until it listens.
    ///
    /// # Errors
    /// When it does not start, with what it printed last.
    pub async fn start(tools: &Tools, options: &AnvilOptions) -> Result<Self, StartError> {
        let spawned = |source| StartError::Spawn { anvil: tools.anvil().display().to_string(), source };
        let (keeper, output) = Keeper::spawn(tools, options).map_err(spawned)?;
        let lines = LastLines::default();
        let listening = follow(output, lines.clone()).map_err(spawned)?;
        let url = match timeout(START_TIMEOUT, listening).await {
            Ok(Ok(url)) => url,
            Ok(Err(_ended)) => return Err(StartError::Ended { last_words: lines.without(options) }),
            Err(_elapsed) => {
                let limit_s = START_TIMEOUT.as_secs();
                return Err(StartError::Slow { limit_s, last_words: lines.without(options) });
            }
        };
        let endpoint = Endpoint::new(&url, ANSWER_TIMEOUT).map_err(StartError::Client)?;
        Ok(Self { url, chain_id: options.chain_id, endpoint, _keeper: keeper })
    }

    /// Where it answers.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its chain id.
    pub fn chain_id(&self) -> ChainId {
        self.chain_id
    }

    /// It as an endpoint, for a [`Chain`](crate::chain::Chain) or for its own methods.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// The shell between us and anvil.
#[derive(Debug)]
struct Keeper {
    shell: Child,
    /// Closing it ends anvil.
    pipe: Option<ChildStdin>,
}

impl Keeper {
    fn spawn(tools: &Tools, options: &AnvilOptions) -> io::Result<(Self, ChildStdout)> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, "sh"]).arg(tools.anvil());
        command.args(["--host", "127.0.0.1", "--port", "0"]);
        command.args(["--accounts", &ACCOUNTS.to_string(), "--chain-id", &options.chain_id.to_string()]);
        if let Some(seconds) = options.block_time_s {
            command.args(["--block-time", &seconds.to_string()]);
        }
        command.env_clear();
        // Forks are cached below the home directory.
        command.envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, env::var_os(name)?))));
        if let Some(Fork { url, block }) = &options.fork {
            command.args(["--fork-url", FORK_ALIAS]);
            command.env("FOUNDRY_RPC_ENDPOINTS", format!("{{{FORK_ALIAS}=\"{url}\"}}"));
            if let Some(block) = block {
                command.args(["--fork-block-number", &block.to_string()]);
            }
        }
        // A group of its own: what the terminal sends to ours is not meant for it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = command.spawn()?;
        let output = shell.stdout.take().ok_or_else(|| io::Error::other("no output to read"))?;
        let pipe = shell.stdin.take();
        Ok((Self { shell, pipe }, output))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Takes as long as a kill does. There is nobody to tell when it fails: the pipe is closed.
        self.shell.wait().ok();
    }
}

/// The last lines that anvil printed.
#[derive(Clone, Debug, Default)]
struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, without the URL that anvil prints.
    fn without(&self, options: &AnvilOptions) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words = lines.iter().map(String::as_str).collect::<Vec<_>>().join(" | ");
        match &options.fork {
            Some(fork) => words.replace(fork.url.as_str(), "(the fork's URL)"),
            None => words,
        }
    }
}

/// Reads anvil's output to its end, in a thread, because it would block on a full pipe otherwise; tells
/// where it listens, or lets go of the sender when the output ends first.
fn follow(output: ChildStdout, lines: LastLines) -> io::Result<oneshot::Receiver<Url>> {
    let (tell, listening) = oneshot::channel();
    thread::Builder::new().name("anvil-output".to_owned()).spawn(move || {
        let mut tell = Some(tell);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(at) = line.strip_prefix("Listening on ")
                && let Ok(url) = format!("http://{at}").parse()
                && let Some(tell) = tell.take()
            {
                // Nobody waits any more when the start was given up.
                tell.send(url).ok();
            }
            if !line.trim().is_empty() {
                lines.push(line);
            }
        }
    })?;
    Ok(listening)
}
