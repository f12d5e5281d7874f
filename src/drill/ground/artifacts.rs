//! Reads what compilers and publishers wrote: creation code, and where it is published on real chains.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use alloy::primitives::{Address, B256, Bytes};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::GroundError;

/// An artifact of hardhat (the Safe packages) or of forge (ours): they differ in how the code is held.
#[derive(Deserialize)]
struct Artifact {
    bytecode: Code,
}

/// An artifact of truffle: what is on chain once it is deployed.
#[derive(Deserialize)]
struct Deployed {
    #[serde(rename = "deployedBytecode")]
    deployed_bytecode: Bytes,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Hardhat(Bytes),
    Forge { object: Bytes },
}

/// A file of `@safe-global/safe-deployments`.
#[derive(Deserialize)]
struct Published {
    deployments: BTreeMap<String, Deployment>,
}

/// Where a contract is published, and the hash of its code.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    pub address: Address,
    pub code_hash: B256,
}

/// The creation code of a contract.
pub(super) fn creation_code(path: &Path) -> Result<Bytes, GroundError> {
    let code = match read::<Artifact>(path)?.bytecode {
        Code::Hardhat(code) | Code::Forge { object: code } => code,
    };
    if code.is_empty() { Err(wrong(path, "holds no creation code")) } else { Ok(code) }
}

/// The code of a contract as it is on chain.
pub(super) fn runtime_code(path: &Path) -> Result<Bytes, GroundError> {
    let code = read::<Deployed>(path)?.deployed_bytecode;
    if code.is_empty() { Err(wrong(path, "holds no code")) } else { Ok(code) }
}

/// The canonical deployment of a Safe contract.
pub(super) fn canonical(path: &Path) -> Result<Deployment, GroundError> {
    read::<Published>(path)?
        .deployments
        .get("canonical")
        .copied()
        .ok_or_else(|| wrong(path, "names no canonical deployment"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, GroundError> {
    let text = fs::read(path).map_err(|error| wrong(path, error))?;
    serde_json::from_slice(&text).map_err(|error| wrong(path, error))
}

fn wrong(path: &Path, problem: impl ToString) -> GroundError {
    GroundError::Artifact { path: path.to_path_buf(), problem: problem.to_string() }
}
