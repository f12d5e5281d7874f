//! The real binary: as a command that ends, or as a child that is stopped or killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::{Town, until_now};

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// The result.
    pub stdout: String,
    /// The rest.
    pub stderr: String,
}

/// The binary, with nothing of this process's environment that could change what it does.
pub fn redhandle() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redhandle"));
    let keep = ["PATH", "HOME", "TMPDIR", "REDHANDLE_FOUNDRY_TESTS", "REDHANDLE_ANVIL"];
    command.env_clear().envs(keep.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Town {
    /// Runs a command on the files.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command = redhandle();
        said(command.arg("-c").arg(self.config_path()).args(arguments))
    }

    /// The same with a JSON result.
    pub fn run_json(&self, arguments: &[&str]) -> (i32, serde_json::Value) {
        let said = self.run(&[&["--json"], arguments].concat());
        let value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        (said.code, value)
    }

    /// Starts `redhandle run` and waits until it listens.
    pub fn spawn(&self) -> Process {
        let mut command = redhandle();
        command.arg("-c").arg(self.config_path()).arg("run");
        let process = Process::spawn(&mut command);
        until_now("the agent to listen", || {
            assert!(process.is_running(), "it ended: {}", process.stderr());
            std::net::TcpStream::connect(self.listen).is_ok()
        });
        process
    }
}

/// A running child.
pub struct Process {
    child: Mutex<Child>,
    stderr: Arc<Mutex<String>>,
}

impl Process {
    /// Starts it.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let stderr = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&stderr);
        // A pipe that nobody reads would stop the child.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child: Mutex::new(child), stderr }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// What it said on stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    fn is_running(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }

    /// SIGKILL: nothing is finished, nothing is written.
    pub fn kill(self) {
        drop(self);
    }

    /// SIGTERM, and its exit code.
    pub fn terminate(self) -> Option<i32> {
        let id = self.child.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        until_now("the agent to end after SIGTERM", || !self.is_running());
        let mut child = self.child.lock().unwrap();
        child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        // It may have ended already.
        child.kill().ok();
        child.wait().unwrap();
        if std::thread::panicking() {
            eprintln!("the agent said:\n{}", self.stderr());
        }
    }
}
