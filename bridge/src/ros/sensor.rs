//! Package `sensor_msgs`.

use super::{Header, message};
use types::{Intrinsics, Rejection, image::Distortion};

message! {
    /// What the joints do.
    JointState = "sensor_msgs/msg/JointState" {
        /// When.
        header: Header = "std_msgs/Header header", part Header;
        /// The joints' names.
        name: Vec<String> = "string[] name";
        /// rad, or m.
        position: Vec<f64> = "float64[] position";
        /// rad/s, or m/s.
        velocity: Vec<f64> = "float64[] velocity";
        /// N·m, or N.
        effort: Vec<f64> = "float64[] effort";
    }
}

message! {
    /// A picture, or the depth at each of its pixels.
    Image = "sensor_msgs/msg/Image" {
        /// When it was taken, and the optical frame.
        header: Header = "std_msgs/Header header", part Header;
        /// Rows.
        height: u32 = "uint32 height";
        /// Columns.
        width: u32 = "uint32 width";
        /// `rgb8`; or `16UC1` for depth in millimetres, `32FC1` in metres.
        encoding: String = "string encoding";
        /// 0 for little endian.
        is_bigendian: u8 = "uint8 is_bigendian";
        /// Bytes of a row.
        step: u32 = "uint32 step";
        /// Row by row.
        data: Vec<u8> = "uint8[] data", bytes "super::bytes";
    }
}

message! {
    /// A picture in few bytes.
    CompressedImage = "sensor_msgs/msg/CompressedImage" {
        /// When it was taken, and the optical frame.
        header: Header = "std_msgs/Header header", part Header;
        /// `jpeg`.
        format: String = "string format";
        /// The file.
        data: Vec<u8> = "uint8[] data", bytes "super::bytes";
    }
}

message! {
    /// A part of a picture.
    RegionOfInterest = "sensor_msgs/msg/RegionOfInterest" {
        /// Its first column.
        x_offset: u32 = "uint32 x_offset";
        /// Its first row.
        y_offset: u32 = "uint32 y_offset";
        /// Rows; 0 for all.
        height: u32 = "uint32 height";
        /// Columns; 0 for all.
        width: u32 = "uint32 width";
        /// Whether pictures are to be rectified.
        do_rectify: bool = "bool do_rectify";
    }
}

message! {
    /// A camera's lens.
    CameraInfo = "sensor_msgs/msg/CameraInfo" {
        /// When, and the optical frame.
        header: Header = "std_msgs/Header header", part Header;
        /// Rows.
        height: u32 = "uint32 height";
        /// Columns.
        width: u32 = "uint32 width";
        /// `plumb_bob`.
        distortion_model: String = "string distortion_model";
        /// k1, k2, p1, p2, k3.
        d: Vec<f64> = "float64[] d";
        /// Focal lengths and principal point, row by row, pixels; the first pixel's centre at 0.
        k: [f64; 9] = "float64[9] k";
        /// Rectification: none.
        r: [f64; 9] = "float64[9] r";
        /// Projection: `k` and a column of zeros.
        p: [f64; 12] = "float64[12] p";
        /// Not used.
        binning_x: u32 = "uint32 binning_x";
        /// Not used.
        binning_y: u32 = "uint32 binning_y";
        /// The whole.
        roi: RegionOfInterest = "sensor_msgs/RegionOfInterest roi", part RegionOfInterest;
    }
}

message! {
    /// What a joystick's sticks and buttons do.
    Joy = "sensor_msgs/msg/Joy" {
        header: Header = "std_msgs/Header header", part Header;
        /// Each of −1 to 1.
        ///
        axes: Vec<f32> = "float32[] axes";
        /// 0 or 1 each.
        ///
        buttons: Vec<i32> = "int32[] buttons";
    }
}

/// ROS counts pixels from the centre of the first, Sinew from its corner.
const HALF: f64 = 0.5;

impl CameraInfo {
    /// Of a lens.
    #[must_use]
    pub fn new(header: Header, lens: &Intrinsics) -> Self {
        let (cx, cy, d) = (lens.cx - HALF, lens.cy - HALF, &lens.distortion);
        Self {
            header,
            height: lens.height,
            width: lens.width,
            distortion_model: "plumb_bob".into(),
            d: vec![d.k1, d.k2, d.p1, d.p2, d.k3],
            k: [lens.fx, 0.0, cx, 0.0, lens.fy, cy, 0.0, 0.0, 1.0],
            r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            p: [lens.fx, 0.0, cx, 0.0, 0.0, lens.fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
            ..Self::default()
        }
    }

    /// The lens.
    ///
    /// # Errors
    /// A [`Rejection`] for another model of distortion than `plumb_bob`, and as [`Intrinsics::new`] (B29).
    pub fn lens(&self) -> Result<Intrinsics, Rejection> {
        let distortion = match (self.distortion_model.as_str(), self.d.as_slice()) {
            (_, []) => Distortion::default(),
            ("plumb_bob", &[k1, k2, p1, p2, k3]) => Distortion { k1, k2, p1, p2, k3 },
            (model, d) => {
                let got = format!("{model:?} with {} numbers", d.len());
                return Err(Rejection::new(
                    "camera_info.distortion_model",
                    "plumb_bob with five numbers",
                    got,
                ));
            }
        };
        let centre = (self.k[2] + HALF, self.k[5] + HALF);
        Intrinsics::new((self.width, self.height), (self.k[0], self.k[4]), centre, distortion)
    }
}
