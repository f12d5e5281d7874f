//! The demo, told by the library and by the binary.

use std::io::Write;
use std::sync::{Arc, Mutex};

use redhandle::domain::runbook::Severity;
use redhandle::drill::demo::{DemoOptions, Narrator, tell};
use serde_json::Value;

use crate::support::process::{redhandle, said};

/// What the narrator says, kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A hash as it is written: 0x and 64 digits.
fn is_hash(text: &str) -> bool {
    text.len() == 66 && text.starts_with("0x") && text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}

#[tokio::test]
async fn the_demo_says_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("story");
    let kept = Kept::default();
    let narrator = Narrator::new(Box::new(kept.clone()), false);
    let options = DemoOptions { folder: Some(at.clone()), pace: 0.0, ..DemoOptions::default() };
    let summary = tell(&options, &narrator).await.unwrap();

    assert_eq!(summary.incident_id.to_string(), "INC-1");
    assert_eq!(summary.severity, Severity::Emergency);
    assert_ne!(summary.safe_tx_hash, summary.executed_tx);
    assert_eq!(summary.proposal_nonce.to::<u64>(), 0);
    assert_eq!((summary.coverage.state, summary.coverage.margin), ("covered", 1));
    assert!(summary.paused);
    // Five strikes of ten in a hundred each went through; what is left is saved.
    let tokens = summary.saved_wei / alloy::primitives::U256::from(10).pow(alloy::primitives::U256::from(18));
    assert!((500_000..1_000_000).contains(&tokens.to::<u64>()), "{tokens}");
    let ms = summary.ms;
    assert!(ms.alert_to_match >= 0 && ms.match_to_simulated >= 0 && ms.simulated_to_submitted >= 0, "{ms:?}");
    assert_eq!(ms.alert_to_submitted, ms.alert_to_match + ms.match_to_simulated + ms.simulated_to_submitted);
    assert_eq!(summary.folder, at.canonicalize().unwrap());
    for file in ["redhandle.toml", "roster.toml", "redhandle.db", "pages.txt", "post-mortems/INC-1.md"] {
        assert!(at.join(file).is_file(), "{file}");
    }

    let told = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    for turn in [
        "strike 1",
        "raises",
        "prepared",
        "submitted",
        "signs",
        "executed",
        "verified on the chain",
        "REVERTS",
    ] {
        assert!(told.contains(turn), "{turn}: {told}");
    }

    // What it left is a house like any other: the commands it names work.
    let config = at.join("redhandle.toml");
    for command in [&["journal", "verify"][..], &["incident", "show", "INC-1"], &["incident", "list"]] {
        let said = said(redhandle().arg("-c").arg(&config).args(command));
        assert_eq!(said.code, 0, "{said:?}");
    }
}

#[test]
fn the_demos_last_line_is_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("story");
    let said = said(redhandle().args(["demo", "--json", "--pace", "0", "--folder"]).arg(&at));
    assert_eq!(said.code, 0, "{said:?}");
    let summary: Value = serde_json::from_str(said.stdout.lines().next_back().unwrap()).unwrap();

    let fields = |value: &Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let wanted = [
        "coverage",
        "executed_tx",
        "folder",
        "incident_id",
        "ms",
        "paused",
        "proposal_nonce",
        "safe_tx_hash",
        "saved_wei",
        "severity",
    ];
    assert_eq!(fields(&summary), wanted);
    assert_eq!(fields(&summary["coverage"]), ["margin", "state"]);
    let times = ["alert_to_match", "alert_to_submitted", "match_to_simulated", "simulated_to_submitted"];
    assert_eq!(fields(&summary["ms"]), times);

    assert_eq!(
        (summary["incident_id"].as_str(), summary["severity"].as_str()),
        (Some("INC-1"), Some("emergency"))
    );
    assert!(
        is_hash(summary["safe_tx_hash"].as_str().unwrap())
            && is_hash(summary["executed_tx"].as_str().unwrap())
    );
    assert_eq!((&summary["paused"], &summary["proposal_nonce"]), (&true.into(), &0.into()));
    assert_eq!(summary["coverage"], serde_json::json!({ "state": "covered", "margin": 1 }));
    assert!(summary["saved_wei"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
    assert!(times.iter().all(|time| summary["ms"][time].as_i64().is_some_and(|ms| ms >= 0)), "{summary}");
    assert_eq!(summary["folder"].as_str(), at.canonicalize().unwrap().to_str());

    // A folder that holds something is nobody's to overwrite.
    let again = crate::support::process::said(redhandle().args(["demo", "--json", "--folder"]).arg(&at));
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stderr.contains("is not empty; name a new one"), "{again:?}");
}
