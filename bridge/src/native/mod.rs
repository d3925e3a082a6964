//! ROS 2 through its own libraries (r2r over rcl): what [`dds`](crate::dds) does without them, for systems whose middleware
//! is chosen in their environment. It builds where a ROS 2 is sourced, with its message packages and `control_msgs`.
//!
//! Everything here is called by plain threads, and every wait has a limit. One thread of the node's own spins it; what
//! comes in waits in places of bounded size, and is counted where it makes room or cannot be read. What is lost before it
//! arrives here is not counted: rcl's raw messages have no numbers. Topics travel as bytes; what a message is, is found
//! out by [`ros`](crate::ros) on this side.
//!
//! The domain and the middleware are what the environment says (`ROS_DOMAIN_ID`, `RMW_IMPLEMENTATION`), and so is how far
//! the node reaches (`ROS_AUTOMATIC_DISCOVERY_RANGE`).

mod action;
mod clock;
mod parameters;
mod qos;
mod service;
#[cfg(not(feature = "ros2-unsourced"))]
mod sourced;
mod spinning;
mod topic;
#[cfg(feature = "ros2-unsourced")]
mod unsourced;

pub use crate::ros::Care;
pub use action::{ActionWire, WiredAction};
pub use service::{ServiceWire, WiredQuestion};
pub use topic::{Heard, Publisher};
#[cfg(feature = "ros2-unsourced")]
pub use unsourced::Fibonacci;

use crate::asking::{RosError, locked};
use crate::ros::names;
use clock::Simulated;
use parameters::Parameters;
use spinning::{Spinner, Went};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use types::Rejection;

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The domain it is meant for; it has to be the one that `ROS_DOMAIN_ID` says (0 without), which is rcl's to read.
    pub domain: u16,
    /// Its name.
    pub node: String,
    /// What comes before its name and before names that begin with no slash: `/`, or words with a slash before each.
    pub namespace: String,
    /// What the parameter of this name begins with, Hz: how often joint states are said; 1 to 1000.
    pub joint_states_hz: f64,
}

impl Settings {
    /// A node of this name, in no namespace and the domain of the environment where that is one, which says joint states
    /// 100 times per second.
    #[must_use]
    pub fn of(node: &str) -> Self {
        let domain = domain(std::env::var("ROS_DOMAIN_ID").ok().as_deref()).unwrap_or(0);
        Self { domain, node: node.to_owned(), namespace: "/".to_owned(), joint_states_hz: 100.0 }
    }

    fn check(&self, in_environment: Option<&str>) -> Result<(), Rejection> {
        let said = domain(in_environment)?;
        if self.domain != said {
            let expected = format!("{said}, as ROS_DOMAIN_ID has it");
            return Err(Rejection::new("domain", expected, self.domain.to_string()));
        }
        names::node(&self.node)?;
        names::namespace(&self.namespace)?;
        parameters::check_rate(self.joint_states_hz)
    }
}

/// What rcl makes of `ROS_DOMAIN_ID`.
fn domain(in_environment: Option<&str>) -> Result<u16, Rejection> {
    match in_environment.map(str::trim) {
        None | Some("") => Ok(0),
        Some(text) => {
            let refuse = |_| Rejection::new("ROS_DOMAIN_ID", "a number from 0 to 232", format!("{text:?}"));
            text.parse().map_err(refuse)
        }
    }
}

/// rcl's words, or a refusal where it was something that was asked for.
fn rcl(e: r2r::Error) -> RosError {
    match e {
        r2r::Error::InvalidMessageType { msgtype } => {
            Rejection::new("type", "one of the ROS 2 that this was built with", msgtype).into()
        }
        other => RosError::Rcl(other.to_string()),
    }
}

struct Inner {
    // It goes before the thread that it is watched by.
    _watched: Vec<spinning::Watching<r2r::Node>>,
    spinner: Spinner<r2r::Node>,
    settings: Settings,
    parameters: Arc<Mutex<Parameters>>,
    simulated: Option<Arc<Simulated>>,
}

/// A node. Clones are the same node, and it is there until the last of them and of what was made by it is gone.
#[derive(Clone)]
pub struct Ros(Arc<Inner>);

impl Ros {
    /// Opens a node with its parameters: `joint_states_hz`, and `use_sim_time`, which counts from the beginning alone. Both
    /// may be given where the program is started: `--ros-args -p use_sim_time:=true`.
    ///
    /// # Errors
    /// A [`Rejection`] naming the setting that is none; [`RosError::Rcl`] where rcl does not begin.
    pub fn open(settings: &Settings) -> Result<Self, RosError> {
        settings.check(std::env::var("ROS_DOMAIN_ID").ok().as_deref())?;
        let parameters = Arc::new(Mutex::new(Parameters::new(settings.joint_states_hz)));
        let (of, held) = (settings.clone(), parameters.clone());
        // r2r panics where rcl does not begin.
        let begun = catch_unwind(move || {
            let mut node = r2r::Node::create(r2r::Context::create()?, &of.node, &of.namespace)?;
            let (answers, _changes) = node.make_derived_parameter_handler(held)?;
            Ok((node, Box::pin(answers)))
        });
        let panicked = |_| RosError::Rcl("it panicked at the beginning".to_owned());
        let (node, mut answers) = begun.map_err(panicked)?.map_err(rcl)?;
        let spinner = Spinner::start(node).map_err(|e| RosError::Rcl(e.to_string()))?;
        let mut watched = vec![spinner.watch(move |context| match answers.as_mut().poll(context) {
            Poll::Ready(()) => Went::Over,
            Poll::Pending => Went::Idle,
        })];
        let mut simulated = None;
        if locked(&parameters).use_sim_time {
            let shown = Arc::new(Simulated::default());
            watched.push(shown.hear(&spinner)?);
            simulated = Some(shown);
        }
        locked(&parameters).begin();
        let settings = settings.clone();
        Ok(Self(Arc::new(Inner { _watched: watched, spinner, settings, parameters, simulated })))
    }

    /// What it was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// How often joint states are to be said, Hz, as the node's parameter has it now.
    #[must_use]
    pub fn joint_states_hz(&self) -> f64 {
        locked(&self.0.parameters).joint_states_hz
    }

    /// Whether the node's thread has ended by itself, as rcl has panicked again and again: nothing is heard any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.spinner.is_over()
    }

    fn whole(&self, field: &'static str, name: &str) -> Result<String, Rejection> {
        names::whole(field, &self.0.settings.namespace, &self.0.settings.node, name)
    }

    /// Has something done to the node by its thread.
    fn order<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut r2r::Node) -> r2r::Result<T> + Send + 'static,
    ) -> Result<T, RosError> {
        self.0.spinner.order(what)?.map_err(rcl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_is_not_that_of_the_environment_is_refused() {
        let good = Settings { domain: 7, ..Settings::of("sinew") };
        assert_eq!(good.check(Some("7")), Ok(()));
        assert_eq!(Settings { domain: 0, ..good.clone() }.check(None), Ok(()));
        let refused = |settings: &Settings, said| settings.check(said).expect_err("refused").field;
        assert_eq!(refused(&good, None), "domain");
        assert_eq!(refused(&good, Some("8")), "domain");
        assert_eq!(refused(&good, Some("seven")), "ROS_DOMAIN_ID");
        assert_eq!(refused(&Settings { node: "2nd".into(), ..good.clone() }, Some("7")), "node");
        assert_eq!(refused(&Settings { namespace: "arm".into(), ..good.clone() }, Some("7")), "namespace");
        assert_eq!(refused(&Settings { joint_states_hz: 0.0, ..good }, Some("7")), "joint_states_hz");
    }

    #[test]
    fn a_type_that_is_not_there_is_a_refusal_and_everything_else_is_of_rcl() {
        let gone = r2r::Error::InvalidMessageType { msgtype: "sinew_msgs/msg/Status".into() };
        assert!(matches!(rcl(gone), RosError::Refused(why) if why.field == "type"));
        assert_eq!(rcl(r2r::Error::RCL_RET_NODE_INVALID), RosError::Rcl("RCL_RET_NODE_INVALID".to_owned()));
    }
}
