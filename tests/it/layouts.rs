//! Every storage layout that the compiler wrote for the contracts of foundry-tests is one that we take.

use std::path::{Path, PathBuf};

use redhandle::domain::upgrade::layout::{StorageLayout, compare};

fn artifacts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            None | Some(_) if path.is_dir() && !path.ends_with("build-info") => artifacts(&path),
            Some(extension) if extension == "json" => vec![path],
            Some(_) | None => Vec::new(),
        })
        .collect()
}

#[test]
fn what_the_compiler_wrote_of_real_contracts_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("foundry-tests/out");
    let (mut read, mut variables) = (0, 0);
    for path in artifacts(&root) {
        let text = std::fs::read_to_string(&path).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        if json["storageLayout"].is_null() {
            continue;
        }
        let layout =
            StorageLayout::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let found = compare(&layout, &layout);
        assert!(found.is_compatible() && found.appended == 0, "{}: {:?}", path.display(), found.clashes);
        (read, variables) = (read + 1, variables + layout.len());
    }
    assert!(read >= 50 && variables >= 50, "{read} layouts of {variables} variables");
}
