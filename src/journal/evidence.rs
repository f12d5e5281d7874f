//! Files that came with reports, kept as evidence beside the journal: each under the SHA-256 of its bytes.
//!
//! *Invariants.* A file is whole and on disk, with its name in the folder, before [`EvidenceStore::keep`] returns; only
//! its owner may read it. It is never opened but to be hashed or copied, never run, and its declared name is no part of a
//! path. What is kept is bounded, and what strangers may fill is a part of that, so that they cannot keep out what known
//! senders bring. Which report a file belongs to is the journal's to say: a file that no fact names is from a crash between
//! the two; once it is a day old nobody will name it any more, and [`EvidenceStore::sweep`] removes it. A folder is one
//! journal's.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alloy::primitives::{B256, hex};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

/// Files kept at most, whatever their size: the folder is listed to know how full it is.
pub const EVIDENCE_FILES_MAX: u64 = 20_000;

/// The part of the bounds, in percent, that senders whom nobody vouches for may fill.
pub const STRANGERS_SHARE_PERCENT: u64 = 50;

/// How old a file must be that no fact names to be removed: whoever brought it has long sent it again, or will not.
const ORPHAN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Prefix of a file that is being written.
const UNFINISHED: &str = ".unfinished-";

/// A folder of evidence.
#[derive(Debug)]
pub struct EvidenceStore {
    folder: PathBuf,
    bytes_max: u64,
    keeping: Mutex<()>,
}

/// What became of a file that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a file may not have been kept"]
pub enum Keeping {
    /// It is on disk.
    Kept(B256),
    /// There is no room for it: only its hash is known.
    Full(B256),
}

/// How full the folder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Whether a file is what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its bytes have the hash.
    Intact,
    /// There is none of that name.
    Missing,
    /// Its bytes have another hash.
    Changed {
        /// Which.
        to: B256,
    },
    /// It could not be read: nothing is known.
    Unreadable(String),
}

/// The folder could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} the evidence folder {}", folder.display())]
pub struct EvidenceError {
    /// What was being done.
    pub doing: &'static str,
    /// Which folder.
    pub folder: PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// The hash under which bytes are kept.
pub fn sha256(bytes: &[u8]) -> B256 {
    B256::new(Sha256::digest(bytes).into())
}

impl EvidenceStore {
    /// A folder that holds at most `bytes_max` bytes. It is made with the first file.
    pub fn new(folder: impl Into<PathBuf>, bytes_max: u64) -> Self {
        Self { folder: folder.into(), bytes_max, keeping: Mutex::new(()) }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The most it holds, in bytes.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Where a file is.
    pub fn path_of(&self, hash: B256) -> PathBuf {
        self.folder.join(hex::encode(hash))
    }

    /// Keeps some bytes. Blocks until they are on disk.
    ///
    /// # Errors
    /// When the folder cannot be read or written: nothing is known to be kept.
    pub fn keep(&self, bytes: &[u8], vouched: bool, now: Timestamp) -> Result<Keeping, EvidenceError> {
        let hash = sha256(bytes);
        let _keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        match self.standing(hash) {
            // It was written before; that its name is on disk too is made sure again.
            Standing::Intact => {
                // It may be what an earlier life left behind: it is young again before a fact names it.
                self.touch(hash, now).map_err(|source| self.failed("write to", source))?;
                return self.sync().map(|()| Keeping::Kept(hash));
            }
            Standing::Missing => {}
            Standing::Changed { .. } => {
                tracing::error!(file = %hex::encode(hash), "a file of evidence was not what its name says; it is replaced by what was brought again");
            }
            Standing::Unreadable(why) => return Err(self.failed("read", std::io::Error::other(why))),
        }
        let filled = self.filled()?;
        let percent = if vouched { 100 } else { STRANGERS_SHARE_PERCENT };
        let part = |whole: u64| whole / 100 * percent + whole % 100 * percent / 100;
        let room = filled.files < part(EVIDENCE_FILES_MAX)
            && filled.bytes.saturating_add(bytes.len() as u64) <= part(self.bytes_max);
        if !room {
            return Ok(Keeping::Full(hash));
        }
        self.write(hash, bytes).map_err(|source| self.failed("write to", source))?;
        Ok(Keeping::Kept(hash))
    }

    fn write(&self, hash: B256, bytes: &[u8]) -> std::io::Result<()> {
        if !self.folder.is_dir() {
            let mut folder = fs::DirBuilder::new();
            folder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
            folder.create(&self.folder)?;
            if let Some(parent) = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        // A temporary file is its owner's alone.
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.path_of(hash)).map_err(|lost| lost.error)?;
        File::open(&self.folder)?.sync_all()
    }

    fn touch(&self, hash: B256, now: Timestamp) -> std::io::Result<()> {
        File::options().write(true).open(self.path_of(hash))?.set_modified(now.into())
    }

    /// Removes what is older than a day and that no fact names, `named` being every hash that one names; says how many
    /// files it were. What is not ours by its name is left alone.
    ///
    /// # Errors
    /// When the folder cannot be listed or a file not removed; those before it are gone.
    pub fn sweep(&self, named: &BTreeSet<B256>, now: Timestamp) -> Result<u64, EvidenceError> {
        let failed = |source| self.failed("sweep", source);
        let _keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(failed(error)),
        };
        let mut removed = 0_u64;
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let unnamed = name.to_str().is_some_and(|name| {
                name.starts_with(UNFINISHED)
                    || name
                        .parse()
                        .is_ok_and(|hash: B256| self.path_of(hash) == entry.path() && !named.contains(&hash))
            });
            let file = entry.metadata().map_err(failed)?;
            let written = file.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
            let old = written.is_some_and(|at| now.duration_since(at) > ORPHAN_AFTER);
            if unnamed && old && file.is_file() {
                fs::remove_file(entry.path()).map_err(failed)?;
                removed = removed.saturating_add(1);
            }
        }
        Ok(removed)
    }

    fn sync(&self) -> Result<(), EvidenceError> {
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| self.failed("write to", source))
    }

    /// Whether a file is what its name says. Reads it.
    pub fn standing(&self, hash: B256) -> Standing {
        let mut file = match File::open(self.path_of(hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Standing::Missing,
            Err(error) => return Standing::Unreadable(error.to_string()),
        };
        let (mut digest, mut part) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            match file.read(&mut part) {
                Ok(0) => break,
                Ok(read) => digest.update(part.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Standing::Unreadable(error.to_string()),
            }
        }
        let found = B256::new(digest.finalize().into());
        if found == hash { Standing::Intact } else { Standing::Changed { to: found } }
    }

    /// How full it is; what a crash left unfinished counts too. A folder that is not there yet is empty.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn filled(&self) -> Result<Filled, EvidenceError> {
        let failed = |source| self.failed("read", source);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Filled::default()),
            Err(error) => return Err(failed(error)),
        };
        let mut filled = Filled::default();
        for entry in entries {
            match entry.and_then(|entry| entry.metadata()) {
                Ok(file) if file.is_file() => {
                    filled.files = filled.files.saturating_add(1);
                    filled.bytes = filled.bytes.saturating_add(file.len());
                }
                Ok(_other) => {}
                // Renamed meanwhile: it is counted under its name next time.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(filled)
    }

    /// How full that is, in percent of whichever bound is nearer.
    pub fn filled_percent(&self, filled: Filled) -> u64 {
        let of = |part: u64, whole: u64| part.saturating_mul(100).checked_div(whole).unwrap_or(100);
        of(filled.files, EVIDENCE_FILES_MAX).max(of(filled.bytes, self.bytes_max))
    }

    fn failed(&self, doing: &'static str, source: std::io::Error) -> EvidenceError {
        EvidenceError { doing, folder: self.folder.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-22T03:00:00Z".parse().unwrap()
    }

    fn store(bytes_max: u64) -> (tempfile::TempDir, EvidenceStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = EvidenceStore::new(folder.path().join("evidence"), bytes_max);
        (folder, store)
    }

    #[test]
    fn a_file_is_kept_once_under_its_hash_for_its_owner() {
        let (_folder, store) = store(1_000);
        assert_eq!(store.filled().unwrap(), Filled::default());
        let hash = sha256(b"proof");
        insta::assert_snapshot!(hex::encode(hash), @"c1cda26362828b69266512052b97cb3729e3b052e4ade47c0a1e3383defe73c7");
        assert_eq!(store.keep(b"proof", true, at()).unwrap(), Keeping::Kept(hash));
        assert_eq!(store.keep(b"proof", false, at()).unwrap(), Keeping::Kept(hash));
        assert_eq!(store.filled().unwrap(), Filled { files: 1, bytes: 5 });
        assert_eq!(std::fs::read(store.path_of(hash)).unwrap(), b"proof");
        assert_eq!(store.standing(hash), Standing::Intact);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&store.path_of(hash)), mode(store.folder())), (0o600, 0o700));
        }
    }

    #[test]
    fn what_was_changed_or_removed_is_found() {
        let (_folder, store) = store(1_000);
        let hash = sha256(b"proof");
        assert_eq!(store.standing(hash), Standing::Missing);
        assert_eq!(store.keep(b"proof", true, at()).unwrap(), Keeping::Kept(hash));
        std::fs::write(store.path_of(hash), b"other").unwrap();
        assert_eq!(store.standing(hash), Standing::Changed { to: sha256(b"other") });
        assert_eq!(
            store.keep(b"proof", true, at()).unwrap(),
            Keeping::Kept(hash),
            "brought again, it is mended"
        );
        assert_eq!(store.standing(hash), Standing::Intact);
    }

    #[test]
    fn strangers_fill_their_share_and_no_more() {
        let (_folder, store) = store(100);
        let kept =
            |bytes: &[u8], vouched| matches!(store.keep(bytes, vouched, at()).unwrap(), Keeping::Kept(_));
        assert!(kept(&[1; 40], false));
        assert!(!kept(&[2; 11], false), "51 bytes are over their half");
        assert!(kept(&[2; 60], true), "a known sender has all of it");
        assert!(!kept(&[3; 1], true));
        assert!(kept(&[1; 40], false), "what is kept already needs no room");
    }

    #[test]
    fn what_no_fact_names_is_gone_after_a_day_and_nothing_else() {
        let (_folder, store) = store(1_000);
        let day = SignedDuration::from_hours(24);
        let mut hashes = Vec::new();
        for bytes in [b"named", b"alone", b"again", b"young"] {
            let Keeping::Kept(hash) = store.keep(bytes, true, at()).unwrap() else { panic!("no room") };
            hashes.push(hash);
        }
        let others = [".unfinished-x", "README", "00"].map(|name| store.folder().join(name));
        others.iter().for_each(|path| std::fs::write(path, b"x").unwrap());
        let old = std::time::SystemTime::from(at() - day - SignedDuration::from_secs(1));
        let aged = hashes.iter().take(3).map(|hash| store.path_of(*hash)).chain(others.clone());
        aged.for_each(|path| File::options().write(true).open(path).unwrap().set_modified(old).unwrap());
        let young = store.path_of(hashes[3]);
        File::options().write(true).open(young).unwrap().set_modified((at() - day).into()).unwrap();
        // Brought again after a crash, and not committed yet.
        assert_eq!(store.keep(b"again", false, at()).unwrap(), Keeping::Kept(hashes[2]));

        assert_eq!(store.sweep(&BTreeSet::from([hashes[0]]), at()).unwrap(), 2);
        let standing: Vec<_> = hashes.iter().map(|hash| store.standing(*hash)).collect();
        assert_eq!(standing, [Standing::Intact, Standing::Missing, Standing::Intact, Standing::Intact]);
        assert_eq!(others.map(|path| path.exists()), [false, true, true], "what is not ours is left alone");
        assert_eq!(
            store.sweep(&BTreeSet::new(), at() - day - day).unwrap(),
            0,
            "a clock that went back removes nothing"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("evidence"), b"a file, not a folder").unwrap();
        let store = EvidenceStore::new(folder.path().join("evidence"), 100);
        assert!(store.keep(b"proof", true, at()).is_err());
    }
}
