//! Where servers are, and the keys that are shown to them: what others could read on the way is not sent.

use types::Rejection;

/// A key; it is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The content of an environment variable.
    ///
    /// # Errors
    /// A [`Rejection`] that names the variable, for none or one that no header can hold.
    pub fn from_env(name: &str) -> Result<Self, Rejection> {
        let refuse = |got: &str| Rejection::new(format!("the environment's {name}"), "a key", got.to_owned());
        let key = std::env::var(name).map_err(|_| refuse("none"))?;
        Self::new(&key).ok_or_else(|| refuse("something that no header can hold"))
    }

    /// `None` for what no header can hold.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        let fits = !key.is_empty() && key.len() < 4096 && key.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(key.to_owned()))
    }

    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether it is long enough to be one.
    pub(crate) fn is_secret(&self) -> bool {
        self.0.len() >= 8
    }

    /// A server's words, in case it repeats the key.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        text.replace(self.0.as_str(), "…")
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The address `url` of `field`, as `like`, without slashes at its end: https, or http to this machine or a private
/// address, and with a key to this machine alone. `what` would else go over the wire for all to read.
pub(crate) fn checked(
    field: &'static str,
    url: &str,
    like: &str,
    what: &str,
    has_key: bool,
) -> Result<String, Rejection> {
    let url = url.trim_end_matches('/').to_owned();
    let refuse = |expected: String| Err(Rejection::new(field, expected, url.clone()));
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = host_of(&url);
    if host.is_empty() || !url.bytes().all(|b| b.is_ascii_graphic()) || rest.contains('@') {
        return refuse(format!("an address as {like}"));
    }
    match scheme {
        "https" => {}
        "http" if is_here(host) || (is_private(host) && !has_key) => {}
        "http" if is_private(host) => {
            return refuse("https: the key would go over the wire for all to read".into());
        }
        "http" => return refuse(format!("https: {what} would go over the wire for all to read")),
        _ => return refuse(format!("an address as {like}")),
    }
    Ok(url)
}

/// The host in an address; empty where there is none.
pub(crate) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: core::net::IpAddr| ip.is_loopback())
}

fn is_private(host: &str) -> bool {
    match host.parse() {
        Ok(core::net::IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local(),
        Ok(core::net::IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => host.ends_with(".local"),
    }
}

/// Scheme, host and port: what decides who is meant.
pub(crate) fn origin_of(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |i| i + 3);
    let end = url[begin..].find(['/', '?', '#']).map_or(url.len(), |i| begin + i);
    &url[..end]
}
