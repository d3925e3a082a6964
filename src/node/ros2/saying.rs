//! What the robot does and sees, said in ROS 2 by a thread of its own: whoever does not listen keeps nobody waiting.

use super::carrier::{Carrier, Publisher};
use crate::config::Config;
use crate::node::NodeError;
use crate::ros2::joints::Joints;
use crate::ros2::wall;
use bridge::ros::{
    CameraInfo, Care, Header, Image, JointState, Picture, Text, TfMessage, TransformStamped, camera_of,
    optical_frame,
};
use bridge::wire::{Heard, Wire, topics};
use control::Status;
use core::time::Duration;
use mechanics::{Arm, ArmData, body_poses_in_world, description};
use nalgebra::Isometry3;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use types::{Time, Transform};

/// States that may wait to be said.
const WAITING: usize = 4;
/// Frames are told every so many states.
const FRAMES_EVERY: u64 = 2;
/// How often it is seen whether anybody looks at pictures.
const LOOKS_EVERY: u64 = 50;
/// Pictures that may wait.
const PICTURES: usize = 4;
const WORLD: &str = "world";

/// What is handed to the thread.
enum Said {
    /// A status, and by how much the time of day is ahead of the robot's, ns.
    State(Box<Status>, i64),
    /// The robot is there, with these cameras.
    Cameras(Vec<String>),
}

/// See the head of this file.
pub(super) struct Saying {
    to: SyncSender<Said>,
    period: Duration,
    next: Time,
}

impl Saying {
    pub(super) fn start(
        config: &Config,
        arm: &Arc<Arm>,
        ros: &Carrier,
        wire: &Wire,
    ) -> Result<Self, NodeError> {
        let (to, from) = sync_channel(WAITING);
        let description: Publisher<Text> = ros.publisher("robot_description", Care::Latched)?;
        let data = description::urdf(arm.model(), &arm.world_from_base());
        description.put(&Text { data })?;
        let voice = Voice {
            arm: arm.clone(),
            data: ArmData::new(arm),
            all: Joints::new(arm),
            joints: ros.publisher("joint_states", Care::Reliable)?,
            // Its name is the same in every namespace.
            frames: ros.publisher("/tf", Care::Reliable)?,
            _description: description,
            ros: ros.clone(),
            wire: wire.clone(),
            cameras: HashMap::new(),
            pictures: None,
            ahead_ns: None,
        };
        let thread = std::thread::Builder::new().name("saying".into()).spawn(move || voice.run(&from));
        thread.map_err(NodeError::Thread)?;
        let period = Duration::from_secs_f64(1.0 / config.ros2.joint_states_hz);
        Ok(Self { to, period, next: Time::ZERO })
    }

    /// The robot is there, perhaps anew: its time has begun anew, then.
    pub(super) fn connected(&mut self, cameras: Vec<String>) {
        self.next = Time::ZERO;
        let _ = self.to.send(Said::Cameras(cameras));
    }

    /// Says what the robot does, if that is due; `now` is the robot's.
    pub(super) fn say(&mut self, status: &Status, now: Time) {
        if now < self.next {
            return;
        }
        self.next = (self.next + self.period).max(now);
        let ahead_ns = wall().as_nanos().saturating_sub(now.as_nanos());
        // Who is behind misses one; the next is newer.
        let _ = self.to.try_send(Said::State(Box::new(*status), ahead_ns));
    }
}

/// A camera, as ROS 2 has it.
struct Eye {
    colours: Publisher<Image>,
    depth: Publisher<Image>,
    lens: Publisher<CameraInfo>,
}

struct Voice {
    arm: Arc<Arm>,
    data: ArmData,
    all: Joints,
    joints: Publisher<JointState>,
    frames: Publisher<TfMessage>,
    /// Who comes late gets it as long as it is kept.
    _description: Publisher<Text>,
    ros: Carrier,
    wire: Wire,
    cameras: HashMap<String, Eye>,
    /// Pictures, while anybody looks.
    pictures: Option<Heard<Picture>>,
    /// Of the robot that is there; `None` before its first status.
    ahead_ns: Option<i64>,
}

impl Voice {
    fn run(mut self, from: &Receiver<Said>) {
        let mut n = 0_u64;
        loop {
            match from.recv_timeout(Duration::from_millis(20)) {
                Ok(Said::Cameras(names)) => self.meet(names),
                Ok(Said::State(status, ahead_ns)) => {
                    self.ahead_ns = Some(ahead_ns);
                    self.say_joints(&status);
                    if n.is_multiple_of(FRAMES_EVERY) {
                        self.say_frames(&status);
                    }
                    if n.is_multiple_of(LOOKS_EVERY) {
                        self.look();
                    }
                    n += 1;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.say_pictures();
        }
    }

    /// A robot has come, perhaps another one: nothing is known of its time yet.
    fn meet(&mut self, names: Vec<String>) {
        (self.ahead_ns, self.pictures) = (None, None);
        for name in names {
            // A camera of a name that is none in ROS 2 is not seen there.
            if !self.cameras.contains_key(&name)
                && let Ok(eye) = self.eye(&name)
            {
                self.cameras.insert(name, eye);
            }
        }
    }

    /// A time of the robot's by the time of day.
    fn stamp(&self, time: Time) -> bridge::ros::Time {
        Time::from_nanos(time.as_nanos().saturating_add(self.ahead_ns.unwrap_or_default())).into()
    }

    /// All joints, those of the gripper, too.
    fn say_joints(&mut self, status: &Status) {
        let Some(state) = &status.measured else { return };
        let stamp = self.stamp(state.stamp);
        let said = self.all.say(state, stamp);
        let _ = self.joints.put(&said);
    }

    /// Where every body is in its parent.
    fn say_frames(&mut self, status: &Status) {
        let Some(state) = &status.measured else { return };
        let stamp = self.stamp(state.stamp);
        let model = self.arm.model();
        let poses = body_poses_in_world(&self.arm, &mut self.data, &state.q, state.gripper.width_m);
        let frame = |(b, body): (usize, &mechanics::Body)| {
            if description::is_world(model, b) {
                return None;
            }
            let above = body.parent.filter(|p| !description::is_world(model, *p));
            let (parent, pose): (&str, Isometry3<f64>) = match above {
                Some(p) => (&model.bodies[p].name, poses[p].inv_mul(&poses[b])),
                None => (WORLD, poses[b]),
            };
            Some(TransformStamped {
                header: Header { stamp: stamp.clone(), frame_id: parent.to_owned() },
                child_frame_id: body.name.clone(),
                transform: (&Transform::<types::World, types::Tool>::from_isometry(pose)).into(),
            })
        };
        let transforms = model.bodies.iter().enumerate().filter_map(frame).collect();
        let _ = self.frames.put(&TfMessage { transforms });
    }

    /// Pictures are taken as long as somebody looks.
    fn look(&mut self) {
        let is_watched = self
            .cameras
            .values()
            .any(|eye| eye.colours.heard_by() + eye.depth.heard_by() + eye.lens.heard_by() > 0);
        match (is_watched, self.pictures.is_some()) {
            (true, false) => self.pictures = self.wire.hear(&topics::CAMERA, "*", PICTURES).ok(),
            (false, true) => self.pictures = None,
            _ => {}
        }
    }

    fn say_pictures(&mut self) {
        while let Some(picture) = self.pictures.as_ref().and_then(Heard::take) {
            let frame = &picture.colours.header.frame_id;
            let name = camera_of(frame).unwrap_or(frame).to_owned();
            let Some(eye) = self.cameras.get(&name) else { continue };
            let Picture { mut colours, mut depth, mut lens, mut pose, .. } = picture;
            let stamp = self.stamp(colours.header.stamp.clone().into());
            let header = Header { stamp: stamp.clone(), frame_id: optical_frame(&name) };
            (colours.header, lens.header) = (header.clone(), header.clone());
            pose.header.stamp = stamp;
            let _ = self.frames.put(&TfMessage { transforms: vec![pose] });
            let _ = eye.colours.put(&colours);
            let _ = eye.lens.put(&lens);
            if let Some(mut depth) = depth.pop() {
                depth.header = header;
                let _ = eye.depth.put(&depth);
            }
        }
    }

    fn eye(&self, name: &str) -> Result<Eye, NodeError> {
        let topic = |what: &str| format!("{name}/{what}");
        Ok(Eye {
            colours: self.ros.publisher(&topic("image"), Care::Sensor)?,
            depth: self.ros.publisher(&topic("depth"), Care::Sensor)?,
            lens: self.ros.publisher(&topic("camera_info"), Care::Sensor)?,
        })
    }
}
