//! Every example of a configuration in the documentation, put word for word into files that `redhandle check --offline`
//! reads: what a reader copies is what the code takes.
//!
//! The files around an example are the shipped ones (`examples/`, `runbooks/`), and a few names that pages speak of
//! (`GIVEN`). An example goes where its keys belong: a whole file takes the file's place; a `[section]` that is there
//! already is added to; everything else is added at the end; conditions and actions take the place of the shipped
//! runbook's. `0x…` stands for what only the reader has, and is filled in here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::Value;

use crate::support::process::{Said, redhandle, said};

/// What pages name beside the shipped configuration.
const GIVEN: &str = r#"
[chains.rollup]
id = 8453
rpc = ["https://rollup.example.org"]
safe_service = "embedded"

[contracts.bridge]
chain = "mainnet"
address = "0x00000000000000000000000000000000000000b1"
abi = "../contracts-abi/vault.json"

[contracts.vault_fixed]
chain = "mainnet"
address = "0x00000000000000000000000000000000000000f1"
abi = "../upgrades/VaultFixedAgain.json"

[contracts.timelock]
chain = "mainnet"
address = "0x0000000000000000000000000000000000000071"
abi = "../contracts-abi/timelock-controller.json"
"#;

/// Lists of bots that pages name.
const BOTS: &str = r#"
funding = ["acme:2"]
exploitation = ["acme:3", "acme:4"]
heartbeat = ["acme:5"]
mitigation = ["acme:6"]
our_chain = ["chain:mainnet"]
"#;

/// Feeds that bring what the conditions of `docs/CONDITIONS.md` ask for.
const HEARD: &str = r#"
[[feeds]]
name = "chain-mainnet"
kind = "chain"
chain = "mainnet"

[[feeds]]
name = "lines"
kind = "jsonl"
path = "-"
"#;

/// Blocks in a language that no reader puts into a configuration.
const NO_CONFIGURATION: [&str; 4] = ["sh", "text", "js", "ini"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A fenced block.
struct Block {
    /// `docs/OPERATOR.md:111`, of its first line.
    place: String,
    language: String,
    text: String,
}

/// The fenced blocks of every page.
fn blocks() -> Vec<Block> {
    let mut pages: Vec<PathBuf> = vec![root().join("README.md")];
    for folder in ["docs", "runbooks", "examples", "contracts-abi"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        pages.extend(
            entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|e| e == "md")),
        );
    }
    pages.sort();
    let mut blocks = Vec::new();
    for page in pages {
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        let text = std::fs::read_to_string(&page).unwrap();
        let mut open: Option<Block> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let fence = line.trim_start().strip_prefix("```");
            match (fence, open.take()) {
                (Some(language), None) => {
                    let (place, language) = (format!("{name}:{}", number + 1), language.trim().to_owned());
                    open = Some(Block { place, language, text: String::new() });
                }
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name}: a block does not end");
    }
    blocks
}

/// The parts of a TOML text, each with its header (`[bots]`, `[[feeds]]`; empty for what stands before the first).
fn sections(text: &str) -> Vec<(String, String)> {
    let mut found = vec![(String::new(), String::new())];
    for line in text.split_inclusive('\n') {
        // A line of a list that is spread over lines is indented, or ends it.
        if line.starts_with('[') && line.contains(']') {
            let header = line.split('#').next().unwrap().trim().to_owned();
            found.push((header, String::new()));
        } else {
            found.last_mut().unwrap().1.push_str(line);
        }
    }
    found.retain(|(header, body)| !header.is_empty() || !body.trim().is_empty());
    found
}

/// Adds an example to a file: into its sections where they are there already, at its end otherwise.
fn added(file: &str, example: &str) -> String {
    let mut text = file.to_owned();
    for (header, body) in sections(example) {
        let line = format!("{header}\n");
        let there = (!header.starts_with("[[")).then(|| {
            text.lines().find(|line| !header.is_empty() && line.split('#').next().unwrap().trim() == header)
        });
        match there.flatten().map(|line| format!("{line}\n")) {
            Some(there) => text = text.replacen(&there, &format!("{there}{body}"), 1),
            None => text.push_str(&format!("\n{line}{body}")),
        }
    }
    text
}

/// What only the reader has.
fn filled(text: &str) -> String {
    let address = format!("0x{}", "dd".repeat(20));
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let is_hash = ["code_hash = ", "replaces = "].iter().any(|key| line.starts_with(key));
        let value = if is_hash { format!("0x{}", "cd".repeat(32)) } else { address.clone() };
        out.push_str(&line.replace("0x…", &value));
    }
    // A key of P-256: the generator's, behind the head that all have.
    let generator = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let point = base64::engine::general_purpose::STANDARD.encode(alloy::hex::decode(generator).unwrap());
    out.replace("AQcDQgAE…", &format!("AQcDQgAE{point}"))
}

/// The folders of a configuration.
struct Ground {
    folder: tempfile::TempDir,
    settings: String,
    roster: String,
    runbook: String,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["examples", "runbooks", "contracts-abi", "upgrades", "examples/layouts", "examples/secrets"]
        {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
        let ground = Self {
            settings: added(
                &read("examples/redhandle.toml"),
                &format!("{GIVEN}\n[bots]\n{}", BOTS.trim_start()),
            ),
            roster: read("examples/roster.toml"),
            runbook: read("runbooks/pause-vault.md"),
            folder,
        };
        for abi in ["vault.json", "timelock-controller.json"] {
            ground.write(&format!("contracts-abi/{abi}"), &read(&format!("contracts-abi/{abi}")));
        }
        ground.write(
            "upgrades/VaultFixedAgain.json",
            &read("foundry-tests/out/Upgrades.sol/VaultFixedAgain.json"),
        );
        for layout in ["vault", "vault_fixed"] {
            let shipped = read("foundry-tests/out/Upgrades.sol/VaultLayout.json");
            ground.write(&format!("examples/layouts/{layout}.json"), &shipped);
        }
        ground.write("examples/secrets/bus-a.creds", "what a bus gave");
        ground
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).unwrap();
    }

    /// Puts an example where it belongs.
    fn put(&mut self, example: &str, page: &[Block]) {
        let has = |key: &str| example.lines().any(|line| line.starts_with(key));
        if has("[people.") {
            self.roster = example.to_owned();
        } else if has("id = ") && has("[[action]]") {
            // A whole front matter.
            let prose = self.runbook.rsplit_once("\n+++\n").unwrap().1;
            self.runbook = format!("+++\n{example}+++\n{prose}");
        } else if has("[[condition]]") || has("inhibited_by") {
            // It may rest on the words that its page declares.
            for words in page.iter().filter(|block| block.text.starts_with("[lists]")) {
                self.settings = added(&self.settings, &words.text);
            }
            self.settings.push_str(HEARD);
            if has("inhibited_by") {
                let other = self.part("[[condition]]").replace("id = \"drain\"", "id = \"bridge-down\"");
                let own = format!("{}{example}\n", self.part("[[condition]]"));
                self.swap("[[condition]]", &format!("{own}{other}"));
            } else {
                self.swap("[[condition]]", example);
            }
        } else if has("[[action]]") {
            if has("cancel = ") {
                let scheduled = "+++\nid = \"upgrade-vault\"\nseverity = \"emergency\"\nowner = \"o\"\nreviewed = 2026-11-01\nsafe = [\"guardian\"]\nrespond = \"propose\"\n\n";
                let upgrade = page.iter().find(|block| block.text.contains("[action.upgrade]")).unwrap();
                let text = format!("{scheduled}{}+++\n\n## Upgrade\n\nBy hand.\n", filled(&upgrade.text));
                self.write("runbooks/upgrade-vault.md", &text);
            }
            if has("[action.upgrade]") || has("cancel = ") {
                // The proxy speaks as what stands behind it.
                self.settings = self.settings.replacen(
                    "../contracts-abi/vault.json",
                    "../upgrades/VaultFixedAgain.json",
                    1,
                );
                self.runbook = self.runbook.replacen("id = \"pause-vault\"", "id = \"the-example\"", 1);
                let recover = self.part("[[recover]]");
                self.runbook = self.runbook.replacen(&recover, "", 1);
            }
            self.swap("[[action]]", example);
        } else if has("[[window]]") {
            self.write("examples/maintenance.toml", example);
            self.settings = format!("maintenance = \"maintenance.toml\"\n{}", self.settings);
        } else if has("roster = ") {
            // A whole redhandle.toml, with the other files of its page.
            self.settings = example.to_owned();
            for other in page.iter().filter(|block| block.text.contains("[people.")) {
                self.roster.clone_from(&other.text);
            }
        } else {
            self.settings = added(&self.settings, example);
        }
    }

    /// The tables of this kind in the front matter.
    fn part(&self, header: &str) -> String {
        let (start, all) = (self.runbook.find(header).unwrap(), self.runbook.find("\n+++\n").unwrap() + 1);
        let end = self.runbook[start + 2..all].find("\n[[").map_or(all, |at| start + 2 + at + 1);
        self.runbook[start..end].to_owned()
    }

    fn swap(&mut self, header: &str, example: &str) {
        self.runbook = self.runbook.replacen(&self.part(header), &format!("{example}\n"), 1);
    }

    /// The secrets that the files name: everything that can be here without a device or a keystore is.
    fn secrets(&self) -> Vec<(String, String)> {
        let named = self.settings.split("env = \"").skip(1).map(|rest| rest.split('"').next().unwrap());
        let named: BTreeSet<&str> = named
            .filter(|name| {
                !name.ends_with("_PASSWORD") || name.starts_with("BUS") || name.starts_with("POST")
            })
            .collect();
        let value = |name: &str| match name {
            "PRESIGN_KEY" => alloy::hex::encode(alloy::primitives::keccak256("a seal")),
            "BUS_C_SEED" => nkeys::KeyPair::new_user().seed().unwrap(),
            url if url.starts_with("RPC") || url == "RELAY_URL" || url == "SLACK_WEBHOOK" => {
                format!("https://{}.example.org", name.to_lowercase().replace('_', "-"))
            }
            other => format!("{other} that nobody guesses in a hundred years"),
        };
        named.into_iter().map(|name| (name.to_owned(), value(name))).collect()
    }

    fn check(&self) -> Said {
        let whole = self.settings.contains("runbooks = \"runbooks\"");
        // README's redhandle.toml has the runbooks below it, the shipped one beside it.
        let path = if whole { "redhandle.toml" } else { "examples/redhandle.toml" };
        self.write(path, &self.settings);
        self.write(if whole { "roster.toml" } else { "examples/roster.toml" }, &self.roster);
        self.write("runbooks/pause-vault.md", &self.runbook);
        let mut command = redhandle();
        command.envs(self.secrets()).current_dir(self.folder.path());
        said(command.args(["--json", "-c"]).arg(path).args(["check", "--offline"]))
    }
}

#[test]
fn every_example_of_a_configuration_is_one_that_the_code_takes() {
    let blocks = blocks();
    let mut refused = Vec::new();
    let mut taken = 0;
    for (index, block) in blocks.iter().enumerate() {
        if NO_CONFIGURATION.contains(&block.language.as_str()) {
            continue;
        }
        assert_eq!(block.language, "toml", "{}: how is this checked?", block.place);
        let page = block.place.split(':').next().unwrap();
        let same = |other: &&Block| other.place.split(':').next() == Some(page);
        let first = blocks.iter().position(|other| same(&other)).unwrap();
        let last = blocks.iter().rposition(|other| same(&other)).unwrap();
        assert!((first..=last).contains(&index));
        let mut ground = Ground::new();
        ground.put(&filled(&block.text), &blocks[first..=last]);
        let said = ground.check();
        let told: Value = serde_json::from_str(&said.stdout).unwrap_or(Value::Null);
        let wrong: Vec<String> = told["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|finding| finding["level"] == "problem")
            .map(|finding| {
                format!(
                    "    {}: {}",
                    finding["place"].as_str().unwrap(),
                    finding["sentence"].as_str().unwrap()
                )
            })
            .collect();
        if said.code != 0 {
            refused.push(format!("{}\n{}{}", block.place, wrong.join("\n"), said.stderr));
        }
        taken += 1;
    }
    assert!(refused.is_empty(), "{} of {taken} are refused:\n{}", refused.len(), refused.join("\n"));
    assert!(taken >= 25, "{taken}: where are the pages?");
}

/// The rules do bite: an example with a word that the code does not know is refused.
#[test]
fn an_example_that_is_wrong_is_refused() {
    for (example, wanted) in [
        ("[[feeds]]\nname = \"m\"\nkind = \"webhok\"\n", "webhok"),
        ("[chains.mainnet]\ndelegatecall_target = [\"0x…\"]\n", "delegatecall_target"),
        ("[[condition]]\nid = \"x\"\nwhen = 'alert.severty >= HIGH'\nabout = [\"vault\"]\n", "severty"),
        ("[[action]]\ncontract = \"vault\"\ncall = \"paws()\"\n", "paws"),
        ("[people.zoe]\nnam = \"Zoe\"\n", "nam"),
        ("[[window]]\nchian = \"mainnet\"\n", "chian"),
    ] {
        let mut ground = Ground::new();
        ground.put(&filled(example), &[]);
        let said = ground.check();
        assert!(said.code == 2 && said.stdout.contains(wanted), "{example}: {said:?}");
    }
    let said = Ground::new().check();
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (said.code, &told["absent_secrets"]),
        (0, &Value::from(0)),
        "what is around the examples is in order: {said:?}"
    );
}
