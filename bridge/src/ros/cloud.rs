//! Clouds of points: package `sensor_msgs`.

use super::{Header, message, optical_frame};
use types::Image;

message! {
    /// What a number of each point of a cloud is.
    PointField = "sensor_msgs/msg/PointField" {
        name: String = "string name";
        /// Where it begins in a point, bytes.
        ///
        offset: u32 = "uint32 offset";
        /// 1 to 8: i8, u8, i16, u16, i32, u32, f32, f64.
        ///
        datatype: u8 = "uint8 datatype";
        count: u32 = "uint32 count";
    }
}

message! {
    /// Points in space.
    PointCloud2 = "sensor_msgs/msg/PointCloud2" {
        header: Header = "std_msgs/Header header", part Header;
        /// 1 where they are in no order, rows of a picture else.
        ///
        height: u32 = "uint32 height";
        width: u32 = "uint32 width";
        fields: Vec<PointField> = "sensor_msgs/PointField[] fields", part PointField;
        is_bigendian: bool = "bool is_bigendian";
        /// Bytes of a point.
        ///
        point_step: u32 = "uint32 point_step";
        /// Bytes of a row.
        ///
        row_step: u32 = "uint32 row_step";
        data: Vec<u8> = "uint8[] data", bytes "super::bytes";
        /// Whether every point is one; if not, those that are none are NaN.
        ///
        is_dense: bool = "bool is_dense";
    }
}

/// A 32-bit floating-point number, among a field's datatypes.
const FLOAT32: u8 = 7;

impl PointCloud2 {
    /// The points that a picture with depth shows, coloured, in the camera's optical frame: a point per pixel, NaN where
    /// depth is not known. `None` without depth.
    ///
    /// Fields `x`, `y`, `z` (m) and `rgb`: a float whose bits are 0x00rrggbb, as PCL has it.
    #[must_use]
    pub fn new(image: &Image) -> Option<Self> {
        const STEP: u32 = 16;
        let depth = image.depth.as_ref()?;
        let (width, height) = (image.intrinsics.width, image.intrinsics.height);
        let mut data = Vec::with_capacity(STEP as usize * depth.len());
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (column, row)));
        for (((column, row), z), rgb) in pixels.zip(depth.iter()).zip(image.rgb.chunks_exact(3)) {
            let (x, y) = (f64::from(column) + 0.5, f64::from(row) + 0.5);
            let at = match *z > 0.0 {
                true => image.intrinsics.lift(x, y, f64::from(*z)).coords.map(|v| v as f32),
                false => nalgebra::Vector3::repeat(f32::NAN),
            };
            at.iter().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
            data.extend_from_slice(&[rgb[2], rgb[1], rgb[0], 0]);
        }
        let field =
            |name: &str, offset| PointField { name: name.into(), offset, datatype: FLOAT32, count: 1 };
        Some(Self {
            header: Header { stamp: image.stamp.into(), frame_id: optical_frame(&image.camera) },
            height,
            width,
            fields: vec![field("x", 0), field("y", 4), field("z", 8), field("rgb", 12)],
            is_bigendian: false,
            point_step: STEP,
            row_step: STEP * width,
            data,
            is_dense: depth.iter().all(|z| *z > 0.0),
        })
    }
}
