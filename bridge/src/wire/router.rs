//! A site's Zenoh router: what it is told so that it carries one deployment's nodes, and nobody and nothing else.
//!
//! It has a certificate and no secret of any pair. So it can read what passes, change what is not signed and hold back
//! anything, but ask for no motion.

use super::access::access_control_of_router;
use super::open::{CA, CERTIFICATE, LEASE_MS, MOST_BYTES, PRIVATE};
use super::{WireError, zenoh};
use ::zenoh::{Config, Session, Wait as _};
use serde_json::json;
use std::path::Path;

/// Its word, in folders and certificates; no role has it.
pub(super) const ROUTER: &str = "router";
/// What it is told, a file in its folder.
pub(super) const CONFIG: &str = "router.json5";
/// Where it listens.
const LISTENS: &str = "quic/0.0.0.0:7447";

/// A part of the file: why, and what.
fn part(why: &[&str], key: &str, value: &serde_json::Value) -> String {
    let mut out: String = why.iter().map(|line| format!("  // {line}\n")).collect();
    let value = format!("{value:#}").replace('\n', "\n  ");
    out += &format!("  \"{key}\": {value},\n");
    out
}

/// What Zenoh's router of this version is told (`zenohd -c router.json5`), to be read and started in its own folder.
#[must_use]
pub(super) fn router_config(robot: &str) -> String {
    let parts = [
        part(&[], "mode", &json!("router")),
        part(
            &[
                "Where nodes find it ([zenoh] connect = [\"quic/HOST:7447\"], direct = false). It goes to nobody by itself.",
            ],
            "listen",
            &json!({ "endpoints": [LISTENS] }),
        ),
        part(&[], "connect", &json!({ "endpoints": [] })),
        part(
            &["Nobody is told of anybody: nodes go through here, and know each other by what they say."],
            "scouting",
            &json!({ "multicast": { "enabled": false }, "gossip": { "enabled": false } }),
        ),
        part(&["Messages have stamps of their own."], "timestamping", &json!({ "enabled": false })),
        part(
            &[
                "QUIC alone (TLS 1.3 over UDP), with certificates of this deployment's authority on both sides. One link to a",
                "node: with a second it could be two roles at once.",
            ],
            "transport",
            &json!({
                "unicast": { "max_links": 1 },
                "link": {
                    "protocols": ["quic"],
                    "tx": { "lease": LEASE_MS, "keep_alive": 4 },
                    "rx": { "max_message_size": MOST_BYTES },
                    "tls": {
                        "root_ca_certificate": CA, "enable_mtls": true, "verify_name_on_connect": false,
                        "listen_certificate": CERTIFICATE, "listen_private_key": PRIVATE,
                        "connect_certificate": CERTIFICATE, "connect_private_key": PRIVATE,
                    },
                },
                "shared_memory": { "enabled": false },
            }),
        ),
        part(
            &[
                "Nobody asks the router itself, or tells it anything: zenohd opens this whatever is said of it, and keeps to what",
                "it permits.",
            ],
            "adminspace",
            &json!({ "enabled": false, "permissions": { "read": false, "write": false } }),
        ),
        part(
            &[
                "Denied, but for what is allowed here, by the name in a node's certificate: what comes in from a node of a role",
                "(ingress), and what goes out to it (egress).",
            ],
            "access_control",
            &access_control_of_router(robot),
        ),
    ];
    format!(
        "// The Zenoh router of the robot {robot}, made by `sinew keys`, and by `sinew keys --renew` anew. To be started in this\n\
         // folder, by Zenoh 1.10.2: zenohd -c {CONFIG} (another address: -l quic/HOST:PORT).\n\
         {{\n{}}}\n",
        parts.concat()
    )
}

/// A router in this process, for as long as it is kept: what `zenohd` is with the same file.
pub struct Router(#[expect(dead_code, reason = "it is there to be dropped")] Session);

impl Router {
    /// Opens it by a file that `sinew keys` made, in whose folder this process has to be.
    ///
    /// # Errors
    /// [`WireError::Zenoh`] for a file that is none, or an address that is taken.
    pub fn open(file: &Path) -> Result<Self, WireError> {
        let config = Config::from_file(file).map_err(zenoh)?;
        Ok(Self(::zenoh::open(config).wait().map_err(zenoh)?))
    }
}
