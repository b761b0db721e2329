//! freezerd on a machine with systemd: installed, enabled, restarted, upgraded, killed, rebooted, while backups run.
//!
//! Each test boots a small Debian of its own ([`node`]; up.sh makes it, boot.sh boots it), whose agents are shell
//! scripts. It takes root. Nothing here sleeps for a guess: tests wait for what they see on the machine.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed; the lints' own exception does not reach what tests call"
)]

mod booted_crashes;
mod booted_journal;
mod booted_life;
mod booted_limits;
mod booted_secrets;
mod booted_upgrade;
mod booted_user;
mod node;
mod until;
mod work;
