//! The solids of one body, told apart from obstacles and from those of other bodies by their balls.

use super::lanes::{Eight, N, PackedPoints, Points};
use super::obstacles::{Flat, Rows};
use super::one::Balls;
use super::places::{Places, RoundBall};
use super::{UNSURE, Unsure};
use crate::collision::cover::Ball;
use crate::collision::queries::Who;
use nalgebra::Isometry3;

/// A solid of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) who: Who,
    /// The ball about all of it.
    ball: RoundBall,
    balls: Vec<RoundBall>,
}

/// The solids of a body, or what is held.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// The moving link that carries it; `None`: the base.
    pub(super) link: Option<usize>,
    pub(super) is_gripper: bool,
    pub(super) is_finger: bool,
    pub(super) is_base: bool,
    /// The ball about all of it.
    pub(super) ball: RoundBall,
    pub(super) parts: Vec<Part>,
    /// The balls of all of them, eight at a time.
    pub(super) rows: Vec<Balls>,
    /// The obstacles that it is compared with: one bit each, by row; by eights of rows, rows with any.
    pub(super) compared: Vec<u8>,
    pub(super) compared_rows: Vec<u8>,
    /// Where its ball is; its solids' balls, and their balls, when they are asked for.
    pub(super) is_placed: bool,
    pub(super) at: PackedPoints,
    parts_at: Vec<PackedPoints>,
    balls_at: Vec<PackedPoints>,
}

impl Cluster {
    pub(super) fn new(link: Option<usize>, is_gripper: bool, is_finger: bool, is_base: bool) -> Self {
        Self {
            link,
            is_gripper,
            is_finger,
            is_base,
            ball: RoundBall::default(),
            parts: Vec::new(),
            rows: Vec::new(),
            compared: Vec::new(),
            compared_rows: Vec::new(),
            is_placed: false,
            at: PackedPoints::default(),
            parts_at: Vec::new(),
            balls_at: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, who: Who, balls: &[Ball], link_from_solid: &Isometry3<f64>) {
        let balls = balls.iter().map(|b| RoundBall::new(b, link_from_solid)).collect::<Vec<_>>();
        self.parts.push(Part { who, ball: RoundBall::about(balls.iter()), balls });
    }

    pub(super) fn finish(&mut self) {
        let all = self.parts.iter().enumerate().flat_map(|(i, p)| p.balls.iter().map(move |b| (i, *b)));
        self.rows = all.collect::<Vec<_>>().chunks(N).map(Balls::new).collect();
        self.ball = RoundBall::about(self.parts.iter().flat_map(|p| &p.balls));
        self.parts_at = vec![PackedPoints::default(); self.parts.len()];
        self.balls_at = vec![PackedPoints::default(); self.parts.iter().map(|p| p.balls.len()).sum()];
    }

    #[inline(always)]
    pub(super) fn place<E: Eight>(&mut self, e: E, places: &Places, is_one: bool) {
        if self.is_placed {
            return;
        }
        self.is_placed = true;
        if is_one {
            for row in &mut self.rows {
                row.place(e, places, self.link);
            }
            return;
        }
        let mut at = self.balls_at.iter_mut();
        for (part, part_at) in self.parts.iter().zip(&mut self.parts_at) {
            for (ball, at) in part.balls.iter().zip(&mut at) {
                *at = places.point(e, self.link, &ball.center).store();
            }
            *part_at = places.point(e, self.link, &part.ball.center).store();
        }
    }

    /// Compares it with the obstacles near it; false when it surely is too near to one.
    #[inline(always)]
    pub(super) fn beside<E: Eight>(
        &mut self,
        e: E,
        places: &Places,
        (obstacles, rows): (&[Flat], &Rows),
        margin: f32,
        is_one: bool,
        unsure: &mut Vec<Unsure>,
    ) -> bool {
        let centers = Points::load(e, &self.at);
        let (center, spread) = if is_one { (centers, 0.0) } else { centers.ball(e) };
        let reach = self.ball.outer + spread + margin;
        for eight in 0..rows.n_eights() {
            let mut near_rows = rows.near(e, eight, &center, reach) & self.compared_rows[eight];
            while near_rows != 0 {
                let r = N * eight + near_rows.trailing_zeros() as usize;
                near_rows &= near_rows - 1;
                let mut near = rows.rows[r].near(e, &center, reach) & self.compared[r];
                while near != 0 {
                    let k = rows.rows[r].idx[near.trailing_zeros() as usize];
                    near &= near - 1;
                    let o = &obstacles[k];
                    let most = self.ball.outer + margin + o.radius + o.slack;
                    if !is_one && o.square_to(e, &centers).up_to(most * most) == 0 {
                        continue;
                    }
                    self.place(e, places, is_one);
                    let is_clear = if is_one {
                        self.one_beside(e, k, o, margin, unsure)
                    } else {
                        self.all_beside(e, k, o, margin, unsure)
                    };
                    if !is_clear {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Compares it, placed, with one obstacle; false when it surely is too near.
    #[inline(always)]
    fn all_beside<E: Eight>(&self, e: E, k: usize, o: &Flat, margin: f32, unsure: &mut Vec<Unsure>) -> bool {
        let reach = margin + o.radius + o.slack;
        let mut first = 0;
        for (part, part_at) in self.parts.iter().zip(&self.parts_at) {
            let balls_at = &self.balls_at[first..first + part.balls.len()];
            first += part.balls.len();
            let most = part.ball.outer + reach;
            if part.balls.len() > 1 && o.square_to(e, &Points::load(e, part_at)).up_to(most * most) == 0 {
                continue;
            }
            let mut poses = 0;
            for (ball, at) in part.balls.iter().zip(balls_at) {
                let square = o.square_to(e, &Points::load(e, at));
                let (outer, inner) = (ball.outer + reach, ball.inner + reach - 2.0 * o.slack);
                poses |= square.up_to(outer * outer);
                if inner > 0.0 && o.is_filled && square.up_to(inner * inner) != 0 {
                    return false;
                }
            }
            note(unsure, poses, part.who, Who::Obstacle(k));
        }
        true
    }
}

/// Compares two clusters that are placed; false when they surely are too near to each other.
#[inline(always)]
pub(super) fn beside<E: Eight>(
    e: E,
    a: &Cluster,
    b: &Cluster,
    margin: f32,
    slack: f32,
    unsure: &mut Vec<Unsure>,
) -> bool {
    let mut a_first = 0;
    for (pa, pa_at) in a.parts.iter().zip(&a.parts_at) {
        let a_balls = &a.balls_at[a_first..a_first + pa.balls.len()];
        a_first += pa.balls.len();
        let mut b_first = 0;
        for (pb, pb_at) in b.parts.iter().zip(&b.parts_at) {
            let b_balls = &b.balls_at[b_first..b_first + pb.balls.len()];
            b_first += pb.balls.len();
            let most = pa.ball.outer + pb.ball.outer + margin + slack;
            if Points::load(e, pa_at).square_to(&Points::load(e, pb_at)).up_to(most * most) == 0 {
                continue;
            }
            let mut poses = 0;
            for (ball, at) in pa.balls.iter().zip(a_balls) {
                let at = Points::load(e, at);
                for (other, other_at) in pb.balls.iter().zip(b_balls) {
                    let square = at.square_to(&Points::load(e, other_at));
                    let outer = ball.outer + other.outer + margin + slack;
                    let inner = ball.inner + other.inner + margin - slack;
                    poses |= square.up_to(outer * outer);
                    if ball.inner > 0.0 && other.inner > 0.0 && square.up_to(inner * inner) != 0 {
                        return false;
                    }
                }
            }
            note(unsure, poses, pa.who, pb.who);
        }
    }
    true
}

/// Adds a pair to those that are undecided; once, however many of its balls are near.
#[inline(always)]
pub(super) fn note(unsure: &mut Vec<Unsure>, poses: u8, first: Who, second: Who) {
    if poses == 0 {
        return;
    }
    if let Some(known) = unsure.iter_mut().find(|u| u.first == first && u.second == second) {
        known.poses |= poses;
    } else if unsure.len() < UNSURE {
        unsure.push(Unsure { poses, first, second });
    }
}
