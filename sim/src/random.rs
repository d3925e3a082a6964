//! Scenes drawn at random by rule: bounded tries, no overlaps, room for a gripper in between.

use crate::error::SimError;
use crate::objects;
use crate::scene::{ObjectSpec, SceneSpec};
use core::f64::consts::PI;
use rand::Rng;
use serde::{Deserialize, Serialize};
use types::{Color, Rejection, Shape, Size};

/// How often one object is tried before all objects are laid anew.
const TRIES_PER_OBJECT: usize = 60;
/// How often the whole scene is laid anew.
const TRIES_PER_SCENE: usize = 40;

/// What one object may be; an empty list allows everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectRule {
    /// Its name; empty: made from what it is.
    pub name: String,
    /// Shapes it may have.
    pub shape: Vec<Shape>,
    /// Sizes it may have.
    pub size: Vec<Size>,
    /// Colours it may have.
    pub color: Vec<Color>,
    /// Where its centre may lie: x from, x to, y from, y to, metres; absent: the scene's area.
    pub area_m: Option<[f64; 4]>,
    /// It rests on (or in) the wanted object of this index, which comes before it.
    pub on: Option<usize>,
}

impl ObjectRule {
    /// Exactly this.
    #[must_use]
    pub fn exactly(size: Size, color: Color, shape: Shape) -> Self {
        Self { shape: vec![shape], size: vec![size], color: vec![color], ..Self::default() }
    }
}

/// What a random scene holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneRules {
    /// Objects that are there in any case.
    pub wanted: Vec<ObjectRule>,
    /// How many further objects: least, most.
    pub others: [usize; 2],
    /// What the further ones may be.
    pub other: ObjectRule,
    /// Where centres may lie: x from, x to, y from, y to, metres.
    pub area_m: [f64; 4],
    /// Least distance between the outlines of two objects, metres.
    pub gap_m: f64,
    /// No further object equals another in size, colour and shape.
    pub distinct: bool,
    /// Most containers among the further objects.
    pub max_other_containers: usize,
}

impl Default for SceneRules {
    fn default() -> Self {
        Self {
            wanted: Vec::new(),
            others: [3, 7],
            other: ObjectRule::default(),
            area_m: [0.37, 0.66, -0.27, 0.27],
            gap_m: 0.045,
            distinct: true,
            max_other_containers: 1,
        }
    }
}

impl SceneRules {
    fn check(&self) -> Result<(), Rejection> {
        let area = |field: String, a: [f64; 4]| {
            if a.iter().all(|v| v.abs() < 3.0) && a[0] <= a[1] && a[2] <= a[3] {
                Ok(())
            } else {
                Err(Rejection::new(field, "x from <= x to, y from <= y to, within 3 m", format!("{a:?}")))
            }
        };
        area("rules.area_m".into(), self.area_m)?;
        if !(0.0..1.0).contains(&self.gap_m) {
            return Err(Rejection::new("rules.gap_m", "0 to 1 m", self.gap_m.to_string()));
        }
        let total = self.wanted.len() + self.others[1];
        if self.others[0] > self.others[1] || total > crate::scene::MAX_OBJECTS {
            return Err(Rejection::new(
                "rules.others",
                format!("least <= most, {} objects in all", crate::scene::MAX_OBJECTS),
                format!("{:?}", self.others),
            ));
        }
        for (i, rule) in self.wanted.iter().chain([&self.other]).enumerate() {
            if let Some(a) = rule.area_m {
                area(format!("rules.wanted[{i}].area_m"), a)?;
            }
            if let Some(j) = rule.on
                && (j >= i || i >= self.wanted.len())
            {
                return Err(Rejection::new(
                    format!("rules.wanted[{i}].on"),
                    "the index of an object that comes before it",
                    j.to_string(),
                ));
            }
        }
        Ok(())
    }
}

impl SceneSpec {
    /// A scene by rule. The same rule and the same state of `rng` give the same scene.
    ///
    /// # Errors
    /// [`SimError::Refused`] for a rule that contradicts itself, [`SimError::NoRoom`] when the objects
    /// were not laid within a bounded number of tries.
    pub fn random(rules: &SceneRules, rng: &mut impl Rng) -> Result<Self, SimError> {
        rules.check()?;
        let mut full = None;
        for _ in 0..TRIES_PER_SCENE {
            match lay(rules, rng) {
                Ok(objects) => return Ok(Self { objects, ..Self::default() }),
                Err(e) => full = Some(e),
            }
        }
        let object = full.unwrap_or_default();
        let tries = TRIES_PER_OBJECT * TRIES_PER_SCENE;
        Err(SimError::NoRoom { object, tries, area_m: rules.area_m, gap_m: rules.gap_m })
    }
}

/// One try; on failure, what found no place.
fn lay(rules: &SceneRules, rng: &mut impl Rng) -> Result<Vec<ObjectSpec>, String> {
    let mut out: Vec<ObjectSpec> = Vec::new();
    let n_others = rng.random_range(rules.others[0]..=rules.others[1]);
    let mut containers = 0;
    for i in 0..rules.wanted.len() + n_others {
        let wanted = rules.wanted.get(i);
        let rule = wanted.unwrap_or(&rules.other);
        let mut what = "an object".to_owned();
        let mut found = None;
        for _ in 0..TRIES_PER_OBJECT {
            let mut o = draw(rule, rules.area_m, rng);
            what = o.describe();
            if wanted.is_none() {
                let too_many = o.shape.is_container() && containers >= rules.max_other_containers;
                let twin = out.iter().any(|p| (p.shape, p.size, p.color) == (o.shape, o.size, o.color));
                if too_many || (rules.distinct && twin) {
                    continue;
                }
            }
            if let Some(below) = rule.on.and_then(|j| out.get(j)) {
                let floor = below.center_z() - 0.5 * below.dimensions().z;
                o.position_m = below.position_m;
                o.z_m =
                    Some(floor + objects::support_height(below.shape, below.size) + 0.5 * o.dimensions().z);
                found = Some(o);
                break;
            }
            if out.iter().filter(|p| p.z_m.is_none()).all(|p| gap(p, &o) >= rules.gap_m) {
                found = Some(o);
                break;
            }
        }
        let mut o = found.ok_or(what)?;
        if wanted.is_none() && o.shape.is_container() {
            containers += 1;
        }
        o.name = fresh_name(&out, &rule.name, &o);
        out.push(o);
    }
    Ok(out)
}

fn pick<T: Copy>(from: &[T], all: &[T], rng: &mut impl Rng) -> T {
    let list = if from.is_empty() { all } else { from };
    list[rng.random_range(0..list.len())]
}

fn draw(rule: &ObjectRule, area_m: [f64; 4], rng: &mut impl Rng) -> ObjectSpec {
    let shape = pick(&rule.shape, Shape::ALL, rng);
    let size = pick(&rule.size, Size::ALL, rng);
    let color = pick(&rule.color, Color::ALL, rng);
    let [x0, x1, y0, y1] = rule.area_m.unwrap_or(area_m);
    let x = x0 + (x1 - x0) * rng.random::<f64>();
    let y = y0 + (y1 - y0) * rng.random::<f64>();
    let yaw = PI * (rng.random::<f64>() - 0.5);
    ObjectSpec { name: String::new(), shape, size, color, position_m: [x, y], yaw_rad: yaw, z_m: None }
}

fn fresh_name(taken: &[ObjectSpec], wanted: &str, o: &ObjectSpec) -> String {
    let base = if wanted.is_empty() { o.describe().replace(' ', "_") } else { wanted.to_owned() };
    let mut name = base.clone();
    let mut n = 2;
    while taken.iter().any(|p| p.name == name) {
        name = format!("{base}_{n}");
        n += 1;
    }
    name
}

/// Corners of an outline on the table, and the radius around them (a disc is one corner).
fn outline(o: &ObjectSpec) -> (Vec<[f64; 2]>, f64) {
    let d = o.dimensions();
    match o.shape {
        Shape::Ball | Shape::Cylinder | Shape::Bowl => (vec![o.position_m], 0.5 * d.x),
        Shape::Cube | Shape::Box | Shape::Tray => {
            let (s, c) = (libm::sin(o.yaw_rad), libm::cos(o.yaw_rad));
            let corners = [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)];
            let at = |(i, j): (f64, f64)| {
                let (x, y) = (0.5 * i * d.x, 0.5 * j * d.y);
                [o.position_m[0] + c * x - s * y, o.position_m[1] + s * x + c * y]
            };
            (corners.into_iter().map(at).collect(), 0.0)
        }
    }
}

/// Distance between the outlines of two objects as they lie on the table, metres; negative or zero
/// when they overlap.
#[must_use]
pub fn gap(a: &ObjectSpec, b: &ObjectSpec) -> f64 {
    let ((pa, ra), (pb, rb)) = (outline(a), outline(b));
    polygon_distance(&pa, &pb) - ra - rb
}

/// Distance between two convex polygons (or points), zero when they overlap.
fn polygon_distance(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
    if contains(a, b[0]) || contains(b, a[0]) {
        return 0.0;
    }
    let mut best = f64::INFINITY;
    for i in 0..a.len() {
        let (a0, a1) = (a[i], a[(i + 1) % a.len()]);
        for j in 0..b.len() {
            let (b0, b1) = (b[j], b[(j + 1) % b.len()]);
            if cross_each_other(a0, a1, b0, b1) {
                return 0.0;
            }
            for (p, s) in [(a0, (b0, b1)), (a1, (b0, b1)), (b0, (a0, a1)), (b1, (a0, a1))] {
                best = best.min(point_segment(p, s.0, s.1));
            }
        }
    }
    best
}

fn side(a: [f64; 2], b: [f64; 2], p: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
}

fn contains(polygon: &[[f64; 2]], p: [f64; 2]) -> bool {
    polygon.len() > 2
        && (0..polygon.len()).all(|i| side(polygon[i], polygon[(i + 1) % polygon.len()], p) >= 0.0)
}

fn cross_each_other(a0: [f64; 2], a1: [f64; 2], b0: [f64; 2], b1: [f64; 2]) -> bool {
    side(a0, a1, b0) * side(a0, a1, b1) < 0.0 && side(b0, b1, a0) * side(b0, b1, a1) < 0.0
}

fn point_segment(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let len2 = dx * dx + dy * dy;
    let t = if len2 > 0.0 { (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / len2).clamp(0.0, 1.0) } else { 0.0 };
    libm::hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn random_scenes_leave_room_between_objects_and_repeat_for_the_same_seed() {
        let rules = SceneRules { others: [4, 8], ..SceneRules::default() };
        for seed in 0..200 {
            let scene = |s| SceneSpec::random(&rules, &mut ChaCha8Rng::seed_from_u64(s)).expect("room");
            let a = scene(seed);
            assert_eq!(a, scene(seed));
            a.check().expect("valid");
            for (i, o) in a.objects.iter().enumerate() {
                for p in &a.objects[..i] {
                    assert!(gap(o, p) >= rules.gap_m, "seed {seed}: {} and {}", o.name, p.name);
                }
            }
        }
    }

    #[test]
    fn a_wanted_object_is_as_its_rule_says_and_rests_on_what_it_shall() {
        let wanted = vec![
            ObjectRule::exactly(Size::Large, Color::Blue, Shape::Bowl),
            ObjectRule { on: Some(0), ..ObjectRule::exactly(Size::Small, Color::Red, Shape::Cube) },
        ];
        let rules = SceneRules { wanted, others: [0, 3], ..SceneRules::default() };
        let s = SceneSpec::random(&rules, &mut ChaCha8Rng::seed_from_u64(1)).expect("room");
        assert_eq!(s.objects[0].name, "large_blue_bowl");
        assert_eq!(s.objects[1].position_m, s.objects[0].position_m);
        assert!((s.objects[1].center_z() - 0.021).abs() < 1e-12);
        assert!(s.objects[2..].iter().all(|o| o.describe() != "small red cube"));
    }

    #[test]
    fn a_rule_that_cannot_be_met_ends_in_an_error_that_says_so() {
        let other = ObjectRule { shape: vec![Shape::Tray], ..ObjectRule::default() };
        let rules = SceneRules { others: [9, 9], other, max_other_containers: 9, ..SceneRules::default() };
        let err = SceneSpec::random(&rules, &mut ChaCha8Rng::seed_from_u64(1)).expect_err("too full");
        assert!(matches!(err, SimError::NoRoom { .. }), "{err}");
        for rules in [
            SceneRules { area_m: [1.0, 0.0, 0.0, 0.0], ..SceneRules::default() },
            SceneRules { gap_m: f64::NAN, ..SceneRules::default() },
            SceneRules { others: [3, 2], ..SceneRules::default() },
        ] {
            let err = SceneSpec::random(&rules, &mut ChaCha8Rng::seed_from_u64(1)).expect_err("refused");
            assert!(matches!(err, SimError::Refused(_)), "{err}");
        }
    }

    #[test]
    fn the_gap_between_turned_boxes_is_measured_between_their_outlines() {
        let o = |x: f64, yaw_rad: f64| ObjectSpec {
            name: "o".into(),
            shape: Shape::Cube,
            size: Size::Large,
            color: Color::Red,
            position_m: [x, 0.0],
            yaw_rad,
            z_m: None,
        };
        assert!((gap(&o(0.0, 0.0), &o(0.1, 0.0)) - 0.05).abs() < 1e-12);
        let turned = 0.1 - 0.025 - 0.025 * libm::sqrt(2.0);
        assert!((gap(&o(0.0, 0.0), &o(0.1, PI / 4.0)) - turned).abs() < 1e-12);
        assert!(gap(&o(0.0, 0.0), &o(0.01, 0.3)) <= 0.0);
    }
}
