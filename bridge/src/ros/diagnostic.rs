//! Package `diagnostic_msgs`.

use super::{Header, message};

message! {
    /// One value of a status.
    KeyValue = "diagnostic_msgs/msg/KeyValue" {
        /// What it is, with its unit.
        key: String = "string key";
        /// In words.
        value: String = "string value";
    }
}

message! {
    /// How a part of a robot does.
    DiagnosticStatus = "diagnostic_msgs/msg/DiagnosticStatus" {
        /// 0 well, 1 a warning, 2 an error, 3 nothing was heard of it.
        level: u8 = "byte level";
        /// Which part.
        name: String = "string name";
        /// A sentence.
        message: String = "string message";
        /// Which device; empty for none.
        hardware_id: String = "string hardware_id";
        /// In numbers.
        values: Vec<KeyValue> = "diagnostic_msgs/KeyValue[] values", part KeyValue;
    }
}

message! {
    /// How several parts do.
    DiagnosticArray = "diagnostic_msgs/msg/DiagnosticArray" {
        /// When.
        header: Header = "std_msgs/Header header", part Header;
        /// Each.
        status: Vec<DiagnosticStatus> = "diagnostic_msgs/DiagnosticStatus[] status", part DiagnosticStatus;
    }
}
