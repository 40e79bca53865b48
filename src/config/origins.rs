//! Origins whose pages may open sockets here.

use serde::{Deserialize, Deserializer, de::Error as _};
use tebdil_core::settings::list;

/// Origins of web pages (RFC 6454), in lower case. Usually empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Whether this is one of them. `null` never is.
    pub fn contains(&self, origin: &str) -> bool {
        self.0
            .iter()
            .any(|known| known.eq_ignore_ascii_case(origin))
    }
}

/// A scheme, a host and perhaps a port; nothing after them.
fn parse(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let plain = !authority.is_empty()
        && authority
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    plain.then_some(text)
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = list(deserializer)?;
        let origin = |text: &String| {
            parse(text)
                .ok_or_else(|| D::Error::custom(format!("`{text}` is not an origin such as https://chat.example or http://localhost:3000")))
        };
        texts.iter().map(origin).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn origins_are_whole_and_nothing_stands_for_all() {
        let load = |text: &str| {
            let variable = ("TEBDIL_HTTP__ALLOWED_ORIGINS".to_owned(), text.to_owned());
            Config::load(None, [variable])
                .map(|config| config.http.allowed_origins)
                .map_err(|error| error.to_string())
        };
        assert!(!load("").expect("nobody").contains(""));
        let two = load("https://Chat.example, http://localhost:3000").expect("two");
        assert!(two.contains("https://chat.example") && two.contains("http://localhost:3000"));
        assert!(!two.contains("http://chat.example") && !two.contains("https://chat.example:8443"));
        for wrong in [
            "*",
            "null",
            "chat.example",
            "https://",
            "https://chat.example/",
            "https://chat.example/path",
            "https://a@chat.example",
        ] {
            assert!(
                load(wrong)
                    .expect_err(wrong)
                    .contains("http.allowed_origins"),
                "{wrong}"
            );
        }
    }
}
