//! One sealed file.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::envelope::{self, EnvelopeError, SealKey};

/// The most that is kept in one file, in bytes: far more than a full window of a Safe with fifty owners.
pub const CONTENTS_MAX_BYTES: usize = 8 << 20;

/// A file, its key and its name.
#[derive(Clone, Debug)]
pub struct SealedFile {
    folder: PathBuf,
    name: String,
    key: SealKey,
}

/// A sealed file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The file system says no.
    #[error("could not {doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It does not open.
    #[error("{path} cannot be opened: {source}")]
    Envelope {
        /// Which file.
        path: String,
        /// Why not.
        source: EnvelopeError,
    },
    /// More than is kept in one file.
    #[error("{path} is larger than {CONTENTS_MAX_BYTES} bytes, which no sealed file of ours is")]
    TooLarge {
        /// Which file.
        path: String,
    },
}

/// A change was not made.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E> {
    /// Reading or writing failed: the file is as it was.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// The change itself says no: the file is as it was.
    #[error("{0}")]
    Refused(E),
}

/// What a change leaves in the file, and what it answers.
pub struct Change<T> {
    /// The new contents; none removes the file.
    pub contents: Option<Vec<u8>>,
    /// The answer.
    pub answer: T,
}

impl SealedFile {
    /// The file of `name` in a folder. Names are those of the configuration: letters, digits, `-` and `_`.
    pub fn new(folder: impl Into<PathBuf>, name: impl Into<String>, key: SealKey) -> Self {
        Self { folder: folder.into(), name: name.into(), key }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.sealed", self.name))
    }

    /// Opens it. None: there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, or does not open.
    pub fn read(&self) -> Result<Option<Vec<u8>>, SealedError> {
        let path = self.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io("read", &path, source)),
        };
        // Header and tag are far shorter than the second half of the bound.
        let bound = u64::try_from(CONTENTS_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(4096);
        let mut bytes = Vec::new();
        file.take(bound.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| io("read", &path, source))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bound {
            return Err(SealedError::TooLarge { path: path.display().to_string() });
        }
        envelope::open(&self.key, &self.name, &bytes)
            .map(Some)
            .map_err(|source| SealedError::Envelope { path: path.display().to_string(), source })
    }

    /// Reads, changes and replaces it while nobody else does. The answer comes when the change is on disk.
    ///
    /// # Errors
    /// When it cannot be read or written, or `change` says no: then it is as it was.
    pub fn update<T, E>(
        &self,
        change: impl FnOnce(Option<Vec<u8>>) -> Result<Change<T>, E>,
    ) -> Result<T, UpdateError<E>> {
        make_folder(&self.folder).map_err(|source| io("make the folder", &self.folder, source))?;
        let _held = self.lock()?;
        let before = self.read()?;
        let Change { contents, answer } = change(before).map_err(UpdateError::Refused)?;
        self.sweep();
        match contents {
            Some(contents) => self.replace(&contents)?,
            None => self.remove()?,
        }
        Ok(answer)
    }

    /// Waits for whoever changes it now. A process that dies lets go.
    fn lock(&self) -> Result<File, SealedError> {
        let path = self.folder.join(format!("{}.lock", self.name));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        owner_only(&mut options);
        let file = options.open(&path).map_err(|source| io("open the lock", &path, source))?;
        file.lock().map_err(|source| io("take the lock", &path, source))?;
        Ok(file)
    }

    fn unfinished(&self) -> String {
        format!(".unfinished-{}.", self.name)
    }

    /// What killed processes left is sealed, whole or not, and nobody's.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.unfinished()) {
                // A file that stays is swept by the next change.
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    fn replace(&self, contents: &[u8]) -> Result<(), SealedError> {
        let path = self.path();
        if contents.len() > CONTENTS_MAX_BYTES {
            return Err(SealedError::TooLarge { path: path.display().to_string() });
        }
        let sealed = envelope::seal(&self.key, &self.name, contents)
            .map_err(|source| SealedError::Envelope { path: path.display().to_string(), source })?;
        // Asserted in pairs: what was sealed opens, before it takes the place of what did.
        envelope::open(&self.key, &self.name, &sealed)
            .map_err(|source| SealedError::Envelope { path: path.display().to_string(), source })?;
        let prefix = self.unfinished();
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
        let mut file =
            builder.tempfile_in(&self.folder).map_err(|source| io("write beside", &path, source))?;
        file.write_all(&sealed).map_err(|source| io("write beside", &path, source))?;
        file.as_file().sync_all().map_err(|source| io("write beside", &path, source))?;
        file.persist(&path).map_err(|error| io("replace", &path, error.error))?;
        self.sync_folder()
    }

    fn remove(&self) -> Result<(), SealedError> {
        let path = self.path();
        match fs::remove_file(&path) {
            Ok(()) => self.sync_folder(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => Err(io("remove", &path, source)),
        }
    }

    /// A name is on disk when its folder is.
    fn sync_folder(&self) -> Result<(), SealedError> {
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(|source| io("write the folder", &self.folder, source))
    }
}

fn io(doing: &'static str, path: &Path, source: std::io::Error) -> SealedError {
    SealedError::Io { doing, path: path.display().to_string(), source }
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}
