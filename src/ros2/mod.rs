//! ROS 2 as the configuration has it: how far it is reached, an arm of it that the loop drives, and one that is simulated.

#[cfg(feature = "dds")]
mod arm;
pub(crate) mod joints;
#[cfg(feature = "dds")]
pub(crate) mod stand_in;

#[cfg(feature = "dds")]
pub(crate) use arm::arm;

use std::time::SystemTime;
use types::Time;
#[cfg(feature = "dds")]
use {
    crate::config::Config,
    crate::graph::BodyError,
    crate::session::StartError,
    bridge::asking::RosError,
    bridge::dds::{Reach, Rmw, Settings},
    types::Rejection,
};

/// The time of day, as ROS 2 has it: since 1970.
pub(crate) fn wall() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// How the configuration has DDS.
///
/// # Errors
/// A [`Rejection`] naming the key.
#[cfg(feature = "dds")]
pub(crate) fn settings(config: &Config) -> Result<Settings, Rejection> {
    let c = &config.ros2;
    let read = |a: &String| {
        let refuse = |_| Rejection::new("ros2.reach", "addresses, [\"*\"] or []", a.clone());
        a.parse().map_err(refuse)
    };
    let reach = match c.reach.as_slice() {
        [] => Reach::ThisMachine,
        [all] if all == "*" => Reach::Everywhere,
        some => Reach::Networks(some.iter().map(read).collect::<Result<_, _>>()?),
    };
    let (node, namespace) = (c.node.clone(), c.namespace.clone());
    Ok(Settings { domain: c.domain, node, namespace, rmw: Rmw::named(&c.rmw)?, reach })
}

/// What refuses a setting names it without its section.
#[cfg(feature = "dds")]
fn refused(section: &str, e: RosError) -> StartError {
    match e {
        RosError::Refused(r) => Rejection::new(format!("{section}: {}", r.field), r.expected, r.got).into(),
        other => BodyError::Robot(other.to_string()).into(),
    }
}
