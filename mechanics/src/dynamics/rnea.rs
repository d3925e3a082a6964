//! Inverse dynamics.

use crate::data::Data;
use crate::links::{Inertia, Link, Pose};
use crate::model::Model;
use crate::trig;
use nalgebra::Vector3;

/// Motion of one link and the force it takes, along the link's own axes, at its origin.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Moving {
    /// Where it is in its parent now.
    pub(crate) place: Pose,
    /// Angular velocity, rad/s.
    pub(crate) omega: Vector3<f64>,
    /// Angular acceleration, rad/s².
    pub(crate) alpha: Vector3<f64>,
    /// Linear acceleration of the origin, gravity taken off, m/s².
    pub(crate) acc: Vector3<f64>,
    /// Force through the joint, N.
    pub(crate) force: Vector3<f64>,
    /// Moment through the joint about the origin, N·m.
    pub(crate) moment: Vector3<f64>,
}

/// Inverse dynamics: the torques (N·m, N) that make the joints accelerate by `ddq` at `q`, `dq`,
/// under `gravity` (m/s², base axes), with viscous damping and rotor inertia. Recursive
/// Newton–Euler along each link's own axes; Luh, Walker and Paul (1980); Featherstone (2008), table 5.1.
///
/// # Real-time
/// No allocation; linear in the number of joints.
///
/// # Panics
/// When a slice is shorter than the model's joints.
pub fn rnea(
    model: &Model,
    data: &mut Data,
    q: &[f64],
    dq: &[f64],
    ddq: &[f64],
    gravity: &Vector3<f64>,
    tau: &mut [f64],
) {
    let n = model.joints.len();
    let (q, dq, ddq, tau) = (&q[..n], &dq[..n], &ddq[..n], &mut tau[..n]);
    data.arch.dispatch(
        #[inline(always)]
        || recurse(data, q, dq, ddq, gravity, tau),
    );
}

#[inline(always)]
fn recurse(data: &mut Data, q: &[f64], dq: &[f64], ddq: &[f64], gravity: &Vector3<f64>, tau: &mut [f64]) {
    trig::sin_cos(q, &mut data.sin, &mut data.cos);
    let links = &data.links.all;
    // Accelerating the base upwards stands for gravity.
    let base = Moving { acc: -gravity, ..Moving::default() };
    for (i, link) in links.iter().enumerate() {
        let j = link.joint;
        let place = link.place_at(q[j], data.sin[j], data.cos[j]);
        let parent = link.parent.map_or(&base, |p| &data.moving[p]);
        data.moving[i] = accelerate(link, place, parent, dq[j], ddq[j]);
    }
    for i in (0..links.len()).rev() {
        let link = &links[i];
        let Moving { place, force, moment, .. } = data.moving[i];
        let along = if link.slides { force.z } else { moment.z };
        tau[link.joint] = along + link.damping * dq[link.joint] + link.armature * ddq[link.joint];
        if let Some(p) = link.parent {
            let force = place.out(&force);
            let parent = &mut data.moving[p];
            parent.force += force;
            parent.moment += place.out(&moment) + place.at.vector().cross(&force);
        }
    }
}

/// The outward half for one link: its motion, and the force that motion takes.
#[inline(always)]
fn accelerate(link: &Link, place: Pose, parent: &Moving, dq: f64, ddq: f64) -> Moving {
    let (o, a, at) = (&parent.omega, &parent.alpha, place.at.vector());
    let acc = parent.acc + a.cross(&at) + o.cross(&o.cross(&at));
    let mut s = Moving {
        place,
        omega: place.back(o),
        alpha: place.back(a),
        acc: place.back(&acc),
        ..Moving::default()
    };
    if link.slides {
        s.acc += Vector3::new(2.0 * dq * s.omega.y, -2.0 * dq * s.omega.x, ddq);
    } else {
        s.alpha += Vector3::new(dq * s.omega.y, -dq * s.omega.x, ddq);
        s.omega.z += dq;
    }
    let Inertia { mass, first, second } = &link.inertia;
    s.force = s.acc * *mass + s.alpha.cross(first) + s.omega.cross(&s.omega.cross(first));
    s.moment = second * s.alpha + s.omega.cross(&(second * s.omega)) + first.cross(&s.acc);
    s
}

/// Torques (N·m, N) that hold the arm still at `q`. Allocates nothing.
///
/// # Panics
/// When a slice is shorter than the model's joints.
pub fn gravity(model: &Model, data: &mut Data, q: &[f64], gravity: &Vector3<f64>, tau: &mut [f64]) {
    // The zeros lie in the scratch; lent out so that `data` stays free for the recursion.
    let zeros = core::mem::take(&mut data.zeros);
    rnea(model, data, q, &zeros, &zeros, gravity, tau);
    data.zeros = zeros;
}
