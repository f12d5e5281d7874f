//! The files against a real chain: what is fine, and everything that can be wrong.

use alloy::primitives::{Address, U256};
use axum::Json;
use axum::routing::get;
use jiff::tz::TimeZone;
use serde_json::Value;
use tokio::task::JoinSet;

use super::practice::Practice;
use super::*;

mod owners;

async fn check(practice: &Practice) -> (Exit, String) {
    let found = find(&practice.config(), &practice.environment(), false).await;
    (found.exit, shown(practice, &found))
}

/// As it is printed, but for what differs from run to run.
fn shown(practice: &Practice, found: &Found) -> String {
    let steady = |finding: &Finding| Finding {
        level: finding.level,
        place: practice.steady(&finding.place),
        sentence: practice.steady(&finding.sentence),
    };
    let found = Found { findings: found.findings.iter().map(steady).collect(), ..*found };
    text(&found, &Output::plain(false, TimeZone::UTC))
}

/// From the first line of what is wrong on.
fn problems(shown: &str) -> String {
    shown.lines().skip_while(|line| !line.starts_with('\u{2717}')).collect::<Vec<_>>().join("\n")
}

/// A Transaction Service that knows nothing but delegates.
struct Service {
    tasks: JoinSet<()>,
    url: String,
}

impl Service {
    async fn with(delegates: Vec<Value>) -> Self {
        let page = json!({ "count": delegates.len(), "next": null, "previous": null, "results": delegates });
        let routes = axum::Router::new().route("/api/v2/delegates/", get(move || async move { Json(page) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { tasks, url }
    }

    fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

fn delegate(practice: &Practice, delegator: Address) -> Value {
    json!({
        "safe": practice.guardian,
        "delegate": practice.ground.actors.proposer.address(),
        "delegator": delegator,
        "label": "",
        "expiryDate": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_would_work_are_fine_and_each_condition_is_said_in_words() {
    let practice = Practice::lay().await;
    let owner = practice.ground.actors.owners[0].address();
    let mut service = Service::with(vec![delegate(&practice, owner)]).await;
    practice.change("redhandle.toml", "\"embedded\"", &format!("{{ url = \"{}\" }}", service.url));
    practice.keystore("proposer", &practice.ground.actors.proposer);
    practice.keystore("executor", &practice.ground.actors.executor);
    let (exit, shown) = check(&practice).await;
    insta::assert_snapshot!(shown.replace(service.host(), "SERVICE"), @r#"
    ✓ FOLDER/redhandle.toml: 1 chain(s), 1 contract(s), 2 Safe(s), 0 feed(s), 5 people, 1 runbook(s)
    ✓ runbook "pause-vault", condition "drain": pages, prepares and proposes on each alert with
      alert.severity >= CRITICAL, about vault; beyond a page only if the chain confirms read("vault",
      "totalAssets()") < read("vault", "totalSupply()")
    ✓ [journal] FOLDER/redhandle.db: it is not there yet; the first command that needs it makes it
    ✓ [chains.local]: 1 of 1 endpoints serve chain id 31337, and 1 must agree
    ✓ [chains.local]: everything is read at block N
    ✓ [safes.governance]: Safe 0x3c5911773A657019788D325F469566807D8732CD version 1.4.1, 3 of 5 owners
      sign, nonce 0; its code is the published L2 singleton 1.4.1
    ✓ [safes.guardian]: Safe 0x399c61b017A871181d8B6C418c93a8bB361E3Db8 version 1.4.1, 2 of 3 owners
      sign, nonce 0; its code is the published L2 singleton 1.4.1
    ✓ [contracts.vault]: 0x8A791620dd6260079BF849Dc5567aDC3F2FdC318 has code
    ✓ [proposer], Safe guardian: 0x976EA74026E726554dB657fA54763abd0C3a0aa9 is a delegate of owner
      0x70997970C51812dc3A010C7d01b50e0d17dc79C8 at 127.0.0.1
    ✓ [executor], chain local: 0x14dC79964da2C08b23698B3D3cc7Ca32193d9955 holds 10000 ether; its cap is
      0.2 ether for one incident
    ✓ runbook "pause-vault", Safe guardian: vault.pause() would work now: simulated at block N by ANVIL
      (eth_simulateV1), 104247 gas; afterwards read("vault", "paused()") == true

    0 problems, 0 warnings, 11 fine.
    "#);
    assert_eq!(exit, Exit::Done);
    service.tasks.shutdown().await;
    let offline = find(&practice.config(), &practice.environment(), true).await;
    assert_eq!((offline.exit, offline.asked), (Exit::Done, false));
    assert!(
        super::text(&offline, &Output::plain(false, TimeZone::UTC)).ends_with("The chain was not asked.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_undoes_the_actions_is_tried_after_them() {
    let practice = Practice::lay().await;
    let file = "runbooks/pause-vault.md";
    let written = std::fs::read_to_string(practice.path().join(file)).unwrap();
    let with = |calls: &[&str]| {
        let sections: Vec<_> = calls
            .iter()
            .map(|call| {
                format!("[[recover]]\ncontract = \"vault\"\ncall = \"{call}\"\nsafe = \"governance\"\n\n")
            })
            .collect();
        practice.write(file, &written.replace("[[action]]", &format!("{}[[action]]", sections.concat())));
    };
    let found = async || {
        let found = find(&practice.config(), &practice.environment(), false).await;
        let recovers = found.findings.into_iter().filter(|one| one.place.contains("recover"));
        recovers.map(|one| practice.steady(&format!("{:?} {one}", one.level))).collect::<Vec<_>>().join("\n")
    };
    // Each sees what those before it did: what runs already cannot be restarted.
    with(&["unpause()", "unpause()"]);
    let told = found().await;
    let (first, second) = told.split_once('\n').unwrap();
    insta::assert_snapshot!(first, @r#"Ok runbook "pause-vault", recover 1: vault.unpause() by Safe governance would work after the actions: simulated at block N"#);
    let wrong =
        "Problem runbook \"pause-vault\", recover 2: vault.unpause() by Safe governance would not work after";
    assert!(second.starts_with(wrong), "{second}");
    // It may restart the vault, not stop it.
    with(&["pause()"]);
    let told = found().await;
    let wrong =
        "Problem runbook \"pause-vault\", recover 1: vault.pause() by Safe governance would not work after";
    assert!(told.starts_with(wrong), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_would_be_in_the_way_is_told_at_once() {
    let practice = Practice::lay().await;
    let actors = &practice.ground.actors;
    practice.keystore("proposer", &actors.owners[4]);
    practice.keystore("executor", &actors.executor);
    practice.ground.anvil.set_balance(actors.executor.address(), U256::ZERO).await.unwrap();
    // The governance Safe may not pause; a key was mistyped; there is nothing at the token's address.
    practice.change("runbooks/pause-vault.md", "[\"guardian\"]", "[\"guardian\", \"governance\"]");
    let bens = actors.owners[1].address().to_string();
    practice.change("roster.toml", &bens, &format!("{:#x}", Address::repeat_byte(0xbe)));
    let token = "[contracts.token]\nchain = \"local\"\naddress = \"0x00000000000000000000000000000000000070ce\"\nabi = \"vault.json\"\n";
    practice.change("redhandle.toml", "[safes.guardian]", &format!("{token}\n[safes.guardian]"));
    let (exit, shown) = check(&practice).await;
    insta::assert_snapshot!(shown, @r#"
    ✓ FOLDER/redhandle.toml: 1 chain(s), 2 contract(s), 2 Safe(s), 0 feed(s), 5 people, 1 runbook(s)
    ✓ runbook "pause-vault", condition "drain": pages, prepares and proposes on each alert with
      alert.severity >= CRITICAL, about vault; beyond a page only if the chain confirms read("vault",
      "totalAssets()") < read("vault", "totalSupply()")
    ✓ [journal] FOLDER/redhandle.db: it is not there yet; the first command that needs it makes it
    ✓ [chains.local]: 1 of 1 endpoints serve chain id 31337, and 1 must agree
    ✓ [chains.local]: everything is read at block N
    ✓ [safes.governance]: Safe 0x3c5911773A657019788D325F469566807D8732CD version 1.4.1, 3 of 5 owners
      sign, nonce 0; its code is the published L2 singleton 1.4.1
    ✓ [safes.guardian]: Safe 0x399c61b017A871181d8B6C418c93a8bB361E3Db8 version 1.4.1, 2 of 3 owners
      sign, nonce 0; its code is the published L2 singleton 1.4.1
    ✓ [contracts.vault]: 0x8A791620dd6260079BF849Dc5567aDC3F2FdC318 has code
    ✓ runbook "pause-vault", Safe guardian: vault.pause() would work now: simulated at block N by ANVIL
      (eth_simulateV1), 104247 gas; afterwards read("vault", "paused()") == true

    ! [safes.governance]: nobody in the roster holds owner 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC:
      nobody would know whom to wake; add the key to its holder
    ! [safes.guardian]: nobody in the roster holds owner 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC:
      nobody would know whom to wake; add the key to its holder
    ! [proposer]: whether 0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc is a delegate on local is unknown:
      the embedded service answers only while `redhandle run` runs

    ✗ [contracts.token]: there is no contract at 0x00000000000000000000000000000000000070Ce on local: a
      call of it would succeed and do nothing; check address and chain
    ✗ roster, people.ben: key 0xBEbeBeBEbeBebeBeBEBEbebEBeBeBebeBeBebebe of ben is an owner of no
      configured Safe, so that ben would be woken for nothing (owners of governance:
      0x70997970C51812dc3A010C7d01b50e0d17dc79C8, 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC,
      0x90F79bf6EB2c4f870365E785982E1f101E93b906, 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65,
      0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc; owners of guardian:
      0x70997970C51812dc3A010C7d01b50e0d17dc79C8, 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC,
      0x90F79bf6EB2c4f870365E785982E1f101E93b906): correct the address, or let the owners add it
    ✗ [proposer]: the proposer key 0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc is an owner of Safe
      governance: this program must never hold an owner's key; use a key that owns nothing
    ✗ [executor], chain local: 0x14dC79964da2C08b23698B3D3cc7Ca32193d9955 holds nothing on local and
      cannot pay for an execution: send it some gas money
    ✗ runbook "pause-vault", Safe governance: vault.pause() would not work now: the simulation reverts:
      GS013: the called contract reverted, and the Safe with it because no safeTxGas or gasPrice is set

    5 problems, 3 warnings, 9 fine.
    "#);
    assert_eq!(exit, Exit::No);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_paused_needs_nothing_and_an_address_that_is_no_safe_is_told() {
    let practice = Practice::lay().await;
    practice.change("redhandle.toml", &practice.governance.to_string(), &practice.protocol.vault.to_string());
    practice.ground.anvil.impersonate(practice.guardian.0).await.unwrap();
    practice.ground.anvil.set_balance(practice.guardian.0, U256::from(10).pow(U256::from(18))).await.unwrap();
    let pause = crate::drill::ground::DevTransaction {
        what: "pausing".to_owned(),
        from: practice.guardian.0,
        to: Some(practice.protocol.vault),
        data: alloy::hex!("8456cb59").into(),
    };
    practice.ground.anvil.send_all(&[pause]).await.unwrap();
    let (exit, shown) = check(&practice).await;
    insta::assert_snapshot!(shown, @r#"
    ✓ FOLDER/redhandle.toml: 1 chain(s), 1 contract(s), 2 Safe(s), 0 feed(s), 5 people, 1 runbook(s)
    ✓ runbook "pause-vault", condition "drain": pages, prepares and proposes on each alert with
      alert.severity >= CRITICAL, about vault; beyond a page only if the chain confirms read("vault",
      "totalAssets()") < read("vault", "totalSupply()")
    ✓ [journal] FOLDER/redhandle.db: it is not there yet; the first command that needs it makes it
    ✓ [chains.local]: 1 of 1 endpoints serve chain id 31337, and 1 must agree
    ✓ [chains.local]: everything is read at block N
    ✓ [safes.guardian]: Safe 0x399c61b017A871181d8B6C418c93a8bB361E3Db8 version 1.4.1, 2 of 3 owners
      sign, nonce 0; its code is the published L2 singleton 1.4.1
    ✓ [contracts.vault]: 0x8A791620dd6260079BF849Dc5567aDC3F2FdC318 has code
    ✓ runbook "pause-vault": vault.pause() has nothing to do now: read("vault", "paused()") already

    ! roster: whether these keys own a Safe is unknown, because not every Safe could be read: dan
      (0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65), eve (0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc)
    ! [proposer]: there is no proposer key: proposals are prepared and can be signed here, but do not
      reach the Transaction Service

    ✗ [safes.governance]: 0x8A791620dd6260079BF849Dc5567aDC3F2FdC318 is not a Safe that can be used:
      VERSION() reverted: no reason given

    1 problem, 2 warnings, 8 fine.
    "#);
    assert_eq!(exit, Exit::No);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_cannot_be_asked_is_told_once_and_without_its_secrets() {
    let practice = Practice::lay().await;
    let url = practice.ground.anvil.url().to_string();
    let dead = "http://127.0.0.1:9/secret-key-0123456789";
    practice.change("redhandle.toml", &url, dead);
    let (exit, shown) = check(&practice).await;
    insta::assert_snapshot!(problems(&shown), @r"
    ✗ [chains.local]: 0 of 1 endpoints serve chain id 31337, and 1 must agree (127.0.0.1:9: not
      reachable): nothing on local was checked; check its URL, its key and this machine's network

    1 problem, 1 warning, 3 fine.
    ");
    assert!(!shown.contains("secret-key"), "{shown}");
    assert_eq!(exit, Exit::No);

    // One of three is dead: two agree, and that is worth knowing.
    let three = format!("\"{dead}\", \"{url}\", \"{url}?second\"");
    practice.change("redhandle.toml", &format!("\"{dead}\""), &three);
    let (exit, shown) = check(&practice).await;
    assert_eq!((exit, problems(&shown).as_str()), (Exit::Done, ""), "{shown}");
    assert!(
        shown.contains("2 of 3 endpoints answer, and 2 must agree (127.0.0.1:9: not reachable)"),
        "{shown}"
    );

    practice.change("redhandle.toml", &three, &format!("\"{url}\""));
    // A second chain whose endpoint is of the first, and a condition that reads it.
    let other = format!(
        "[chains.other]\nid = 5\nrpc = [\"{url}\"]\nsafe_service = \"embedded\"\n\n[contracts.elsewhere]\nchain = \"other\"\naddress = \"{}\"\nabi = \"vault.json\"\n",
        practice.protocol.vault
    );
    practice.change("redhandle.toml", "[contracts.vault]", &format!("{other}\n[contracts.vault]"));
    practice.change(
        "runbooks/pause-vault.md",
        "read(\"vault\", \"totalAssets()\")",
        "read(\"elsewhere\", \"totalAssets()\")",
    );
    let (exit, shown) = check(&practice).await;
    insta::assert_snapshot!(problems(&shown), @r#"
    ✗ [chains.other]: 0 of 1 endpoints serve chain id 5, and 1 must agree (ANVIL serves chain id 31337):
      nothing on other was checked; check its URL, its key and this machine's network
    ✗ runbook "pause-vault", condition "drain", confirm: contract elsewhere is on other, and this
      runbook acts on local: everything in it must be on one chain

    2 problems, 1 warning, 8 fine.
    "#);
    assert_eq!(exit, Exit::No);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_files_are_exit_2_and_the_chain_is_not_asked() {
    let practice = Practice::lay().await;
    practice.change("redhandle.toml", "kind = \"console\"", "kind = \"console\"\nloud = true");
    practice.change("runbooks/pause-vault.md", "call = \"pause()\"", "call = \"puase()\"");
    let (exit, shown) = check(&practice).await;
    insta::assert_snapshot!(shown, @r#"
    ✗ FOLDER/redhandle.toml:24:1: unknown key "loud" in [channels.console]; expected one of kind,
      timeout
    ✗ FOLDER/runbooks/pause-vault.md:17:8: contract "vault" has no function "puase" with 0 arguments;
      nearest: pause(), paused(), unpause(); its ABI is PAUSER_ROLE(), asset(), balanceOf(address),
      hasRole(bytes32,address), pause(), paused(), totalAssets(), totalSupply(), unpause()

    2 problems, 0 warnings, 0 fine. The chain was not asked.
    "#);
    assert_eq!(exit, Exit::Wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposer_that_nobody_delegated_is_told_with_the_remedy() {
    let practice = Practice::lay().await;
    let stranger = practice.ground.actors.attacker.address();
    let owner = practice.ground.actors.owners[0].address();
    let mut expired = delegate(&practice, owner);
    expired["expiryDate"] = "2020-01-01T00:00:00Z".into();
    // Delegated by somebody who owns nothing, and by an owner until some years ago.
    let mut service = Service::with(vec![delegate(&practice, stranger), expired]).await;
    practice.change("redhandle.toml", "\"embedded\"", &format!("{{ url = \"{}\" }}", service.url));
    practice.keystore("proposer", &practice.ground.actors.proposer);
    let (exit, shown) = check(&practice).await;
    insta::assert_snapshot!(problems(&shown).replace(service.host(), "SERVICE"), @r"
    ✗ [proposer], Safe guardian: the proposer 0x976EA74026E726554dB657fA54763abd0C3a0aa9 is no delegate
      of this Safe at 127.0.0.1, so that its proposals would be refused: an owner must add it, with
      `redhandle safe delegate guardian --keystore FILE`

    1 problem, 0 warnings, 9 fine.
    ");
    assert_eq!(exit, Exit::No);

    service.tasks.shutdown().await;
    let (exit, shown) = check(&practice).await;
    assert!(problems(&shown).contains("unknown"), "{shown}");
    assert_eq!(exit, Exit::No, "what is unknown is not fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_feed_says_what_it_would_hear() {
    let practice = Practice::lay().await;
    let feed = "[[feeds]]\nname = \"ours\"\nkind = \"chain\"\nchain = \"local\"\n\n[[feeds.view]]\nname = \"insolvent\"\n\
        contract = \"vault\"\nbound = \"totalAssets() < totalSupply()\"\n\n[channels.console]";
    practice.change("redhandle.toml", "[channels.console]", feed);
    let found = find(&practice.config(), &practice.environment(), false).await;
    let of_feed = found.findings.iter().filter(|finding| finding.place == "feed ours");
    let said: Vec<_> = of_feed.map(|finding| (finding.level, finding.sentence.as_str())).collect();
    let [(_, watches), (Level::Ok, emits), (_, view)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(
        *watches,
        "watches 21 event(s) of 1 contract(s) and 2 Safe(s), and 1 view(s), as bot chain:local"
    );
    assert!(emits.starts_with("vault can emit Paused, Unpaused, RoleGranted, RoleRevoked, "), "{emits}");
    assert!(emits.contains("its code does not hold ") && emits.ends_with("BeaconUpgraded"), "{emits}");
    assert!(view.starts_with("view insolvent: totalAssets() < totalSupply() "), "{view}");
}
