//! Where anvil, the Safe contracts and the vault's artifacts are: in `foundry-tests/`, from npm.

use std::env;
use std::path::{Path, PathBuf};

/// Names the directory instead of looking for it.
pub const FOUNDRY_TESTS_ENV: &str = "REDHANDLE_FOUNDRY_TESTS";

/// Names another anvil than the one from npm.
pub const ANVIL_ENV: &str = "REDHANDLE_ANVIL";

/// What installs and builds everything, from the project's root.
const INSTALL: &str = "sh tools/install-chain.sh";

/// The tools of the practice chain, found and looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    foundry_tests: PathBuf,
    anvil: PathBuf,
}

/// What is missing, and the command that brings it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolsError {
    /// No directory with installed packages.
    #[error(
        "anvil and the Safe contracts are not installed (looked in {looked}): run `{INSTALL}` in the project's root, or name the directory with {FOUNDRY_TESTS_ENV}"
    )]
    NotInstalled {
        /// Where they were looked for.
        looked: String,
    },
    /// The packages are there, the build is not.
    #[error("the contracts in {dir} are not built: run `{INSTALL}` in the project's root", dir = dir.display())]
    NotBuilt {
        /// The directory.
        dir: PathBuf,
    },
    /// npm has no anvil for this machine.
    #[error(
        "there is no anvil for {os} on {arch} in npm: install foundry and name its anvil with {ANVIL_ENV}"
    )]
    NoPlatform {
        /// Operating system.
        os: &'static str,
        /// Processor.
        arch: &'static str,
    },
    /// The anvil that was named, or that npm should have brought, is not a file.
    #[error("{anvil} is not there: run `{INSTALL}` in the project's root, or name another with {ANVIL_ENV}", anvil = anvil.display())]
    NoAnvil {
        /// Where it should be.
        anvil: PathBuf,
    },
}

impl Tools {
    /// Finds the tools: in `named` if that is given, else where [`FOUNDRY_TESTS_ENV`] says, else in
    /// `foundry-tests` here or beside the sources this program was built from.
    ///
    /// # Errors
    /// When something is missing, with the command that installs it.
    pub fn find(named: Option<&Path>) -> Result<Self, ToolsError> {
        let candidates = candidates(named, env::var_os(FOUNDRY_TESTS_ENV).map(PathBuf::from));
        let Some(foundry_tests) = candidates.iter().find(|dir| packages(dir).is_dir()).cloned() else {
            let looked: Vec<_> = candidates.iter().map(|dir| dir.display().to_string()).collect();
            return Err(ToolsError::NotInstalled { looked: looked.join(", ") });
        };
        if !foundry_tests.join("out").is_dir() {
            return Err(ToolsError::NotBuilt { dir: foundry_tests });
        }
        let anvil = match env::var_os(ANVIL_ENV) {
            Some(anvil) => PathBuf::from(anvil),
            None => packages(&foundry_tests).join(format!("@foundry-rs/anvil-{}/bin/anvil", platform()?)),
        };
        if anvil.is_file() { Ok(Self { foundry_tests, anvil }) } else { Err(ToolsError::NoAnvil { anvil }) }
    }

    /// The anvil binary itself: npm's `anvil` command is a script that would stand between it and us.
    pub fn anvil(&self) -> &Path {
        &self.anvil
    }

    /// A file of an npm package.
    pub(super) fn package_file(&self, path: &str) -> PathBuf {
        packages(&self.foundry_tests).join(path)
    }

    /// The artifact of one of our own contracts.
    pub(super) fn artifact(&self, source: &str, contract: &str) -> PathBuf {
        self.foundry_tests.join(format!("out/{source}.sol/{contract}.json"))
    }
}

fn packages(foundry_tests: &Path) -> PathBuf {
    foundry_tests.join("node_modules")
}

fn candidates(named: Option<&Path>, from_env: Option<PathBuf>) -> Vec<PathBuf> {
    if let Some(named) = named.map(Path::to_path_buf).or(from_env) {
        return vec![named];
    }
    let sources = option_env!("CARGO_MANIFEST_DIR").map(|dir| Path::new(dir).join("foundry-tests"));
    [Some(PathBuf::from("foundry-tests")), sources].into_iter().flatten().collect()
}

/// This machine in the names of foundry's npm packages.
fn platform() -> Result<&'static str, ToolsError> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-amd64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-amd64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        (os, arch) => Err(ToolsError::NoPlatform { os, arch }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_directory_is_the_only_one_that_is_looked_at() {
        let named = Path::new("/nowhere/named");
        let env = PathBuf::from("/nowhere/env");
        assert_eq!(candidates(Some(named), Some(env.clone())), [named]);
        assert_eq!(candidates(None, Some(env.clone())), [env]);
        assert_eq!(candidates(None, None).first(), Some(&PathBuf::from("foundry-tests")));
    }

    #[test]
    fn what_is_missing_is_said_with_the_command_that_installs_it() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Tools::find(Some(dir.path())).unwrap_err().to_string();
        insta::assert_snapshot!(missing.replace(dir.path().to_str().unwrap(), "DIR"), @"anvil and the Safe contracts are not installed (looked in DIR): run `sh tools/install-chain.sh` in the project's root, or name the directory with REDHANDLE_FOUNDRY_TESTS");
        std::fs::create_dir(dir.path().join("node_modules")).unwrap();
        let unbuilt = Tools::find(Some(dir.path())).unwrap_err().to_string();
        insta::assert_snapshot!(unbuilt.replace(dir.path().to_str().unwrap(), "DIR"), @"the contracts in DIR are not built: run `sh tools/install-chain.sh` in the project's root");
        std::fs::create_dir(dir.path().join("out")).unwrap();
        assert!(matches!(Tools::find(Some(dir.path())), Err(ToolsError::NoAnvil { .. })));
    }
}
