//! `[proposer]` and where keys are: the two keys this program may hold. Neither is an owner's.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::config::problem::{Findings, Problem};
use crate::config::reader::Table;
use crate::domain::hd_path::HdPath;

/// Every way to name a key, as it is written.
const WAYS: [&str; 6] = ["keystore", "private_key", "aws-kms", "gcp-kms", "ledger", "trezor"];

/// What is asked for where no key is named.
const WANTED: &str =
    "{ path = \"PATH\", password = { env = \"NAME\" } }, or aws-kms, gcp-kms, ledger or trezor instead";

/// The key that suggests: a delegate of the Safe, it cannot act.
#[derive(Clone, Debug)]
pub struct Proposer {
    /// Where it is.
    pub key: KeySource,
}

/// Where a key is.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In an encrypted file.
    Keystore(Keystore),
    /// Written out in a variable or a file: for tests and practice chains.
    PrivateKey(SecretString),
    /// In AWS KMS.
    AwsKms {
        /// Key id, ARN or alias.
        key_id: String,
        /// The region; none: as the environment says.
        region: Option<String>,
        /// Another address than Amazon's.
        endpoint: Option<Url>,
    },
    /// In GCP KMS.
    GcpKms {
        /// The project.
        project: String,
        /// The location.
        location: String,
        /// The key ring.
        ring: String,
        /// The key.
        key: String,
        /// Its version.
        version: u64,
    },
    /// On a Ledger.
    Ledger(HdPath),
    /// On a Trezor.
    Trezor(HdPath),
}

/// An encrypted key file.
#[derive(Clone, Debug)]
pub struct Keystore {
    /// Where it is.
    pub path: PathBuf,
    /// What opens it.
    pub password: SecretString,
}

pub(super) fn read_proposer(root: &mut Table<'_>, findings: &mut Findings) -> Option<Proposer> {
    let mut table = root.table("proposer", findings)?;
    let key = read_key(&mut table, findings);
    table.finish(findings);
    Some(Proposer { key: key? })
}

/// The one key that a section names.
pub(super) fn read_key(table: &mut Table<'_>, findings: &mut Findings) -> Option<KeySource> {
    let named: Vec<&str> = WAYS.into_iter().filter(|way| table.has(way)).collect();
    match named[..] {
        [] => {
            table.missing("keystore", WANTED, findings);
            // Asked for, so that a misspelt one is told by its likeness.
            for way in WAYS {
                table.node(way);
            }
            return None;
        }
        [_] => {}
        [first, ..] => {
            let found = format!("{} names {} keys: {}", table.shown(), named.len(), named.join(", "));
            findings.problem(Problem::new(&table.place_of(first), found).wanted("exactly one"));
        }
    }
    let keystore = table.has("keystore").then(|| read_keystore(table, findings)).flatten();
    let private = table.has("private_key").then(|| read_private_key(table, findings)).flatten();
    let aws = table.has("aws-kms").then(|| read_aws(table, findings)).flatten();
    let gcp = table.has("gcp-kms").then(|| read_gcp(table, findings)).flatten();
    let ledger = table.has("ledger").then(|| read_device(table, "ledger", findings)).flatten();
    let trezor = table.has("trezor").then(|| read_device(table, "trezor", findings)).flatten();
    keystore.or(private).or(aws).or(gcp).or(ledger.map(KeySource::Ledger)).or(trezor.map(KeySource::Trezor))
}

fn read_keystore(table: &mut Table<'_>, findings: &mut Findings) -> Option<KeySource> {
    let mut inner = table.table("keystore", findings)?;
    if !inner.has("path") {
        inner.missing("path", "the path of an encrypted key file", findings);
    }
    let path = inner.path("path", findings);
    let password = inner.required_secret("password", findings);
    if let Some(path) = path.as_ref().filter(|path| inner.is_needed() && !path.is_file()) {
        let (place, found) = (inner.place_of("path"), format!("there is no key file {}", path.display()));
        let is_absent = !path.exists();
        findings.problem(if is_absent {
            Problem::absent_secret(&place, found)
        } else {
            Problem::new(&place, found)
        });
    }
    inner.finish(findings);
    Some(KeySource::Keystore(Keystore { path: path?, password: password? }))
}

fn read_private_key(table: &mut Table<'_>, findings: &mut Findings) -> Option<KeySource> {
    let found = format!("the key of {} is kept as it is, without a password", table.shown());
    let remedy =
        "for tests and practice chains; anywhere else encrypt it: `cast wallet import NAME --interactive`";
    findings.warning(Problem::new(&table.place_of("private_key"), found).remedy(remedy));
    table.secret("private_key", findings).map(KeySource::PrivateKey)
}

fn read_aws(table: &mut Table<'_>, findings: &mut Findings) -> Option<KeySource> {
    let mut inner = table.table("aws-kms", findings)?;
    let key_id = inner.required("key_id", findings);
    let region = inner.optional("region", findings);
    let endpoint = inner.optional("endpoint", findings);
    inner.finish(findings);
    Some(KeySource::AwsKms { key_id: key_id?, region, endpoint })
}

fn read_gcp(table: &mut Table<'_>, findings: &mut Findings) -> Option<KeySource> {
    let mut inner = table.table("gcp-kms", findings)?;
    let project = inner.required("project", findings);
    let location = inner.required("location", findings);
    let ring = inner.required("ring", findings);
    let key = inner.required("key", findings);
    if !inner.has("version") {
        inner.missing("version", "the key's version: a whole number from 1", findings);
    }
    let version = inner.integer("version", 1..=u64::from(u32::MAX), findings);
    inner.finish(findings);
    Some(KeySource::GcpKms {
        project: project?,
        location: location?,
        ring: ring?,
        key: key?,
        version: version?,
    })
}

/// `{ index = 0 }` or `{ path = "m/44'/60'/0'/0/0" }`; nothing in it is the first account.
fn read_device(table: &mut Table<'_>, which: &'static str, findings: &mut Findings) -> Option<HdPath> {
    let mut inner = table.table(which, findings)?;
    let index = inner.integer("index", 0..=0x7fff_ffff, findings);
    let path: Option<String> = inner.optional("path", findings);
    if inner.has("index") && inner.has("path") {
        let found = format!("{} has an index and a path", inner.shown());
        findings.problem(Problem::new(&inner.place_of("path"), found).wanted("one of the two"));
    }
    let place = inner.place_of("path");
    inner.finish(findings);
    let Some(path) = path else {
        return Some(HdPath::Account(index.and_then(|index| u32::try_from(index).ok()).unwrap_or_default()));
    };
    match path.parse::<HdPath>() {
        Ok(path) => Some(path),
        Err(error) => {
            findings.problem(Problem::new(&place, error.to_string()));
            None
        }
    }
}
