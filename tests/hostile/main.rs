//! What strangers send, and worse: every file of `corpus/` as it is, and damaged by chance, is given to everything that
//! reads texts from outside. Each is read or refused; nothing panics, hangs, or says more than it should.
//!
//! A text that once did harm is added to `corpus/` as a file, and is replayed ever after.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use freezerd::config::oslo::Import;
use freezerd::plan::parse;
use freezerd::planner::Metadata;
use freezerd::source::file;
use proptest::prelude::*;

fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/corpus");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read(file).unwrap());
    texts
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .collect()
}

/// Gives `text` to every reader.
fn read_by_all(text: &str) {
    match parse(text, "here") {
        Ok(parsed) => drop(parsed),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused, and no word why: {text:?}");
            for problem in problems {
                let said = problem.to_string();
                assert!(!said.contains(char::is_control), "{said:?}");
                assert!(said.len() < 10_000, "{} bytes are said", said.len());
            }
        }
    }
    drop(Metadata::printed(0, text));
    drop(Import::new(text, None));
    let folder = tempfile::tempdir().unwrap();
    let listing = folder.path().join("listing.json");
    fs::write(&listing, text).unwrap();
    if let Err(error) = file::read(&listing, 1024 * 1024) {
        assert!(error.to_string().len() < 10_000, "{error}");
    }
}

#[test]
fn the_corpus_harms_nobody() {
    let texts = corpus();
    assert!(texts.len() > 5, "the corpus is gone");
    for text in &texts {
        read_by_all(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Bytes changed, cut out and put in from other files of the corpus.
    #[test]
    fn damaged_it_harms_nobody_either(
        file in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let texts = corpus();
        let mut bytes = file.get(&texts).as_bytes().to_vec();
        let strange = other.get(&texts).as_bytes();
        for (place, from, byte) in cuts {
            let at = place.index(bytes.len() + 1);
            match byte % 3 {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                _ => {
                    let piece = &strange[from.index(strange.len() + 1)..];
                    bytes.splice(at..at, piece.iter().take(64).copied());
                }
            }
        }
        read_by_all(&String::from_utf8_lossy(&bytes));
    }
}
