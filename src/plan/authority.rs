//! In whose name a plan runs: the trust that came with its document.

use super::TrustId;
use super::parse::Faults;
use super::raw::{Authority, Raw, Shape, UserCredentials, object};

/// In whose name a document's plan runs, whatever else is wrong with the document.
#[must_use]
pub fn trust_of(text: &str) -> Option<TrustId> {
    let document: Authority<'_> = object(text).ok()?;
    let mut faults = Faults::of(Raw::default(), Raw::default(), "");
    faults.trust(document.user_credentials)
}

impl Faults {
    /// `user_credentials`, of which only the trust is ours to know.
    pub(super) fn trust(&mut self, raw: Raw<'_>) -> Option<TrustId> {
        let credentials: UserCredentials<'_> = match raw.shape() {
            Shape::Nothing => return None,
            Shape::Object => self.note("user_credentials", raw, object(raw.written()))?,
            _ => {
                let error = "this is not an object; allowed is {\"trust_id\": ...}";
                self.add("user_credentials", &raw.shown(), error);
                return None;
            }
        };
        self.id("user_credentials.trust_id", credentials.trust_id, TrustId::new)
    }
}
