//! Damped least squares with as many rows as a pose has: three linear ones and three angular ones.

use crate::links::Lanes;

/// Rows of a pose.
const ROWS: usize = 6;

/// What one joint does to the tool (or what is asked of it): metres, and weighted radians.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) linear: Lanes,
    pub(super) angular: Lanes,
}

impl Column {
    #[inline(always)]
    pub(super) fn plus(&self, factor: f64, other: &Self) -> Self {
        Self {
            linear: self.linear.plus(&other.linear.times(factor)),
            angular: self.angular.plus(&other.angular.times(factor)),
        }
    }

    #[inline(always)]
    pub(super) fn dot(&self, other: &Self) -> f64 {
        self.linear.along(&other.linear) + self.angular.along(&other.angular)
    }
}

/// y of (J Jᵀ + λ) y = e; Jᵀ y is the damped least-squares step (JᵀJ + λ)⁻¹ Jᵀ e.
#[inline(always)]
pub(super) fn solve<const N: usize>(columns: &[Column; N], error: &Column, damping: f64) -> Column {
    // The upper half by rows: linear rows in two parts, angular ones in one.
    let (mut ll, mut la, mut aa) = ([Lanes::default(); 3], [Lanes::default(); 3], [Lanes::default(); 3]);
    for column in columns {
        for r in 0..3 {
            let (l, a) = (column.linear.0[r], column.angular.0[r]);
            ll[r] = ll[r].plus(&column.linear.times(l));
            la[r] = la[r].plus(&column.angular.times(l));
            aa[r] = aa[r].plus(&column.angular.times(a));
        }
    }
    let mut m = [[0.0; ROWS]; ROWS];
    let mut y = [0.0; ROWS];
    for r in 0..3 {
        for c in 0..3 {
            m[r][c] = ll[r].0[c];
            m[r][3 + c] = la[r].0[c];
            m[3 + r][3 + c] = aa[r].0[c];
        }
        (y[r], y[3 + r]) = (error.linear.0[r], error.angular.0[r]);
    }
    // Gauss without a search for pivots, in the upper half: the matrix is symmetric, positive definite.
    let mut inverse = [0.0; ROWS];
    for k in 0..ROWS {
        // Damping keeps the pivot positive; rounding is kept from less.
        inverse[k] = 1.0 / (m[k][k] + damping).max(1e-14);
        for r in k + 1..ROWS {
            let factor = m[k][r] * inverse[k];
            let top = m[k];
            for (value, above) in m[r][r..].iter_mut().zip(&top[r..]) {
                *value -= factor * above;
            }
            y[r] -= factor * y[k];
        }
    }
    for k in (0..ROWS).rev() {
        let known: f64 = (k + 1..ROWS).map(|i| m[k][i] * y[i]).sum();
        y[k] = (y[k] - known) * inverse[k];
    }
    Column { linear: Lanes([y[0], y[1], y[2], 0.0]), angular: Lanes([y[3], y[4], y[5], 0.0]) }
}
