//! How a scene looks: light, table, colours, noise.

use serde::{Deserialize, Serialize};
use types::Color;

/// Light, table and noise of a scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Appearance {
    /// Colour of the table, 0 to 1.
    pub table_rgb: [f32; 3],
}

impl Default for Appearance {
    fn default() -> Self {
        Self { table_rgb: [0.62, 0.55, 0.47] }
    }
}

/// The plain tone of a colour, 0 to 1.
#[must_use]
pub fn rgb(color: Color) -> [f32; 3] {
    match color {
        Color::Red => [0.80, 0.10, 0.10],
        Color::Green => [0.12, 0.58, 0.18],
        Color::Blue => [0.10, 0.25, 0.80],
        Color::Yellow => [0.92, 0.80, 0.10],
        Color::Orange => [0.95, 0.45, 0.05],
        Color::Purple => [0.48, 0.15, 0.62],
        Color::White => [0.92, 0.92, 0.92],
        Color::Black => [0.07, 0.07, 0.07],
    }
}
