//! `redhandle replay` over the sample as whoever judges it runs it: the binary, the fixture's configuration, and
//! `CORPUS_RPC` naming a small server that answers from the chain model, or one that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use alloy::primitives::{B256, hex};
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

type Pair = (String, String);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn sample() -> String {
    fixtures().join("feeds/sample.jsonl").to_str().unwrap().to_owned()
}

fn truth() -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixtures().join("corpus/truth.json")).unwrap()).unwrap()
}

/// What an RPC does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Answers from the chain model.
    Honest,
    /// Is another chain.
    WrongChain,
    /// Fails.
    Failing,
    /// Has no block.
    Empty,
    /// Answers with something that is no JSON-RPC.
    Garbled,
}

/// Serves until the test binary ends; gives the base that is `CORPUS_RPC`.
fn rpc(manner: Manner) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/{chain}", post(answer)).with_state(manner);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
        });
    });
    base
}

/// In front of it, what serves one connection after the other, each for as long as the client likes.
fn one_by_one(base: &str) -> String {
    let behind = base.trim_start_matches("http://").to_owned();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(&behind).unwrap());
            let (mut answers, mut told) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let answering = std::thread::spawn(move || std::io::copy(&mut answers, &mut told));
            let _asked = std::io::copy(&mut client, &mut server);
            let _closed = server.shutdown(std::net::Shutdown::Both);
            let _told = answering.join().unwrap();
        }
    });
    base
}

async fn answer(
    State(manner): State<Manner>,
    UrlPath(chain): UrlPath<u64>,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    if manner == Manner::Failing {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let one = |question: &Value| {
        let block = |height: u64| {
            let hash = Sha256::digest(format!("1|{chain}|{height}|0"));
            json!({ "number": format!("{height:#x}"), "hash": hex::encode_prefixed(hash), "timestamp": "0x65920080" })
        };
        let result = match (manner, question["method"].as_str().unwrap_or_default()) {
            (Manner::Garbled, _) => json!({ "surprise": true }),
            (Manner::WrongChain, "eth_chainId") => json!("0x539"),
            (_, "eth_chainId") => json!(format!("{chain:#x}")),
            (_, "eth_blockNumber") => json!("0xfffffff"),
            (Manner::Empty, _) => Value::Null,
            (Manner::WrongChain, _) => {
                json!({ "number": question["params"][0], "hash": B256::ZERO, "timestamp": "0x1" })
            }
            (_, "eth_getBlockByNumber") => {
                let height = question["params"][0].as_str().unwrap_or_default().trim_start_matches("0x");
                u64::from_str_radix(height, 16).map_or(Value::Null, block)
            }
            (_, _) => {
                let error = json!({ "code": -32601, "message": "the method does not exist" });
                return json!({ "jsonrpc": "2.0", "id": question["id"], "error": error });
            }
        };
        json!({ "jsonrpc": "2.0", "id": question["id"], "result": result })
    };
    Ok(Json(asked.as_array().map_or_else(|| one(&asked), |all| all.iter().map(one).collect())))
}

fn replay(config: &Path, rpc: Option<&str>, arguments: &[&str], input: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redhandle"));
    command.arg("replay").args(arguments).arg("--config").arg(config);
    match rpc {
        Some(base) => command.env("CORPUS_RPC", base),
        None => command.env_remove("CORPUS_RPC"),
    };
    let input = input.map_or_else(Stdio::null, |path| Stdio::from(std::fs::File::open(path).unwrap()));
    command.stdin(input).output().unwrap()
}

/// Firings, and the summary.
fn told(output: &Output) -> (Vec<Value>, Value) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap();
    (lines, summary["summary"].clone())
}

/// Storyline and rule of each firing that is of the sort.
fn pairs(firings: &[Value], wanted: impl Fn(&Value) -> bool) -> BTreeSet<Pair> {
    let mut whose = BTreeMap::new();
    for storyline in truth()["storylines"].as_array().unwrap() {
        for alert in storyline["alerts"].as_array().unwrap() {
            whose.insert(alert["hash"].clone().to_string(), storyline["id"].as_str().unwrap().to_owned());
        }
    }
    let mut pairs = BTreeSet::new();
    for firing in firings.iter().filter(|firing| firing["condition"] != "r5" && wanted(firing)) {
        let of: BTreeSet<String> = firing["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| whose.get(&hash.to_string()).cloned().unwrap_or_else(|| "noise".to_owned()))
            .collect();
        for storyline in of {
            let pair = (storyline, firing["condition"].as_str().unwrap().to_owned());
            assert!(pairs.insert(pair.clone()), "{pair:?} twice");
        }
    }
    pairs
}

fn planted() -> BTreeSet<Pair> {
    let truth = truth();
    let storylines = truth["storylines"].as_array().unwrap().iter();
    let pairs = storylines.flat_map(|storyline| {
        let rules = storyline["rules"].as_array().unwrap().iter();
        let rules = rules.map(|rule| rule.as_str().unwrap().to_lowercase());
        rules.map(|rule| (storyline["id"].as_str().unwrap().to_owned(), rule)).collect::<Vec<_>>()
    });
    pairs.collect()
}

fn in_full(firing: &Value) -> bool {
    firing.get("downgraded").is_none() && firing["response"] == "propose"
}

fn fixture() -> PathBuf {
    fixtures().join("corpus/redhandle.toml")
}

#[test]
fn with_the_chain_model_exactly_what_is_planted_fires() {
    // However the base is written.
    let base = format!("{}/", rpc(Manner::Honest));
    let (firings, summary) = told(&replay(&fixture(), Some(&base), &[&sample(), "--json"], None));
    assert_eq!(pairs(&firings, in_full), planted());
    let maintained = pairs(&firings, |firing| firing["downgraded"] == "maintenance");
    let storyline = "nm-maintenance-0020".to_owned();
    assert_eq!(
        maintained,
        BTreeSet::from([(storyline.clone(), "r2".to_owned()), (storyline, "r4".to_owned())])
    );
    assert_eq!(firings.iter().filter(|firing| firing["condition"] == "r5").count(), 1);
    for firing in &firings {
        let mut keys: Vec<&str> = firing.as_object().unwrap().keys().map(String::as_str).collect();
        keys.retain(|key| *key != "downgraded");
        keys.sort_unstable();
        assert_eq!(
            keys,
            ["alerts", "at", "because", "chain_id", "condition", "contract", "response", "runbook"]
        );
        assert_eq!(firing["contract"].is_null(), firing["condition"] == "r5", "{firing}");
    }
    let expected = json!({
        // All lines, those that are alerts, those that came before (three with another block), those that are none.
        "lines": 1_000, "alerts": 990, "duplicates": 80, "reincluded": 3, "malformed": 10,
        "fired": firings.len(), "unknown_blocks": 0, "downgraded": 2,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&summary[key], value, "{key}");
    }
    assert!(summary.get("failing_chains").is_none());
}

/// Never a stop, never a firing in full, never a planted one that is not told: unknown is neither yes nor no.
#[test]
fn an_rpc_that_misbehaves_lowers_everything_to_pages() {
    for manner in [Manner::WrongChain, Manner::Failing, Manner::Empty, Manner::Garbled] {
        let base = rpc(manner);
        let (firings, summary) = told(&replay(&fixture(), Some(&base), &[&sample(), "--json"], None));
        assert_eq!(pairs(&firings, in_full), BTreeSet::new(), "{manner:?}");
        let paged = pairs(&firings, |firing| firing["response"] == "page");
        assert!(paged.is_superset(&planted()), "{manner:?}: {:?}", planted().difference(&paged));
        assert!(summary["unknown_blocks"].as_u64().unwrap() > 0, "{manner:?}");
        // Whoever has no block answers all the same.
        assert_eq!(summary.get("failing_chains").is_some(), manner != Manner::Empty, "{manner:?}: {summary}");
    }
}

#[test]
fn an_rpc_that_is_not_named_and_one_that_is_named_nothing_are_none() {
    let [unset, empty] =
        [None, Some("")].map(|base| replay(&fixture(), base, &[&sample(), "--json"], None).stdout);
    assert!(!unset.is_empty());
    assert_eq!(unset, empty);
}

/// Whoever asks no chain needs no endpoint, as with any other secret.
#[test]
fn what_never_asks_a_chain_does_without_its_endpoints() {
    let (folder, config) = with_maintenance("");
    for arguments in
        [&["incident", "list"][..], &["silence", "list"], &["feed", "quarantine"], &["journal", "head"]]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redhandle"));
        command.args(arguments).arg("--config").arg(&config).env_remove("CORPUS_RPC");
        let said = command.output().unwrap();
        assert_eq!(said.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
    }
    drop(folder);
}

/// A reviewer of the rules has no endpoints, and needs none.
#[test]
fn what_each_rule_means_is_said_without_an_rpc() {
    let (folder, config) = with_maintenance("");
    let check = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redhandle"));
        command.arg("check").args(arguments).arg("--config").arg(&config).env_remove("CORPUS_RPC");
        command.output().unwrap()
    };
    let rules = |output: &Output| {
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = found["findings"].as_array().unwrap().clone();
        let of = |level: &str, at: &str| {
            let is_of =
                |finding: &&Value| finding["level"] == level && finding["place"].to_string().contains(at);
            findings.iter().filter(is_of).count()
        };
        (of("ok", "condition"), of("warning", "chains."), of("problem", "chains."))
    };
    let offline = check(&["--offline", "--json"]);
    assert_eq!((offline.status.code(), rules(&offline)), (Some(0), (5, 7, 0)));
    // Whoever wants to know whether it would work now is told that nobody can say.
    let online = check(&["--json"]);
    assert_eq!((online.status.code(), rules(&online)), (Some(2), (5, 0, 7)));
    let told = String::from_utf8(check(&["--offline"]).stdout).unwrap();
    assert!(told.contains("when 3 alerts from 3 different bots,"), "{told}");
    // Looking writes nothing: a checkout may be read-only.
    assert!(!folder.path().join("redhandle.link-secret").exists());
}

#[test]
fn several_files_and_standard_input_read_as_one_file_does() {
    let base = rpc(Manner::Honest);
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(sample()).unwrap();
    let cut = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(400).unwrap().0 + 1;
    let (first, then) = (folder.path().join("first.jsonl"), folder.path().join("then.jsonl"));
    std::fs::write(&first, &bytes[..cut]).unwrap();
    // Blank lines and Windows' ends of lines are no lines and no trouble.
    let rest = String::from_utf8_lossy(&bytes[cut..]).into_owned();
    std::fs::write(&then, format!("\r\n\n{}", rest.replace('\n', "\r\n"))).unwrap();
    let packed = folder.path().join("all.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &bytes).unwrap();
    encoder.finish().unwrap();
    let whole = told(&replay(&fixture(), Some(&base), &[&sample(), "--json"], None)).0;
    let parts = [first.to_str().unwrap(), then.to_str().unwrap(), "--json"];
    assert_eq!(told(&replay(&fixture(), Some(&base), &parts, None)).0, whole);
    assert_eq!(told(&replay(&fixture(), Some(&base), &["-", "--json"], Some(&packed))).0, whole);
}

#[test]
fn an_rpc_that_serves_one_connection_at_a_time_answers_for_every_chain() {
    let base = rpc(Manner::Honest);
    let [many, one] = [base.clone(), one_by_one(&base)]
        .map(|base| told(&replay(&fixture(), Some(&base), &[&sample(), "--json"], None)));
    assert_eq!(one, many);
    assert_eq!(pairs(&one.0, in_full), planted());
}

/// The folder needs nothing beside it, so that it can be judged with another corpus elsewhere.
#[test]
fn the_abi_of_the_corpus_is_the_one_we_ship() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts-abi/vault.json");
    let beside = fixtures().join("corpus/vault.json");
    assert_eq!(std::fs::read(ours).unwrap(), std::fs::read(beside).unwrap());
}

/// A copy of the fixture whose `maintenance.toml` alone is another.
fn with_maintenance(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("runbooks")).unwrap();
    let rules = (1..=5).map(|rule| format!("runbooks/r{rule}.md"));
    for name in ["redhandle.toml", "roster.toml", "vault.json"].map(str::to_owned).into_iter().chain(rules) {
        std::fs::copy(fixtures().join("corpus").join(&name), folder.path().join(&name)).unwrap();
    }
    std::fs::write(folder.path().join("maintenance.toml"), text).unwrap();
    let config = folder.path().join("redhandle.toml");
    (folder, config)
}

#[test]
fn another_maintenance_file_is_all_it_takes() {
    let base = rpc(Manner::Honest);
    let mut more = planted();
    more.extend(["r2", "r4"].map(|rule| ("nm-maintenance-0020".to_owned(), rule.to_owned())));
    let (_folder, config) = with_maintenance("");
    let (firings, _) = told(&replay(&config, Some(&base), &[&sample(), "--json"], None));
    assert_eq!(pairs(&firings, in_full), more);
    // Written by a tool, from the truth: an id, an address in another case, and quoted times.
    let window = truth()["maintenanceWindows"][0].clone();
    let text = format!(
        "[[window]]\nchain = {}\ncontract = \"0x{}\"\nfrom = {}\nto = {}\nby = \"truth\"\nwhy = \"truth\"\n",
        window["chainId"],
        window["address"].as_str().unwrap()[2..].to_uppercase(),
        window["from"],
        window["to"],
    );
    let (_folder, config) = with_maintenance(&text);
    let (firings, _) = told(&replay(&config, Some(&base), &[&sample(), "--json"], None));
    assert_eq!(pairs(&firings, in_full), planted());
}

#[test]
fn an_alert_is_found_however_its_hash_is_written_and_one_that_is_not_there_is_said() {
    let hash = "0xcff7e824bb7a00726d902ce7eff2c83dfa9c42de4cabe7dab6f8dd66e9c760b4";
    let upper = format!("0x{}", hash[2..].to_uppercase());
    let [lower, upper] =
        [hash, &upper].map(|hash| replay(&fixture(), None, &[&sample(), "--why", hash], None));
    assert!(String::from_utf8_lossy(&lower.stdout).contains("r4: it is about watched-2"));
    assert_eq!(lower.stdout, upper.stdout);
    let unknown = replay(&fixture(), None, &[&sample(), "--why", &B256::ZERO.to_string()], None);
    assert_ne!(unknown.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&unknown.stdout).contains("is in what was read"));
}
