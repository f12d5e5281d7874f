//! The whole of it, from files on disk. Every case starts from a small configuration that is right, spoils it in
//! one or a few places, and looks at what a person is told.

mod chain_feeds;
mod environment;
mod keys;
mod load;
mod maintenance;
#[cfg(feature = "nats")]
mod nats;
mod presigned;
mod reports;
mod roster;
mod runbooks;
mod settings;
mod webhooks;
mod words;

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::*;

/// The day of every test.
const TODAY: Date = date(2026, 11, 21);

const SETTINGS: &str = r#"
[chains.mainnet]
id = 1
rpc = [{ env = "RPC_A" }, "https://b.example.org", { file = "rpc-c" }]
safe_service = "embedded"

[chains.base]
id = 8453
rpc = "https://base.example.org"
safe_service = { url = "https://safe.example.org/base" }

[contracts.vault]
chain = "mainnet"
address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
abi = "vault.json"

[safes.guardian]
chain = "mainnet"
address = "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"

[safes.governance]
chain = "mainnet"
address = "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0"

[safes.elsewhere]
chain = "base"
address = "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0"

[bots]
detector = ["0x80ed808b586aeebe9cdd4088ea4dea0a8e322909c0e4493c993e060e89c09ed1", "other-vendor"]

[[feeds]]
name = "forta"
kind = "forta"
key = { env = "FORTA_API_KEY" }

[[feeds]]
name = "own"
kind = "webhook"
secret = { env = "OWN_SECRET" }

[channels.console]
kind = "console"

[channels.pager]
kind = "webhook"
url = "https://pager.example.org"
secret = { env = "PAGER_SECRET" }
"#;

const ROSTER: &str = r#"
[people.ana]
name = "Ana"
zone = "Europe/Berlin"
channels = ["console", "pager"]
keys = ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]

[people.ben]
name = "Ben"
zone = "America/New_York"
channels = ["pager"]
keys = [{ address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", from = 2026-01-15 }]

[rotations.primary]
zone = "Europe/Berlin"
start = "2026-01-05T10:00"
every = "7d"
people = ["ana", "ben"]

[roles]
commander = "rotation:primary"

[[shift]]
person = "ben"
from = "2026-12-24T18:00"
to = "2026-12-27T09:00"

[[override]]
rotation = "primary"
from = 2026-12-24T18:00:00
to = "2026-12-27T09:00"
remove = "ana"
reason = "holiday"

[policies.default]
steps = [
    { after = "0m", notify = ["on-call"] },
    { after = "5m", notify = ["role:commander", "signers"] },
]
"#;

const RUNBOOK: &str = r#"+++
id = "pause"
severity = "emergency"
owner = "security"
reviewed = 2026-11-01
safe = ["guardian", "governance"]
respond = "propose"

[[condition]]
id = "drain"
when = 'alert.severity >= CRITICAL'
about = ["vault"]
count = { alerts = 2, bots = 2, within = "10m" }

[[action]]
contract = "vault"
call = "pause()"
expect = 'read("vault", "paused()")'

[[recover]]
contract = "vault"
call = "unpause()"
safe = "governance"
+++
# Pause the vault
## When to use this
## Decide
## After
"#;

/// Files that are right, until they are spoilt, and an environment.
struct Files {
    texts: BTreeMap<&'static str, String>,
    variables: BTreeMap<String, String>,
}

impl Files {
    fn right() -> Self {
        let abi = include_str!("../../../contracts-abi/vault.json");
        let texts = [
            ("redhandle.toml", SETTINGS.trim_start()),
            ("roster.toml", ROSTER.trim_start()),
            ("runbooks/pause.md", RUNBOOK),
            ("vault.json", abi),
            ("rpc-c", "https://c.example.org/key\n"),
        ];
        let variables = [
            ("RPC_A", "https://a.example.org/key"),
            ("FORTA_API_KEY", "forta-key"),
            ("OWN_SECRET", "own-secret"),
            ("PAGER_SECRET", "pager-secret"),
        ];
        Self {
            texts: texts.map(|(file, text)| (file, text.to_owned())).into(),
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    /// Replaces the one place in `file` that reads `right`.
    fn spoil(mut self, file: &'static str, right: &str, wrong: &str) -> Self {
        let text = self.texts.get_mut(file).unwrap();
        assert_eq!(text.matches(right).count(), 1, "{right:?} in {file}");
        *text = text.replace(right, wrong);
        self
    }

    /// Adds to the end of `file`.
    fn add(mut self, file: &'static str, text: &str) -> Self {
        self.texts.entry(file).or_default().push_str(text);
        self
    }

    fn without(mut self, file: &str) -> Self {
        self.texts.remove(file).unwrap();
        self
    }

    fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.insert(variable.to_owned(), value.to_owned());
        self
    }

    fn unset(mut self, variable: &str) -> Self {
        self.variables.remove(variable).unwrap();
        self
    }

    fn load(&self) -> Result<Config, String> {
        self.read().0
    }

    /// What a person is told: problems, or else warnings.
    fn told(&self) -> String {
        match self.read() {
            (Err(problems), _) => problems,
            (Ok(config), _) if config.warnings.is_empty() => "nothing is wrong".to_owned(),
            (Ok(config), prefix) => {
                let warnings = config.warnings.iter().map(|warning| format!("warning: {warning}"));
                warnings.collect::<Vec<_>>().join("\n").replace(&prefix, "")
            }
        }
    }

    /// Writes the files and reads them; also answers what their paths begin with, which problems are told without.
    fn read(&self) -> (Result<Config, String>, String) {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in &self.texts {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let environment = self.variables.clone().into_iter().collect();
        let prefix = format!("{}/", folder.path().display());
        let config = load(&folder.path().join("redhandle.toml"), &environment, TODAY);
        (config.map_err(|problems| problems.to_string().replace(&prefix, "")), prefix)
    }
}

/// What is told of each spoilt place of `file`, one after the other.
fn table(file: &'static str, cases: &[(&str, &str)]) -> String {
    let told = cases.iter().map(|(right, wrong)| {
        let shown = wrong.trim().replace('\n', " ⏎ ");
        format!("{shown}\n  {}", Files::right().spoil(file, right, wrong).told().replace('\n', "\n  "))
    });
    told.collect::<Vec<_>>().join("\n")
}
