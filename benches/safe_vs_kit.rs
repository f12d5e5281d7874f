//! One job, done by us and by Safe's own packages (protocol-kit, api-kit) under Node, in one run against the same
//! stub: connect, read the Safe, build a transaction, hash it, sign it, POST it to a Transaction Service.
//!
//!     cargo bench --bench safe_vs_kit
//!
//! *Cold* is a process of its own for one job: its CPU time (user and system, of all its threads, as bash's `time`
//! tells) and the time until it ends. *Warm* is one process that does the job again and again. What counts are
//! the ratios: both sides ran within the same minute, on the same chain, and were counted by the same stub. The
//! stub takes RPC requests to a real anvil with a real Safe 1.4.1, and answers a POST as the Transaction Service does
//! (201, no body), after it has recomputed the hash and recovered the signer.
//!
//! It is no test: `cargo test --benches` starts it without `--bench`, and then it ends at once. With `--smoke` after
//! `--` it does each thing a few times, to see that it works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench ends by panicking, and its result is what it prints"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use alloy::primitives::{Address, Bytes};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::post;
use redhandle::chain::{Chain, Endpoint, SnapshotPlan};
use redhandle::domain::names::{ChainId, ChainName};
use redhandle::domain::safe::signature::recover;
use redhandle::domain::safe::{SafeAddress, SafeDomain, SafeTx, SafeVersion, hash};
use redhandle::drill::ground::{LocalChain, LocalChainOptions, SafeSpec, Tools};
use redhandle::safe_service::client::{Proposal, ServiceClient};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// The environment variable by which this binary is one of the measured processes.
const WORLD: &str = "BENCH_WORLD";

/// What a measured process is to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct World {
    rpc: Url,
    service: Url,
    chain_id: u64,
    safe: Address,
    key: String,
    target: Address,
    data: Bytes,
    /// For protocol-kit, which does not know a local chain.
    contracts: Value,
    /// How often.
    jobs: usize,
}

/// What a measured process says.
#[derive(Debug, Deserialize, Serialize)]
struct Done {
    safe_tx_hash: String,
    took_us: Vec<f64>,
}

/// How often each thing is done.
struct Rounds {
    cold: usize,
    warm: usize,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Ok(world) = std::env::var(WORLD) {
        work(&serde_json::from_str(&world).unwrap()).await;
    } else if arguments.iter().any(|argument| argument == "--bench") {
        let smoke = arguments.iter().any(|argument| argument == "--smoke");
        let rounds = if smoke { Rounds { cold: 2, warm: 3 } } else { Rounds { cold: 15, warm: 100 } };
        compare(&rounds).await;
    } else {
        eprintln!("this measures, and tests nothing: cargo bench --bench safe_vs_kit");
    }
}

// --- the job, as we do it ---

async fn work(world: &World) {
    let key: PrivateKeySigner = world.key.parse().unwrap();
    let endpoint = Endpoint::new(&world.rpc, Duration::from_secs(10)).unwrap();
    let chain = Chain::new(ChainName::new("local"), ChainId(world.chain_id), vec![endpoint], 1).unwrap();
    let service = ServiceClient::new(&world.service, None, Duration::from_secs(10)).unwrap();
    let mut took_us = Vec::new();
    let mut safe_tx_hash = String::new();
    for _ in 0..world.jobs {
        let began = Instant::now();
        safe_tx_hash = job(world, &chain, &service, &key).await;
        took_us.push(began.elapsed().as_secs_f64() * 1e6);
    }
    println!("{}", serde_json::to_string(&Done { safe_tx_hash, took_us }).unwrap());
}

async fn job(world: &World, chain: &Chain, service: &ServiceClient, key: &PrivateKeySigner) -> String {
    let head = chain.head().await.unwrap();
    let mut plan = SnapshotPlan::new();
    let ticket = plan.safe(SafeAddress(world.safe));
    let state = chain.read(&head, plan).await.unwrap().safe(ticket).unwrap();
    let tx = SafeTx::call(world.target, world.data.clone(), state.nonce);
    let hash = hash(&tx, &state.domain()).safe_tx;
    let signature = key.sign_hash_sync(&hash.0).unwrap().as_bytes().to_vec().into();
    let proposal = Proposal { tx, hash, sender: key.address(), signature, origin: None };
    service.propose(state.address, &proposal).await.unwrap();
    hash.to_string()
}

// --- the stub that both talk to ---

struct Stub {
    anvil: Url,
    client: reqwest::Client,
    domain: SafeDomain,
    owner: Address,
    rpc_requests: AtomicUsize,
    proposals: AtomicUsize,
}

async fn stub(ground: &LocalChain, domain: SafeDomain, owner: Address) -> (Arc<Stub>, Url) {
    let stub = Arc::new(Stub {
        anvil: ground.anvil.url().clone(),
        client: redhandle::http::client(Duration::from_secs(10)).unwrap(),
        domain,
        owner,
        rpc_requests: AtomicUsize::new(0),
        proposals: AtomicUsize::new(0),
    });
    let router = Router::new()
        .route("/rpc", post(pass_on))
        .route("/api/v2/safes/{safe}/multisig-transactions/", post(propose))
        .with_state(Arc::clone(&stub));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a server of this bench, gone with its runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    (stub, url)
}

async fn pass_on(State(stub): State<Arc<Stub>>, body: String) -> String {
    stub.rpc_requests.fetch_add(1, Ordering::Relaxed);
    let request = stub.client.post(stub.anvil.clone()).header("content-type", "application/json").body(body);
    request.send().await.unwrap().text().await.unwrap()
}

async fn propose(State(stub): State<Arc<Stub>>, UrlPath(safe): UrlPath<Address>, body: String) -> StatusCode {
    let mut body: Value = serde_json::from_str(&body).unwrap();
    // api-kit writes numbers as numbers where it has them.
    let claimed = body["contractTransactionHash"].as_str().unwrap().to_lowercase();
    let signature: Bytes = serde_json::from_value(body["signature"].take()).unwrap();
    let tx: SafeTx = serde_json::from_value(body).unwrap();
    let hash = hash(&tx, &stub.domain).safe_tx;
    assert_eq!((safe, hash.to_string()), (stub.domain.safe.0, claimed), "a wrong proposal");
    assert_eq!(recover(hash, &signature).unwrap().owner, stub.owner, "a wrong signature");
    stub.proposals.fetch_add(1, Ordering::Relaxed);
    StatusCode::CREATED
}

// --- measuring ---

/// A process to measure: program and arguments.
type Program = Vec<String>;

/// One run of a process.
struct Run {
    wall_ms: f64,
    cpu_ms: f64,
    done: Done,
}

/// bash's `time` counts all threads, and to the millisecond; what it says comes last on standard error.
async fn run(program: &Program, world: &World) -> Run {
    let world = serde_json::to_string(world).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", r#"TIMEFORMAT="%3R %3U %3S"; time "$@""#, "bash"]).args(program);
    command.env(WORLD, world).env("NODE_ENV", "production").stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let times: Vec<f64> = said.lines().last().unwrap().split(' ').map(|time| time.parse().unwrap()).collect();
    let done = serde_json::from_slice(&output.stdout).unwrap();
    Run { wall_ms: times[0] * 1e3, cpu_ms: (times[1] + times[2]) * 1e3, done }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What one side took.
struct Side {
    cold_wall_ms: f64,
    cold_cpu_ms: f64,
    warm_us: f64,
    rpc_requests: usize,
    safe_tx_hash: String,
}

async fn measure(program: &Program, world: &World, stub: &Stub, rounds: &Rounds) -> Side {
    let once = World { jobs: 1, ..world.clone() };
    // The first run fills the disk's cache, for either side.
    run(program, &once).await;
    let mut cold = Vec::new();
    for _ in 0..rounds.cold {
        cold.push(run(program, &once).await);
    }
    let warm = run(program, &World { jobs: rounds.warm + 1, ..world.clone() }).await.done;
    let few = stub.rpc_requests.load(Ordering::Relaxed);
    run(program, &World { jobs: 1, ..world.clone() }).await;
    let one = stub.rpc_requests.load(Ordering::Relaxed) - few;
    run(program, &World { jobs: 2, ..world.clone() }).await;
    let two = stub.rpc_requests.load(Ordering::Relaxed) - few - one;
    Side {
        cold_wall_ms: median(cold.iter().map(|run| run.wall_ms).collect()),
        cold_cpu_ms: median(cold.iter().map(|run| run.cpu_ms).collect()),
        warm_us: median(warm.took_us[1..].to_vec()),
        rpc_requests: two - one,
        safe_tx_hash: warm.safe_tx_hash,
    }
}

async fn compare(rounds: &Rounds) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kits = root.join("tests/kits/node_modules/@safe-global/protocol-kit");
    assert!(
        kits.is_dir(),
        "Safe's packages are missing: run `npm ci --ignore-scripts --legacy-peer-deps` in tests/kits, then this again"
    );
    let ground = LocalChain::start(&Tools::find(None).unwrap(), &LocalChainOptions::default()).await.unwrap();
    let (owner, owners) = (&ground.actors.owners[0], ground.actors.owner_addresses(3));
    let spec = SafeSpec { version: SafeVersion::V1_4_1, owners, threshold: 2, salt: 0 };
    let safe = ground.deploy_safe(&spec).await.unwrap();
    let domain = SafeDomain { version: SafeVersion::V1_4_1, chain_id: ground.chain.id(), safe };
    let (stub, url) = stub(&ground, domain, owner.address()).await;
    let release = ground.safes.release(SafeVersion::V1_4_1).unwrap();
    // What protocol-kit only looks for and the job does not call stands at any contract that is there.
    let there = release.multisend_call_only;
    let world = World {
        rpc: url.join("rpc").unwrap(),
        service: url.as_str().trim_end_matches('/').parse().unwrap(),
        chain_id: ground.chain.id().0,
        safe: safe.0,
        key: owner.to_bytes().to_string(),
        target: Address::repeat_byte(0x11),
        data: Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]),
        contracts: json!({
            "safeSingletonAddress": release.singleton_l2, "safeProxyFactoryAddress": release.proxy_factory,
            "multiSendAddress": there, "multiSendCallOnlyAddress": release.multisend_call_only,
            "fallbackHandlerAddress": release.fallback_handler, "signMessageLibAddress": there,
            "createCallAddress": there, "simulateTxAccessorAddress": there,
            "safeWebAuthnSignerFactoryAddress": there, "safeWebAuthnSharedSignerAddress": there,
        }),
        jobs: 1,
    };
    let ours = vec![std::env::current_exe().unwrap().display().to_string()];
    let script = root.join("benches/safe_vs_kit.mjs");
    let theirs = vec!["node".to_owned(), script.display().to_string()];
    eprintln!("measuring Redhandle");
    let us = measure(&ours, &world, &stub, rounds).await;
    eprintln!("measuring protocol-kit and api-kit under Node");
    let them = measure(&theirs, &world, &stub, rounds).await;
    assert_eq!(us.safe_tx_hash, them.safe_tx_hash, "both proposed the same transaction");
    println!(
        "connect, read the Safe, build, hash, sign, POST; medians of {} cold and {} warm jobs",
        rounds.cold, rounds.warm
    );
    println!(
        "{} proposals were taken by the stub, each with the right hash and signer",
        stub.proposals.load(Ordering::Relaxed)
    );
    println!("{:<28} {:>12} {:>12} {:>8}", "", "Redhandle", "Safe kits", "ratio");
    let line = |what: &str, ours: f64, theirs: f64| {
        println!("{what:<28} {ours:>12.2} {theirs:>12.2} {:>7.1}x", theirs / ours);
    };
    // Less than a millisecond of CPU is told as one: the clock has no finer marks.
    line("cold, CPU ms", us.cold_cpu_ms.max(1.0), them.cold_cpu_ms);
    line("cold, wall ms", us.cold_wall_ms, them.cold_wall_ms);
    line("warm, wall ms a job", us.warm_us / 1e3, them.warm_us / 1e3);
    println!("{:<28} {:>12} {:>12}", "RPC requests a warm job", us.rpc_requests, them.rpc_requests);
    if cfg!(debug_assertions) {
        println!(
            "This is a debug build: its ratios say nothing. `cargo bench --bench safe_vs_kit` builds it as it is shipped."
        );
    }
}
