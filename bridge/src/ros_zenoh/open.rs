//! Opening a node's end: where others are.

use super::Dialect;
use crate::ros::names;
use crate::wire::WireError;
use ::zenoh::Config;
use serde_json::json;
use types::Rejection;

/// What a node is and whom it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whose keys are spoken.
    pub dialect: Dialect,
    /// `ROS_DOMAIN_ID`: who is in another one is not met; 0 to 232. The bridge's keys do not hold it.
    pub domain: u16,
    /// Its name.
    pub node: String,
    /// What comes before its name and before names that begin with no slash: `/`, or words with a slash before each.
    pub namespace: String,
    /// The namespace that the bridge has been given: its topics are below that on Zenoh. `/` for none.
    pub bridge: String,
    /// Where the router is, as in `tcp/127.0.0.1:7447`, or several. Whoever is beyond this machine is spoken with in
    /// plain text.
    pub connect: Vec<String>,
    /// Where others may come straight to this node, as in `tcp/127.0.0.1:0` (a port that is free). None: all goes
    /// through the router, which has to be there before this node.
    pub listen: Vec<String>,
    /// Pass on what others say, as `rmw_zenohd` and `zenohd` do: where there is no router of theirs.
    pub is_router: bool,
}

impl Settings {
    /// A node of this name among those of `rmw_zenoh`, in domain 0 and no namespace, by a router on this machine, and found
    /// here by those alone who are on it, too.
    #[must_use]
    pub fn of(node: &str) -> Self {
        Self {
            dialect: Dialect::default(),
            domain: 0,
            node: node.to_owned(),
            namespace: "/".to_owned(),
            bridge: "/".to_owned(),
            connect: vec!["tcp/127.0.0.1:7447".to_owned()],
            listen: vec!["tcp/127.0.0.1:0".to_owned()],
            is_router: false,
        }
    }

    /// Domains up to this are those of ROS on DDS, too.
    const LAST_DOMAIN: u16 = 232;

    fn check(&self) -> Result<(), Rejection> {
        if self.domain > Self::LAST_DOMAIN {
            let expected = format!("0 to {}", Self::LAST_DOMAIN);
            return Err(Rejection::new("domain", expected, self.domain.to_string()));
        }
        names::node(&self.node)?;
        names::namespace(&self.namespace)?;
        names::namespace(&self.bridge).map_err(|r| Rejection { field: "bridge".into(), ..r })?;
        if self.connect.is_empty() && self.listen.is_empty() {
            return Err(Rejection::new("connect", "a router, or a place to listen at", "neither"));
        }
        if self.is_router && self.listen.is_empty() {
            return Err(Rejection::new("listen", "a place where others find this router", "none"));
        }
        for (field, endpoints) in [("connect", &self.connect), ("listen", &self.listen)] {
            endpoints.iter().try_for_each(|endpoint| check_endpoint(field, endpoint))?;
        }
        Ok(())
    }

    /// What Zenoh is told.
    pub(super) fn config(&self) -> Result<Config, WireError> {
        self.check()?;
        let mode = match (self.is_router, self.listen.is_empty()) {
            (true, _) => "router",
            (false, true) => "client",
            (false, false) => "peer",
        };
        let config = json!({
            "mode": mode,
            // Looked for as long as it takes, but by a client, which is nothing without its router.
            "connect": { "endpoints": self.connect, "timeout_ms": { "router": -1, "peer": -1, "client": 0 },
                         "exit_on_failure": { "router": false, "peer": false, "client": true },
                         "retry": { "period_init_ms": 200, "period_max_ms": 2000, "period_increase_factor": 2 } },
            "listen": { "endpoints": self.listen },
            "scouting": {
                "multicast": { "enabled": false },
                // As nodes of ROS do: whom the router tells of is spoken with straight.
                "gossip": { "enabled": true, "autoconnect": { "router": [], "peer": ["router", "peer"] },
                            "autoconnect_strategy": { "peer": { "to_router": "always", "to_peer": "greater-zid" } } },
            },
            // Those who come late are told apart what they have by its time.
            "timestamping": { "enabled": true },
            "transport": {
                "link": {
                    "protocols": ["tcp"],
                    // A node that is gone is noticed in seconds.
                    "tx": { "lease": 2000, "keep_alive": 4 },
                    "rx": { "max_message_size": 268_435_456 },
                },
                "shared_memory": { "enabled": false },
            },
        });
        Config::from_json5(&config.to_string()).map_err(super::zenoh)
    }
}

/// Nothing but a host and a port: Zenoh reads options in what follows them.
fn check_endpoint(field: &'static str, endpoint: &str) -> Result<(), Rejection> {
    let refuse = |expected: &'static str| {
        let got: String = endpoint.chars().take(80).collect();
        Err(Rejection::new(field, expected, got))
    };
    let address = endpoint.strip_prefix("tcp/").and_then(|address| address.rsplit_once(':'));
    let Some((host, port)) = address else { return refuse("tcp/HOST:PORT") };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_';
            !host.is_empty() && host.len() <= 253 && host.chars().all(fits)
        }
    };
    if !is_host {
        return refuse("tcp/HOST:PORT");
    }
    // A sign before it would pass otherwise.
    let is_port = port.chars().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if is_port { Ok(()) } else { refuse("a port from 0 to 65535") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_are_none_are_refused_by_name() {
        let refused = |settings: Settings| settings.check().expect_err("none").field;
        let good = Settings::of("sinew");
        assert_eq!(good.check(), Ok(()));
        assert_eq!(refused(Settings { domain: 233, ..good.clone() }), "domain");
        for bad in ["", "2nd", "a/b", "a b", "ä", "a*", &"a".repeat(256)] {
            assert_eq!(refused(Settings { node: bad.into(), ..good.clone() }), "node");
        }
        for bad in ["", "arm", "/arm/", "/%", "/*", "/a b"] {
            assert_eq!(refused(Settings { namespace: bad.into(), ..good.clone() }), "namespace");
            assert_eq!(refused(Settings { bridge: bad.into(), ..good.clone() }), "bridge");
        }
        let alone = Settings { listen: Vec::new(), ..good.clone() };
        assert_eq!(alone.check(), Ok(()));
        assert_eq!(refused(Settings { connect: Vec::new(), ..alone.clone() }), "connect");
        assert_eq!(refused(Settings { is_router: true, ..alone }), "listen");
        for bad in [
            "",
            "tcp/",
            "tcp/a",
            "tcp/:1",
            "tcp/a:",
            "tcp/a:+1",
            "tcp/a:65536",
            "udp/a:1",
            "tls/a:1",
            "tcp/a:1#iface=b",
            "tcp/a?b:1",
            "tcp/[::g]:1",
        ] {
            assert_eq!(refused(Settings { connect: vec![bad.into()], ..good.clone() }), "connect", "{bad}");
            assert_eq!(refused(Settings { listen: vec![bad.into()], ..good.clone() }), "listen", "{bad}");
        }
        for fine in ["tcp/localhost:7447", "tcp/[::1]:7447", "tcp/192.168.0.4:7447", "tcp/gpu-box.lan:0"] {
            assert_eq!(Settings { connect: vec![fine.into()], ..good.clone() }.check(), Ok(()), "{fine}");
        }
        assert_eq!(Dialect::named("ros2dds"), Ok(Dialect::Ros2Dds));
        assert_eq!(Dialect::named("dds").expect_err("another").field, "dialect");
    }
}
