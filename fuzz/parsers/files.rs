//! What people write: settings, roster, runbooks with their conditions, announced work, ABIs.
//!
//! Each input takes the place of one file of a small configuration that is right.

use std::cell::OnceCell;
use std::path::Path;

use jiff::civil::date;
use redhandle::config::{Environment, load};

const SETTINGS: &str = r#"
roster = "roster.toml"
runbooks = "runbooks"
maintenance = "maintenance.toml"

[chains.mainnet]
id = 1
rpc = "https://a.example.org"
safe_service = "embedded"

[contracts.vault]
chain = "mainnet"
address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
abi = "vault.json"

[safes.guardian]
chain = "mainnet"
address = "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"

[bots]
detector = ["0x80ed808b586aeebe9cdd4088ea4dea0a8e322909c0e4493c993e060e89c09ed1"]

[[feeds]]
name = "own"
kind = "webhook"
unauthenticated = true

[channels.console]
kind = "console"
"#;
/// What the one feed says of itself.
const OWN: &str = "kind = \"webhook\"\nunauthenticated = true\n";
const ROSTER: &str = include_str!("../../tests/fixtures/corpus/roster.toml");
const ABI: &str = include_str!("../../contracts-abi/vault.json");
const RUNBOOK: &str = "+++\nid = \"pause\"\nseverity = \"emergency\"\nowner = \"us\"\nreviewed = 2026-11-01\nsafe = [\"guardian\"]\nrespond = \"propose\"\n\n[[condition]]\nid = \"drain\"\nwhen = '''WHEN'''\nabout = [\"vault\"]\n\n[[action]]\ncontract = \"vault\"\ncall = \"pause()\"\nunless = 'read(\"vault\", \"paused()\")'\nexpect = 'read(\"vault\", \"paused()\")'\n+++\n\n# Pause\n\n## When to use this\n\nNow.\n\n## Decide\n\nYes.\n\n## After\n\nRest.\n";
const WHEN: &str = "alert.severity >= CRITICAL";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("no temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("not written");
    std::fs::create_dir(folder.path().join("runbooks")).expect("no folder");
    write("redhandle.toml", SETTINGS);
    write("roster.toml", ROSTER);
    write("vault.json", ABI);
    write("maintenance.toml", "");
    write("runbooks/pause.md", &RUNBOOK.replace("WHEN", WHEN));
    assert_eq!(problems(folder.path()), Vec::<String>::new(), "the small configuration is not right");
    folder
}

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

/// What is wrong, one problem each.
fn problems(folder: &Path) -> Vec<String> {
    let environment = Environment::from_os([]);
    match load(&folder.join("redhandle.toml"), &environment, date(2026, 11, 21)) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            let told = problems.to_string();
            assert!(!told.trim().is_empty(), "wrong, and nothing is said");
            told.lines().map(str::to_owned).collect()
        }
    }
}

/// Writes a file that was not there: one that is written over is waited for until it is on the disk, by ext4.
fn anew(path: &Path, data: &[u8]) {
    std::fs::remove_file(path).expect("not removed");
    std::fs::write(path, data).expect("not written");
}

/// Puts `data` in the place of a file, and says what is then wrong; said twice, it is the same.
fn with(name: &str, right: &str, data: &[u8]) -> Vec<String> {
    // A file that a mutation names must not be one that never ends.
    if data.windows(5).any(|part| part == b"/dev/" || part == b"/proc") {
        return Vec::new();
    }
    FOLDER.with(|cell| {
        let folder = cell.get_or_init(folder).path();
        anew(&folder.join(name), data);
        let told = problems(folder);
        for line in &told {
            assert!(line.len() < 20_000, "{} bytes in one line", line.len());
            assert!(!line.chars().any(|letter| letter.is_control() && letter != '\t'), "{line:?}");
        }
        assert_eq!(problems(folder), told);
        anew(&folder.join(name), right.as_bytes());
        told
    })
}

pub fn settings(data: &[u8]) {
    with("redhandle.toml", SETTINGS, data);
}

pub fn roster(data: &[u8]) {
    with("roster.toml", ROSTER, data);
}

pub fn maintenance(data: &[u8]) {
    with("maintenance.toml", "", data);
}

pub fn abi(data: &[u8]) {
    with("vault.json", ABI, data);
}

pub fn runbook(data: &[u8]) {
    with("runbooks/pause.md", &RUNBOOK.replace("WHEN", WHEN), data);
}

/// A feed in the place of the one that hears webhooks.
const HEARD: &str = "kind = \"nats\"\nchain = \"mainnet\"\nservers = \"tls://a.example.org\"\nunauthenticated = true\nsubject = ";

/// A NATS subject, judged by what NATS says of subjects.
///
/// Source: <https://docs.nats.io/nats-concepts/subjects>
pub fn subject(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let quoted: String =
        text.chars().map(|letter| format!("\\U{:08X}", u32::from(letter))).collect::<Vec<_>>().concat();
    let feed = format!("{HEARD}\"{quoted}\"\n");
    let told = with("redhandle.toml", SETTINGS, SETTINGS.replace(OWN, &feed).as_bytes());
    // Blanks around a text are nobody's wish, anywhere in the file.
    let text = text.trim();
    let (mut good, mut token) = (text.len() <= 255, String::new());
    let mut ended = false;
    for letter in text.chars().chain(['.']) {
        match letter {
            '.' => {
                // Nothing follows what stands for the rest; a star or a bracket stands alone.
                good &= !ended && !token.is_empty();
                good &= token.len() == 1 || !token.contains(['*', '>']);
                ended = token == ">";
                token.clear();
            }
            letter => {
                good &= letter.is_ascii_graphic();
                token.push(letter);
            }
        }
    }
    assert_eq!(told.is_empty(), good, "{text:?}: {told:?}");
}

/// The text of a `when`.
pub fn condition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("'''") {
        return;
    }
    let of = |when: &str| {
        with("runbooks/pause.md", &RUNBOOK.replace("WHEN", WHEN), RUNBOOK.replace("WHEN", when).as_bytes())
    };
    let told = of(text);
    // In brackets it means the same, where TOML lets it through and it is not at a bound already.
    if told.is_empty() && text.len() < 1_000 {
        let bracketed = of(&format!("({text}\n)"));
        assert_eq!(bracketed, Vec::<String>::new(), "{text:?} compiles, and not in brackets");
    }
}
