//! The whole surface over real HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::routing::{get, post};
use jiff::{SignedDuration, Timestamp, Zoned};
use reqwest::{Method, RequestBuilder};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;
use crate::clock::ManualClock;
use crate::notify::AckLinks;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "a key that is long enough for this gate";
const NOW: &str = "2026-11-21T03:00:00Z";

fn at() -> Zoned {
    NOW.parse::<Timestamp>().unwrap().in_tz("Europe/Berlin").unwrap()
}

/// Incidents with the people they paged, kept as a real one would.
#[derive(Debug, Default)]
struct Incidents {
    paged: Mutex<BTreeMap<(String, String), AckState>>,
    down: Mutex<bool>,
}

impl Incidents {
    fn with(state: AckState) -> Arc<Self> {
        let incidents = Self::default();
        incidents.paged.lock().unwrap().insert(("INC-7".into(), "ana".into()), state);
        Arc::new(incidents)
    }

    fn state(&self) -> AckState {
        self.paged.lock().unwrap().values().next().unwrap().clone()
    }

    fn up(&self) -> Result<(), AckFailed> {
        if !*self.down.lock().unwrap() {
            return Ok(());
        }
        let source = std::io::Error::other("the disk's own words, not for phones");
        Err(AckFailed { doing: "use the journal", source: source.into() })
    }
}

#[async_trait]
impl Acknowledge for Incidents {
    async fn summary(&self, incident: &str, person: &str) -> Result<Option<AckSummary>, AckFailed> {
        self.up()?;
        let paged = self.paged.lock().unwrap();
        let state = paged.get(&(incident.to_owned(), person.to_owned()));
        Ok(state.map(|state| AckSummary {
            title: "<script>alert(1)</script> \u{202e}vault & co".into(),
            severity: "emergency".into(),
            person: "Ana \"<b>".into(),
            state: state.clone(),
        }))
    }

    async fn acknowledge(&self, incident: &str, person: &str) -> Result<AckOutcome, AckFailed> {
        self.up()?;
        let mut paged = self.paged.lock().unwrap();
        let Some(state) = paged.get_mut(&(incident.to_owned(), person.to_owned())) else {
            return Ok(AckOutcome::Unknown);
        };
        Ok(match state.clone() {
            AckState::Waiting => {
                *state = AckState::Acknowledged { at: at() };
                AckOutcome::Recorded { at: at() }
            }
            AckState::Acknowledged { at } => AckOutcome::Already { at },
            AckState::Over => AckOutcome::Over,
        })
    }
}

#[derive(Debug)]
struct Checks(CheckState);

#[async_trait]
impl Health for Checks {
    async fn checks(&self) -> Vec<Check> {
        vec![Check { name: "journal".into(), state: self.0.clone() }]
    }
}

fn links() -> AckLinks {
    AckLinks::new(&SECRET.into(), "https://agent.example.org/".parse().unwrap()).unwrap()
}

fn parts(incidents: &Arc<Incidents>, key: Option<&str>) -> Parts {
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let proven = CheckState::Proven { at: NOW.parse().unwrap(), good_for: SignedDuration::from_secs(60) };
    Parts {
        ack: Some(AckParts { links: links(), port: incidents.clone() }),
        health: Arc::new(Checks(proven)),
        clock: ManualClock::at(NOW.parse().unwrap()),
        open: vec![
            Router::new().route("/feeds/alerts", post(|body: Bytes| async move { body.len().to_string() })),
        ],
        guarded: vec![Router::new().route("/safe/api", get(|| async { "proposals" }))],
        reports: None,
        gate: Gate::for_listener(listen, key.map(Into::into).as_ref()).unwrap(),
    }
}

/// A running agent's surface; gone when dropped.
struct Running {
    base: String,
    client: reqwest::Client,
    _server: JoinSet<()>,
}

impl Running {
    async fn start(parts: Parts) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let _running = stop;
            serve(listener, router(parts), stopped).await.map(drop).unwrap();
        });
        Self { base, client: crate::http::client(Duration::from_secs(10)).unwrap(), _server: server }
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    async fn told(&self, method: Method, path: &str) -> (u16, String) {
        let answer = self.ask(method, path).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

fn ack_path() -> String {
    links().url("INC-7", "ana").unwrap().path().to_owned()
}

#[tokio::test]
async fn the_page_shows_what_would_be_acknowledged_and_changes_nothing() {
    let incidents = Incidents::with(AckState::Waiting);
    let agent = Running::start(parts(&incidents, Some(KEY))).await;
    let (status, page) = agent.told(Method::GET, &ack_path()).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(page, @r#"
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="dark light">
    <meta name="robots" content="noindex">
    <title>INC-7</title>
    <link rel="stylesheet" href="../../page.css">
    </head>
    <body>
    <main>
    <p class="what">INC-7 · <strong class="severity">emergency</strong></p>
    <h1>&#60;script&#62;alert(1)&#60;/script&#62; \u{202e}vault &#38; co</h1>


    <form method="post">
    <button type="submit">Acknowledge INC-7 as Ana &#34;&#60;b&#62;</button>
    </form>
    <p class="note">This stops the pages to you and tells the others that you are awake and on it. It signs nothing.</p>

    </main>
    </body>
    </html>
    "#);
    for _ in 0..2 {
        assert_eq!(agent.told(Method::GET, &ack_path()).await, (200, page.clone()));
    }
    assert_eq!(agent.told(Method::HEAD, &ack_path()).await, (200, String::new()));
    assert_eq!(incidents.state(), AckState::Waiting, "neither a preview nor a scanner acknowledges");
}

#[tokio::test]
async fn pressing_the_button_acknowledges_once_and_says_when() {
    let incidents = Incidents::with(AckState::Waiting);
    let agent = Running::start(parts(&incidents, Some(KEY))).await;
    let mut told = Vec::new();
    for method in [Method::POST, Method::POST, Method::GET] {
        let (status, page) = agent.told(method.clone(), &ack_path()).await;
        assert!(!page.contains("<button"), "nothing is left to press");
        told.push(format!("{method} {status}: {}", verdict(&page)));
    }
    assert_eq!(incidents.state(), AckState::Acknowledged { at: at() });
    let over = Running::start(parts(&Incidents::with(AckState::Over), None)).await;
    for method in [Method::GET, Method::POST] {
        let (status, page) = over.told(method.clone(), &ack_path()).await;
        told.push(format!("{method} {status}: {}", verdict(&page)));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    POST 200: class="good" role="status"> Acknowledged - Recorded at 2026-11-21 04:00:00 CET · 2026-11-21 03:00:00 UTC. Nothing is signed by this.
    POST 200: class="good" role="status"> Already acknowledged - Recorded at 2026-11-21 04:00:00 CET · 2026-11-21 03:00:00 UTC. Nothing is signed by this.
    GET 200: class="good" role="status"> Acknowledged - Recorded at 2026-11-21 04:00:00 CET · 2026-11-21 03:00:00 UTC. Nothing is signed by this.
    GET 200: class="good" role="status"> Nothing to do - This incident does not wait for you any more.
    POST 200: class="good" role="status"> Nothing to do - This incident does not wait for you any more.
    "#);
}

/// The class, the word and the meaning of a page's verdict, one line.
fn verdict(page: &str) -> String {
    let section = page.split("<section ").nth(1).unwrap().split("</section>").next().unwrap();
    let section = section.replace("<h2>", "").replace("</h2>", " -").replace("<p>", "").replace("</p>", "");
    section.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn what_is_not_recorded_says_so_and_can_be_tried_again() {
    let incidents = Incidents::with(AckState::Waiting);
    let agent = Running::start(parts(&incidents, Some(KEY))).await;
    *incidents.down.lock().unwrap() = true;
    let mut told = Vec::new();
    for method in [Method::GET, Method::POST] {
        let (status, page) = agent.told(method.clone(), &ack_path()).await;
        assert!(page.contains("<button"));
        assert!(!page.contains("disk"), "the cause is for the log");
        told.push(format!("{method} {status}: {}", verdict(&page)));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    GET 503: class="bad" role="status"> Not readable - The incident cannot be read at the moment. You can still try to acknowledge it.
    POST 503: class="bad" role="status"> Not recorded - Your acknowledgement is not recorded, and pages will go on. Try again, and tell the others in your usual channel that you are on it.
    "#);
    *incidents.down.lock().unwrap() = false;
    assert_eq!(agent.told(Method::POST, &ack_path()).await.0, 200);
    assert_eq!(incidents.state(), AckState::Acknowledged { at: at() });
}

#[tokio::test]
async fn a_wrong_link_is_not_found_whatever_is_wrong_with_it() {
    let incidents = Incidents::with(AckState::Waiting);
    let agent = Running::start(parts(&incidents, Some(KEY))).await;
    let right = ack_path();
    let nobody = links().url("INC-7", "ben").unwrap().path().to_owned();
    let (_, elsewhere) = agent.told(Method::GET, "/no/such/path").await;
    for path in [
        right.replace("INC-7", "INC-8"),
        right.replace("ana", "ben"),
        right[..right.len() - 1].to_owned(),
        format!("{right}0"),
        right.replace("ana", "%ff"),
        nobody,
    ] {
        for method in [Method::GET, Method::POST] {
            let told = agent.told(method.clone(), &path).await;
            assert_eq!(told, (404, elsewhere.clone()), "{method} {path}");
        }
    }
    assert_eq!(incidents.state(), AckState::Waiting);
}

#[tokio::test]
async fn every_answer_is_strict() {
    let agent = Running::start(parts(&Incidents::with(AckState::Waiting), Some(KEY))).await;
    for path in [ack_path().as_str(), "/healthz", "/nothing", "/safe/api"] {
        let answer = agent.ask(Method::GET, path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap();
        let csp = header("content-security-policy");
        for rule in ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"]
        {
            assert!(csp.contains(rule), "{path}: {csp}");
        }
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    }
    let style = agent.ask(Method::GET, "/ack/page.css").send().await.unwrap();
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
    assert_eq!(style.headers()["cache-control"], "max-age=3600");
}

#[tokio::test]
async fn with_a_key_only_links_and_feeds_go_without_it() {
    let agent = Running::start(parts(&Incidents::with(AckState::Waiting), Some(KEY))).await;
    let with = |key: String| agent.ask(Method::GET, "/safe/api").header("authorization", key);
    for request in [
        agent.ask(Method::GET, "/safe/api"),
        with(KEY.into()),
        with(format!("Bearer {KEY}x")),
        with("Bearer ".into()),
        with(format!("Basic {KEY}")),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["www-authenticate"] == "Bearer"),
            (401, true)
        );
    }
    assert_eq!(with(format!("bearer {KEY}")).send().await.unwrap().text().await.unwrap(), "proposals");
    let from_afar =
        with(format!("Bearer {KEY}")).header("origin", "https://app.example.org").header("host", "x.org");
    assert_eq!(from_afar.send().await.unwrap().status(), 200);
    assert_eq!(agent.told(Method::GET, "/healthz").await.0, 401);
    assert_eq!(agent.told(Method::GET, &ack_path()).await.0, 200);
    assert_eq!(agent.told(Method::POST, "/feeds/alerts").await, (200, "0".into()));
}

#[tokio::test]
async fn without_a_key_a_browsers_strange_pages_are_kept_out() {
    let agent = Running::start(parts(&Incidents::with(AckState::Waiting), None)).await;
    let ask = || agent.ask(Method::GET, "/safe/api");
    for (request, want) in [
        (ask(), 200),
        (ask().header("host", "localhost:8080"), 200),
        (ask().header("host", "[::1]:8080").header("origin", "http://localhost:3000"), 200),
        (ask().header("host", "rebound.example.org"), 403),
        (ask().header("host", "127.0.0.1.example.org"), 403),
        (ask().header("host", "user@127.0.0.1@example.org"), 403),
        (ask().header("origin", "https://evil.example.org"), 403),
        (ask().header("origin", "null"), 403),
    ] {
        assert_eq!(request.send().await.unwrap().status(), want);
    }
}

#[tokio::test]
async fn health_is_green_while_proven_and_red_after() {
    let mut parts = parts(&Incidents::with(AckState::Waiting), None);
    let clock = ManualClock::at(NOW.parse().unwrap());
    parts.clock = clock.clone();
    let agent = Running::start(parts).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let (status, body) = agent.told(Method::GET, "/healthz").await;
        told.push(format!("{status} {body}"));
        clock.step(SignedDuration::from_secs(61));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    200 {"status":"green","proven_at":"2026-11-21T03:00:00Z","checks":[{"name":"journal","status":"green","proven_at":"2026-11-21T03:00:00Z"}]}
    503 {"status":"red","proven_at":null,"why":"1 of 1 checks are red","checks":[{"name":"journal","status":"red","proven_at":"2026-11-21T03:00:00Z","why":"proven 61 s ago, which is good for 60 s"}]}
    "#);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let agent = Running::start(parts(&Incidents::with(AckState::Waiting), None)).await;
    let fits = agent.ask(Method::POST, "/feeds/alerts").body(vec![b'x'; BODY_MAX_BYTES]);
    assert_eq!(fits.send().await.unwrap().text().await.unwrap(), BODY_MAX_BYTES.to_string());
    let more = agent.ask(Method::POST, "/feeds/alerts").body(vec![b'x'; BODY_MAX_BYTES + 1]);
    assert_eq!(more.send().await.unwrap().status(), 413);
}
