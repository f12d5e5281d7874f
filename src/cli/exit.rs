//! How a command ends.

use std::error::Error;
use std::process::ExitCode;

use crate::agent::chain_of;
use crate::agent::command::CommandError;
use crate::agent::setup::SetupProblems;
use crate::agent::store::StoreError;
use crate::config::Problems;
use crate::journal::JournalError;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: a check failed, the answer is no, or the result could not be written.
    No,
    /// 2: the call or the configuration is wrong.
    Wrong,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::No => Self::from(1),
            Exit::Wrong => Self::from(2),
        }
    }
}

/// A command that could not do what it was asked: one sentence for each problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whose fault.
    pub exit: Exit,
    /// What, where, what was expected, what to do.
    pub problems: Vec<String>,
}

impl Failure {
    /// The answer is no, or it failed.
    pub fn no(problem: impl Into<String>) -> Self {
        Self { exit: Exit::No, problems: vec![problem.into()] }
    }

    /// The call or the configuration is wrong.
    pub fn wrong(problem: impl Into<String>) -> Self {
        Self { exit: Exit::Wrong, problems: vec![problem.into()] }
    }

    /// It failed for this reason, and its causes.
    pub fn of(error: &dyn Error) -> Self {
        Self::no(chain_of(error))
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self { exit: Exit::Wrong, problems: problems.iter().map(ToString::to_string).collect() }
    }
}

impl From<SetupProblems> for Failure {
    fn from(problems: SetupProblems) -> Self {
        let told = problems.0.into_iter().map(|found| format!("{}: {}", found.place, found.problem));
        Self { exit: Exit::Wrong, problems: told.collect() }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::of(&error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unknown(_) => Self::wrong(format!("{error}; `redhandle incident list` names them")),
            StoreError::Refused(_)
            | StoreError::Journal(_)
            | StoreError::NotTaken(_)
            | StoreError::Unreadable { .. }
            | StoreError::Unfitting { .. }
            | StoreError::Unwritable(_) => Self::of(&error),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Store(error) => error.into(),
            CommandError::NoSuchPerson { .. } | CommandError::NobodyFor { .. } => {
                Self::wrong(chain_of(&error))
            }
        }
    }
}
