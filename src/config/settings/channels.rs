//! `[channels.NAME]`: the ways a page can leave.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;

use crate::config::is_here;
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Table, http_url};
use crate::domain::names::ChannelName;

const TIMEOUT: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_mins(1);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// A way a page can leave.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Whereto.
    pub kind: ChannelKind,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// Where a channel leads.
#[derive(Clone, Debug)]
pub enum ChannelKind {
    /// The terminal this program runs in.
    Console,
    /// A signed request to somebody's server.
    Webhook {
        /// Which.
        url: Url,
        /// What requests are signed with.
        secret: SecretString,
    },
    /// An incoming webhook of Slack, whose URL is the credential.
    Slack {
        /// Which; `http` or `https`.
        url: SecretString,
    },
}

impl Channel {
    /// Whether its secret is here, if it has one.
    pub fn is_whole(&self) -> bool {
        match &self.kind {
            ChannelKind::Console => true,
            ChannelKind::Webhook { secret, .. } | ChannelKind::Slack { url: secret } => is_here(secret),
        }
    }
}

#[derive(Clone, Copy)]
enum Word {
    Console,
    Webhook,
    Slack,
}

pub(super) fn read(root: &mut Table<'_>, findings: &mut Findings) -> BTreeMap<ChannelName, Channel> {
    let mut channels = BTreeMap::new();
    for (name, mut table) in root.named("channels", findings) {
        let words = [("console", Word::Console), ("webhook", Word::Webhook), ("slack", Word::Slack)];
        let Some(word) = table.required_choice("kind", &words, findings) else { continue };
        let kind = match word {
            Word::Console => Some(ChannelKind::Console),
            Word::Webhook => {
                let url = table.required("url", findings);
                let secret = table.required_secret("secret", findings);
                url.zip(secret).map(|(url, secret)| ChannelKind::Webhook { url, secret })
            }
            Word::Slack => read_slack(&mut table, findings),
        };
        let timeout = table.duration("timeout", TIMEOUT, findings);
        table.finish(findings);
        let timeout = timeout.map_or(TIMEOUT_DEFAULT, |timeout| timeout.unsigned_abs());
        channels.extend(kind.map(|kind| (ChannelName::new(name), Channel { kind, timeout })));
    }
    channels
}

fn read_slack(table: &mut Table<'_>, findings: &mut Findings) -> Option<ChannelKind> {
    let url = table.required_secret("url", findings)?;
    let wrong = |text: &str| {
        let found = format!("the secret \"url\" of {} is no URL", table.shown());
        http_url(text).is_none().then(|| Problem::new(&table.place_of("url"), found).wanted("https://…"))
    };
    let url = table.well_made("url", url, wrong, findings)?;
    Some(ChannelKind::Slack { url })
}
