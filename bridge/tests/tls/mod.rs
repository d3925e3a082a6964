//! A deployment's keys in a temp folder, and sessions of Zenoh's own with them, held back by none of our checks.

#![allow(dead_code, reason = "each test file uses its own part")]

mod site;

use bridge::wire::{Deployment, Party, Role};
use serde_json::{Value, json};
use site::SiteRouter;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use zenoh::{Config, Session, Wait as _};

/// The keys of the robot `arm`, gone when the test ends.
pub(crate) struct Deployed(PathBuf);

impl Deployed {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sinew-access-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let asked = Deployment { robot: None, days: 1, names: Vec::new(), renews: false };
        asked.make(&folder, now).expect("keys");
        Self(folder)
    }

    pub(crate) fn of(&self, role: Role) -> PathBuf {
        self.0.join(role.word())
    }

    /// The rules in a role's folder.
    pub(crate) fn access(&self, role: Role) -> Value {
        let access = std::fs::read_to_string(self.of(role).join("access.json")).expect("rules");
        serde_json::from_str(&access).expect("JSON")
    }

    /// What a role's certificate lets one be.
    pub(crate) fn tls(&self, role: Role) -> Value {
        self.tls_of(Party::Node(role))
    }

    /// What the certificate in a folder lets one be.
    pub(crate) fn tls_of(&self, party: Party) -> Value {
        let file = |name: &str| self.0.join(party.word()).join(name);
        let (certificate, private) = (file("node.pem"), file("node.key.pem"));
        json!({
            "root_ca_certificate": file("ca.pem"), "enable_mtls": true, "verify_name_on_connect": false,
            "listen_certificate": certificate, "listen_private_key": private,
            "connect_certificate": certificate, "connect_private_key": private,
        })
    }

    /// What the router is told, as it stands in its folder, but for this port of this machine alone.
    pub(crate) fn router(&self, port: u16) -> String {
        let folder = self.0.join("router");
        let mut told = std::fs::read_to_string(folder.join("router.json5")).expect("what it is told");
        assert!(told.contains("\"quic/0.0.0.0:7447\""), "{told}");
        told = told.replace("quic/0.0.0.0:7447", &format!("quic/127.0.0.1:{port}"));
        // It goes by the folder that it is started in.
        for file in ["ca.pem", "node.pem", "node.key.pem"] {
            told = told.replace(&format!("\"{file}\""), &format!("{:?}", folder.join(file)));
        }
        told
    }

    /// A router that is told this.
    pub(crate) fn routed(&self, told: &str) -> SiteRouter {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let file = self.0.join(format!("router-{}.json5", STARTED.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&file, told).expect("written");
        SiteRouter::start(&file)
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port of this machine that is free now, and was given to nobody here.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        // QUIC is spoken over UDP.
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        if GIVEN.lock().expect("no panic holds it").insert(port) {
            return port;
        }
    }
}

pub(crate) fn session(config: &str) -> Result<Session, zenoh::Error> {
    zenoh::open(Config::from_json5(config)?).wait()
}

fn config(mode: &str, tls: &Value) -> Value {
    json!({
        "mode": mode, "scouting": { "multicast": { "enabled": false } },
        "transport": { "link": { "tls": tls }, "shared_memory": { "enabled": false } },
    })
}

/// Somebody at `port` who goes by these rules.
pub(crate) fn node(keys: &Deployed, role: Role, port: u16, access: Value) -> Session {
    listening("peer", &keys.tls(role), port, access)
}

/// Somebody who is found at `port`, with this certificate and these rules.
pub(crate) fn listening(mode: &str, tls: &Value, port: u16, access: Value) -> Session {
    let mut config = config(mode, tls);
    config["listen"] = json!({ "endpoints": [format!("quic/127.0.0.1:{port}")] });
    config["access_control"] = access;
    session(&config.to_string()).expect("it listens")
}

/// Somebody who goes by no rules, and sends whatever it is told to whoever is at `endpoint`.
///
/// # Errors
/// When it is not let in.
pub(crate) fn stranger(tls: &Value, endpoint: &str) -> Result<Session, zenoh::Error> {
    named("", tls, endpoint)
}

/// The same under a number of its own choice, if it has one.
///
/// # Errors
/// As [`stranger`].
pub(crate) fn named(id: &str, tls: &Value, endpoint: &str) -> Result<Session, zenoh::Error> {
    let mut config = config("client", tls);
    config["connect"] = json!({
        "endpoints": [endpoint], "timeout_ms": Duration::from_secs(1).as_millis() as u64, "exit_on_failure": true,
    });
    if !id.is_empty() {
        config["id"] = json!(id);
    }
    session(&config.to_string())
}

/// Whoever listens here lets in one of its own, and none in plain text, of another deployment, or without a certificate.
pub(crate) fn lets_in_its_own_alone(ours: &Deployed, theirs: &Deployed, port: u16) {
    let to = |tls: &Value, protocol: &str, port: u16| stranger(tls, &format!("{protocol}/127.0.0.1:{port}"));
    let planner = ours.tls(Role::Planner);
    assert!(to(&planner, "quic", port).is_ok(), "one of us is let in");
    assert!(to(&json!({}), "tcp", port).is_err(), "plain text");
    let mut unknown = theirs.tls(Role::Planner);
    // It would even trust us.
    unknown["root_ca_certificate"] = planner["root_ca_certificate"].clone();
    assert!(to(&unknown, "quic", port).is_err(), "a planner of another deployment");
    let nobody = json!({
        "root_ca_certificate": planner["root_ca_certificate"],
        "enable_mtls": false, "verify_name_on_connect": false,
    });
    assert!(to(&nobody, "quic", port).is_err(), "no certificate");
}
