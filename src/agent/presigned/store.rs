//! A window, sealed.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use crate::config::settings::{Presigned, Settings};
use crate::domain::names::WindowName;
use crate::domain::presigned::{Window, parse_seal_key};
use crate::sealed::{Change, SealKey, SealedError, SealedFile, UpdateError};

/// Where windows are kept, by name.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    files: BTreeMap<WindowName, SealedFile>,
}

/// A window cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum WindowsError {
    /// The configuration has no such window.
    #[error("no window is called \"{0}\"")]
    Unknown(WindowName),
    /// The file.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// It opens, and holds what no release of ours wrote.
    #[error("window {name} opens, but {problem}: do not use it, prepare it anew")]
    Unsound {
        /// Which.
        name: WindowName,
        /// What is wrong.
        problem: String,
    },
}

impl Windows {
    /// Every window of the configuration. Keys were checked when it was read; one that is none opens nothing.
    pub fn open(settings: &Settings) -> Self {
        let file = |window: &Presigned| {
            let key = parse_seal_key(window.seal.expose_secret()).ok()?;
            let file = SealedFile::new(&window.folder, window.name.as_str(), SealKey::new(key));
            Some((window.name.clone(), file))
        };
        Self { files: settings.presigned.iter().filter_map(file).collect() }
    }

    fn file(&self, name: &WindowName) -> Result<&SealedFile, WindowsError> {
        self.files.get(name).ok_or_else(|| WindowsError::Unknown(name.clone()))
    }

    /// Opens a window. None: it was never prepared, or was forgotten.
    ///
    /// # Errors
    /// When the file cannot be read, does not open, or holds nonsense.
    pub fn load(&self, name: &WindowName) -> Result<Option<Window>, WindowsError> {
        self.file(name)?.read()?.map(|bytes| parse(name, &bytes)).transpose()
    }

    /// Changes a window while nobody else does; `change` gets what is there.
    ///
    /// # Errors
    /// When it cannot be read or written. The outer error is the file's, the inner one the change's own.
    pub fn change<T, E>(
        &self,
        name: &WindowName,
        change: impl FnOnce(Option<Window>) -> Result<(Window, T), E>,
    ) -> Result<Result<T, E>, WindowsError> {
        enum Why<E> {
            Unsound(WindowsError),
            Own(E),
        }
        let updated = self.file(name)?.update(|before| {
            let before = before.map(|bytes| parse(name, &bytes)).transpose().map_err(Why::Unsound)?;
            let (window, answer) = change(before).map_err(Why::Own)?;
            let contents =
                serde_json::to_vec(&window).map_err(|error| Why::Unsound(unsound(name, &error)))?;
            Ok(Change { contents: Some(contents), answer })
        });
        match updated {
            Ok(answer) => Ok(Ok(answer)),
            Err(UpdateError::Refused(Why::Own(error))) => Ok(Err(error)),
            Err(UpdateError::Refused(Why::Unsound(error))) => Err(error),
            Err(UpdateError::Sealed(error)) => Err(error.into()),
        }
    }

    /// Deletes a window, also one that does not open any more. Says whether there was one.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub fn forget(&self, name: &WindowName) -> Result<bool, WindowsError> {
        let file = self.file(name)?;
        let there = file.path().exists();
        if there {
            std::fs::remove_file(file.path()).map_err(|source| SealedError::Io {
                doing: "remove",
                path: file.path().display().to_string(),
                source,
            })?;
        }
        Ok(there)
    }
}

fn unsound(name: &WindowName, problem: &dyn std::fmt::Display) -> WindowsError {
    WindowsError::Unsound { name: name.clone(), problem: problem.to_string() }
}

fn parse(name: &WindowName, bytes: &[u8]) -> Result<Window, WindowsError> {
    // What serde says of a place in the contents may quote them; it is not repeated.
    let window: Window =
        serde_json::from_slice(bytes).map_err(|_| unsound(name, &"holds what this release cannot read"))?;
    if window.name != *name {
        return Err(unsound(name, &format!("it is window {}", window.name)));
    }
    if !window.is_sound() {
        return Err(unsound(name, &"its hashes or signatures do not fit its transactions"));
    }
    Ok(window)
}
