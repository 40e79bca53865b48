//! Key packages, and the Welcomes that are made of them.

use super::*;

#[test]
fn a_welcome_works_once_and_only_for_its_device() {
    let (mut ada, mut bora, mut eve) = (device(), device(), device());
    let package = bora.key_packages(1).expect("package").remove(0);
    let welcome = ada.create(offerer_side(MATCH), &package).expect("create");
    assert!(matches!(
        eve.join(answerer_side(MATCH), &welcome),
        Err(MlsError::Welcome(_))
    ));
    assert!(matches!(
        bora.join(answerer_side(MATCH), &welcome[..welcome.len() - 1]),
        Err(MlsError::Welcome(_))
    ));
    assert!(
        matches!(
            bora.join(answerer_side(MATCH), &package),
            Err(MlsError::Welcome(_))
        ),
        "a key package is no welcome"
    );
    bora.join(answerer_side(MATCH), &welcome).expect("join");
    assert_eq!(
        bora.join(answerer_side(MATCH), &welcome),
        Err(MlsError::SessionExists)
    );
    assert!(
        matches!(
            bora.join(answerer_side(MatchId(42)), &welcome),
            Err(MlsError::Welcome(_))
        ),
        "one-time means once"
    );
    assert_eq!(
        ada.create(offerer_side(MATCH), &package),
        Err(MlsError::SessionExists)
    );
}

#[test]
fn a_last_resort_package_serves_twice() {
    let (mut ada, mut bora) = (device(), device());
    assert!(bora.needs_last_resort());
    let package = bora.last_resort_package().expect("package");
    assert!(!bora.needs_last_resort());
    for match_id in [MatchId(1), MatchId(2)] {
        let welcome = ada
            .create(offerer_side(match_id), &package)
            .expect("create");
        bora.join(answerer_side(match_id), &welcome).expect("join");
    }
    assert_ne!(ada.safety_number(MatchId(1)), ada.safety_number(MatchId(2)));
}

#[test]
fn key_packages_that_are_not_right_are_refused() {
    let (mut ada, mut bora) = (device(), device());
    let good = bora.key_packages(1).expect("package").remove(0);
    for at in (0..good.len()).step_by(5) {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(
            matches!(
                ada.create(offerer_side(MATCH), &changed),
                Err(MlsError::KeyPackage(_))
            ),
            "byte {at}"
        );
    }
    for junk in [&b""[..], b"junk", &good[..20]] {
        assert!(matches!(
            ada.create(offerer_side(MATCH), junk),
            Err(MlsError::KeyPackage(_))
        ));
    }
    let own = ada.key_packages(1).expect("package").remove(0);
    assert!(
        ada.create(offerer_side(MATCH), &own).is_err(),
        "a group with oneself"
    );
    assert!(!ada.has_session(MATCH), "nothing is left of the attempts");
    ada.create(offerer_side(MATCH), &good)
        .expect("the good one");
}

#[test]
fn lifetimes_are_checked_on_both_sides() {
    let now = Clock::system(0).now();
    let days = |n: u64| std::time::Duration::from_secs(n * 86_400);
    let mut bora = device();
    // A device whose clock is far ahead makes packages that are not valid yet, one far behind
    // expired ones.
    for clock in [Clock::manual(now + days(3)), Clock::manual(now - days(29))] {
        let package = Device::new(clock)
            .expect("device")
            .key_packages(1)
            .expect("package")
            .remove(0);
        assert!(matches!(
            bora.create(offerer_side(MATCH), &package),
            Err(MlsError::KeyPackage(_))
        ));
    }
    let long = bora.package_with_lifetime(days(29));
    assert_eq!(
        device().create(offerer_side(MATCH), &long),
        Err(MlsError::KeyPackage("valid for more than 28 days"))
    );

    // The answerer's side: a package whose time is over does not join any more, whatever the
    // offerer thought.
    let clock = Clock::manual(now);
    let mut late = Device::new(clock.clone()).expect("device");
    let package = late.key_packages(1).expect("package").remove(0);
    let welcome = device()
        .create(offerer_side(MATCH), &package)
        .expect("create");
    clock.advance(days(28));
    assert!(matches!(
        late.join(answerer_side(MATCH), &welcome),
        Err(MlsError::Welcome(_))
    ));
}
