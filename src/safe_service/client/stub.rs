//! A Transaction Service for tests: it keeps proposals and delegates, checks hashes, signatures and hours as
//! the real one does, and misbehaves when it is told to.
//!
//! It is no stand-in for the recordings: what it says when it behaves is theirs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::primitives::Address;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::Url;

use crate::clock::SharedClock;
use crate::domain::safe::signature::recover_digest;
use crate::domain::safe::{SafeDomain, SafeTx, SafeTxHash, delegate_hash, hash, totp};

/// Rows of one page, so that a few proposals make several.
const ROWS: usize = 3;

/// What it does with one request instead of answering it well.
#[derive(Clone, Debug)]
pub(crate) enum Mischief {
    /// Does what was asked and never says so.
    ActAndHang,
    /// Does what was asked and breaks off within the answer.
    ActAndCut,
    /// Does nothing and says that it did.
    Forget,
    /// Answers a byte at a time, without end.
    Drip,
    /// Answers with this and does nothing.
    Say(u16, Vec<(&'static str, String)>, String),
    /// Answers well, but for what this changes in the rows.
    Alter(fn(&mut Value)),
}

impl Mischief {
    pub(crate) fn say(status: u16, body: &str) -> Self {
        Self::Say(status, vec![("content-type", "application/json".to_owned())], body.to_owned())
    }
}

/// What it knows.
pub(crate) struct Known {
    pub(crate) domain: SafeDomain,
    pub(crate) owners: Vec<Address>,
    /// Proposals as rows of API v2, in the order of arrival.
    pub(crate) rows: Vec<Value>,
    pub(crate) delegates: Vec<Value>,
    /// What is still to come, in order; the method tells which requests it is for.
    pub(crate) mischief: VecDeque<(Method, Mischief)>,
    /// Every request: method, path and query.
    pub(crate) asked: Vec<(Method, String)>,
    /// How far its clock is ahead.
    pub(crate) clock_ahead: SignedDuration,
    /// Limit and what is left of it.
    pub(crate) quota: Option<(u64, u64)>,
    clock: SharedClock,
}

impl Known {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.clock_ahead
    }
}

/// The service.
pub(crate) struct Stub {
    pub(crate) url: Url,
    known: Arc<Mutex<Known>>,
    _serving: JoinSet<()>,
}

impl Stub {
    pub(crate) async fn start(domain: SafeDomain, owners: Vec<Address>, clock: SharedClock) -> Self {
        let known = Arc::new(Mutex::new(Known {
            domain,
            owners,
            rows: Vec::new(),
            delegates: Vec::new(),
            mischief: VecDeque::new(),
            asked: Vec::new(),
            clock_ahead: SignedDuration::ZERO,
            quota: None,
            clock,
        }));
        let routes = axum::Router::new().fallback(answer).with_state(Arc::clone(&known));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, known, _serving: serving }
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.known.lock().unwrap())
    }

    pub(crate) fn next(&self, method: Method, mischief: Mischief) {
        self.with(|known| known.mischief.push_back((method, mischief)));
    }

    pub(crate) fn count(&self, method: &Method) -> usize {
        self.with(|known| known.asked.iter().filter(|(asked, _)| asked == method).count())
    }
}

async fn answer(State(known): State<Arc<Mutex<Known>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let uri = parts.uri.path_and_query().unwrap().to_string();
    let (mischief, mut response) = {
        let mut known = known.lock().unwrap();
        known.asked.push((parts.method.clone(), uri.clone()));
        if let Some((_, left)) = &mut known.quota {
            *left = left.saturating_sub(1);
        }
        let place = known.mischief.iter().position(|(method, _)| *method == parts.method);
        let mischief = place.and_then(|place| known.mischief.remove(place)).map(|(_, mischief)| mischief);
        let alter = match &mischief {
            Some(Mischief::Alter(alter)) => Some(*alter),
            _ => None,
        };
        let response = match &mischief {
            Some(Mischief::Forget) => StatusCode::CREATED.into_response(),
            Some(Mischief::Say(status, headers, text)) => said(*status, headers, text),
            Some(Mischief::Drip) => dripping(),
            _ => known.act(&parts.method, &uri, &body, alter),
        };
        (mischief, known.signed(response))
    };
    match mischief {
        Some(Mischief::ActAndHang) => std::future::pending().await,
        Some(Mischief::ActAndCut) => {
            let broken: Result<Bytes, _> = Err(std::io::Error::other("cut"));
            *response.body_mut() =
                Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{\"half")), broken]));
            response
        }
        _ => response,
    }
}

fn said(status: u16, headers: &[(&'static str, String)], text: &str) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), text.to_owned()).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

fn dripping() -> Response {
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(drops)).into_response()
}

fn no(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

impl Known {
    /// The headers that it puts under everything.
    fn signed(&self, mut response: Response) -> Response {
        let date = self.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = response.headers_mut();
        headers.insert(header::DATE, date.parse().unwrap());
        if let Some((limit, left)) = self.quota {
            for (name, value) in [
                ("x-ratelimit-limit", limit),
                ("x-ratelimit-remaining", left),
                ("x-ratelimit-reset", 266_400),
            ] {
                headers.entry(name).or_insert(value.to_string().parse().unwrap());
            }
        }
        response
    }

    fn act(&mut self, method: &Method, uri: &str, body: &[u8], alter: Option<fn(&mut Value)>) -> Response {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("POST", ["api", "v2", "safes", _, "multisig-transactions"]) => self.propose(&body),
            ("GET", ["api", "v2", "safes", _, "multisig-transactions"]) => self.list(path, query, alter),
            ("GET", ["api", "v2", "multisig-transactions", hash]) => self.one(hash, alter),
            ("DELETE", ["api", "v2", "multisig-transactions", hash]) => {
                let before = self.rows.len();
                self.rows.retain(|row| row["safeTxHash"] != **hash);
                let gone = self.rows.len() < before;
                if gone {
                    StatusCode::NO_CONTENT.into_response()
                } else {
                    no(404, json!({ "detail": "Multisig transaction not found" }))
                }
            }
            ("GET", ["api", "v2", "delegates"]) => self.delegates(query),
            ("POST", ["api", "v2", "delegates"]) => self.add_delegate(body),
            _ => no(404, json!({ "detail": "Not found." })),
        }
    }

    fn propose(&mut self, body: &Value) -> Response {
        let tx: SafeTx = serde_json::from_value(body.clone()).unwrap();
        let said: SafeTxHash = serde_json::from_value(body["contractTransactionHash"].clone()).unwrap();
        let sender: Address = serde_json::from_value(body["sender"].clone()).unwrap();
        let computed = hash(&tx, &self.domain).safe_tx;
        if computed != said {
            let text = format!(
                "Contract-transaction-hash={computed} does not match provided contract-tx-hash={said}"
            );
            return no(422, json!({ "nonFieldErrors": [text] }));
        }
        let behind = self.delegates.iter().find(|one| one["delegate"] == json!(sender.to_checksum(None)));
        if !self.owners.contains(&sender) && behind.is_none() {
            let text =
                format!("Sender={sender} is not an owner or delegate. Current owners=[]. Delegates=set()");
            return no(422, json!({ "nonFieldErrors": [text] }));
        }
        if self.rows.iter().any(|row| row["safeTxHash"] == json!(said)) {
            return StatusCode::CREATED.into_response();
        }
        let owner = self.owners.contains(&sender);
        let now = self.now();
        let confirmation = json!({ "owner": sender.to_checksum(None), "submissionDate": now, "transactionHash": null,
            "signature": body["signature"], "signatureType": "EOA" });
        let mut row = serde_json::to_value(&tx).unwrap();
        let origin = body["origin"].as_str().unwrap_or("{}");
        let more = json!({
            "safe": self.domain.safe, "safeTxHash": said, "executor": null, "isExecuted": false,
            "isSuccessful": null, "transactionHash": null, "blockNumber": null, "executionDate": null,
            "submissionDate": now, "modified": now, "confirmationsRequired": 2, "trusted": true,
            "origin": origin, "somethingNew": { "of": "a later version" },
            "proposer": behind.map_or(json!(sender.to_checksum(None)), |one| one["delegator"].clone()),
            "proposedByDelegate": (!owner).then(|| sender.to_checksum(None)),
            "confirmations": if owner { vec![confirmation] } else { Vec::new() },
        });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.rows.push(row);
        StatusCode::CREATED.into_response()
    }

    fn one(&self, hash: &str, alter: Option<fn(&mut Value)>) -> Response {
        let Some(row) = self.rows.iter().find(|row| row["safeTxHash"] == hash) else {
            return no(404, json!({ "detail": "No MultisigTransaction matches the given query." }));
        };
        let mut row = row.clone();
        if let Some(alter) = alter {
            alter(&mut row);
        }
        no(200, row)
    }

    fn list(&self, path: &str, query: &str, alter: Option<fn(&mut Value)>) -> Response {
        let get = |name: &str| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let bound = |name: &str| get(name).and_then(|text| text.parse::<u64>().ok());
        let nonce =
            |row: &Value| row["nonce"].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(u64::MAX);
        let since: Option<Timestamp> = get("modified__gt").and_then(|text| text.parse().ok());
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.retain(|row| {
            bound("nonce__gte").is_none_or(|least| nonce(row) >= least)
                && bound("nonce__lt").is_none_or(|end| nonce(row) < end)
                && since.is_none_or(|since| {
                    row["modified"].as_str().unwrap().parse::<Timestamp>().unwrap() > since
                })
        });
        rows.sort_by_key(|row| nonce(row));
        let offset = usize::try_from(bound("offset").unwrap_or(0)).unwrap();
        let count = rows.len();
        let mut page: Vec<Value> = rows.into_iter().skip(offset).take(ROWS).cloned().collect();
        if let Some(alter) = alter {
            page.iter_mut().for_each(alter);
        }
        // Behind a gateway the next page is on a host that nobody outside can reach.
        let next = (offset + ROWS < count).then(|| {
            let kept: Vec<_> = query.split('&').filter(|part| !part.starts_with("offset=")).collect();
            format!("http://inner.invalid{path}?{}&offset={}", kept.join("&"), offset + ROWS)
        });
        no(200, json!({ "count": count, "next": next, "previous": null, "results": page }))
    }

    fn delegates(&self, query: &str) -> Response {
        let wanted: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let matches = |one: &&Value| {
            let filters = wanted.iter().filter(|(name, _)| name != "limit");
            filters.into_iter().all(|(name, value)| one[name].as_str() == Some(value))
        };
        let found: Vec<_> = self.delegates.iter().filter(matches).cloned().collect();
        no(200, json!({ "count": found.len(), "next": null, "previous": null, "results": found }))
    }

    fn add_delegate(&mut self, body: Value) -> Response {
        let read = |name: &str| serde_json::from_value::<Address>(body[name].clone()).unwrap();
        let (delegate, delegator) = (read("delegate"), read("delegator"));
        let signature: alloy::primitives::Bytes = serde_json::from_value(body["signature"].clone()).unwrap();
        let hour = totp(u64::try_from(self.now().as_second()).unwrap());
        let signed = [hour, hour - 1].into_iter().any(|hour| {
            let digest = delegate_hash(Some(self.domain.chain_id), delegate, hour);
            recover_digest(digest, &signature).is_ok_and(|recovered| recovered.owner == delegator)
        });
        if !signed {
            let text = format!("Signature does not match provided delegator={delegator}");
            return no(400, json!({ "nonFieldErrors": [text] }));
        }
        self.delegates.retain(|one| one["delegate"] != body["delegate"] || one["safe"] != body["safe"]);
        self.delegates.push(json!({ "safe": body["safe"], "delegate": delegate.to_checksum(None),
            "delegator": delegator.to_checksum(None), "label": body["label"], "expiryDate": body["expiryDate"] }));
        no(201, body)
    }
}
