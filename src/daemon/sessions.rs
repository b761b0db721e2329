//! Sessions: the API is asked whether a run may start with its session. (`session_ends` tells it how it ended.)

use crate::freezer::Api;
use crate::planner::{SessionAnswer, SessionAsk};

use super::session_ends::{Turns, tell};
use super::waiting::Waiting;

/// Asks. An end of the plan's last run that still waits goes first: told after the new start, it would end that.
pub async fn ask<W: Waiting>(waiting: &W, api: &Api, turns: &Turns, ask: &SessionAsk) -> SessionAnswer {
    let _turn = turns.take(&ask.job).await;
    let (run, session) = (&ask.run, ask.session.as_str());
    let answer = match before(waiting, api, ask).await {
        Ok(()) => match waiting.trust(&ask.job) {
            Ok(trust) => api
                .start_session(ask, trust.as_ref())
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => {
            tracing::debug!(%run, session, tag = ask.tag, ?answer, "its session was asked");
            answer
        }
        Err(error) => {
            tracing::warn!(%run, session, "its session could not be asked: {error}");
            SessionAnswer::Unreachable { error }
        }
    }
}

async fn before<W: Waiting>(waiting: &W, api: &Api, ask: &SessionAsk) -> Result<(), String> {
    let pending = waiting.session_ends_of(&ask.job);
    for end in pending.map_err(|error| error.to_string())? {
        let told = tell(waiting, api, &end).await;
        told.map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
