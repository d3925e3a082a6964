//! The motion of picking up and putting down.

use crate::failure::PlanFailure;
use crate::footprint::narrow_side;
use crate::grasp::{Grasp, around, grasps, middle_of_jaws, pointing_down, wrapped};
use crate::motion::{Expect, Held, Motion, Run, Way, find, holding};
use crate::obstacles::{name, plain, pose, settled};
use crate::spots::{PlaceSpot, place_spots};
use core::f64::consts::PI;
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use types::plan::{Spot, is_graspable};
use types::{JointVector, ObjectId, Scene, Tool, TrackedObject, Transform, World};

/// How many ways to grasp or put down are compared before the shortest is taken.
const ENOUGH_WAYS: usize = 3;
/// How much higher things are let go in turn where the fingers find no room lower, metres.
const RELEASE_HEIGHTS_M: [f64; 4] = [0.0, 0.012, 0.024, 0.04];

impl Motion {
    pub(crate) fn pick(&mut self, run: &mut Run, id: ObjectId, scene: &Scene) -> Result<(), PlanFailure> {
        if let Some(held) = &run.held {
            let what = held.object.describe();
            return Err(PlanFailure::Precondition(format!("the hand still holds the {what}")));
        }
        let object = find(scene, id)?;
        let gripper = self.space.arm().profile().gripper.clone();
        let side_m = narrow_side(&object);
        let label = plain(&name(&object)).to_owned();
        if !is_graspable(object.most_likely_shape(), side_m, gripper.width_m) {
            return Err(PlanFailure::TooWide { what: label, side_m, width_m: gripper.width_m });
        }
        let natural = self.natural_axis(object.position.x, object.position.y);
        let all = grasps(&object, natural, &gripper, &self.config);
        self.surround_contact(run, scene, &[])?;
        let what = format!("grasp {label}");
        let mut failure = PlanFailure::NoPath { what: what.clone() };
        let mut is_first_failure = true;
        let mut ways: Vec<(Way, Grasp)> = Vec::new();
        for grasp in all {
            // A higher grasp only where no lower one works.
            let lower = ways.first().is_some_and(|(_, g)| height(g) < height(&grasp) - 1e-3);
            if lower || ways.len() >= ENOUGH_WAYS {
                break;
            }
            match self.way_to(run, &grasp.world_from_tool, grasp.open_m, &what) {
                Ok(way) => ways.push((way, grasp)),
                Err(e) if is_first_failure => {
                    failure = e;
                    is_first_failure = false;
                }
                Err(_) => {}
            }
        }
        ways.sort_by(|a, b| a.0.cost.total_cmp(&b.0.cost));
        for (way, grasp) in ways {
            let mut attempt = run.clone();
            match self.grasp_along(&mut attempt, &object, &way, &grasp, scene, &label) {
                Ok(()) => {
                    *run = attempt;
                    self.finish(run, scene);
                    return Ok(());
                }
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }

    fn grasp_along(
        &mut self,
        run: &mut Run,
        object: &TrackedObject,
        way: &Way,
        grasp: &Grasp,
        scene: &Scene,
        label: &str,
    ) -> Result<(), PlanFailure> {
        self.open_to(run, way.open_m);
        let above = way.line_up[way.line_up.len() - 1];
        self.go(run, &above, scene, 1.0, &format!("reach over {label}"))?;
        self.surround_contact(run, scene, &[])?;
        let down: Vec<JointVector> = way.line_up.iter().rev().copied().collect();
        self.creep(run, &down, &format!("come down around {label}"))?;
        self.set_gripper(run, 0.0, holding(grasp.side_m));
        run.width_m = grasp.side_m;
        let mut tool_from_object = grasp.world_from_tool.inverse().isometry() * pose(object);
        // The fingers centre it between them.
        let middle = middle_of_jaws(&self.space.arm().profile().gripper, grasp.side_m);
        tool_from_object.translation.vector.y = middle;
        run.held = Some(Held { object: object.clone(), tool_from_object, width_m: grasp.side_m });
        self.surround_contact(run, scene, &[])?;
        let what = format!("lift {label}");
        let fit = self.contact_fit(run.width_m);
        let line = self.line_up(&run.q, &grasp.world_from_tool, self.config.retreat_m, fit, &what)?;
        self.creep(run, &line, &what)
    }

    pub(crate) fn place(
        &mut self,
        run: &mut Run,
        id: ObjectId,
        spot: &Spot,
        scene: &Scene,
    ) -> Result<(), PlanFailure> {
        let Some(held) = run.held.clone().filter(|h| h.object.id == id) else {
            return Err(PlanFailure::Precondition(
                "the hand does not hold what shall be put down".to_owned(),
            ));
        };
        let label = plain(&name(&held.object)).to_owned();
        let spots = place_spots(&held.object, spot, &settled_scene(scene, id), self.area, &self.config)?;
        let what = format!("put down {label}");
        self.surround_contact(run, scene, &[])?;
        let mut failure = None;
        let release_m = self.release_width(held.width_m);
        for spot in &spots {
            for extra in RELEASE_HEIGHTS_M {
                // Off the table things are only ever let go low.
                if extra > 0.0 && spot.bottom_m <= 0.0 {
                    break;
                }
                let mut ways: Vec<Way> = Vec::new();
                for tool in self.release_tools(&held, spot, extra) {
                    if ways.len() >= ENOUGH_WAYS {
                        break;
                    }
                    match self.way_to(run, &tool, held.width_m, &what) {
                        Ok(way) => ways.push(way),
                        Err(e) => failure = failure.or(Some(e)),
                    }
                }
                ways.sort_by(|a, b| a.cost.total_cmp(&b.cost));
                for way in ways {
                    let mut attempt = run.clone();
                    match self.release_along(&mut attempt, &way, release_m, scene, &held, &label) {
                        Ok(()) => {
                            *run = attempt;
                            return Ok(());
                        }
                        Err(e) => failure = Some(e),
                    }
                    self.surround_contact(run, scene, &[])?;
                }
            }
        }
        Err(failure.unwrap_or(PlanFailure::NoPath { what }))
    }

    fn release_along(
        &mut self,
        run: &mut Run,
        way: &Way,
        release_m: f64,
        scene: &Scene,
        held: &Held,
        label: &str,
    ) -> Result<(), PlanFailure> {
        let above = way.line_up[way.line_up.len() - 1];
        self.go(run, &above, scene, 1.0, &format!("carry {label}"))?;
        self.surround_contact(run, scene, &[])?;
        let down: Vec<JointVector> = way.line_up.iter().rev().copied().collect();
        self.creep(run, &down, &format!("lower {label}"))?;
        self.set_gripper(run, release_m, Expect::Open);
        run.held = None;
        // Where it stands now it is in nobody's way but the palm's, which goes straight up.
        let there = self.put_down(scene, held, &run.q);
        self.surround_contact(run, &there, &[held.object.id])?;
        let fit = self.contact_fit(run.width_m);
        let tool = self.space.tool(&run.q);
        let what = format!("leave {label}");
        let line = self.line_up(&run.q, &tool, self.config.retreat_m, fit, &what)?;
        self.creep(run, &line, &what)?;
        self.finish(run, &there);
        Ok(())
    }

    /// The finger axis (its angle about the world's z) that the arm has over a point when it only turns
    /// there from its home.
    fn natural_axis(&mut self, x: f64, y: f64) -> f64 {
        let home = self.space.arm().home();
        let tool = self.space.tool(&home);
        let base = self.space.arm().world_from_base().translation.vector;
        let bearing = |x: f64, y: f64| libm::atan2(y - base.y, x - base.x);
        let fingers = tool.vector(Vector3::y());
        libm::atan2(fingers.y, fingers.x) + bearing(x, y) - bearing(tool.origin().x, tool.origin().y)
    }

    /// How far the fingers open to let go: enough, and no further, for there may be walls around.
    fn release_width(&self, held_m: f64) -> f64 {
        (held_m + 1.6 * self.config.finger_room_m).min(self.space.arm().profile().gripper.width_m)
    }

    /// The scene with the held object where the tool at `q` has put it.
    fn put_down(&mut self, scene: &Scene, held: &Held, q: &JointVector) -> Scene {
        let at = self.space.tool(q).isometry() * held.tool_from_object;
        let mut out = scene.clone();
        out.objects.retain(|o| o.id != held.object.id);
        let mut object = held.object.clone();
        object.position = Point3::from(at.translation.vector);
        object.yaw = yaw_of(&at);
        out.objects.push(object);
        out
    }

    /// Tool poses that bring the held object to a spot, the likelier ones first.
    fn release_tools(&mut self, held: &Held, spot: &PlaceSpot, extra_m: f64) -> Vec<Transform<World, Tool>> {
        let z = spot.bottom_m + 0.5 * held.object.dimensions.z + self.config.release_gap_m + extra_m;
        let object_from_tool = held.tool_from_object.inverse();
        // Turn of the object when the tool's finger axis is at zero.
        let at_zero = yaw_of(&(pointing_down(Point3::origin(), 0.0).isometry() * held.tool_from_object));
        let natural = at_zero + self.natural_axis(spot.centre.x, spot.centre.y);
        let mut yaws: Vec<f64> = if spot.yaws.is_empty() {
            around(natural, PI, 12).collect()
        } else {
            spot.yaws.iter().flat_map(|yaw| [*yaw, yaw + PI]).collect()
        };
        let off = |yaw: &f64| wrapped(yaw - natural).abs();
        yaws.sort_by(|a, b| off(a).total_cmp(&off(b)));
        yaws.into_iter()
            .map(|yaw| {
                let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), wrapped(yaw));
                let place = Translation3::new(spot.centre.x, spot.centre.y, z);
                Transform::from_isometry(Isometry3::from_parts(place, turn) * object_from_tool)
            })
            .collect()
    }
}

fn height(grasp: &Grasp) -> f64 {
    grasp.world_from_tool.origin().z
}

/// Turn about the world's z of a pose's x axis, radians.
fn yaw_of(pose: &Isometry3<f64>) -> f64 {
    let x = pose.rotation * Vector3::x();
    libm::atan2(x.y, x.x)
}

/// The scene with everything as it must stand, without the object in the hand.
fn settled_scene(scene: &Scene, held: ObjectId) -> Scene {
    let objects = scene.objects.iter().filter(|o| o.id != held).map(settled).collect();
    Scene { stamp: scene.stamp, objects }
}
