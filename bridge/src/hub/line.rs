//! The line to the hub: one request with its redirects, and what became of it.

use super::{Hub, Patience};
use crate::address::{self, Key};
use core::time::Duration;
use std::io::Read;
use ureq::http::Response;
use ureq::{Agent, Body, Proxy};

/// Most hops of one request.
const MOST_REDIRECTS: usize = 5;
/// Most bytes of an error that are read, and most characters of it that are shown.
const MOST_ERROR: u64 = 16 << 10;
const LONGEST_SAID: usize = 300;
/// Longest time for the way to a server.
const CONNECTING: Duration = Duration::from_secs(20);

/// Why a try has failed.
#[derive(Debug)]
pub(super) struct Miss {
    pub(super) what: String,
    /// The server asks not to be asked again before.
    pub(super) after: Option<Duration>,
    /// It would be the same another time.
    pub(super) is_final: bool,
}

impl Miss {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), after: None, is_final: false }
    }

    fn last(what: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::new(what) }
    }
}

pub(super) fn agent(url: &str, patience: &Patience) -> Agent {
    // What is on this machine or in this house is not asked for through others.
    let proxy = if url.starts_with("https:") { Proxy::try_from_env() } else { None };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .user_agent(concat!("sinew/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_resolve(Some(CONNECTING))
        .timeout_connect(Some(CONNECTING))
        .timeout_per_read(Some(patience.silence))
        .timeout_per_write(Some(patience.silence));
    Agent::new_with_config(config.build())
}

/// An answer of 200, 206 or 416.
pub(super) struct Answer {
    pub(super) status: u16,
    /// `Content-Length`.
    pub(super) length: Option<u64>,
    /// `Content-Range`: where it begins, and how long the whole file is, if that is said.
    pub(super) range: Option<(u64, Option<u64>)>,
    pub(super) body: Box<dyn Read>,
}

impl Hub {
    /// Asks for what is at `url` from byte `offset` on. The key goes to the hub alone.
    pub(super) fn get(&self, url: &str, offset: u64) -> Result<Answer, Miss> {
        let mut url = url.to_owned();
        for _ in 0..=MOST_REDIRECTS {
            let is_hub = address::origin_of(&url) == address::origin_of(&self.url);
            let mut request = self.agent.get(&url);
            if offset > 0 {
                request = request.header("range", format!("bytes={offset}-"));
            }
            if let Some(key) = self.key.as_ref().filter(|_| is_hub) {
                request = request.header("authorization", key.header());
            }
            let response = request.call().map_err(|e| Miss {
                is_final: matches!(e, ureq::Error::BadUri(_)),
                ..Miss::new(self.without_key(&self.said(&e)))
            })?;
            let header =
                |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => {
                    let to = header("location").unwrap_or_default();
                    url = self.follow(&url, &to).map_err(|e| Miss::last(self.without_key(&e)))?;
                }
                status @ (200 | 206 | 416) => {
                    return Ok(Answer {
                        status,
                        length: header("content-length").and_then(|l| l.trim().parse().ok()),
                        range: header("content-range").and_then(|r| range_of(&r)),
                        body: Box::new(response.into_body().into_reader()),
                    });
                }
                status => return Err(self.miss(status, is_hub, response)),
            }
        }
        Err(Miss::last(format!("more than {MOST_REDIRECTS} redirects")))
    }

    /// Where a redirect leads: over https to anybody, and without it only from one address of this house to another.
    fn follow(&self, from: &str, to: &str) -> Result<String, String> {
        let origin = address::origin_of(from);
        let scheme = from.split("://").next().unwrap_or_default();
        let url = match to {
            _ if to.starts_with("//") => format!("{scheme}:{to}"),
            _ if to.starts_with('/') => format!("{origin}{to}"),
            _ => to.to_owned(),
        };
        let begin = address::origin_of(&url);
        let fits = address::checked("location", begin, "https://host", "the file", false).is_ok()
            && (begin.starts_with("https:") || self.url.starts_with("http:"))
            && url.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(url)
        } else {
            Err(format!("a redirect to where nothing is fetched from: {}", short(to)))
        }
    }

    fn miss(&self, status: u16, is_hub: bool, response: Response<Body>) -> Miss {
        let header =
            |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let after = header("retry-after").and_then(|s| s.trim().parse().ok()).map(Duration::from_secs);
        let by_header = header("x-error-message");
        let mut text = String::new();
        let _ = response.into_body().into_reader().take(MOST_ERROR).read_to_string(&mut text);
        let in_json = || {
            let value: serde_json::Value = serde_json::from_str(&text).ok()?;
            value["error"].as_str().map(str::to_owned)
        };
        let words = by_header.or_else(in_json).map(|w| short(&self.without_key(&w))).unwrap_or_default();
        let said = format!("status {status} {}", words.trim_end_matches('.')).trim().to_owned();
        match status {
            408 | 425 | 429 | 500..=599 => Miss { after, ..Miss::new(said) },
            // The hub's own verdict on the key; elsewhere an address that has run out, to be asked for anew.
            401 | 403 if is_hub => Miss::last(format!("{said}: {}", self.about_key())),
            404 if is_hub => Miss::last(format!("{said}: not there")),
            _ if !is_hub => Miss::new(said),
            _ => Miss::last(said),
        }
    }

    fn about_key(&self) -> String {
        match (&self.key, self.key_env.as_str()) {
            (Some(_), "") => {
                "the key does not open it; a gated one wants its terms accepted on its page first".into()
            }
            (Some(_), env) => {
                format!(
                    "the key in {env} does not open it; a gated one wants its terms accepted on its page first"
                )
            }
            (None, _) => {
                "private, gated or not there; hub.key_env in robot.toml names the environment variable \
                that holds a key"
                    .into()
            }
        }
    }

    /// What went wrong with the line, in words.
    fn said(&self, e: &ureq::Error) -> String {
        match e {
            ureq::Error::Timeout(ureq::Timeout::PerRead) => {
                format!("no bytes for {:?}", self.patience.silence)
            }
            ureq::Error::Io(e) => short(&e.to_string()),
            _ => short(&e.to_string()),
        }
    }

    /// The same while a body is read.
    pub(super) fn said_io(&self, e: &std::io::Error) -> String {
        match e.get_ref().and_then(|e| e.downcast_ref::<ureq::Error>()) {
            Some(e) => self.said(e),
            None => short(&e.to_string()),
        }
    }

    /// A server's words, in case it repeats the key.
    fn without_key(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key: &Key| key.hidden_in(text))
    }
}

/// Of `bytes 5-9/10` or `bytes 5-9/*`.
fn range_of(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, all) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (begin, _) = range.split_once('-')?;
    Some((begin.trim().parse().ok()?, all.trim().parse().ok()))
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn redirects_lead_over_https_or_stay_in_the_house() {
        let hub = |url: &str| Hub::new(url, None, "", Path::new("/nowhere")).expect("a hub");
        let public = hub("https://huggingface.co");
        let here = hub("http://127.0.0.1:8000");
        let from = "https://huggingface.co/a/b/resolve/c/d";
        for (hub, from, to, leads) in [
            (&public, from, "https://cdn.example/x?sig=a@b", Some("https://cdn.example/x?sig=a@b")),
            (&public, from, "/api/x", Some("https://huggingface.co/api/x")),
            (&public, from, "//cdn.example/x", Some("https://cdn.example/x")),
            (&public, from, "http://cdn.example/x", None),
            (&public, from, "http://127.0.0.1/x", None),
            (&public, from, "http://192.168.1.1/x", None),
            (&public, from, "file:///etc/passwd", None),
            (&public, from, "https://user@cdn.example/x", None),
            (&public, from, "https://cdn.example/a b", None),
            (&public, from, "x", None),
            (&public, from, "", None),
            (&here, "http://127.0.0.1:8000/x", "http://localhost:9000/x", Some("http://localhost:9000/x")),
            (&here, "http://127.0.0.1:8000/x", "/y", Some("http://127.0.0.1:8000/y")),
            (&here, "http://127.0.0.1:8000/x", "http://example.com/x", None),
        ] {
            assert_eq!(hub.follow(from, to).ok().as_deref(), leads, "{to}");
        }
    }

    #[test]
    fn ranges_are_read_as_servers_write_them() {
        assert_eq!(range_of("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(range_of("bytes 5-9/*"), Some((5, None)));
        for bad in
            ["", "bytes", "bytes */10", "bytes -1-9/10", "chars 5-9/10", "bytes 99999999999999999999-1/2"]
        {
            assert_eq!(range_of(bad), None, "{bad}");
        }
    }
}
