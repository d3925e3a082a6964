//! Where the objects of a sample lie: apart, touching, stacked, toppled, in bowls and on trays.

use crate::objects;
use crate::random::gap;
use crate::scene::{ObjectSpec, SceneSpec};
use core::f64::consts::{FRAC_PI_2, PI};
use nalgebra::{Isometry3, UnitQuaternion, Vector2, Vector3};
use rand::Rng;
use types::{Color, Shape, Size};

/// How often a place for one object is looked for.
const TRIES: usize = 24;
/// Where middles lie: x from, x to, y from, y to, metres. A little more than what the suite uses.
const AREA: [f64; 4] = [0.33, 0.73, -0.35, 0.35];
/// Nothing lies nearer to the middle of an arm's base than this and half its own length, metres.
const BASE: f64 = 0.08;
/// The highest stack.
const HIGHEST: usize = 3;

/// Objects with their poses; a pose may be one that a [`SceneSpec`] has no words for.
pub(super) struct Layout {
    /// What there is.
    pub scene: SceneSpec,
    /// Where it is, in the scene's order.
    pub world_from_object: Vec<Isometry3<f64>>,
    /// Per object: how many lie below it, whether its top is flat, free and level, what it lies in.
    places: Vec<Place>,
    /// Where the arm stands, if there is one.
    base: Option<Vector2<f64>>,
}

#[derive(Clone, Copy)]
struct Place {
    level: usize,
    is_free_top: bool,
    inside: Option<usize>,
}

fn uniform(rng: &mut impl Rng, lo: f64, hi: f64) -> f64 {
    lo + (hi - lo) * rng.random::<f64>()
}

fn pick<T: Copy>(from: &[T], rng: &mut impl Rng) -> T {
    from[rng.random_range(0..from.len())]
}

impl Layout {
    /// A scene of at most `most` objects around an arm that stands at `base`.
    pub(super) fn random(most: usize, base: Option<Vector2<f64>>, rng: &mut impl Rng) -> Self {
        let scene = SceneSpec::default();
        let mut out = Self { scene, world_from_object: Vec::new(), places: Vec::new(), base };
        // Few pictures are empty, and full ones teach more.
        let n = if rng.random::<f32>() < 0.03 { 0 } else { rng.random_range(most.min(1)..=most) };
        let n = n.max(rng.random_range(0..=most.min(6)));
        let n_containers = pick(&[0usize, 1, 1, 1, 2, 2], rng).min(n);
        // In some scenes everything is close together, in some nothing is.
        let spacing = pick(&[0.0, 0.003, 0.01, 0.02, 0.045], rng);
        // In some scenes a few colours repeat, so that shape and size must tell objects apart.
        let palette: Vec<Color> = if rng.random::<f32>() < 0.2 {
            (0..2).map(|_| pick(Color::ALL, rng)).collect()
        } else {
            Color::ALL.to_vec()
        };
        for i in 0..n {
            let shape = if i < n_containers {
                pick(&[Shape::Bowl, Shape::Tray], rng)
            } else {
                pick(&[Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box], rng)
            };
            let what = (shape, pick(Size::ALL, rng), pick(&palette, rng));
            let way = rng.random::<f32>();
            let _ = match () {
                () if way < 0.17 && !shape.is_container() => out.put_into(what, rng),
                () if way < 0.36 && !shape.is_container() => out.put_onto(what, rng),
                () if way < 0.50 => out.put_beside(what, rng),
                () => false,
            } || out.put_down(what, spacing, rng);
        }
        out
    }

    /// Adds an object wherever its pose says: what a gripper holds.
    pub(super) fn push_held(&mut self, what: (Shape, Size, Color), pose: Isometry3<f64>) {
        let at = pose.translation.vector;
        let spec = self.spec(what, [at.x, at.y], 0.0, Some(at.z));
        self.push(spec, pose, Place { level: HIGHEST, is_free_top: false, inside: None });
    }

    fn spec(
        &self,
        (shape, size, color): (Shape, Size, Color),
        position_m: [f64; 2],
        yaw_rad: f64,
        z_m: Option<f64>,
    ) -> ObjectSpec {
        let name = format!("o{}", self.scene.objects.len());
        ObjectSpec { name, shape, size, color, position_m, yaw_rad, z_m }
    }

    fn push(&mut self, spec: ObjectSpec, pose: Isometry3<f64>, place: Place) {
        self.scene.objects.push(spec);
        self.world_from_object.push(pose);
        self.places.push(place);
    }

    /// Whether an outline on the table keeps its distance from the arm's base and all others there.
    fn has_room(&self, spec: &ObjectSpec, spacing: f64) -> bool {
        let at = Vector2::from(spec.position_m);
        if self.base.is_some_and(|base| (at - base).norm() < BASE + 0.5 * spec.dimensions().xy().norm()) {
            return false;
        }
        let here = self.scene.objects.iter().zip(&self.places);
        here.filter(|(_, p)| p.level == 0 && p.inside.is_none())
            .all(|(o, _)| gap(o, spec) >= spacing.max(1e-4))
    }

    fn put_down(&mut self, what: (Shape, Size, Color), spacing: f64, rng: &mut impl Rng) -> bool {
        for _ in 0..TRIES {
            let at = [uniform(rng, AREA[0], AREA[1]), uniform(rng, AREA[2], AREA[3])];
            let spec = self.spec(what, at, uniform(rng, -FRAC_PI_2, FRAC_PI_2), None);
            if self.has_room(&spec, spacing) {
                self.lay(spec, rng);
                return true;
            }
        }
        false
    }

    /// On the table, nearly touching another object there.
    fn put_beside(&mut self, what: (Shape, Size, Color), rng: &mut impl Rng) -> bool {
        let near: Vec<usize> = (0..self.places.len())
            .filter(|&i| self.places[i].level == 0 && self.places[i].inside.is_none())
            .collect();
        if near.is_empty() {
            return false;
        }
        for _ in 0..TRIES {
            let other = &self.scene.objects[pick(&near, rng)];
            // Sometimes along the other's sides, as things stand that somebody put in order.
            let aligned = rng.random::<f32>() < 0.4;
            let yaw = if aligned { other.yaw_rad } else { uniform(rng, -FRAC_PI_2, FRAC_PI_2) };
            let a = uniform(rng, -PI, PI);
            let wanted = uniform(rng, 0.0005, 0.008);
            let at =
                |d: f64| [other.position_m[0] + d * libm::cos(a), other.position_m[1] + d * libm::sin(a)];
            let (mut near_d, mut far_d) = (0.0, 0.4);
            for _ in 0..12 {
                let mid = 0.5 * (near_d + far_d);
                let too_near = gap(other, &self.spec(what, at(mid), yaw, None)) < wanted;
                if too_near { near_d = mid } else { far_d = mid }
            }
            let spec = self.spec(what, at(far_d), yaw, None);
            let [x, y] = spec.position_m;
            let inside = x > AREA[0] && x < AREA[1] && y > AREA[2] && y < AREA[3];
            if inside && self.has_room(&spec, 0.0004) {
                self.lay(spec, rng);
                return true;
            }
        }
        false
    }

    /// Upright on the table, or now and then toppled.
    fn lay(&mut self, mut spec: ObjectSpec, rng: &mut impl Rng) {
        let d = spec.dimensions();
        let topples = matches!(spec.shape, Shape::Cylinder | Shape::Box) && rng.random::<f32>() < 0.08;
        if !topples {
            let is_free_top = matches!(spec.shape, Shape::Cube | Shape::Cylinder | Shape::Box);
            let pose = spec.world_from_object();
            self.push(spec, pose, Place { level: 0, is_free_top, inside: None });
            return;
        }
        // A quarter turn about its x axis: a cylinder rolls, a box lies on its narrower side.
        let tip = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), FRAC_PI_2);
        spec.z_m = Some(0.5 * d.y);
        let mut pose = spec.world_from_object();
        pose.rotation *= tip;
        self.push(spec, pose, Place { level: 0, is_free_top: false, inside: None });
    }

    /// On the flat free top of another object.
    fn put_onto(&mut self, what: (Shape, Size, Color), rng: &mut impl Rng) -> bool {
        if what.0 == Shape::Ball {
            return false;
        }
        let tops: Vec<usize> = (0..self.places.len())
            .filter(|&i| self.places[i].is_free_top && self.places[i].level + 1 < HIGHEST)
            .collect();
        if tops.is_empty() {
            return false;
        }
        let below = pick(&tops, rng);
        let (b, place) = (&self.scene.objects[below], self.places[below]);
        let d = b.dimensions();
        let reach = 0.2 * d.x.min(d.y);
        let at =
            [b.position_m[0] + uniform(rng, -reach, reach), b.position_m[1] + uniform(rng, -reach, reach)];
        let yaw = b.yaw_rad + pick(&[0.0, FRAC_PI_2], rng) + uniform(rng, -0.4, 0.4);
        let top = b.center_z() + 0.5 * d.z;
        let z = top + 0.5 * what.0.dimensions(what.1).z;
        let spec = self.spec(what, at, yaw, Some(z));
        let pose = spec.world_from_object();
        self.places[below].is_free_top = false;
        let is_free_top = matches!(what.0, Shape::Cube | Shape::Cylinder | Shape::Box);
        self.push(spec, pose, Place { level: place.level + 1, is_free_top, inside: place.inside });
        true
    }

    /// On the floor of a container, beside what is in it already.
    fn put_into(&mut self, what: (Shape, Size, Color), rng: &mut impl Rng) -> bool {
        let containers: Vec<usize> =
            (0..self.places.len()).filter(|&i| self.scene.objects[i].shape.is_container()).collect();
        if containers.is_empty() {
            return false;
        }
        let c = pick(&containers, rng);
        let bowl = self.scene.objects[c].clone();
        let Some([fx, fy]) = objects::floor_half_extents(bowl.shape, bowl.size) else { return false };
        let d = what.0.dimensions(what.1);
        let half = if matches!(what.0, Shape::Ball | Shape::Cylinder) {
            0.5 * d.x
        } else {
            0.5 * libm::hypot(d.x, d.y)
        };
        let room = [(fx - half).max(0.0), (fy - half).max(0.0)];
        if half > fx.min(fy) {
            return false;
        }
        let bottom = bowl.center_z() - 0.5 * bowl.dimensions().z;
        let z = bottom + objects::support_height(bowl.shape, bowl.size) + 0.5 * d.z;
        for _ in 0..TRIES {
            let (x, y) = (uniform(rng, -room[0], room[0]), uniform(rng, -room[1], room[1]));
            if bowl.shape == Shape::Bowl && libm::hypot(x, y) > room[0] {
                continue;
            }
            let (s, k) = libm::sincos(bowl.yaw_rad);
            let at = [bowl.position_m[0] + k * x - s * y, bowl.position_m[1] + s * x + k * y];
            let spec = self.spec(what, at, uniform(rng, -FRAC_PI_2, FRAC_PI_2), Some(z));
            let fellows = self.scene.objects.iter().zip(&self.places);
            if fellows.filter(|(_, p)| p.inside == Some(c)).all(|(o, _)| gap(o, &spec) > 1e-4) {
                let pose = spec.world_from_object();
                let is_free_top = matches!(what.0, Shape::Cube | Shape::Cylinder | Shape::Box);
                self.push(spec, pose, Place { level: 0, is_free_top, inside: Some(c) });
                return true;
            }
        }
        false
    }
}
