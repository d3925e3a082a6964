//! Package `sinew_msgs`: what nodes say to each other that no standard type says. Times in nanoseconds of the sender's
//! clock, but for those of pictures and statuses: these are the robot's.

use super::{CameraInfo, Image, TransformStamped, message};

message! {
    /// A question that says nothing more.
    Ask = "sinew_msgs/msg/Ask" {
        /// Any number.
        nonce: u64 = "uint64 nonce";
    }
}

message! {
    /// Why a question has no answer.
    Refusal = "sinew_msgs/msg/Refusal" {
        /// What of it is wrong.
        field: String = "string field";
        /// What it should have been.
        expected: String = "string expected";
        /// What it was.
        got: String = "string got";
    }
}

message! {
    /// What was asked is done; or a thing has this number from now on.
    Taken = "sinew_msgs/msg/Taken" {
        /// Of a lease, or a motion.
        id: u64 = "uint64 id";
    }
}

message! {
    /// What a clock shows.
    Clock = "sinew_msgs/msg/Clock" {
        /// Nanoseconds since it began.
        now: i64 = "int64 now";
    }
}

message! {
    /// Who a node is.
    About = "sinew_msgs/msg/About" {
        /// Its role.
        role: String = "string role";
        /// The program's version.
        version: String = "string version";
        /// The machine it runs on.
        machine: String = "string machine";
        /// What it offers, a line each.
        offers: Vec<String> = "string[] offers";
        /// For how long it has run, seconds.
        up_s: f64 = "float64 up_s";
    }
}

message! {
    /// A request for a session, signed with the secret of the roles.
    SessionRequest = "sinew_msgs/msg/SessionRequest" {
        /// Whose.
        role: String = "string role";
        /// The node, whose clock is asked.
        node: u64 = "uint64 node";
        /// Drawn at random.
        nonce: u64 = "uint64 nonce";
    }
}

message! {
    /// A session.
    SessionOpened = "sinew_msgs/msg/SessionOpened" {
        /// Its number: the sender of what is said in it.
        session: u64 = "uint64 session";
        /// Over nonce and session, by the same secret.
        tag: [u8; 16] = "uint8[16] tag";
    }
}

message! {
    /// A claim of joint groups.
    Claim = "sinew_msgs/msg/Claim" {
        /// `arm`, `gripper` or `all`.
        groups: String = "string groups";
        /// How long its owner may be silent, seconds; 0 for as long as is usual.
        deadline_s: f64 = "float64 deadline_s";
        /// For whom: empty for who asks, or somebody of lower rank, `policy`, `script` or `planner`.
        owner: String = "string owner";
    }
}

message! {
    /// A lease: given back, or its owner alive at a time.
    Lease = "sinew_msgs/msg/Lease" {
        /// Its number.
        lease: u64 = "uint64 lease";
        /// When.
        at: i64 = "int64 at";
    }
}

message! {
    /// A motion, under a lease.
    Order = "sinew_msgs/msg/Order" {
        /// Under which lease.
        lease: u64 = "uint64 lease";
        /// Grows from order to order of a lease.
        sequence: u64 = "uint64 sequence";
        /// The world it was made for.
        stamp: i64 = "int64 stamp";
        /// Not before.
        valid_from: i64 = "int64 valid_from";
        /// Not after.
        expires: i64 = "int64 expires";
        /// `follow`, `chunk`, `velocity`, `twist`, `joints`, `pose`, `grip`, `comply` or `hold`.
        kind: String = "string kind";
        /// Joints that each point has.
        n_joints: u32 = "uint32 n_joints";
        /// Of each point of a trajectory, seconds.
        times: Vec<f64> = "float64[] times";
        /// Positions (or velocities) of the joints, point by point, rad (m).
        q: Vec<f64> = "float64[] q";
        /// Velocities, as `q`.
        dq: Vec<f64> = "float64[] dq";
        /// Accelerations, as `q`.
        ddq: Vec<f64> = "float64[] ddq";
        /// `chunk`: its period, s; where it moves the gripper, force, N, and a width for each point, m. `twist`: linear,
        /// angular, m/s, rad/s. `pose`: x y z, m, and x y z w. `grip`: width, m, force, N. `comply`: see there.
        numbers: Vec<f64> = "float64[] numbers";
        /// Axes of a twist or a compliance: `world` or `tool`; of a compliance also `stiff` or `joints`.
        axes: String = "string axes";
    }
}

message! {
    /// A solid.
    Solid = "sinew_msgs/msg/Solid" {
        /// Its name.
        name: String = "string name";
        /// `sphere`, `capsule`, `cylinder`, `cuboid` or `hull`.
        shape: String = "string shape";
        /// Radius; radius and half length; half sides; corners one after the other, m.
        sizes: Vec<f64> = "float64[] sizes";
        /// Of a hull, corners of its triangles.
        triangles: Vec<u32> = "uint32[] triangles";
        /// Where it is, x y z, m.
        position: [f64; 3] = "float64[3] position";
        /// How it is turned, x y z w.
        rotation: [f64; 4] = "float64[4] rotation";
        /// How far the arm keeps from it, m.
        keep_m: f64 = "float64 keep_m";
        /// How fast it may come nearer, m/s.
        speed_m_s: f64 = "float64 speed_m_s";
    }
}

message! {
    /// What stands and moves around the arm.
    World = "sinew_msgs/msg/World" {
        /// When it was so.
        stamp: i64 = "int64 stamp";
        /// Until when that counts.
        expires: i64 = "int64 expires";
        /// In the world's frame.
        things: Vec<Solid> = "sinew_msgs/Solid[] things", part Solid;
        /// In the tool's frame, one at most.
        held: Vec<Solid> = "sinew_msgs/Solid[] held", part Solid;
    }
}

message! {
    /// A number that is asked for: the category of a stop, the part of its speed at which the arm runs.
    Number = "sinew_msgs/msg/Number" {
        /// The number.
        value: f64 = "float64 value";
        /// When, where that counts.
        at: i64 = "int64 at";
    }
}

message! {
    /// The loop's newest tick.
    Status = "sinew_msgs/msg/Status" {
        /// Its time.
        now: i64 = "int64 now";
        /// How many there were.
        ticks: u64 = "uint64 ticks";
        /// The mode, in words.
        mode: String = "string mode";
        /// Why it is so, as JSON.
        cause: String = "string cause";
        /// Whether the robot could be read, and when it was as follows.
        known: bool = "bool known";
        /// See `known`.
        measured: i64 = "int64 measured";
        /// rad (m)
        q: Vec<f64> = "float64[] q";
        /// rad/s (m/s)
        dq: Vec<f64> = "float64[] dq";
        /// N·m (N)
        tau: Vec<f64> = "float64[] tau";
        /// Opening, m; its rate, m/s; force of a finger, N.
        gripper: [f64; 3] = "float64[3] gripper";
        /// Until when the command counts, and whether the motors have power.
        expires: i64 = "int64 expires";
        /// See `expires`.
        enabled: bool = "bool enabled";
        /// Commanded positions.
        told_q: Vec<f64> = "float64[] told_q";
        /// Commanded velocities.
        told_dq: Vec<f64> = "float64[] told_dq";
        /// Commanded accelerations.
        told_ddq: Vec<f64> = "float64[] told_ddq";
        /// Commanded torques.
        told_tau: Vec<f64> = "float64[] told_tau";
        /// Commanded opening, m, and force, N.
        told_gripper: [f64; 2] = "float64[2] told_gripper";
        /// The motion under way; 0 for none.
        motion: u64 = "uint64 motion";
        /// How far along it, 0 to 1; the part of its speed at which it runs.
        progress: [f64; 2] = "float64[2] progress";
        /// Why that is less than it was to be, as JSON; null where it is not.
        slow: String = "string slow";
        /// Torques of the world on the arm, N·m (N).
        external: Vec<f64> = "float64[] external";
        /// Force, N, and moment, N·m, at the tool, world axes.
        wrench: [f64; 6] = "float64[6] wrench";
        /// What the hand carries: kg, and where, m.
        payload: [f64; 4] = "float64[4] payload";
    }
}

message! {
    /// What the loop tells.
    Report = "sinew_msgs/msg/Report" {
        /// Counts up by one.
        number: u64 = "uint64 number";
        /// What, as JSON.
        json: String = "string json";
    }
}

message! {
    /// A picture with all that it takes to place it in the room.
    Picture = "sinew_msgs/msg/Picture" {
        /// Counts up by one per camera.
        sequence: u64 = "uint64 sequence";
        /// What identifies the device.
        identity: String = "string identity";
        /// Colours.
        colours: Image = "sensor_msgs/Image colours", part Image;
        /// Depth, one or none.
        depth: Vec<Image> = "sensor_msgs/Image[] depth", part Image;
        /// The lens.
        lens: CameraInfo = "sensor_msgs/CameraInfo lens", part CameraInfo;
        /// Where the camera was.
        pose: TransformStamped = "geometry_msgs/TransformStamped pose", part TransformStamped;
    }
}

message! {
    /// A question to a model.
    Question = "sinew_msgs/msg/Question" {
        /// The camera of the picture it is shown; empty for none.
        camera: String = "string camera";
        /// The picture's stamp.
        pictured: i64 = "int64 pictured";
        /// The picture itself, where the model has not got it; one or none. Of a question about what came of something, the
        /// one from before and the one from after.
        picture: Vec<Picture> = "sinew_msgs/Picture[] picture", part Picture;
        /// The words.
        sentence: String = "string sentence";
        /// What may be proposed, as JSON; empty where everything may.
        offer: String = "string offer";
        /// For how long an answer is of use, s.
        limit_s: f64 = "float64 limit_s";
    }
}

message! {
    /// What came of it.
    Answer = "sinew_msgs/msg/Answer" {
        /// Which weights.
        model: String = "string model";
        /// The answer as JSON; empty where there is none.
        answer: String = "string answer";
        /// Why there is none: `absent` (the picture is), `timeout`, `declined`, `unusable`, `refused`.
        failure: String = "string failure";
        /// ... in words.
        why: String = "string why";
        /// Calls of a language model in it, as JSON.
        calls: String = "string calls";
    }
}

message! {
    /// A sentence to be carried out.
    Goal = "sinew_msgs/msg/Goal" {
        /// The sentence.
        sentence: String = "string sentence";
        /// Answers to questions, in order.
        answers: Vec<String> = "string[] answers";
        /// Whether the person stays and answers what else is asked.
        can_be_asked: bool = "bool can_be_asked";
    }
}

message! {
    /// What a person answers to the question of a run that waits for it.
    Reply = "sinew_msgs/msg/Reply" {
        /// The number that the run was given.
        run: u64 = "uint64 run";
        /// The answer.
        text: String = "string text";
    }
}
