//! Findings on a real message bus, heard by the real binary: from two monitors' findings to an incident.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use redhandle::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::support::{Town, until, until_now};

/// A real nats-server with JetStream, on a port of its own.
struct Bus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Bus {
    fn start(test: &str) -> Option<Self> {
        let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nats/server/nats-server");
        if !binary.exists() {
            eprintln!("SKIPPED: {test}: no nats-server is installed; run `sh tools/install-nats.sh`");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary);
        command.args(["-a", "127.0.0.1", "-p", "-1", "-js", "--auth", "practice-token", "-sd"]);
        command.arg(folder.path().join("store")).arg("--ports_file_dir").arg(folder.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let file: PathBuf = folder.path().join(format!("nats-server_{}.ports", child.id()));
        let mut port = None;
        until_now("the bus to listen", || {
            let ports = std::fs::read_to_string(&file).ok();
            let ports: Option<Value> = ports.and_then(|text| serde_json::from_str(&text).ok());
            port = ports.and_then(|ports| ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok());
            port.is_some()
        });
        Some(Self { child, port: port.unwrap(), _folder: folder })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const RUNBOOK: &str = r#"+++
id = "finding"
severity = "emergency"
owner = "protocol-security"
reviewed = TODAY
safe = ["guardian"]
respond = "page"

[[condition]]
id = "drained"
when = 'alert.feed == "lido" && alert.alert_id == "VAULT-DRAINED" && alert.severity >= HIGH'
about = ["vault"]

[[action]]
contract = "vault"
call = "pause()"
expect = 'read("vault", "paused()")'
+++

# Our monitors say that the vault is drained
## When to use this
## Decide
## After
"#;

fn finding(town: &Town, alert: &str) -> Value {
    let now = SystemClock.now().as_second();
    let vault = town.protocol.vault;
    json!({
        "severity": "Critical", "alertId": alert, "name": "Vault drained", "uniqueKey": alert,
        "description": format!("[{vault}](https://etherscan.io/address/{vault})"),
        "blockTimestamp": now, "blockNumber": 1, "findingBotTimestamp": now,
        "txHash": town.attack.transaction, "botName": "vault", "team": "protocol",
    })
}

#[tokio::test]
async fn a_finding_over_nats_is_an_incident_of_the_real_binary() {
    let Some(bus) = Bus::start("a_finding_over_nats_is_an_incident_of_the_real_binary") else { return };
    let town = Town::new().await;
    town.write("secrets/bus", "practice-token\n");
    let feed = |port: u16, secret: &str| {
        format!(
            "[[feeds]]\nname = \"lido\"\nkind = \"nats\"\nchain = \"local\"\nservers = \"nats://127.0.0.1:{port}\"\ntoken = {{ file = \"{secret}\" }}"
        )
    };
    town.hear(&feed(bus.port, "secrets/bus"));
    let today = SystemClock.now().strftime("%Y-%m-%d").to_string();
    town.write("runbooks/finding.md", &RUNBOOK.replace("TODAY", &today));

    redhandle::http::install_tls();
    let client = async_nats::ConnectOptions::new().token("practice-token".to_owned());
    let client = client.connect(format!("nats://127.0.0.1:{}", bus.port)).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let (name, subjects) = ("findings".to_owned(), vec!["findings.>".to_owned()]);
    let config = async_nats::jetstream::stream::Config { name, subjects, ..Default::default() };
    context.create_stream(config).await.unwrap();
    let publish = async |alert: &str| {
        let body = finding(&town, alert).to_string();
        context.publish("findings.protocol.vault", body.into()).await.unwrap().await.unwrap();
    };
    // While nobody listens.
    publish("VAULT-DRAINED").await;
    publish("OF-NO-INTEREST").await;

    let agent = town.spawn();
    let listed = until("an incident", async || {
        let (code, listed) = town.run_json(&["incident", "list"]);
        assert_eq!(code, 0, "{listed}");
        listed.to_string().contains("INC-1").then_some(listed)
    })
    .await;
    let [incident] = listed["incidents"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!(incident["title"], "Our monitors say that the vault is drained");
    assert_eq!((&incident["contract"], &incident["severity"]), (&json!("vault"), &json!("emergency")));
    let title = "Our monitors say that the vault is drained: is it real?";
    until("people to be asked", async || agent.stderr().contains(title).then_some(())).await;
    assert_eq!(agent.terminate(), Some(0));

    // With a wrong token the agent runs on, and says what is wrong where people look.
    town.write("secrets/wrong", "another-token");
    town.set("secrets/bus", "secrets/wrong");
    let agent = town.spawn();
    let client = redhandle::http::client(std::time::Duration::from_secs(20)).unwrap();
    let health = format!("http://{}/healthz", town.listen);
    let red = until("the feed to be red", async || {
        let told = client.get(&health).send().await.ok()?;
        let status = told.status().as_u16();
        let told = told.text().await.ok()?;
        told.contains("the server refuses this token").then_some((status, told))
    })
    .await;
    assert_eq!(red.0, 503);
    assert!(!red.1.contains("another-token"), "{}", red.1);
    assert_eq!(agent.terminate(), Some(0), "a feed that is refused stops nobody");
}
