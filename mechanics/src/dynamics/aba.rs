//! Forward dynamics.

use crate::data::Data;
use crate::links::{Inertia, Pose};
use crate::model::Model;
use crate::trig;
use nalgebra::{Matrix3, Vector3};

/// What the articulated-body recursion keeps of one link, along its own axes, at its origin. A motion is
/// (angular, linear), a force is (moment, force).
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Articulated {
    place: Pose,
    /// Velocity.
    omega: Vector3<f64>,
    speed: Vector3<f64>,
    /// Acceleration that the joint's velocity causes.
    drift: [Vector3<f64>; 2],
    /// Articulated inertia: moment by angular, moment by linear, force by linear acceleration.
    angular: Matrix3<f64>,
    mixed: Matrix3<f64>,
    linear: Matrix3<f64>,
    /// Force that it takes without acceleration.
    bias: [Vector3<f64>; 2],
    /// Force that a unit acceleration of the joint takes, and its part along the joint.
    column: [Vector3<f64>; 2],
    pivot: f64,
    /// What is left of the joint's torque.
    rest: f64,
    /// Acceleration.
    acc: [Vector3<f64>; 2],
}

/// Forward dynamics: the accelerations (rad/s², m/s²) that torques `tau` cause. Articulated bodies;
/// Featherstone (2008), table 7.1. Returns whether every joint moves something; `ddq` is of no use when
/// one does not (a massless moving chain).
///
/// # Real-time
/// No allocation; linear in the number of joints.
///
/// # Panics
/// When a slice is shorter than the model's joints.
pub fn forward(
    model: &Model,
    data: &mut Data,
    q: &[f64],
    dq: &[f64],
    tau: &[f64],
    gravity: &Vector3<f64>,
    ddq: &mut [f64],
) -> bool {
    let n = model.joints.len();
    let (q, dq, tau, ddq) = (&q[..n], &dq[..n], &tau[..n], &mut ddq[..n]);
    data.arch.dispatch(
        #[inline(always)]
        || {
            trig::sin_cos(q, &mut data.sin, &mut data.cos);
            let base = Articulated { acc: [Vector3::zeros(), -gravity], ..Articulated::default() };
            outward(data, &base, q, dq);
            inward(data, dq, tau) && {
                accelerate(data, &base, ddq);
                true
            }
        },
    )
}

/// Velocities, and what each link takes by itself.
#[inline(always)]
fn outward(data: &mut Data, base: &Articulated, q: &[f64], dq: &[f64]) {
    for (i, link) in data.links.all.iter().enumerate() {
        let (j, rate) = (link.joint, dq[link.joint]);
        let place = link.place_at(q[j], data.sin[j], data.cos[j]);
        let parent = link.parent.map_or(base, |p| &data.articulated[p]);
        let mut a = Articulated { place, ..Articulated::default() };
        a.omega = place.back(&parent.omega);
        a.speed = place.back(&(parent.speed + parent.omega.cross(&place.at.vector())));
        // A motion along z at `rate`, crossed with the velocity.
        let about_z = |v: &Vector3<f64>| Vector3::new(rate * v.y, -rate * v.x, 0.0);
        if link.slides {
            a.drift = [Vector3::zeros(), about_z(&a.omega)];
            a.speed.z += rate;
        } else {
            a.drift = [about_z(&a.omega), about_z(&a.speed)];
            a.omega.z += rate;
        }
        let Inertia { mass, first, second } = &link.inertia;
        let momentum = a.speed * *mass + a.omega.cross(first);
        let spin = second * a.omega + first.cross(&a.speed);
        a.bias = [a.omega.cross(&spin) + a.speed.cross(&momentum), a.omega.cross(&momentum)];
        a.angular = *second;
        a.mixed = first.cross_matrix();
        a.linear = Matrix3::from_diagonal_element(*mass);
        data.articulated[i] = a;
    }
}

/// Articulated inertias from the tips inwards; whether every joint moves something.
#[inline(always)]
fn inward(data: &mut Data, dq: &[f64], tau: &[f64]) -> bool {
    for i in (0..data.links.all.len()).rev() {
        let link = &data.links.all[i];
        let j = link.joint;
        let a = &mut data.articulated[i];
        if link.slides {
            a.column = [a.mixed.column(2).into(), a.linear.column(2).into()];
            a.pivot = a.column[1].z + link.armature;
            a.rest = tau[j] - link.damping * dq[j] - a.bias[1].z;
        } else {
            a.column = [a.angular.column(2).into(), a.mixed.row(2).transpose()];
            a.pivot = a.column[0].z + link.armature;
            a.rest = tau[j] - link.damping * dq[j] - a.bias[0].z;
        }
        if a.pivot.is_nan() || a.pivot <= 0.0 {
            return false;
        }
        let Some(p) = link.parent else { continue };
        let (a, parent) = pair(&mut data.articulated, i, p);
        let [u, w] = &a.column;
        let inverse = 1.0 / a.pivot;
        let (us, ws) = (u * inverse, w * inverse);
        let angular = a.angular - us * u.transpose();
        let mixed = a.mixed - us * w.transpose();
        let linear = a.linear - ws * w.transpose();
        let [drift, drift_linear] = &a.drift;
        let moment = a.bias[0] + angular * drift + mixed * drift_linear + us * a.rest;
        let force = a.bias[1] + mixed.tr_mul(drift) + linear * drift_linear + ws * a.rest;
        // To the parent's axes and origin.
        let (turn, at) = (a.place.turn(), a.place.at.vector());
        let back = turn.transpose();
        let linear = turn * linear * back;
        let turned = turn * mixed * back;
        let angular = turn * angular * back;
        let mixed = turned + cross_columns(&at, &linear);
        let corner = cross_columns(&at, &turned.transpose());
        parent.angular += angular + corner - cross_rows(&mixed, &at);
        parent.mixed += mixed;
        parent.linear += linear;
        let force = turn * force;
        parent.bias[0] += turn * moment + at.cross(&force);
        parent.bias[1] += force;
    }
    true
}

/// Accelerations from the base outwards.
#[inline(always)]
fn accelerate(data: &mut Data, base: &Articulated, ddq: &mut [f64]) {
    for (i, link) in data.links.all.iter().enumerate() {
        let parent = link.parent.map_or(base.acc, |p| data.articulated[p].acc);
        let a = &mut data.articulated[i];
        let mut angular = a.place.back(&parent[0]) + a.drift[0];
        let mut linear = a.place.back(&(parent[1] + parent[0].cross(&a.place.at.vector()))) + a.drift[1];
        let along = a.column[0].dot(&angular) + a.column[1].dot(&linear);
        let acceleration = (a.rest - along) / a.pivot;
        if link.slides {
            linear.z += acceleration
        } else {
            angular.z += acceleration
        }
        a.acc = [angular, linear];
        ddq[link.joint] = acceleration;
    }
}

/// A link and its parent.
#[inline(always)]
fn pair(all: &mut [Articulated], link: usize, parent: usize) -> (&Articulated, &mut Articulated) {
    let (low, high) = all.split_at_mut(link);
    (&high[0], &mut low[parent])
}

/// `[p×] · m`.
#[inline(always)]
fn cross_columns(p: &Vector3<f64>, m: &Matrix3<f64>) -> Matrix3<f64> {
    Matrix3::from_columns(&[p.cross(&m.column(0)), p.cross(&m.column(1)), p.cross(&m.column(2))])
}

/// `m · [p×]`.
#[inline(always)]
fn cross_rows(m: &Matrix3<f64>, p: &Vector3<f64>) -> Matrix3<f64> {
    m * p.cross_matrix()
}
