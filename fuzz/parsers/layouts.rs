//! Storage layouts as compilers write them: one, or two to be compared.

use redhandle::domain::upgrade::layout::{StorageLayout, compare};

/// Between two layouts.
const BETWEEN: &str = "\n---\n";

pub fn layout(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = |text| {
        let read = StorageLayout::parse(text);
        if let Err(error) = &read {
            assert!(!error.to_string().is_empty());
        }
        read.ok()
    };
    let (old, new) = text.split_once(BETWEEN).unwrap_or((text, text));
    let (Some(old), Some(new)) = (read(old), read(new)) else { return };
    for layout in [&old, &new] {
        // A file that puts two variables into one place is refused: what is left takes its own place.
        let same = compare(layout, layout);
        assert_eq!(same.appended, 0);
        assert!(same.is_compatible(), "{:?}", same.clashes);
        assert_eq!(compare(layout, layout), same, "it is judged twice, and not alike");
    }
    let found = compare(&old, &new);
    assert!(!found.headline().is_empty());
    assert_eq!(found.is_compatible(), found.clashes.is_empty());
    assert!(found.clashes.iter().all(|clash| !clash.sentence.is_empty()));
}
