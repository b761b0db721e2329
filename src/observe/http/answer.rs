//! What each path answers.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};

use super::State;
use crate::observe::metrics;

const TEXT: &str = "text/plain; charset=utf-8";

const INDEX: &str = concat!(
    "freezerd ",
    env!("CARGO_PKG_VERSION"),
    "\n\n\
     /metrics  OpenMetrics, for Prometheus\n\
     /healthz  200: the main loop answers\n\
     /readyz   200: it does its job; else 503 and why\n"
);

/// The answer to `request`; its body, if any, is not looked at.
pub(super) async fn to<B>(request: &Request<B>, state: &State) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD: this server only reads\n",
        );
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match request.uri().path() {
        "/" => text(StatusCode::OK, INDEX),
        "/metrics" => {
            // The main loop brings its gauges up to date when it is asked. If it does not answer, the last
            // ones are shown: /healthz is the place to say so.
            state.health.answers(state.limits.heartbeat_time).await;
            match state.metrics.encode() {
                Ok(all) => of(StatusCode::OK, metrics::CONTENT_TYPE, all),
                Err(_) => text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "a metric cannot be written as OpenMetrics\n",
                ),
            }
        }
        "/healthz" => {
            let within = state.limits.heartbeat_time;
            if state.health.answers(within).await {
                text(StatusCode::OK, "ok\n")
            } else {
                let body = format!("the main loop did not answer within {within:?}\n");
                text(StatusCode::SERVICE_UNAVAILABLE, body)
            }
        }
        "/readyz" => match state.health.obstacle() {
            None => text(StatusCode::OK, "ready\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
        },
        _ => text(
            StatusCode::NOT_FOUND,
            "nothing here; there are /metrics, /healthz and /readyz\n",
        ),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    of(status, TEXT, body)
}

fn of(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
