//! Silences told once, ended and told again; on a journal in memory, with time in our hands.

use alloy::primitives::B256;

use super::*;
use crate::agent::setup::{self, Keys, Surroundings};
use crate::clock::{Clock as _, ManualClock};
use crate::config::Environment;
use crate::domain::incident::IncidentId;
use crate::journal::MemoryJournal;

const SETTINGS: &str = r#"
[chains.local]
id = 31337
rpc = ["http://127.0.0.1:9"]
safe_service = "embedded"

[[feeds]]
name = "pushed"
kind = "webhook"
unauthenticated = true
stale_after = "1m"

[[feeds]]
name = "emergencies"
kind = "webhook"
unauthenticated = true

[channels.console]
kind = "console"
"#;

const ASKED: &str = r#"[[feeds]]
name = "asked"
kind = "forta"
url = "http://127.0.0.1:9/graphql"
bots = ["BOT"]
stale_after = "1m"

[channels"#;

const ROSTER: &str = r#"
[people.ana]
name = "Ana"
zone = "Europe/Berlin"
channels = ["console"]

[policies.default]
steps = [{ after = "0m", notify = ["person:ana"] }]
"#;

/// Files, a journal and a clock, which outlive the agent.
struct Ground {
    folder: tempfile::TempDir,
    journal: Arc<MemoryJournal>,
    clock: Arc<ManualClock>,
}

/// One life of the watch.
struct Life {
    agent: Agent,
    watch: FeedWatch,
    feeds: FeedsHealth,
}

impl Ground {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("runbooks")).unwrap();
        for (name, text) in [("redhandle.toml", settings), ("roster.toml", ROSTER)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let clock = ManualClock::at("2026-11-21T03:00:00Z".parse().unwrap());
        Self { folder, journal: Arc::new(MemoryJournal::new()), clock }
    }

    async fn start(&self) -> Life {
        let path = self.folder.path().join("redhandle.toml");
        let today = jiff::civil::date(2026, 11, 21);
        let config = crate::config::load(&path, &Environment::default(), today)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let around = Surroundings {
            journal: Arc::clone(&self.journal) as _,
            clock: Arc::clone(&self.clock) as _,
            console: None,
            listen: "127.0.0.1:9".parse().unwrap(),
            keys: Keys::None,
        };
        let (agent, _conditions) = setup::agent(config, around).unwrap();
        agent.store.sync().await.unwrap();
        let named = agent.config.settings.feeds.iter().map(|feed| (feed.name.clone(), SharedHealth::new()));
        let feeds = named.collect();
        Life { agent, watch: FeedWatch::new(self.clock.now()), feeds }
    }
}

impl Life {
    /// Looks once, `seconds` later; says every event as it stands then.
    async fn after(&mut self, ground: &Ground, seconds: i64) -> Vec<String> {
        ground.clock.step(SignedDuration::from_secs(seconds));
        self.watch.look(&self.agent, &self.feeds).await;
        let events = self.agent.store.all();
        events.iter().map(|event| format!("{}: {}", event.title, event.phase.as_str())).collect()
    }

    async fn says(&self, id: u64, facts: Vec<Fact>) {
        let event = self.agent.store.get(IncidentId(id)).unwrap();
        let written = self.agent.store.record(event.id, event.version, facts, false).await.unwrap();
        assert!(matches!(written, Recorded::Applied));
    }

    fn speaks(&self, ground: &Ground) {
        self.feeds[&FeedName::new("pushed")].heard(ground.clock.now());
    }
}

const REPORTED: &str = "Feed pushed is silent: its alerts are not heard: reported";
const CLOSED: &str = "Feed pushed is silent: its alerts are not heard: closed";
const TRIAGED: &str = "Feed pushed is silent: its alerts are not heard: triaged";

fn judged(incident: bool) -> Fact {
    let (by, reason) = (Actor::Person("ana".into()), "looked".to_owned());
    Fact::Triaged { by, incident, severity: Severity::Incident, reason }
}

#[tokio::test]
async fn a_silence_is_told_after_its_grace_once_over_a_restart_and_ends_with_the_next_word() {
    let ground = Ground::new(SETTINGS);
    let mut life = ground.start().await;
    assert!(life.after(&ground, 60).await.is_empty(), "a start has its grace");
    assert_eq!(
        life.after(&ground, 1).await,
        [REPORTED],
        "and the feed without stale_after is told of to nobody"
    );
    assert_eq!(life.after(&ground, 3_600).await, [REPORTED], "once");
    let told = life.agent.store.get(IncidentId(1)).unwrap();
    insta::assert_snapshot!(told.statement.as_deref().unwrap(), @"feed pushed has delivered nothing since the agent started, and 1m is the longest silence that its stale_after allows. Alerts that it would bring are not heard meanwhile.");

    let mut life = ground.start().await;
    assert_eq!(life.after(&ground, 61).await, [REPORTED], "another life finds it told");
    life.speaks(&ground);
    assert_eq!(life.after(&ground, 1).await, [CLOSED]);
    assert_eq!(life.after(&ground, 1).await, [CLOSED]);
    assert_eq!(life.after(&ground, 60).await, [CLOSED, REPORTED], "the next silence is another one");
}

#[tokio::test]
async fn what_people_made_of_a_silence_is_theirs() {
    let ground = Ground::new(SETTINGS);
    let mut life = ground.start().await;
    life.after(&ground, 61).await;
    life.says(1, vec![judged(true)]).await;
    ground.clock.step(SignedDuration::from_secs(1));
    life.speaks(&ground);
    assert_eq!(life.after(&ground, 1).await, [TRIAGED], "noted, and left to those who work on it");
    let notes = |life: &Life| {
        let facts = life.agent.store.facts(IncidentId(1));
        facts.iter().filter(|(_, fact)| matches!(fact, Fact::Noted { .. })).count()
    };
    life.after(&ground, 1).await;
    assert_eq!(notes(&life), 1, "once");

    // Closed by a person while it lasts: told again a day after it began, and not before.
    let ground = Ground::new(SETTINGS);
    let mut life = ground.start().await;
    life.after(&ground, 61).await;
    let (by, reason) = (Actor::Person("ana".into()), "known".to_owned());
    life.says(1, vec![judged(false), Fact::Closed { by, reason }]).await;
    assert_eq!(life.after(&ground, 3_600).await, [CLOSED]);
    assert_eq!(life.after(&ground, 24 * 3_600).await, [CLOSED, REPORTED]);
}

#[tokio::test]
async fn a_feed_that_we_ask_is_silent_until_it_answers() {
    let bot = B256::repeat_byte(0x80).to_string();
    let ground = Ground::new(&SETTINGS.replacen("[channels", &ASKED.replace("BOT", &bot), 1));
    let mut life = ground.start().await;
    life.feeds.retain(|name, _| name.as_str() == "asked");
    let told = life.after(&ground, 61).await;
    assert_eq!(told, ["Feed asked is silent: its alerts are not heard: reported"]);
    let statement = life.agent.store.get(IncidentId(1)).unwrap().statement.clone().unwrap();
    assert!(statement.starts_with("feed asked has not answered since the agent started"), "{statement}");
}
