//! Package `sinew_msgs`: what no standard type says.

use super::{Time, message};

message! {
    /// What other threads had left for a tick of the control loop.
    Requests = "sinew_msgs/msg/Requests" {
        /// Requests taken from the inbox.
        taken: u32 = "uint32 taken";
        /// The stop flag: 0 none, else category two, one, zero as 1, 2, 3.
        stop: u8 = "uint8 stop";
        /// The component that panicked; 0 for none.
        panicked: u8 = "uint8 panicked";
        /// When the owners of arm and gripper last said that they live, nanoseconds.
        alive: [i64; 2] = "int64[2] alive";
        /// The part of their own speed at which motions run.
        slow: f64 = "float64 slow";
        /// The loop was told to end.
        shut_down: bool = "bool shut_down";
        /// The motors had power before the first tick, which is this one.
        live: bool = "bool live";
    }
}

message! {
    /// What guards the loop from outside.
    Guard = "sinew_msgs/msg/Guard" {
        /// When the emergency stop's line was read last, nanoseconds.
        line_read: i64 = "int64 line_read";
        /// Whether it was open since.
        line_opened: bool = "bool line_opened";
        /// When the watchdog last stroked the robot, nanoseconds.
        stroked: i64 = "int64 stroked";
    }
}

message! {
    /// One tick of the control loop: what it consumed and what it decided.
    Tick = "sinew_msgs/msg/Tick" {
        /// The time that it was given.
        stamp: Time = "builtin_interfaces/Time stamp", part Time;
        /// Counts up by one.
        tick: u64 = "uint64 tick";
        /// Whether the robot could be read, and when it was as follows.
        known: bool = "bool known";
        /// See `known`.
        measured: Time = "builtin_interfaces/Time measured", part Time;
        /// Measured positions, rad (m).
        q: Vec<f64> = "float64[] q";
        /// Measured velocities.
        dq: Vec<f64> = "float64[] dq";
        /// Measured torques.
        tau: Vec<f64> = "float64[] tau";
        /// Measured opening of the gripper, m; its rate, m/s; force of a finger, N.
        gripper: [f64; 3] = "float64[3] gripper";
        /// What was asked.
        requests: Requests = "sinew_msgs/Requests requests", part Requests;
        /// What guards it.
        guard: Guard = "sinew_msgs/Guard guard", part Guard;
        /// Whether the motors have power, and until when the command counts.
        enabled: bool = "bool enabled";
        /// See `enabled`.
        expires: Time = "builtin_interfaces/Time expires", part Time;
        /// Commanded positions.
        told_q: Vec<f64> = "float64[] told_q";
        /// Commanded velocities.
        told_dq: Vec<f64> = "float64[] told_dq";
        /// Commanded accelerations.
        told_ddq: Vec<f64> = "float64[] told_ddq";
        /// Commanded torques.
        told_tau: Vec<f64> = "float64[] told_tau";
        /// Commanded opening of the gripper, m, and force, N.
        told_gripper: [f64; 2] = "float64[2] told_gripper";
        /// The loop's mode, in words.
        mode: String = "string mode";
        /// The motion under way; 0 for none.
        motion: u64 = "uint64 motion";
    }
}

message! {
    /// One question to a model, and what came of it.
    ModelCall = "sinew_msgs/msg/ModelCall" {
        /// When it was asked.
        stamp: Time = "builtin_interfaces/Time stamp", part Time;
        /// Which weights.
        model: String = "string model";
        /// What for, and the version of the prompt.
        role: String = "string role";
        /// The words it was asked.
        sentence: String = "string sentence";
        /// The camera of the picture it was shown, and the picture's stamp; empty for none.
        camera: String = "string camera";
        /// See `camera`.
        pictured: Time = "builtin_interfaces/Time pictured";
        /// Hash of that picture.
        picture: String = "string picture";
        /// Of a question about what came of something: the stamp of the picture of the same camera from before it, and its
        /// hash; empty for none.
        before_pictured: Time = "builtin_interfaces/Time before_pictured";
        /// See `before_pictured`.
        before_picture: String = "string before_picture";
        /// What it answered, as JSON; empty where it did not.
        answer: String = "string answer";
        /// Why it did not.
        failure: String = "string failure";
        /// Calls of a language model in it, as JSON: prompts, pictures, manner of choosing tokens, costs, answers as they came.
        /// Where there are none nobody was asked in words, and there was nothing to choose by a seed.
        calls: String = "string calls";
        /// How long it took, seconds of wall time; 0 in lockstep.
        latency_s: f64 = "float64 latency_s";
    }
}

message! {
    /// What the mission consumed otherwise, in order.
    Consumed = "sinew_msgs/msg/Consumed" {
        /// When the last of it was.
        stamp: Time = "builtin_interfaces/Time stamp", part Time;
        /// Each in a line.
        lines: String = "string lines";
    }
}
