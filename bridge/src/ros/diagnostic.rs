//! Package `diagnostic_msgs`.

use super::{Header, message};

message! {
    /// A value with its name.
    KeyValue = "diagnostic_msgs/msg/KeyValue" {
        /// Its name.
        key: String = "string key";
        /// The value.
        value: String = "string value";
    }
}

message! {
    /// How something does.
    DiagnosticStatus = "diagnostic_msgs/msg/DiagnosticStatus" {
        /// 0 well, 1 a warning, 2 an error, 3 not heard of.
        level: u8 = "byte level";
        /// What.
        name: String = "string name";
        /// In a sentence.
        message: String = "string message";
        /// Which device.
        hardware_id: String = "string hardware_id";
        /// In numbers.
        values: Vec<KeyValue> = "KeyValue[] values", part KeyValue;
    }
}

message! {
    /// How several things do.
    DiagnosticArray = "diagnostic_msgs/msg/DiagnosticArray" {
        /// When.
        header: Header = "std_msgs/Header header", part Header;
        /// Each.
        status: Vec<DiagnosticStatus> = "DiagnosticStatus[] status", part DiagnosticStatus;
    }
}
