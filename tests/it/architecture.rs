//! The house stands as DESIGN draws it: layers import only what is below them, and files can be read.
//!
//! Whatever is found is told in sentences: where, what, why not, and what to do instead. `planted` shows that each rule finds
//! what it is for. Code under `#[cfg(test)]` may import and spawn what it likes; names, openings and lengths bind it too.

mod lexer;
mod paths;
mod planted;
mod rules;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rules::{Violation, violations};

#[test]
fn the_house_stands_as_designed() {
    let files = package();
    let read: usize = files.iter().map(|(file, source)| paths::read(file, source).imports.len()).sum();
    assert!(
        files.contains_key("src/lib.rs") && files.contains_key("tests/it/architecture.rs"),
        "{:?}",
        files.keys()
    );
    assert!(
        read > 10 * files.len(),
        "only {read} paths were found in {} files: is the lexer blind?",
        files.len()
    );

    let found = violations(&files);
    assert!(found.is_empty(), "{} violations of the architecture:\n{}", found.len(), told(&found));
}

/// Every Rust source of the package, by its path from the package's root.
fn package() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["src", "tests", "benches", "examples"]
        .iter()
        .map(|name| root.join(name))
        .filter(|at| at.exists())
        .collect();
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

fn told(found: &[Violation]) -> String {
    found.iter().map(|at| format!("{}:{}: {}", at.file, at.line, at.sentence)).collect::<Vec<_>>().join("\n")
}
