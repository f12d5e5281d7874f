//! Windows of pre-signed transactions: prepared, collected, compared with the chain, used in an incident.
//!
//! | file | does |
//! |---|---|
//! | [`store`] | a window, sealed: opened, changed, forgotten |
//! | [`live`] | what the chain says about the ground a window was signed on |
//! | [`mod@prepare`] | builds and simulates the transactions of the next nonces |
//! | [`collect`] | takes signatures in |
//! | [`mod@release`] | a window's signatures as confirmations of an incident's proposal |
//! | [`mod@watch`] | looks now and then, and calls people when a window is void, short or unknown |
//!
//! **Invariants.** A signature is used only for the transaction whose safeTxHash it signs, only on the ground it was
//! signed on, read at an agreed block just before, and only after its release. What is used becomes an ordinary
//! confirmation: it is checked, counted and executed like every other. Nothing here executes.

pub mod collect;
pub mod live;
pub mod prepare;
pub mod release;
pub mod store;
pub mod watch;

pub use collect::{Added, add};
pub use prepare::{Prepared, prepare};
pub use release::{Released, confirmations, release};
pub use store::{Windows, WindowsError};
pub use watch::watch;

use super::Agent;
use super::preflight::Finding;
use super::setup::SetupProblem;
use crate::config::Config;
use crate::config::settings::Presigned;
use crate::domain::names::WindowName;
use crate::domain::presigned::{Standing, Window, standing};

/// What the files say of windows and cannot be so.
pub fn name_problems(config: &Config) -> Vec<SetupProblem> {
    let mut problems = Vec::new();
    for window in &config.settings.presigned {
        let mut problem = |problem: String| {
            problems.push(SetupProblem { place: format!("[[presigned]] \"{}\"", window.name), problem });
        };
        let Some(runbook) = config.runbooks.get(&window.runbook) else {
            problem(format!("there is no runbook \"{}\"", window.runbook));
            continue;
        };
        if runbook.actions.is_empty() {
            problem(format!("runbook \"{}\" has no action: there is nothing to sign", window.runbook));
        } else if !runbook.safes.contains(&window.safe) {
            problem(format!(
                "runbook \"{}\" does not act through Safe {}: its signatures would never be used; add the Safe to the runbook's `safe`",
                window.runbook, window.safe
            ));
        }
    }
    problems
}

/// A window and how it stands now; none where it was never prepared.
///
/// # Errors
/// When the file does not open.
pub async fn look(agent: &Agent, settings: &Presigned) -> Result<Option<(Window, Standing)>, WindowsError> {
    let Some(window) = agent.presigned.load(&settings.name)? else { return Ok(None) };
    let reading = live::read(agent, settings, &window).await;
    let standing = standing(&window, settings.low, &reading);
    Ok(Some((window, standing)))
}

/// The sentence for a window that was never prepared.
pub fn never_prepared(name: &WindowName) -> String {
    format!("window {name} is not prepared yet: `redhandle presign prepare {name}`")
}

/// Every window as `check` tells it.
pub async fn findings(agent: &Agent) -> Vec<Finding> {
    let mut findings = Vec::new();
    for settings in &agent.config.settings.presigned {
        let place = format!("[[presigned]] \"{}\"", settings.name);
        findings.push(match look(agent, settings).await {
            Err(error) => Finding::problem(place, super::chain_of(&error)),
            Ok(None) => Finding::problem(place, never_prepared(&settings.name)),
            Ok(Some((_, standing))) => match standing.trouble() {
                Some(trouble) => Finding::problem(place, trouble),
                None => Finding::ok(place, in_order(&standing)),
            },
        });
    }
    findings
}

/// The sentence for a window that is as it should be.
pub fn in_order(standing: &Standing) -> String {
    format!(
        "{} nonce(s) from {} on are signed by enough owners, on unchanged ground at block {}",
        standing.remaining,
        standing.safe_nonce.unwrap_or_default(),
        standing.block.unwrap_or_default()
    )
}
