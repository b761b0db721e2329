//! The addresses of jobs, clients, backups and sessions, from whatever form of the API's address we were given.

use reqwest::Url;

use super::error::ApiError;
use super::keystone::base_url;

/// Where the API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Up to and including the version.
    base: Url,
    /// The project segment after it.
    project: String,
    /// The project segment was given with the address and is not our project: it stays as it is.
    fixed: bool,
}

impl Endpoint {
    /// From an address with or without a trailing `/`, `/v2`, or `/v2/{project_id}`. `setting`: whose
    /// address it is, for errors.
    pub fn new(setting: &'static str, text: &str, project: &str) -> Result<Self, ApiError> {
        let mut base = base_url(setting, text)?;
        let segments: Vec<String> = base
            .path_segments()
            .map(|segments| {
                segments
                    .filter(|segment| !segment.is_empty())
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default();
        let version = segments.iter().position(|segment| segment == "v2");
        let given = match version.map(|at| (at, segments.get(at + 1..).unwrap_or_default())) {
            None | Some((_, [])) => None,
            Some((_, [given])) => Some(given.clone()),
            Some((_, _)) => {
                return Err(ApiError::Setting {
                    setting,
                    message: format!("{base} goes beyond /v2/{{project_id}}: leave out what follows it"),
                });
            }
        };
        if let Ok(mut path) = base.path_segments_mut() {
            path.clear();
            let prefix = version.and_then(|at| segments.get(..at)).unwrap_or(&segments);
            path.extend(prefix);
            path.push("v2");
        }
        let fixed = given.as_deref().is_some_and(|given| given != project);
        Ok(Self {
            base,
            project: given.unwrap_or_else(|| project.to_owned()),
            fixed,
        })
    }

    /// The same API for a token of another project than the address was given for.
    pub fn moved_to(self, project: &str) -> Self {
        Self {
            base: self.base,
            project: project.to_owned(),
            fixed: false,
        }
    }

    /// Whether everybody on the way can read what is sent there.
    pub fn is_in_clear(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        self.base.scheme() == "http" && !here
    }

    /// The collection of jobs.
    pub fn jobs(&self) -> Url {
        self.below(&self.project, &["jobs"])
    }

    /// The collection of clients.
    pub fn clients(&self) -> Url {
        self.below(&self.project, &["clients"])
    }

    /// One job, in our project, or in `project` where the address lets us choose.
    pub fn job(&self, id: &str, project: Option<&str>) -> Result<Url, ApiError> {
        if !is_segment(id) {
            return Err(ApiError::JobId { id: id.to_owned() });
        }
        Ok(self.below(self.within(project), &["jobs", id]))
    }

    /// Where one job is sent events, likewise.
    pub fn events(&self, id: &str, project: Option<&str>) -> Result<Url, ApiError> {
        if !is_segment(id) {
            return Err(ApiError::JobId { id: id.to_owned() });
        }
        Ok(self.below(self.within(project), &["jobs", id, "event"]))
    }

    /// The collection of backups, in our project, or in `project` where the address lets us choose.
    pub fn backups(&self, project: Option<&str>) -> Url {
        self.below(self.within(project), &["backups"])
    }

    /// One backup, likewise.
    pub fn backup(&self, id: &str, project: Option<&str>) -> Result<Url, ApiError> {
        if !is_segment(id) {
            return Err(ApiError::BackupId { id: id.to_owned() });
        }
        Ok(self.below(self.within(project), &["backups", id]))
    }

    /// One session, in our project, or in `project` where the address lets us choose; or what is below it.
    pub fn session(&self, id: &str, below: &[&str], project: Option<&str>) -> Result<Url, ApiError> {
        if !is_segment(id) {
            return Err(ApiError::SessionId { id: id.to_owned() });
        }
        let path: Vec<&str> = ["sessions", id].iter().chain(below).copied().collect();
        Ok(self.below(self.within(project), &path))
    }

    fn within<'a>(&'a self, project: Option<&'a str>) -> &'a str {
        project
            .filter(|project| !self.fixed && is_segment(project))
            .unwrap_or(&self.project)
    }

    fn below(&self, project: &str, rest: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(project).extend(rest);
        }
        url
    }
}

/// Whether a text can be one segment of a path, once percent-encoded. Dots mean something there, and
/// encoding does not change that. Line breaks and tabs are not encoded but dropped (that is how addresses are read),
/// so that dots with one between them would climb all the same, and two ids become one: no control characters.
pub(super) fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(text: &str) -> String {
        Endpoint::new("backup_url", text, "p1")
            .unwrap()
            .jobs()
            .to_string()
    }

    #[test]
    fn every_form_of_the_address_leads_to_the_jobs() {
        for text in [
            "http://api:9090",
            "http://api:9090/",
            "http://api:9090/v2",
            "http://api:9090/v2/",
            "http://api:9090/v2/p1",
            "http://api:9090//v2/p1//",
            " http://api:9090/v2/p1 ",
        ] {
            assert_eq!(jobs(text), "http://api:9090/v2/p1/jobs", "{text}");
        }
        assert_eq!(jobs("https://cloud/backup"), "https://cloud/backup/v2/p1/jobs");
        assert_eq!(
            jobs("https://cloud/backup/v2/"),
            "https://cloud/backup/v2/p1/jobs"
        );
        assert_eq!(jobs("https://cloud/v2/other"), "https://cloud/v2/other/jobs");
    }

    #[test]
    fn ids_are_encoded_and_may_not_climb() {
        let endpoint = Endpoint::new("backup_url", "http://api/x", "p1").unwrap();
        let job = |id: &str, project| endpoint.job(id, project).map(|url| url.path().to_owned());
        assert_eq!(
            job("a b/../c?d#e%2f", None).unwrap(),
            "/x/v2/p1/jobs/a%20b%2F..%2Fc%3Fd%23e%252f"
        );
        assert_eq!(job("j", Some("p2")).unwrap(), "/x/v2/p2/jobs/j");
        let backup = |id: &str| endpoint.backup(id, Some("p2"));
        assert_eq!(backup("b/1").unwrap().path(), "/x/v2/p2/backups/b%2F1");
        assert!(matches!(backup(".."), Err(ApiError::BackupId { .. })));
        assert_eq!(endpoint.backups(None).path(), "/x/v2/p1/backups");
        assert_eq!(job("j", Some("..")).unwrap(), "/x/v2/p1/jobs/j");
        let session = |id: &str| endpoint.session(id, &["action"], Some("p2"));
        assert_eq!(session("s/1").unwrap().path(), "/x/v2/p2/sessions/s%2F1/action");
        assert!(matches!(session("."), Err(ApiError::SessionId { .. })));
        for id in ["", ".", ".."] {
            assert!(matches!(job(id, None), Err(ApiError::JobId { .. })), "{id:?}");
        }
        // Encoded dots are dots to some servers; the percent sign is encoded once more.
        assert_eq!(job("%2e%2e", None).unwrap(), "/x/v2/p1/jobs/%252e%252e");
    }

    #[test]
    fn dots_with_a_dropped_character_between_them_do_not_climb() {
        let endpoint = Endpoint::new("backup_url", "http://api/x", "p1").unwrap();
        for id in [".\t.", ".\n.", "\r..", "..\t", "\t", "a\nb", "a\0"] {
            assert!(endpoint.job(id, None).is_err(), "{id:?}");
            assert!(endpoint.events(id, None).is_err(), "{id:?}");
            assert!(endpoint.backup(id, None).is_err(), "{id:?}");
            assert!(endpoint.session(id, &["action"], None).is_err(), "{id:?}");
            let elsewhere = endpoint.job("j", Some(id)).unwrap();
            assert_eq!(elsewhere.path(), "/x/v2/p1/jobs/j", "{id:?}");
        }
    }

    #[test]
    fn a_project_that_came_with_the_address_stays() {
        let endpoint = Endpoint::new("backup_url", "http://api/v2/other", "p1").unwrap();
        assert_eq!(endpoint.job("j", Some("p2")).unwrap().path(), "/v2/other/jobs/j");
        let moved = endpoint.moved_to("p3");
        assert_eq!(moved.job("j", None).unwrap().path(), "/v2/p3/jobs/j");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_showing_a_password() {
        for text in [
            "",
            "api:9090",
            "ftp://api",
            "http://",
            "http://u:s3cr3t@api",
            "http://api?x=1",
            "http://api/v2/p/jobs",
        ] {
            let error = Endpoint::new("backup_url", text, "p1").unwrap_err().to_string();
            assert!(
                error.starts_with("backup_url: ") && !error.contains("s3cr3t"),
                "{text}: {error}"
            );
        }
    }
}
