//! What is kept stays secret, whole, and its owner's.

use std::path::Path;

use super::{Change, EnvelopeError, SealKey, SealedError, SealedFile, UpdateError};

const CONTENTS: &[u8] = b"{\"signature\":\"0x1b\"}";

fn key(byte: u8) -> SealKey {
    SealKey::new([byte; 32])
}

fn file(folder: &Path) -> SealedFile {
    SealedFile::new(folder.join("windows"), "pause", key(1))
}

fn write(file: &SealedFile, contents: &[u8]) {
    let kept = Change { contents: Some(contents.to_vec()), answer: () };
    file.update::<(), ()>(|_| Ok(kept)).unwrap();
}

fn why(file: &SealedFile) -> EnvelopeError {
    match file.read().unwrap_err() {
        SealedError::Envelope { source, .. } => source,
        other @ (SealedError::Io { .. } | SealedError::TooLarge { .. }) => panic!("{other}"),
    }
}

#[test]
fn what_was_sealed_opens_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    assert_eq!(file.read().unwrap(), None);
    write(&file, CONTENTS);
    assert_eq!(file.read().unwrap().as_deref(), Some(CONTENTS));
    let first = std::fs::read(file.path()).unwrap();
    assert!(!first.windows(9).any(|part| part == b"signature"), "the contents are not to be seen");
    write(&file, CONTENTS);
    assert_ne!(std::fs::read(file.path()).unwrap(), first, "each write has its own salt");
    assert_eq!(format!("{:?}", key(7)), "SealKey(…)");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file.path()), 0o600);
        assert_eq!(mode(file.path().parent().unwrap()), 0o700);
    }
}

#[test]
fn another_key_is_told_from_a_changed_file() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(folder.path());
    write(&good, CONTENTS);
    let other = SealedFile::new(folder.path().join("windows"), "pause", key(2));
    assert_eq!(why(&other), EnvelopeError::OtherKey);

    let sealed = std::fs::read(good.path()).unwrap();
    let header = sealed.iter().position(|byte| *byte == b'\n').unwrap();
    // The salt has 64 digits, then come the check and the nonce.
    for (place, expected) in [
        (sealed.len() - 1, EnvelopeError::Changed),
        (header + 1, EnvelopeError::Changed),
        (header - 1, EnvelopeError::Changed),
        (header - 26, EnvelopeError::OtherKey),
        (0, EnvelopeError::NotSealed),
    ] {
        let mut changed = sealed.clone();
        changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
        std::fs::write(good.path(), &changed).unwrap();
        assert_eq!(why(&good), expected, "byte {place}");
    }
    for length in [0, 10, header, header + 1, sealed.len() - 1] {
        std::fs::write(good.path(), &sealed[..length]).unwrap();
        assert!(matches!(why(&good), EnvelopeError::NotSealed | EnvelopeError::Changed), "{length} bytes");
    }
    std::fs::write(good.path(), sealed).unwrap();
    assert_eq!(good.read().unwrap().as_deref(), Some(CONTENTS));
}

#[test]
fn another_name_and_another_form_are_said_to_be_that() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(folder.path());
    write(&good, CONTENTS);
    let copy = SealedFile::new(folder.path().join("windows"), "unpause", key(1));
    std::fs::copy(good.path(), copy.path()).unwrap();
    insta::assert_snapshot!(why(&copy), @r#"it is the sealed file of "pause", not of "unpause": it was renamed or copied"#);
    let newer = std::fs::read(good.path()).unwrap();
    let newer = [b"redhandle-sealed 2".as_slice(), &newer[18..]].concat();
    std::fs::write(good.path(), newer).unwrap();
    insta::assert_snapshot!(why(&good), @"it is sealed in form 2, and this release reads form 1: use the release that wrote it");
}

#[test]
fn what_cannot_be_read_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(folder.path());
    write(&good, CONTENTS);
    let other = SealedFile::new(folder.path().join("windows"), "pause", key(2));
    let refused = other.update::<(), ()>(|_| Ok(Change { contents: Some(vec![1]), answer: () }));
    assert!(matches!(refused, Err(UpdateError::Sealed(_))), "{refused:?}");
    let said_no = good.update::<(), _>(|_| Err("no"));
    assert!(matches!(said_no, Err(UpdateError::Refused("no"))), "{said_no:?}");
    assert_eq!(good.read().unwrap().as_deref(), Some(CONTENTS));
}

#[test]
fn of_many_who_add_at_once_none_loses_anything() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    std::thread::scope(|scope| {
        for writer in 0..8_u8 {
            let file = &file;
            scope.spawn(move || {
                for _ in 0..4 {
                    file.update::<(), ()>(|before| {
                        let contents = [before.unwrap_or_default(), vec![writer]].concat();
                        Ok(Change { contents: Some(contents), answer: () })
                    })
                    .unwrap();
                }
            });
        }
    });
    let mut kept = file.read().unwrap().unwrap();
    kept.sort_unstable();
    let all: Vec<u8> = (0..8).flat_map(|writer| [writer; 4]).collect();
    assert_eq!(kept, all);
}

#[test]
fn what_a_killed_writer_left_is_swept_and_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    write(&file, CONTENTS);
    let left = file.path().with_file_name(".unfinished-pause.abc");
    std::fs::write(&left, b"half of it").unwrap();
    assert_eq!(file.read().unwrap().as_deref(), Some(CONTENTS));
    write(&file, b"more");
    assert!(!left.exists());
    file.update::<(), ()>(|_| Ok(Change { contents: None, answer: () })).unwrap();
    assert_eq!(file.read().unwrap(), None);
}
