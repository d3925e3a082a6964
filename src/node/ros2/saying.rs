//! What the robot does and sees, said in ROS 2 by a thread of its own: whoever does not listen keeps nobody waiting.

use super::carrier::{Carrier, Publisher};
use crate::node::NodeError;
use crate::ros2::joints::Joints;
use bridge::ros::{
    CameraInfo, Care, Detection3DArray, DiagnosticArray, DiagnosticStatus, Header, Image, JointState,
    MarkerArray, Picture, PointCloud2, Text, TfMessage, TransformStamped, camera_of, optical_frame,
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
/// What is believed to be on the table, and how everybody does, that may wait.
const SCENES: usize = 2;
const HEALTHS: usize = 64;
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
    next: Time,
}

impl Saying {
    pub(super) fn start(arm: &Arc<Arm>, ros: &Carrier, wire: &Wire) -> Result<Self, NodeError> {
        let (to, from) = sync_channel(WAITING);
        let description: Publisher<Text> = ros.publisher("robot_description", Care::Latched)?;
        let data = description::urdf(arm.model(), &arm.world_from_base());
        description.put(&Text { data })?;
        let voice = Voice {
            arm: arm.clone(),
            data: ArmData::new(arm),
            all: Joints::new(arm),
            joints: ros.publisher("joint_states", Care::Newest)?,
            // Its name is the same in every namespace.
            frames: ros.publisher("/tf", Care::Newest)?,
            _description: description,
            ros: ros.clone(),
            wire: wire.clone(),
            cameras: HashMap::new(),
            pictures: None,
            detections: ros.publisher("detections", Care::Latched)?,
            markers: ros.publisher("markers", Care::Latched)?,
            // Its name is the same in every namespace.
            diagnostics: ros.publisher("/diagnostics", Care::Reliable)?,
            seen: wire.hear(&topics::SCENE, "detections", SCENES)?,
            drawn: wire.hear(&topics::SCENE, "markers", SCENES)?,
            healths: wire.hear(&topics::HEALTH, "*", HEALTHS)?,
            loops: wire.hear(&topics::LOOP, "", HEALTHS)?,
            ahead_ns: None,
        };
        let thread = std::thread::Builder::new().name("saying".into()).spawn(move || voice.run(&from));
        thread.map_err(NodeError::Thread)?;
        Ok(Self { to, next: Time::ZERO })
    }

    /// The robot is there, perhaps anew: its time has begun anew, then.
    pub(super) fn connected(&mut self, cameras: Vec<String>) {
        self.next = Time::ZERO;
        let _ = self.to.send(Said::Cameras(cameras));
    }

    /// Says what the robot does, so often a second, if that is due; `now` is the robot's time, and `stamp` the same by
    /// the clock of ROS 2.
    pub(super) fn say(&mut self, status: &Status, rate_hz: f64, (now, stamp): (Time, Time)) {
        if now < self.next {
            return;
        }
        self.next = (self.next + Duration::from_secs_f64(1.0 / rate_hz)).max(now);
        let ahead_ns = stamp.as_nanos().saturating_sub(now.as_nanos());
        // Who is behind misses one; the next is newer.
        let _ = self.to.try_send(Said::State(Box::new(*status), ahead_ns));
    }
}

/// A camera, as ROS 2 has it.
struct Eye {
    colours: Publisher<Image>,
    depth: Publisher<Image>,
    lens: Publisher<CameraInfo>,
    points: Publisher<PointCloud2>,
}

impl Eye {
    fn is_watched(&self) -> bool {
        self.colours.heard_by() + self.depth.heard_by() + self.lens.heard_by() + self.points.heard_by() > 0
    }
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
    detections: Publisher<Detection3DArray>,
    markers: Publisher<MarkerArray>,
    diagnostics: Publisher<DiagnosticArray>,
    /// What the planner believes to be on the table, and the same to be drawn.
    seen: Heard<Detection3DArray>,
    drawn: Heard<MarkerArray>,
    healths: Heard<DiagnosticArray>,
    loops: Heard<DiagnosticArray>,
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
            self.say_scene();
            self.say_health();
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
        let is_watched = self.cameras.values().any(Eye::is_watched);
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
            let stamp = self.stamp(picture.colours.header.stamp.clone().into());
            if eye.points.heard_by() > 0 {
                // A picture without depth shows no points.
                let cloud = picture.clone().image().ok().and_then(|image| PointCloud2::new(&image));
                if let Some(mut cloud) = cloud {
                    cloud.header.stamp = stamp.clone();
                    let _ = eye.points.put(&cloud);
                }
            }
            let Picture { mut colours, mut depth, mut lens, mut pose, .. } = picture;
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

    /// What is believed to be on the table, once the robot's time is known.
    fn say_scene(&mut self) {
        if self.ahead_ns.is_none() {
            return;
        }
        while let Some(mut seen) = self.seen.take() {
            let one = |header: &mut Header| header.stamp = self.stamp(header.stamp.clone().into());
            one(&mut seen.header);
            seen.detections.iter_mut().for_each(|d| one(&mut d.header));
            let _ = self.detections.put(&seen);
        }
        while let Some(mut drawn) = self.drawn.take() {
            for marker in &mut drawn.markers {
                marker.header.stamp = self.stamp(marker.header.stamp.clone().into());
            }
            let _ = self.markers.put(&drawn);
        }
    }

    /// How every node of the robot does, as it says itself; stamped as it is passed on, since each has a clock of its own.
    /// Of the robot itself only the robot may tell: what others say of themselves has their word before it.
    fn say_health(&self) {
        let say = |mut health: DiagnosticArray, name: &dyn Fn(&DiagnosticStatus) -> String| {
            health.header.stamp = self.ros.now().into();
            health.status.iter_mut().for_each(|status| status.name = name(status));
            let _ = self.diagnostics.put(&health);
        };
        while let Some(health) = self.loops.take() {
            say(health, &|status| format!("sinew: {}", status.name));
        }
        while let Some(health) = self.healths.take() {
            say(health, &|status| format!("sinew {}: {}", status.hardware_id, status.name));
        }
    }

    fn eye(&self, name: &str) -> Result<Eye, NodeError> {
        let topic = |what: &str| format!("{name}/{what}");
        Ok(Eye {
            colours: self.ros.publisher(&topic("image"), Care::Sensor)?,
            depth: self.ros.publisher(&topic("depth"), Care::Sensor)?,
            lens: self.ros.publisher(&topic("camera_info"), Care::Sensor)?,
            points: self.ros.publisher(&topic("points"), Care::Sensor)?,
        })
    }
}
