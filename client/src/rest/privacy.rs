//! Leaving for good, and taking everything along.

use reqwest::Method;
use tebdil_protocol::{ErasureRequest, Secret};

use super::{Account, ApiError, api::Nothing};

impl Account {
    /// `GET /v1/me/export`: everything that the server holds of the user, as it came. Three times a
    /// day.
    pub async fn export(&self) -> Result<serde_json::Value, ApiError> {
        self.call(Method::GET, "/v1/me/export", None::<&Nothing>)
            .await
    }

    /// `DELETE /v1/me`: the account is gone, and this session with it.
    pub async fn erase(&self, password: &Secret) -> Result<(), ApiError> {
        self.call_empty(
            Method::DELETE,
            "/v1/me",
            Some(&ErasureRequest {
                password: password.clone(),
            }),
        )
        .await?;
        self.sign_out();
        Ok(())
    }
}
