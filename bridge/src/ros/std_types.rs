//! Packages `builtin_interfaces`, `std_msgs`, `rcl_interfaces`.

use super::message;

message! {
    /// An instant.
    Time = "builtin_interfaces/msg/Time" {
        /// Whole seconds.
        sec: i32 = "int32 sec";
        /// Nanoseconds beyond, 0 to 999,999,999.
        nanosec: u32 = "uint32 nanosec";
    }
}

const SECOND: i64 = 1_000_000_000;

impl From<types::Time> for Time {
    /// Later than the year 2038 of a clock that began in 1970 becomes the latest instant there is.
    fn from(time: types::Time) -> Self {
        let (sec, nanosec) = (time.as_nanos().div_euclid(SECOND), time.as_nanos().rem_euclid(SECOND));
        match i32::try_from(sec) {
            Ok(sec) => Self { sec, nanosec: nanosec as u32 },
            Err(_) if sec < 0 => Self { sec: i32::MIN, nanosec: 0 },
            Err(_) => Self { sec: i32::MAX, nanosec: 999_999_999 },
        }
    }
}

impl From<Time> for types::Time {
    fn from(time: Time) -> Self {
        Self::from_nanos(i64::from(time.sec) * SECOND + i64::from(time.nanosec))
    }
}

message! {
    /// When and in which frame.
    Header = "std_msgs/msg/Header" {
        /// When the world was so.
        stamp: Time = "builtin_interfaces/Time stamp", part Time;
        /// The frame's name.
        frame_id: String = "string frame_id";
    }
}

message! {
    /// A text.
    Text = "std_msgs/msg/String" {
        /// The text.
        data: String = "string data";
    }
}

message! {
    /// An event for a person.
    Log = "rcl_interfaces/msg/Log" {
        /// When.
        stamp: Time = "builtin_interfaces/Time stamp", part Time;
        /// 10 for details, 20, 30 for warnings, 40 for errors.
        level: u8 = "uint8 level";
        /// Who says it: a stage.
        name: String = "string name";
        /// A sentence.
        msg: String = "string msg";
        /// The kind of event.
        file: String = "string file";
        /// The row of the fault table, where it is one.
        function: String = "string function";
        /// Not used.
        line: u32 = "uint32 line";
    }
}
