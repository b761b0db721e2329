//! Whether the kernel killed something of a run for want of memory: told by its control group.

use std::path::{Path, PathBuf};

/// Counts the kills in our own control group. Under systemd that is the run's alone; else others are counted too,
/// so a kill says no more than what [`killed`] says.
#[derive(Debug)]
pub(super) struct Memory(Option<PathBuf>);

impl Memory {
    /// Of the control group that this process is in.
    pub(super) fn ours() -> Self {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self(counter(&groups, Path::new("/sys/fs/cgroup")))
    }

    /// Kills so far; 0 if nobody counts.
    pub(super) fn kills(&self) -> u64 {
        let text = self
            .0
            .as_ref()
            .and_then(|path| std::fs::read_to_string(path).ok());
        text.as_deref().and_then(kills_in).unwrap_or(0)
    }
}

/// What to say of an agent that failed while `kills` processes were killed. `limit`: bytes the run may have.
pub(super) fn killed(kills: u64, limit: Option<u64>) -> String {
    let whose = match limit {
        Some(limit) => format!(", {limit} bytes, dispatch.limits.memory_max"),
        None => String::new(),
    };
    let (processes, were) = if kills == 1 {
        ("process", "was")
    } else {
        ("processes", "were")
    };
    format!("; out of memory: {kills} {processes} of its control group {were} killed by the kernel{whose}")
}

/// The file with the count: version 2's if memory is accounted there, else version 1's.
fn counter(groups: &str, root: &Path) -> Option<PathBuf> {
    let place = |controller: &str| {
        groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let controllers = fields.next()?;
            let path = fields.next()?.trim_start_matches('/');
            controllers
                .split(',')
                .any(|one| one == controller)
                .then(|| path.to_owned())
        })
    };
    let unified = place("").map(|path| root.join(path).join("memory.events"));
    let legacy = place("memory").map(|path| root.join("memory").join(path).join("memory.oom_control"));
    [unified, legacy]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
}

/// `oom_kill 3` among other lines.
fn kills_in(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::{counter, killed, kills_in};

    #[test]
    fn both_kinds_of_control_groups_are_read() {
        let root = tempfile::tempdir().expect("a directory");
        let file = |path: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(&path, "").expect("written");
            path
        };
        let hybrid = "9:name=systemd:/runs/a\n4:cpu,memory:/runs/a\n0::/runs/a\n";
        assert_eq!(counter(hybrid, root.path()), None, "no such files");
        let legacy = file("memory/runs/a/memory.oom_control");
        assert_eq!(counter(hybrid, root.path()), Some(legacy));
        let unified = file("runs/a/memory.events");
        assert_eq!(counter("0::/runs/a\n", root.path()), Some(unified));
        assert_eq!(counter("", root.path()), None);
    }

    #[test]
    fn the_count_is_found_among_its_neighbours() {
        assert_eq!(kills_in("low 0\noom 5\noom_kill 2\noom_group_kill 1\n"), Some(2));
        assert_eq!(kills_in("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"), Some(7));
        assert_eq!(
            kills_in("oom_kill_disable 0\nunder_oom 0\n"),
            None,
            "an old kernel"
        );
    }

    #[test]
    fn a_kill_is_told_for_people() {
        insta::assert_snapshot!(
            killed(1, Some(1024)),
            @"; out of memory: 1 process of its control group was killed by the kernel, 1024 bytes, dispatch.limits.memory_max"
        );
        insta::assert_snapshot!(
            killed(2, None),
            @"; out of memory: 2 processes of its control group were killed by the kernel"
        );
    }
}
