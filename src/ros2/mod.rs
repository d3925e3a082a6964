//! ROS 2 as the configuration has it: how far it is reached, an arm of it that the loop drives, and one that is simulated.

pub(crate) mod joints;
pub(crate) mod stand_in;

use crate::config::Config;
use crate::graph::BodyError;
use crate::graph::machine::{Driven, Machine, Running, Start};
use crate::session::StartError;
use bridge::dds::{ArmSettings, DdsError, EyeSettings, Reach, Rmw, Ros, RosArmHandle, RosTime, Settings};
use control::MonotonicClock;
use core::cell::RefCell;
use core::time::Duration;
use mechanics::Arm;
use std::sync::Arc;
use std::time::SystemTime;
use types::seams::Camera;
use types::{Rejection, Time};

/// How long an arm is looked for.
const FINDS: Duration = Duration::from_secs(10);

/// The time of day, as ROS 2 has it: since 1970.
pub(crate) fn wall() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// How the configuration has it.
///
/// # Errors
/// A [`Rejection`] naming the key.
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

/// An arm of ROS 2's with its cameras, to be met when it is started.
///
/// # Errors
/// A [`Rejection`] naming the key that is wrong.
pub(crate) fn arm(config: &Config, arm: &Arc<Arm>) -> Result<Driven, StartError> {
    let mut settings = settings(config)?;
    // A node that tells of the robot may run beside this.
    settings.node.push_str("_loop");
    let ros = Ros::open(&settings).map_err(|e| refused("ros2", e))?;
    let clock = MonotonicClock::new();
    let time = RosTime::default();
    let mut cameras: Vec<Box<dyn Camera>> = Vec::new();
    for eye in &config.arm.cameras {
        let named = EyeSettings {
            name: eye.name.clone(),
            image: eye.image.clone(),
            depth: eye.depth.clone(),
            info: eye.info.clone(),
            world: config.arm.world.clone(),
        };
        cameras.push(Box::new(ros.eye(named, (clock, time.clone())).map_err(|e| refused("arm.cameras", e))?));
    }
    let wanted = wanted(config, arm);
    let start: Start = Box::new(move |permit| {
        let met = ros.arm(wanted, (clock, time), permit, FINDS);
        let (robot, handle) = met.map_err(|e| BodyError::Robot(absent(e)))?;
        let running = Box::new(Met { handle, told: RefCell::new(None) });
        Ok(Machine { robot: Box::new(robot), running })
    });
    Ok(Driven { clock, start, cameras })
}

/// What the arm is called, and how it is spoken to.
fn wanted(config: &Config, arm: &Arm) -> ArmSettings {
    let c = &config.arm;
    let model = arm.model();
    ArmSettings {
        joint_states: c.joint_states.clone(),
        controller: c.controller.clone(),
        gripper: c.gripper.clone(),
        joints: arm.arm_joint_idx().iter().map(|j| model.joints[*j].name.clone()).collect(),
        limits: arm.limits().to_vec(),
        fingers: arm.profile().gripper.clone(),
        stream_hz: c.stream_hz,
        silent_s: 1e-3 * c.silent_ms,
        efforts: c.efforts,
    }
}

/// What refuses a setting names it without its section.
fn refused(section: &str, e: DdsError) -> StartError {
    match e {
        DdsError::Refused(r) => Rejection::new(format!("{section}: {}", r.field), r.expected, r.got).into(),
        other => BodyError::Robot(other.to_string()).into(),
    }
}

fn absent(e: DdsError) -> String {
    match e {
        DdsError::Silent { name } => {
            format!("nobody is at {name} in ROS 2: is the arm there, and in this domain?")
        }
        // What the arm says has a field of its own, in its message.
        DdsError::Refused(r) if !r.field.contains('.') => format!("arm.{r}"),
        other => other.to_string(),
    }
}

/// An arm that is there, and what was told of it last.
struct Met {
    handle: RosArmHandle,
    told: RefCell<Option<String>>,
}

impl Running for Met {
    fn check(&self) -> Result<(), BodyError> {
        if self.handle.is_over() {
            return Err(BodyError::Robot("a thread of the line to it has ended".into()));
        }
        let trouble = self.handle.trouble();
        let mut told = self.told.borrow_mut();
        if *told != trouble {
            match &trouble {
                Some(why) => eprintln!("warning: the arm: {why}"),
                None => eprintln!("warning: the arm is heard again"),
            }
            *told = trouble;
        }
        Ok(())
    }
}
