//! `[dispatch]`: how runs are started.

use std::time::Duration;

use super::{Check, DAY, HOUR, MINUTE, SECOND, at_least_one};
use crate::config::fragment::DispatchFragment;
use crate::config::length::Length;
use crate::config::settings::{CatchUp, Dispatch};
use crate::config::words::{Launcher, SessionRefused};

/// Bytes: what a supervisor keeps of one output at most (`launch::supervise` holds itself to it, whatever it is told).
const MOST_KEPT: u64 = 4 << 20;

impl Check<'_> {
    pub(super) fn dispatch(&mut self, dispatch: DispatchFragment) -> Dispatch {
        let kill_grace = self.length(
            "dispatch.kill_grace",
            dispatch.kill_grace,
            SECOND * 30,
            (Duration::ZERO, DAY),
        );
        let keep_output = dispatch.keep_output.unwrap_or(256 * 1024);
        if !(1024..=MOST_KEPT).contains(&keep_output) {
            self.refuse(
                "dispatch.keep_output",
                &format!("is a number of bytes between 1024 and {MOST_KEPT}"),
            );
        }
        Dispatch {
            agent: self.path("dispatch.agent", dispatch.agent, "/usr/bin/freezer-agent"),
            launcher: dispatch.launcher.unwrap_or(Launcher::Auto),
            max_concurrent: dispatch.max_concurrent.unwrap_or(at_least_one(4)),
            catch_up: self.catch_up(dispatch.catch_up),
            allow_exec: dispatch.allow_exec.unwrap_or(false),
            session_refused: dispatch.session_refused.unwrap_or(SessionRefused::Skip),
            session_wait: self.length(
                "dispatch.session_wait",
                dispatch.session_wait,
                MINUTE * 10,
                (Duration::ZERO, DAY),
            ),
            kill_grace,
            keep_output,
            start_grace: self.length(
                "dispatch.start_grace",
                dispatch.start_grace,
                SECOND * 10,
                (Duration::ZERO, HOUR),
            ),
            stop_grace: self.length(
                "dispatch.stop_grace",
                dispatch.stop_grace,
                SECOND * 20,
                (Duration::ZERO, HOUR),
            ),
            start_within: self.length(
                "dispatch.start_within",
                dispatch.start_within,
                HOUR,
                (SECOND, DAY * 7),
            ),
            run_limit: self.length(
                "dispatch.run_limit",
                dispatch.run_limit,
                DAY * 7,
                (SECOND, DAY * 366),
            ),
            limits: self.limits(&dispatch.limits),
        }
    }

    fn catch_up(&mut self, text: Option<String>) -> CatchUp {
        let Some(text) = text.filter(|text| text != "until-next") else {
            return CatchUp::UntilNext;
        };
        match Length::parse(&text) {
            Ok(Length(length)) => CatchUp::Within(length),
            Err(message) => {
                self.refuse("dispatch.catch_up", &format!("{message}; or \"until-next\""));
                CatchUp::UntilNext
            }
        }
    }
}
