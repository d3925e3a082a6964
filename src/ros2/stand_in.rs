//! The simulated world as an arm of ROS 2's: its joints' states, a joint trajectory controller, a gripper that takes goals,
//! cameras. It knows nothing of Sinew's loop: what is told to it is told as to any such arm.

use super::joints::Joints;
use super::wall;
use crate::config::Config;
use crate::session::StartError;
use bridge::asking::{ActionServer, Event, MoveGripper, Pursuit, RosError};
use bridge::dds::{Care, Heard, Publisher, Ros};
use bridge::ros::{
    CameraInfo, Followed, GripperCommandResult, Image, JointState, JointTrajectory, Sheets, SimTime,
    TfMessage, optical_frame,
};
use control::MonotonicClock;
use core::time::Duration;
use mechanics::Arm;
use sim::Rig;
use sim::live::LiveRobot;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use types::motion::TrajectoryPoint;
use types::seams::{Camera, Clock, Robot};
use types::{GripperCommand, JointCommand, JointVector, Rejection, Time};

/// Between two states.
const PERIOD: Duration = Duration::from_millis(5);
/// How long a command holds: a stand-in that hangs brakes by itself.
const HOLDS: Duration = Duration::from_millis(50);
/// Between two pictures of a camera that somebody looks at.
const PICTURE: Duration = Duration::from_millis(100);
/// Fingers slower than this, m/s, for so long, seconds, have come to rest.
const RESTS_M_S: f64 = 0.002;
const RESTS_S: f64 = 0.1;
/// Fingers so near to where they were told, metres, are there.
const THERE_M: f64 = 0.002;

/// Runs until the person ends it.
///
/// # Errors
/// [`StartError`] when it cannot begin, or the world has ended.
pub(crate) fn run(
    config: &Config,
    arm: &Arc<Arm>,
    rig: &Rig,
    cameras: Vec<Box<dyn Camera>>,
) -> Result<(), StartError> {
    let mut settings = super::settings(config)?;
    settings.node = "stand_in".into();
    let ros = Ros::open(&settings).map_err(|e| super::refused("ros2", e))?;
    let clock = MonotonicClock::new();
    let (robot, live) = sim::live::spawn(rig, move || clock, None)
        .map_err(|e| crate::graph::BodyError::Sim(e.to_string()))?;
    let ends = Arc::new(AtomicBool::new(false));
    let ahead_ns = wall().as_nanos().saturating_sub(clock.now().as_nanos());
    let looking = look(config, &ros, cameras, ahead_ns, &ends)?;
    let stand_in = StandIn::new(config, arm, &ros, robot, ahead_ns).map_err(|e| super::refused("arm", e))?;
    let ended = stand_in.run(clock, &live);
    ends.store(true, Ordering::Release);
    let _ = looking.join();
    ended
}

/// What fingers are to do for somebody.
struct Gripping {
    pursuit: Pursuit<MoveGripper>,
    command: GripperCommand,
    rests_s: f64,
}

struct StandIn {
    arm: Arc<Arm>,
    robot: LiveRobot,
    names: Vec<String>,
    joints: Joints,
    says: Publisher<JointState>,
    /// What time it is, where somebody wants that.
    tells_time: Option<Publisher<SimTime>>,
    paths: Heard<JointTrajectory>,
    grips: Option<ActionServer<MoveGripper>>,
    /// What is followed, and since when.
    path: Option<(Followed, Time)>,
    told: TrajectoryPoint,
    fingers: GripperCommand,
    gripping: Option<Gripping>,
    ahead_ns: i64,
}

impl StandIn {
    fn new(
        config: &Config,
        arm: &Arc<Arm>,
        ros: &Ros,
        robot: LiveRobot,
        ahead_ns: i64,
    ) -> Result<Self, RosError> {
        let c = &config.arm;
        if !c.gripper.is_empty() && arm.profile().gripper.joints.is_empty() {
            let expected = "none: the robot's profile has no gripper";
            return Err(Rejection::new("gripper", expected, format!("{:?}", c.gripper)).into());
        }
        let grips = match c.gripper.as_str() {
            "" => None,
            name => Some(ros.action_server::<MoveGripper>(name)?),
        };
        // Its name is the same in every namespace.
        let tells_time = config.sim.clock.then(|| ros.publisher("/clock", Care::Newest)).transpose()?;
        let zero = JointVector::zeros(arm.n_joints());
        Ok(Self {
            names: arm.profile().joints.clone(),
            joints: Joints::new(arm),
            says: ros.publisher(&c.joint_states, Care::Newest)?,
            tells_time,
            paths: ros.hear(&format!("{}/joint_trajectory", c.controller), Care::Reliable, 8)?,
            grips,
            path: None,
            told: TrajectoryPoint { t: 0.0, q: arm.home(), dq: zero, ddq: zero },
            fingers: GripperCommand { width_m: 0.0, force_n: arm.profile().gripper.force_n },
            gripping: None,
            arm: arm.clone(),
            robot,
            ahead_ns,
        })
    }

    fn run(mut self, mut clock: MonotonicClock, live: &sim::live::LiveHandle) -> Result<(), StartError> {
        let mut next = clock.now();
        let mut has_begun = false;
        while crate::interrupt::count() == 0 {
            if live.is_over() {
                let why = crate::graph::BodyError::Sim("its thread ended".into());
                return Err(why.into());
            }
            next = (next + PERIOD).max(clock.now());
            clock.sleep_until(next);
            let now = clock.now();
            let Ok(state) = self.robot.read() else { continue };
            if !has_begun {
                // A controller begins where the arm is.
                (self.told.q, self.fingers.width_m, has_begun) =
                    (state.q, state.gripper.width_m.max(0.0), true);
            }
            while let Some(told) = self.paths.take() {
                // It began when it says, by the clock of its states.
                let begins = |t: Time| Time::from_nanos(t.as_nanos().saturating_sub(self.ahead_ns));
                let began = told.begins().map_or(now, begins);
                self.told.t = now.secs_since(began);
                match told.followed(&self.names, &self.told) {
                    Ok(path) => self.path = Some((path, began)),
                    Err(why) => eprintln!("warning: a path was refused: {why}"),
                }
            }
            if let Some((path, began)) = &self.path {
                self.told = path.at(now.secs_since(*began));
            }
            self.grip(&state.gripper);
            let TrajectoryPoint { q, dq, ddq, .. } = self.told;
            let command = JointCommand {
                stamp: now,
                expires: now + HOLDS,
                q,
                dq,
                ddq,
                tau: JointVector::zeros(q.len()),
                gripper: self.fingers,
                enabled: true,
            };
            // What is not taken is told again in the next period.
            let _ = self.robot.write(&command);
            let stamp = Time::from_nanos(state.stamp.as_nanos().saturating_add(self.ahead_ns));
            // First: no state is of a time that was not told.
            let _ = self.tells_time.as_ref().map(|says| says.put(&SimTime { clock: stamp.into() }));
            let _ = self.says.put(&self.joints.say(&state, stamp.into()));
        }
        Ok(())
    }

    /// Takes goals for the fingers; a new one ends the one before.
    fn grip(&mut self, fingers: &types::GripperState) {
        let Some(server) = &self.grips else { return };
        let profile = &self.arm.profile().gripper;
        while let Some(event) = server.next_within(Duration::ZERO) {
            match event {
                Event::Goal(offer) => {
                    let Ok(command) = offer.goal().command.typed(profile) else {
                        let _ = offer.refuse();
                        continue;
                    };
                    if let Ok(pursuit) = offer.accept(wall()) {
                        self.fingers = command;
                        self.gripping = Some(Gripping { pursuit, command, rests_s: 0.0 });
                    }
                }
                Event::Cancel(asked) => {
                    let _ = asked.accept();
                    if let Some(gripping) = self.gripping.take() {
                        self.fingers.width_m = fingers.width_m.max(0.0);
                        let _ = gripping.pursuit.cancel(&GripperCommandResult::default());
                    }
                }
            }
        }
        let Some(gripping) = &mut self.gripping else { return };
        let rests = fingers.speed_m_s.abs() < RESTS_M_S;
        gripping.rests_s = if rests { gripping.rests_s + PERIOD.as_secs_f64() } else { 0.0 };
        let reached_goal = (fingers.width_m - gripping.command.width_m).abs() < THERE_M;
        if (reached_goal || gripping.rests_s > 3.0 * RESTS_S) && gripping.rests_s > RESTS_S {
            let result = GripperCommandResult::new(profile, fingers, reached_goal);
            if let Some(gripping) = self.gripping.take() {
                let _ = gripping.pursuit.succeed(&result);
            }
        }
    }
}

/// What a camera says.
struct Eye {
    camera: Box<dyn Camera>,
    colours: Publisher<Image>,
    depth: Publisher<Image>,
    lens: Publisher<CameraInfo>,
}

/// Takes pictures as long as somebody looks, in a thread of its own.
fn look(
    config: &Config,
    ros: &Ros,
    cameras: Vec<Box<dyn Camera>>,
    ahead_ns: i64,
    ends: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, StartError> {
    let refused = |e| super::refused("arm.cameras", e);
    let frames: Publisher<TfMessage> = ros.publisher("/tf", Care::Newest).map_err(refused)?;
    let mut eyes = Vec::new();
    for camera in cameras {
        let of = |topic: Option<&String>, what: &str| {
            topic.filter(|t| !t.is_empty()).cloned().unwrap_or_else(|| format!("{}/{what}", camera.name()))
        };
        let named = config.arm.cameras.iter().find(|c| c.name == camera.name());
        let [image, depth, info] = [
            of(named.map(|c| &c.image), "image"),
            of(named.map(|c| &c.depth), "depth"),
            of(named.map(|c| &c.info), "camera_info"),
        ];
        eyes.push(Eye {
            colours: ros.publisher(&image, Care::Sensor).map_err(refused)?,
            depth: ros.publisher(&depth, Care::Sensor).map_err(refused)?,
            lens: ros.publisher(&info, Care::Sensor).map_err(refused)?,
            camera,
        });
    }
    let (ends, world) = (ends.clone(), config.arm.world.clone());
    let thread = std::thread::Builder::new().name("cameras".into()).spawn(move || {
        while !ends.load(Ordering::Acquire) {
            for eye in &mut eyes {
                eye.say(&frames, &world, ahead_ns);
            }
            std::thread::sleep(PICTURE);
        }
    });
    thread.map_err(|e| crate::graph::BodyError::Sim(e.to_string()).into())
}

impl Eye {
    fn say(&mut self, frames: &Publisher<TfMessage>, world: &str, ahead_ns: i64) {
        if self.colours.heard_by() + self.depth.heard_by() == 0 {
            return;
        }
        let Ok(image) = self.camera.take() else { return };
        let Sheets { mut colours, depth, mut lens, mut pose } = (&image).into();
        let stamp: bridge::ros::Time =
            Time::from_nanos(image.stamp.as_nanos().saturating_add(ahead_ns)).into();
        colours.header.stamp = stamp.clone();
        lens.header.stamp = stamp.clone();
        pose.header.stamp = stamp.clone();
        pose.header.frame_id = world.to_owned();
        pose.child_frame_id = optical_frame(&image.camera);
        let _ = frames.put(&TfMessage { transforms: vec![pose] });
        let _ = self.lens.put(&lens);
        if let Some(mut depth) = depth {
            depth.header.stamp = stamp;
            let _ = self.depth.put(&depth);
        }
        let _ = self.colours.put(&colours);
    }
}
