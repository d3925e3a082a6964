//! Packages `builtin_interfaces`, `std_msgs`, `rcl_interfaces`, `rosgraph_msgs`, `std_srvs`.

use super::message;
use types::Rejection;

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

message! {
    /// What time it is in a simulation, as `/clock` says it.
    SimTime = "rosgraph_msgs/msg/Clock" {
        /// The time.
        clock: Time = "builtin_interfaces/Time clock", part Time;
    }
}

message! {
    /// A length of time, of either sign.
    Duration = "builtin_interfaces/msg/Duration" {
        sec: i32 = "int32 sec";
        /// Beyond `sec`, 0 to 999,999,999.
        ///
        nanosec: u32 = "uint32 nanosec";
    }
}

impl Duration {
    /// Of so many seconds, to the nearest nanosecond; beyond 68 years it is 68 years.
    #[must_use]
    pub fn from_secs(secs: f64) -> Self {
        let nanos = (secs * 1e9).round();
        let whole = (nanos / 1e9).floor().clamp(f64::from(i32::MIN), f64::from(i32::MAX));
        Self { sec: whole as i32, nanosec: (nanos - 1e9 * whole).clamp(0.0, 999_999_999.0) as u32 }
    }

    /// Whether it is one: nanoseconds below a second.
    ///
    /// # Errors
    /// A [`Rejection`] naming `field`.
    pub fn check(&self, field: &str) -> Result<(), Rejection> {
        if self.nanosec < 1_000_000_000 {
            return Ok(());
        }
        let expected = "nanosec from 0 to 999999999";
        Err(Rejection::new(field.to_owned(), expected, self.nanosec.to_string()))
    }

    /// Seconds.
    #[must_use]
    pub fn as_secs(&self) -> f64 {
        f64::from(self.sec) + 1e-9 * f64::from(self.nanosec)
    }
}

message! {
    /// A colour, each of 0 to 1.
    ColorRGBA = "std_msgs/msg/ColorRGBA" {
        r: f32 = "float32 r";
        g: f32 = "float32 g";
        b: f32 = "float32 b";
        /// 0 is seen through.
        ///
        a: f32 = "float32 a";
    }
}

message! {
    /// Asks for something that needs no words.
    TriggerRequest = "std_srvs/srv/Trigger_Request" {
        /// What stands in a message without fields.
        ///
        structure_needs_at_least_one_member: u8 = "uint8 structure_needs_at_least_one_member";
    }
}

message! {
    /// What came of it.
    TriggerResponse = "std_srvs/srv/Trigger_Response" {
        success: bool = "bool success";
        /// A sentence for people.
        ///
        message: String = "string message";
    }
}
