//! One job, done by us and by Safe's own packages (protocol-kit, api-kit) under Node, in one run against the same
//! stub: connect, read the Safe, build a transaction, hash it, sign it, POST it to a Transaction Service.
//!
//!     cargo bench --bench safe_vs_kit
//!
//! *Cold* is a process of its own for one job: its CPU time (user and system, of all its threads, as bash's `time`
//! tells) and the time until it ends. *Warm* is one process that does the job again and again. What counts are
//! the ratios: both sides ran within the same minute, on the same chain, and were counted by the same stub.
//!
//! Behind the stub is a real anvil with a real Safe 1.4.1, which stands still. What measures the clients is measured
//! twice: with every request taken to anvil, whose time is the same for both and hides theirs, and with anvil's
//! answers *recorded*: each question is taken to it once, and answered from memory after that. A POST is answered as
//! the Transaction Service does (201, no body). Of each the hash is recomputed and the signer recovered, afterwards, so that
//! nobody waits for that.
//!
//! Our side reads as its agent does: all of the Safe at one agreed block, pinned by its hash ([`Chain::newest`]). The
//! kit reads at "latest", value by value. Neither reads back what it has posted.
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

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy::primitives::{Address, Bytes};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::routing::post;
use redhandle::chain::{Chain, Endpoint, SnapshotPlan};
use redhandle::domain::names::{ChainId, ChainName};
use redhandle::domain::safe::signature::recover;
use redhandle::domain::safe::{SafeAddress, SafeDomain, SafeTx, SafeVersion, hash};
use redhandle::drill::ground::{LocalChain, LocalChainOptions, SafeSpec, Tools};
use redhandle::safe_service::client::{Proposal, ServiceClient};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
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

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Ok(world) = std::env::var(WORLD) {
        // As Node, it does one thing after the other: one thread is enough.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work(&serde_json::from_str(&world).unwrap()));
    } else if arguments.iter().any(|argument| argument == "--bench") {
        let smoke = arguments.iter().any(|argument| argument == "--smoke");
        let rounds = if smoke { Rounds { cold: 2, warm: 3 } } else { Rounds { cold: 15, warm: 100 } };
        tokio::runtime::Runtime::new().unwrap().block_on(compare(&rounds));
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
    let mut plan = SnapshotPlan::new();
    let ticket = plan.safe(SafeAddress(world.safe));
    let state = chain.newest(plan).await.unwrap().safe(ticket).unwrap();
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
    /// Whether anvil is asked again what it has been asked before.
    live: AtomicBool,
    /// What anvil answered, by method and parameters.
    recorded: Mutex<HashMap<String, Box<RawValue>>>,
    /// What was posted and not looked at yet: for which Safe, and the body.
    posted: Mutex<Vec<(Address, String)>>,
}

async fn stub(ground: &LocalChain, domain: SafeDomain, owner: Address) -> (Arc<Stub>, Url) {
    let stub = Arc::new(Stub {
        anvil: ground.anvil.url().clone(),
        client: redhandle::http::client(Duration::from_secs(10)).unwrap(),
        domain,
        owner,
        rpc_requests: AtomicUsize::new(0),
        live: AtomicBool::new(false),
        recorded: Mutex::default(),
        posted: Mutex::default(),
    });
    let router = Router::new()
        .route("/rpc", post(rpc))
        .route("/api/v2/safes/{safe}/multisig-transactions/", post(propose))
        .with_state(Arc::clone(&stub));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a server of this bench, gone with its runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    (stub, url)
}

/// A question of JSON-RPC, as far as the answer depends on it.
#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    method: &'a str,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Answered {
    result: Box<RawValue>,
}

async fn rpc(
    State(stub): State<Arc<Stub>>,
    body: String,
) -> ([(header::HeaderName, &'static str); 1], String) {
    stub.rpc_requests.fetch_add(1, Ordering::Relaxed);
    let answer = if stub.live.load(Ordering::Relaxed) {
        stub.ask_anvil(body).await
    } else if body.starts_with('[') {
        let questions: Vec<Question<'_>> = serde_json::from_str(&body).unwrap();
        let mut answers = Vec::with_capacity(questions.len());
        for question in &questions {
            answers.push(stub.answer(question).await);
        }
        format!("[{}]", answers.join(","))
    } else {
        stub.answer(&serde_json::from_str(&body).unwrap()).await
    };
    ([(header::CONTENT_TYPE, "application/json")], answer)
}

impl Stub {
    async fn ask_anvil(&self, body: String) -> String {
        let request =
            self.client.post(self.anvil.clone()).header("content-type", "application/json").body(body);
        request.send().await.unwrap().text().await.unwrap()
    }

    async fn answer(&self, question: &Question<'_>) -> String {
        let params = question.params.map_or("[]", RawValue::get);
        let asked = format!("{}{params}", question.method);
        let known = self.recorded.lock().unwrap().get(&asked).map(|known| known.get().to_owned());
        let result = match known {
            Some(known) => known,
            None => {
                let body =
                    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{}","params":{params}}}"#, question.method);
                let said = self.ask_anvil(body).await;
                let Ok(Answered { result }) = serde_json::from_str(&said) else {
                    // An error is not remembered: it is handed on under the question's own number.
                    let mut said: Value = serde_json::from_str(&said).unwrap();
                    said["id"] = serde_json::from_str(question.id.get()).unwrap();
                    return said.to_string();
                };
                let text = result.get().to_owned();
                self.recorded.lock().unwrap().insert(asked, result);
                text
            }
        };
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, question.id)
    }

    /// Recomputes the hash and recovers the signer of everything that was posted since; tells how many these were.
    fn check_proposals(&self) -> usize {
        let posted = std::mem::take(&mut *self.posted.lock().unwrap());
        for (safe, body) in &posted {
            let mut body: Value = serde_json::from_str(body).unwrap();
            // api-kit writes numbers as numbers where it has them.
            let claimed = body["contractTransactionHash"].as_str().unwrap().to_lowercase();
            let signature: Bytes = serde_json::from_value(body["signature"].take()).unwrap();
            let tx: SafeTx = serde_json::from_value(body).unwrap();
            let hash = hash(&tx, &self.domain).safe_tx;
            assert_eq!((*safe, hash.to_string()), (self.domain.safe.0, claimed), "a wrong proposal");
            assert_eq!(recover(hash, &signature).unwrap().owner, self.owner, "a wrong signature");
        }
        posted.len()
    }
}

async fn propose(State(stub): State<Arc<Stub>>, UrlPath(safe): UrlPath<Address>, body: String) -> StatusCode {
    stub.posted.lock().unwrap().push((safe, body));
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
    warm_live_us: f64,
    rpc_requests: usize,
    proposals: usize,
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
    let again = World { jobs: rounds.warm + 1, ..world.clone() };
    let warm = run(program, &again).await.done;
    stub.live.store(true, Ordering::Relaxed);
    let warm_live = run(program, &again).await.done;
    stub.live.store(false, Ordering::Relaxed);
    let few = stub.rpc_requests.load(Ordering::Relaxed);
    run(program, &World { jobs: 1, ..world.clone() }).await;
    let one = stub.rpc_requests.load(Ordering::Relaxed) - few;
    run(program, &World { jobs: 2, ..world.clone() }).await;
    let two = stub.rpc_requests.load(Ordering::Relaxed) - few - one;
    Side {
        cold_wall_ms: median(cold.iter().map(|run| run.wall_ms).collect()),
        cold_cpu_ms: median(cold.iter().map(|run| run.cpu_ms).collect()),
        warm_us: median(warm.took_us[1..].to_vec()),
        warm_live_us: median(warm_live.took_us[1..].to_vec()),
        rpc_requests: two - one,
        proposals: stub.check_proposals(),
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
    println!("{} and {} proposals came, each with the right hash and signer", us.proposals, them.proposals);
    println!("{:<28} {:>12} {:>12} {:>8}", "", "Redhandle", "Safe kits", "ratio");
    let line = |what: &str, ours: f64, theirs: f64| {
        println!("{what:<28} {ours:>12.2} {theirs:>12.2} {:>7.1}x", theirs / ours);
    };
    // Less than a millisecond of CPU is told as one: the clock has no finer marks.
    line("cold, CPU ms", us.cold_cpu_ms.max(1.0), them.cold_cpu_ms);
    line("cold, wall ms", us.cold_wall_ms, them.cold_wall_ms);
    line("warm, wall ms a job", us.warm_us / 1e3, them.warm_us / 1e3);
    line("  with anvil asked anew", us.warm_live_us / 1e3, them.warm_live_us / 1e3);
    println!("{:<28} {:>12} {:>12}", "RPC requests a warm job", us.rpc_requests, them.rpc_requests);
    if cfg!(debug_assertions) {
        println!(
            "This is a debug build: its ratios say nothing. `cargo bench --bench safe_vs_kit` builds it as it is shipped."
        );
    }
}
