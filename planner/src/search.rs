//! Path search in joint space: straight first, else RRT-Connect, the smaller tree growing; then shortcuts.
//!
//! J. Kuffner, S. LaValle, "RRT-Connect: An Efficient Approach to Single-Query Path Planning",
//! ICRA 2000.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::{JointLimits, JointVector};

/// How far one extension goes in the joint that moves most, rad.
const STRIDE_RAD: f64 = 0.7;
/// How far around start and goal every other sample is drawn, rad.
const NEAR_RAD: f64 = 0.7;
/// How many shortcuts are tried.
const N_SHORTCUTS: usize = 80;

/// A tree of joint positions, each with the index of its parent.
struct Tree {
    nodes: Vec<(JointVector, usize)>,
    /// The same by joint, in single precision: to find the nearest.
    columns: Vec<Vec<f32>>,
}

/// What became of an extension.
enum Extension {
    Trapped,
    Advanced(usize),
    Reached(usize),
}

impl Tree {
    fn rooted(q: &JointVector) -> Self {
        let mut tree = Self { nodes: Vec::new(), columns: vec![Vec::new(); q.len()] };
        tree.push(q, 0);
        tree
    }

    fn push(&mut self, q: &JointVector, parent: usize) {
        self.nodes.push((*q, parent));
        self.columns.iter_mut().zip(q.iter()).for_each(|(column, v)| column.push(*v as f32));
    }

    /// The node with the least Euclidean distance.
    fn nearest(&self, q: &JointVector) -> usize {
        const BLOCK: usize = 64;
        let mut best = (f32::INFINITY, 0);
        for begin in (0..self.nodes.len()).step_by(BLOCK) {
            let n = BLOCK.min(self.nodes.len() - begin);
            let mut squares = [0.0f32; BLOCK];
            for (column, v) in self.columns.iter().zip(q.iter()) {
                let v = *v as f32;
                for (square, x) in squares.iter_mut().zip(&column[begin..begin + n]) {
                    *square += (x - v) * (x - v);
                }
            }
            for (i, square) in squares[..n].iter().enumerate() {
                if *square < best.0 {
                    best = (*square, begin + i);
                }
            }
        }
        best.1
    }

    fn extend(
        &mut self,
        from: usize,
        to: &JointVector,
        edge_is_free: &mut dyn FnMut(&JointVector, &JointVector) -> bool,
    ) -> Extension {
        let start = self.nodes[from].0;
        let distance = start.max_abs_diff(to);
        let reaches = distance <= STRIDE_RAD;
        let next = if reaches { *to } else { between(&start, to, STRIDE_RAD / distance) };
        if !edge_is_free(&start, &next) {
            return Extension::Trapped;
        }
        self.push(&next, from);
        let idx = self.nodes.len() - 1;
        if reaches { Extension::Reached(idx) } else { Extension::Advanced(idx) }
    }

    /// From the node to the root.
    fn branch(&self, mut idx: usize) -> Vec<JointVector> {
        let mut out = vec![self.nodes[idx].0];
        while idx != 0 {
            idx = self.nodes[idx].1;
            out.push(self.nodes[idx].0);
        }
        out
    }
}

/// The point a share of the way from `a` to `b`.
pub(crate) fn between(a: &JointVector, b: &JointVector, share: f64) -> JointVector {
    JointVector::from_fn(a.len(), |j| a[j] + share * (b[j] - a[j]))
}

/// A path from `from` to `to` whose edges are free, both ends included; `None` when `iterations`
/// extensions did not find one. The same `rng` finds the same path.
pub(crate) fn find_path(
    from: &JointVector,
    to: &JointVector,
    limits: &[JointLimits],
    iterations: usize,
    rng: &mut ChaCha8Rng,
    edge_is_free: &mut dyn FnMut(&JointVector, &JointVector) -> bool,
) -> Option<Vec<JointVector>> {
    if edge_is_free(from, to) {
        return Some(vec![*from, *to]);
    }
    // Both ends must be free by themselves, or no tree grows.
    if !edge_is_free(from, from) || !edge_is_free(to, to) {
        return None;
    }
    let mut trees = [Tree::rooted(from), Tree::rooted(to)];
    for i in 0..iterations {
        let sample = draw(from, to, limits, i % 2 == 0, rng);
        // The smaller one grows: the one that stands in the narrow place needs it more.
        let a = usize::from(trees[1].nodes.len() < trees[0].nodes.len());
        let b = 1 - a;
        let near = trees[a].nearest(&sample);
        let (Extension::Advanced(new) | Extension::Reached(new)) =
            trees[a].extend(near, &sample, edge_is_free)
        else {
            continue;
        };
        let goal = trees[a].nodes[new].0;
        let mut at = trees[b].nearest(&goal);
        loop {
            match trees[b].extend(at, &goal, edge_is_free) {
                Extension::Advanced(next) => at = next,
                Extension::Trapped => break,
                Extension::Reached(end) => {
                    let (mine, other) = (trees[a].branch(new), trees[b].branch(end));
                    let (first, second) = if a == 0 { (mine, other) } else { (other, mine) };
                    let mut path: Vec<JointVector> = first.into_iter().rev().collect();
                    path.extend(second.into_iter().skip(1));
                    return Some(path);
                }
            }
        }
    }
    None
}

fn draw(
    from: &JointVector,
    to: &JointVector,
    limits: &[JointLimits],
    near: bool,
    rng: &mut ChaCha8Rng,
) -> JointVector {
    JointVector::from_fn(from.len(), |j| {
        let (mut low, mut high) = (limits[j].lower, limits[j].upper);
        if near {
            low = low.max(from[j].min(to[j]) - NEAR_RAD);
            high = high.min(from[j].max(to[j]) + NEAR_RAD);
        }
        low + (high - low) * rng.random::<f64>()
    })
}

/// Cuts corners between random points of the path while that stays free.
pub(crate) fn shorten(
    path: &mut Vec<JointVector>,
    rng: &mut ChaCha8Rng,
    edge_is_free: &mut dyn FnMut(&JointVector, &JointVector) -> bool,
) {
    for _ in 0..N_SHORTCUTS {
        if path.len() <= 2 {
            return;
        }
        let n = path.len() - 1;
        let (u, v): (f64, f64) = (rng.random::<f64>() * n as f64, rng.random::<f64>() * n as f64);
        let (u, v) = (u.min(v), u.max(v));
        let (i, j) = ((u as usize).min(n - 1), (v as usize).min(n - 1));
        if i == j {
            continue;
        }
        let a = between(&path[i], &path[i + 1], u - i as f64);
        let b = between(&path[j], &path[j + 1], v - j as f64);
        if edge_is_free(&a, &b) {
            // The edges to the new points are parts of free edges.
            let mut next: Vec<JointVector> = path[..=i].to_vec();
            next.extend([a, b]);
            next.extend_from_slice(&path[j + 1..]);
            // Of two that are the same the second goes; the end stays the end.
            let end = next[next.len() - 1];
            next.dedup_by(|x, y| x.max_abs_diff(y) < 1e-9);
            if let Some(last) = next.last_mut() {
                *last = end;
            }
            *path = next;
        }
    }
    // Points that lie on the way anyway.
    let mut k = 1;
    while k + 1 < path.len() {
        if edge_is_free(&path[k - 1], &path[k + 1]) {
            path.remove(k);
        } else {
            k += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn limits() -> Vec<JointLimits> {
        let (velocity, acceleration, jerk, torque, torque_rate) = (1.0, 1.0, 1.0, 1.0, 1.0);
        let l = JointLimits {
            lower: -3.0,
            upper: 3.0,
            velocity,
            acceleration,
            jerk,
            torque,
            torque_rate,
            near_end: Default::default(),
        };
        vec![l; 2]
    }

    fn q(x: f64, y: f64) -> JointVector {
        JointVector::from_slice(&[x, y]).expect("two joints")
    }

    /// A wall from x = −0.1 to 0.1 with a door at y in 2 to 2.5. Exact: the line's part in the wall.
    fn through_the_door(a: &JointVector, b: &JointVector) -> bool {
        let (mut low, mut high) = (0.0_f64, 1.0_f64);
        let dx = b[0] - a[0];
        if dx == 0.0 {
            if a[0].abs() > 0.1 {
                return true;
            }
        } else {
            let (u, v) = ((-0.1 - a[0]) / dx, (0.1 - a[0]) / dx);
            (low, high) = (low.max(u.min(v)), high.min(u.max(v)));
        }
        let in_door = |t: f64| (2.0 - 1e-9..=2.5 + 1e-9).contains(&(a[1] + t * (b[1] - a[1])));
        low > high || (in_door(low) && in_door(high))
    }

    #[test]
    fn a_path_is_found_through_a_door_and_the_same_seed_finds_the_same() {
        let run = |seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (from, to) = (q(-1.0, 0.0), q(1.0, 0.0));
            let mut path = find_path(&from, &to, &limits(), 5000, &mut rng, &mut through_the_door)?;
            shorten(&mut path, &mut rng, &mut through_the_door);
            Some(path)
        };
        for seed in 0..20 {
            let path = run(seed).expect("there is a door");
            assert!(path.windows(2).all(|w| through_the_door(&w[0], &w[1])));
            assert_eq!((path[0], path[path.len() - 1]), (q(-1.0, 0.0), q(1.0, 0.0)));
            let length: f64 = path.windows(2).map(|w| (w[0][0] - w[1][0]).hypot(w[0][1] - w[1][1])).sum();
            assert!(length < 7.0, "shortened: {length}");
            assert_eq!(run(seed), Some(path));
        }
    }

    #[test]
    fn a_shortened_path_ends_where_it_ended_to_the_last_bit() {
        for seed in 0..2000 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // So short a last piece that a point drawn on it is the end but for a hair.
            let mut path = vec![q(-1.0, 0.0), q(0.0, 2.2), q(1.0, 0.0), q(1.0 + 2e-9, 0.0)];
            let end = path[3];
            shorten(&mut path, &mut rng, &mut through_the_door);
            assert_eq!(path[path.len() - 1], end, "seed {seed}");
        }
    }

    #[test]
    fn no_path_ends_within_its_budget() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut n = 0;
        let mut wall = |a: &JointVector, b: &JointVector| {
            n += 1;
            a[0] * b[0] > 0.0
        };
        assert_eq!(find_path(&q(-1.0, 0.0), &q(1.0, 0.0), &limits(), 200, &mut rng, &mut wall), None);
        assert!(n < 5000);
    }

    #[test]
    fn a_free_straight_line_is_the_path() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let path = find_path(&q(-1.0, 0.0), &q(1.0, 0.0), &limits(), 1, &mut rng, &mut |_, _| true);
        assert_eq!(path, Some(vec![q(-1.0, 0.0), q(1.0, 0.0)]));
    }
}
