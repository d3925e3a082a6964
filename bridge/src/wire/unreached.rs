//! Why there is no link to an address: a Zenoh session goes on without one, and keeps the reason to itself.

use super::open::Settings;
use crate::limit::Limit;
use ::zenoh::{Config, Wait as _};
use core::time::Duration;
use std::sync::mpsc::channel;
use types::Rejection;

/// How long addresses may take to let this node in or refuse it: Zenoh itself gives one up then. A handshake that is left
/// earlier holds up those after it.
const LIMIT: Duration = Duration::from_secs(10);

/// What came of a try to reach an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// There is a link.
    Linked,
    /// Somebody is there and refuses the link, or is refused by this node, for this reason.
    Refused(String),
    /// Nobody answers, for this reason.
    Silent(String),
}

impl Settings {
    /// Tries every address of `connect` once more, alone, as this node, for 10 s at most in all; each with what came of it.
    ///
    /// # Errors
    /// As [`Self::zenoh_config`].
    pub fn reached(&self) -> Result<Vec<(String, Reached)>, Rejection> {
        let tries: Vec<_> =
            self.connect.iter().map(|to| Ok((to, self.only_to(to)?))).collect::<Result<_, _>>()?;
        let tries = tries.into_iter().map(|(to, config)| {
            let (put, take) = channel();
            std::thread::spawn(move || {
                let config = Config::from_json5(&config);
                let opened = config.and_then(|config| ::zenoh::open(config).wait());
                let _ = put.send(opened.map(drop).map_err(|e| e.to_string()));
            });
            (to.clone(), take)
        });
        let tries: Vec<_> = tries.collect();
        let limit = Limit::of(LIMIT);
        let told = tries.into_iter().map(|(to, take)| {
            let reached = match take.recv_timeout(limit.left()) {
                Ok(Ok(())) => Reached::Linked,
                Ok(Err(why)) => judged(&why),
                Err(_) => Reached::Silent(format!("nobody has answered within {LIMIT:?}")),
            };
            (to, reached)
        });
        Ok(told.collect())
    }

    /// What Zenoh is told so that it goes to this address alone, and says why it cannot.
    fn only_to(&self, to: &str) -> Result<String, Rejection> {
        let unread = |e: serde_json::Error| {
            Rejection::new("zenoh.connect", "settings that Zenoh takes", e.to_string())
        };
        let mut config: serde_json::Value = serde_json::from_str(&self.zenoh_config()?).map_err(unread)?;
        // As a peer: a client keeps even then to itself what was wrong.
        config["mode"] = "peer".into();
        config["connect"]["endpoints"] = serde_json::json!([to]);
        config["connect"]["exit_on_failure"] = true.into();
        config["listen"]["endpoints"] = serde_json::json!([]);
        config["scouting"]["multicast"]["enabled"] = false.into();
        Ok(config.to_string())
    }
}

/// What Zenoh's words mean: they are QUIC's and TLS's where those have refused.
fn judged(why: &str) -> Reached {
    let why = why.split(" at /").next().unwrap_or(why);
    if ["handshake failed", "certificate", "closed by peer", "aborted by peer"]
        .iter()
        .any(|w| why.contains(w))
    {
        return Reached::Refused(why.to_owned());
    }
    // Whose certificate this node takes, and who lets it go before a word was said.
    if why.contains("connection lost") {
        let likely = "it ended the link at once, as one does that does not take this node's certificate";
        return Reached::Refused(format!("{likely} ({why})"));
    }
    Reached::Silent(why.to_owned())
}
