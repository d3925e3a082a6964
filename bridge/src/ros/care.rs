//! What a topic asks of whatever carries it.

/// How sure it has to be that a message arrives, and who gets those that were before; in the terms of ROS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Best effort: what is lost is lost, the next is there soon. For what is measured often.
    Sensor,
    /// Sent again until it has arrived. For what counts each.
    Reliable,
    /// As that, but only the newest counts: who does not take it holds up nobody else. For what is said often.
    Newest,
    /// As that, and who comes late gets the last one. For what is said once: `/robot_description`, `/tf_static`.
    Latched,
}
