//! How it ends, in numbers.

use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use jiff::Timestamp;

use super::Story;
use crate::domain::incident::{Fact, IncidentId};
use crate::domain::roster::Coverage;
use crate::drill::demo::folder::Folder;
use crate::drill::demo::measures::{CoverageSeen, Measures, Summary};
use crate::drill::demo::narrator::{Narrator, Paint};
use crate::drill::demo::{DEPOSITED_TOKENS, DemoError, Ground, broken};
use crate::drill::ground::protocol::Ground as Calls;

impl Story<'_> {
    pub(super) async fn sum_up(
        &self,
        id: IncidentId,
        alert: Timestamp,
        saved: U256,
    ) -> Result<Summary, DemoError> {
        const DOING: &str = "summing up";
        let agent = &self.house.agent;
        let incident = agent.store.get(id).ok_or_else(|| broken(DOING, "the incident is gone"))?;
        let facts = agent.store.facts(id);
        let preparation = incident.preparation.as_ref().ok_or_else(|| broken(DOING, "no proposal"))?;
        let executed_tx = facts
            .iter()
            .find_map(|(_, fact)| {
                let Fact::Executed { transaction, .. } = fact else { return None };
                Some(*transaction)
            })
            .ok_or_else(|| broken(DOING, "nothing was executed"))?;
        let state = match &preparation.coverage.state {
            Coverage::Covered { .. } => "covered",
            Coverage::Exact => "exact",
            Coverage::Uncovered => "uncovered",
            Coverage::Unknown { .. } => "unknown",
        };
        Ok(Summary {
            incident_id: id,
            severity: incident.severity,
            safe_tx_hash: preparation.safe_tx_hash().0,
            proposal_nonce: preparation.tx.nonce.0,
            coverage: CoverageSeen { state, margin: preparation.coverage.margin },
            executed_tx,
            paused: self.view(self.ground.protocol.vault, Calls::pausedCall {}.abi_encode()).await?,
            saved_wei: saved,
            ms: Measures::of(alert, &facts).ok_or_else(|| broken(DOING, "nothing was submitted"))?,
            folder: self.folder.path().to_owned(),
        })
    }

    pub(super) fn close(&self, summary: &Summary) {
        let deposited = U256::from(DEPOSITED_TOKENS) * U256::from(10).pow(U256::from(18));
        let Measures { alert_to_match, match_to_simulated, simulated_to_submitted, alert_to_submitted } =
            summary.ms;
        self.narrator.tell(
            "saved",
            &format!("{} of {} demo dollars", dollars(summary.saved_wei), dollars(deposited)),
            Paint::Good,
        );
        self.narrator.say(&format!(
            "\nFrom the corroborating alert to the proposal in front of the owners: {alert_to_submitted} ms\n  \
             alert to match {alert_to_match} ms, match to simulated {match_to_simulated} ms, simulated to submitted {simulated_to_submitted} ms"
        ));
        let folder = summary.folder.display();
        self.narrator.say(&format!(
            "Post-mortem: {folder}/post-mortems/{}.md\nLook around:  redhandle -c {folder}/redhandle.toml incident show {}",
            summary.incident_id, summary.incident_id
        ));
    }
}

/// Whole tokens with thousands separated: 656,103.
pub(super) fn dollars(wei: U256) -> String {
    let whole = (wei / U256::from(10).pow(U256::from(18))).to_string();
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What `--keep` leaves running, and how to look at it.
pub fn how_to_look(narrator: &Narrator, folder: &Folder, ground: &Ground) {
    let config = folder.config();
    let config = config.display();
    narrator.say(&format!(
        "\nChain and agent go on until Ctrl-C. In another terminal:\n  \
         redhandle -c {config} incident list\n  \
         redhandle -c {config} incident show INC-1\n  \
         redhandle -c {config} proposal verify INC-1\n  \
         redhandle -c {config} coverage\n  \
         redhandle -c {config} journal verify\n\
         The chain: {}  The vault: {}",
        ground.chain.anvil.url(),
        ground.protocol.vault
    ));
}
