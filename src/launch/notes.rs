//! What a supervisor notes in its run's lock: its claim, the start of its agents, and its last words.
//!
//! It is all one file: of what a run costs, making files is a large part. The lock becomes the claim by a second
//! name (an empty file where the file system knows none); whatever is noted is a line in it, written at once.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::JobId;

/// So much is read of its beginning, where the claim and the first start are, and so much of its end, where the last agent
/// is. A supervisor notes two lines, two more for each further try, and seldom a complaint.
const MOST: u64 = 64 << 10;

/// Noted by the supervisor that took the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// The supervisor.
    pub(super) pid: u32,
    /// Seconds from SIGTERM to SIGKILL, for who must end the run without its supervisor.
    pub(super) kill_grace: u32,
    /// Its plan, for who has lost the ledger: the recipe, which names it too, is removed by now.
    #[serde(default)]
    pub(super) job: Option<JobId>,
}

/// Noted when the first agent was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Started {
    /// The supervisor.
    pub(super) pid: u32,
    /// When.
    pub(super) at: DateTime<Utc>,
    /// That agent.
    #[serde(default)]
    pub(super) agent: Option<u32>,
}

/// Noted of each further agent: before it is started, as 0, and when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NextAgent {
    /// The agent.
    pub(super) agent: u32,
}

/// All that is noted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// `None` while it is being written, or when a power cut took it.
    pub(super) claim: Option<Claim>,
    /// `None`: no agent was started, as far as it is known.
    pub(super) started: Option<Started>,
    /// The last agent that was started. `None`: none was, or another may have been since, as far as it is known.
    pub(super) agent: Option<u32>,
    /// The last line that is none of these: a complaint. The lock is a supervisor's standard error, too.
    pub(super) last_words: Option<String>,
}

impl Notes {
    /// Reads them; there are none where there is no such file.
    pub(super) fn read(path: &Path) -> Self {
        Self::parse(&text(path))
    }

    /// Every claim that was ever noted there; all but the first came to nothing.
    pub(super) fn claims(path: &Path) -> Vec<Claim> {
        let lines = text(path);
        lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// With what others have where there is nothing in these.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            claim: self.claim.or(others.claim),
            started: self.started.or(others.started),
            agent: self.agent.or(others.agent),
            last_words: self.last_words.or(others.last_words),
        }
    }

    fn parse(text: &str) -> Self {
        let mut notes = Self::default();
        for line in text.lines() {
            if let Ok(claim) = serde_json::from_str(line) {
                notes.claim.get_or_insert(claim);
            } else if let Ok(started) = serde_json::from_str::<Started>(line) {
                notes.agent = started.agent;
                notes.started.get_or_insert(started);
            } else if let Ok(NextAgent { agent }) = serde_json::from_str(line) {
                notes.agent = (agent != 0).then_some(agent);
            } else if !line.is_empty() {
                notes.last_words = Some(line.to_owned());
            }
        }
        notes
    }
}

/// `""` where there is no such file. Whole lines: what is left out stands between two of them.
fn text(path: &Path) -> String {
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        if length <= 2 * MOST {
            return part(&mut file, 0, 2 * MOST);
        }
        let mut text = part(&mut file, 0, MOST)?;
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let end = part(&mut file, length - MOST, MOST)?;
        text.push_str(end.split_once('\n').unwrap_or_default().1);
        Ok(text)
    });
    read.unwrap_or_default()
}

fn part(file: &mut File, from: u64, most: u64) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use crate::plan::JobId;

    use super::{Claim, MOST, NextAgent, Notes, Started};

    #[test]
    fn each_line_is_one_thing() {
        let claim = Claim {
            pid: 7,
            kill_grace: 10,
            job: Some(JobId::new("a.b")),
        };
        let started = Started {
            pid: 7,
            at: DateTime::UNIX_EPOCH,
            agent: Some(8),
        };
        let [first, second] = [serde_json::to_string(&claim), serde_json::to_string(&started)];
        let (first, second) = (first.expect("json"), second.expect("json"));
        let all = Notes {
            claim: Some(claim.clone()),
            started: Some(started),
            agent: Some(8),
            last_words: Some("the second".to_owned()),
        };
        let text = format!("the first\n{first}\n{second}\nthe second\n");
        assert_eq!(Notes::parse(&text), all);
        let half = &text[..text.len() - "\nthe second\n".len() - 1];
        let cut = Notes::parse(half);
        assert_eq!((cut.claim, cut.started), (Some(claim.clone()), None), "{half}");
        let another = format!("{first}\n{second}\n{{\"agent\":0}}\n");
        assert_eq!(Notes::parse(&another).agent, None, "it may have been started");
        let another = another + "{\"agent\":9}\n";
        assert_eq!(Notes::parse(&another).agent, Some(9));
        let before = "{\"pid\":7,\"at\":\"1970-01-01T00:00:00Z\"}";
        let before = Notes::parse(before);
        assert_eq!(
            (before.started.map(|it| it.pid), before.agent),
            (Some(7), None),
            "an earlier version's"
        );
        let before = Notes::parse("{\"pid\":7,\"kill_grace\":10}").claim;
        assert_eq!(before, Some(Claim { job: None, ..claim }), "likewise");
        assert_eq!(Notes::parse("\0\0\0").claim, None, "a power cut");
        assert_eq!(Notes::parse(""), Notes::default());
    }

    #[test]
    fn the_last_agent_of_many_tries_is_known() {
        let bed = tempfile::tempdir().expect("a folder");
        let path = bed.path().join("lock");
        let claim = Claim {
            pid: 7,
            kill_grace: 10,
            job: Some(JobId::new("a.b")),
        };
        let line = |agent| serde_json::to_string(&NextAgent { agent }).expect("json") + "\n";
        for (tries, most) in [(5_000, 2 * MOST), (20_000, u64::MAX)] {
            let mut text = serde_json::to_string(&claim).expect("json") + "\n";
            (0..tries).for_each(|agent| text += &line(agent));
            assert!(text.len() as u64 > MOST && (text.len() as u64) < most);
            std::fs::write(&path, text).expect("written");
            let all = Notes {
                claim: Some(claim.clone()),
                agent: Some(tries - 1),
                ..Notes::default()
            };
            assert_eq!(Notes::read(&path), all);
        }
    }
}
