//! Where links are at eight poses at once.

use super::super::cover::Ball;
use super::lanes::{Eight, FAR, Lanes, N, Packed, PackedPoints, Points, sin_cos};
use super::middle;
use crate::links::{Link, Links, Pose};
use crate::model::Model;
use nalgebra::{Isometry3, Point3};

/// A ball in the frame of a link.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct RoundBall {
    pub(super) center: [f32; 3],
    pub(super) outer: f32,
    pub(super) inner: f32,
}

impl RoundBall {
    pub(super) fn new(ball: &Ball, link_from_solid: &Isometry3<f64>) -> Self {
        let center = (link_from_solid * ball.center).coords.map(|v| v as f32).into();
        Self { center, outer: ball.outer as f32, inner: ball.inner as f32 }
    }

    /// One about others.
    pub(super) fn about<'a>(balls: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let center = middle(balls.clone().map(|b| Point3::from(b.center.map(f64::from))));
        let reach = |b: &Self| {
            let between = Point3::from(b.center.map(f64::from)) - center;
            between.norm() + f64::from(b.outer)
        };
        // A little more, for the rounding of all of it.
        let outer = balls.map(reach).fold(0.0, f64::max) * (1.0 + 1e-6);
        Self { center: center.coords.map(|v| v as f32).into(), outer: outer as f32, inner: -1.0 }
    }
}

/// A frame in the base's: its axes and its origin.
#[derive(Copy, Clone, Debug, Default)]
struct Frame {
    axes: [PackedPoints; 3],
    at: PackedPoints,
}

/// The same of one pose.
pub(super) struct OneFrame {
    axes: [[f32; 3]; 3],
    at: [f32; 3],
}

impl OneFrame {
    /// Where points of the link are.
    #[inline(always)]
    pub(super) fn points<E: Eight>(&self, e: E, p: &Points<E>) -> Points<E> {
        Points { x: self.along(e, 0, p), y: self.along(e, 1, p), z: self.along(e, 2, p) }
    }

    #[inline(always)]
    fn along<E: Eight>(&self, e: E, i: usize, p: &Points<E>) -> Lanes<E> {
        let [x, y, z] = &self.axes;
        let z = p.z.mul_add(Lanes::all(e, z[i]), Lanes::all(e, self.at[i]));
        p.x.mul_add(Lanes::all(e, x[i]), p.y.mul_add(Lanes::all(e, y[i]), z))
    }
}

/// A moving link.
#[derive(Clone, Debug)]
struct Moving {
    parent: Option<usize>,
    joint: usize,
    slides: bool,
    /// Where it is in its parent at zero: axes and origin.
    axes: [[f32; 3]; 3],
    at: [f32; 3],
    /// How far its joint may slide, metres.
    travel: f64,
    /// Its joint's limits, rad (m).
    lower: f64,
    upper: f64,
    /// As above, in full.
    place: Pose,
}

/// All moving links, where they are, and the joints that put them there.
#[derive(Clone, Debug)]
pub(super) struct Places {
    moving: Vec<Moving>,
    /// By body: the link that carries it, and where the body is in it.
    bodies: Vec<(Option<usize>, Isometry3<f64>)>,
    /// By joint.
    q: Vec<Packed>,
    frames: Vec<Frame>,
    /// One bit for each of the first links whose joint is within its limits at all poses.
    within: u64,
}

impl Places {
    pub(super) fn new(model: &Model) -> Self {
        let links = Links::new(model);
        let single = |v: nalgebra::Vector3<f64>| v.map(|v| v as f32).into();
        let moving = |l: &Link| {
            let limits = &model.joints[l.joint].limits;
            Moving {
                parent: l.parent,
                joint: l.joint,
                slides: l.slides,
                axes: [&l.place.x, &l.place.y, &l.place.z].map(|v| single(v.vector())),
                at: single(l.place.at.vector()),
                lower: limits.lower,
                upper: limits.upper,
                place: l.place,
                travel: if l.slides { limits.lower.abs().max(limits.upper.abs()) } else { 0.0 },
            }
        };
        let moving: Vec<Moving> = links.all.iter().map(moving).collect();
        let bodies = links.bodies.iter().map(|(link, pose)| (*link, pose.isometry())).collect();
        let frames = vec![Frame::default(); moving.len()];
        Self { moving, bodies, q: vec![Packed::default(); model.joints.len()], frames, within: 0 }
    }

    /// The link that carries a body, and where the body is in it.
    pub(super) fn body(&self, body_idx: usize) -> (Option<usize>, Isometry3<f64>) {
        self.bodies[body_idx]
    }

    /// How far from the base's origin any point of a link's ball can ever be, metres.
    pub(super) fn reach(&self, link: Option<usize>, ball: &RoundBall) -> f64 {
        let size = |v: [f32; 3]| v.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let (mut reach, mut at) = (size(ball.center) + f64::from(ball.outer), link);
        while let Some(link) = at {
            let l = &self.moving[link];
            reach += size(l.at) + l.travel;
            at = l.parent;
        }
        reach
    }

    /// Writes the joints of one pose; false when they are beyond what single precision holds, or no numbers.
    pub(super) fn set(&mut self, pose_idx: usize, full_q: &[f64]) -> bool {
        let mut within = 0;
        let mut is_good = true;
        for (i, l) in self.moving.iter().enumerate() {
            let q = full_q[l.joint];
            is_good &= q.abs() <= if l.slides { l.travel + 1e-9 } else { FAR };
            within |= if i < 64 { u64::from(l.lower <= q && q <= l.upper) << i } else { 0 };
        }
        self.within = if pose_idx == 0 { within } else { self.within & within };
        for (lanes, q) in self.q.iter_mut().zip(full_q) {
            lanes.0[pose_idx] = *q as f32;
        }
        is_good
    }

    /// Whether a link's joint is within its limits at all poses that were written since the first.
    #[inline(always)]
    pub(super) fn is_within(&self, link: usize) -> bool {
        link < 64 && self.within & (1 << link) != 0
    }

    /// The link that turns against the other's, if one of them hangs on the other's and nothing else moves
    /// between; whether that is the second.
    pub(super) fn joined(&self, a: Option<usize>, b: Option<usize>) -> Option<(usize, bool)> {
        let hangs = |outer: Option<usize>, inner: Option<usize>| {
            inner.filter(|i| self.moving[*i].parent == outer && !self.moving[*i].slides)
        };
        hangs(a, b).map(|link| (link, true)).or_else(|| hangs(b, a).map(|link| (link, false)))
    }

    /// A link's limits, rad.
    pub(super) fn limits(&self, link: usize) -> (f64, f64) {
        (self.moving[link].lower, self.moving[link].upper)
    }

    /// Where a link that turns is in its parent.
    pub(super) fn turned(&self, link: usize, q: f64) -> Isometry3<f64> {
        let (s, c) = libm::sincos(q);
        self.moving[link].place.turned(s, c).isometry()
    }

    /// Makes all poses after the first `n` the last of those.
    pub(super) fn fill(&mut self, n: usize) {
        let n = n.clamp(1, N);
        for q in &mut self.q {
            let last = q.0[n - 1];
            q.0[n..].fill(last);
        }
    }

    /// Puts every link where its joints say (Featherstone, Rigid Body Dynamics Algorithms, 2008, section 4.4).
    #[inline(always)]
    pub(super) fn forward<E: Eight>(&mut self, e: E) {
        for (i, l) in self.moving.iter().enumerate() {
            let (x, y, z, mut at) = match l.parent {
                None => {
                    let [x, y, z] = l.axes;
                    (Points::all(e, x), Points::all(e, y), Points::all(e, z), Points::all(e, l.at))
                }
                Some(p) => {
                    let parent = &self.frames[p];
                    let [x, y, z] = l.axes;
                    (parent.turn(e, x), parent.turn(e, y), parent.turn(e, z), parent.point(e, l.at))
                }
            };
            let q = &self.q[l.joint];
            let axes = if l.slides {
                let q = Lanes::load(e, q);
                at = Points { x: z.x.mul_add(q, at.x), y: z.y.mul_add(q, at.y), z: z.z.mul_add(q, at.z) };
                [x.store(), y.store(), z.store()]
            } else {
                let (s, c) = sin_cos(q);
                let (s, c) = (Lanes::load(e, &s), Lanes::load(e, &c));
                let turned = Points {
                    x: x.x.mul_add(c, y.x * s),
                    y: x.y.mul_add(c, y.y * s),
                    z: x.z.mul_add(c, y.z * s),
                };
                let other = Points { x: y.x * c - x.x * s, y: y.y * c - x.y * s, z: y.z * c - x.z * s };
                [turned.store(), other.store(), z.store()]
            };
            self.frames[i] = Frame { axes, at: at.store() };
        }
    }

    /// Where a link is at the first pose.
    #[inline(always)]
    pub(super) fn first_frame(&self, link: usize) -> OneFrame {
        let Frame { axes, at } = &self.frames[link];
        let first = |p: &PackedPoints| [p[0].0[0], p[1].0[0], p[2].0[0]];
        OneFrame { axes: [first(&axes[0]), first(&axes[1]), first(&axes[2])], at: first(at) }
    }

    /// Where a point of a link is at all poses.
    #[inline(always)]
    pub(super) fn point<E: Eight>(&self, e: E, link: Option<usize>, at: &[f32; 3]) -> Points<E> {
        match link {
            Some(link) => self.frames[link].point(e, *at),
            None => Points::all(e, *at),
        }
    }
}

impl Frame {
    #[inline(always)]
    fn turn<E: Eight>(&self, e: E, v: [f32; 3]) -> Points<E> {
        Points { x: self.along(e, 0, v), y: self.along(e, 1, v), z: self.along(e, 2, v) }
    }

    #[inline(always)]
    fn along<E: Eight>(&self, e: E, i: usize, [a, b, c]: [f32; 3]) -> Lanes<E> {
        let [x, y, z] = &self.axes;
        let z = Lanes::load(e, &z[i]) * Lanes::all(e, c);
        Lanes::load(e, &x[i]).mul_add(Lanes::all(e, a), Lanes::load(e, &y[i]).mul_add(Lanes::all(e, b), z))
    }

    #[inline(always)]
    fn point<E: Eight>(&self, e: E, at: [f32; 3]) -> Points<E> {
        let (p, at) = (self.turn(e, at), Points::load(e, &self.at));
        Points { x: p.x + at.x, y: p.y + at.y, z: p.z + at.z }
    }
}
