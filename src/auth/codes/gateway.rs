//! Sends a code through a provider's HTTP interface for text messages.

use std::{fmt, time::Duration};

use reqwest::{
    Client, Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;
use tebdil_core::settings::SettingProblem;
use tebdil_workers::http_client;

use super::{CodeMessage, template::fill};
use crate::auth::settings::{ContentType, Gateway as Settings};

/// A gateway did not accept a message. It names neither phone nor URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    #[error("it cannot be reached")]
    Unreachable,
    #[error("it did not answer in time")]
    TimedOut,
    #[error("it answered {0}")]
    Refused(u16),
    #[error("its answer was not HTTP")]
    Malformed,
}

impl GatewayError {
    /// Whether the message was certainly not sent. Without a good answer nobody knows.
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Unreachable | Self::Refused(_))
    }
}

/// A body with places for `{phone}`, `{code}` and `{text}`. It is parsed when it is read, so that
/// no value can break out of its place.
#[derive(Clone)]
enum Body {
    Json(Value),
    Form(Vec<(String, String)>),
}

/// A gateway, and what it is sent. `Debug` shows neither its URL nor its template: both may contain
/// a key.
#[derive(Clone)]
pub struct Gateway {
    http: Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// As the settings say.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, SettingProblem> {
        let wrong = |field: &'static str, detail: &str| SettingProblem {
            field: field.into(),
            detail: detail.to_owned(),
        };
        let url = settings.url.expose();
        if url.contains(['{', '}']) {
            return Err(wrong(
                "verification.gateway.url",
                "must hold no placeholder: addresses end up in logs, phone and code belong into the body",
            ));
        }
        let url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url =
            url.ok_or_else(|| wrong("verification.gateway.url", "must be https://… or http://…"))?;
        let method = match settings.method.as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            _ => return Err(wrong("verification.gateway.method", "must be POST or PUT")),
        };
        let headers = headers(settings).ok_or_else(|| {
            wrong(
                "verification.gateway.headers",
                "must be names and values of HTTP headers",
            )
        })?;
        let body = Body::parse(settings.content_type, settings.body.expose())?;
        if !(100..=30_000).contains(&settings.timeout_ms) {
            return Err(wrong(
                "verification.gateway.timeout_ms",
                "must be 100 to 30000",
            ));
        }
        let timeout = Duration::from_millis(settings.timeout_ms);
        let http = http_client(url.as_str(), timeout).map_err(|_| {
            wrong(
                "verification.gateway.url",
                "no HTTP client can be made on this machine",
            )
        })?;
        Ok(Self {
            http,
            method,
            url,
            headers,
            body,
        })
    }

    /// Whether phones and codes go over the network in clear text.
    pub fn is_open(settings: &Settings) -> bool {
        let url = Url::parse(settings.url.expose()).ok();
        url.is_some_and(|url| {
            url.scheme() == "http"
                && !matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
        })
    }

    /// Hands a message over. It is sent once: whether a gateway that did not answer took it is
    /// unknown.
    ///
    /// # Errors
    /// [`GatewayError`]; only an answer of 200 to 299 is success.
    pub async fn send(&self, message: &CodeMessage) -> Result<(), GatewayError> {
        let (media_type, body) = self.body.fill(message);
        let request = self
            .http
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone());
        let response = request
            .header(CONTENT_TYPE, media_type)
            .body(body)
            .send()
            .await
            .map_err(|error| {
                if error.is_timeout() {
                    GatewayError::TimedOut
                } else if error.is_connect() {
                    GatewayError::Unreachable
                } else {
                    GatewayError::Malformed
                }
            })?;
        let status = response.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(GatewayError::Refused(status.as_u16()))
        }
    }
}

fn headers(settings: &Settings) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.headers {
        // A variable's name cannot hold a hyphen, and no header has an underscore.
        let name = HeaderName::try_from(name.replace('_', "-")).ok()?;
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.remove(CONTENT_TYPE);
    Some(headers)
}

impl Body {
    fn parse(kind: ContentType, template: &str) -> Result<Self, SettingProblem> {
        let wrong = |detail: &str| SettingProblem {
            field: "verification.gateway.body".into(),
            detail: detail.to_owned(),
        };
        if !template.contains("{phone}")
            || !(template.contains("{code}") || template.contains("{text}"))
        {
            return Err(wrong("must hold {phone} and one of {text} and {code}"));
        }
        match kind {
            ContentType::Json => {
                let value: Value = serde_json::from_str(template)
                    .map_err(|_| wrong("must be JSON, with the placeholders inside of strings"))?;
                Ok(Self::Json(value))
            }
            ContentType::Form => Ok(Self::Form(
                form_urlencoded::parse(template.as_bytes())
                    .into_owned()
                    .collect(),
            )),
        }
    }

    fn fill(&self, message: &CodeMessage) -> (&'static str, String) {
        let values = [
            ("phone", message.phone.expose()),
            ("code", message.code.expose()),
            ("text", message.text.expose()),
        ];
        match self {
            Self::Json(template) => {
                let mut body = template.clone();
                fill_json(&mut body, &values);
                ("application/json", body.to_string())
            }
            Self::Form(pairs) => {
                let mut body = form_urlencoded::Serializer::new(String::new());
                for (name, value) in pairs {
                    body.append_pair(name, &fill(value, &values));
                }
                ("application/x-www-form-urlencoded", body.finish())
            }
        }
    }
}

/// Fills in every string except the names of fields.
fn fill_json(body: &mut Value, values: &[(&str, &str)]) {
    match body {
        Value::String(text) => *text = fill(text, values),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_json(item, values)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| fill_json(field, values)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use tebdil_protocol::Secret;

    use super::{super::CodeSender, *};

    fn settings() -> Settings {
        Settings {
            url: "https://sms.example/send?key=hunter2".into(),
            method: "POST".to_owned(),
            content_type: ContentType::Json,
            headers: BTreeMap::from([("x_api_key".to_owned(), Secret::from("hunter2"))]),
            body: r#"{"to":"{phone}","parts":[{"text":"{text}"}],"n":1}"#.into(),
            timeout_ms: 5_000,
        }
    }

    fn message() -> CodeMessage {
        CodeMessage {
            phone: "+905301234567".into(),
            code: "012345".into(),
            text: "\"a\\b\" & c=d\n012345".into(),
        }
    }

    #[test]
    fn values_stay_in_their_places() {
        let gateway = Gateway::new(&settings()).expect("good");
        let (media_type, body) = gateway.body.fill(&message());
        assert_eq!(media_type, "application/json");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            body,
            json!({"to": "+905301234567", "parts": [{"text": "\"a\\b\" & c=d\n012345"}], "n": 1})
        );

        let form = Settings {
            content_type: ContentType::Form,
            body: "user=me&to={phone}&msg={text}".into(),
            ..settings()
        };
        let (media_type, body) = Gateway::new(&form).expect("good").body.fill(&message());
        assert_eq!(media_type, "application/x-www-form-urlencoded");
        let pairs: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let expected = [
            ("user", "me"),
            ("to", "+905301234567"),
            ("msg", "\"a\\b\" & c=d\n012345"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_header_is_named_as_a_variable_can() {
        let gateway = Gateway::new(&settings()).expect("good");
        assert_eq!(gateway.headers["x-api-key"], "hunter2");
    }

    #[test]
    fn debug_shows_no_key_wherever_the_gateway_wants_it() {
        let body = "user=me&pass=hunter2&to={phone}&msg={text}";
        let settings = Settings {
            content_type: ContentType::Form,
            body: body.into(),
            ..settings()
        };
        let gateway = Gateway::new(&settings).expect("good");
        let shown = format!(
            "{gateway:?}{settings:?}{:?}",
            CodeSender::Gateway(Box::new(gateway.clone()))
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_cannot_work_or_would_tell_a_phone_is_refused_by_name() {
        type Change = fn(&mut Settings);
        let cases: [(&str, Change); 9] = [
            ("url", |s| s.url = "https://sms.example/{phone}".into()),
            ("url", |s| s.url = "sms.example".into()),
            ("url", |s| s.url = "ftp://sms.example".into()),
            ("method", |s| s.method = "GET".to_owned()),
            ("headers", |s| {
                drop(s.headers.insert("bad name".to_owned(), "x".into()));
            }),
            ("body", |s| s.body = r#"{"to":"{phone}"}"#.into()),
            ("body", |s| s.body = r#"{"text":"{text}"}"#.into()),
            ("body", |s| {
                s.body = r#"{"to":{phone},"text":"{text}"}"#.into();
            }),
            ("timeout_ms", |s| s.timeout_ms = 0),
        ];
        for (field, change) in cases {
            let mut settings = settings();
            change(&mut settings);
            let SettingProblem {
                field: named,
                detail,
            } = Gateway::new(&settings).expect_err(field);
            assert_eq!(named, format!("verification.gateway.{field}"));
            assert!(!detail.contains("hunter2"));
        }
    }

    #[test]
    fn only_a_gateway_on_this_machine_may_be_without_tls() {
        let open = |url: &str| {
            Gateway::is_open(&Settings {
                url: url.into(),
                ..settings()
            })
        };
        assert!(open("http://sms.example/send") && open("http://10.0.0.2"));
        assert!(
            !open("https://sms.example")
                && !open("http://127.0.0.1:5000/")
                && !open("http://localhost")
                && !open("http://[::1]:1")
        );
    }
}
