//! `/legal`: the pages of the legal texts, which everybody may read.

use std::{collections::HashMap, fmt::Write as _, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tebdil_protocol::domain::Locale;

use super::{Api, Document, problem::Failure};
use crate::legal::{LegalTexts, Rendered, Text};

/// How long readers may use a page without asking again.
const MAX_AGE: Duration = Duration::from_mins(5);

const STYLE_PATH: &str = "/legal/style.css";

/// The pages load their stylesheet, and nothing else; an icon is what browsers ask for by
/// themselves.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The pages and their stylesheet.
#[derive(Debug)]
pub struct LegalPages {
    pages: HashMap<(Text, Locale), Document>,
    style: Document,
}

impl LegalPages {
    pub(crate) fn new(texts: &LegalTexts) -> Self {
        let pages = texts.iter().map(|(text, language, rendered)| {
            let page = page(texts, *text, *language, rendered);
            let document = Document::new("text/html; charset=utf-8", page, MAX_AGE)
                .with(header::CONTENT_SECURITY_POLICY, POLICY)
                .with(header::CONTENT_LANGUAGE, language.as_str());
            ((*text, *language), document)
        });
        Self {
            pages: pages.collect(),
            style: Document::new(
                "text/css; charset=utf-8",
                include_str!("legal.css"),
                MAX_AGE,
            ),
        }
    }
}

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route(STYLE_PATH, get(style))
        .route("/legal/{text}", get(in_some_language))
        .route("/legal/{language}/{text}", get(in_language))
}

async fn style(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    api.legal.style.answer(&headers)
}

async fn in_language(
    State(api): State<Arc<Api>>,
    Path((language, text)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let page = Text::from_name(&text)
        .zip(Locale::from_text(&language))
        .and_then(|key| api.legal.pages.get(&key));
    page.map_or_else(
        || Failure::not_found().into_response(),
        |page| page.answer(&headers),
    )
}

/// Sends readers to the text in their language.
async fn in_some_language(Path(text): Path<String>, headers: HeaderMap) -> Response {
    let Some(text) = Text::from_name(&text) else {
        return Failure::not_found().into_response();
    };
    let path = text.path(wanted(&headers));
    let headers = [
        (header::LOCATION, path.as_str()),
        (header::VARY, "accept-language"),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The language that a browser asks for (RFC 9110 §12.5.4); Turkish, as for accounts, if it is none
/// of ours.
fn wanted(headers: &HeaderMap) -> Locale {
    let lists = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let ranges = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    let mut best = (0.0, Locale::Tr);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let language = parts.next().unwrap_or_default();
        let language = language.split('-').next().unwrap_or_default();
        let Some(language) = Locale::from_text(&language.to_ascii_lowercase()) else {
            continue;
        };
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality: f32 = quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
        if quality > best.0 {
            best = (quality, language);
        }
    }
    best.1
}

/// Words of the frame around the texts.
struct Words {
    skip: &'static str,
    texts: &'static str,
    languages: &'static str,
}

const fn words(language: Locale) -> Words {
    match language {
        Locale::Tr => Words {
            skip: "Metne geç",
            texts: "Metinler",
            languages: "Dil",
        },
        Locale::En => Words {
            skip: "Skip to the text",
            texts: "Texts",
            languages: "Language",
        },
    }
}

const fn own_name(language: Locale) -> &'static str {
    match language {
        Locale::Tr => "Türkçe",
        Locale::En => "English",
    }
}

fn page(texts: &LegalTexts, text: Text, language: Locale, rendered: &Rendered) -> String {
    let Words {
        skip,
        texts: texts_word,
        languages: languages_word,
    } = words(language);
    let (name, title) = (escaped(&texts.name), escaped(&rendered.title));
    let mut alternates = String::new();
    let mut languages = String::new();
    for other in Locale::ALL.iter().copied() {
        let path = text.path(other);
        let _ = writeln!(
            alternates,
            r#"<link rel="alternate" hreflang="{other}" href="{path}">"#
        );
        let current = current(other == language, "true");
        let _ = writeln!(
            languages,
            r#"<li><a href="{path}" lang="{other}" hreflang="{other}"{current}>{}</a></li>"#,
            own_name(other)
        );
    }
    let mut others = String::new();
    for other in Text::ALL {
        let (path, title) = (other.path(language), escaped(texts.title(other, language)));
        let current = current(other == text, "page");
        let _ = writeln!(others, r#"<li><a href="{path}"{current}>{title}</a></li>"#);
    }
    let body = &rendered.body;
    format!(
        r##"<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · {name}</title>
<link rel="stylesheet" href="{STYLE_PATH}">
{alternates}</head>
<body>
<a class="skip" href="#text">{skip}</a>
<header>
<a class="name" href="/">{name}</a>
<nav aria-label="{languages_word}"><ul>
{languages}</ul></nav>
</header>
<nav class="texts" aria-label="{texts_word}"><ul>
{others}</ul></nav>
<main id="text" tabindex="-1">
{body}</main>
</body>
</html>
"##
    )
}

fn current(is: bool, what: &str) -> String {
    if is {
        format!(r#" aria-current="{what}""#)
    } else {
        String::new()
    }
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    let _ = pulldown_cmark_escape::escape_html(&mut html, text);
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browsers_languages_choose_ours() {
        for (asked, language) in [
            ("", Locale::Tr),
            ("de", Locale::Tr),
            ("en", Locale::En),
            ("EN-gb,tr;q=0.9", Locale::En),
            ("de, en;q=0.5, tr;q=0.8", Locale::Tr),
            ("tr;q=0.2, en;q=0.3", Locale::En),
            ("en;q=0", Locale::Tr),
            ("en;q=x", Locale::Tr),
            ("en;q=NaN, *", Locale::Tr),
            ("tr, en", Locale::Tr),
            (",;,=;q", Locale::Tr),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, asked.parse().expect("a value"))]);
            assert_eq!(wanted(&headers), language, "{asked:?}");
        }
    }
}
