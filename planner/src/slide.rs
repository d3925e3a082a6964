//! The motion of a push: the fingers come down around the object (or behind it, when it is too wide),
//! slide it straight along the table, and leave upwards.

use crate::failure::PlanFailure;
use crate::footprint::{Footprint, bottom, centre};
use crate::grasp::{middle_of_jaws, pointing_down};
use crate::motion::{Motion, Run, find};
use crate::obstacles::{name, plain};
use crate::push::{LEAST_AHEAD_M, lane_is_free};
use crate::relations::upon;
use nalgebra::{Point2, Point3, Vector2};
use types::{ObjectId, Scene, Tool, TrackedObject, Transform, World};

/// Half the thickness of a finger along the tool's x, metres.
const HALF_FINGER_M: f64 = 0.011;
/// Room between the fingers and an object they come down around or behind, metres.
const SIDE_ROOM_M: f64 = 0.008;
/// Free height below the fingertips, metres.
const TIP_ROOM_M: f64 = 0.005;

/// How much narrower a lane may be found than it was when it was chosen, metres: things are measured
/// anew, and the fingers are checked by themselves.
const LANE_SLACK_M: f64 = 0.016;

/// Tool poses at both ends of a push, and the opening of the gripper.
struct Slide {
    from: Transform<World, Tool>,
    to: Transform<World, Tool>,
    open_m: f64,
}

impl Motion {
    pub(crate) fn push(
        &mut self,
        run: &mut Run,
        id: ObjectId,
        to: Point2<f64>,
        scene: &Scene,
    ) -> Result<(), PlanFailure> {
        if let Some(held) = &run.held {
            let what = held.object.describe();
            return Err(PlanFailure::Precondition(format!("the hand still holds the {what}")));
        }
        let object = find(scene, id)?;
        let label = plain(&name(&object)).to_owned();
        let what = format!("push {label}");
        let Some(direction) = (to - centre(&object)).try_normalize(1e-4) else { return Ok(()) };
        let mut moving: Vec<ObjectId> = vec![id];
        moving.extend(upon(scene, id).iter().map(|o| o.id));
        if !lane_is_free(&object, centre(&object), to, scene, &moving, LEAST_AHEAD_M, -LANE_SLACK_M) {
            return Err(PlanFailure::Precondition(format!("{what}: something is in its way")));
        }
        let mut failure = None;
        let slides = self.slides(&object, to, direction);
        for slide in slides {
            let mut attempt = run.clone();
            match self.slide_along(&mut attempt, &slide, scene, &moving, &label) {
                Ok(()) => {
                    *run = attempt;
                    return Ok(());
                }
                Err(e) => failure = failure.or(Some(e)),
            }
        }
        Err(failure.unwrap_or(PlanFailure::NoPath { what }))
    }

    fn slide_along(
        &mut self,
        run: &mut Run,
        slide: &Slide,
        scene: &Scene,
        moving: &[ObjectId],
        label: &str,
    ) -> Result<(), PlanFailure> {
        let what = format!("push {label}");
        // Coming down, the hand must clear the object; sliding and leaving, it is among the fingers.
        self.surround_contact(run, scene, &[])?;
        let way = self.way_to(run, &slide.from, slide.open_m, &what)?;
        let there = way.line_up[0];
        let fit = self.contact_fit(slide.open_m);
        self.surround_contact(run, scene, moving)?;
        let along = self.space.line(&there, &slide.to, fit, &what)?;
        let end = along[along.len() - 1];
        let up = self.line_up(&end, &slide.to, self.config.approach_m, fit, &what)?;
        self.open_to(run, slide.open_m);
        let above = way.line_up[way.line_up.len() - 1];
        self.go(run, &above, scene, 1.0, &format!("reach over {label}"))?;
        self.surround_contact(run, scene, &[])?;
        let down: Vec<_> = way.line_up.iter().rev().copied().collect();
        self.creep(run, &down, &format!("come down at {label}"))?;
        self.surround_contact(run, scene, moving)?;
        self.creep(run, &along, &what)?;
        self.creep(run, &up, &format!("leave {label}"))?;
        let after = pushed(scene, moving, &slide.from, &slide.to);
        self.finish(run, &after);
        Ok(())
    }

    /// Ways to push, the surer ones first.
    fn slides(&mut self, object: &TrackedObject, to: Point2<f64>, direction: Vector2<f64>) -> Vec<Slide> {
        let gripper = self.space.arm().profile().gripper.clone();
        let lowest = bottom(object).max(0.0) + gripper.finger_depth_m + TIP_ROOM_M;
        let mut heights = vec![object.position.z.min(0.03).max(lowest)];
        for below_top in [0.034, 0.026, 0.016] {
            let z = object.top() - below_top;
            if z > heights[heights.len() - 1] + 0.002 {
                heights.push(z);
            }
        }
        let from = centre(object);
        let outline = Footprint::of(object);
        let (behind, ahead) = (outline.extent(from, -direction), outline.extent(from, direction));
        let length = behind + ahead;
        let axis = libm::atan2(direction.y, direction.x);
        let mut out = Vec::new();
        let tool = |jaws: Point2<f64>, z: f64, axis: f64, open_m: f64| {
            let (s, c) = libm::sincos(axis);
            let off = middle_of_jaws(&gripper, open_m);
            pointing_down(Point3::new(jaws.x - c * off, jaws.y - s * off, z), axis)
        };
        let open_m = (length + 2.0 * SIDE_ROOM_M).min(gripper.width_m);
        if !object.most_likely_shape().is_container() && length + SIDE_ROOM_M <= gripper.width_m {
            // One finger behind pushes, one ahead keeps it from rolling on or turning away.
            let middle = from + direction * (0.5 * (ahead - behind));
            let slack = 0.5 * (open_m - length);
            for z in &heights {
                for axis in [axis, axis + core::f64::consts::PI] {
                    out.push(Slide {
                        from: tool(middle, *z, axis, open_m),
                        to: tool(middle + (to - from) + direction * slack, *z, axis, open_m),
                        open_m,
                    });
                }
            }
        }
        // Two fingertips behind it, side by side: it neither turns nor slips off.
        let across = Vector2::new(-direction.y, direction.x);
        let breadth = outline.extent(from, across) + outline.extent(from, -across);
        let open_m = (0.5 * breadth).min(0.85 * gripper.width_m);
        let touch = behind + HALF_FINGER_M;
        // On the way it turns until a side lies against both.
        let pressed = flush(object, direction) + HALF_FINGER_M;
        for z in &heights {
            for side in [1.0, -1.0] {
                let axis = axis + side * core::f64::consts::FRAC_PI_2;
                out.push(Slide {
                    from: tool(from - direction * (touch + SIDE_ROOM_M), *z, axis, open_m),
                    to: tool(to - direction * pressed, *z, axis, open_m),
                    open_m,
                });
            }
        }
        out
    }
}

/// How far the middle of an object is from a straight edge across `direction` that it lies against, metres.
fn flush(object: &TrackedObject, direction: Vector2<f64>) -> f64 {
    let d = 0.5 * object.dimensions;
    let along = libm::cos(object.yaw - libm::atan2(direction.y, direction.x));
    if along.abs() > core::f64::consts::FRAC_1_SQRT_2 { d.x } else { d.y }
}

/// The scene with the pushed things moved as the tool moved.
fn pushed(
    scene: &Scene,
    moving: &[ObjectId],
    from: &Transform<World, Tool>,
    to: &Transform<World, Tool>,
) -> Scene {
    let by = to.origin() - from.origin();
    let mut out = scene.clone();
    for o in out.objects.iter_mut().filter(|o| moving.contains(&o.id)) {
        o.position += by;
    }
    out
}
