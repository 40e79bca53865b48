//! The text of a notice in its reader's language. The sentences are in `locales/`, one file per
//! language.
//!
//! To add a text: a variant in [`Notice`], an arm in [`Texts::message`], its key in every file.

use jiff::tz::TimeZone;
use rust_i18n::t;
use tebdil_protocol::{domain::Locale, notice::Notice, time::Timestamp};

/// Writes texts. Times are in one zone, since users do not say where they are.
#[derive(Debug, Clone)]
pub struct Texts {
    zone: TimeZone,
}

impl Texts {
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// The sentence for a notice.
    pub fn message(&self, notice: &Notice, locale: Locale) -> String {
        let lang = locale.as_str();
        match notice {
            Notice::ClaimApproved { .. } => t!("claim_approved", locale = lang).into(),
            Notice::ClaimRejected { reason, .. } => {
                match sentence(&format!("claim_rejected.{reason}"), locale) {
                    Some(why) => t!("claim_rejected.because", locale = lang, why = why).into(),
                    None => t!("claim_rejected", locale = lang).into(),
                }
            }
            Notice::ReferralRewarded { rights } => counted("referral_rewarded", *rights, locale),
            Notice::WelcomeBonus { rights } => counted("welcome_bonus", *rights, locale),
            Notice::PremiumStarted { until, .. } => t!(
                "premium_started",
                locale = lang,
                until = self.moment(*until, locale)
            )
            .into(),
            Notice::PremiumEnded { .. } => t!("premium_ended", locale = lang).into(),
            Notice::MatchFound { .. } => t!("match_found", locale = lang).into(),
            Notice::PasswordReset {} => t!("password_reset", locale = lang).into(),
            Notice::NewDevice { name, platform } => of_device("new_device", name, platform, locale),
            Notice::StaffSignIn { name, platform } => {
                of_device("staff_sign_in", name, platform, locale)
            }
            Notice::Warned { reason } => {
                let key = format!("reported_for.{reason}");
                let what = t!(&key, locale = lang);
                t!("warned", locale = lang, what = what).into()
            }
            Notice::Renamed {} => t!("renamed", locale = lang).into(),
            Notice::ReportWaits { reason } => {
                let key = format!("reported_for.{reason}");
                let what = t!(&key, locale = lang);
                t!("report_waits", locale = lang, what = what).into()
            }
            Notice::QueueOld { hours } => counted("queue_old", *hours, locale),
            Notice::Banned { until: None } => t!("banned", locale = lang).into(),
            Notice::Banned { until: Some(until) } => t!(
                "banned.until",
                locale = lang,
                until = self.moment(*until, locale)
            )
            .into(),
            Notice::BanLifted {} => t!("ban_lifted", locale = lang).into(),
            Notice::AppealUpheld {} => t!("appeal_upheld", locale = lang).into(),
            Notice::ReportResolved { acted: true } => {
                t!("report_resolved.acted", locale = lang).into()
            }
            Notice::ReportResolved { acted: false } => {
                t!("report_resolved.dismissed", locale = lang).into()
            }
            Notice::Announcement { tr, en } => match locale {
                Locale::Tr => tr.clone(),
                Locale::En => en.clone(),
            },
            Notice::Ad { title, content, .. } => {
                t!("ad", locale = lang, title = title, content = content).into()
            }
        }
    }

    /// Day and time of day, e.g. `21 November 2026, 15:00`.
    fn moment(&self, at: Timestamp, locale: Locale) -> String {
        let local = jiff::Timestamp::from_millisecond(at.millis())
            .unwrap_or(jiff::Timestamp::MAX)
            .to_zoned(self.zone.clone());
        let month = format!("format.month.{}", local.month());
        let month = t!(&month, locale = locale.as_str());
        let time = format!("{:02}:{:02}", local.hour(), local.minute());
        t!(
            "format.moment",
            locale = locale.as_str(),
            day = local.day(),
            month = month,
            year = local.year(),
            time = time
        )
        .into()
    }
}

/// A sentence about a device, which may have given its name, or at least its platform.
fn of_device(key: &str, name: &str, platform: &str, locale: Locale) -> String {
    match [name, platform].into_iter().find(|word| !word.is_empty()) {
        Some(device) => t!(
            &format!("{key}.named"),
            locale = locale.as_str(),
            device = device
        )
        .into(),
        None => t!(key, locale = locale.as_str()).into(),
    }
}

/// The text with this key, if there is one.
fn sentence(key: &str, locale: Locale) -> Option<String> {
    let text = t!(key, locale = locale.as_str());
    (text != key).then(|| text.into())
}

/// A sentence with a count. Both languages have a singular and a plural.
fn counted(key: &str, count: i64, locale: Locale) -> String {
    let form = if count == 1 { "one" } else { "other" };
    t!(
        &format!("{key}.{form}"),
        locale = locale.as_str(),
        count = number(count, locale)
    )
    .into()
}

/// Digits in groups of three.
fn number(number: i64, locale: Locale) -> String {
    let group = t!("format.group", locale = locale.as_str());
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(&group);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use tebdil_protocol::{
        domain::{ClaimRefusal, ReportReason},
        id::{AdId, MatchId},
    };
    use utoipa::PartialSchema as _;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_251_600_000);

    /// One notice of every kind, and more where the text depends on its content.
    fn notices() -> Vec<Notice> {
        let match_id = MatchId(1);
        let reasons = ClaimRefusal::ALL.iter().map(|reason| reason.as_str());
        let rejected = reasons.map(|reason| Notice::ClaimRejected {
            match_id,
            reason: reason.to_owned(),
        });
        let counted = [1, 10].map(|rights| {
            [
                Notice::ReferralRewarded { rights },
                Notice::WelcomeBonus { rights },
            ]
        });
        let others = [
            Notice::ClaimApproved { match_id },
            Notice::PremiumStarted {
                plan: "month".to_owned(),
                until: NOON,
            },
            Notice::PremiumEnded {
                plan: "month".to_owned(),
            },
            Notice::MatchFound { match_id },
            Notice::PasswordReset {},
            Notice::NewDevice {
                name: String::new(),
                platform: "android".to_owned(),
            },
            Notice::NewDevice {
                name: String::new(),
                platform: String::new(),
            },
            Notice::StaffSignIn {
                name: "Pixel".to_owned(),
                platform: "android".to_owned(),
            },
            Notice::StaffSignIn {
                name: String::new(),
                platform: String::new(),
            },
            Notice::Banned { until: None },
            Notice::Banned { until: Some(NOON) },
            Notice::BanLifted {},
            Notice::AppealUpheld {},
            Notice::Renamed {},
            Notice::ReportWaits {
                reason: ReportReason::Threat,
            },
            Notice::QueueOld { hours: 30 },
            Notice::ReportResolved { acted: true },
            Notice::ReportResolved { acted: false },
            Notice::Announcement {
                tr: "Yarın bakım var.".to_owned(),
                en: "Maintenance tomorrow.".to_owned(),
            },
        ];
        let ad = Notice::Ad {
            ad_id: AdId(1),
            title: "Çay".to_owned(),
            content: "Sıcak çay.".to_owned(),
            click_url: None,
        };
        let warned = ReportReason::ALL
            .iter()
            .map(|reason| Notice::Warned { reason: *reason });
        rejected
            .chain(warned)
            .chain(counted.into_iter().flatten())
            .chain(others)
            .chain([ad])
            .collect()
    }

    fn texts() -> Texts {
        Texts::new(TimeZone::get("Europe/Istanbul").expect("the zone is bundled"))
    }

    fn file(locale: Locale) -> BTreeMap<String, serde_json::Value> {
        let text = match locale {
            Locale::Tr => include_str!("../../locales/tr.json"),
            Locale::En => include_str!("../../locales/en.json"),
        };
        serde_json::from_str(text).expect("a file of texts")
    }

    #[test]
    fn every_notice_has_a_text_in_every_language() {
        // The schema lists every variant, so none can be forgotten here.
        let schema = serde_json::to_value(Notice::schema())
            .expect("a schema")
            .to_string();
        let known: BTreeSet<&str> = notices().iter().map(Notice::code).collect();
        for code in &known {
            assert!(
                schema.contains(&format!("[\"{code}\"]")),
                "{code}: {schema}"
            );
        }
        assert_eq!(
            schema.matches("\"code\":{").count(),
            known.len(),
            "a notice without a text: {schema}"
        );

        for notice in notices() {
            let said = [Locale::Tr, Locale::En].map(|locale| texts().message(&notice, locale));
            assert_ne!(said[0], said[1], "both languages say the same");
            for text in said {
                assert!(
                    text.contains(' ') && text.ends_with('.'),
                    "{notice:?}: {text:?}"
                );
                assert!(
                    !text.contains('%') && !text.contains('{') && !text.contains('_'),
                    "{notice:?}: {text:?}"
                );
            }
        }
    }

    #[test]
    fn the_files_have_the_same_texts_with_the_same_places() {
        let places = |locale| -> BTreeMap<String, BTreeSet<String>> {
            let of = |text: &str| {
                text.split("%{")
                    .skip(1)
                    .filter_map(|rest| rest.split('}').next().map(str::to_owned))
                    .collect()
            };
            file(locale)
                .into_iter()
                .map(|(key, text)| (key, of(text.as_str().unwrap_or_default())))
                .collect()
        };
        assert_eq!(places(Locale::Tr), places(Locale::En));
    }

    #[test]
    fn numbers_plurals_and_dates_are_those_of_the_language() {
        let say = |notice: &Notice| {
            [Locale::En, Locale::Tr].map(|locale| texts().message(notice, locale))
        };
        let [en, tr] = say(&Notice::ReferralRewarded { rights: 1 });
        assert!(en.contains("1 match as"), "{en}");
        assert!(tr.contains("1 eşleşme hakkı"), "{tr}");
        let [en, tr] = say(&Notice::WelcomeBonus { rights: 1_234_567 });
        assert!(en.contains("1,234,567 matches"), "{en}");
        assert!(tr.contains("1.234.567 eşleşme hakkı"), "{tr}");
        let [en, tr] = say(&Notice::PremiumStarted {
            plan: "month".to_owned(),
            until: NOON,
        });
        assert!(en.contains("until 21 November 2026, 12:00."), "{en}");
        assert!(tr.contains("21 Kasım 2026 12:00 tarihine kadar"), "{tr}");
        assert_eq!(
            [0, -1_000, 999, 1_000].map(|count| number(count, Locale::En)),
            ["0", "-1,000", "999", "1,000"]
        );
    }

    #[test]
    fn a_claim_is_refused_with_its_reason_where_that_is_known() {
        for reason in ClaimRefusal::ALL {
            let notice = Notice::ClaimRejected {
                match_id: MatchId(1),
                reason: reason.to_string(),
            };
            assert!(
                texts()
                    .message(&notice, Locale::En)
                    .starts_with("Your claim was not accepted: "),
                "{reason}"
            );
        }
        let notice = Notice::ClaimRejected {
            match_id: MatchId(1),
            reason: "unheard_of".to_owned(),
        };
        assert_eq!(
            texts().message(&notice, Locale::En),
            "Your claim was not accepted."
        );
    }

    #[test]
    fn an_announcement_is_said_as_it_was_written() {
        let notice = Notice::Announcement {
            tr: "%{count} 100%".to_owned(),
            en: "%{count} 100%".to_owned(),
        };
        assert_eq!(texts().message(&notice, Locale::En), "%{count} 100%");
        let notice = Notice::Ad {
            ad_id: AdId(1),
            title: "%{content}".to_owned(),
            content: "100%".to_owned(),
            click_url: None,
        };
        assert_eq!(
            texts().message(&notice, Locale::En),
            "Advertisement: %{content} – 100%"
        );
    }
}
