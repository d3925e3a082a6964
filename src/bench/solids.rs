//! Arms and what stands around them, told to peers that compare solids (`scripts/peer/arm.hpp`).

use super::peer::Peer;
use mechanics::collision::{Checker, Obstacle};
use mechanics::{Arm, GeomShape, JointKind};
use nalgebra::Isometry3;
use std::io;

/// Rotation by rows, then translation.
fn pose(out: &mut Vec<f64>, pose: &Isometry3<f64>) {
    out.extend(pose.rotation.to_rotation_matrix().matrix().transpose().iter());
    out.extend(pose.translation.vector.iter());
}

fn solid(out: &mut Vec<f64>, shape: &GeomShape, at: &Isometry3<f64>) -> io::Result<()> {
    out.extend(match shape {
        GeomShape::Sphere { radius } => [0.0, *radius, 0.0, 0.0],
        GeomShape::Capsule { radius, half_length } => [1.0, *radius, *half_length, 0.0],
        GeomShape::Cylinder { radius, half_length } => [2.0, *radius, *half_length, 0.0],
        GeomShape::Cuboid { half } => [3.0, half.x, half.y, half.z],
        GeomShape::Hull { .. } => return Err(io::Error::other("no peer takes hulls")),
    });
    pose(out, at);
    Ok(())
}

/// Numbers of obstacles, one after the other.
pub(super) fn numbers(obstacles: &[Obstacle]) -> io::Result<Vec<f64>> {
    let mut out = Vec::new();
    for o in obstacles {
        solid(&mut out, &o.shape, &o.world_from_obstacle)?;
    }
    Ok(out)
}

/// Lets a peer load the arm, which stands at the world's origin, with the pairs that ours compares; its name and
/// version.
pub(super) fn meet(peer: &mut Peer, arm: &Arm) -> io::Result<String> {
    let model = arm.model();
    let mut out = Vec::new();
    let mut moves = Vec::with_capacity(model.bodies.len());
    for body in &model.bodies {
        let index = |i: Option<usize>| i.map_or(-1.0, |i| i as f64);
        let joint = body.joint_idx.map(|j| &model.joints[j]);
        let slides = joint.is_some_and(|j| j.kind == JointKind::Prismatic);
        out.extend([index(body.parent), index(body.joint_idx), f64::from(u8::from(slides))]);
        pose(&mut out, &body.parent_from_body);
        out.extend(joint.map_or([0.0; 3], |j| [j.axis.x, j.axis.y, j.axis.z]));
        moves.push(joint.is_some() || body.parent.is_some_and(|p| moves[p]));
    }
    let mut of_body = vec![Vec::new(); model.bodies.len()];
    let mut n_geoms = 0;
    for (i, body) in model.bodies.iter().enumerate() {
        for geom in body.geoms.iter().filter(|g| g.collides) {
            of_body[i].push(n_geoms as f64);
            n_geoms += 1;
            out.extend([i as f64, f64::from(u8::from(moves[i]))]);
            solid(&mut out, &geom.shape, &geom.body_from_geom)?;
        }
    }
    let before = out.len();
    for (a, b) in Checker::new(arm).self_pair_names(arm) {
        let (Some(a), Some(b)) = (model.body_idx(a), model.body_idx(b)) else { continue };
        for i in &of_body[a] {
            of_body[b].iter().for_each(|j| out.extend([*i, *j]));
        }
    }
    let n_pairs = (out.len() - before) / 2;
    peer.send(&format!("robot {} {n_geoms} {n_pairs}", model.bodies.len()))?;
    peer.give(&out)?;
    Ok(peer.answer()?.join(" "))
}
