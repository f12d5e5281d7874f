//! Events that a chain feed knows by name, and which of them it watches unless told otherwise.
//!
//! Contracts': OpenZeppelin's `Pausable`, `AccessControl`, `Ownable`, `Ownable2Step` and the ERC-1967 events of proxies.
//! Safes': `OwnerManager`, `ModuleManager`, `GuardManager` and `FallbackManager` of all releases. What is indexed
//! differs between releases, so that a log is read by how many topics it has; the words `indexed` here are those of
//! the newest release.

use alloy::json_abi::{Event, JsonAbi};

use super::event::{Emitters, EventRule};
use crate::domain::alert::AlertSeverity::{self, Critical, High, Low, Medium};

/// Signature, severity, and whether it is watched unless told otherwise.
type Row = (&'static str, AlertSeverity, bool);

const OF_CONTRACTS: [Row; 11] = [
    ("Paused(address account)", High, true),
    ("Unpaused(address account)", High, true),
    ("RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)", High, true),
    ("RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)", High, true),
    (
        "RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole)",
        Critical,
        true,
    ),
    ("OwnershipTransferred(address indexed previousOwner, address indexed newOwner)", Critical, true),
    ("OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner)", High, true),
    ("Upgraded(address indexed implementation)", Critical, true),
    ("AdminChanged(address previousAdmin, address newAdmin)", Critical, true),
    ("BeaconUpgraded(address indexed beacon)", Critical, true),
    ("Initialized(uint64 version)", High, false),
];

const OF_SAFES: [Row; 13] = [
    ("AddedOwner(address indexed owner)", Critical, true),
    ("RemovedOwner(address indexed owner)", Critical, true),
    ("ChangedThreshold(uint256 threshold)", Critical, true),
    ("EnabledModule(address indexed module)", Critical, true),
    ("DisabledModule(address indexed module)", High, true),
    ("ChangedGuard(address indexed guard)", Critical, true),
    ("ChangedModuleGuard(address indexed moduleGuard)", Critical, true),
    ("ChangedFallbackHandler(address indexed handler)", Critical, true),
    ("ChangedMasterCopy(address masterCopy)", Critical, true),
    ("ExecutionFromModuleSuccess(address indexed module)", Medium, true),
    ("ExecutionFromModuleFailure(address indexed module)", Medium, false),
    ("ApproveHash(bytes32 indexed approvedHash, address indexed owner)", Low, true),
    ("ExecutionFailure(bytes32 indexed txHash, uint256 payment)", Low, false),
];

/// Says in messages which words stand for the events that are watched unless told otherwise.
pub const ANY_EVENT_NAMES: &str = "the name of an event, or its signature such as \"Paused(address)\"";

fn rules(rows: &[Row], of: Emitters) -> impl Iterator<Item = (EventRule, bool)> {
    rows.iter().filter_map(move |(signature, severity, watched)| {
        let event = Event::parse(signature).ok()?;
        Some((EventRule::new(vec![event], *severity, of)?, *watched))
    })
}

/// Every event known by name.
pub(super) fn all() -> impl Iterator<Item = (EventRule, bool)> {
    rules(&OF_CONTRACTS, Emitters::Contracts).chain(rules(&OF_SAFES, Emitters::Safes))
}

/// What is watched unless told otherwise.
pub fn default_events() -> Vec<EventRule> {
    all().filter(|(_, watched)| *watched).map(|(rule, _)| rule).collect()
}

/// What conditions and expressions may read of a Safe that is watched.
pub fn safe_abi() -> JsonAbi {
    let functions = [
        "function VERSION() view returns (string)",
        "function getOwners() view returns (address[])",
        "function getThreshold() view returns (uint256)",
        "function isOwner(address owner) view returns (bool)",
        "function isModuleEnabled(address module) view returns (bool)",
        "function nonce() view returns (uint256)",
    ];
    // They are read by a test; what could not be would only be missing.
    JsonAbi::parse(functions).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_event_can_be_read() {
        assert_eq!(safe_abi().functions().count(), 6);
        assert_eq!(all().count(), OF_CONTRACTS.len() + OF_SAFES.len());
        let mut topics: Vec<_> = all().map(|(rule, _)| rule.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        assert_eq!(topics.len(), OF_CONTRACTS.len() + OF_SAFES.len(), "each once");
    }
}
