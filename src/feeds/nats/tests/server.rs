//! A real nats-server, in a folder of its own, on a port that it chose itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;

/// Runs until it is dropped.
pub(super) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    pub(super) port: u16,
}

fn binary() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nats/server/nats-server")
}

/// Starts one, or says that the test cannot run.
pub(super) async fn server(test: &str, arguments: &[&str]) -> Option<Server> {
    if !binary().exists() {
        eprintln!("SKIPPED: {test}: no nats-server is installed; run `sh tools/install-nats.sh`");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let (child, port) = start(folder.path(), &arguments, -1).await;
    Some(Server { child, folder, arguments, port })
}

#[allow(clippy::zombie_processes, reason = "whoever takes the child waits for it: Server's Drop")]
async fn start(folder: &Path, arguments: &[String], port: i32) -> (Child, u16) {
    let mut command = Command::new(binary());
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]).arg(folder.join("store"));
    command.arg("--ports_file_dir").arg(folder).args(arguments);
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(log)).spawn().unwrap();
    let file = folder.join(format!("nats-server_{}.ports", child.id()));
    for _ in 0..600 {
        if let Ok(text) = std::fs::read_to_string(&file)
            && let Ok(ports) = serde_json::from_str::<serde_json::Value>(&text)
        {
            let url = ports["nats"][0].as_str().unwrap();
            return (child, url.rsplit(':').next().unwrap().parse().unwrap());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nats-server did not start: {}", std::fs::read_to_string(folder.join("log")).unwrap());
}

impl Server {
    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it as a machine does that loses its power.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was, with what it had on disk.
    pub(super) async fn revive(&mut self) {
        (self.child, _) = start(self.folder.path(), &self.arguments, self.port.into()).await;
    }

    pub(super) async fn client(&self) -> async_nats::Client {
        crate::http::install_tls();
        async_nats::ConnectOptions::new()
            .token("practice-token".to_owned())
            .connect(self.url())
            .await
            .unwrap()
    }

    /// Makes the stream that holds what is published.
    pub(super) async fn stream(&self) -> jetstream::Context {
        stream(self.client().await).await
    }
}

/// Makes the stream, as this client.
pub(super) async fn stream(client: async_nats::Client) -> jetstream::Context {
    let context = jetstream::new(client);
    let config = jetstream::stream::Config {
        name: "findings".to_owned(),
        subjects: vec!["findings.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await.unwrap();
    context
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
