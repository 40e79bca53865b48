//! Decides who is shown which ad. Pure: [`crate::store`] does the reading and writing.

use std::time::Duration;

use jiff::tz::TimeZone;
use rand::{Rng, RngExt};

use crate::store::AdRow;
use tebdil_protocol::{Placement, domain::Locale, id::AdId, time::Timestamp};

/// How often ads may be shown, and where a day begins.
#[derive(Debug, Clone)]
pub struct AdRules {
    /// Least time between two ads for a user; zero for none.
    pub min_interval: Duration,
    /// Whether premium users may be shown ads whose target group names them.
    pub premium: bool,
    /// Daily caps count days in this zone.
    pub zone: TimeZone,
}

/// An ad that was shown to a user.
#[derive(Debug, Clone, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct ShownAd {
    pub ad_id: AdId,
    /// Local day, `YYYY-MM-DD`.
    pub day: String,
    pub served_at: Timestamp,
}

/// Who would see an ad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub is_premium: bool,
    pub is_banned: bool,
    pub locale: Locale,
    /// At least those of the last day and of the last [`AdRules::min_interval`].
    pub shown: Vec<ShownAd>,
}

impl Viewer {
    /// How far back [`Viewer::shown`] has to reach: a day is 25 hours long when summer time ends.
    pub const SHOWN_FOR: Duration = Duration::from_hours(26);

    /// Whether the user may be shown an ad at all. After a clock was set back, not until the time
    /// of the last one has come again.
    fn sees_ads(&self, rules: &AdRules, now: Timestamp) -> bool {
        !self.is_banned
            && self
                .shown
                .iter()
                .all(|shown| now.since(shown.served_at) >= rules.min_interval)
    }

    /// Times `ad` was shown on `day`.
    fn times(&self, ad: AdId, day: &str) -> i64 {
        i64::try_from(
            self.shown
                .iter()
                .filter(|shown| shown.ad_id == ad && shown.day == day)
                .count(),
        )
        .unwrap_or(i64::MAX)
    }

    /// Whether the user may be shown this ad.
    pub fn may_see(&self, ad: &AdRow, rules: &AdRules, now: Timestamp) -> bool {
        let set = &ad.settings;
        let spared =
            self.is_premium && !(rules.premium && set.target_group.premium() == Some(true));
        ad.is_running(now)
            && !spared
            && set.target_group.includes(self.is_premium, self.locale)
            && self.sees_ads(rules, now)
            && self.times(ad.id, &now.local_day(&rules.zone)) < set.daily_cap
    }

    /// The next of `ads` for this user at `placement`: the one shown least today relative to its
    /// weight; among equals a draw by weight.
    pub fn next_of<'a>(
        &self,
        ads: &'a [AdRow],
        placement: &Placement,
        rules: &AdRules,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> Option<&'a AdRow> {
        let day = now.local_day(&rules.zone);
        let there = ads
            .iter()
            .filter(|ad| ad.settings.placement == *placement && self.may_see(ad, rules, now));
        let counted: Vec<(&AdRow, i64)> = there.map(|ad| (ad, self.times(ad.id, &day))).collect();
        // Times over weight, compared without dividing; both are small.
        let before = |(a, of_a): &(&AdRow, i64), (b, of_b): &(&AdRow, i64)| {
            (of_a * b.settings.weight).cmp(&(of_b * a.settings.weight))
        };
        let least = *counted.iter().min_by(|a, b| before(a, b))?;
        let equal: Vec<&AdRow> = counted
            .iter()
            .filter(|one| before(one, &least).is_eq())
            .map(|(ad, _)| *ad)
            .collect();
        let mut drawn = rng.random_range(
            0..equal
                .iter()
                .map(|ad| ad.settings.weight)
                .sum::<i64>()
                .max(1),
        );
        equal.into_iter().find(|ad| {
            drawn -= ad.settings.weight;
            drawn < 0
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use tebdil_protocol::TargetGroup;

    use super::*;
    use tebdil_protocol::AdSettings;

    const NOON: Timestamp = Timestamp::from_millis(1_795_251_600_000);

    fn rules() -> AdRules {
        AdRules {
            min_interval: Duration::from_mins(2),
            premium: false,
            zone: TimeZone::get("Europe/Istanbul").expect("bundled"),
        }
    }

    fn ad(id: i64, change: impl FnOnce(&mut AdSettings)) -> AdRow {
        let mut settings = AdSettings::new("t", "c");
        change(&mut settings);
        AdRow {
            id: AdId(id),
            settings,
            served: 0,
            views: 0,
            clicks: 0,
            created_at: NOON,
            updated_at: NOON,
        }
    }

    fn viewer() -> Viewer {
        Viewer {
            is_premium: false,
            is_banned: false,
            locale: Locale::Tr,
            shown: Vec::new(),
        }
    }

    fn next(viewer: &Viewer, ads: &[AdRow], now: Timestamp, seed: u64) -> Option<AdId> {
        viewer
            .next_of(
                ads,
                &Placement::match_end(),
                &rules(),
                now,
                &mut StdRng::seed_from_u64(seed),
            )
            .map(|ad| ad.id)
    }

    #[test]
    fn targets_choose_their_viewers() {
        let seen_by = |text: &str, premium: bool, locale: Locale| {
            let target: TargetGroup = text.parse().expect(text);
            target.includes(premium, locale)
        };
        let all = [
            (false, Locale::Tr),
            (false, Locale::En),
            (true, Locale::Tr),
            (true, Locale::En),
        ];
        let who = |text: &str| all.map(|(premium, locale)| seen_by(text, premium, locale));
        assert_eq!(who("all"), [true; 4]);
        assert_eq!(who("free"), [true, true, false, false]);
        assert_eq!(who("premium"), [false, false, true, true]);
        assert_eq!(who("locale:en"), [false, true, false, true]);
        assert_eq!(who("free,locale:tr"), [true, false, false, false]);
    }

    #[test]
    fn nothing_is_shown_outside_its_time_place_or_circle() {
        let shows =
            |change: fn(&mut AdSettings)| next(&viewer(), &[ad(1, change)], NOON, 1).is_some();
        assert!(shows(|_| {}));
        assert!(!shows(|ad| ad.active = false));
        assert!(shows(|ad| ad.starts_at = Some(NOON)));
        assert!(!shows(
            |ad| ad.starts_at = Some(NOON + Duration::from_millis(1))
        ));
        assert!(!shows(|ad| ad.ends_at = Some(NOON)));
        assert!(shows(
            |ad| ad.ends_at = Some(NOON + Duration::from_millis(1))
        ));
        assert!(!shows(
            |ad| ad.placement = Placement::try_from("home".to_owned()).expect("plain")
        ));
        assert!(!shows(
            |ad| ad.target_group = "locale:en".parse().expect("known")
        ));
        for target in ["all", "premium"] {
            let ad = ad(1, |ad| ad.target_group = target.parse().expect("known"));
            assert_eq!(
                next(
                    &Viewer {
                        is_premium: true,
                        ..viewer()
                    },
                    std::slice::from_ref(&ad),
                    NOON,
                    1
                ),
                None,
                "premium sees none"
            );
            assert_eq!(
                next(
                    &Viewer {
                        is_banned: true,
                        ..viewer()
                    },
                    &[ad],
                    NOON,
                    1
                ),
                None
            );
        }
    }

    #[test]
    fn premium_is_shown_what_names_it_where_that_is_allowed() {
        let allowed = AdRules {
            premium: true,
            ..rules()
        };
        let shown = |target: &str, is_premium: bool, rules: &AdRules| {
            Viewer {
                is_premium,
                ..viewer()
            }
            .may_see(
                &ad(1, |ad| ad.target_group = target.parse().expect("known")),
                rules,
                NOON,
            )
        };
        for target in ["premium", "premium,locale:tr"] {
            assert!(
                shown(target, true, &allowed)
                    && !shown(target, true, &rules())
                    && !shown(target, false, &allowed),
                "{target}"
            );
        }
        for target in ["all", "locale:tr", "free"] {
            assert!(
                !shown(target, true, &allowed) && shown(target, false, &allowed),
                "{target}: no promise is broken by the setting"
            );
        }
    }

    #[test]
    fn ads_keep_their_distance_and_their_cap() {
        let ads = [ad(1, |ad| ad.daily_cap = 2)];
        let mut viewer = viewer();
        let mut now = NOON;
        let show = |viewer: &mut Viewer, now: Timestamp| {
            let id = next(viewer, &ads, now, 1);
            viewer.shown.extend(id.map(|ad_id| ShownAd {
                ad_id,
                day: now.local_day(&rules().zone),
                served_at: now,
            }));
            id.is_some()
        };
        assert!(show(&mut viewer, now));
        now = now + Duration::from_secs(119);
        assert!(!show(&mut viewer, now), "too soon");
        assert!(
            !show(&mut viewer, NOON - Duration::from_hours(1)),
            "a clock set back"
        );
        now = now + Duration::from_secs(1);
        assert!(show(&mut viewer, now));
        now = now + Duration::from_hours(11);
        assert!(!show(&mut viewer, now), "still the same day");
        now = now + Duration::from_hours(1);
        assert!(show(&mut viewer, now), "the next day");
    }

    proptest! {
        /// Over a day every ad is shown in proportion to its weight, and the same draws give the
        /// same ads.
        #[test]
        fn turns_follow_the_weights(weights in prop::collection::vec(1_i64..6, 1..5), seed: u64) {
            let ads: Vec<AdRow> = (1..).zip(&weights).map(|(id, weight)| ad(id, |ad| (ad.weight, ad.daily_cap) = (*weight, 1000))).collect();
            let rules = AdRules { min_interval: Duration::ZERO, ..rules() };
            let day = |seed| {
                let (mut viewer, mut rng) = (viewer(), StdRng::seed_from_u64(seed));
                let mut times = BTreeMap::<AdId, i64>::new();
                for _ in 0..weights.iter().sum::<i64>() * 3 {
                    let ad_id = viewer.next_of(&ads, &Placement::match_end(), &rules, NOON, &mut rng).expect("an ad").id;
                    *times.entry(ad_id).or_default() += 1;
                    let day = NOON.local_day(&rules.zone);
                    viewer.shown.push(ShownAd { ad_id, day, served_at: NOON });
                }
                (times, viewer.shown)
            };
            let (times, shown) = day(seed);
            for ad in &ads {
                prop_assert_eq!(times[&ad.id], ad.settings.weight * 3);
            }
            prop_assert_eq!(day(seed).1, shown);
        }
    }
}
