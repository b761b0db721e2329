mod deletions;

use crate::freezer::{ApiError, rest};

use super::{Duration, LONGEST_PAUSE, Next, Pauses, Round};

#[test]
fn an_api_that_asks_for_no_pause_gets_one() {
    let pause = Duration::from_secs(8);
    assert_eq!(rest(None, pause, LONGEST_PAUSE), pause);
    assert_eq!(rest(Some(Duration::ZERO), pause, LONGEST_PAUSE), pause);
    assert_eq!(
        rest(Some(Duration::from_secs(20)), pause, LONGEST_PAUSE),
        Duration::from_secs(20)
    );
    assert_eq!(
        rest(Some(Duration::from_secs(7200)), pause, LONGEST_PAUSE),
        LONGEST_PAUSE
    );
}

/// 5xx, as of an API that is overloaded, or that stumbles over what it was given.
fn stumbles() -> ApiError {
    ApiError::Timeout {
        at: "POST /v2".to_owned(),
        cause: "no end".to_owned(),
    }
}

/// Each further try would be one more wrong password at Keystone, for all reports that wait, every second.
#[test]
fn where_our_own_account_or_address_is_wrong_no_other_fares_better() {
    let at = || "POST /v3/auth/tokens".to_owned();
    let wrong = [
        ApiError::Auth {
            at: at(),
            said: String::new(),
            hint: "",
        },
        ApiError::Tls {
            at: at(),
            cause: String::new(),
            hint: "",
        },
        ApiError::Redirected {
            at: at(),
            status: 302,
            to: String::new(),
        },
        ApiError::Catalog {
            message: String::new(),
        },
        ApiError::Setting {
            setting: "auth_url",
            message: String::new(),
        },
    ];
    for error in wrong {
        let mut round = Round::Empty;
        assert!(round.heard(Err(error.clone())), "{error:?}");
        assert_eq!(
            round,
            Round::Failed {
                after: None,
                away: true
            },
            "{error:?}"
        );
    }
    // What is wrong with one plan is no other's affair.
    let trust = ApiError::Trust {
        at: at(),
        trust: "t1".to_owned(),
        status: 404,
        said: String::new(),
    };
    let mut round = Round::Empty;
    assert!(!round.heard(Err(trust)));
    assert_eq!(
        round,
        Round::Failed {
            after: None,
            away: false
        }
    );
}

#[test]
fn one_that_is_never_taken_is_no_proof_that_the_api_is_away() {
    let mut round = Round::Empty;
    assert!(round.heard(Err(stumbles())), "the others wait");
    assert_eq!(
        round,
        Round::Failed {
            after: None,
            away: true
        }
    );
    let mut round = Round::Empty;
    assert!(!round.heard(Ok(())));
    assert!(round.heard(Err(stumbles())));
    assert_eq!(
        round,
        Round::Failed {
            after: None,
            away: false
        }
    );
}

#[test]
fn a_pause_doubles_each_time_it_was_waited_for_up_to_a_minute() {
    let mut pauses = Pauses::default();
    let failed = |away| Round::Failed { after: None, away };
    let mut waits = |round: &Round| match pauses.after(round) {
        Next::Later { pause, or_new } => {
            pauses.waited();
            (pause.as_secs(), or_new)
        }
        other => panic!("{other:?}"),
    };
    let long: Vec<u64> = (0..8).map(|_| waits(&failed(true)).0).collect();
    assert_eq!(long, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(waits(&failed(false)), (60, true), "what is new need not wait");
    assert_eq!(pauses.after(&Round::Empty), Next::New);
    let later = |seconds| Next::Later {
        pause: Duration::from_secs(seconds),
        or_new: false,
    };
    assert_eq!(pauses.after(&failed(true)), later(60));
    // Cut short by what is new it is as long the next time.
    assert_eq!(pauses.after(&Round::UNREAD), later(60));
    assert_eq!(pauses.after(&Round::Taken), Next::Now);
    assert_eq!(pauses.after(&failed(true)), later(1));
    pauses.waited();
    pauses.hurry();
    assert_eq!(pauses.after(&failed(true)), later(1));
    let after = Some(Duration::from_secs(20));
    assert_eq!(pauses.after(&Round::Failed { after, away: true }), later(20));
}
