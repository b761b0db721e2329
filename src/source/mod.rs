//! Where plans come from when no service is needed: a saved listing, or a folder of job documents.
//!
//! Gives documents as texts; what they mean is `plan`'s business. (The API, the third source, is `freezer`.)
//! May use: `plan`'s `Problem`, `clock`. Must not use: `planner`, `freezer`, `ledger`, `launch`.

use serde_json::value::RawValue;

/// One complete listing.
#[derive(Debug, Default)]
pub struct Listing {
    /// The documents, each the text of one JSON value.
    pub documents: Vec<Document>,
    /// What could not even be read as JSON.
    pub problems: Vec<crate::plan::Problem>,
}

/// One document's text and where it stood, for messages when it has no job_id.
#[derive(Debug)]
pub struct Document {
    /// `document 3 of the listing`, or a file name.
    pub place: String,
    /// Its text.
    pub text: Box<RawValue>,
}
