//! `/v1/meta`: what a client has to know of this server before anybody signs in.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::HeaderMap, response::Response};
use tebdil_core::store::CODE_LIFETIME;
use tebdil_protocol::{
    InvitationRules, MAX_EVIDENCE, Meta, MetaLimits, MetaPlan, MetaTexts, REPORTABLE, Translations,
    domain::{Locale, Mode},
};

use super::{Api, Document};
use crate::{
    auth::settings::Sender,
    config::{Config, FREE_PLAN},
    legal::Text,
};

/// How long clients may use an answer without asking again.
const MAX_AGE: Duration = Duration::from_mins(1);

/// What the server is called, offers and asks for; the same for everybody.
#[utoipa::path(
    get, operation_id = "get_meta", path = "/v1/meta", tag = "service", security(()),
    responses((status = 200, body = Meta), (status = 304, description = "`If-None-Match` names the current `ETag`."))
)]
pub(super) async fn meta(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    api.meta.answer(&headers)
}

/// The answer. Nothing of it changes while the server runs.
pub fn document(config: &Config, modes: &[Mode], vapid_public_key: Option<String>) -> Document {
    let meta = of(config, modes, vapid_public_key);
    let body = serde_json::to_vec(&meta).expect("texts and numbers are JSON");
    Document::new("application/json", body, MAX_AGE)
}

fn of(config: &Config, modes: &[Mode], vapid_public_key: Option<String>) -> Meta {
    let (service, verification) = (&config.service, &config.verification);
    let countries = verification.countries.list().iter();
    Meta {
        name: service.name.clone(),
        minimum_age: config.auth.min_age,
        terms_version: config.legal.terms_version,
        texts: MetaTexts {
            terms: paths(Text::Terms),
            privacy: paths(Text::Privacy),
            community: paths(Text::Community),
            delete_account: paths(Text::DeleteAccount),
        },
        phone_verification: verification.phone,
        phone_region: config.auth.default_region.clone(),
        phone_countries: verification.phone.then(|| {
            countries
                .map(|country| country.as_ref().to_owned())
                .collect()
        }),
        password_reset: verification.sender != Sender::Off,
        modes: modes.to_vec(),
        time_zone: config.quota.zone.iana_name().unwrap_or("UTC").to_owned(),
        limits: limits(config),
        plans: plans(config),
        invitations: InvitationRules {
            invited_reward: config.referrals.invited,
            inviter_reward: config.referrals.inviter,
            per_day: config.referrals.invitations_per_day,
        },
        support_contact: given(&service.support_contact),
        minimum_client_version: given(&service.minimum_client_version),
        vapid_public_key,
    }
}

/// Where a text is.
fn paths(text: Text) -> Translations {
    Translations {
        tr: text.path(Locale::Tr),
        en: text.path(Locale::En),
    }
}

fn limits(config: &Config) -> MetaLimits {
    let (matching, claims, reports) = (&config.matching, &config.claims, &config.reports);
    MetaLimits {
        match_ttl_s: matching.match_ttl.as_secs(),
        active_text_matches: matching.max_active_text,
        background_search_s: matching.background.as_secs(),
        call_absence_s: matching.call_absence.as_secs(),
        claim_after_s: claims.wait.as_secs(),
        claim_video_after_s: claims.video_wait.as_secs(),
        claim_window_s: claims.window.as_secs(),
        claims_per_day: claims.daily_cap,
        report_window_s: REPORTABLE.as_secs(),
        reports_per_day: reports.per_day,
        report_messages: MAX_EVIDENCE,
        devices: config.ws.max_devices,
        code_s: CODE_LIFETIME.as_secs(),
    }
}

fn plans(config: &Config) -> Vec<MetaPlan> {
    let quota = &config.quota;
    let free = MetaPlan {
        name: FREE_PLAN.to_owned(),
        days: None,
        daily_text: quota.free_text,
        daily_video: quota.free_video,
    };
    let paid = config.billing.plans.iter().map(|plan| MetaPlan {
        name: plan.name.clone(),
        days: Some(plan.days),
        daily_text: quota.premium_text,
        daily_video: quota.premium_video,
    });
    std::iter::once(free).chain(paid).collect()
}

/// A setting that may be empty.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
