//! What stands around the arm as messages, and back.

use bridge::ros;
use control::{Thing, World};
use mechanics::GeomShape;
use mechanics::collision::{Attached, Obstacle};
use nalgebra::{Isometry3, Point3, Vector3};
use types::{Rejection, Time, Transform};

/// Corners and triangles of a hull, at most: more is no solid that a filter could look at in time.
const MOST_CORNERS: usize = 4096;

fn solid(name: &str, shape: &GeomShape, at: &Isometry3<f64>) -> ros::Solid {
    let (word, sizes, triangles) = match shape {
        GeomShape::Sphere { radius } => ("sphere", vec![*radius], vec![]),
        GeomShape::Capsule { radius, half_length } => ("capsule", vec![*radius, *half_length], vec![]),
        GeomShape::Cylinder { radius, half_length } => ("cylinder", vec![*radius, *half_length], vec![]),
        GeomShape::Cuboid { half } => ("cuboid", half.iter().copied().collect(), vec![]),
        GeomShape::Hull { points, triangles } => {
            let corners = points.iter().flat_map(|p| [p.x, p.y, p.z]).collect();
            ("hull", corners, triangles.iter().flatten().copied().collect())
        }
    };
    let (t, q) = (at.translation.vector, at.rotation.into_inner());
    ros::Solid {
        name: name.to_owned(),
        shape: word.to_owned(),
        sizes,
        triangles,
        position: [t.x, t.y, t.z],
        rotation: [q.i, q.j, q.k, q.w],
        keep_m: 0.0,
        speed_m_s: 0.0,
    }
}

/// A world as it is said; `own` tells the sender's time of the robot's.
pub(super) fn message(world: &World, own: impl Fn(Time) -> Time) -> ros::World {
    let thing = |t: &Thing| ros::Solid {
        keep_m: t.keep_m,
        speed_m_s: t.speed_m_s,
        ..solid(&t.obstacle.name, &t.obstacle.shape, &t.obstacle.world_from_obstacle)
    };
    ros::World {
        stamp: own(world.stamp).as_nanos(),
        expires: own(world.expires).as_nanos(),
        things: world.things.iter().map(thing).collect(),
        held: world.held.iter().map(|h| solid("held", &h.shape, &h.tool_from_shape)).collect(),
    }
}

fn shape(m: &ros::Solid) -> Result<GeomShape, Rejection> {
    let refuse =
        |field: &'static str, expected: String, got: String| Err(Rejection::new(field, expected, got));
    let sizes = m.sizes.as_slice();
    if m.shape != "hull" && sizes.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
        return refuse("solid.sizes", "lengths above zero, metres".into(), format!("{sizes:?}"));
    }
    Ok(match (m.shape.as_str(), sizes) {
        ("sphere", &[radius]) => GeomShape::Sphere { radius },
        ("capsule", &[radius, half_length]) => GeomShape::Capsule { radius, half_length },
        ("cylinder", &[radius, half_length]) => GeomShape::Cylinder { radius, half_length },
        ("cuboid", &[x, y, z]) => GeomShape::Cuboid { half: Vector3::new(x, y, z) },
        ("hull", corners) => {
            let (points, rest) = corners.as_chunks::<3>();
            let (triangles, left) = m.triangles.as_chunks::<3>();
            let is_right = rest.is_empty()
                && left.is_empty()
                && (4..=MOST_CORNERS).contains(&points.len())
                && triangles.len() <= 2 * MOST_CORNERS
                && corners.iter().all(|c| c.is_finite())
                && m.triangles.iter().all(|k| (*k as usize) < points.len());
            if !is_right {
                let expected = format!("4 to {MOST_CORNERS} corners, and triangles of these");
                return refuse("solid.hull", expected, format!("{} numbers", corners.len()));
            }
            let points = points.iter().map(|[x, y, z]| Point3::new(*x, *y, *z)).collect();
            GeomShape::Hull { points, triangles: triangles.to_vec() }
        }
        (other, _) => {
            let expected = "sphere, capsule, cylinder, cuboid or hull, with its sizes".to_owned();
            return refuse("solid.shape", expected, format!("{other} with {} sizes", sizes.len()));
        }
    })
}

fn pose(m: &ros::Solid) -> Result<Isometry3<f64>, Rejection> {
    let ([x, y, z, w], at) = (m.rotation, m.position);
    Ok(*Transform::<types::World, types::Tool>::new(at, [w, x, y, z])?.isometry())
}

/// A world from its message; `ours` tells this node's time of the sender's, at the earliest.
///
/// # Errors
/// A [`Rejection`] naming the field (B1–B9).
pub(super) fn world(m: &ros::World, ours: impl Fn(Time) -> Time) -> Result<World, Rejection> {
    if m.things.len() > control::MOST_THINGS || m.held.len() > 1 {
        let expected = format!("at most {} things, and one that is held", control::MOST_THINGS);
        let got = format!("{} and {}", m.things.len(), m.held.len());
        return Err(Rejection::new("world.things", expected, got));
    }
    let thing = |s: &ros::Solid| {
        let obstacle = Obstacle { name: s.name.clone(), shape: shape(s)?, world_from_obstacle: pose(s)? };
        Ok(Thing { obstacle, keep_m: s.keep_m, speed_m_s: s.speed_m_s })
    };
    let held = |s: &ros::Solid| Ok(Attached { shape: shape(s)?, tool_from_shape: pose(s)? });
    Ok(World {
        stamp: ours(Time::from_nanos(m.stamp)),
        expires: ours(Time::from_nanos(m.expires)),
        things: m.things.iter().map(thing).collect::<Result<_, Rejection>>()?,
        held: m.held.first().map(held).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge::ros::{from_cdr, to_cdr};

    #[test]
    fn a_world_comes_back_over_the_wire_and_what_is_no_solid_is_refused_by_name() {
        let hull = GeomShape::Hull {
            points: vec![
                Point3::origin(),
                Point3::new(0.1, 0.0, 0.0),
                Point3::new(0.0, 0.1, 0.0),
                Point3::new(0.0, 0.0, 0.1),
            ],
            triangles: vec![[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]],
        };
        let shapes = [
            GeomShape::Sphere { radius: 0.1 },
            GeomShape::Capsule { radius: 0.1, half_length: 0.2 },
            GeomShape::Cylinder { radius: 0.1, half_length: 0.2 },
            GeomShape::Cuboid { half: Vector3::new(0.1, 0.2, 0.3) },
            hull,
        ];
        let at = Isometry3::translation(0.1, 0.2, 0.3);
        let thing = |shape: &GeomShape| Thing {
            obstacle: Obstacle { name: "a thing".into(), shape: shape.clone(), world_from_obstacle: at },
            keep_m: 0.02,
            speed_m_s: 1.6,
        };
        let stamp = Time::from_nanos(1_000_000_000);
        let expires = Time::from_nanos(2_000_000_000);
        let held = Some(Attached { shape: shapes[0].clone(), tool_from_shape: at });
        let before = World { stamp, expires, things: shapes.iter().map(thing).collect(), held };
        let bytes = to_cdr(&message(&before, |t| t)).expect("said");
        let heard: ros::World = from_cdr(&bytes).expect("heard");
        assert_eq!(world(&heard, |t| t), Ok(before));
        let refused = |spoil: &dyn Fn(&mut ros::World)| {
            let mut m = heard.clone();
            spoil(&mut m);
            world(&m, |t| t).expect_err("spoilt").field.to_string()
        };
        assert_eq!(refused(&|m| m.things[0].shape = "cone".into()), "solid.shape");
        assert_eq!(refused(&|m| m.things[0].sizes[0] = f64::NAN), "solid.sizes");
        assert_eq!(refused(&|m| m.things[3].sizes[1] = -0.1), "solid.sizes");
        assert_eq!(refused(&|m| m.things[4].triangles[2] = 4), "solid.hull");
        assert_eq!(refused(&|m| m.things[4].sizes[2] = f64::INFINITY), "solid.hull");
        assert_eq!(refused(&|m| m.held.extend(m.held.clone())), "world.things");
        assert!(refused(&|m| m.things[1].rotation = [0.0; 4]).contains("quaternion"));
    }
}
