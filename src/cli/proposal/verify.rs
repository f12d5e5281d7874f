//! Is it what it says it is? Yes or no.

use super::{nested, of};
use crate::agent::house::House;
use crate::agent::scrutiny::{Scrutiny, scrutinise, still_wanted};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::incident::{Incident, IncidentId, Preparation};
use crate::domain::safe::SafeTxHash;

/// Recomputes everything, and says yes or no.
pub async fn verify(
    context: &Context,
    house: &House,
    id: IncidentId,
    hash: Option<SafeTxHash>,
) -> Result<Exit, Failure> {
    let (incident, preparation) = of(house, id, hash)?;
    let scrutiny = look(house, &incident, &preparation).await;
    context.out.result(&scrutiny, |out| text(out, &scrutiny));
    Ok(if scrutiny.genuine { Exit::Done } else { Exit::No })
}

/// Recomputes everything. An approval by a child Safe is worth what it approves, so that is judged first.
pub async fn look(house: &House, incident: &Incident, preparation: &Preparation) -> Scrutiny {
    match nested::scrutinise(house, incident, preparation.safe_tx_hash()).await {
        Some(scrutiny) => scrutiny,
        None => of_runbook(house, incident, preparation).await,
    }
}

/// Judges what follows a runbook, and companions that are no approvals.
pub async fn of_runbook(house: &House, incident: &Incident, preparation: &Preparation) -> Scrutiny {
    let plan = incident.runbook.as_ref().and_then(|id| house.agent.plans.get(id));
    let hash = preparation.safe_tx_hash();
    let role = incident.companion(hash).map(|known| known.companion.role);
    scrutinise(&house.agent, preparation, plan, still_wanted(incident, hash), role).await
}

/// Every check, and the answer last.
pub fn text(out: &Output, scrutiny: &Scrutiny) -> String {
    let mut lines: Vec<_> = scrutiny
        .checks
        .iter()
        .map(|check| {
            let mark = if check.good { out.look("yes", Look::Good) } else { out.look("NO ", Look::Bad) };
            format!("{mark}  {:<16} {}", check.what, check.found)
        })
        .collect();
    lines.push(match scrutiny.genuine {
        true => out.look("YES: it is what it says it is", Look::Good),
        false => out.look("NO: do not sign it", Look::Bad),
    });
    lines.join("\n")
}
