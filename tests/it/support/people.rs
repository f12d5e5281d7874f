//! What the people of the story do, each as often as they like.

use std::sync::Arc;
use std::time::Duration;

use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use jiff::Timestamp;
use redhandle::agent::command::{CommandError, Commands};
use redhandle::agent::sign::{Signed, sign};
use redhandle::clock::{Clock as _, SystemClock};
use redhandle::domain::incident::{Actor, Incident};
use redhandle::domain::names::PersonId;
use redhandle::domain::safe::{SafeAddress, SafeTxHash, delegate_hash, totp};
use redhandle::feeds::webhook;
use redhandle::safe_service::client::NewDelegate;
use serde_json::Value;

use super::files::PEOPLE;
use super::life::Life;
use super::town::Town;

impl Town {
    /// The owner key of a person.
    pub fn key_of(&self, person: &str) -> PrivateKeySigner {
        let place = PEOPLE.iter().position(|(id, _, _)| *id == person).unwrap();
        self.chain.actors.owners[place].clone()
    }

    /// An owner's word that the proposer may propose.
    pub fn permission(&self) -> NewDelegate {
        let [owner, ..] = &self.chain.actors.owners;
        self.permission_of(owner, self.guardian)
    }

    /// The same of any owner, for any Safe.
    pub fn permission_of(&self, owner: &PrivateKeySigner, safe: SafeAddress) -> NewDelegate {
        let delegate = self.chain.actors.proposer.address();
        let seconds = u64::try_from(SystemClock.now().as_second()).unwrap();
        let hash = delegate_hash(Some(self.chain.chain.id()), delegate, totp(seconds));
        NewDelegate {
            safe: Some(safe),
            delegate,
            delegator: owner.address(),
            signature: owner.sign_hash_sync(&hash).unwrap().as_bytes().to_vec().into(),
            label: "Redhandle".to_owned(),
            expires: None,
        }
    }

    /// Posts alerts to a webhook, signed with `secret` if there is one. Gives the status, or none if nobody answered.
    pub async fn post(&self, path: &str, secret: Option<&str>, body: String) -> Option<u16> {
        self.post_at(SystemClock.now(), path, secret, body).await
    }

    /// The same by a sender whose clock says `now`.
    pub async fn post_at(
        &self,
        now: Timestamp,
        path: &str,
        secret: Option<&str>,
        body: String,
    ) -> Option<u16> {
        let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
        let mut request = client.post(format!("http://{}{path}", self.listen));
        if let Some(secret) = secret {
            let signature = webhook::sign(&secret.to_owned().into(), now, body.as_bytes());
            request = request
                .header(webhook::SIGNATURE_HEADER, signature)
                .header(webhook::TIMESTAMP_HEADER, now.as_second().to_string());
        }
        request.body(body).send().await.ok().map(|answer| answer.status().as_u16())
    }
}

impl Life {
    /// An owner of another Safe lets the proposer propose there.
    pub async fn allow_the_proposer_at(&self, town: &Town, owner: &str, safe: SafeAddress) {
        let client = self.house.agent.services[&town.chain_name()].client.clone();
        let permission = town.permission_of(&town.key_of(owner), safe);
        self.within(async move { client.add_delegate(&permission).await.unwrap() }).await;
    }

    /// An owner lets the proposer propose, through the service.
    pub async fn allow_the_proposer(&self, town: &Town) {
        self.try_allow_the_proposer(town).await.unwrap();
    }

    /// The same where the agent may die. Saying it again changes nothing.
    pub async fn try_allow_the_proposer(&self, town: &Town) -> Option<()> {
        let client = self.house.agent.services[&town.chain_name()].client.clone();
        let permission = town.permission();
        self.within(async move { client.add_delegate(&permission).await.unwrap() }).await
    }

    /// A person signs the newest proposal.
    pub async fn signs(&self, town: &Town, person: &str) -> Signed {
        self.try_sign(town, person).await.unwrap().unwrap()
    }

    /// The same where it may fail, or the agent may die.
    pub async fn try_sign(&self, town: &Town, person: &str) -> Option<Result<Signed, String>> {
        let shown = self.newest().unwrap().preparation.as_ref().unwrap().safe_tx_hash();
        self.try_sign_this(town, person, shown).await
    }

    /// A person signs a transaction of the newest incident.
    pub async fn try_sign_this(
        &self,
        town: &Town,
        person: &str,
        shown: SafeTxHash,
    ) -> Option<Result<Signed, String>> {
        let (house, key) = (Arc::clone(&self.house), town.key_of(person));
        let id = self.newest().unwrap().id;
        self.within(
            async move { sign(&house.agent, id, &key, shown).await.map_err(|error| error.to_string()) },
        )
        .await
    }

    /// An owner confirms in the Safe's own interface: only the service hears of it.
    pub async fn confirms_at_the_service(&self, town: &Town, person: &str) {
        let client = self.house.agent.services[&town.chain_name()].client.clone();
        let hash = self.newest().unwrap().preparation.as_ref().unwrap().safe_tx_hash();
        let signature = town.key_of(person).sign_hash_sync(&hash.0).unwrap().as_bytes().to_vec().into();
        self.within(async move { client.confirm(hash, &signature).await.unwrap() }).await;
    }

    /// A person says that the harm is stopped. None when the agent died meanwhile.
    pub async fn resolves(&self, person: &str) -> Option<Result<Arc<Incident>, CommandError>> {
        let (agent, id) = (Arc::clone(&self.house.agent), self.newest().unwrap().id);
        let by = Actor::Person(PersonId::new(person));
        self.within(async move {
            let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
            commands.resolve(id, by, "the vault is paused".to_owned()).await
        })
        .await
    }

    /// A person says that they are here.
    pub async fn acknowledges(&self, person: &str) -> Result<Arc<Incident>, CommandError> {
        let (agent, id) = (Arc::clone(&self.house.agent), self.newest().unwrap().id);
        let person = PersonId::new(person);
        self.within(async move {
            let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
            commands.acknowledge(id, person, "command").await
        })
        .await
        .unwrap()
    }

    /// Every proposal that the embedded service has for the guardian Safe, executed ones included.
    pub async fn at_service(&self, town: &Town) -> Vec<Value> {
        let url = format!(
            "http://{}/safe/{}/api/v2/safes/{}/multisig-transactions/?trusted=false&limit=200",
            self.listen,
            town.chain_name(),
            town.guardian.0.to_checksum(None)
        );
        let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
        let page: Value = client.get(url).send().await.unwrap().json().await.unwrap();
        assert!(page["next"].is_null(), "{page}");
        page["results"].as_array().unwrap().clone()
    }
}
