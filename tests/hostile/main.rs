//! What strangers send, and worse: every file of `corpus/` as it is, and damaged by chance, is given to everything that
//! reads texts from outside. Each is read or refused; nothing panics, hangs, or says more than it should.
//!
//! A text that once did harm is added to `corpus/` as a file, and is replayed ever after.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../freezer/server.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod server;

mod answers;
mod structured;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use freezerd::config::Loader;
use freezerd::config::oslo::Import;
use freezerd::plan::parse;
use freezerd::planner::Metadata;
use freezerd::source::file;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

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

/// Stands in the corpus wherever a password does: nobody may say it.
const PLANTED: &str = "pl4nted-pa55";

/// What is said to people of our own files: of one line or few, not without end, and nothing that is secret.
fn fit_to_be_said(said: &str) {
    let odd = |letter: char| letter.is_control() && letter != '\n';
    assert!(!said.contains(odd), "{said:?}");
    assert!(said.len() < 10_000, "{} bytes are said", said.len());
    assert!(!said.contains(PLANTED), "{said:?}");
}

/// As freezerd.toml, and as clouds.yaml.
fn read_as_configuration(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (toml, yaml) = (
        folder.path().join("freezerd.toml"),
        folder.path().join("clouds.yaml"),
    );
    fs::write(&toml, text).unwrap();
    if let Err(error) = Loader::new(BTreeMap::new())
        .rooted(folder.path())
        .load(Some(&toml))
    {
        fit_to_be_said(&error.to_string());
    }
    fs::write(&toml, "").unwrap();
    fs::write(&yaml, text).unwrap();
    let environment = [
        ("OS_CLOUD", "backup"),
        ("OS_CLIENT_CONFIG_FILE", yaml.to_str().unwrap()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match Loader::new(BTreeMap::from(environment))
        .rooted(folder.path())
        .load(Some(&toml))
    {
        Ok(loaded) => {
            if let Err(error) = &loaded.settings.access {
                fit_to_be_said(&error.to_string());
            }
            assert!(!format!("{:?}", loaded.settings).contains(PLANTED), "{text:?}");
        }
        Err(error) => fit_to_be_said(&error.to_string()),
    }
}

/// Gives `text` to every reader.
fn read_by_all(text: &str) {
    read_as_configuration(text);
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

/// Bytes changed, cut out and put in from other files of the corpus, so many times.
fn damaged(cases: u32, read: impl Fn(&str)) {
    let texts = corpus();
    let index = any::<prop::sample::Index>;
    let cut = (index(), index(), any::<u8>());
    let strategy = (index(), index(), prop::collection::vec(cut, 0..6));
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    });
    let found = runner.run(&strategy, |(file, other, cuts)| {
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
        read(&String::from_utf8_lossy(&bytes));
        Ok(())
    });
    if let Err(failure) = found {
        panic!("{failure}");
    }
}

#[test]
fn damaged_it_harms_nobody_either() {
    damaged(300, read_by_all);
}
