//! The ground itself, with a real anvil: what stands on it, how fast, and that it goes away.

mod agreement;
mod faulty;
mod nested;
mod newest;
mod safes;
mod versions;
mod watched;

use std::process::Command;
use std::time::{Duration, Instant};

use alloy::sol_types::SolCall;

use super::protocol::Ground;
use super::*;
use crate::chain::CallOutcome;
use crate::domain::names::ChainId;
use crate::domain::safe::SafeVersion;

/// Reads a number from a view.
async fn number(ground: &LocalChain, to: Address, data: Vec<u8>) -> alloy::primitives::U256 {
    match ground.view(to, data.into()).await.unwrap() {
        CallOutcome::Returned(bytes) => alloy::primitives::U256::from_be_slice(&bytes),
        CallOutcome::Reverted(data) => panic!("reverted with {data}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_safe_contracts_of_three_releases_stand_where_they_stand_on_real_chains() {
    let tools = Tools::find(None).unwrap();
    let versions = [SafeVersion::V1_3_0, SafeVersion::V1_4_1, SafeVersion::V1_5_0];
    let options = LocalChainOptions { safe_versions: versions.to_vec(), ..LocalChainOptions::default() };
    let ground = LocalChain::start(&tools, &options).await.unwrap();
    for version in versions {
        let release = ground.safes.release(version).unwrap();
        let batching = crate::domain::safe::multisend::call_only(version);
        assert_eq!(release.multisend_call_only, batching, "{version}");
    }
    assert!(ground.safes.release(SafeVersion::V1_1_1).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_attacker_robs_the_vault_until_it_is_paused() {
    let tools = Tools::find(None).unwrap();
    let ground = LocalChain::start(&tools, &LocalChainOptions::default()).await.unwrap();
    let safe = ground.safe(2, 3).await.unwrap();
    let roles = ProtocolRoles {
        admin: ground.actors.deployer.address(),
        pauser: safe,
        unpauser: ground.actors.deployer.address(),
    };
    let protocol = ground.deploy_protocol(&roles).await.unwrap();
    ground.deposit(&protocol, 1_000).await.unwrap();
    let assets = || number(&ground, protocol.vault, Ground::totalAssetsCall {}.abi_encode());
    let before = assets().await;
    assert!(ground.strike(&protocol).await.unwrap().succeeded);
    assert!(assets().await < before, "a strike takes something");

    ground.anvil.impersonate(safe.0).await.unwrap();
    ground
        .anvil
        .set_balance(safe.0, alloy::primitives::U256::from(10).pow(18u64.try_into().unwrap()))
        .await
        .unwrap();
    let pause = DevTransaction {
        what: "pausing".to_owned(),
        from: safe.0,
        to: Some(protocol.vault),
        data: Ground::pauseCall {}.abi_encode().into(),
    };
    ground.anvil.send_all(&[pause]).await.unwrap();
    let after = assets().await;
    assert!(!ground.strike(&protocol).await.unwrap().succeeded);
    assert_eq!(assets().await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_starts_from_another_chain_without_its_url_on_the_command_line() {
    let tools = Tools::find(None).unwrap();
    let origin = LocalChain::start(&tools, &LocalChainOptions::default()).await.unwrap();
    let safe = origin.safe(1, 1).await.unwrap();
    let mut url = origin.anvil.url().clone();
    url.set_query(Some("key=secret-key-0123456789"));
    let options = AnvilOptions { fork: Some(Fork { url, block: None }), ..AnvilOptions::default() };
    let fork = Anvil::start(&tools, &options).await.unwrap();
    let chain =
        crate::chain::Chain::new("fork".into(), fork.chain_id(), vec![fork.endpoint().clone()], 1).unwrap();
    let head = chain.head().await.unwrap();
    assert_eq!(chain.safe_state(&head, safe).await.unwrap().threshold, 1);
    assert!(!everybody_sees("secret-key-0123456789"));
}

/// Whether any process on this machine has the text on its command line.
fn everybody_sees(text: &str) -> bool {
    std::fs::read_dir("/proc").into_iter().flatten().flatten().any(|process| {
        std::fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anvil_said_last_explains_why_it_did_not_start() {
    let tools = Tools::find(None).unwrap();
    let options = AnvilOptions {
        fork: Some(Fork { url: "http://127.0.0.1:9/secret-key-0123456789".parse().unwrap(), block: None }),
        ..AnvilOptions::default()
    };
    let error = Anvil::start(&tools, &options).await.unwrap_err();
    assert!(matches!(error, StartError::Ended { .. }), "{error}");
    assert!(!error.to_string().contains("secret-key"), "{error}");
}

/// Set for the process that is to be killed: what follows in the test is its part.
const VICTIM_ENV: &str = "REDHANDLE_TEST_VICTIM";

#[tokio::test(flavor = "multi_thread")]
async fn no_anvil_outlives_a_process_that_is_killed() {
    if std::env::var_os(VICTIM_ENV).is_some() {
        let tools = Tools::find(None).unwrap();
        let options = AnvilOptions { chain_id: ChainId(4_242), ..AnvilOptions::default() };
        let anvil = Anvil::start(&tools, &options).await.unwrap();
        println!("\nstarted {}", anvil.url());
        std::future::pending::<()>().await;
    }
    use std::io::BufRead;
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "drill::ground::tests::no_anvil_outlives_a_process_that_is_killed"])
        .env(VICTIM_ENV, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(victim.stdout.take().unwrap());
    let address = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("started http://").map(|at| at.trim_end_matches('/').to_owned()))
        .expect("the victim says where its anvil listens");
    assert!(std::net::TcpStream::connect(&address).is_ok(), "anvil runs at {address}");
    victim.kill().unwrap();
    victim.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "anvil at {address} outlived the process that started it");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_anvil_is_gone() {
    let tools = Tools::find(None).unwrap();
    let anvil = Anvil::start(&tools, &AnvilOptions::default()).await.unwrap();
    let address = anvil.url().socket_addrs(|| None).unwrap().remove(0);
    assert!(std::net::TcpStream::connect(address).is_ok());
    drop(anvil);
    assert!(std::net::TcpStream::connect(address).is_err());
}
