//! Whose words a webhook speaks.

use super::field_map::FieldMap;

/// Whose words the body of a webhook is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Forta's, one alert, a batch or lines of them.
    Forta,
    /// A Forta node in local mode: the same words, and a token of its own.
    FortaNode,
    /// OpenZeppelin Monitor.
    OpenZeppelinMonitor,
    /// OpenZeppelin Defender, which ended in July 2026; what was built to speak like it goes on.
    Defender,
    /// Hypernative.
    Hypernative,
    /// Tenderly.
    Tenderly,
    /// Prometheus Alertmanager, version 4 of its webhook.
    Alertmanager,
    /// Grafana.
    Grafana,
    /// PagerDuty, version 3 of its webhook.
    PagerDuty,
    /// Alchemy Notify.
    Alchemy,
    /// QuickNode Streams.
    QuickNode,
    /// CloudEvents 1.0.
    CloudEvents,
    /// Lido's onchain-mon.
    OnchainMon,
    /// What is user-templated.
    Map(Box<FieldMap>),
}

impl Sender {
    /// What all its bots begin with, before a colon; none where it names them as it likes.
    pub const fn vendor(&self) -> Option<&'static str> {
        match self {
            Self::Forta | Self::FortaNode => None,
            Self::OpenZeppelinMonitor => Some("openzeppelin-monitor"),
            Self::Defender => Some("defender"),
            Self::Hypernative => Some("hypernative"),
            Self::Tenderly => Some("tenderly"),
            Self::Alertmanager => Some("alertmanager"),
            Self::Grafana => Some("grafana"),
            Self::PagerDuty => Some("pagerduty"),
            Self::Alchemy => Some("alchemy"),
            Self::QuickNode => Some("quicknode"),
            Self::CloudEvents => Some("cloudevents"),
            Self::OnchainMon => Some("onchain-mon"),
            Self::Map(_) => Some("map"),
        }
    }
}
