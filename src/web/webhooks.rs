//! Webhooks as the files describe them, made into what listens.

use secrecy::SecretString;

use crate::config::settings::{self, WebhookAuthentication, WebhookWords};
use crate::domain::alert::Sender;
use crate::domain::names::FeedName;
use crate::feeds::vendor::{Networks, Reading, Severities};
use crate::feeds::webhook::{self, Scheme, WebhookSettings};

pub(super) fn webhook_settings(name: &FeedName, feed: &settings::WebhookFeed) -> WebhookSettings {
    let WebhookWords { sender, chain, severity, networks, severities } = feed.words.clone();
    let authentication = match &feed.authentication {
        WebhookAuthentication::Secret(secrets) => webhook::WebhookAuthentication::Hmac(secrets.all()),
        WebhookAuthentication::Token(secrets) => vendor(Scheme::Bearer(secrets.all())),
        WebhookAuthentication::VendorSecret { secrets, timestamp_header } => {
            vendor(scheme_of(&sender, secrets.all(), timestamp_header.clone()))
        }
        WebhookAuthentication::PublicKey(key) => vendor(Scheme::Hypernative(*key)),
        WebhookAuthentication::Scanners(scanners) => vendor(Scheme::FortaNode(scanners.clone())),
        WebhookAuthentication::None => webhook::WebhookAuthentication::Nobody,
    };
    let is_forta = sender == Sender::Forta;
    let (networks, severities) = (Networks::new(networks), Severities::new(severities));
    let reading =
        (!is_forta).then(|| Reading { feed: name.clone(), sender, chain, severity, networks, severities });
    let (path, window, requests_per_minute) = (feed.path.clone(), feed.window, feed.requests_per_minute);
    WebhookSettings { name: name.clone(), path, authentication, window, requests_per_minute, reading }
}

fn vendor(scheme: Scheme) -> webhook::WebhookAuthentication {
    webhook::WebhookAuthentication::Vendor(scheme)
}

/// How a vendor signs; those without a scheme of their own send the secret as a token.
fn scheme_of(sender: &Sender, secrets: Vec<SecretString>, timestamp_header: Option<String>) -> Scheme {
    match sender {
        Sender::OpenZeppelinMonitor => Scheme::OpenZeppelinMonitor(secrets),
        Sender::Defender => Scheme::Defender(secrets),
        Sender::Tenderly => Scheme::Tenderly(secrets),
        Sender::Grafana => Scheme::Grafana(secrets, timestamp_header),
        Sender::PagerDuty => Scheme::PagerDuty(secrets),
        Sender::Alchemy => Scheme::Alchemy(secrets),
        Sender::QuickNode => Scheme::QuickNode(secrets),
        Sender::Forta
        | Sender::FortaNode
        | Sender::Hypernative
        | Sender::Alertmanager
        | Sender::CloudEvents
        | Sender::OnchainMon
        | Sender::Map(_) => Scheme::Bearer(secrets),
    }
}
