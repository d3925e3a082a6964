//! Where an outline of known size lies on the table, given points that should be on it or inside it.

use core::f64::consts::PI;
use nalgebra::{Matrix2, Vector2};

/// A plane figure about its own centre, metres.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) enum Outline {
    /// Radius.
    Disc(f64),
    /// Half sides, the longer one first.
    Rectangle([f64; 2]),
}

impl Outline {
    /// The angle after which the figure looks the same; `None` when it always does.
    pub(crate) fn period(self) -> Option<f64> {
        match self {
            Self::Disc(_) => None,
            Self::Rectangle([a, b]) => Some(if (a - b).abs() < 1e-6 { 0.5 * PI } else { PI }),
        }
    }

    /// `n` places along the outline, about equally far apart.
    pub(crate) fn perimeter(self, n: usize) -> Vec<Vector2<f64>> {
        let share = |i: usize| i as f64 / n as f64;
        match self {
            Self::Disc(r) => {
                let at = |t: f64| Vector2::new(r * libm::cos(t), r * libm::sin(t));
                (0..n).map(|i| at(2.0 * PI * share(i))).collect()
            }
            Self::Rectangle([a, b]) => {
                let at = |s: f64| {
                    let s = s * 4.0 * (a + b);
                    if s < 2.0 * a {
                        Vector2::new(s - a, -b)
                    } else if s < 2.0 * (a + b) {
                        Vector2::new(a, s - 2.0 * a - b)
                    } else if s < 4.0 * a + 2.0 * b {
                        Vector2::new(3.0 * a + 2.0 * b - s, b)
                    } else {
                        Vector2::new(-a, 4.0 * a + 3.0 * b - s)
                    }
                };
                (0..n).map(|i| at(share(i))).collect()
            }
        }
    }

    /// Signed distance of a point (in the figure's own axes) from the outline, positive outside, and
    /// the direction in which it grows.
    pub(crate) fn distance(self, p: Vector2<f64>) -> (f64, Vector2<f64>) {
        match self {
            Self::Disc(r) => {
                let n = p.norm();
                (n - r, if n > 1e-9 { p / n } else { Vector2::x() })
            }
            Self::Rectangle([a, b]) => {
                let (sx, sy) = (1.0f64.copysign(p.x), 1.0f64.copysign(p.y));
                let q = Vector2::new(p.x.abs() - a, p.y.abs() - b);
                if q.x > 0.0 && q.y > 0.0 {
                    let n = q.norm();
                    (n, Vector2::new(sx * q.x, sy * q.y) / n)
                } else if q.x > q.y {
                    (q.x, Vector2::new(sx, 0.0))
                } else {
                    (q.y, Vector2::new(0.0, sy))
                }
            }
        }
    }
}

/// What is known of an outline's place.
pub(crate) struct Evidence<'a> {
    /// Points that should be inside (a top face).
    pub(crate) inside: &'a [Vector2<f64>],
    /// Points that should be on the outline (side faces, a rim).
    pub(crate) border: &'a [Vector2<f64>],
    /// Where the centre should be.
    pub(crate) centre: Vector2<f64>,
    /// How surely, metres (standard deviation).
    pub(crate) centre_sigma: f64,
    /// Noise of the points, metres.
    pub(crate) sigma: f64,
}

/// Where the outline lies.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) centre: Vector2<f64>,
    pub(crate) yaw: f64,
    /// Sum of squared robust residuals, in standard deviations.
    pub(crate) cost: f64,
}

/// Residuals beyond this many standard deviations count no further (Huber, 1964).
const OUTLIER: f64 = 2.5;
/// Rounds of reweighted least squares per angle.
const ROUNDS: usize = 6;
/// Angles tried over a period before refining.
const ANGLES: usize = 24;

impl Evidence<'_> {
    /// Centre for a given yaw by reweighted least squares.
    fn place(&self, outline: Outline, yaw: f64) -> Placed {
        let (sin, cos) = (libm::sin(yaw), libm::cos(yaw));
        let mut centre = self.centre;
        let mut cost = 0.0;
        for _ in 0..ROUNDS {
            let prior = 1.0 / (self.centre_sigma * self.centre_sigma);
            let mut normal = Matrix2::identity() * prior;
            let mut right = (self.centre - centre) * prior;
            cost = (self.centre - centre).norm_squared() * prior;
            let inside = self.inside.iter().map(|p| (p, true));
            for (p, is_inside) in inside.chain(self.border.iter().map(|p| (p, false))) {
                let d = p - centre;
                let own = Vector2::new(cos * d.x + sin * d.y, cos * d.y - sin * d.x);
                let (r, n) = outline.distance(own);
                if is_inside && r <= 0.0 {
                    continue;
                }
                let n = Vector2::new(cos * n.x - sin * n.y, sin * n.x + cos * n.y);
                let sigmas = r.abs() / self.sigma;
                let weight = if sigmas > OUTLIER { OUTLIER / sigmas } else { 1.0 };
                cost += if sigmas > OUTLIER { OUTLIER * (2.0 * sigmas - OUTLIER) } else { sigmas * sigmas };
                let w = weight / (self.sigma * self.sigma);
                normal += n * n.transpose() * w;
                right += n * (r * w);
            }
            let Some(step) = normal.cholesky().map(|c| c.solve(&right)) else { break };
            centre += step;
            if step.norm() < 1e-5 {
                break;
            }
        }
        Placed { centre, yaw, cost }
    }

    /// The best place of an outline; the yaw is the mean over all angles weighted by how likely each
    /// is, so that a flat bottom of the cost is met in its middle.
    pub(crate) fn fit(&self, outline: Outline) -> Placed {
        let Some(period) = outline.period() else { return self.place(outline, 0.0) };
        let step = period / ANGLES as f64;
        let coarse: Vec<Placed> = (0..ANGLES).map(|i| self.place(outline, i as f64 * step)).collect();
        let best = coarse.iter().fold(coarse[0], |a, b| if b.cost < a.cost { *b } else { a });
        let fine: Vec<Placed> =
            (-9..=9).map(|i| self.place(outline, best.yaw + f64::from(i) * step / 6.0)).collect();
        let least = fine.iter().map(|p| p.cost).fold(f64::INFINITY, f64::min);
        let (mut sum, mut weights) = (0.0, 0.0);
        for p in &fine {
            let weight = libm::exp(-0.5 * (p.cost - least).min(80.0));
            sum += weight * p.yaw;
            weights += weight;
        }
        self.place(outline, sum / weights)
    }
}

/// A vector of the table in the axes of a figure turned by `yaw`.
pub(crate) fn turned(p: Vector2<f64>, yaw: f64) -> Vector2<f64> {
    let (sin, cos) = (libm::sin(yaw), libm::cos(yaw));
    Vector2::new(cos * p.x + sin * p.y, cos * p.y - sin * p.x)
}

/// An angle brought into [−period/2, period/2).
pub(crate) fn wrap(angle: f64, period: f64) -> f64 {
    let turned = angle - period * libm::floor(angle / period + 0.5);
    if turned >= 0.5 * period { turned - period } else { turned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_grows_along_its_direction_everywhere_and_is_zero_all_round() {
        for outline in [Outline::Disc(0.03), Outline::Rectangle([0.05, 0.03])] {
            let round = outline.perimeter(40);
            assert!(round.iter().all(|p| outline.distance(*p).0.abs() < 1e-12), "{round:?}");
            let gap = (round[0] - round[39]).norm();
            assert!((gap - (round[1] - round[0]).norm()).abs() < 1e-3, "{gap}");
            for i in 0..40 {
                let p = Vector2::new(libm::sin(f64::from(i)) * 0.08, libm::cos(f64::from(i) * 1.7) * 0.08);
                let (d, n) = outline.distance(p);
                let (e, _) = outline.distance(p + n * 1e-6);
                assert!((e - d - 1e-6).abs() < 1e-9, "{outline:?} {p}");
            }
        }
    }

    #[test]
    fn a_turned_rectangle_is_found_from_its_inner_points_and_one_visible_side() {
        for degrees in [-80.0f64, -31.0, 0.0, 17.0, 44.0, 73.0] {
            let yaw = degrees.to_radians();
            let at = |x: f64, y: f64| {
                Vector2::new(0.5 + yaw.cos() * x - yaw.sin() * y, 0.1 + yaw.sin() * x + yaw.cos() * y)
            };
            let outline = Outline::Rectangle([0.032, 0.017]);
            let inside: Vec<_> = (0..17)
                .flat_map(|i| (0..9).map(move |j| (f64::from(i), f64::from(j))))
                .map(|(i, j)| at(-0.032 + 0.004 * i, -0.016 + 0.004 * j))
                .collect();
            let border: Vec<_> = (0..17).map(|i| at(-0.032 + 0.004 * f64::from(i), 0.017)).collect();
            let centre = Vector2::new(0.503, 0.097);
            let e = Evidence { inside: &inside, border: &border, centre, centre_sigma: 0.01, sigma: 0.002 };
            let found = e.fit(outline);
            assert!((found.centre - Vector2::new(0.5, 0.1)).norm() < 0.002, "{degrees}°: {}", found.centre);
            assert!(wrap(found.yaw - yaw, PI).abs() < 0.05, "{degrees}°: {}", found.yaw.to_degrees());
        }
    }
}
