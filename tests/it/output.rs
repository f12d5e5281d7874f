//! What becomes of a command whose result cannot be written.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn redhandle(arguments: &[&str]) -> Command {
    let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_redhandle"));
    command.args(arguments).env_remove("CORPUS_RPC").current_dir(fixtures);
    command.env("REDHANDLE_CONFIG", fixtures.join("corpus/redhandle.toml"));
    command
}

/// Nobody who saw exit code 0 may hold half a result, whatever the command and the form.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure_and_is_said() {
    for arguments in [
        &["replay", "feeds/sample.jsonl"][..],
        &["replay", "feeds/sample.jsonl", "--json"],
        &["replay", "feeds/sample.jsonl", "--why", "0x66a0523a"],
        &["replay", "--help"],
        &["--version"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = redhandle(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(
            told.contains(
                "redhandle: the result could not be written to standard output: No space left on device"
            ),
            "{arguments:?}: {told}"
        );
    }
    // What was wrong before stays what is wrong.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = redhandle(&["replay", "nowhere.jsonl", "--json"]).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
}

/// As with `| head`.
#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let mut child = redhandle(&["replay", "feeds/sample.jsonl", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{told}");
    assert!(!told.contains("could not be written"), "{told}");
}
