//! The corpus: what its truth says must fire fires, and nothing else; and each safeguard, switched off by a change
//! to the data or to what people wrote, makes a storyline come out wrong.

mod ahead;
mod corpus;
mod others;
mod planted;
mod safeguards;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy::primitives::B256;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::config::{Environment, Reach, load_with};
use crate::domain::names::FeedName;
use crate::feeds::forta_wire::parse_alert;

/// A storyline and a rule, such as `("attack-full-0000", "r1")`.
pub(super) type Pair = (String, String);

/// Whose blocks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rpc {
    /// Nobody's: `CORPUS_RPC` is not set.
    Unset,
    /// The corpus's chain model.
    Model,
    /// One that cannot be reached.
    Dead,
    /// One that serves another chain everywhere.
    WrongChain,
    /// One that answers each question with an error.
    Refusing,
    /// One that often fails.
    Poor,
    /// One that fails for some time, and then is there.
    Away,
    /// Answers from the chain model, each after a time of its own; fails, refuses, is of another mind or has none by the
    /// block alone, whoever asks when.
    Moody,
    /// Answers from the chain model, each after 20 ms.
    Slow,
    /// Fails whoever asks while another question is open.
    Jealous,
    /// Has no block.
    Empty,
}

/// What is replayed, and with what.
pub(super) struct Trial {
    pub(super) rpc: Rpc,
    in_order: bool,
    asked: Arc<AtomicUsize>,
    runbooks: BTreeMap<String, String>,
    maintenance: Option<String>,
    lines: Vec<Vec<u8>>,
    settings: String,
    seed: u64,
    planted: BTreeSet<Pair>,
    whose: BTreeMap<String, String>,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) firings: Vec<Firing>,
    pub(super) summary: Summary,
    pub(super) story: Option<Story>,
    planted: BTreeSet<Pair>,
    whose: BTreeMap<String, String>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub(super) fn truth() -> Value {
    let text = std::fs::read_to_string(fixtures().join("corpus/truth.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What the truth says must fire, R5 left aside: it is nobody's storyline.
pub(super) fn planted() -> BTreeSet<Pair> {
    let truth = truth();
    let storylines = truth["storylines"].as_array().unwrap();
    let pairs = storylines.iter().flat_map(|storyline| {
        let id = storyline["id"].as_str().unwrap().to_owned();
        let rules = storyline["rules"].as_array().unwrap();
        rules.iter().map(move |rule| (id.clone(), rule.as_str().unwrap().to_lowercase()))
    });
    pairs.collect()
}

/// The hashes of a storyline.
pub(super) fn hashes_of(storyline: &str) -> BTreeSet<String> {
    let truth = truth();
    let storylines = truth["storylines"].as_array().unwrap();
    let found = storylines.iter().find(|found| found["id"].as_str().unwrap().starts_with(storyline)).unwrap();
    let alerts = found["alerts"].as_array().unwrap();
    alerts.iter().map(|alert| alert["hash"].as_str().unwrap().to_owned()).collect()
}

impl Trial {
    /// The sample as it is.
    pub(super) fn sample() -> Self {
        let folder = fixtures().join("corpus/runbooks");
        let runbooks = std::fs::read_dir(folder).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        });
        let sample = std::fs::read(fixtures().join("feeds/sample.jsonl")).unwrap();
        let lines = sample.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Self {
            rpc: Rpc::Model,
            in_order: false,
            asked: Arc::default(),
            runbooks: runbooks.collect(),
            maintenance: Some(std::fs::read_to_string(fixtures().join("corpus/maintenance.toml")).unwrap()),
            lines: lines.map(<[u8]>::to_vec).collect(),
            settings: std::fs::read_to_string(fixtures().join("corpus/redhandle.toml")).unwrap(),
            seed: truth()["args"]["seed"].as_u64().unwrap(),
            planted: planted(),
            whose: storylines_by_hash(),
        }
    }

    /// Another corpus: other lines, other maintenance, and other addresses of the contracts.
    fn of(corpus: &planted::Corpus) -> Self {
        let mut trial = Self::sample();
        for (watched, (_, address)) in truth()["watched"].as_array().unwrap().iter().zip(&corpus.watched) {
            let before = watched["address"].as_str().unwrap();
            trial.settings = trial.settings.replace(before, &format!("{address:#x}"));
        }
        Self {
            maintenance: Some(corpus.maintenance.clone()),
            lines: corpus.lines.clone(),
            seed: corpus.seed,
            planted: corpus.planted.clone(),
            whose: corpus.whose.clone(),
            ..trial
        }
    }

    /// Another text in a runbook; what is replaced must be there.
    pub(super) fn rule(mut self, rule: &str, from: &str, to: &str) -> Self {
        let text = self.runbooks.get_mut(&format!("{rule}.md")).unwrap();
        assert!(text.contains(from), "{rule} has no {from}");
        *text = text.replace(from, to);
        self
    }

    pub(super) fn without_maintenance(mut self) -> Self {
        self.maintenance = None;
        self
    }

    /// Other alerts; `None` drops one. Lines that are no JSON stay as they are.
    pub(super) fn alerts(mut self, mut change: impl FnMut(usize, Value) -> Option<Value>) -> Self {
        let lines = std::mem::take(&mut self.lines);
        let changed =
            lines.into_iter().enumerate().filter_map(|(index, line)| {
                match serde_json::from_slice::<Value>(&line) {
                    Ok(alert) => change(index + 1, alert).map(|alert| alert.to_string().into_bytes()),
                    Err(_) => Some(line),
                }
            });
        self.lines = changed.collect();
        self
    }

    /// Changes the alerts of one storyline.
    pub(super) fn storyline(self, storyline: &str, mut change: impl FnMut(&mut Value)) -> Self {
        let hashes = hashes_of(storyline);
        let mut found = 0;
        let trial = self.alerts(|_, mut alert| {
            if alert["hash"].as_str().is_some_and(|hash| hashes.contains(hash)) {
                found += 1;
                change(&mut alert);
            }
            Some(alert)
        });
        assert!(found > 0, "nothing of {storyline}");
        trial
    }

    /// Only the alerts of one storyline.
    pub(super) fn only(self, storyline: &str) -> Self {
        let hashes = hashes_of(storyline);
        self.alerts(|_, alert| hashes.contains(alert["hash"].as_str().unwrap_or_default()).then_some(alert))
    }

    pub(super) fn newest_first(mut self) -> Self {
        self.lines.reverse();
        self
    }

    pub(super) fn rpc(mut self, rpc: Rpc) -> Self {
        self.rpc = rpc;
        self
    }

    /// Nothing is asked before its turn.
    pub(super) fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Counts the questions put to the RPC.
    pub(super) fn counting(mut self, asked: &Arc<AtomicUsize>) -> Self {
        self.asked = Arc::clone(asked);
        self
    }

    pub(super) async fn run(self) -> Outcome {
        self.why(None).await
    }

    pub(super) async fn why(self, why: Option<&str>) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("redhandle.toml", &self.settings);
        write("vault.json", include_str!("../../../../contracts-abi/vault.json"));
        write("roster.toml", &std::fs::read_to_string(fixtures().join("corpus/roster.toml")).unwrap());
        write("maintenance.toml", self.maintenance.as_deref().unwrap_or_default());
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        for (name, text) in &self.runbooks {
            write(&format!("rules/{name}"), text);
        }
        let base = match self.rpc {
            Rpc::Unset => None,
            // Nobody listens on the discard port.
            Rpc::Dead => Some("http://127.0.0.1:9".to_owned()),
            how @ (Rpc::Model
            | Rpc::WrongChain
            | Rpc::Refusing
            | Rpc::Poor
            | Rpc::Away
            | Rpc::Moody
            | Rpc::Slow
            | Rpc::Jealous
            | Rpc::Empty) => Some(model(how, self.seed, Arc::clone(&self.asked)).await),
        };
        let environment: Environment = base.map(|base| ("CORPUS_RPC", base)).into_iter().collect();
        let path = folder.path().join("redhandle.toml");
        let rules = folder.path().join("rules");
        let today = jiff::civil::date(2026, 11, 21);
        let config = load_with(&path, &environment, today, Some(&rules), Reach::Chain).unwrap();
        let mut replay = Replay::new(&config, why).unwrap();
        if self.in_order {
            replay = replay.in_order();
        }
        let (mut firings, feed) = (Vec::new(), FeedName::new("replay"));
        let mut lines = self.lines.iter().enumerate();
        loop {
            while replay.has_room()
                && let Some((index, line)) = lines.next()
            {
                let number = u64::try_from(index + 1).unwrap();
                let item = parse_alert(line, &feed, true)
                    .map_err(|malformed| Rejected::malformed(Some(number), malformed, line));
                replay.foresee(Place { line: number, alert: None }, line.len(), item);
            }
            let Some(found) = replay.judge_next().await else { break };
            firings.extend(found);
        }
        firings.extend(replay.settle_all().await);
        let (summary, story) = replay.finish();
        Outcome { firings, summary, story, planted: self.planted, whose: self.whose }
    }
}

impl Outcome {
    /// What fired for more than a page, by storyline; each pair must fire once.
    pub(super) fn fired(&self) -> BTreeSet<Pair> {
        self.pairs(|firing| firing.downgraded.is_none() && firing.response > Response::Page)
    }

    pub(super) fn paged(&self) -> BTreeSet<Pair> {
        self.pairs(|firing| firing.downgraded.is_some() && firing.response == Response::Page)
    }

    fn pairs(&self, wanted: impl Fn(&Firing) -> bool) -> BTreeSet<Pair> {
        let mut pairs = BTreeSet::new();
        for firing in self.firings.iter().filter(|firing| firing.contract.is_some() && wanted(firing)) {
            let storylines: BTreeSet<&str> = firing
                .alerts
                .iter()
                .map(|hash| self.whose.get(&hash.0).map_or("noise", String::as_str))
                .collect();
            for storyline in storylines {
                let pair = (storyline.to_owned(), firing.condition.to_string());
                assert!(pairs.insert(pair.clone()), "{pair:?} fired twice");
            }
        }
        pairs
    }

    /// What fired beyond what is planted, and what is planted and did not.
    pub(super) fn difference(&self) -> String {
        let (planted, fired) = (&self.planted, self.fired());
        let more = fired.difference(planted).map(|(storyline, rule)| format!("+{storyline} {rule}"));
        let less = planted.difference(&fired).map(|(storyline, rule)| format!("-{storyline} {rule}"));
        more.chain(less).collect::<Vec<_>>().join("\n")
    }
}

fn storylines_by_hash() -> BTreeMap<String, String> {
    let truth = truth();
    let mut whose = BTreeMap::new();
    for storyline in truth["storylines"].as_array().unwrap() {
        for alert in storyline["alerts"].as_array().unwrap() {
            let hash = alert["hash"].as_str().unwrap().to_owned();
            whose.insert(hash, storyline["id"].as_str().unwrap().to_owned());
        }
    }
    whose
}

/// The hash the sample's chain model gives a block.
pub(super) fn canonical(chain: u64, number: u64) -> B256 {
    canonical_of(truth()["args"]["seed"].as_u64().unwrap(), chain, number)
}

/// The hash the chain model of a seed gives a block.
pub(super) fn canonical_of(seed: u64, chain: u64, number: u64) -> B256 {
    B256::from_slice(&Sha256::digest(format!("{seed}|{chain}|{number}|0")))
}

/// Questions that one who is away leaves unanswered.
const AWAY_FOR: usize = 15;

/// An RPC that answers from the chain model; gives its base.
async fn model(how: Rpc, seed: u64, asked: Arc<AtomicUsize>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let state = (how, seed, asked, Arc::default());
    let app = Router::new().route("/{chain}", post(answer)).with_state(state);
    #[expect(clippy::disallowed_methods, reason = "a server beside the test")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

async fn answer(
    State((how, seed, asked, open)): State<(Rpc, u64, Arc<AtomicUsize>, Arc<AtomicUsize>)>,
    axum::extract::Path(chain): axum::extract::Path<u64>,
    Json(question): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let nth = asked.fetch_add(1, Ordering::SeqCst);
    let moods = if how == Rpc::Moody { ahead::mood(chain, &question, nth).await? } else { None };
    if how == Rpc::Slow {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    if how == Rpc::Jealous {
        let others = open.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        open.fetch_sub(1, Ordering::SeqCst);
        if others > 0 {
            return Err(StatusCode::TOO_MANY_REQUESTS);
        }
    }
    if (how == Rpc::Poor && nth % 3 == 0) || (how == Rpc::Away && nth < AWAY_FOR) {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let mut reply = json!({ "jsonrpc": "2.0", "id": question["id"] });
    if how == Rpc::Refusing || (how == Rpc::Poor && nth % 7 == 0) {
        reply["error"] = json!({ "code": -32_005, "message": "limit exceeded" });
    } else if let Some((key, said)) = moods {
        reply[key] = said;
    } else if question["method"] == "eth_chainId" {
        let said = if how == Rpc::WrongChain { 5 } else { chain };
        reply["result"] = json!(format!("{said:#x}"));
    } else if how == Rpc::Empty {
        reply["result"] = Value::Null;
    } else {
        assert_eq!(question["method"], "eth_getBlockByNumber");
        let number = question["params"][0].as_str().unwrap();
        let height = u64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap();
        let hash = if how == Rpc::WrongChain { B256::ZERO } else { canonical_of(seed, chain, height) };
        reply["result"] = json!({ "number": number, "hash": hash, "timestamp": "0x1" });
    }
    Ok(Json(reply))
}
