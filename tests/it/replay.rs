//! `redhandle replay`, the binary itself: what scripts read, what people read, and what is refused.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

fn replay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redhandle"))
        .args(["replay", "--config"])
        .arg(fixtures().join("corpus/redhandle.toml"))
        .args(arguments)
        .env_remove("CORPUS_RPC")
        .output()
        .unwrap()
}

fn sample() -> String {
    fixtures().join("feeds/sample.jsonl").to_str().unwrap().to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn each_firing_is_a_line_and_the_summary_is_the_last() {
    let ended = replay(&[&sample(), "--json"]);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let lines: Vec<Value> =
        text(&ended.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, firings) = lines.split_last().unwrap();
    let summary = &summary["summary"];
    for key in ["lines", "alerts", "duplicates", "malformed", "matched", "fired"] {
        assert!(summary[key].is_u64(), "{key}: {summary}");
    }
    assert_eq!(summary["fired"], firings.len());
    assert_eq!(summary["malformed"], 10);
    for firing in firings {
        for key in ["at", "condition", "runbook", "response", "because"] {
            assert!(firing[key].is_string(), "{key}: {firing}");
        }
        // No chain could be asked: nothing goes further than a page, and each says why.
        assert_eq!(firing["response"], "page", "{firing}");
        assert!(firing["downgraded"].is_string() || firing["condition"] == "r5", "{firing}");
    }
}

#[test]
fn gzip_reads_as_the_plain_file_does() {
    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("sample.jsonl.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    std::io::copy(&mut std::fs::File::open(sample()).unwrap(), &mut encoder).unwrap();
    encoder.finish().unwrap();
    let [plain, packed] =
        [sample(), packed.to_str().unwrap().to_owned()].map(|file| replay(&[&file, "--json"]));
    assert_eq!(text(&plain.stdout), text(&packed.stdout));
}

#[test]
fn one_alert_has_its_story() {
    let hash = "0xcff7e824bb7a00726d902ce7eff2c83dfa9c42de4cabe7dab6f8dd66e9c760b4";
    let told = text(&replay(&[&sample(), "--why", hash]).stdout);
    assert!(told.contains("r4: it is about watched-2; it may be step 2"), "{told}");
    let detector = "0x66a0523a60ed9121bf2c05c023fb24a36d7993483280973d2bf6cdb93dccabd3";
    let other = text(&replay(&[&sample(), "--why", detector]).stdout);
    assert!(other.contains("r4: it is about watched-0; it is none of the steps\n"), "{other}");
    assert!(other.contains("whether its block is on the chain"), "{other}");
    assert!(told.contains("announced maintenance"), "{told}");
}

/// Two of the three alerts that r2 and r4 want about `watched-0`: the asked one first.
#[test]
fn what_was_lacking_is_told_when_it_came_and_at_the_end() {
    let asked = "0xd4df2b23e424a96badb56097073fdb3afd6ee0663b9090b0e827711af9e5b17a";
    let other = "0x72f53a57a4dba5aaa74fa6929dc5e8eebef7d46c9875d26ea8387d71e1518e9e";
    let sample = std::fs::read(sample()).unwrap();
    let line = |hash: &str| {
        let own = format!("\"hash\":\"{hash}\",\"metadata\"").into_bytes();
        let mut lines = sample.split_inclusive(|byte| *byte == b'\n');
        lines.find(|line| line.windows(own.len()).any(|part| part == own)).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("two.jsonl");
    std::fs::write(&recording, [line(asked), line(other)].concat()).unwrap();
    let recording = recording.to_str().unwrap();

    let told = text(&replay(&[recording, "--why", asked]).stdout);
    let (came, end) = told.split_once("It took part in no firing.\nAt the end of what was read:\n").unwrap();
    for wanted in [
        "r1: it is about watched-0; `when` does not hold: `alert.bot in bots.attack_detector` is false: its bot 0x",
        " is not in bots.attack_detector\n",
        "r2: it waits for watched-0: 1 of 3 alerts, 1 of 3 different bots within 1h, one of them with `including`\n",
        "r4: it waits for watched-0, all about the attacker 0x",
        ": 1 of 3 steps in order within 1h, steps 1 and 2 are missing\n",
    ] {
        assert!(came.contains(wanted), "{wanted}: {told}");
    }
    for wanted in [
        "r2: it waits for watched-0: 2 of 3 alerts, 2 of 3 different bots within 1h, one of them with `including`\n",
        ": 2 of 3 steps in order within 1h, step 1 is missing\n",
    ] {
        assert!(end.contains(wanted), "{wanted}: {told}");
    }

    let story: Value =
        serde_json::from_slice(&replay(&[recording, "--why", asked, "--json"]).stdout).unwrap();
    let waiting = story["waiting"].as_array().unwrap();
    let sequence = waiting.iter().find(|here| here["kind"] == "sequence").unwrap();
    assert_eq!(sequence["missing"], serde_json::json!([1]), "{story}");
    let conditions = story["arrivals"][0]["conditions"].as_array().unwrap();
    let count = conditions.iter().find(|condition| condition["condition"] == "r2").unwrap();
    let bots = serde_json::json!({ "of": "bots", "has": 1, "wanted": 3 });
    assert_eq!(count["waiting"][0]["needs"][1], bots, "{story}");
}

#[test]
fn what_cannot_be_read_is_refused_before_anything_is_told() {
    let ended = replay(&[&sample(), "nowhere.jsonl"]);
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(text(&ended.stdout), "");
    assert!(text(&ended.stderr).contains("nowhere.jsonl cannot be read"), "{}", text(&ended.stderr));
}

/// What came before it is told all the same; that there was more is not hidden.
#[test]
fn a_bomb_is_refused_after_what_came_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let bomb = folder.path().join("bomb.jsonl.gz");
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut bytes = packed(&std::fs::read(sample()).unwrap());
    // As long as one likes: only the first 64 MiB are unfolded.
    bytes.extend(packed(&vec![b' '; 1024 * 1024]).repeat(4_096));
    std::fs::write(&bomb, bytes).unwrap();
    let ended = replay(&[bomb.to_str().unwrap(), &sample(), "--json"]);
    assert_eq!(ended.status.code(), Some(2));
    let summary: Value = serde_json::from_str(text(&ended.stdout).lines().last().unwrap()).unwrap();
    let (summary, told) = (&summary["summary"], text(&ended.stderr));
    assert_eq!((&summary["lines"], &summary["alerts"]), (&1_000.into(), &990.into()));
    let stopped = summary["stopped"].as_str().unwrap();
    assert!(
        stopped.contains("bomb.jsonl.gz cannot be read: after line 1000: more than 67108864 bytes"),
        "{stopped}"
    );
    assert!(told.contains("after line 1000"), "{told}");
    let people = replay(&[bomb.to_str().unwrap()]);
    assert!(text(&people.stdout).contains("Not read to the end: "), "{}", text(&people.stdout));
}

/// The sample replayed by one rule in which something is written otherwise: the summary, and what people read.
fn replay_changed(rule: &str, from: &str, to: &str) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let written = std::fs::read_to_string(fixtures().join("corpus/runbooks").join(rule)).unwrap();
    let changed = written.replace(from, to);
    assert_ne!(written, changed);
    let path = folder.path().join(rule);
    std::fs::write(&path, changed).unwrap();
    let arguments = [&sample(), "--runbooks", path.to_str().unwrap()];
    let ended = replay(&[&arguments[..], &["--json"]].concat());
    let told = text(&ended.stdout);
    let last = told.lines().last().unwrap_or_else(|| panic!("{}", text(&ended.stderr)));
    let mut told: Value = serde_json::from_str(last).unwrap();
    (told["summary"].take(), text(&replay(&arguments).stdout))
}

/// A misspelt field is no condition that found nothing.
#[test]
fn what_could_not_be_judged_is_counted_and_said() {
    let misspelt = "alert.metadata.asetVolume > 50'";
    let (summary, people) = replay_changed("r3.md", "alert.severity >= CRITICAL'", misspelt);
    let lacked = &summary["unjudged"]["r3"]["lacked"]["metadata.asetVolume"];
    assert!(lacked.as_u64().is_some_and(|alerts| alerts > 0), "{summary}");
    let wanted = format!("r3 could not judge {lacked} alert(s) for want of metadata.asetVolume\n");
    assert!(people.contains(&wanted), "{people}");
}

/// Nothing that is silent for want of a second feed looks as if it had judged.
#[test]
fn what_no_recording_can_make_fire_is_said() {
    let (summary, people) = replay_changed("r2.md", "bots = 3\n", "bots = 3\nfeeds = 2\n");
    let why = "it asks for 2 different feeds, and a recording is one";
    assert_eq!(summary["cannot_fire"], serde_json::json!({ "r2": why }));
    assert!(people.contains(&format!("r2 cannot fire in full here: {why}")), "{people}");
}

#[test]
fn silences_need_a_journal_and_none_is_made() {
    let ended = replay(&[&sample(), "--silences"]);
    assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(2), String::new()));
    assert!(text(&ended.stderr).contains("leave --silences out"), "{}", text(&ended.stderr));
}

/// A node's log files hold a batch a line: the same alerts, the same firings, and the place of each is told.
#[test]
fn batches_fire_what_their_alerts_fire_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let sample = std::fs::read(sample()).unwrap();
    let good: Vec<&str> = sample
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|alert| alert["hash"].is_string()))
        .collect();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = write("plain.jsonl", good.join("\n"));
    let batch = |(number, part): (usize, &[&str])| {
        let alerts = part.join(",");
        match number % 3 {
            0 => format!("{{\"alerts\":[{alerts}]}}\n"),
            1 => format!("{{\"alerts\":[{alerts}],\"metrics\":[{{\"botId\":\"0x01\"}}]}}\n"),
            // A batch of metrics alone, and one with an alert that is none in its midst.
            _ => format!("{{\"alerts\":null,\"metrics\":[]}}\n\n{{\"alerts\":[{{}},{alerts}]}}\n"),
        }
    };
    let batches: String = good.chunks(50).enumerate().map(batch).collect();
    let batched = write("forta-local-alerts-logs-1.jsonl", batches);

    let [plain, batched_too] = [&plain, &batched].map(|file| {
        let ended = replay(&[file, "--json"]);
        assert!(ended.status.success(), "{}", text(&ended.stderr));
        let told: Vec<Value> =
            text(&ended.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (summary, firings) = told.split_last().unwrap();
        (summary["summary"].clone(), firings.to_vec())
    });
    assert!(plain.1.len() > 5 && plain.1 == batched_too.1, "{} {}", plain.1.len(), batched_too.1.len());
    for count in
        ["alerts", "duplicates", "reincluded", "matched", "fired", "orphaned", "retracted", "late", "held"]
    {
        assert_eq!(plain.0[count], batched_too.0[count], "{count}");
    }
    let chunks = good.len().div_ceil(50);
    let none = chunks / 3;
    let summary = &batched_too.0;
    assert_eq!((&summary["lines"], &summary["batches_of_none"]), (&(chunks + none).into(), &none.into()));
    // As before, what is no alert, and now the empty object of each third batch.
    let other = plain.0["malformed"].as_u64().unwrap();
    assert_eq!(summary["malformed"], other + none as u64);
    let of_ours = |line: &&Value| line["alert"] == 1;
    let first = summary["malformed_lines"].as_array().unwrap().iter().find(of_ours).unwrap();
    assert_eq!(first["line"], 5, "{first}");
    let reason = first["reason"].as_str().unwrap();
    assert!(reason.starts_with("alert 1 of 51 in the line: source is missing"), "{reason}");

    // The first alert of the third batch, after the one that is none.
    let hash = serde_json::from_str::<Value>(good[100]).unwrap()["hash"].as_str().unwrap().to_owned();
    let told = text(&replay(&[&batched, "--why", &hash]).stdout);
    let wanted = format!("Alert {hash}\nLine 5, alert 2 of its batch: it happened at ");
    assert!(told.starts_with(&wanted), "{told}");
    let story: Value = serde_json::from_slice(&replay(&[&batched, "--why", &hash, "--json"]).stdout).unwrap();
    assert_eq!((&story["arrivals"][0]["line"], &story["arrivals"][0]["alert"]), (&5.into(), &2.into()));
    let people = text(&replay(&[&batched]).stdout);
    assert!(people.contains(&format!("{none} batches without any")), "{people}");
}

const TAKES_BACK: &str = "0x2236d67899d2012cd1d56fb4d7f5f3538d77e3475fd1cd885e9e3a5f1cd1a01d";

/// What the tables print can be asked for, and so can as much of a hash as only one alert has.
#[test]
fn why_takes_a_hash_as_tables_shorten_it() {
    let whole = replay(&[&sample(), "--why", TAKES_BACK]);
    assert!(
        text(&whole.stdout).starts_with(&format!("Alert {TAKES_BACK}\nLine 306: ")),
        "{}",
        text(&whole.stdout)
    );
    for named in ["0x2236d678…d1a01d", "0x2236d678", "2236D67899", "0X2236d678...d1a01d"] {
        let ended = replay(&[&sample(), "--why", named]);
        assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(0), text(&whole.stdout)), "{named}");
    }
    let short = replay(&[&sample(), "--why", "0x2236d"]);
    assert_eq!(short.status.code(), Some(2));
    assert!(text(&short.stdout).contains("is enough, from 6 digits on"), "{}", text(&short.stdout));
}

#[test]
fn what_several_alerts_have_is_no_name() {
    let lines = std::fs::read(sample()).unwrap();
    let line = lines.split(|byte| *byte == b'\n').nth(305).unwrap();
    let line = String::from_utf8(line.to_vec()).unwrap();
    let twin = TAKES_BACK.replace("0x2236d678", "0x2236d679");
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("two.jsonl");
    std::fs::write(&recording, format!("{line}\n{}\n", line.replace(TAKES_BACK, &twin))).unwrap();
    let recording = recording.to_str().unwrap();
    let ended = replay(&[recording, "--why", "0x2236d67"]);
    assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(1), String::new()));
    let told = text(&ended.stderr);
    for wanted in ["--why: 2 alerts are named so; give more digits", TAKES_BACK, &twin] {
        assert!(told.contains(wanted), "{told}");
    }
    let one = replay(&[recording, "--why", "0x2236d679"]);
    assert!(text(&one.stdout).starts_with(&format!("Alert {twin}\nLine 2: ")), "{}", text(&one.stdout));
}

/// Of an alert that takes marks off: who heeded it, what waited, and what had fired.
#[test]
fn a_retraction_says_what_it_took_back() {
    let told = text(&replay(&[&sample(), "--why", TAKES_BACK]).stdout);
    let whom = "0x3ABe0Bfe99ecA3c629D71e7f538535B2d723c72f";
    for wanted in [
        format!("  r1: it takes back what accuses {whom}: heeded\n"),
        "  r1: what had fired about watched-3 is annotated: no longer hold 1 alert(s): 0x6d071dd5".to_owned(),
        "  r2: what had fired about watched-3 is annotated: no longer hold 3 alert(s): 0x41d4d438".to_owned(),
        format!(
            "  r5: it says that {whom} is no attacker: not heeded, the condition has no `retracted_by`\n"
        ),
        "It took part in no firing.\nIt took back what had fired: r1, r2, r4\n".to_owned(),
    ] {
        assert!(told.contains(&wanted), "{wanted}: {told}");
    }
    let story: Value =
        serde_json::from_slice(&replay(&[&sample(), "--why", TAKES_BACK, "--json"]).stdout).unwrap();
    let conditions = story["arrivals"][0]["conditions"].as_array().unwrap();
    let r4 = conditions.iter().find(|condition| condition["condition"] == "r4").unwrap();
    assert_eq!(r4["took_back"]["heeded"], true, "{story}");
    assert_eq!(r4["took_back"]["fired"][0]["alerts"].as_array().unwrap().len(), 3, "{story}");
    // A stranger is not heeded, and that is said.
    let lines = std::fs::read(sample()).unwrap();
    let line = lines.split(|byte| *byte == b'\n').nth(305).unwrap();
    let line = String::from_utf8(line.to_vec()).unwrap();
    let stranger = format!("0x{}", "66".repeat(32));
    let detector = "0x80ed808b586aeebe9cdd4088ea4dea0a8e322909c0e4493c993e060e89c09ed1";
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("stranger.jsonl");
    std::fs::write(&recording, line.replace(detector, &stranger)).unwrap();
    let told = text(&replay(&[recording.to_str().unwrap(), "--why", TAKES_BACK]).stdout);
    let wanted = format!("not heeded, its bot {stranger} is not in bots.attack_detector\n");
    assert!(told.contains(&wanted), "{told}");
    // Nor does it count: whose bot is in no list is told so.
    let wanted = format!("is false: its bot {stranger} is in none of bots.funding, bots.preparation, ");
    assert!(told.contains(&wanted), "{told}");
    assert!(told.contains("  r4: not step 1: `alert.bot in bots.funding` is false: its bot 0x66"), "{told}");
}

#[test]
fn of_several_files_a_line_is_told_with_its_own() {
    let told = text(&replay(&[&sample(), &sample(), "--why", "0x2236d678"]).stdout);
    assert!(
        told.contains(&format!("\nLine 306 of {}: it happened at 2024-01-01 08:51:09 UTC", sample())),
        "{told}"
    );
    assert!(told.contains("  a repetition: it changed nothing\n"), "{told}");
}

/// A list that ends says that it does.
#[test]
fn lines_that_are_not_listed_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("junk.jsonl");
    std::fs::write(&recording, "junk\n".repeat(1_234)).unwrap();
    let recording = recording.to_str().unwrap();
    let people = text(&replay(&[recording]).stdout);
    assert!(
        people.ends_with("\nand 1214 more that are no alerts; --json names the first 1000\n"),
        "{people}"
    );
    let told = replay(&[recording, "--json"]);
    let summary: Value = serde_json::from_slice(&told.stdout).unwrap();
    let summary = &summary["summary"];
    assert_eq!((&summary["malformed"], &summary["malformed_lines_beyond"]), (&1_234.into(), &234.into()));
    assert_eq!(summary["malformed_lines"].as_array().unwrap().len(), 1_000);
}

/// People read alerts: what three conditions discarded is one alert, and three times by condition.
#[test]
fn what_is_discarded_is_counted_by_alert_and_by_condition() {
    let ended = replay(&[&sample(), "--json"]);
    let summary: Value = serde_json::from_str(text(&ended.stdout).lines().last().unwrap()).unwrap();
    let summary = &summary["summary"];
    let of = |key: &str| {
        let by = summary["discarded"].as_object().unwrap().values();
        by.filter_map(|own| own[key].as_u64()).collect::<Vec<u64>>()
    };
    for key in ["late", "retracted"] {
        let alerts = summary[key].as_u64().unwrap();
        assert!(of(key).iter().all(|own| (1..=alerts).contains(own)), "{key}: {summary}");
        assert!(of(key).iter().sum::<u64>() > alerts, "{key}: {summary}");
    }
    let people = text(&replay(&[&sample()]).stdout);
    let wanted = format!(
        "Alerts discarded: 0 on no chain, {} retracted, {} too old.",
        summary["retracted"], summary["late"]
    );
    assert!(people.contains(&wanted), "{people}");
    assert!(people.contains("\n  by r1: "), "{people}");
}
