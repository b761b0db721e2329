//! `freezerd import-config FILE`: freezer-scheduler's configuration into freezerd's.
//!
//! The new file goes to standard output, a line for each option of the old one to standard error, and secrets
//! nowhere but into files of their own, if asked to.
//! May use: `config` (which does the translating). Must not use: any other room.

mod secrets;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Failure, Shell};
use crate::config;
use crate::config::oslo::{Import, Verdict};

/// The largest file that is read, in bytes. The sample that comes with freezer-scheduler has 11,000.
const LIMIT: u64 = 1024 * 1024;

/// `freezerd import-config`
#[derive(Debug, Clone, clap::Args)]
pub struct ImportConfigArgs {
    /// freezer-scheduler's configuration file, as /etc/freezer/scheduler.conf
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write the secrets of FILE into files of mode 0600 in this folder, and refer to them
    #[arg(long, value_name = "DIR")]
    pub secrets: Option<PathBuf>,
}

/// Carries it out.
pub(super) fn execute(args: &ImportConfigArgs, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let from = args.file.display().to_string();
    let text = config::read(&args.file, LIMIT)
        .map_err(|error| Failure::failed(format!("{from}: cannot be read: {error}")))?;
    let folder = args.secrets.as_deref().map(secrets::folder).transpose()?;
    let import = Import::new(&text, folder.as_deref())
        .map_err(|error| Failure::failed(format!("{from}:{}: {error}", error.line)))?;
    if let Some(folder) = folder {
        let written = secrets::write(&folder, &import.secrets)?;
        for path in &written {
            shell.note(&format!("{}: written, mode 0600", path.display()));
        }
        if written.is_empty() {
            shell.note(&format!("{from}: no secrets in it"));
        }
    }
    shell.stdout.write_all(import.toml(&from).as_bytes())?;
    shell.stdout.flush()?;
    for note in &import.notes {
        match note.line {
            Some(line) => shell.note(&format!("{from}:{line}: {note}")),
            None => shell.note(&format!("{from}: {note}")),
        }
    }
    shell.note(&format!("{from}: {}", summary(&import)));
    Ok(())
}

/// How many options, and what became of them.
fn summary(import: &Import) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for note in &import.notes {
        let count = counts.entry(note.verdict).or_default();
        *count = count.saturating_add(1);
    }
    let parts: Vec<String> = counts
        .into_iter()
        .filter_map(|(verdict, count)| Some(format!("{count} {}", word(verdict)?)))
        .collect();
    if parts.is_empty() {
        return "no options in it".to_owned();
    }
    parts.join(", ")
}

/// `None`: it is not in the file.
fn word(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Translated => Some("translated"),
        Verdict::NotApplicable => Some("not applicable"),
        Verdict::NotInThisVersion => Some("not in this version"),
        Verdict::NotCopied => Some("not copied"),
        Verdict::Refused => Some("not translated"),
        Verdict::Overridden => Some("not used"),
        Verdict::Unknown => Some("unknown"),
        Verdict::Default => None,
    }
}
