//! A town with a window, and what happens to its Safe meanwhile.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use redhandle::domain::safe::abi::Safe;
use redhandle::drill::ground::controls::DevTransaction;

use crate::support::Town;
use crate::support::process::{Said, redhandle, said};

/// A key that seals, as `openssl rand -hex 32` makes them.
pub const SEAL_KEY: &str = "6b1f0c1a9d3e5f7a8b2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0f1a3b5c7d9e1f2a";

/// A town whose team keeps a window of three nonces, and is short below two.
pub struct Windowed {
    pub town: Town,
}

impl Windowed {
    pub async fn new(release: &str) -> Self {
        let town = Town::new().await;
        town.write("secrets/seal", SEAL_KEY);
        town.add(&format!(
            "[[presigned]]\nname = \"pause\"\nrunbook = \"pause-vault\"\nsafe = \"guardian\"\nnonces = 3\nlow = 2\nfolder = \"presigned\"\nseal = {{ file = \"secrets/seal\" }}\nrelease = \"{release}\"\nwatch = \"100ms\""
        ));
        Self { town }
    }

    /// Prepared, and signed by these people at every nonce.
    pub async fn signed(release: &str, people: &[&str]) -> Self {
        let windowed = Self::new(release).await;
        let said = windowed.town.run(&["presign", "prepare", "pause"]);
        assert_eq!(said.code, 0, "{said:?}");
        for person in people {
            let said = windowed.sign(person);
            assert_eq!(said.code, 0, "{said:?}");
        }
        windowed
    }

    pub fn sign(&self, person: &str) -> Said {
        let keystore = self.town.keystore_path(person);
        let password = self.town.path("secrets/keystore-password");
        let words = ["presign", "sign", "pause", "--person", person, "--yes", "--keystore"];
        let mut call: Vec<&str> = words.to_vec();
        call.extend([keystore.to_str().unwrap(), "--password-file", password.to_str().unwrap()]);
        self.town.run(&call)
    }

    /// The window's standing, and the exit code.
    pub fn status(&self) -> (i32, serde_json::Value) {
        let (code, value) = self.town.run_json(&["presign", "status", "pause"]);
        (code, value[0].clone())
    }

    /// The state of each nonce.
    pub fn states(&self) -> Vec<String> {
        let (_, status) = self.status();
        let entries = status["standing"]["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| entry["state"].as_str().unwrap().to_owned()).collect()
    }

    /// Adds a text by standard input.
    pub fn add(&self, text: &str) -> Said {
        self.town.write("signatures.txt", text);
        let path = self.town.path("signatures.txt");
        let mut command = redhandle();
        command.arg("-c").arg(self.town.config_path()).args(["presign", "add", "pause", "-"]);
        said(command.stdin(std::fs::File::open(path).unwrap()))
    }
}

impl Town {
    /// Something sends a call as if it were another account.
    pub async fn act_as(&self, from: Address, to: Address, data: Vec<u8>) {
        let anvil = &self.chain.anvil;
        anvil.set_balance(from, U256::from(10).pow(U256::from(20))).await.unwrap();
        anvil.impersonate(from).await.unwrap();
        let what = "a call as somebody else".to_owned();
        let call = DevTransaction { what, from, to: Some(to), data: data.into() };
        anvil.send_all(&[call]).await.unwrap();
    }

    /// The guardian Safe does something to itself, without using a nonce.
    pub async fn guardian_does<C: SolCall>(&self, call: C) {
        self.act_as(self.guardian.0, self.guardian.0, call.abi_encode()).await;
    }

    /// The guardian's nonce moves on, as if it had executed something.
    pub async fn move_nonce(&self, nonce: u64) {
        let slot = B256::from(U256::from(5));
        self.chain.anvil.set_storage(self.guardian.0, slot, U256::from(nonce).into()).await.unwrap();
        self.chain.anvil.mine(1).await.unwrap();
        assert_eq!(self.nonce().await, nonce);
    }

    /// Deploys a contract of `foundry-tests/src`; gives its address.
    pub async fn deploy(&self, source: &str, arguments: Vec<u8>) -> Address {
        let file = format!("{}/foundry-tests/out/{source}.sol/{source}.json", env!("CARGO_MANIFEST_DIR"));
        let artifact: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let code: Bytes = artifact["bytecode"]["object"].as_str().unwrap().parse().unwrap();
        let from = self.chain.actors.deployer.address();
        let at = self.next_address().await;
        let data = [code.to_vec(), arguments].concat().into();
        let create = DevTransaction { what: format!("deploying {source}"), from, to: None, data };
        self.chain.anvil.send_all(&[create]).await.unwrap();
        at
    }

    /// Where the deployer's next contract will be.
    pub async fn next_address(&self) -> Address {
        let from = self.chain.actors.deployer.address();
        let client = redhandle::http::client(std::time::Duration::from_secs(20)).unwrap();
        let question = serde_json::json!({
            "jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionCount", "params": [from, "latest"],
        });
        let request = client.post(self.chain.anvil.url().clone()).json(&question);
        let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        let nonce: alloy::primitives::U64 = serde_json::from_value(answer["result"].clone()).unwrap();
        from.create(nonce.to())
    }

    /// Enables a module of the guardian.
    pub async fn enable_module(&self, module: Address) {
        self.guardian_does(Safe::enableModuleCall { module }).await;
    }
}
