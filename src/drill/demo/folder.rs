//! The files of the story: what a protocol team would have written.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use alloy::signers::local::PrivateKeySigner;
use url::Url;

use super::{DemoError, FORTA_KEY, Ground, at, broken};
use crate::clock::{Clock as _, SystemClock};
use crate::notify::Output;

/// The runbook we ship: the demo runs what people copy.
const RUNBOOK: &str = include_str!("../../../runbooks/pause-vault.md");
/// The vault's ABI, as we ship it.
const VAULT_ABI: &str = include_str!("../../../contracts-abi/vault.json");

/// The password of every practice keystore.
const PASSWORD: &str = "practice";

/// The people of the story: id, name, zone. Each holds an owner key of the governance Safe, the first
/// three of the guardian Safe as well.
pub const PEOPLE: [(&str, &str, &str); 5] = [
    ("ana", "Ana", "Europe/Berlin"),
    ("ben", "Ben", "America/New_York"),
    ("chi", "Chi", "Asia/Singapore"),
    ("dee", "Dee", "Europe/Lisbon"),
    ("eli", "Eli", "America/Sao_Paulo"),
];

/// How many of them are on call.
const ON_CALL: usize = 3;

/// The bots that raise the alarm, as the shipped example lists them.
pub const BOTS: [&str; 2] = [
    "0x80ed808b586aeebe9cdd4088ea4dea0a8e322909c0e4493c993e060e89c09ed1",
    "0xf60b23986fc15a8ff9bc78cc47daeb13a1bef4bfc3d867f3425b355f750866a7",
];

/// Where everything is left.
pub struct Folder(PathBuf);

impl Folder {
    /// Writes all files.
    pub fn write(
        named: Option<&Path>,
        ground: &Ground,
        feed: &Url,
        listen: SocketAddr,
    ) -> Result<Self, DemoError> {
        let folder = Self(make(named)?);
        folder.file("redhandle.toml", &settings(ground, feed, listen))?;
        folder.file("roster.toml", &roster(ground))?;
        let today = SystemClock.now().strftime("%Y-%m-%d").to_string();
        folder.file("runbooks/pause-vault.md", &runbook(&today)?)?;
        folder.file("contracts-abi/vault.json", VAULT_ABI)?;
        folder.file("secrets/forta", FORTA_KEY)?;
        folder.file("secrets/keystore-password", PASSWORD)?;
        let actors = &ground.chain.actors;
        folder.keystore("proposer", &actors.proposer)?;
        folder.keystore("executor", &actors.executor)?;
        for ((id, _, _), owner) in PEOPLE.iter().zip(&actors.owners) {
            folder.keystore(id, owner)?;
        }
        Ok(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.0.join("redhandle.toml")
    }

    /// A person's keystore.
    pub fn keystore_of(&self, person: &str) -> PathBuf {
        self.0.join("keystores").join(format!("{person}.json"))
    }

    /// The password of every practice keystore, in a file.
    pub fn password_file(&self) -> PathBuf {
        self.0.join("secrets/keystore-password")
    }

    /// Where the console's pages go.
    pub fn pages(&self) -> PathBuf {
        self.0.join("pages.txt")
    }

    /// Pages are read from a file here: a terminal full of them would hide the story.
    pub fn pages_file(&self) -> Result<Output, DemoError> {
        let file = OpenOptions::new().create(true).append(true).open(self.pages());
        Ok(Arc::new(Mutex::new(file.map_err(at("opening the file for pages"))?)))
    }

    fn file(&self, name: &str, text: &str) -> Result<(), DemoError> {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(at("making a folder"))?;
        }
        std::fs::write(path, text).map_err(at("writing a file"))
    }

    fn keystore(&self, whose: &str, key: &PrivateKeySigner) -> Result<(), DemoError> {
        let folder = self.0.join("keystores");
        std::fs::create_dir_all(&folder).map_err(at("making a folder"))?;
        let name = format!("{whose}.json");
        let mut random = rand::rngs::OsRng;
        PrivateKeySigner::encrypt_keystore(&folder, &mut random, key.to_bytes(), PASSWORD, Some(&name))
            .map(drop)
            .map_err(at("writing a keystore"))
    }
}

/// A folder that is ours alone: one that was named must be empty or new.
fn make(named: Option<&Path>) -> Result<PathBuf, DemoError> {
    const DOING: &str = "making the demo's folder";
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            let now = SystemClock.now().strftime("%Y%m%d-%H%M%S").to_string();
            std::env::temp_dir().join(format!("redhandle-demo-{now}-{}", std::process::id()))
        }
    };
    std::fs::create_dir_all(&path).map_err(at(DOING))?;
    let mut entries = std::fs::read_dir(&path).map_err(at(DOING))?;
    if entries.next().is_some() {
        return Err(broken(DOING, format!("{} is not empty; name a new one", path.display())));
    }
    std::fs::canonicalize(path).map_err(at(DOING))
}

/// The shipped runbook, with what a team that trusts its detectors would add: a match declares.
fn runbook(today: &str) -> Result<String, DemoError> {
    let respond = "respond = \"propose\"";
    if !RUNBOOK.contains(respond) {
        return Err(broken("writing the runbook", "the shipped runbook does not propose"));
    }
    let with_declare = RUNBOOK.replacen(respond, &format!("{respond}\ndeclare = \"on-match\""), 1);
    let reviewed = with_declare.lines().map(|line| match line.starts_with("reviewed = ") {
        true => format!("reviewed = {today}"),
        false => line.to_owned(),
    });
    Ok(reviewed.collect::<Vec<_>>().join("\n") + "\n")
}

fn settings(ground: &Ground, feed: &Url, listen: SocketAddr) -> String {
    let rpc = ground.chain.anvil.url();
    let chain_id = ground.chain.chain.id();
    let (vault, guardian, governance) = (ground.protocol.vault, ground.guardian, ground.governance);
    let [detector, early_detector] = BOTS;
    format!(
        r#"# A practice configuration: everything it names is on this machine.
roster = "roster.toml"
runbooks = "runbooks"

[journal]
path = "redhandle.db"

[web]
listen = "{listen}"

[chains.local]
id = {chain_id}
rpc = ["{rpc}"]
safe_service = "embedded"
poll = "250ms"

[contracts.vault]
chain = "local"
address = "{vault}"
abi = "contracts-abi/vault.json"

[safes.guardian]      # 2 of 3; may pause, and nothing else
chain = "local"
address = "{guardian}"

[safes.governance]    # 3 of 5; undoes a pause
chain = "local"
address = "{governance}"

[proposer]            # a delegate of the guardian Safe: it can suggest, not act
keystore = {{ path = "keystores/proposer.json", password = {{ file = "secrets/keystore-password" }} }}

[executor]            # pays the gas once the owners have signed
keystore = {{ path = "keystores/executor.json", password = {{ file = "secrets/keystore-password" }} }}
auto = true

[bots]
attack_detector = ["{detector}", "{early_detector}"]

[[feeds]]
name = "forta"
kind = "forta"
url = "{feed}"
key = {{ file = "secrets/forta" }}
poll = "200ms"
stale_after = "1m"

[channels.console]
kind = "console"
"#
    )
}

fn roster(ground: &Ground) -> String {
    let mut text =
        String::from("# Practice people: each holds one owner key; ana, ben and chi are on call.\n");
    let now = SystemClock.now();
    for ((id, name, zone), owner) in PEOPLE.iter().zip(&ground.chain.actors.owners) {
        text.push_str(&format!(
            "\n[people.{id}]\nname = \"{name}\"\nzone = \"{zone}\"\nchannels = [\"console\"]\nkeys = [\"{}\"]\n",
            owner.address()
        ));
    }
    text.push_str("\n[roles]\ncommander = \"person:ana\"\ncommunications = \"person:chi\"\n");
    for (id, _, zone) in PEOPLE.into_iter().take(ON_CALL) {
        // A shift of two days around now, in the person's own wall time.
        let wall = |days: i64| {
            let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
            (now + jiff::SignedDuration::from_hours(24 * days))
                .to_zoned(zone)
                .strftime("%Y-%m-%dT%H:00")
                .to_string()
        };
        text.push_str(&format!(
            "\n[[shift]]\nperson = \"{id}\"\nrole = \"responder\"\nfrom = \"{}\"\nto = \"{}\"\n",
            wall(-1),
            wall(1)
        ));
    }
    text.push_str(
        "\n[policies.default]\nsteps = [\n    { after = \"0m\", notify = [\"on-call\"] },\n    { after = \"5m\", notify = [\"role:commander\", \"signers\"] },\n]\nrepeat = 2\n",
    );
    text
}
