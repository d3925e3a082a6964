//! An arm of ROS 2's that the loop drives, with its cameras.

use super::{refused, settings};
use crate::config::Config;
use crate::graph::BodyError;
use crate::graph::machine::{Driven, Machine, Running, Start};
use crate::session::StartError;
use bridge::asking::RosError;
use bridge::dds::{ArmSettings, EyeSettings, Ros, RosArmHandle, RosTime};
use control::MonotonicClock;
use core::cell::{Cell, RefCell};
use core::time::Duration;
use mechanics::Arm;
use std::sync::Arc;
use types::seams::Camera;

/// How long an arm is looked for.
const FINDS: Duration = Duration::from_secs(10);

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
        let running = Box::new(Met { handle, told: RefCell::new(None), untold: Cell::new(0) });
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

fn absent(e: RosError) -> String {
    match e {
        RosError::Silent { name } => {
            format!("nobody is at {name} in ROS 2: is the arm there, and in this domain?")
        }
        // What the arm says has a field of its own, in its message.
        RosError::Refused(r) if !r.field.contains('.') => format!("arm.{r}"),
        other => other.to_string(),
    }
}

/// An arm that is there, and what was told of it last.
struct Met {
    handle: RosArmHandle,
    told: RefCell<Option<String>>,
    /// How many paths it is known to have missed because they could not be said.
    untold: Cell<u64>,
}

impl Running for Met {
    fn check(&self) -> Result<(), BodyError> {
        if self.handle.is_over() {
            return Err(BodyError::Robot("a thread of the line to it has ended".into()));
        }
        let untold = self.handle.untold();
        if self.untold.replace(untold) < untold {
            eprintln!(
                "warning: the arm: {untold} paths so far found no room: somebody who hears them takes none"
            );
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
