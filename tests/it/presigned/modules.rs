//! Pauses that need neither a quorum nor the Safe's nonce, through a real Safe.

use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::{SolCall as _, SolValue as _, eip712_domain};
use redhandle::domain::incident::Stage;
use redhandle::domain::safe::abi::Safe;

use crate::support::Town;

sol! {
    struct DeputyAuthMessage {
        address deputy;
    }

    interface Roles {
        function assignRoles(address module, bytes32[] roleKeys, bool[] memberOf) external;
        function scopeTarget(bytes32 roleKey, address to) external;
        function allowFunction(bytes32 roleKey, address to, bytes4 selector, uint8 options) external;
        function revokeFunction(bytes32 roleKey, address to, bytes4 selector) external;
        function setTarget(address target) external;
        function enableModule(address module) external;
        function setDeputy(address deputy, bytes signature) external;
    }
}

const PAUSE: FixedBytes<4> = FixedBytes([0x84, 0x56, 0xcb, 0x59]);

fn deputy() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256("the deputy of the tests")).unwrap()
}

fn role() -> B256 {
    B256::right_padding_from(b"pauser")
}

impl Town {
    /// A module whose deputy is [`deputy`], enabled on the guardian and in the files.
    async fn with_deputy(&self) -> Address {
        let at = self.next_address().await;
        let domain = eip712_domain! {
            name: "DeputyPauseModule", version: "1",
            chain_id: self.chain.chain.id().0, verifying_contract: at,
        };
        let word = DeputyAuthMessage { deputy: deputy().address() };
        let hash = alloy::sol_types::SolStruct::eip712_signing_hash(&word, &domain);
        let word = Bytes::from(deputy().sign_hash_sync(&hash).unwrap().as_bytes().to_vec());
        let vault = self.protocol.vault;
        let arguments = (self.guardian.0, vault, vault, deputy().address(), word).abi_encode_params();
        let module = self.deploy("DeputyPauseModule", arguments).await;
        assert_eq!(module, at);
        self.enable_module(module).await;
        self.keystore("deputy", &deputy());
        self.add(&format!(
            "[modules.deputy]\nkind = \"deputy-pause\"\nsafe = \"guardian\"\naddress = \"{module}\"\nrunbook = \"pause-vault\""
        ));
        module
    }

    /// A Roles modifier whose member is the executor, enabled on the guardian and in the files.
    async fn with_roles(&self) -> Address {
        let safe = self.guardian.0;
        let roles = self.deploy("Roles", (safe, safe, safe).abi_encode_params()).await;
        self.enable_module(roles).await;
        let member = self.chain.actors.executor.address();
        let (role, vault) = (role(), self.protocol.vault);
        let calls = [
            Roles::scopeTargetCall { roleKey: role, to: vault }.abi_encode(),
            Roles::allowFunctionCall { roleKey: role, to: vault, selector: PAUSE, options: 0 }.abi_encode(),
            Roles::assignRolesCall { module: member, roleKeys: vec![role], memberOf: vec![true] }
                .abi_encode(),
        ];
        for call in calls {
            self.act_as(safe, roles, call).await;
        }
        self.add(&format!(
            "[modules.roles]\nkind = \"zodiac-roles\"\nsafe = \"guardian\"\naddress = \"{roles}\"\nrunbook = \"pause-vault\"\nrole = \"pauser\"\nmember = \"{member}\""
        ));
        roles
    }

    fn with_key(&self, call: &[&str], whose: &str) -> crate::support::process::Said {
        let (keystore, password) = (self.keystore_path(whose), self.path("secrets/keystore-password"));
        let mut call = call.to_vec();
        call.extend([
            "--keystore",
            keystore.to_str().unwrap(),
            "--password-file",
            password.to_str().unwrap(),
        ]);
        self.run(&call)
    }

    fn state_of(&self, module: &str) -> (i32, String, String) {
        let (code, found) = self.run_json(&["module", "status", module]);
        (code, found[0]["state"].as_str().unwrap().to_owned(), found[0]["why"].to_string())
    }
}

#[tokio::test]
async fn a_deputys_signature_pauses_and_the_safes_nonce_stays() {
    let town = Town::new().await;
    let module = town.with_deputy().await;
    let (code, state, why) = town.state_of("deputy");
    assert_eq!((code, state.as_str()), (0, "ready"), "{why}");
    assert!(
        why.contains("a key made for this simulation is taken as the deputy"),
        "what is pretended is said: {why}"
    );

    let wrong = town.with_key(&["module", "sign", "deputy"], "ana");
    assert!(wrong.code == 2 && wrong.stderr.contains("is not the deputy"), "{wrong:?}");
    let signed = town.with_key(&["module", "sign", "deputy"], "deputy");
    assert_eq!(signed.code, 0, "{signed:?}");
    let order: serde_json::Value = serde_json::from_str(&signed.stdout).unwrap();

    // What is for another module, chain or deputy is named, and nothing is sent.
    let misfits = [
        ("module", serde_json::json!(town.protocol.vault), "the signature is for module"),
        ("chain_id", serde_json::json!(1), "the signature is for chain 1"),
        (
            "nonce",
            serde_json::json!(B256::repeat_byte(1)),
            "the deputy was replaced, or something else was signed",
        ),
        ("signature", serde_json::json!("0x1234"), "has 2 bytes"),
    ];
    for (field, value, words) in misfits {
        let mut misfit = order.clone();
        misfit[field] = value;
        town.write("misfit.json", &misfit.to_string());
        let said = town.run(&["module", "relay", "deputy", town.path("misfit.json").to_str().unwrap()]);
        assert!(said.code == 2 && said.stderr.contains(words), "{field}: {said:?}");
    }
    town.write("pause.json", &signed.stdout);
    let path = town.path("pause.json");
    let relay = ["module", "relay", "deputy", path.to_str().unwrap()];
    let said = town.run(&relay);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("verified on the chain"), "{said:?}");
    assert!(town.is_paused().await);
    assert_eq!(town.nonce().await, 0);
    let again = town.run(&relay);
    assert!(again.code == 1 && again.stderr.contains("was used already"), "{again:?}");
    let (code, state, why) = town.state_of("deputy");
    assert!(code == 1 && state == "closed" && why.contains("nothing to do now"), "{why}");
    assert!(!module.is_zero());
}

#[tokio::test]
async fn a_member_of_the_role_pauses_and_the_safes_nonce_stays() {
    let town = Town::new().await;
    let roles = town.with_roles().await;
    let (code, state, why) = town.state_of("roles");
    assert_eq!((code, state.as_str()), (0, "ready"), "{why}");

    let safe = town.guardian.0;
    let anvil = &town.chain.anvil;
    let before = anvil.snapshot().await.unwrap();
    let call = Roles::revokeFunctionCall { roleKey: role(), to: town.protocol.vault, selector: PAUSE };
    town.act_as(safe, roles, call.abi_encode()).await;
    let (code, state, why) = town.state_of("roles");
    assert!(code == 1 && state == "closed" && why.contains("does not allow this function"), "{why}");
    let said = town.with_key(&["module", "pause", "roles"], "executor");
    assert!(said.code == 1 && said.stderr.contains("nothing was sent"), "{said:?}");
    anvil.revert(before).await.unwrap();

    let before = anvil.snapshot().await.unwrap();
    let off = Safe::disableModuleCall { prevModule: Address::with_last_byte(1), module: roles };
    town.guardian_does(off).await;
    let (_, state, why) = town.state_of("roles");
    assert!(state == "closed" && why.contains("is not enabled on Safe guardian"), "{why}");
    anvil.revert(before).await.unwrap();

    let before = anvil.snapshot().await.unwrap();
    let delay = town.deploy("Delay", (safe, safe, safe, U256::from(86_400)).abi_encode_params()).await;
    town.enable_module(delay).await;
    town.act_as(safe, delay, Roles::enableModuleCall { module: roles }.abi_encode()).await;
    town.act_as(safe, roles, Roles::setTargetCall { target: delay }.abi_encode()).await;
    let (code, state, why) = town.state_of("roles");
    assert!(code == 1 && state == "slow" && why.contains("1 day(s) must pass"), "{why}");
    anvil.revert(before).await.unwrap();

    let wrong = town.with_key(&["module", "pause", "roles"], "ana");
    assert!(wrong.code == 2 && wrong.stderr.contains("the configured member is"), "{wrong:?}");
    let said = town.with_key(&["module", "pause", "roles"], "executor");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(town.is_paused().await);
    assert_eq!(town.nonce().await, 0);
    let nothing = town.with_key(&["module", "pause", "roles"], "executor");
    assert!(nothing.code == 1 && nothing.stderr.contains("there is nothing to do"), "{nothing:?}");
}

#[tokio::test]
async fn a_proposal_is_shown_with_the_paths_beside_it() {
    let town = Town::new().await;
    town.with_deputy().await;
    town.with_roles().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let said = town.run(&["proposal", "show", "INC-1"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.stdout.matches("ready: simulated at block").count(), 2, "{said:?}");
    let (_, shown) = town.run_json(&["proposal", "show", "INC-1"]);
    assert_eq!(shown["paths"].as_array().map(Vec::len), Some(2), "{shown}");
    life.stop().await;
}
