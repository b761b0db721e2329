//! Talking to systemd over the system bus. The connection is made when it is needed, and again when it is lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_core::Stream;
use tokio::sync::{Mutex, watch};
use zbus::{Connection, DynamicType, MatchRule, Message, MessageStream, OwnedVariant, fdo};

use super::unit::{self, Property};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: (&str, &str) = ("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager");
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// systemd answers nobody while it reads all its units again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why systemd did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BusError {
    /// There is a unit of this name.
    #[error("there is a unit of this name")]
    Exists,
    /// There is none.
    #[error("there is no such unit")]
    NoSuchUnit,
    /// The machine is about to go down: what is to be stopped cannot be started.
    #[error("the system is going down")]
    GoingDown,
    /// We may not; or nobody is there who could allow it: while polkitd restarts, systemd says the same.
    #[error("{0}")]
    Denied(String),
    /// It, or the bus, is not there at present; trying again may help.
    #[error("{0}")]
    Away(String),
    /// It will not, and says why.
    #[error("{0}")]
    Refused(String),
}

impl BusError {
    /// Whether trying again may help.
    pub(super) const fn may_pass(&self) -> bool {
        self.is_absence() || matches!(self, Self::Denied(_))
    }

    /// Whether it or the bus is away: then there is nothing wrong with what was asked, however long that lasts.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self, Self::Away(_) | Self::GoingDown)
    }

    /// It was tried for so long.
    pub(super) fn after(self, patience: Duration) -> Self {
        match self {
            Self::Denied(why) => {
                let seconds = patience.as_secs();
                Self::Denied(format!(
                    "{why} (tried for {seconds} s: is polkitd running, and does 50-freezerd.rules name this user?)"
                ))
            }
            other => other,
        }
    }
}

impl From<zbus::Error> for BusError {
    fn from(error: zbus::Error) -> Self {
        let text = error.to_string();
        match error {
            zbus::Error::MethodError(name, ..) => {
                match name.as_str().strip_prefix("org.freedesktop.systemd1.") {
                    Some("UnitExists") => Self::Exists,
                    Some("NoSuchUnit") => Self::NoSuchUnit,
                    Some("TransactionIsDestructive" | "ShuttingDown") => Self::GoingDown,
                    _ => Self::Refused(text),
                }
            }
            zbus::Error::FDO(error) => match *error {
                fdo::Error::AccessDenied(_)
                | fdo::Error::AuthFailed(_)
                | fdo::Error::InteractiveAuthorizationRequired(_) => Self::Denied(text),
                fdo::Error::ServiceUnknown(_)
                | fdo::Error::NameHasNoOwner(_)
                | fdo::Error::NoReply(_)
                | fdo::Error::Disconnected(_)
                | fdo::Error::Timeout(_)
                | fdo::Error::TimedOut(_)
                | fdo::Error::NoServer(_)
                | fdo::Error::LimitsExceeded(_) => Self::Away(text),
                _ => Self::Refused(text),
            },
            _ => Self::Away(text),
        }
    }
}

/// How a unit ended, as systemd remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitEnd {
    /// `success`, `exit-code`, `signal`, `timeout`, `oom-kill` ...; `success` also of a unit it does not know (any more).
    pub(super) result: String,
    /// The exit code of its main process, if it ended with one.
    pub(super) code: Option<i32>,
    /// The signal that ended its main process, if one did.
    pub(super) signal: Option<i32>,
    /// When.
    pub(super) at: Option<DateTime<Utc>>,
}

/// The way to systemd.
#[derive(Debug, Default)]
pub(super) struct Bus(Mutex<Option<Connection>>);

impl Bus {
    async fn connection(&self) -> Result<Connection, BusError> {
        let mut held = self.0.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        // The limit of the builder is for calls: a bus that takes the connection and says nothing would hold up all runs.
        let connecting = zbus::connection::Builder::system()
            .method_timeout(PATIENCE)
            .build();
        let connection = tokio::time::timeout(PATIENCE, connecting).await.map_err(|_| {
            BusError::Away(format!(
                "the system bus says nothing for {} s",
                PATIENCE.as_secs()
            ))
        })??;
        // Else it sends no signals.
        call(&connection, MANAGER, "Subscribe", &()).await?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    async fn manager<B>(&self, method: &'static str, body: &B) -> Result<Message, BusError>
    where
        B: serde::Serialize + DynamicType,
    {
        call(&self.connection().await?, MANAGER, method, body).await
    }

    /// Its version, if it answers.
    pub(super) async fn version(&self) -> Result<String, BusError> {
        let connection = self.connection().await?;
        text(property(&connection, MANAGER.0, MANAGER.1, "Version").await?)
    }

    /// Has a unit made and started. If anything of this name is there, nothing happens.
    pub(super) async fn start(&self, name: &str, properties: &[Property]) -> Result<(), BusError> {
        let auxiliary: [(&str, Vec<Property>); 0] = [];
        self.manager("StartTransientUnit", &(name, "fail", properties, &auxiliary[..]))
            .await?;
        Ok(())
    }

    /// Lets it forget that a unit failed, and with that the unit.
    pub(super) async fn reset_failed(&self, name: &str) -> Result<(), BusError> {
        match self.manager("ResetFailedUnit", &(name,)).await {
            Ok(_) | Err(BusError::NoSuchUnit) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The names of units of runs that failed and were not forgotten.
    pub(super) async fn failed(&self) -> Result<Vec<String>, BusError> {
        // Name, description, load, active and sub state, follows, path, and the job's id, type and path.
        type Unit = (
            String,
            String,
            String,
            String,
            String,
            String,
            zbus::OwnedObjectPath,
            u32,
            String,
            zbus::OwnedObjectPath,
        );
        let body = (&["failed"][..], &[unit::PATTERN][..]);
        let reply = self.manager("ListUnitsByPatterns", &body).await?;
        let units: Vec<Unit> = reply.body().deserialize().map_err(BusError::from)?;
        Ok(units.into_iter().map(|unit| unit.0).collect())
    }

    /// Waits until a unit is over: nothing of it lives. Meanwhile it is told to stop as soon as `abort` says so.
    ///
    /// # Errors
    /// When systemd cannot be asked, or the connection is lost.
    pub(super) async fn until_over(
        &self,
        name: &str,
        abort: &mut watch::Receiver<bool>,
    ) -> Result<UnitEnd, BusError> {
        let connection = self.connection().await?;
        let path = unit::path(name);
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(SYSTEMD)
            .path(path.as_str())
            .interface(PROPERTIES)
            .member("PropertiesChanged")
            .build()?;
        let mut changes = std::pin::pin!(MessageStream::for_match_rule(rule, &connection, None).await?);
        let mut told = false;
        loop {
            if is_over(&connection, &path).await? {
                return end(&connection, &path).await;
            }
            tokio::select! {
                biased;
                true = wanted(abort), if !told => {
                    told = true;
                    match call(&connection, MANAGER, "StopUnit", &(name, "replace")).await {
                        Ok(_) | Err(BusError::NoSuchUnit) => {}
                        Err(error) => return Err(error),
                    }
                }
                change = std::future::poll_fn(|context| changes.as_mut().poll_next(context)) => match change {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => return Err(BusError::Away("the bus hung up".to_owned())),
                },
            }
        }
    }
}

/// Waits until it is to stop. `false`: nobody can say so any more.
async fn wanted(abort: &mut watch::Receiver<bool>) -> bool {
    abort.wait_for(|asked| *asked).await.is_ok()
}

/// Asked of the job first: one that is not there was carried out, so the state that is read then is what came of it.
async fn is_over(connection: &Connection, path: &str) -> Result<bool, BusError> {
    let job = property(connection, path, UNIT, "Job").await?;
    let (number, _): (u32, zbus::OwnedObjectPath) = job.try_into().map_err(BusError::from)?;
    if number != 0 {
        return Ok(false);
    }
    let state = text(property(connection, path, UNIT, "ActiveState").await?)?;
    Ok(matches!(state.as_str(), "inactive" | "failed"))
}

async fn end(connection: &Connection, path: &str) -> Result<UnitEnd, BusError> {
    // As waitid(2) has it: 1 exited, 2 killed, 3 dumped core.
    let how: i32 = number(property(connection, path, SERVICE, "ExecMainCode").await?)?;
    let status: i32 = number(property(connection, path, SERVICE, "ExecMainStatus").await?)?;
    let at: u64 = number(property(connection, path, UNIT, "InactiveEnterTimestamp").await?)?;
    let at = i64::try_from(at).ok().filter(|at| *at > 0);
    Ok(UnitEnd {
        result: text(property(connection, path, SERVICE, "Result").await?)?,
        code: (how == 1).then_some(status),
        signal: matches!(how, 2 | 3).then_some(status),
        at: at.and_then(DateTime::from_timestamp_micros),
    })
}

async fn property(
    connection: &Connection,
    path: &str,
    interface: &str,
    name: &str,
) -> Result<OwnedVariant, BusError> {
    let reply = call(connection, (path, PROPERTIES), "Get", &(interface, name)).await?;
    reply.body().deserialize::<OwnedVariant>().map_err(BusError::from)
}

fn text(value: OwnedVariant) -> Result<String, BusError> {
    value.try_into().map_err(BusError::from)
}

fn number<N>(value: OwnedVariant) -> Result<N, BusError>
where
    N: TryFrom<OwnedVariant, Error = zbus::Error>,
{
    value.try_into().map_err(BusError::from)
}

async fn call<B>(
    connection: &Connection,
    (path, interface): (&str, &str),
    method: &'static str,
    body: &B,
) -> Result<Message, BusError>
where
    B: serde::Serialize + DynamicType,
{
    connection
        .call_method(Some(SYSTEMD), path, Some(interface), method, body)
        .await
        .map_err(BusError::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zbus::fdo;

    use super::BusError;

    /// Under own-user.conf it is polkitd that allows a start; while that restarts, all are denied.
    #[test]
    fn who_denies_a_start_may_allow_it_in_a_moment() {
        let said = "Access denied".to_owned();
        for denied in [
            fdo::Error::AccessDenied(said.clone()),
            fdo::Error::InteractiveAuthorizationRequired(said.clone()),
        ] {
            let denied = BusError::from(zbus::Error::from(denied));
            assert!(denied.may_pass(), "{denied:?}");
            let told = denied.after(Duration::from_secs(120)).to_string();
            assert!(
                told.contains("Access denied") && told.contains("polkitd"),
                "{told}"
            );
            assert!(told.contains("120 s"), "{told}");
        }
        let away = BusError::Away(said.clone());
        assert!(away.may_pass() && BusError::GoingDown.may_pass());
        assert_eq!(away.clone().after(Duration::ZERO), away);
        for final_one in [BusError::Refused(said), BusError::Exists, BusError::NoSuchUnit] {
            assert!(!final_one.may_pass(), "{final_one:?}");
        }
    }
}
