//! What to say of an option that freezer-scheduler does not have.

use super::note::{named, plain};
use super::options::{OPTIONS, Opt};
use super::syntax::Assignment;
use crate::config::error::nearest;

const HEAD: &str = "unknown: freezer-scheduler 19.0.0 has no such option, and does not look at this line";

/// Names longer than this are no slips of the pen, and likeness is dear to find.
const LONGEST: usize = 64;

/// The message, with a hint if it was probably meant to be one that there is.
pub(super) fn message(one: &Assignment) -> String {
    let meant = meant(one).map(|option| named(option.group, option.name));
    match meant {
        Some(meant) => format!("{HEAD}; did you mean {}?", plain(&meant)),
        None => HEAD.to_owned(),
    }
}

fn meant(one: &Assignment) -> Option<&'static Opt> {
    if one.name.len() > LONGEST {
        return None;
    }
    let name = one.name.to_lowercase().replace('-', "_");
    let short = |option: &Opt| option.name.strip_prefix("os_") == Some(name.as_str());
    let here = || OPTIONS.iter().filter(|option| option.group == one.group);
    // The usual mistakes first: as on the command line, without os_, in another group; then slips of the pen.
    here()
        .find(|option| option.name == name || short(option))
        .or_else(|| OPTIONS.iter().find(|option| option.name == name))
        .or_else(|| {
            let near = nearest(&name, here().map(|option| option.name))?;
            here().find(|option| option.name == near)
        })
}
