//! The files of a team, as people would write them; tests edit them as people would.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use alloy::signers::local::PrivateKeySigner;
use redhandle::clock::{Clock as _, SystemClock};
use redhandle::config::{Config, Environment};

use super::town::{BOTS, FORTA_KEY, Town};

/// The runbook we ship.
const RUNBOOK: &str = include_str!("../../../runbooks/pause-vault.md");
/// The vault's ABI, as we ship it.
const VAULT_ABI: &str = include_str!("../../../contracts-abi/vault.json");

/// The password of every keystore.
pub const PASSWORD: &str = "practice";

/// What requests to the webhook are signed with.
pub const WEBHOOK_SECRET: &str = "a secret that monitor and agent share";

/// The people, each with one owner key of the guardian Safe, in the order of the owners.
pub const PEOPLE: [(&str, &str, &str); 3] =
    [("ana", "Ana", "Europe/Berlin"), ("ben", "Ben", "America/New_York"), ("chi", "Chi", "Asia/Singapore")];

/// The feed that towns begin with: Forta, polled often.
pub const FORTA_FEED: &str = "name = \"forta\"\nkind = \"forta\"";

impl Town {
    pub(super) fn write_files(&self) {
        self.write("redhandle.toml", &self.settings());
        self.write("roster.toml", &self.roster(&["ana", "ben", "chi"]));
        self.write("runbooks/pause-vault.md", &runbook());
        self.write("contracts-abi/vault.json", VAULT_ABI);
        self.write("secrets/forta", FORTA_KEY);
        self.write("secrets/keystore-password", PASSWORD);
        let actors = &self.chain.actors;
        self.keystore("proposer", &actors.proposer);
        self.keystore("executor", &actors.executor);
        for ((id, _, _), owner) in PEOPLE.iter().zip(&actors.owners) {
            self.keystore(id, owner);
        }
    }

    /// The configuration.
    pub fn config_path(&self) -> PathBuf {
        self.path("redhandle.toml")
    }

    /// Reads and checks the files.
    pub fn config(&self) -> Config {
        let today = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        redhandle::config::load(&self.config_path(), &Environment::default(), today)
            .unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Replaces a piece of a file, which must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} does not say {from:?}:\n{text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// Replaces a piece of `redhandle.toml`.
    pub fn set(&self, from: &str, to: &str) {
        self.edit("redhandle.toml", from, to);
    }

    /// Adds to `redhandle.toml`.
    pub fn add(&self, text: &str) {
        self.set("[channels.console]", &format!("{text}\n\n[channels.console]"));
    }

    /// Listens to these feeds instead of Forta.
    pub fn hear(&self, feeds: &str) {
        let text = read(&self.config_path());
        let (before, rest) = text.split_once("[[feeds]]").unwrap();
        let (_, after) = rest.split_once("[channels.console]").unwrap();
        self.write("redhandle.toml", &format!("{before}{feeds}\n\n[channels.console]{after}"));
    }

    /// Listens to a webhook at `/feeds/monitor` instead of Forta.
    pub fn hear_a_webhook(&self) {
        self.write("secrets/monitor", WEBHOOK_SECRET);
        self.hear(
            "[[feeds]]\nname = \"monitor\"\nkind = \"webhook\"\nsecret = { file = \"secrets/monitor\" }",
        );
    }

    /// No key executes by itself any more.
    pub fn without_executor(&self) {
        self.set("auto = true", "auto = false");
    }

    /// Somebody's keystore.
    pub fn keystore_path(&self, whose: &str) -> PathBuf {
        self.path(&format!("keystores/{whose}.json"))
    }

    /// Writes a keystore.
    pub fn keystore(&self, whose: &str, key: &PrivateKeySigner) {
        let actors = &self.chain.actors;
        let known = [&actors.proposer, &actors.executor].into_iter().chain(&actors.owners);
        let text = if known.clone().any(|one| one.address() == key.address()) {
            static TEXTS: OnceLock<Vec<(PrivateKeySigner, String)>> = OnceLock::new();
            // The same keys in every town: they are encrypted once.
            let texts = TEXTS.get_or_init(|| known.map(|key| (key.clone(), encrypted(key))).collect());
            texts.iter().find(|(one, _)| one.address() == key.address()).unwrap().1.clone()
        } else {
            encrypted(key)
        };
        self.write(&format!("keystores/{whose}.json"), &text);
    }

    fn settings(&self) -> String {
        let (listen, rpc, feed) = (self.listen, self.chain.anvil.url(), self.feed.url());
        let chain_id = self.chain.chain.id();
        let (vault, guardian, governance) = (self.protocol.vault, self.guardian, self.governance);
        let [detector, early_detector] = BOTS;
        format!(
            r#"roster = "roster.toml"
runbooks = "runbooks"

[journal]
path = "redhandle.db"

[web]
listen = "{listen}"

[chains.local]
id = {chain_id}
rpc = ["{rpc}"]
safe_service = "embedded"
poll = "100ms"

[contracts.vault]
chain = "local"
address = "{vault}"
abi = "contracts-abi/vault.json"

[safes.guardian]
chain = "local"
address = "{guardian}"

[safes.governance]
chain = "local"
address = "{governance}"

[proposer]
keystore = {{ path = "keystores/proposer.json", password = {{ file = "secrets/keystore-password" }} }}

[executor]
keystore = {{ path = "keystores/executor.json", password = {{ file = "secrets/keystore-password" }} }}
auto = true

[bots]
attack_detector = ["{detector}", "{early_detector}"]

[[feeds]]
{FORTA_FEED}
url = "{feed}"
key = {{ file = "secrets/forta" }}
poll = "100ms"
stale_after = "1m"

[channels.console]
kind = "console"
"#
        )
    }

    /// A roster in which these people are on call for two days around now.
    pub fn roster(&self, on_call: &[&str]) -> String {
        let mut text = String::new();
        for ((id, name, zone), owner) in PEOPLE.iter().zip(&self.chain.actors.owners) {
            text.push_str(&format!(
                "[people.{id}]\nname = \"{name}\"\nzone = \"{zone}\"\nchannels = [\"console\"]\nkeys = [\"{}\"]\n\n",
                owner.address()
            ));
        }
        text.push_str("[roles]\ncommander = \"person:ana\"\ncommunications = \"person:chi\"\n");
        for (id, _, zone) in PEOPLE.iter().filter(|(id, _, _)| on_call.contains(id)) {
            let wall = |days: i64| {
                let at = SystemClock.now() + jiff::SignedDuration::from_hours(24 * days);
                at.in_tz(zone).unwrap().strftime("%Y-%m-%dT%H:00").to_string()
            };
            let (from, to) = (wall(-1), wall(1));
            text.push_str(&format!(
                "\n[[shift]]\nperson = \"{id}\"\nrole = \"responder\"\nfrom = \"{from}\"\nto = \"{to}\"\n"
            ));
        }
        text.push_str(
            "\n[policies.default]\nsteps = [\n    { after = \"0m\", notify = [\"on-call\"] },\n    { after = \"5m\", notify = [\"role:commander\", \"signers\"] },\n]\nrepeat = 1\n",
        );
        text
    }
}

/// The shipped runbook, reviewed today, for the Safe that may pause here; a match declares, so that nothing of the
/// story waits for a person.
fn runbook() -> String {
    let today = SystemClock.now().strftime("reviewed = %Y-%m-%d\ndeclare = \"on-match\"").to_string();
    let line = RUNBOOK.lines().find(|line| line.starts_with("reviewed = ")).unwrap();
    let both = "safe = [\"guardian\", \"governance\"]";
    assert!(RUNBOOK.contains(both));
    RUNBOOK.replacen(line, &today, 1).replacen(both, "safe = [\"guardian\"]", 1)
}

fn encrypted(key: &PrivateKeySigner) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut random = rand::rngs::OsRng;
    PrivateKeySigner::encrypt_keystore(folder.path(), &mut random, key.to_bytes(), PASSWORD, Some("key"))
        .unwrap();
    read(&folder.path().join("key"))
}

/// Reads a file that must be there.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
