//! Files that name a practice chain, as a team would write them: for tests of what asks the chain.

use std::path::{Path, PathBuf};

use alloy::signers::local::PrivateKeySigner;
use tempfile::TempDir;

use crate::clock::{Clock as _, SystemClock};
use crate::config::Environment;
use crate::domain::safe::{SafeAddress, SafeVersion};
use crate::drill::ground::{LocalChain, LocalChainOptions, Protocol, ProtocolRoles, SafeSpec, Tools};

/// The vault's ABI, as we ship it.
const VAULT_ABI: &str = include_str!("../../../contracts-abi/vault.json");

/// A practice chain, and the files that name it.
pub struct Practice {
    /// The chain.
    pub ground: LocalChain,
    /// What stands on it.
    pub protocol: Protocol,
    /// 2 of 3; may pause the vault.
    pub guardian: SafeAddress,
    /// 3 of 5; may not pause it, and restarts it.
    pub governance: SafeAddress,
    folder: TempDir,
}

impl Practice {
    /// Lays the ground and writes the files, all of them good.
    pub async fn lay() -> Self {
        let ground =
            LocalChain::start(&Tools::find(None).unwrap(), &LocalChainOptions::default()).await.unwrap();
        let guardian = ground.safe(2, 3).await.unwrap();
        let owners = ground.actors.owner_addresses(5);
        let spec = SafeSpec { version: SafeVersion::V1_4_1, owners, threshold: 3, salt: 1 };
        let governance = ground.deploy_safe(&spec).await.unwrap();
        let admin = ground.actors.deployer.address();
        let roles = ProtocolRoles { admin, pauser: guardian, unpauser: governance.0 };
        let protocol = ground.deploy_protocol(&roles).await.unwrap();
        ground.deposit(&protocol, 1_000).await.unwrap();
        let practice = Self { ground, protocol, guardian, governance, folder: tempfile::tempdir().unwrap() };
        practice.write("redhandle.toml", &practice.settings());
        practice.write("roster.toml", &practice.roster());
        // A review grows old, and would be told.
        let today = SystemClock.now().to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string();
        practice.write("runbooks/pause-vault.md", &RUNBOOK.replace("TODAY", &today));
        practice.write("vault.json", VAULT_ABI);
        practice
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.path().join("redhandle.toml")
    }

    /// What is not in files.
    pub fn environment(&self) -> Environment {
        Environment::default()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes a file anew with one text of it changed.
    pub fn change(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// Gives the agent a key.
    pub fn keystore(&self, whose: &str, key: &PrivateKeySigner) {
        let folder = self.path().join("keystores");
        std::fs::create_dir_all(&folder).unwrap();
        let mut random = rand::rngs::OsRng;
        PrivateKeySigner::encrypt_keystore(&folder, &mut random, key.to_bytes(), "practice", Some(whose))
            .unwrap();
        self.write("password", "practice");
        let text = std::fs::read_to_string(self.config()).unwrap();
        let section = format!(
            "\n[{whose}]\nkeystore = {{ path = \"keystores/{whose}\", password = {{ file = \"password\" }} }}\n"
        );
        self.write("redhandle.toml", &(text + &section));
    }

    /// A text without what differs from run to run: the port, the folder, the height of the chain.
    pub fn steady(&self, text: &str) -> String {
        let port = self.ground.anvil.url().port().unwrap();
        let text = text.replace(&format!("127.0.0.1:{port}"), "ANVIL");
        let text = text.replace(&self.path().display().to_string(), "FOLDER");
        let mut parts = text.split("at block ");
        let mut steady = parts.next().unwrap().to_owned();
        for part in parts {
            steady.push_str("at block N");
            steady.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        steady
    }

    fn settings(&self) -> String {
        format!(
            r#"roster = "roster.toml"
runbooks = "runbooks"

[chains.local]
id = {}
rpc = ["{}"]
safe_service = "embedded"

[contracts.vault]
chain = "local"
address = "{}"
abi = "vault.json"

[safes.guardian]
chain = "local"
address = "{}"

[safes.governance]
chain = "local"
address = "{}"

[channels.console]
kind = "console"
"#,
            self.ground.chain.id(),
            self.ground.anvil.url(),
            self.protocol.vault,
            self.guardian,
            self.governance,
        )
    }

    /// The five owners; ana, ben and chi are on call for ever.
    fn roster(&self) -> String {
        let mut text = String::new();
        for (id, owner) in ["ana", "ben", "chi", "dan", "eve"].iter().zip(&self.ground.actors.owners) {
            text.push_str(&format!(
                "[people.{id}]\nname = \"{id}\"\nzone = \"UTC\"\nchannels = [\"console\"]\nkeys = [\"{}\"]\n\n",
                owner.address()
            ));
        }
        for id in ["ana", "ben", "chi"] {
            text.push_str(&format!(
                "[[shift]]\nperson = \"{id}\"\nfrom = \"2020-01-01T00:00\"\nto = \"2120-01-01T00:00\"\n\n"
            ));
        }
        text + "[roles]\ncommander = \"person:ana\"\ncommunications = \"person:chi\"\n\n[policies.default]\nsteps = [{ after = \"0m\", notify = [\"on-call\"] }]\n"
    }
}

const RUNBOOK: &str = r#"+++
id = "pause-vault"
severity = "emergency"
owner = "protocol-security"
reviewed = TODAY
safe = ["guardian"]
respond = "propose"

[[condition]]
id = "drain"
when = 'alert.severity >= CRITICAL'
about = ["vault"]
confirm = 'read("vault", "totalAssets()") < read("vault", "totalSupply()")'

[[action]]
contract = "vault"
call = "pause()"
unless = 'read("vault", "paused()")'
expect = 'read("vault", "paused()") == true'
+++

# Pause the vault
## When to use this
## Decide
## After
"#;
