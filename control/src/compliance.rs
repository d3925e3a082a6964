//! How stiffly the arm holds to where it is told to be.
//!
//! Stiff, it takes every deviation away as fast as its gains allow (computed torque). Compliant, it is a damped
//! spring (impedance control: Hogan, 1985) about the same reference, which the filter has checked: of the joints,
//! or of the tool. The spring has a greatest force, so that the arm never presses harder, however far it is held
//! off. Springs that a loop of this period could not hold steady are softened; damping goes by the
//! inertia that each spring moves. From one way to another it goes over within a third of a second.

use crate::path::Reference;
use crate::twist::TwistAxes;
use mechanics::{Arm, ArmData, Jacobian, mass_matrix, tool_jacobian, tool_pose};
use nalgebra::{Isometry3, Matrix3, Matrix6, SMatrix, SVector, Vector3, Vector6};
use types::{JointVector, MAX_JOINTS, Rejection};

/// Greatest stiffness that may be asked for: N/m, and N·m/rad.
const STIFFEST: f64 = 1e5;
/// The fastest spring that the loop holds steady, as a part of its rate, rad.
const FASTEST: f64 = 0.15;
/// Joints of a small arm.
const SMALL: usize = 8;
/// From one compliance to another, seconds.
const BLEND_S: f64 = 0.3;
/// What keeps the tool's inertia finite near singular poses, 1/kg.
const LEAST_MOBILITY: f64 = 1e-3;
/// Damping of motions that leave the tool where it is, 1/s.
const LEAST_DAMPING: f64 = 4.0;
/// What keeps the observed force finite near singular poses, and free of the noise of weak directions (m, as the
/// Jacobian).
const WRENCH_DAMPING: f64 = 0.01;

/// How the arm yields; see the module.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Compliance {
    /// As stiff as the gains make it.
    Stiff,
    /// Every joint is a spring.
    Joints {
        /// N·m/rad (N/m), each 0 to 1e5.
        stiffness: JointVector,
        /// 0.1 to 2; 1 is critical.
        damping_ratio: f64,
        /// Greatest torque of each spring, N·m (N), above zero.
        most: JointVector,
    },
    /// The tool centre point is a spring.
    Tool {
        /// N/m along the axes, each 0 to 1e5.
        linear_n_m: [f64; 3],
        /// N·m/rad about the axes, each 0 to 1e5.
        angular_nm_rad: [f64; 3],
        /// Of the world, or of the tool where it shall be.
        axes: TwistAxes,
        /// 0.1 to 2; 1 is critical.
        damping_ratio: f64,
        /// Greatest force of the spring, N, above zero.
        most_n: f64,
        /// Greatest moment of the spring, N·m, above zero.
        most_nm: f64,
        /// What holds the joints' posture as far as the tool leaves it free, N·m/rad, 0 to 1e5.
        posture_nm_rad: f64,
    },
}

impl Compliance {
    /// Refuses what is no number or out of range, by its field (B1–B7, B15).
    pub(crate) fn check(&self, n: usize) -> Result<(), Rejection> {
        use crate::config::range;
        let greatest = |field: &str, v: f64| range(field, v, 1e-3, 1e4);
        let ratio = |v: f64| range("compliance.damping_ratio", v, 0.1, 2.0);
        match self {
            Self::Stiff => Ok(()),
            Self::Joints { stiffness, damping_ratio, most } => {
                for (field, v) in [("compliance.stiffness", stiffness), ("compliance.most", most)] {
                    if v.len() != n {
                        let expected = format!("{n} values, one per joint");
                        return Err(Rejection::new(field, expected, v.len().to_string()));
                    }
                }
                for i in 0..n {
                    range(&format!("compliance.stiffness[{i}]"), stiffness[i], 0.0, STIFFEST)?;
                    greatest(&format!("compliance.most[{i}]"), most[i])?;
                }
                ratio(*damping_ratio)
            }
            Self::Tool {
                linear_n_m, angular_nm_rad, damping_ratio, most_n, most_nm, posture_nm_rad, ..
            } => {
                for i in 0..3 {
                    range(&format!("compliance.linear_n_m[{i}]"), linear_n_m[i], 0.0, STIFFEST)?;
                    range(&format!("compliance.angular_nm_rad[{i}]"), angular_nm_rad[i], 0.0, STIFFEST)?;
                }
                range("compliance.posture_nm_rad", *posture_nm_rad, 0.0, STIFFEST)?;
                greatest("compliance.most_n", *most_n)?;
                greatest("compliance.most_nm", *most_nm)?;
                ratio(*damping_ratio)
            }
        }
    }
}

/// The measured state that a spring sees.
pub(crate) struct Seen<'a> {
    pub(crate) q: &'a JointVector,
    pub(crate) dq: &'a JointVector,
    pub(crate) width_m: f64,
    pub(crate) period: f64,
}

/// The compliance in force, and the one that it comes from.
pub(crate) struct Springs {
    from: Compliance,
    to: Compliance,
    /// How far it has gone over, 0 to 1.
    part: f64,
    data: ArmData,
    jacobian: Jacobian,
}

impl Springs {
    pub(crate) fn new(arm: &Arm) -> Self {
        Self {
            from: Compliance::Stiff,
            to: Compliance::Stiff,
            part: 1.0,
            data: ArmData::new(arm),
            jacobian: Jacobian::zeros(arm.n_joints()),
        }
    }

    /// The hand carries a mass, kg, at a point of the tool's frame, metres.
    pub(crate) fn carry(&mut self, arm: &Arm, mass_kg: f64, tool_from_center: &Vector3<f64>) {
        self.data.carry(arm, mass_kg, tool_from_center);
    }

    /// Goes over to another compliance.
    pub(crate) fn go(&mut self, to: Compliance) {
        if to != self.to {
            self.from = if self.part < 0.5 { self.from } else { self.to };
            (self.to, self.part) = (to, 0.0);
        }
    }

    /// Stiff at once: for an arm without power.
    pub(crate) fn reset(&mut self) {
        (self.from, self.to, self.part) = (Compliance::Stiff, Compliance::Stiff, 1.0);
    }

    pub(crate) fn step(&mut self, dt: f64) {
        self.part = (self.part + dt / BLEND_S).min(1.0);
    }

    /// Whether the arm yields, or is about to.
    pub(crate) fn yields(&self) -> bool {
        self.to != Compliance::Stiff || (self.part < 1.0 && self.from != Compliance::Stiff)
    }

    /// The part that stiff computed torque has now, 0 to 1.
    pub(crate) fn stiff_part(&self) -> f64 {
        let is_stiff = |c: &Compliance| if *c == Compliance::Stiff { 1.0 } else { 0.0 };
        let x = self.part * self.part * (3.0 - 2.0 * self.part);
        is_stiff(&self.to) * x + is_stiff(&self.from) * (1.0 - x)
    }

    /// Torques of the springs, by their parts, N·m; stiff parts are not counted.
    pub(crate) fn torque(&mut self, arm: &Arm, r: &Reference, seen: &Seen<'_>) -> JointVector {
        let x = self.part * self.part * (3.0 - 2.0 * self.part);
        let mut sum = JointVector::zeros(arm.n_joints());
        for (compliance, share) in [(self.from, 1.0 - x), (self.to, x)] {
            if share > 0.0 {
                let tau = self.spring(arm, &compliance, r, seen);
                sum = JointVector::from_fn(sum.len(), |i| sum[i] + share * tau[i]);
            }
        }
        sum
    }

    fn spring(&mut self, arm: &Arm, c: &Compliance, r: &Reference, seen: &Seen<'_>) -> JointVector {
        let n = arm.n_joints();
        let fastest = FASTEST / seen.period;
        match c {
            Compliance::Stiff => JointVector::zeros(n),
            Compliance::Joints { stiffness, damping_ratio, most } => {
                let mass = mass_matrix::<MAX_JOINTS>(arm, &mut self.data, seen.q, seen.width_m);
                JointVector::from_fn(n, |i| {
                    let inertia = mass[(i, i)];
                    let k = stiffness[i].min(inertia * fastest * fastest);
                    let d = 2.0 * damping_ratio * libm::sqrt(k * inertia);
                    (k * (r.q[i] - seen.q[i])).clamp(-most[i], most[i]) + d * (r.dq[i] - seen.dq[i])
                })
            }
            // Most arms are small enough for small matrices.
            Compliance::Tool { .. } if n <= SMALL => self.tool_spring::<SMALL>(arm, c, r, seen, fastest),
            Compliance::Tool { .. } => self.tool_spring::<MAX_JOINTS>(arm, c, r, seen, fastest),
        }
    }

    /// The tool's spring and damper in the modes of stiffness and inertia (double diagonalisation: Albu-Schäffer,
    /// Ott, Frese and Hirzinger, ICRA 2003): with A = J M⁻¹ Jᵀ = L Lᵀ and Lᵀ K L = U diag(ω²) Uᵀ, a deviation x
    /// has the modal parts z = Uᵀ L⁻¹ x, and the wrench is L⁻ᵀ U (ω² z + 2 ζ ω ż). No mode may be faster than
    /// `fastest`, rad/s.
    fn tool_spring<const K: usize>(
        &mut self,
        arm: &Arm,
        c: &Compliance,
        r: &Reference,
        seen: &Seen<'_>,
        fastest: f64,
    ) -> JointVector {
        let n = arm.n_joints();
        let none = JointVector::zeros(n);
        let Compliance::Tool {
            linear_n_m,
            angular_nm_rad,
            axes,
            damping_ratio,
            most_n,
            most_nm,
            posture_nm_rad,
        } = c
        else {
            return none;
        };
        let shall = *tool_pose(arm, &mut self.data, &r.q).isometry();
        let is = *tool_pose(arm, &mut self.data, seen.q).isometry();
        let mass = mass_matrix::<K>(arm, &mut self.data, seen.q, seen.width_m);
        tool_jacobian(arm, &mut self.data, seen.q, &mut self.jacobian);
        let mut jt = SMatrix::<f64, K, 6>::zeros();
        for i in 0..n {
            for a in 0..6 {
                jt[(i, a)] = self.jacobian[(a, i)];
            }
        }
        let Some(mass_root) = mass.cholesky() else { return none };
        let weighted = mass_root.solve(&jt);
        let inverse_mass = jt.transpose() * weighted + Matrix6::identity() * LEAST_MOBILITY;
        let Some(mobility) = inverse_mass.cholesky() else { return none };
        let l = mobility.l();

        let turn = if *axes == TwistAxes::Tool { shall.rotation } else { Default::default() };
        let turn = turn.to_rotation_matrix().into_inner();
        let mut stiffness = Matrix6::zeros();
        for (at, k) in [(0, linear_n_m), (3, angular_nm_rad)] {
            let block = turn * Matrix3::from_diagonal(&Vector3::from(*k)) * turn.transpose();
            stiffness.fixed_view_mut::<3, 3>(at, at).copy_from(&block);
        }
        let modes = (l.transpose() * stiffness * l).symmetric_eigen();
        let omega = modes.eigenvalues.map(|w2| libm::sqrt(w2.max(0.0)).min(fastest));
        let modal = |x: &Vector6<f64>| {
            l.solve_lower_triangular(x).map_or(Vector6::zeros(), |y| modes.eigenvectors.transpose() * y)
        };
        let wrench = |z: &Vector6<f64>| {
            l.transpose().solve_upper_triangular(&(modes.eigenvectors * z)).unwrap_or_else(Vector6::zeros)
        };
        let (off, rotated) = deviation(&shall, &is);
        let x = stack(&off, &rotated);
        let slip = SVector::<f64, K>::from_fn(|i, _| if i < n { r.dq[i] - seen.dq[i] } else { 0.0 });
        let spring = wrench(&modal(&x).component_mul(&omega.map(|w| w * w)));
        let (force, moment) =
            (spring.fixed_rows::<3>(0).into_owned(), spring.fixed_rows::<3>(3).into_owned());
        let damper = wrench(&modal(&(jt.transpose() * slip)).component_mul(&(2.0 * *damping_ratio * omega)));
        let pressed = stack(&capped(force, *most_n), &capped(moment, *most_nm)) + damper;

        // The posture, without what of it would move the tool (Khatib, 1987): τ − Jᵀ A⁻¹ J M⁻¹ τ.
        let posture = SVector::<f64, K>::from_fn(|i, _| {
            if i >= n {
                return 0.0;
            }
            let inertia = mass[(i, i)];
            let w = libm::sqrt(posture_nm_rad / inertia).min(fastest);
            let d = (2.0 * damping_ratio * w).max(LEAST_DAMPING);
            inertia * (w * w * (r.q[i] - seen.q[i]) + d * slip[i])
        });
        let moving = mobility.solve(&(weighted.transpose() * posture));
        let tau = jt * (pressed - moving) + posture;
        JointVector::from_fn(n, |i| tau[i])
    }

    /// The force and moment at the tool, world axes, N and N·m, that explain external torques best:
    /// (J Jᵀ + λ² I)⁻¹ J τ.
    pub(crate) fn wrench(&mut self, arm: &Arm, q: &JointVector, external: &JointVector) -> [f64; 6] {
        tool_jacobian(arm, &mut self.data, q, &mut self.jacobian);
        let j = &self.jacobian;
        let mut square = Matrix6::<f64>::identity() * (WRENCH_DAMPING * WRENCH_DAMPING);
        let mut right = Vector6::zeros();
        for i in 0..arm.n_joints() {
            for a in 0..6 {
                right[a] += j[(a, i)] * external[i];
                for b in 0..6 {
                    square[(a, b)] += j[(a, i)] * j[(b, i)];
                }
            }
        }
        square.cholesky().map_or([0.0; 6], |c| c.solve(&right).into())
    }
}

fn stack(linear: &Vector3<f64>, angular: &Vector3<f64>) -> Vector6<f64> {
    Vector6::new(linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)
}

/// From where the tool is to where it shall be: metres, and rad about an axis; in the world.
fn deviation(shall: &Isometry3<f64>, is: &Isometry3<f64>) -> (Vector3<f64>, Vector3<f64>) {
    let off = shall.translation.vector - is.translation.vector;
    (off, (shall.rotation * is.rotation.inverse()).scaled_axis())
}

/// The vector, made no longer than `most`.
fn capped(v: Vector3<f64>, most: f64) -> Vector3<f64> {
    v * (most / v.norm().max(most))
}

#[cfg(test)]
mod tests;
