//! `/v1/me`: exporting and erasing everything stored about the signed-in user.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use tebdil_core::store::{EraseOrder, Export, ExportError, ExportPage};
use tebdil_protocol::{ErasureRequest, ErrorCode};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    problem::{Answer, Failure},
};
use crate::{address::ClientAddress, limits::Limit};

/// Erase the account permanently: nothing personal stays except what a ban or report needs for its
/// period.
#[utoipa::path(
    delete, operation_id = "erase_me", path = "/v1/me", tag = "accounts", request_body = ErasureRequest,
    responses(
        (status = 204),
        (status = "4XX", description = "invalid_credentials: the password is wrong; too_many_attempts"),
    )
)]
pub(super) async fn erase(
    State(api): State<Arc<Api>>,
    who: Signed,
    from: ClientAddress,
    StrictJson(request): StrictJson<ErasureRequest>,
) -> Answer<StatusCode> {
    api.limiters
        .check(Limit::PasswordAccount, who.user_id)
        .await?;
    // Whoever holds a stolen access token must not try passwords faster than somebody who signs in.
    let tries = api.limiters.password(who.user_id).await?;
    let erased = api
        .accounts
        .erase(who.user_id, from, request.password)
        .await;
    tries.settle(&erased).await;
    erased?;
    let user_id = who.user_id;
    api.workers.at_once(EraseOrder { user_id }).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything stored about the user, as one JSON document: an object with `exported_at`, `account`,
/// and an array for each kind of record.
#[utoipa::path(
    get, operation_id = "export_me", path = "/v1/me/export", tag = "accounts",
    responses((status = 200, description = "To be saved: `Content-Disposition: attachment`.", body = serde_json::Value))
)]
pub(super) async fn export(State(api): State<Arc<Api>>, who: Signed) -> Answer<Response> {
    api.limiters
        .check(Limit::ExportAccount, who.user_id)
        .await?;
    let mut document = Document {
        export: api.store.accounts().export(who.user_id),
        api,
        section: None,
        is_empty: true,
        ended: false,
    };
    // Before the status is sent, so that a store that is away gets the usual answer.
    let Some(start) = document.start().await.map_err(failed)? else {
        return Err(ErrorCode::Unauthorized.into());
    };
    let rest = stream::try_unfold(document, |mut document| async {
        let chunk = document
            .next()
            .await
            .inspect_err(|error| tracing::error!(%error, "an export was cut off"))?;
        Ok::<_, ExportError>(chunk.map(|chunk| (chunk, document)))
    });
    let body = stream::StreamExt::chain(stream::iter([Ok(start)]), rest);
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"tebdil-export.json\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

fn failed(error: ExportError) -> Failure {
    match error {
        ExportError::Store(error) => error.into(),
        ExportError::Crypto(error) => {
            tracing::error!(%error, "an export could not be read");
            Failure::from(ErrorCode::Internal)
        }
    }
}

/// The document as it is written, a page at a time.
struct Document {
    api: Arc<Api>,
    export: Export,
    /// The table whose array is open.
    section: Option<&'static str>,
    is_empty: bool,
    ended: bool,
}

impl Document {
    async fn page(&mut self) -> Result<Option<ExportPage>, ExportError> {
        self.export.next(&self.api.store, &self.api.cipher).await
    }

    /// The beginning, with the account; `None` when there is none.
    async fn start(&mut self) -> Result<Option<String>, ExportError> {
        let account = self
            .page()
            .await?
            .and_then(|page| page.rows.into_iter().next());
        let exported_at = self.api.clock.now();
        Ok(account.map(|account| {
            format!(
                r#"{{"exported_at":"{exported_at}","account":{}"#,
                serde_json::Value::Object(account)
            )
        }))
    }

    /// The next part; `None` after the end.
    async fn next(&mut self) -> Result<Option<String>, ExportError> {
        let mut chunk = String::new();
        while chunk.is_empty() && !self.ended {
            let Some(page) = self.page().await? else {
                self.ended = true;
                return Ok(Some(format!("{}}}", self.close_section())));
            };
            if self.section != Some(page.table) {
                let _ = write!(chunk, r#"{},"{}":["#, self.close_section(), page.table);
                self.section = Some(page.table);
                self.is_empty = true;
            }
            for row in page.rows {
                let comma = if self.is_empty { "" } else { "," };
                self.is_empty = false;
                let _ = write!(chunk, "{comma}{}", serde_json::Value::Object(row));
            }
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    fn close_section(&mut self) -> &'static str {
        if self.section.take().is_some() {
            "]"
        } else {
            ""
        }
    }
}
