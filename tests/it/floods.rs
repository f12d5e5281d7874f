//! What comes in too large, too slowly, too deep, too often: refused with a clear status, in bounded memory, and
//! nothing that was accepted is lost.

use std::time::Duration;

use redhandle::journal::{Journal as _, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::files::WEBHOOK_SECRET;
use crate::support::{Process, Town};

/// A raw connection: what no client would send.
async fn connect(town: &Town) -> TcpStream {
    TcpStream::connect(town.listen).await.unwrap()
}

fn head(headers: &str) -> String {
    format!("POST /feeds/anybody HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n")
}

/// The first line of the answer; empty where the connection was closed without one.
async fn status(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !answer.contains(&b'\n') {
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut part)).await;
        match read.expect("no answer") {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&part[..count]),
        }
    }
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

/// The most memory the process ever had, in megabytes.
fn peak_megabytes(process: &Process) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

async fn answered(town: &Town, headers: &str, body: &[u8]) -> String {
    let mut stream = connect(town).await;
    stream.write_all(head(&format!("content-length: {}\r\n{headers}", body.len())).as_bytes()).await.unwrap();
    stream.write_all(body).await.ok();
    status(&mut stream).await
}

#[tokio::test]
async fn what_is_too_much_is_refused_in_bounded_memory() {
    let town = Town::new().await;
    town.hear("[[feeds]]\nname = \"anybody\"\nkind = \"webhook\"\nunauthenticated = true");
    let process = town.spawn();
    let before = peak_megabytes(&process);

    // 100 MB, announced: refused before a byte of it was sent.
    let mut stream = connect(&town).await;
    stream.write_all(head("content-length: 104857600").as_bytes()).await.unwrap();
    assert!(status(&mut stream).await.contains(" 413 "));

    // 100 MB in chunks: refused long before it is through.
    for _ in 0..4 {
        let mut stream = connect(&town).await;
        stream.write_all(head("transfer-encoding: chunked").as_bytes()).await.unwrap();
        let chunk =
            [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
        let mut sent = 0;
        while sent < 100 && stream.write_all(&chunk).await.is_ok() {
            sent += 1;
        }
        assert!(sent < 100, "all of it was read");
    }
    let mut stream = connect(&town).await;
    stream.write_all(head("transfer-encoding: chunked").as_bytes()).await.unwrap();
    let chunk = [b"110000\r\n".to_vec(), vec![b' '; 0x11_0000]].concat();
    stream.write_all(&chunk).await.ok();
    assert!(status(&mut stream).await.contains(" 413 "));

    // Deep nesting is no alert: taken, and put where people see it.
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    assert!(answered(&town, "", &deep).await.contains(" 200 "));
    let deep = [br#"{"a":"#.repeat(10_000), b"1".to_vec(), b"}".repeat(10_000)].concat();
    assert!(answered(&town, "", &deep).await.contains(" 200 "));

    // Compressed: whatever it would unfold to, nobody unfolds it.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        std::io::Write::write_all(&mut gzip, &vec![b' '; 1 << 20]).unwrap();
    }
    assert!(answered(&town, "content-encoding: gzip", &gzip.finish().unwrap()).await.contains(" 415 "));

    // More headers than anybody sends.
    let many: String = (0..500).map(|number| format!("x-{number}: y\r\n")).collect();
    assert!(answered(&town, many.trim_end(), b"{}").await.contains(" 431 "));

    // Half a body, and then nothing.
    let mut stream = connect(&town).await;
    stream.write_all(head("content-length: 100").as_bytes()).await.unwrap();
    stream.write_all(b"{\"hash\":").await.unwrap();
    assert!(status(&mut stream).await.contains(" 408 "));

    // A hundred strangers who hold their bodies open: whoever has something to say is heard all the same.
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut stream = connect(&town).await;
        stream.write_all(head("content-length: 1000").as_bytes()).await.unwrap();
        stream.write_all(b"{").await.unwrap();
        idle.push(stream);
    }
    assert!(answered(&town, "accept: */*", b"[]").await.contains(" 200 "));
    drop(idle);

    // And what was turned away is told, without making anything red.
    let mut stream = connect(&town).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut health = String::new();
    stream.read_to_string(&mut health).await.unwrap();
    assert!(health.contains("feed anybody: requests were turned away "), "{health}");
    assert!(health.contains("feed anybody: 2 of 2 items since the start were no alerts"), "{health}");

    let grown = peak_megabytes(&process).saturating_sub(before);
    assert!(grown < 64, "{grown} MB more than before");
    eprintln!("peak memory: {before} MB before, {grown} MB more after all of it");
    let (code, shelf) = town.run_json(&["feed", "quarantine", "anybody"]);
    assert_eq!((code, shelf["kept"].as_u64()), (0, Some(2)), "{shelf}");
    let reasons: Vec<_> =
        shelf["lines"].as_array().unwrap().iter().map(|line| line["reason"].clone()).collect();
    assert!(reasons.iter().all(|reason| reason.as_str().unwrap().contains("ALERT_DEPTH_MAX")), "{reasons:?}");
    assert_eq!(process.terminate(), Some(0), "it stood all of it");
}

#[tokio::test]
async fn a_flood_is_refused_and_nothing_accepted_is_lost() {
    let town = Town::new().await;
    town.write("secrets/monitor", WEBHOOK_SECRET);
    town.hear(
        "[[feeds]]\nname = \"monitor\"\nkind = \"webhook\"\nrequests_per_minute = 60\nsecret = { file = \"secrets/monitor\" }",
    );
    let life = town.wake().await;
    // Ten seconds' worth passes at once; this is ten times as much.
    let send = |number: usize| {
        let name = format!("FLOOD-{number}");
        let body = town.alert_called(number % 2, &name);
        let town = &town;
        async move { (name, town.post("/feeds/monitor", Some(WEBHOOK_SECRET), body).await) }
    };
    let mut told = Vec::new();
    for part in 0..10 {
        told.extend(futures_util::future::join_all((0..10).map(|number| send(part * 10 + number))).await);
    }
    let with = |status: u16| -> Vec<String> {
        told.iter().filter(|(_, got)| *got == Some(status)).map(|(name, _)| format!("\"{name}\"")).collect()
    };
    let (accepted, refused) = (with(200), with(429));
    assert_eq!(accepted.len() + refused.len(), 100, "{told:?}");
    assert!((10..=60).contains(&accepted.len()), "{} were accepted", accepted.len());

    let (journal, stream) = (life.house.journal.clone(), "feed/monitor".into());
    let entries = life.within(async move { journal.read(&stream, Version(0)).await.unwrap() }).await.unwrap();
    let kept: Vec<String> = entries
        .iter()
        .filter(|entry| entry.kind == "alert-kept")
        .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.body).unwrap()["alert_id"].to_string())
        .collect();
    for name in &accepted {
        assert!(kept.contains(name), "{name} was accepted, and is not in the journal");
    }
    for name in &refused {
        assert!(!kept.contains(name), "{name} was refused, and is in the journal");
    }
    // It was evaluated all the while, and the next is taken when its time has come.
    life.until("an incident of what was accepted", |incident| !incident.matches.is_empty()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(send(1_000).await.1, Some(200));
    life.stop().await;
}
