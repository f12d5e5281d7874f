//! What happens, in order. The attacker and the people act; everything else is the agent's doing.

mod attack;
mod ending;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::folder::{Folder, PEOPLE};
use super::measures::Summary;
use super::narrator::{Narrator, Paint};
use super::{DemoError, Ground, at, broken, paced};
use crate::agent::command::Commands;
use crate::agent::house::House;
use crate::agent::scrutiny::{scrutinise, still_wanted};
use crate::agent::setup::open_keystore;
use crate::agent::sign::sign;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::incident::timeline::{Weight, timeline};
use crate::domain::incident::{Actor, Fact, Incident, IncidentId, Phase, Stage};
use crate::domain::names::PersonId;
use crate::domain::safe::{delegate_hash, totp};
use crate::drill::forta_server::FortaServer;
use crate::safe_service::client::NewDelegate;

/// Seconds between two strikes of the attacker.
const STRIKE_EVERY: f64 = 3.0;
/// Seconds a signer takes from the page to the signature.
const SIGNER_TAKES: f64 = 3.0;
/// How long anything the agent does may take before the story is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub use ending::how_to_look;

/// The story's actors and what has been told of it.
pub struct Story<'a> {
    ground: &'a Ground,
    feed: &'a FortaServer,
    house: &'a House,
    folder: &'a Folder,
    narrator: &'a Narrator,
    pace: f64,
}

/// What is told once.
#[derive(Default)]
struct Told {
    facts: usize,
    strikes: u32,
}

impl<'a> Story<'a> {
    /// The story on this ground.
    pub fn new(
        ground: &'a Ground,
        feed: &'a FortaServer,
        house: &'a House,
        folder: &'a Folder,
        narrator: &'a Narrator,
        pace: f64,
    ) -> Self {
        Self { ground, feed, house, folder, narrator, pace }
    }

    /// Tells it.
    pub async fn tell(&self) -> Result<Summary, DemoError> {
        let mut told = Told::default();
        self.allow_the_proposer().await?;
        self.narrator.say("The agent runs. 1,000,000 demo dollars are in the vault. The attacker begins.\n");
        self.narrator.begin();

        let first = self.strike(&mut told).await?;
        self.alarm(0, &first, "ATTACK-DETECTOR-2")?;
        let id = self
            .until(&mut told, "the first alert to page", |incident| incident.preparation.is_some())
            .await?;

        for _ in 0..2 {
            self.pass(&mut told, STRIKE_EVERY).await;
            self.strike(&mut told).await?;
        }
        let strike = self.strike_after(&mut told, STRIKE_EVERY).await?;
        let alert = self.alarm(1, &strike, "EARLY-ATTACK-DETECTOR-1")?;
        self.until(&mut told, "the proposal to be submitted", |incident| {
            matches!(incident.stage, Stage::Proposed)
        })
        .await?;
        self.show_a_page("sign")?;

        for (person, _, _) in PEOPLE.iter().take(2) {
            self.pass(&mut told, SIGNER_TAKES).await;
            if *person == PEOPLE[0].0 {
                self.strike(&mut told).await?;
            }
            self.signs(id, person).await?;
        }
        self.until(&mut told, "the pause to be verified", |incident| {
            matches!(incident.stage, Stage::Verified { .. })
        })
        .await?;
        let saved = self.assets().await?;

        let last = self.strike_after(&mut told, STRIKE_EVERY / 2.0).await?;
        if last.succeeded {
            return Err(broken("striking the paused vault", "the strike went through"));
        }
        self.finish(&mut told, id).await?;
        let summary = self.sum_up(id, alert, saved).await?;
        self.close(&summary);
        Ok(summary)
    }

    /// An owner of both Safes lets the proposer propose, through the service, as owners do.
    async fn allow_the_proposer(&self) -> Result<(), DemoError> {
        const DOING: &str = "making the proposer a delegate";
        use alloy::signers::SignerSync as _;
        let actors = &self.ground.chain.actors;
        let [owner, ..] = &actors.owners;
        let chain = &self.ground.chain.chain;
        let service =
            self.house.agent.services.get(chain.name()).ok_or_else(|| broken(DOING, "no service"))?;
        let seconds = u64::try_from(SystemClock.now().as_second()).unwrap_or_default();
        let hash = delegate_hash(Some(chain.id()), actors.proposer.address(), totp(seconds));
        let signature = owner.sign_hash_sync(&hash).map_err(at(DOING))?;
        for safe in [self.ground.guardian, self.ground.governance] {
            let delegate = NewDelegate {
                safe: Some(safe),
                delegate: actors.proposer.address(),
                delegator: owner.address(),
                signature: signature.as_bytes().to_vec().into(),
                label: "Redhandle".to_owned(),
                expires: None,
            };
            service.client.add_delegate(&delegate).await.map_err(at(DOING))?;
        }
        Ok(())
    }

    /// Lets time pass, telling what the journal says meanwhile.
    async fn pass(&self, told: &mut Told, seconds: f64) {
        let end = Instant::now() + paced(seconds, self.pace);
        loop {
            self.tell_news(told);
            if Instant::now() >= end {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the incident is as it must be.
    async fn until(
        &self,
        told: &mut Told,
        what: &str,
        is: impl Fn(&Incident) -> bool,
    ) -> Result<IncidentId, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.tell_news(told);
            if let Some(incident) = self.newest().filter(|incident| is(incident)) {
                return Ok(incident.id);
            }
            if Instant::now() >= deadline {
                let stage = self.newest().map_or("nothing".to_owned(), |i| format!("{:?}", i.stage));
                return Err(broken(
                    "waiting for the agent",
                    format!("{what}: not within {PATIENCE:?}; containment: {stage}"),
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn newest(&self) -> Option<Arc<Incident>> {
        self.house.agent.store.all().pop()
    }

    fn tell_news(&self, told: &mut Told) {
        let Some(incident) = self.newest() else { return };
        let facts = self.house.agent.store.facts(incident.id);
        let news = facts.get(told.facts..).unwrap_or_default();
        for moment in timeline(news) {
            let paint = match moment.weight {
                Weight::Turn => Paint::Journal,
                Weight::Trouble => Paint::Trouble,
                Weight::Detail => continue,
            };
            self.narrator.tell(&incident.id.to_string(), &moment.sentence, paint);
        }
        let paged: Vec<_> = news
            .iter()
            .filter_map(|(_, fact)| {
                let Fact::PageDelivered { page, .. } = fact else { return None };
                Some(format!("{} ({})", page.person, page.purpose.as_str()))
            })
            .collect();
        if !paged.is_empty() {
            self.narrator.tell("pages", &format!("delivered to {}", paged.join(", ")), Paint::People);
        }
        told.facts = facts.len();
    }

    /// One page as a signer gets it.
    fn show_a_page(&self, label: &str) -> Result<(), DemoError> {
        let text = std::fs::read_to_string(self.folder.pages()).map_err(at("reading the pages"))?;
        self.narrator.say(&format!(
            "\nThe {label} page, as a signer reads it (all pages: {}):\n",
            self.folder.pages().display()
        ));
        let block = text.split("\n\n").find(|block| block.contains("safeTxHash"));
        self.narrator.quote(block.unwrap_or(&text));
        self.narrator.say("");
        Ok(())
    }

    /// A signer verifies from the chain alone, then signs with an encrypted keystore.
    async fn signs(&self, id: IncidentId, person: &str) -> Result<(), DemoError> {
        const DOING: &str = "signing";
        let agent = &self.house.agent;
        let incident = agent.store.get(id).ok_or_else(|| broken(DOING, "the incident is gone"))?;
        let preparation = incident.preparation.as_ref().ok_or_else(|| broken(DOING, "no proposal"))?;
        let plan = incident.runbook.as_ref().and_then(|runbook| agent.plans.get(runbook));
        let scrutiny = {
            let wanted = still_wanted(&incident, preparation.safe_tx_hash());
            scrutinise(agent, preparation, plan, wanted, None).await
        };
        if let Some(wrong) = scrutiny.checks.iter().find(|check| !check.good) {
            return Err(broken(DOING, format!("{}: {}", wrong.what, wrong.found)));
        }
        let password = std::fs::read_to_string(self.folder.password_file()).map_err(at(DOING))?;
        let key = open_keystore(&self.folder.keystore_of(person), &password.into())
            .map_err(|problem| broken(DOING, problem))?;
        self.narrator.tell(
            person,
            &format!("verifies it from the chain alone ({} checks: yes) and signs", scrutiny.checks.len()),
            Paint::People,
        );
        let signed = sign(agent, id, &key, preparation.safe_tx_hash()).await.map_err(at(DOING))?;
        match signed.not_at_service {
            None => Ok(()),
            Some(problem) => Err(broken(DOING, problem)),
        }
    }

    /// The commander resolves; the agent drafts the post-mortem; an action item is added.
    async fn finish(&self, told: &mut Told, id: IncidentId) -> Result<(), DemoError> {
        const DOING: &str = "resolving the incident";
        let agent = &self.house.agent;
        let commands = Commands::new(&agent.store, &agent.config.roster, SystemClock.now());
        let ana = PersonId::new(PEOPLE[0].0);
        let summary = "the vault is paused; the hole is known and its fix is in review";
        commands.resolve(id, Actor::Person(ana.clone()), summary.to_owned()).await.map_err(at(DOING))?;
        self.until(told, "the post-mortem to be drafted", |incident| incident.phase == Phase::PostMortem)
            .await?;
        let due = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date() + jiff::Span::new().days(7);
        commands
            .add_action_item(
                id,
                "deploy the fixed vault, then unpause through governance".to_owned(),
                ana,
                due,
            )
            .await
            .map_err(at(DOING))?;
        self.tell_news(told);
        Ok(())
    }
}
