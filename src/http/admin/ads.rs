//! `/v1/admin/ads`

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::{
    id::AdId,
    protocol::{AdPatch, AdRefused, AdSettings, AdminAd, ErrorCode, Page, Problem},
    store::AdChange,
};

use super::Admin;
use crate::{
    app::App,
    http::{
        body::Strict,
        paging::{IdPath, Params},
        problem::{Answer, Failure},
    },
};

impl From<AdRefused> for Failure {
    fn from(refused: AdRefused) -> Self {
        Self::field(ErrorCode::InvalidField, refused.field, refused.detail)
    }
}

/// Ads, newest first.
#[utoipa::path(
    get, path = "/v1/admin/ads", tag = "admin", security(("bearer" = ["admin"])),
    params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<AdminAd>), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(in crate::http) async fn list(State(app): State<Arc<App>>, _: Admin, params: Params) -> Answer<Json<Page<AdminAd>>> {
    let paging = params.paging()?;
    let rows = app.store.ads(paging.position(), paging.rows()).await?;
    Ok(Json(paging.page(rows, |row| row.id.0, AdminAd::from)))
}

/// Make an ad.
#[utoipa::path(
    post, path = "/v1/admin/ads", tag = "admin", security(("bearer" = ["admin"])), request_body = AdSettings,
    responses(
        (status = 201, body = AdminAd), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, description = "`invalid_field`", body = Problem),
    )
)]
pub(in crate::http) async fn create(
    State(app): State<Arc<App>>,
    Admin(who): Admin,
    Strict(settings): Strict<AdSettings>,
) -> Answer<(StatusCode, Json<AdminAd>)> {
    settings.check()?;
    let row = app.store.create_ad(who.user_id, &settings, app.clock.now()).await?;
    app.ads.changed().await;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// One ad.
#[utoipa::path(
    get, path = "/v1/admin/ads/{id}", tag = "admin", security(("bearer" = ["admin"])), params(("id" = String, Path)),
    responses((status = 200, body = AdminAd), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(in crate::http) async fn get(State(app): State<Arc<App>>, _: Admin, IdPath(id): IdPath<AdId>) -> Answer<Json<AdminAd>> {
    Ok(Json(app.store.ad(id).await?.ok_or_else(Failure::not_found)?.into()))
}

/// Change parts of an ad: all of them or, when one is refused, none. Other nodes show the change within 5 seconds.
#[utoipa::path(
    patch, path = "/v1/admin/ads/{id}", tag = "admin", security(("bearer" = ["admin"])),
    params(("id" = String, Path)), request_body = AdPatch,
    responses(
        (status = 200, body = AdminAd), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, description = "`invalid_field`", body = Problem),
    )
)]
pub(in crate::http) async fn change(
    State(app): State<Arc<App>>,
    Admin(who): Admin,
    IdPath(id): IdPath<AdId>,
    Strict(patch): Strict<AdPatch>,
) -> Answer<Json<AdminAd>> {
    let row = match app.store.change_ad(who.user_id, id, &patch, app.clock.now()).await? {
        AdChange::Changed(row) => row,
        AdChange::Refused(refused) => return Err(refused.into()),
        AdChange::NotFound => return Err(Failure::not_found()),
    };
    app.ads.changed().await;
    Ok(Json(row.into()))
}

/// Delete an ad with its counts.
#[utoipa::path(
    delete, path = "/v1/admin/ads/{id}", tag = "admin", security(("bearer" = ["admin"])), params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(in crate::http) async fn delete(State(app): State<Arc<App>>, Admin(who): Admin, IdPath(id): IdPath<AdId>) -> Answer<StatusCode> {
    if !app.store.delete_ad(who.user_id, id, app.clock.now()).await? {
        return Err(Failure::not_found());
    }
    app.ads.changed().await;
    Ok(StatusCode::NO_CONTENT)
}
