//! Files that are written once: whole or not at all, and never over one that is there.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use alloy::primitives::hex;
use alloy::signers::local::PrivateKeySigner;
use secrecy::{ExposeSecret as _, SecretString};

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever the process's mask allows.
    Usual,
    /// Its owner alone.
    OwnerOnly,
}

/// Writes `text` to `path`, unless there is a file already. The folder is made where it is missing.
///
/// A crash half-way leaves no file under the name, and of two writers one wins.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn write_once(path: &Path, text: &str, readers: Readers) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    {
        // The process's mask takes off what it takes off of every file.
        let mode = match readers {
            Readers::Usual => 0o666,
            Readers::OwnerOnly => 0o600,
        };
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(lost) if lost.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(lost) => Err(lost.error),
        Ok(_) => Ok(()),
    }
}

/// A secret of our own, made once and kept for its owner's eyes: links in old messages go on working.
///
/// # Errors
/// When the file can be neither read nor written.
pub fn kept_secret(path: &Path) -> Result<SecretString, String> {
    let told = |doing: &str, error: std::io::Error| format!("could not {doing} {}: {error}", path.display());
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(SecretString::from(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(told("read", error)),
    }
    let secret = new_secret();
    if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        // Without its folder there is no journal and nobody is paged; a mistyped path is not made true.
        return Ok(secret);
    }
    write_once(path, secret.expose_secret(), Readers::OwnerOnly).map_err(|error| told("write", error))?;
    // Of two processes that began together, one wrote it.
    let kept = std::fs::read_to_string(path).map_err(|error| told("read", error))?;
    Ok(SecretString::from(kept.trim().to_owned()))
}

/// A secret that nobody knows yet.
pub fn new_secret() -> SecretString {
    // A new private key is 32 bytes of the operating system's randomness.
    hex::encode(PrivateKeySigner::random().to_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_and_never_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.md");
        write_once(&path, "first", Readers::OwnerOnly).unwrap();
        write_once(&path, "second", Readers::OwnerOnly).unwrap();
        let race = folder.path().join("race");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let race = &race;
                scope.spawn(move || {
                    write_once(race, &writer.to_string().repeat(1000), Readers::Usual).unwrap()
                });
            }
        });
        let winner = std::fs::read_to_string(&race).unwrap();
        assert_eq!(winner.len(), 1000, "of many writers one wins, whole");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing unfinished stays");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
