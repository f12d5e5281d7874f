//! What the attacker does, and the bots that notice.

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall, SolValue};
use jiff::Timestamp;

use super::ending::dollars;
use super::{Story, Told};
use crate::chain::CallOutcome;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::alert::{AlertSeverity, BotId};
use crate::drill::alerts::{AlertSketch, forta_alert};
use crate::drill::demo::folder::BOTS;
use crate::drill::demo::narrator::Paint;
use crate::drill::demo::{DemoError, at, broken};
use crate::drill::ground::Strike;
use crate::drill::ground::protocol::Ground as Calls;

impl Story<'_> {
    pub(super) async fn view<T: SolValue + From<<T::SolType as alloy::sol_types::SolType>::RustType>>(
        &self,
        to: Address,
        data: Vec<u8>,
    ) -> Result<T, DemoError> {
        const DOING: &str = "reading the vault";
        match self.ground.chain.view(to, data.into()).await.map_err(at(DOING))? {
            CallOutcome::Returned(answer) => T::abi_decode(&answer).map_err(at(DOING)),
            CallOutcome::Reverted(_) => Err(broken(DOING, "it reverts")),
        }
    }

    pub(super) async fn assets(&self) -> Result<U256, DemoError> {
        self.view(self.ground.protocol.vault, Calls::totalAssetsCall {}.abi_encode()).await
    }

    pub(super) async fn strike(&self, told: &mut Told) -> Result<Strike, DemoError> {
        let before = self.assets().await?;
        let strike = self.ground.chain.strike(&self.ground.protocol).await.map_err(at("striking"))?;
        told.strikes += 1;
        let after = self.assets().await?;
        let text = if strike.succeeded {
            format!(
                "strike {}: takes {} dollars, {} are left",
                told.strikes,
                dollars(before.saturating_sub(after)),
                dollars(after)
            )
        } else {
            format!("strike {}: REVERTS, the vault is paused", told.strikes)
        };
        self.narrator.tell("attacker", &text, Paint::Attack);
        Ok(strike)
    }

    pub(super) async fn strike_after(&self, told: &mut Told, seconds: f64) -> Result<Strike, DemoError> {
        self.pass(told, seconds).await;
        self.strike(told).await
    }

    /// A bot notices. Gives the instant at which its alert was there to be polled.
    pub(super) fn alarm(&self, bot: usize, strike: &Strike, alert_id: &str) -> Result<Timestamp, DemoError> {
        let now = SystemClock.now();
        let bot = BotId::new(BOTS.get(bot).copied().unwrap_or_default());
        let short: String = bot.as_str().chars().take(10).collect();
        let sketch = AlertSketch {
            chain: self.ground.chain.chain.id(),
            block: 1,
            block_hash: None,
            block_time: now - jiff::SignedDuration::from_secs(5),
            transaction: Some(strike.transaction),
            bot,
            alert_id: alert_id.to_owned(),
            severity: AlertSeverity::Critical,
            addresses: vec![self.ground.protocol.attacker, self.ground.protocol.vault],
            metadata: Vec::new(),
            description: "likely involved in an attack".to_owned(),
        };
        let raw = forta_alert(&sketch).to_string();
        self.narrator.tell(
            "feed",
            &format!("bot {short}… raises {alert_id}, CRITICAL, naming the vault"),
            Paint::People,
        );
        let there = SystemClock.now();
        self.feed.push(&raw).map_err(at("raising an alert"))?;
        Ok(there)
    }
}
