//! The simulated world: an arm, a table, objects, and time that passes in steps of a millisecond.

use crate::error::SimError;
use crate::faults::{FaultSpec, GripperFault, RobotFault, gripper_fault, robot_fault};
use crate::gripper::GripperDrive;
use crate::mjcf_out;
use crate::physics::Physics;
use crate::scene::SceneSpec;
use crate::servo::Servos;
use crate::snapshot::{Snapshot, Stage};
use crate::tree::Tree;
use crate::truth::{TrueObject, Truth};
use core::time::Duration;
use mechanics::{Arm, ArmData, inverse_dynamics};
use nalgebra::Isometry3;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use types::{Drive, JointCommand, JointState, JointVector, Rejection, Time};

/// By how much more than counts as no contact something pushes that is met (F21), as a part of the torque limit.
const PUSH: f64 = 0.45;

/// Duration of one step.
pub const STEP: Duration = Duration::from_millis(1);
/// How long objects may come to rest before time begins, steps.
const SETTLE_STEPS: usize = 700;

/// Standard deviations of the robot's sensors; all zero by default.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Noise {
    /// Joint positions, rad.
    pub q: f64,
    /// Joint velocities, rad/s.
    pub dq: f64,
    /// Joint torques, N·m.
    pub tau: f64,
    /// Gripper width, metres.
    pub width_m: f64,
}

/// What holds the arm.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Power {
    /// Its brakes.
    Braked,
    /// Nothing: it has no brakes, or nothing has happened yet.
    Limp,
    /// Its motors, as they are told.
    Told,
    /// Its motors by themselves, here, as nobody tells them anything any more.
    Stands(JointVector),
}

/// The world. Same arm, scene, seed and commands give the same bits.
pub struct World {
    arm: Arc<Arm>,
    scene: SceneSpec,
    mjcf: String,
    tree: Tree,
    stage: Arc<Stage>,
    physics: Physics,
    gripper: GripperDrive,
    servos: Servos,
    arm_dofs: Vec<usize>,
    gripper_dofs: Vec<usize>,
    command: Option<JointCommand>,
    tau: Vec<f64>,
    /// Every joint of the model: position and rate.
    full_q: Vec<f64>,
    full_dq: Vec<f64>,
    data: ArmData,
    applied: JointVector,
    has_brakes: bool,
    power: Power,
    /// Whether whoever watches over the robot from outside lets it have power.
    is_permitted: bool,
    /// For how long a joint has been strained (F18), seconds, at most one.
    strain_s: f64,
    noise: Noise,
    rng: ChaCha8Rng,
    faults: Vec<FaultSpec>,
    start: Time,
    now: Time,
    n_steps: u64,
    stopped: Option<SimError>,
}

impl World {
    /// A world with the arm at home, the gripper open, the brakes on, and the objects at rest. `seed`
    /// feeds the sensor noise.
    ///
    /// # Errors
    /// [`SimError`] for a scene that is refused, an arm the physics cannot move (a moving link without
    /// mass), or objects that explode while they settle.
    pub fn new(arm: &Arm, scene: &SceneSpec, seed: u64) -> Result<Self, SimError> {
        scene.check()?;
        let arm = Arc::new(arm.clone());
        let tree = Tree::new(&arm)?;
        let mjcf = mjcf_out::write(&arm, &tree, scene);
        let width = arm.profile().gripper.width_m;
        let mut full_q = vec![0.0; arm.model().joints.len()];
        arm.full_q(&arm.home(), width, &mut full_q);
        let physics = Physics::new(&arm, &tree, scene, &mjcf, &full_q)?;
        let dof_of = |joints: &[usize]| -> Vec<usize> {
            let find = |j: &usize| physics.dofs().iter().position(|d| d.joint == *j);
            joints.iter().filter_map(find).collect()
        };
        let arm_dofs = dof_of(arm.arm_joint_idx());
        let gripper_dofs = dof_of(arm.gripper_joint_idx());
        let mut world = Self {
            stage: Arc::new(Stage::new(arm.model(), scene)),
            gripper: GripperDrive::new(&arm, width),
            servos: Servos::new(&arm),
            tau: vec![0.0; physics.dofs().len()],
            full_dq: vec![0.0; full_q.len()],
            applied: JointVector::zeros(arm.n_joints()),
            data: ArmData::new(&arm),
            scene: scene.clone(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            noise: Noise::default(),
            faults: Vec::new(),
            start: Time::ZERO,
            now: Time::ZERO,
            n_steps: 0,
            has_brakes: true,
            power: Power::Limp,
            is_permitted: true,
            strain_s: 0.0,
            command: None,
            stopped: None,
            arm,
            mjcf,
            tree,
            physics,
            arm_dofs,
            gripper_dofs,
            full_q,
        };
        world.settle()?;
        Ok(world)
    }

    fn settle(&mut self) -> Result<(), SimError> {
        for _ in 0..SETTLE_STEPS {
            self.step()?;
            if (0..self.scene.objects.len()).all(|i| self.physics.object_sleeps(i)) {
                break;
            }
        }
        (self.now, self.n_steps) = (Time::ZERO, 0);
        Ok(())
    }

    /// The arm.
    #[must_use]
    pub fn arm(&self) -> &Arc<Arm> {
        &self.arm
    }

    /// The scene as it was at the beginning.
    #[must_use]
    pub fn scene(&self) -> &SceneSpec {
        &self.scene
    }

    /// The world as one MJCF document, to be opened in MuJoCo.
    #[must_use]
    pub fn mjcf(&self) -> &str {
        &self.mjcf
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The instant at which the world began; faults count from here.
    #[must_use]
    pub fn start(&self) -> Time {
        self.start
    }

    /// How many steps were made.
    #[must_use]
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }

    /// Sets the clock on which the world begins; only before its first step, for wall-clock runs.
    pub fn begin_at(&mut self, start: Time) {
        if self.n_steps == 0 {
            (self.start, self.now) = (start, start);
        }
    }

    /// Sensor noise from now on.
    pub fn set_noise(&mut self, noise: Noise) {
        self.noise = noise;
    }

    /// Everything that shall break.
    ///
    /// # Errors
    /// A [`Rejection`] for a fault at no possible time.
    pub fn set_faults(&mut self, faults: &[FaultSpec]) -> Result<(), Rejection> {
        faults.iter().try_for_each(FaultSpec::check)?;
        self.faults = faults.to_vec();
        Ok(())
    }

    /// Everything that shall break.
    #[must_use]
    pub fn faults(&self) -> &[FaultSpec] {
        &self.faults
    }

    /// Hands over the command for the steps to come. It acts until it expires; then the brakes close.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field: a number that is not finite (B1–B6), a wrong number of joints
    /// (B7), a force below zero (B15). The last command stays.
    pub fn command(&mut self, command: &JointCommand) -> Result<(), Rejection> {
        command.check(self.arm.n_joints())?;
        self.gripper.set(command.gripper);
        self.command = Some(*command);
        Ok(())
    }

    /// Whether whoever watches over the robot from outside lets it have power; without, its brakes close.
    pub fn permit(&mut self, is_permitted: bool) {
        self.is_permitted = is_permitted;
    }

    /// From now on the arm has no brakes, whatever holds it before its first command: without power it falls, and where
    /// commands cease to come its motors hold it where it is by themselves, as servos do.
    pub fn without_brakes(&mut self) {
        self.has_brakes = false;
    }

    /// Advances by one millisecond of virtual time.
    ///
    /// # Errors
    /// [`SimError::NonFinite`] when the physics broke; every later step gives the same error.
    pub fn step(&mut self) -> Result<(), SimError> {
        self.step_until(self.now + STEP)
    }

    /// Advances by one millisecond of physics that ends at `now` on whoever's clock.
    ///
    /// # Errors
    /// As [`World::step`].
    pub fn step_until(&mut self, now: Time) -> Result<(), SimError> {
        if let Some(e) = &self.stopped {
            return Err(e.clone());
        }
        self.drive();
        if let Err(e) = self.physics.step(&self.tau, now) {
            self.stopped = Some(e.clone());
            return Err(e);
        }
        self.now = now;
        self.n_steps += 1;
        self.read_joints();
        Ok(())
    }

    /// Fills the generalised forces for the next step.
    fn drive(&mut self) {
        let before = self.power;
        self.power = self.powered();
        let brake = self.power == Power::Braked;
        let held = if brake { self.weight() } else { self.applied };
        let given = self.given(before);
        let fault = robot_fault(&self.faults, self.start, self.now);
        for (i, &dof) in self.arm_dofs.iter().enumerate() {
            let most = self.arm.limits()[i].torque;
            self.applied[i] = given[i].clamp(-most, most);
            match fault {
                Some(RobotFault::DeadMotor(joint)) if joint == i => self.applied[i] = 0.0,
                Some(RobotFault::Runaway(joint)) if joint == i => self.applied[i] = -self.applied[i],
                _ => {}
            }
            self.tau[dof] = if brake { held[i] } else { self.applied[i] };
            if fault == Some(RobotFault::Pushed(i)) {
                self.tau[dof] += (self.arm.profile().contact_share + PUSH).min(1.0) * most;
            }
            if fault == Some(RobotFault::Strained(i)) {
                self.strain_s = (self.strain_s + STEP.as_secs_f64()).min(1.0);
                self.tau[dof] += 0.95 * self.strain_s * most;
            }
            if brake != (before == Power::Braked) {
                self.physics.set_brake(dof, if brake { most } else { 0.0 });
            }
        }
        let (width, rate) = self.width();
        let limp = gripper_fault(&self.faults, self.start, self.now) == Some(GripperFault::Limp);
        self.gripper.update(width, rate, STEP.as_secs_f64(), limp);
        for (i, &dof) in self.gripper_dofs.iter().enumerate() {
            self.tau[dof] = self.gripper.torque(i);
        }
    }

    /// What holds the arm in the next step.
    fn powered(&self) -> Power {
        let is_told = |c: &&JointCommand| c.enabled && self.is_permitted;
        match (self.command.as_ref().filter(is_told), self.power) {
            (Some(c), _) if c.expires >= self.now => Power::Told,
            (Some(_), Power::Told) if !self.has_brakes => Power::Stands(self.state().q),
            (Some(_), stands @ Power::Stands(_)) => stands,
            // Before its first command whatever it is mounted on holds it.
            _ if self.has_brakes || self.command.is_none() => Power::Braked,
            _ => Power::Limp,
        }
    }

    /// What the motors give after `before`: the torques that the command says, or what their own controllers make of it.
    fn given(&mut self, before: Power) -> JointVector {
        let is_torque = self.arm.profile().drive == Drive::Torque;
        let by_servos = |power| matches!(power, Power::Stands(_)) || (power == Power::Told && !is_torque);
        if by_servos(self.power) && !by_servos(before) {
            let torque = if before == Power::Told { self.applied } else { self.weight() };
            self.servos.begin(torque);
        }
        let (here, dt) = (self.state(), STEP.as_secs_f64());
        match (self.power, &self.command) {
            (Power::Told, Some(c)) if is_torque => c.tau,
            (Power::Told, Some(c)) => self.servos.torque(&self.arm, c, &here, dt),
            (Power::Stands(q), _) => self.servos.hold(&self.arm, &q, &here, dt),
            _ => JointVector::zeros(here.q.len()),
        }
    }

    /// Torques that carry the arm's own weight. A closed brake carries it; the engine's dry friction
    /// alone would creep under it.
    fn weight(&mut self) -> JointVector {
        let n = self.arm.n_joints();
        let zero = JointVector::zeros(n);
        let q = JointVector::from_fn(n, |i| self.full_q[self.arm.arm_joint_idx()[i]]);
        let (width, _) = self.width();
        let mut tau = zero;
        inverse_dynamics(&self.arm, &mut self.data, &q, &zero, &zero, width, &mut tau);
        tau
    }

    fn read_joints(&mut self) {
        for (d, (q, dq)) in self.physics.dofs().iter().zip(self.physics.joints()) {
            self.full_q[d.joint] = q;
            self.full_dq[d.joint] = dq;
        }
    }

    fn width(&self) -> (f64, f64) {
        let rates = self.arm.gripper_joint_idx().iter().map(|j| self.full_dq[*j]);
        (self.arm.width_from_joints(&self.full_q), self.gripper.rate(rates))
    }

    /// Whether the brakes are closed: power off, or no command that has not expired.
    #[must_use]
    pub fn is_braked(&self) -> bool {
        self.power == Power::Braked
    }

    /// Whether the motors have power: they do as they are told, or stand by themselves.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.power, Power::Told | Power::Stands(_))
    }

    /// Why the world stands still, if it does.
    #[must_use]
    pub fn stopped(&self) -> Option<&SimError> {
        self.stopped.as_ref()
    }

    /// Where the robot is and what its motors give.
    fn state(&self) -> JointState {
        let n = self.arm.n_joints();
        let (width_m, rate) = self.width();
        let joints = self.arm.arm_joint_idx();
        JointState {
            stamp: self.now,
            q: JointVector::from_fn(n, |i| self.full_q[joints[i]]),
            dq: JointVector::from_fn(n, |i| self.full_dq[joints[i]]),
            tau: self.applied,
            gripper: self.gripper.state(width_m, rate),
        }
    }

    /// What the robot's sensors say; draws their noise.
    pub fn sense(&mut self) -> JointState {
        let mut out = self.state();
        if self.noise != Noise::default() {
            let Noise { q, dq, tau, width_m } = self.noise;
            for (vector, sigma) in [(&mut out.q, q), (&mut out.dq, dq), (&mut out.tau, tau)] {
                for v in vector.iter_mut() {
                    *v += sigma * gauss(&mut self.rng);
                }
            }
            out.gripper.width_m += width_m * gauss(&mut self.rng);
        }
        out
    }

    /// Poses of everything that can be drawn.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut world_from_body = vec![Isometry3::identity(); self.stage.n_bodies()];
        for (i, group) in self.tree.groups.iter().enumerate() {
            let world_from_group = self.physics.group_pose(i);
            for (body, group_from_body) in &group.members {
                world_from_body[self.stage.robot_body(*body)] = world_from_group * group_from_body;
            }
        }
        for i in 0..self.scene.objects.len() {
            world_from_body[self.stage.object_body(i)] = self.physics.object_pose(i);
        }
        for (i, hand) in self.hands().enumerate() {
            world_from_body[self.stage.hand_body(i)] = hand;
        }
        Snapshot { stamp: self.now, stage: Arc::clone(&self.stage), world_from_body }
    }

    /// Where everybody's hands are now, each a [`crate::HandSpec::shape`]. For pictures and verdicts only.
    pub fn hands(&self) -> impl Iterator<Item = Isometry3<f64>> + '_ {
        let t = self.now.secs_since(self.start);
        self.scene.hands.iter().map(move |hand| hand.world_from_hand(t))
    }

    /// Where everything really is. For tests, verdicts and suites only: perception never sees it.
    #[must_use]
    pub fn truth(&self) -> Truth {
        let sides = mjcf_out::gripper_sides(&self.arm, &self.tree);
        let object = |(i, spec): (usize, &crate::scene::ObjectSpec)| {
            let (speed_m_s, turning_rad_s) = self.physics.object_speed(i);
            let touching = self.physics.groups_touching(i);
            let n_sides = touching.iter().filter(|g| sides.contains(g)).count();
            let on_table = self.physics.on_table(i);
            TrueObject {
                spec: spec.clone(),
                world_from_object: self.physics.object_pose(i),
                speed_m_s,
                turning_rad_s,
                on_table,
                held: n_sides >= 2 && !on_table,
            }
        };
        let tool_body = self.arm.tool_body_idx();
        let group = self.tree.group_of_body[tool_body];
        let world_from_body = self.physics.group_pose(group) * self.tree.member_pose(group, tool_body);
        Truth {
            stamp: self.now,
            objects: self.scene.objects.iter().enumerate().map(object).collect(),
            world_from_tool: world_from_body * self.arm.body_from_tool(),
        }
    }

    /// Whether an object (index in the scene) rests so calmly that the engine skips it.
    #[must_use]
    pub fn sleeps(&self, object: usize) -> bool {
        self.physics.object_sleeps(object)
    }

    /// Whether the objects of these indices in the scene touch.
    #[must_use]
    pub fn touch(&self, a: usize, b: usize) -> bool {
        self.physics.objects_touch(a, b)
    }

    /// Sets an object down somewhere else, at rest, as a person's hand would: for tests and scenarios.
    ///
    /// # Errors
    /// A [`Rejection`] for an object that is none, or a pose that is not finite.
    pub fn move_object(&mut self, name: &str, world_from_object: &Isometry3<f64>) -> Result<(), Rejection> {
        let i = self.scene.objects.iter().position(|o| o.name == name);
        let i = i.ok_or_else(|| Rejection::new("object", "an object of the scene", name.to_owned()))?;
        for (k, v) in world_from_object.translation.vector.iter().enumerate() {
            Rejection::finite(&format!("object.position[{k}]"), *v)?;
        }
        self.physics.move_object(i, world_from_object);
        Ok(())
    }

    /// All moving state folded into one number: equal for equal worlds.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.physics.hash()
    }
}

/// A standard normal number (Box and Muller, 1958).
fn gauss(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    libm::sqrt(-2.0 * libm::log(1.0 - u)) * libm::cos(2.0 * core::f64::consts::PI * v)
}
