//! The smooth step from rest to rest: the quintic 10 x³ − 15 x⁴ + 6 x⁵ of a part x of its time (Lynch and Park,
//! Modern Robotics, 2017, section 9.2.2.2).

use types::JointLimits;

/// Greatest first, second and third derivative of the step from 0 to 1 over unit time.
pub(crate) const PEAKS: [f64; 3] = [1.875, 5.773_502_691_896_258, 60.0];

/// Value, first and second derivative by x, at `x` of 0 to 1.
pub(crate) fn step(x: f64) -> [f64; 3] {
    [
        x * x * x * (10.0 + x * (-15.0 + 6.0 * x)),
        30.0 * x * x * (1.0 + x * (-2.0 + x)),
        60.0 * x * (1.0 + x * (-3.0 + 2.0 * x)),
    ]
}

/// The shortest time, seconds, in which a joint steps by `by`, rad (m), with this share of its limits.
pub(crate) fn seconds(by: f64, l: &JointLimits, share: f64) -> f64 {
    let d = by.abs() / share;
    (PEAKS[0] * d / l.velocity)
        .max(libm::sqrt(PEAKS[1] * d / l.acceleration))
        .max(sharpest(by, l.jerk, share))
}

/// The shortest time, seconds, of a step by `by` whose third derivative is at most this share of `most`.
pub(crate) fn sharpest(by: f64, most: f64, share: f64) -> f64 {
    libm::cbrt(PEAKS[2] * by.abs() / (share * most))
}
