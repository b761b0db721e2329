use std::path::Path;

use super::contents::{Contents, Fault};
use super::*;

fn count(text: &str) -> Result<usize, String> {
    let mut count = 0;
    match Contents::of(text, &mut |_| count += 1) {
        Ok(Contents::Listing) => Ok(count),
        Ok(Contents::One(_)) => Err("one".to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}

#[test]
fn the_forms_of_a_listing() {
    assert_eq!(count(r#"{"jobs": [{}, null, 7]}"#), Ok(3));
    assert_eq!(count(r#"{"links": {}, "jobs": []}"#), Ok(0));
    assert_eq!(count("\u{feff} [{}, {}]"), Ok(2));
    assert_eq!(count(r#"{"job_id": "a"}"#), Err("one".to_owned()));
    assert_eq!(
        count(r#"{"job_schedule": {}, "jobs": null}"#),
        Err("one".to_owned())
    );
}

#[test]
fn what_is_no_listing_says_why() {
    for (text, why) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        (
            "{}",
            "it has none of the keys jobs, job_id, job_schedule and job_actions",
        ),
        (r#"{"jobs": {}}"#, "its \"jobs\" is not a list"),
        ("7", "it is neither an object nor a list"),
        ("null", "it is neither an object nor a list"),
        ("{\"jobs\": [\n  {]\n}", "line 2, column 4: key must be a string"),
        ("[1, 2", "line 1, column 5: EOF while parsing a list"),
        ("nonsense", "line 1, column 2: expected ident"),
        ("[] []", "line 1, column 4: trailing characters"),
        // Behind documents that were given already.
        ("{\"jobs\": [{}, {]}", "line 1, column 16: key must be a string"),
        ("{\"jobs\": [{}]} x", "line 1, column 16: trailing characters"),
        (
            r#"{"jobs": [{}], "jobs": []}"#,
            "line 1, column 21: duplicate field `jobs`",
        ),
    ] {
        assert_eq!(count(text), Err(why.to_owned()), "{text:?}");
    }
}

#[test]
fn the_place_of_a_fault_is_its_own() {
    let unfit = contents::text_of(&b"{\n\"a\": \"\xff\"}"[..], 100).expect("readable");
    match unfit {
        Err(contents::Unfit::Fault(Fault::Syntax(line, column, _))) => assert_eq!((line, column), (2, 7)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_path_says_what_is_missing() {
    let error = read(Path::new("/nonexistent/plans"), &Limits::default()).expect_err("nothing there");
    assert_eq!(
        error.to_string(),
        "/nonexistent/plans: there is no such file or folder; create it, or give another path"
    );
}
