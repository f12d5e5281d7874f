//! What a vendor asks of an address before it posts there.
//!
//! Tenderly takes only an address that answers GET with 200. A sender of CloudEvents may ask by OPTIONS whether events are
//! welcome, and how many (<https://github.com/cloudevents/spec>, `http-webhook.md`, 4). Neither is told anything that a
//! refused request would not tell, and neither proves who asks: every event is checked all the same.

use std::sync::Arc;

use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

use super::{Webhook, WebhookSettings};
use crate::domain::alert::Sender;

/// Who asks.
const REQUEST_ORIGIN: &str = "webhook-request-origin";
/// Who may send.
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
/// How many events a minute.
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// The routes of a webhook, with what its vendor asks beside posting.
pub(super) fn with(
    settings: &WebhookSettings,
    posts: MethodRouter<Arc<Webhook>>,
) -> MethodRouter<Arc<Webhook>> {
    let rate = settings.requests_per_minute;
    match settings.reading.as_ref().map(|reading| &reading.sender) {
        Some(Sender::Tenderly) => posts.get(async || StatusCode::OK),
        Some(Sender::CloudEvents) => {
            posts.options(async move |headers: HeaderMap| permission(&headers, rate))
        }
        Some(
            Sender::Forta
            | Sender::FortaNode
            | Sender::OpenZeppelinMonitor
            | Sender::Defender
            | Sender::Hypernative
            | Sender::Alertmanager
            | Sender::Grafana
            | Sender::PagerDuty
            | Sender::Alchemy
            | Sender::QuickNode
            | Sender::OnchainMon
            | Sender::Map(_),
        )
        | None => posts,
    }
}

/// Whoever does not say where the events would come from is told what may be sent, and given no permission.
fn permission(headers: &HeaderMap, requests_per_minute: u32) -> Response {
    let mut answer = StatusCode::OK.into_response();
    let told = answer.headers_mut();
    told.insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    if headers.contains_key(REQUEST_ORIGIN) {
        told.insert(ALLOWED_ORIGIN, HeaderValue::from_static("*"));
        told.insert(ALLOWED_RATE, HeaderValue::from(requests_per_minute));
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{MemoryReplayGuard, Scheme, WebhookAuthentication, WebhookIntake, router};
    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::alert::AlertSeverity;
    use crate::domain::names::FeedName;
    use crate::feeds::SharedHealth;
    use crate::feeds::vendor::{Networks, Reading, Severities};

    fn settings(name: &str, sender: Sender) -> (WebhookSettings, SharedHealth) {
        let feed = FeedName::from(name);
        let reading = Reading {
            feed: feed.clone(),
            sender,
            chain: None,
            severity: AlertSeverity::Unknown,
            networks: Networks::default(),
            severities: Severities::default(),
        };
        let secret = secrecy::SecretString::from("practice-secret-0001");
        let settings = WebhookSettings {
            name: feed,
            path: format!("/{name}"),
            authentication: WebhookAuthentication::Vendor(Scheme::Bearer(vec![secret])),
            window: Duration::from_secs(300),
            requests_per_minute: 120,
            reading: Some(reading),
        };
        (settings, SharedHealth::new())
    }

    #[tokio::test]
    async fn a_vendor_is_answered_what_it_asks_before_it_posts() {
        let (deliveries, _received) = tokio::sync::mpsc::channel(1);
        let clock = ManualClock::at("2024-01-01T00:00:00Z".parse().unwrap());
        let intake = WebhookIntake { deliveries, replays: Arc::new(MemoryReplayGuard::default()), clock };
        let feeds = [
            settings("tenderly", Sender::Tenderly),
            settings("events", Sender::CloudEvents),
            settings("grafana", Sender::Grafana),
        ];
        let router = router(feeds, &intake).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let http = crate::http::client(Duration::from_secs(20)).unwrap();
        let ask = async |asked: &str, path: &str, headers: &[(&str, &str)]| {
            let method = reqwest::Method::from_bytes(asked.as_bytes()).unwrap();
            let mut request = http.request(method, format!("{url}{path}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = request.send().await.unwrap();
            let header = |name: &str| {
                answer.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned()
            };
            let told = ["allow", "webhook-allowed-origin", "webhook-allowed-rate"].map(header);
            format!("{asked} {path} {} {}", answer.status().as_u16(), told.join(" "))
        };
        let test = async {
            let origin = [("webhook-request-origin", "events.example.org"), ("webhook-request-rate", "600")];
            let told = [
                ask("GET", "/tenderly", &[]).await,
                ask("OPTIONS", "/tenderly", &[]).await,
                ask("OPTIONS", "/events", &origin).await,
                ask("OPTIONS", "/events", &[]).await,
                ask("GET", "/events", &[]).await,
                ask("GET", "/grafana", &[]).await,
                ask("OPTIONS", "/grafana", &origin).await,
                ask("POST", "/tenderly", &[]).await,
            ];
            insta::assert_snapshot!(told.join("\n"), @r"
            GET /tenderly 200 - - -
            OPTIONS /tenderly 405 POST,GET,HEAD - -
            OPTIONS /events 200 POST, OPTIONS * 120
            OPTIONS /events 200 POST, OPTIONS - -
            GET /events 405 POST,OPTIONS - -
            GET /grafana 405 POST - -
            OPTIONS /grafana 405 POST - -
            POST /tenderly 401 - - -
            ");
        };
        tokio::select! {
            served = async { axum::serve(listener, router).await } => panic!("the server ended: {served:?}"),
            () = test => {}
        }
    }
}
