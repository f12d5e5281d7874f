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
