//! The recorded answers of the real service (6.10.1), and a server that plays what it is told.
//!
//! The recordings are not part of the repository; tests that need them say loudly when they are absent.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// One recorded request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Interaction {
    pub(super) n: u64,
    pub(super) label: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    /// The body as it was sent.
    pub(super) body: Option<String>,
    pub(super) status: u16,
    /// `None` for an empty body, or one that is not JSON.
    pub(super) answer: Option<Value>,
    pub(super) text: String,
}

/// All recordings, or `None` after saying that they are absent.
pub(super) fn all(test: &str) -> Option<Vec<Interaction>> {
    load("sts-recordings.json", test)
}

/// What the official client (api-kit 5.0.3) asked the real service, or `None` after saying so.
pub(super) fn official_client(test: &str) -> Option<Vec<Interaction>> {
    load("apikit-traffic.json", test)
}

fn load(name: &str, test: &str) -> Option<Vec<Interaction>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = ["../shared/data/safe", "../../shared/data/safe"]
        .iter()
        .map(|place| root.join(place).join(name))
        .find(|place| place.exists());
    let Some(file) = file else {
        eprintln!("SKIPPED: {test}: {name} of the Transaction Service is not beside the repository");
        return None;
    };
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let interactions = whole["interactions"].as_array().unwrap();
    Some((1..).zip(interactions).map(|(place, value)| interaction(place, value)).collect())
}

fn interaction(place: u64, value: &Value) -> Interaction {
    let (request, response) = (&value["request"], &value["response"]);
    let headers = request["headers"].as_object().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let body = match (&request["json"], &request["raw_body"]) {
        (Value::Null, Value::Null) => None,
        (Value::Null, raw) => Some(text(raw)),
        (json, _) => Some(json.to_string()),
    };
    Interaction {
        n: value["n"].as_u64().unwrap_or(place),
        label: text(&value["label"]),
        method: text(&request["method"]),
        path: text(&request["path"]),
        headers: headers.map(|(name, value)| (name.clone(), text(value))).collect(),
        body,
        status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
        answer: Some(response["json"].clone()).filter(|json| !json.is_null()),
        text: text(&response["text"]),
    }
}

/// What a scripted server does with one connection.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and closes.
    Drop,
}

impl Act {
    /// A whole answer.
    pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        Self::cut_answer(status, headers, body, body.len())
    }

    /// An answer that promises `length` bytes of body.
    pub(super) fn cut_answer(status: u16, headers: &[(&str, &str)], body: &str, length: usize) -> Self {
        let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(body);
        Self::Say(text.into_bytes())
    }

    /// The recorded answer.
    pub(super) fn recorded(interaction: &Interaction) -> Self {
        let body = interaction.answer.as_ref().map_or_else(|| interaction.text.clone(), Value::to_string);
        Self::answer(interaction.status, &[("content-type", "application/json")], &body)
    }
}

/// One request as a scripted server got it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) head: String,
    pub(super) body: String,
}

/// Plays its acts, one a connection; after the last it closes connections without a word.
pub(super) struct Scripted {
    pub(super) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    _server: JoinSet<()>,
}

impl Scripted {
    pub(super) async fn play(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/tx-service/eth", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut acts: VecDeque<Act> = acts.into_iter().collect();
        let seen = Arc::clone(&asked);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut hanging = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                match acts.pop_front() {
                    Some(Act::Say(bytes)) => {
                        stream.write_all(&bytes).await.ok();
                        stream.shutdown().await.ok();
                    }
                    Some(Act::Hang) => hanging.push(stream),
                    Some(Act::Drop) | None => {}
                }
            }
        });
        Self { url, asked, _server: server }
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> Asked {
    let mut bytes = Vec::new();
    let mut chunk = [0; 65_536];
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut chunk).await.unwrap() {
            0 => break bytes.len(),
            n => bytes.extend_from_slice(&chunk[..n]),
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head_end + 4 + length {
        match stream.read(&mut chunk).await.unwrap() {
            0 => break,
            n => bytes.extend_from_slice(&chunk[..n]),
        }
    }
    Asked {
        path: head
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .trim_start_matches("/tx-service/eth")
            .to_owned(),
        body: String::from_utf8(bytes[(head_end + 4).min(bytes.len())..].to_vec()).unwrap(),
        head,
    }
}

/// Long enough for a local server, short enough for a test that waits for it.
pub(super) const TIMEOUT: Duration = Duration::from_millis(400);
