//! A machine with systemd, booted for one test, and freezerd installed on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::until::until;

/// Where a machine keeps what agents do: one script a plan, and what they write.
pub const BED: &str = "/srv/bed";

/// What stands for freezer-agent: runs the script that is named as its action's backup_name.
const AGENT: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    [ "$1" != --config ] || config=$2
    shift
done
name=$(sed -n 's/^backup_name = //p' "$config")
echo "$FREEZERD_RUN_ID" >>"/srv/bed/started-$name"
exec /bin/sh "/srv/bed/$name"
"#;

pub struct Node {
    machine: Child,
    /// Of its control groups.
    name: String,
    /// The mount point of what it writes.
    _scratch: tempfile::TempDir,
}

/// What up.sh made, once a process.
fn made() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = Command::new(home.join("tests/booted/up.sh"))
            .arg(env!("CARGO_BIN_EXE_freezerd"))
            .status()
            .expect("tests/booted/up.sh");
        assert!(
            made.success(),
            "there is no machine to boot; what is missing is said above"
        );
        home.join(".booted")
    })
}

impl Node {
    /// Boots one, with freezerd configured and not yet started. `settings`: TOML, a drop-in.
    pub fn boot(settings: &str) -> Self {
        Self::boot_of("base", settings)
    }

    /// The same of one whose systemd is newer: 253 at least.
    pub fn boot_newer(settings: &str) -> Self {
        Self::boot_of("newer", settings)
    }

    fn boot_of(base: &str, settings: &str) -> Self {
        let scratch = tempfile::tempdir().expect("a folder");
        static BOOTED: AtomicU32 = AtomicU32::new(0);
        let number = BOOTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("freezerd-booted-{}-{number}", std::process::id());
        // It dies with the thread of its test; all its processes die with it.
        let machine = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "unshare",
                "--mount",
                "--propagation=private",
            ])
            .args(["--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/booted/boot.sh"))
            .args([made(), Path::new(base), scratch.path()])
            .arg(&name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("setpriv, of util-linux");
        let mut node = Self {
            machine,
            name,
            _scratch: scratch,
        };
        node.until_up();
        // As README has it.
        node.sh("systemd-sysusers && systemd-tmpfiles --create freezerd.conf && systemctl daemon-reload");
        node.write("/usr/local/bin/agent", AGENT);
        node.sh(&format!("chmod 755 /usr/local/bin/agent; mkdir {BED}"));
        node.write(
            "/etc/freezerd/freezerd.toml",
            "timezone = 'UTC'\n[source]\nkind = 'folder'\n[dispatch]\nagent = '/usr/local/bin/agent'\n",
        );
        node.settings(settings);
        node
    }

    /// Another drop-in in the place of the one before. freezerd is not told.
    pub fn settings(&self, settings: &str) {
        self.write("/etc/freezerd/conf.d/test.toml", settings);
    }

    fn until_up(&mut self) {
        until("the machine boots", || {
            if let Some(status) = self.machine.try_wait().expect("asked") {
                panic!("the machine does not boot: {status}");
            }
            let state = self.try_sh("systemctl is-system-running")?;
            let state = String::from_utf8_lossy(&state.stdout);
            ["running", "degraded"].contains(&state.trim()).then_some(())
        });
    }

    /// The machine's own process 1, as this machine has it.
    fn leader(&self) -> Option<u32> {
        let child = |of: u32| -> Option<u32> {
            let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        };
        // unshare's boot.sh's nspawn's.
        let leader = child(child(child(self.machine.id())?)?)?;
        let name = fs::read_to_string(format!("/proc/{leader}/comm")).ok()?;
        (name.trim() == "systemd").then_some(leader)
    }

    fn try_sh(&self, script: &str) -> Option<Output> {
        let leader = self.leader()?.to_string();
        let mut command = Command::new("nsenter");
        command
            .args([
                "--target", &leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
            ])
            .args([
                "/usr/bin/env",
                "-i",
                "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "SYSTEMD_COLORS=0",
            ])
            .args(["/bin/sh", "-c", script])
            .stdin(Stdio::null());
        Some(command.output().expect("nsenter, of util-linux"))
    }

    /// What a shell script on the machine prints, and whether it succeeded.
    pub fn ask(&self, script: &str) -> (bool, String) {
        let output = self.try_sh(script).expect("the machine is up");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).trim().to_owned(),
        )
    }

    /// The same, of one that must succeed.
    pub fn sh(&self, script: &str) -> String {
        let (good, said) = self.ask(script);
        assert!(good, "{script}: {said}\n{}", self.journal());
        said
    }

    /// A path of this machine, as we see it.
    pub fn path(&self, path: &str) -> PathBuf {
        let leader = self.leader().expect("the machine is up");
        format!("/proc/{leader}/root{path}").into()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("a folder");
        }
        // As an editor does: whole, or not at all.
        let draft = path.with_added_extension("draft");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .expect("written");
    }

    pub fn start(&self) {
        self.sh("systemctl enable --quiet freezerd 2>/dev/null; systemctl start freezerd");
    }

    /// The daemon's process, on the machine.
    pub fn daemon(&self) -> String {
        self.sh("systemctl show --property MainPID --value freezerd")
    }

    /// Waits until a unit is over, and nothing of it lives.
    pub fn gone(&self, unit: &str) {
        until(&format!("{unit} is over"), || {
            let (_, state) = self.ask(&format!("systemctl is-active {unit}"));
            ["inactive", "failed"].contains(&state.as_str()).then_some(())
        });
    }

    /// Whether a process of such a command line is there.
    pub fn lives(&self, command: &str) -> bool {
        let processes = fs::read_dir(self.path("/proc")).expect("/proc");
        processes.flatten().any(|process| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line)
                .replace('\0', " ")
                .contains(command)
        })
    }

    /// Waits until freezerd's log has this.
    pub fn until_journal(&self, text: &str) {
        until(&format!("freezerd says {text:?}"), || {
            let (_, said) = self.ask("journalctl --no-pager -o cat -u freezerd");
            said.contains(text).then_some(())
        });
    }

    /// Settings of the units of all runs, as an administrator has them.
    pub fn soon(&self, settings: &str) {
        let path = "/etc/systemd/system/freezerd-run-.service.d/soon.conf";
        self.write(path, &format!("[Service]\n{settings}\n"));
        self.sh("systemctl daemon-reload");
    }

    /// Lets this machine's systemd limit memory. (In version 1 of the control groups nspawn keeps them read-only.)
    pub fn own_memory(&self) {
        let legacy = "/sys/fs/cgroup/memory";
        self.sh(&format!(
            "if [ -d {legacy} ]; then mount -o remount,bind,rw {legacy} && systemctl daemon-reexec; fi"
        ));
        let limited = self.sh("systemd-run --quiet --wait --pipe -p MemoryMax=64M sh -c \
             'cat /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.max 2>/dev/null || \
              cat /sys/fs/cgroup/memory$(sed -n s/^.*:memory://p /proc/self/cgroup)/memory.limit_in_bytes'");
        assert_eq!(
            limited, "67108864",
            "this machine has no memory controller for the control group of a test"
        );
    }

    /// `systemctl reboot`, until it is up again.
    pub fn reboot(&mut self) {
        self.go_down("systemctl reboot");
    }

    /// The kernel is told to start anew, and nobody else: everything is gone at once.
    pub fn crash(&mut self) {
        self.go_down("sync; systemctl reboot --force --force");
    }

    fn go_down(&mut self, how: &str) {
        let before = self.leader();
        self.ask(how);
        until("the machine goes down", || {
            (self.leader() != before && self.leader().is_some()).then_some(())
        });
        self.until_up();
    }

    /// The end of the machine's journal, for a failure.
    pub fn journal(&self) -> String {
        let said = self.try_sh("journalctl --no-pager -n 60 -o short-precise");
        let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        said.unwrap_or_else(|| "(the machine is down)".to_owned())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.journal());
        }
        let _ = self.machine.kill();
        let _ = self.machine.wait();
        // Its processes are killed with it; their control groups are empty a moment later.
        let _ = Command::new("sh")
            .args([
                "-c",
                r#"for i in 1 2 3 4 5 6 7 8 9 10; do
                found=$(find /sys/fs/cgroup -depth -type d -path "*/$0*" 2>/dev/null)
                [ -n "$found" ] || exit 0
                echo "$found" | xargs rmdir 2>/dev/null && exit 0
                sleep 0.1
            done"#,
                &self.name,
            ])
            .status();
    }
}
