//! Is a proposal file what it says it is? Recomputed here, and against the chain; for files of anybody's.

use std::path::Path;

use serde_json::json;

use super::{import, verify};
use crate::agent::exchange;
use crate::agent::scrutiny::{Check, Scrutiny};
use crate::agent::setup::Keys;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Look;
use crate::cli::{Context, open};
use crate::config::Reach;
use crate::domain::safe::exchange::ExchangeFile;
use crate::domain::safe::paste::{Pasted, read};

/// Checks a file. `offline` asks nobody and needs no configuration: only what can be recomputed is checked then.
pub async fn inspect(context: &Context, path: &Path, offline: bool) -> Result<Exit, Failure> {
    let text = import::read(path)?;
    let wrong = |problem: String| Failure::wrong(format!("{}: {problem}", path.display()));
    let Pasted { file, claims } = read(&text).map_err(|error| wrong(error.to_string()))?;
    let file: Box<ExchangeFile> = file.ok_or_else(|| {
        wrong("it holds signatures and no proposal; `redhandle proposal import` takes them".to_owned())
    })?;
    let mut checks: Vec<Check> = file
        .check()
        .into_iter()
        .map(|check| Check { what: check.what, good: check.good, found: check.found })
        .collect();
    if !offline {
        let house = open::house(context, Keys::None, Reach::Safe).await?;
        checks.extend(exchange::inspect(&house.agent, &file, &claims).await);
    }
    let scrutiny = Scrutiny { genuine: checks.iter().all(|check| check.good), checks };
    let json = json!({
        "file": path,
        "safe_tx_hash": file.recompute().safe_tx,
        "asked_the_chain": !offline,
        "genuine": scrutiny.genuine,
        "checks": scrutiny.checks,
    });
    context.out.result(&json, |out| {
        let mut text = verify::text(out, &scrutiny);
        if offline {
            text.push_str(&out.look(
                "\nNOT asked of the chain: owners, threshold, nonce, the Safe's own hash, what it does, signatures",
                Look::Bad,
            ));
        }
        text
    });
    Ok(if scrutiny.genuine { Exit::Done } else { Exit::No })
}
