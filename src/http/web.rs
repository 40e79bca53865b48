//! The web client: the files of `web/dist`, which `npm run build` in `web/` writes and which become
//! part of the binary. A debug build reads them from the folder instead.
//!
//! What is asked for and is no file is the client's own page, below `/admin` that of the console, so
//! that their addresses can be opened and reloaded; but not what looks like a file, and nothing of
//! the API.

use std::borrow::Cow;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::problem::Failure;

/// Scripts, styles and pictures of the client itself, and nothing of another origin; no inline
/// script, and no script made from text (Trusted Types: Svelte's policy, and the one for the worker).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; \
     manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types svelte-trusted-html tebdil-worker";

/// Beside what every answer has.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), geolocation=(self)",
    ),
];

/// Whatever its name says: the name changes with the content.
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_FIRST: &str = "no-cache";

const PAGE: &str = "index.html";
const CONSOLE: &str = "admin.html";
const NOT_BUILT: &str = "The web client is not part of this server. To build it: npm ci && npm run \
     build in web/, then build the server.\n";

/// What the server answers itself: never the client's page.
const OURS: [&str; 6] = ["v1", "legal", "metrics", "healthz", "readyz", "assets"];

#[derive(rust_embed::Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// A file by its path below `web/dist`, and the first bytes of its hash.
struct File {
    data: Cow<'static, [u8]>,
    tag: String,
}

fn file(path: &str) -> Option<File> {
    let found = Files::get(path)?;
    let tag = URL_SAFE_NO_PAD.encode(&found.metadata.sha256_hash()[..12]);
    Some(File {
        data: found.data,
        tag,
    })
}

/// Answers what no route does.
pub(super) async fn serve(request: Request) -> Response {
    answer(
        request.method(),
        request.uri().path(),
        request.headers(),
        file,
    )
}

fn answer(
    method: &Method,
    path: &str,
    asked: &HeaderMap,
    file: impl Fn(&str) -> Option<File>,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return Failure::not_found().into_response();
    }
    let Some(name) = name_of(path) else {
        return Failure::not_found().into_response();
    };
    if let Some(found) = file(name) {
        return sent(name, found, asked, file);
    }
    match page_of(name).map(|page| (page, file(page))) {
        Some((page, Some(found))) => sent(page, found, asked, file),
        Some((_, None)) => (StatusCode::NOT_FOUND, NOT_BUILT).into_response(),
        None => Failure::not_found().into_response(),
    }
}

/// The name of a file below the folder. The compressed ones beside it have no address.
fn name_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let plain = !name.split('/').any(|part| part == ".." || part == ".");
    let compressed = [".br", ".gz"].iter().any(|end| name.ends_with(end));
    (plain && !compressed).then_some(name)
}

/// Whose address this is: that of a page, rather than of a file or of the API.
fn page_of(name: &str) -> Option<&'static str> {
    let first = name.split('/').next().unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    let page = if first == "admin" { CONSOLE } else { PAGE };
    (!OURS.contains(&first) && !last.contains('.')).then_some(page)
}

fn sent(
    name: &str,
    plain: File,
    asked: &HeaderMap,
    file: impl Fn(&str) -> Option<File>,
) -> Response {
    let encoded = encodings(asked)
        .into_iter()
        .find_map(|(encoding, end)| Some((encoding, file(&format!("{name}{end}"))?)));
    let (encoding, chosen) = match encoded {
        Some((encoding, smaller)) => (Some(encoding), smaller),
        None => (None, plain),
    };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let keep = if name.starts_with("assets/") {
        FOREVER
    } else {
        ASK_FIRST
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let tag = HeaderValue::try_from(format!("\"{}\"", chosen.tag)).expect("it is visible ASCII");
    let known = super::document::knows(asked, tag.as_bytes());
    headers.insert(header::ETAG, tag);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(name)),
    );
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    *response.body_mut() = Body::from(match chosen.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    });
    response
}

/// What the client takes, smallest first (RFC 9110 §12.5.3).
fn encodings(asked: &HeaderMap) -> Vec<(&'static str, &'static str)> {
    let lists = asked.get_all(header::ACCEPT_ENCODING).iter();
    let ranges: Vec<&str> = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .collect();
    let takes = |encoding: &str| {
        ranges.iter().any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let quality = parts.clone().find_map(|part| part.strip_prefix("q="));
            let refused = quality.is_some_and(|quality| quality.parse() == Ok(0.0_f32));
            parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(encoding))
                && !refused
        })
    };
    [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(encoding, _)| takes(encoding))
        .collect()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client of a few files; the page is there in brotli too, the script in both.
    fn fixture(path: &str) -> Option<File> {
        let text = match path {
            "index.html" => "<!doctype html>",
            "index.html.br" => "page in brotli",
            "admin.html" => "<title>console",
            "assets/index-1a.js" => "let script;",
            "assets/index-1a.js.br" => "script in brotli",
            "assets/index-1a.js.gz" => "script in gzip",
            "sw.js" => "worker",
            _ => return None,
        };
        Some(File {
            data: Cow::Borrowed(text.as_bytes()),
            tag: path.replace(['/', '.'], "-"),
        })
    }

    fn get(path: &str, asked: &[(HeaderName, &'static str)]) -> Response {
        let asked = asked.iter().cloned();
        let asked = asked.map(|(name, value)| (name, HeaderValue::from_static(value)));
        answer(&Method::GET, path, &asked.collect(), fixture)
    }

    fn told<'a>(response: &'a Response, name: &str) -> &'a str {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().expect("ASCII"))
    }

    async fn body(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1_000).await;
        String::from_utf8(bytes.expect("a body").to_vec()).expect("UTF-8")
    }

    #[tokio::test]
    async fn each_address_of_the_client_is_its_page() {
        for path in [
            "/",
            "/index.html",
            "/chats",
            "/chats/123",
            "/account/devices",
        ] {
            let page = get(path, &[]);
            assert_eq!(page.status(), 200, "{path}");
            assert_eq!(told(&page, "content-type"), "text/html; charset=utf-8");
            assert_eq!(told(&page, "cache-control"), "no-cache");
            assert!(told(&page, "content-security-policy").contains("script-src 'self';"));
            assert_eq!(body(page).await, "<!doctype html>", "{path}");
        }
    }

    #[tokio::test]
    async fn each_address_below_admin_is_the_console() {
        for path in ["/admin", "/admin/", "/admin/reports/12", "/admin.html"] {
            let page = get(path, &[]);
            assert_eq!(page.status(), 200, "{path}");
            assert_eq!(told(&page, "cache-control"), "no-cache");
            assert!(told(&page, "content-security-policy").contains("script-src 'self';"));
            assert_eq!(body(page).await, "<title>console", "{path}");
        }
        // It begins alike, but is the client's.
        assert_eq!(body(get("/admins", &[])).await, "<!doctype html>");
    }

    #[test]
    fn what_is_no_address_of_the_client_is_not_found() {
        for path in [
            "/v1/nothing",
            "/v1",
            "/legal/xx",
            "/admin/x.js",
            "/assets/index-2b.js",
            "/assets/nothing",
            "/nothing.js",
            "/index.html.br",
            "/../Cargo.toml",
            "/assets/../index.html",
            "//etc/passwd.txt",
        ] {
            assert_eq!(get(path, &[]).status(), 404, "{path}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let response = answer(&method, "/", &HeaderMap::new(), fixture);
            assert_eq!(response.status(), 404, "{method}");
        }
    }

    #[tokio::test]
    async fn the_smallest_form_that_is_taken_is_sent() {
        for (asked, encoding, text) in [
            ("", "", "let script;"),
            ("identity", "", "let script;"),
            ("gzip", "gzip", "script in gzip"),
            ("gzip, deflate, br", "br", "script in brotli"),
            ("BR;q=0.1, gzip", "br", "script in brotli"),
            ("br;q=0, gzip;q=0.5", "gzip", "script in gzip"),
            ("br; q=0.0", "", "let script;"),
        ] {
            let response = get("/assets/index-1a.js", &[(header::ACCEPT_ENCODING, asked)]);
            assert_eq!(told(&response, "content-encoding"), encoding, "{asked}");
            assert_eq!(told(&response, "vary"), "accept-encoding");
            assert!(told(&response, "cache-control").ends_with("immutable"));
            assert_eq!(body(response).await, text, "{asked}");
        }
    }

    #[test]
    fn who_has_it_already_is_told_so() {
        let first = get("/sw.js", &[]);
        assert_eq!(told(&first, "etag"), "\"sw-js\"");
        let again = get("/sw.js", &[(header::IF_NONE_MATCH, "\"old\", W/\"sw-js\"")]);
        assert_eq!(again.status(), 304);
        assert_eq!(told(&again, "etag"), "\"sw-js\"");
        let changed = get("/sw.js", &[(header::IF_NONE_MATCH, "\"old\"")]);
        assert_eq!(changed.status(), 200);
    }

    #[tokio::test]
    async fn without_the_client_its_page_says_how_to_build_it() {
        for path in ["/", "/admin"] {
            let response = answer(&Method::GET, path, &HeaderMap::new(), |_| None);
            assert_eq!(response.status(), 404, "{path}");
            assert_eq!(body(response).await, NOT_BUILT, "{path}");
        }
    }
}
