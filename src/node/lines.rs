//! What a line of `sinew send` may say.

use control::{Grips, TwistAxes};
use serde::Deserialize;

/// One line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// To these joint positions, rad; waits until the arm is there.
    Joints(Vec<f64>),
    /// The tool to this pose in the world, straight on; waits likewise.
    Pose { at_m: [f64; 3], wxyz: [f64; 4] },
    /// Joint velocities, rad/s: for so long; or, without that, until the next line, which has to come within 60 ms.
    Velocity { rad_s: Vec<f64>, for_s: Option<f64> },
    /// A twist of the tool, likewise.
    Twist {
        linear_m_s: [f64; 3],
        #[serde(default)]
        angular_rad_s: [f64; 3],
        #[serde(default)]
        axes: Axes,
        for_s: Option<f64>,
    },
    /// What a policy wants next: positions `period_s` apart, the first of when the picture was taken, `age_s` ago.
    Chunk {
        points: Vec<Vec<f64>>,
        period_s: f64,
        #[serde(default)]
        age_s: f64,
        /// What the fingers do along it.
        grip: Option<GripsLine>,
    },
    /// The fingers; waits until they rest.
    Grip { width_m: f64, force_n: f64 },
    /// The arm yields at its tool (N/m, N·m/rad), or is stiff: `"stiff"`.
    Comply(Comply),
    /// To rest.
    Hold {},
    /// Nothing new for so long.
    Wait { s: f64 },
}

/// A width for each point, and the most force per finger.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GripsLine {
    widths_m: Vec<f64>,
    force_n: f64,
}

impl From<GripsLine> for Grips {
    fn from(GripsLine { widths_m, force_n }: GripsLine) -> Self {
        Self { widths_m, force_n }
    }
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Axes {
    #[default]
    World,
    Tool,
}

#[derive(Copy, Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Comply {
    Stiff,
    Tool { linear_n_m: [f64; 3], angular_nm_rad: [f64; 3], most_n: f64, most_nm: f64 },
}

impl From<Axes> for TwistAxes {
    fn from(axes: Axes) -> Self {
        match axes {
            Axes::World => Self::World,
            Axes::Tool => Self::Tool,
        }
    }
}
