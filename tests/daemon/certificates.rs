//! An API that cannot prove who it is: it is named, it gets no request, and what is due runs all the same.

use crate::bed::now;
use crate::certificate::file;
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::punctual::{Watch, often};
use crate::until::{until, until_is};

#[test]
fn an_api_with_a_bad_certificate_gets_no_token_and_holds_up_nobody() {
    // What it cannot report keeps it from ending for so long.
    let (mut cloud, mut bed) = Cloud::new("dispatch = { stop_grace = '1s' }");
    let address = cloud.address();
    let url = format!("https://{address}");
    cloud.present("signed");
    cloud.lead_to(&url);
    for (name, value) in [
        ("OS_AUTH_URL", url.clone()),
        ("OS_CACERT", file("ca.pem").display().to_string()),
    ] {
        bed.environment.insert(name.to_owned(), value);
    }
    cloud.put(&often());
    let daemon = Daemon::start(&bed);
    until_is("it runs", &true, || !bed.diary_of("often").is_empty());
    let watch = Watch::over(&bed);
    let goes_on = |from, said: &str, before: usize| {
        until("it is said", || {
            let lines = daemon.said("no listing: ");
            lines.into_iter().skip(before).find(|line| line.contains(said))
        });
        let ran = bed.diary_of("often").len();
        until_is("it runs all the same", &true, || {
            bed.diary_of("often").len() > ran
        });
        watch.punctual_since(from);
    };

    // It has a token, and would send it.
    for (certificate, said) in [
        ("expired", "the certificate has expired"),
        ("early", "the certificate is not valid yet"),
        ("itself", "the server shows an authority's certificate as its own"),
    ] {
        let (from, before) = (now(), daemon.said("no listing: ").len());
        cloud.present(certificate);
        goes_on(from, said, before);
        let seen = cloud.seen();
        assert!(seen.is_empty(), "{certificate}: {seen:?}");
    }

    let twice = daemon.said("rustls");
    assert!(twice.is_empty(), "said in other words, too: {twice:?}");

    // It proves itself again, and hears of what was done meanwhile.
    let told = cloud.patches("often").len();
    cloud.present("signed");
    daemon.await_listing();
    until_is("it is told", &true, || cloud.patches("often").len() > told);

    // Keystone is who it says; the API that it leads to is not.
    let (from, before) = (now(), daemon.said("no listing: ").len());
    let known = cloud.tokens_given();
    cloud.lead_to(&format!("https://localhost:{}", address.port()));
    cloud.expire_tokens();
    goes_on(from, "the certificate is for another name", before);
    assert!(cloud.tokens_given() > known, "there is a token to be sent");
    let with_new_token = |token: &str| {
        let number = token
            .strip_prefix("token-")
            .and_then(|number| number.parse().ok());
        number.is_some_and(|number: usize| number > known)
    };
    let seen = cloud.seen();
    assert!(!seen.iter().any(|seen| with_new_token(seen.token())), "{seen:?}");
    assert!(daemon.stop().success());
}
