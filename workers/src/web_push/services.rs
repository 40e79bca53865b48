//! The push services that browsers may name. An endpoint is an address that somebody gave us and
//! that we post to: nothing but a known push service may be behind it.

use std::net::IpAddr;

use reqwest::Url;
use tebdil_protocol::MAX_PUSH_ADDRESS_BYTES;

/// Which hosts are push services.
#[derive(Debug, Clone, Default)]
pub struct PushServices {
    /// Names of hosts; `*.` before one stands for all below it.
    hosts: Vec<String>,
    /// One more origin, on this machine; for tests.
    extra_origin: Option<String>,
}

impl PushServices {
    /// The services at these hosts and at `extra_origin`.
    ///
    /// # Errors
    /// What is wrong with the hosts, or with the origin.
    pub fn new(hosts: &[String], extra_origin: &str) -> Result<Self, ServicesError> {
        if !hosts.iter().all(|host| is_host(host)) {
            return Err(ServicesError::Host);
        }
        let extra_origin = match extra_origin {
            "" => None,
            text => Some(origin(text).ok_or(ServicesError::Origin)?),
        };
        Ok(Self {
            hosts: hosts.to_vec(),
            extra_origin,
        })
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.extra_origin.is_none()
    }

    pub(super) fn extra_origin(&self) -> Option<&str> {
        self.extra_origin.as_deref()
    }

    /// The address to post to, if `text` is one at a push service.
    pub fn endpoint(&self, text: &str) -> Option<Url> {
        if text.len() > MAX_PUSH_ADDRESS_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return None;
        }
        let url = Url::parse(text).ok()?;
        // What is written with user or fragment is no endpoint, wherever it leads.
        let plain = url.username().is_empty() && url.password().is_none() && !text.contains('#');
        if !plain || text.contains('\\') || url.as_str().len() > MAX_PUSH_ADDRESS_BYTES {
            return None;
        }
        let is_extra = self
            .extra_origin
            .as_ref()
            .is_some_and(|extra| *extra == url.origin().ascii_serialization());
        // An address in digits is no name of the list. 443 is no port to the parser.
        let is_service = url.scheme() == "https"
            && url.port().is_none()
            && url.domain().is_some_and(|domain| self.knows(domain));
        (is_extra || is_service).then_some(url)
    }

    fn knows(&self, domain: &str) -> bool {
        self.hosts.iter().any(|host| match host.strip_prefix("*.") {
            None => host == domain,
            Some(parent) => domain
                .strip_suffix(parent)
                .and_then(|below| below.strip_suffix('.'))
                .is_some_and(|below| !below.is_empty()),
        })
    }
}

/// Why there are no such push services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServicesError {
    Host,
    Origin,
}

/// Whether it is a name, as it stands in a parsed address, or all names below one.
fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let url = Url::parse(&format!("https://{name}/"));
    name.contains('.') && !name.contains('*') && url.is_ok_and(|url| url.domain() == Some(name))
}

/// The origin on this machine that `text` is, and nothing more.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).parse::<IpAddr>();
    let here = host.is_ok_and(|address| address.is_loopback());
    (here && url.scheme() == "http" && url.origin().ascii_serialization() == text)
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(extra: &str) -> PushServices {
        let hosts = ["fcm.googleapis.com", "*.push.apple.com"].map(str::to_owned);
        PushServices::new(&hosts, extra).expect("push services")
    }

    #[test]
    fn an_endpoint_is_at_a_push_service_and_nowhere_else() {
        let services = services("http://127.0.0.1:9099");
        let longest = format!(
            "https://fcm.googleapis.com/{}",
            "x".repeat(MAX_PUSH_ADDRESS_BYTES - "https://fcm.googleapis.com/".len())
        );
        for good in [
            "https://fcm.googleapis.com/fcm/send/a:b-c_d?e=f",
            "https://fcm.googleapis.com:443/wp/x",
            "HTTPS://FCM.googleapis.COM/x",
            "https://web.push.apple.com/x",
            "https://a.b.push.apple.com/x",
            "http://127.0.0.1:9099/x",
            &longest,
        ] {
            assert!(services.endpoint(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "x",
            "/x",
            "//fcm.googleapis.com/x",
            "http://fcm.googleapis.com/x",
            "ftp://fcm.googleapis.com/x",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://fcm.googleapis.com:444/x",
            "https://fcm.googleapis.com:80/x",
            "https://fcm.googleapis.com:8443/x",
            "https://fcm.googleapis.com./x",
            "https://fcm.googleapis.com.evil.example/x",
            "https://evil.example/fcm.googleapis.com",
            "https://evil.example?fcm.googleapis.com",
            "https://evilfcm.googleapis.com/x",
            "https://x.fcm.googleapis.com/x",
            "https://push.apple.com/x",
            "https://.push.apple.com/x",
            "https://evilpush.apple.com/x",
            "https://fcm.googleapis.com@evil.example/x",
            "https://evil.example@fcm.googleapis.com/x",
            "https://:secret@fcm.googleapis.com/x",
            "https://evil.example\\@fcm.googleapis.com/x",
            "https://fcm.googleapis.com\\@evil.example/x",
            "https://fcm.googleapis.com/x\\y",
            "https://fcm.googleapis.com/x#y",
            "https://fcm.googleapis.com#@evil.example/x",
            "https://evil.example#@fcm.googleapis.com/x",
            " https://fcm.googleapis.com/x",
            "https://fcm.googleapis.com/x\n",
            "ht\ttps://fcm.googleapis.com/x",
            "https://fcm.google\tapis.com/x",
            "https://fcm.googleapis.com/\u{e7}",
            "https://fcm\u{3002}googleapis.com/x",
            "https://fcm.googleapis.c\u{43e}m/x",
            "https://142.250.1.95/x",
            "https://2398749023/x",
            "https://0x7f.1/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://[::ffff:127.0.0.1]/x",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/x",
            "http://127.0.0.1:9098/x",
            "https://127.0.0.1:9099/x",
            "http://localhost:9099/x",
            "http://127.0.0.1:9099@evil.example/x",
            &format!("{longest}x"),
            &format!("https://fcm.googleapis.com/{}", "\"".repeat(1000)),
        ] {
            assert!(services.endpoint(bad).is_none(), "{bad}");
        }
        let without = self::services("");
        assert!(without.endpoint("http://127.0.0.1:9099/x").is_none());
        assert!(
            PushServices::default()
                .endpoint("https://fcm.googleapis.com/x")
                .is_none()
        );
    }

    #[test]
    fn only_names_and_whole_origins_can_be_set() {
        for bad in [
            "",
            "*",
            "*.",
            "com",
            "*.*.com",
            "FCM.googleapis.com",
            "a.b/c",
            "a.b:443",
            "127.0.0.1",
            "a b.c",
            "https://a.b",
            "u@a.b",
            "a..b\u{e7}",
        ] {
            let made = PushServices::new(&[bad.to_owned()], "");
            assert_eq!(made.err(), Some(ServicesError::Host), "{bad}");
        }
        for bad in [
            "x",
            "http://127.0.0.1:9/",
            "http://127.0.0.1:9/x",
            "ftp://127.0.0.1:9",
            "https://127.0.0.1:9",
            "http://127.0.0.1:9@10.0.0.1",
            "http://10.0.0.1:9",
            "http://169.254.169.254",
            "http://localhost:9",
            "http://push.example:9",
            "https://push.example",
        ] {
            let made = PushServices::new(&[], bad);
            assert_eq!(made.err(), Some(ServicesError::Origin), "{bad}");
        }
        assert!(PushServices::new(&[], "http://[::1]:9").is_ok());
        assert!(PushServices::new(&[], "").is_ok_and(|none| none.is_empty()));
        assert!(!services("").is_empty());
    }
}
