//! Opening a node's end: who is let in, and how others are found.

use super::{Inner, NodeClock, Wire, WireError, zenoh};
use crate::trust::{Role, random_id, topics::NODES};
use ::zenoh::{Config, Wait as _, liveliness::LivelinessToken};
use core::time::Duration;
use serde_json::json;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use types::Rejection;

/// How a node reaches others.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The robot's name, the first part of every key: letters, digits, `_` and `-`.
    pub robot: String,
    /// Where others are, as in `quic/gpu-box:7447`; none: they are found by multicast.
    pub connect: Vec<String>,
    /// Where this node is found, as in `quic/0.0.0.0:7447`; none: a port that is free, on this machine alone or, with
    /// keys, on all its addresses.
    pub listen: Vec<String>,
    /// Whether others are looked for by multicast.
    pub multicast: bool,
    /// Whether nodes speak with each other straight; if not, only through what stands in `connect`, which with keys is
    /// the deployment's router, or nothing passes.
    pub is_direct: bool,
    /// The folder of this node's keys; `None`: this machine alone.
    pub keys: Option<PathBuf>,
    /// Pass on what others say, so that nodes that cannot see each other hear each other.
    pub is_router: bool,
}

impl Default for Settings {
    /// A robot without a name, straight, on this machine alone.
    fn default() -> Self {
        Self {
            robot: String::new(),
            connect: Vec::new(),
            listen: Vec::new(),
            multicast: false,
            is_direct: true,
            keys: None,
            is_router: false,
        }
    }
}

/// How long those who are there may take to say so.
const PRESENT: Duration = Duration::from_millis(300);

/// Files in a folder of keys.
pub(super) const CA: &str = "ca.pem";
pub(super) const CERTIFICATE: &str = "node.pem";
pub(super) const PRIVATE: &str = "node.key.pem";
pub(super) const ACCESS: &str = "access.json";
pub(super) const THROUGH_ROUTER: &str = "through-router.json";

/// A peer that is gone is noticed in seconds; what hangs on it has deadlines of its own.
pub(super) const LEASE_MS: u64 = 2000;
/// No message is larger: a picture of 8192 pixels a side would be, and none is sent.
pub(super) const MOST_BYTES: u64 = 268_435_456;

impl Settings {
    /// # Errors
    /// A [`Rejection`] naming the key of a name that is none, or an endpoint that would leave this machine in plain text.
    fn check(&self) -> Result<(), Rejection> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.robot.is_empty() || self.robot.len() > 64 || !self.robot.chars().all(fits) {
            let expected = "1 to 64 letters, digits, _ and -";
            return Err(Rejection::new("zenoh.robot", expected, self.robot.clone()));
        }
        if self.is_router && self.keys.is_some() {
            // What it passes on would count as its own, and be denied.
            let expected = "false with keys: who passes on then is a Zenoh router with the folder `router` of `sinew keys`";
            return Err(Rejection::new("zenoh.router", expected, "true"));
        }
        if !self.is_direct {
            let refuse =
                |field, expected: &str, got: String| Err(Rejection::new(field, expected.to_owned(), got));
            if self.connect.is_empty() {
                return refuse(
                    "zenoh.connect",
                    "a router to speak through, as zenoh.direct is false",
                    "[]".into(),
                );
            }
            if !self.listen.is_empty() {
                let got = format!("{:?}", self.listen);
                return refuse("zenoh.listen", "[], as zenoh.direct is false", got);
            }
            if self.is_router {
                return refuse("zenoh.router", "false, as zenoh.direct is false", "true".into());
            }
        }
        for (field, endpoints) in [("zenoh.connect", &self.connect), ("zenoh.listen", &self.listen)] {
            for endpoint in endpoints {
                check_endpoint(field, endpoint, self.keys.is_some())?;
            }
        }
        Ok(())
    }

    fn config(&self) -> Result<Config, WireError> {
        Config::from_json5(&self.zenoh_config()?).map_err(zenoh)
    }

    /// What Zenoh is told, as JSON.
    ///
    /// # Errors
    /// A [`Rejection`] for a name that is none, an endpoint that would leave this machine in plain text, or a folder of
    /// keys that is not whole.
    pub fn zenoh_config(&self) -> Result<String, Rejection> {
        self.check()?;
        let listen = match (self.listen.is_empty(), &self.keys) {
            (false, _) => self.listen.clone(),
            (true, None) => vec!["tcp/127.0.0.1:0".to_owned()],
            (true, Some(_)) => vec!["quic/0.0.0.0:0".to_owned()],
        };
        let mode = match (self.is_router, self.is_direct) {
            (true, _) => "router",
            (false, true) => "peer",
            (false, false) => "client",
        };
        // Without keys nobody beyond this machine is even asked.
        let interface = if self.keys.is_some() { "auto" } else { "lo" };
        let listen = if self.is_direct { listen } else { Vec::new() };
        let mut config = json!({
            "mode": mode,
            "connect": { "endpoints": self.connect, "timeout_ms": 0, "exit_on_failure": false,
                         "retry": { "period_init_ms": 100, "period_max_ms": 1000, "period_increase_factor": 2 } },
            "listen": { "endpoints": listen },
            "scouting": {
                "delay": 300,
                "multicast": { "enabled": self.multicast, "interface": interface },
            },
            "transport": {
                "link": {
                    "protocols": [if self.keys.is_some() { "quic" } else { "tcp" }],
                    "tx": { "lease": LEASE_MS, "keep_alive": 4 },
                    "rx": { "max_message_size": MOST_BYTES },
                },
                "shared_memory": {
                    "enabled": true, "mode": "init",
                    "transport_optimization": {
                        "enabled": true, "pool_size": 67_108_864, "message_size_threshold": 8192,
                    },
                },
            },
        });
        if let Some(folder) = &self.keys {
            let file = |name: &str| folder.join(name);
            // Straight, nobody is listened to who is a router; through one, nobody else.
            let rules = if self.is_direct { ACCESS } else { THROUGH_ROUTER };
            for name in [CA, CERTIFICATE, PRIVATE, rules] {
                if !file(name).is_file() {
                    let expected = format!("a folder that `sinew keys` made, with {name}");
                    return Err(Rejection::new("zenoh.keys", expected, folder.display().to_string()));
                }
            }
            config["transport"]["link"]["tls"] = json!({
                "root_ca_certificate": file(CA), "enable_mtls": true, "verify_name_on_connect": false,
                "listen_certificate": file(CERTIFICATE), "listen_private_key": file(PRIVATE),
                "connect_certificate": file(CERTIFICATE), "connect_private_key": file(PRIVATE),
            });
            let access = std::fs::read_to_string(file(rules));
            let access =
                access.map_err(|e| Rejection::new("zenoh.keys", "a file that can be read", e.to_string()))?;
            let access: serde_json::Value = serde_json::from_str(&access)
                .map_err(|e| Rejection::new("zenoh.keys", format!("JSON in {rules}"), e.to_string()))?;
            config["access_control"] = access;
        }
        Ok(config.to_string())
    }
}

/// Without keys nothing leaves this machine; with keys everything is QUIC, which is TLS 1.3 over UDP.
fn check_endpoint(field: &str, endpoint: &str, has_keys: bool) -> Result<(), Rejection> {
    let refuse =
        |expected: &str| Err(Rejection::new(field.to_owned(), expected.to_owned(), endpoint.to_owned()));
    let Some((protocol, address)) = endpoint.split_once('/') else {
        return refuse("PROTOCOL/HOST:PORT");
    };
    let Some((host, port)) = address.rsplit_once(':') else {
        return refuse("PROTOCOL/HOST:PORT");
    };
    if port.parse::<u16>().is_err() {
        return refuse("a port from 0 to 65535");
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match (has_keys, protocol) {
        (true, "quic") => Ok(()),
        (true, _) => refuse("quic/HOST:PORT, as there are keys"),
        (false, "tcp") if is_here => Ok(()),
        (false, _) => {
            refuse("tcp/127.0.0.1:PORT: beyond this machine only with keys (zenoh.keys, `sinew keys`)")
        }
    }
}

/// Announces a node for as long as it is kept.
pub struct Announced(#[expect(dead_code, reason = "it is there to be dropped")] LivelinessToken);

/// A node that is announced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Present {
    /// The robot's name.
    pub robot: String,
    /// What it is.
    pub role: Role,
    /// Which.
    pub id: u64,
}

impl Present {
    fn from_key(key: &str) -> Option<Self> {
        let mut parts = key.split('/');
        let (robot, nodes, role, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_whole = nodes == NODES && parts.next().is_none();
        let (role, id) = (Role::from_word(role)?, u64::from_str_radix(id, 16).ok()?);
        is_whole.then(|| Self { robot: robot.to_owned(), role, id })
    }
}

impl Wire {
    /// Opens this node's end.
    ///
    /// # Errors
    /// A [`Rejection`] for settings that cannot be; [`WireError::Zenoh`].
    pub fn open(settings: &Settings, role: Role, clock: NodeClock) -> Result<Self, WireError> {
        let session = ::zenoh::open(settings.config()?).wait().map_err(zenoh)?;
        let id = random_id()?;
        let (arrows, clocks) = (Mutex::default(), Mutex::new(HashMap::new()));
        let robot = settings.robot.clone();
        Ok(Self(Arc::new(Inner { session, robot, role, id, clock, arrows, clocks })))
    }

    /// Whether there is a link to anybody just now.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        let info = self.0.session.info();
        info.peers_zid().wait().next().is_some() || info.routers_zid().wait().next().is_some()
    }

    /// Lets others know that this node is there, until what is returned is dropped, or the node dies.
    ///
    /// # Errors
    /// [`WireError::Zenoh`].
    pub fn announce(&self) -> Result<Announced, WireError> {
        let key = format!("{}/{NODES}/{}/{:016x}", self.0.robot, self.0.role.word(), self.0.id);
        let token = self.0.session.liveliness().declare_token(key).wait().map_err(zenoh)?;
        Ok(Announced(token))
    }

    /// Who is there of this robot, in order of role.
    ///
    /// # Errors
    /// [`WireError::Zenoh`].
    pub fn present(&self) -> Result<Vec<Present>, WireError> {
        let all = format!("{}/{NODES}/*/*", self.0.robot);
        let replies = self.0.session.liveliness().get(all).timeout(PRESENT).wait().map_err(zenoh)?;
        let mut found = Vec::new();
        while let Ok(reply) = replies.recv() {
            found.extend(reply.result().ok().and_then(|s| Present::from_key(s.key_expr().as_str())));
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_plain_text_nothing_leaves_this_machine_and_with_keys_everything_is_quic() {
        for (endpoint, without, with) in [
            ("tcp/127.0.0.1:7447", true, false),
            ("tcp/[::1]:0", true, false),
            ("tcp/localhost:7447", true, false),
            ("tcp/0.0.0.0:7447", false, false),
            ("tcp/[::]:7447", false, false),
            ("tcp/192.168.0.4:7447", false, false),
            ("tcp/gpu-box:7447", false, false),
            ("quic/gpu-box:7447", false, true),
            ("udp/127.0.0.1:7447", false, false),
            ("quic/gpu-box:70000", false, false),
            ("tls/gpu-box:7447", false, false),
            ("gpu-box:7447", false, false),
            ("tcp/127.0.0.1", false, false),
        ] {
            for (has_keys, is_right) in [(false, without), (true, with)] {
                let checked = check_endpoint("zenoh.connect", endpoint, has_keys);
                assert_eq!(checked.is_ok(), is_right, "{endpoint} {has_keys}: {checked:?}");
            }
        }
        let router = Settings { robot: "arm".into(), is_router: true, ..Settings::default() };
        assert!(router.check().is_ok());
        let with_keys = Settings { keys: Some("keys/robot".into()), ..router };
        assert_eq!(with_keys.check().expect_err("no identity").field, "zenoh.router");
        let through = Settings { is_direct: false, is_router: false, keys: None, ..with_keys };
        assert_eq!(through.check().expect_err("through whom?").field, "zenoh.connect");
        let through = Settings { connect: vec!["tcp/127.0.0.1:7447".into()], ..through };
        assert!(through.check().is_ok());
        let listening = Settings { listen: vec!["tcp/127.0.0.1:0".into()], ..through.clone() };
        assert_eq!(listening.check().expect_err("nobody comes").field, "zenoh.listen");
        let passing = Settings { is_router: true, ..through };
        assert_eq!(passing.check().expect_err("either or").field, "zenoh.router");
        let named = |robot: &str| Settings { robot: robot.into(), ..Settings::default() }.check();
        assert!(named("arm-1").is_ok());
        for bad in ["", "a/b", "a*", "$x", "ä", &"x".repeat(65)] {
            assert_eq!(named(bad).expect_err("no name").field, "zenoh.robot");
        }
    }
}
