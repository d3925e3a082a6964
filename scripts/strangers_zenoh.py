"""Sinew's topics on Zenoh against other programs: keys, tokens and attachments as rmw_zenoh and zenoh-bridge-ros2dds
have them, written here once more in Python over Zenoh's own wheel, with its own publishers and subscribers for who
comes late; messages and type hashes by rosbags. All on the loopback interface, by a router of Sinew's.
Usage: strangers_zenoh.py ZENOH_PEER
"""

import itertools
import json
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import zenoh
import zenoh.ext as ext
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore

JOINTS = 7
WIDTH, HEIGHT = 640, 480
SECONDS = 5
STORE = get_typestore(Stores.ROS2_JAZZY)
STRING, STATE, IMAGE = "std_msgs/msg/String", "sensor_msgs/msg/JointState", "sensor_msgs/msg/Image"
# As Jazzy announces them; rosbags makes the others.
ANNOUNCED = {
    STRING: "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18",
    STATE: "RIHS01_a13ee3a330e346c9d87b5aa18d24e11690752bd33a0350f11c5882bc9179260e",
}
# What rmw_zenoh writes of a topic's care, and the bridge: sensors, reliable, and reliable for who comes late.
RMW_QOS = {"sensor": "2::,5:,:,:,,", "reliable": "::,10:,:,:,,", "latched": ":1:,1:,:,:,,"}
BRIDGE_QOS = {"sensor": ":0:0:0,5", "reliable": ":1:0:0,10", "latched": ":1:1:0,1"}


class Miss(Exception):
    """Something that is not as it should be."""


def check(is_so, what):
    if not is_so:
        raise Miss(what)


def until(find, what, seconds=30):
    """The first thing found that is not None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = find()
        if found is not None:
            return found
        time.sleep(0.002)
    raise Miss(f"{what}: not within {seconds} s")


class Peer:
    """A part of Sinew's side, in a process of its own."""

    def __init__(self, program, *words):
        command = [program, *words]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def report(self, seconds=60):
        try:
            out, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Miss(f"{self.process.args[3]} does not end") from None
        check(self.process.returncode == 0, f"{self.process.args[3]} ended with {self.process.returncode}")
        return json.loads(out.splitlines()[-1])


def type_hash(name):
    made = STORE.hash_rihs01(name)
    check(ANNOUNCED.get(name, made) == made, f"rosbags has another hash of {name}")
    return made


def wire_name(name):
    package, kind, own = name.split("/")
    return f"{package}::{kind}::dds_::{own}_"


class Rmw:
    """A node of rmw_zenoh's."""

    name = "rmw_zenoh"
    # Where a session stands in a token.
    zid_at = 2

    def __init__(self, router):
        config = zenoh.Config()
        # The default of rmw_zenoh's nodes.
        for key, value in {
            "mode": '"peer"', "connect/endpoints": json.dumps([router]), "listen/endpoints": '["tcp/localhost:0"]',
            "scouting/multicast/enabled": "false", "timestamping/enabled": "true",
        }.items():
            config.insert_json5(key, value)
        self.session = zenoh.open(config)
        self.zid = str(self.session.zid())
        self.ends, self.kept = 0, []
        self.announce_node()

    def announce_node(self):
        self.token(f"@ros2_lv/0/{self.zid}/0/0/NN/%/%/stranger")

    def token(self, key):
        self.kept.append(self.session.liveliness().declare_token(key))

    def key(self, topic, of):
        return f"0{topic}/{wire_name(of)}/{type_hash(of)}"

    def announce(self, kind, topic, of, care):
        self.ends += 1
        whole = topic.replace("/", "%")
        qos = RMW_QOS[care]
        self.token(f"@ros2_lv/0/{self.zid}/0/{self.ends}/{kind}/%/%/stranger/{whole}/{wire_name(of)}/{type_hash(of)}/{qos}")

    def beside(self, number, end):
        """What goes beside a message: its number, and the 16 bytes of who says it."""
        return struct.pack("<qqB", number, time.time_ns(), 16) + bytes([end] * 16)

    def read_beside(self, sample, numbers):
        beside = bytes(sample.attachment)
        check(len(beside) == 33 and beside[16] == 16, f"an attachment of {len(beside)} bytes")
        number, said, _ = struct.unpack("<qqB", beside[:17])
        check(abs(time.time_ns() - said) < 30e9, f"said at {said}")
        numbers.append((beside[17:], number))

    def detects(self):
        """What rmw_zenoh's publishers of this kind have: their samples' numbers, told once more when one is missing."""
        return {"sample_miss_detection": ext.MissDetectionConfig(sporadic_heartbeat=0.5)}

    def recovers(self):
        return {"recovery": ext.RecoveryConfig(heartbeat=True)}

    def writer(self, topic, of, care="reliable"):
        key = self.key(topic, of)
        # Nodes of rmw_zenoh drop what the line cannot take; here all but pictures has to arrive.
        lets_go = zenoh.CongestionControl.DROP if care == "sensor" else zenoh.CongestionControl.BLOCK
        more = {"congestion_control": lets_go}
        if care == "latched":
            more |= {"cache": ext.CacheConfig(max_samples=1), "publisher_detection": True} | self.detects()
        out = ext.declare_advanced_publisher(self.session, key, **more)
        self.kept.append(out)
        self.announce("MP", topic, of, care)

        end, numbers = self.ends, itertools.count(1)

        def write(message):
            beside = self.beside(next(numbers), end)
            out.put(bytes(STORE.serialize_cdr(message, of)), **({"attachment": beside} if beside else {}))

        return write

    def reader(self, topic, of, into, care="reliable"):
        numbers = []

        def take(sample):
            self.read_beside(sample, numbers)
            try:
                into.append(STORE.deserialize_cdr(bytes(sample.payload), of))
            except SerdeError:
                into.append(None)

        key = self.key(topic, of)
        if care == "latched":
            history = ext.HistoryConfig(detect_late_publishers=True, max_samples=1)
            more = {"history": history, "subscriber_detection": True} | self.recovers()
            self.kept.append(ext.declare_advanced_subscriber(self.session, key, take, **more))
        else:
            self.kept.append(ext.declare_advanced_subscriber(self.session, key, take))
        self.announce("MS", topic, of, care)
        return numbers

    def tokens(self):
        replies = self.session.liveliness().get("@ros2_lv/0/**")
        return sorted(str(r.ok.key_expr) for r in replies if r.ok and f"/{self.zid}/" not in str(r.ok.key_expr))

    def close(self):
        self.session.close()


class Bridge(Rmw):
    """zenoh-bridge-ros2dds, with a system on DDS behind it."""

    name = "ros2dds"
    zid_at = 1

    def announce_node(self):
        self.token(f"@/{self.zid}/@ros2_lv")

    def key(self, topic, of):
        return topic.removeprefix("/")

    def announce(self, kind, topic, of, care):
        key, of = self.key(topic, of).replace("/", "§"), of.replace("/", "§")
        qos = f"{BRIDGE_QOS[care]}:typehash={type_hash(of.replace('§', '/'))};"
        self.token(f"@/{self.zid}/@ros2_lv/{kind}/{key}/{of}/{qos}")

    def beside(self, number, end):
        return b""

    def read_beside(self, sample, numbers):
        check(sample.attachment is None, "an attachment")
        check(sample.timestamp is not None, "no time")

    def detects(self):
        return {}

    def recovers(self):
        return {}

    def tokens(self):
        replies = self.session.liveliness().get("@/*/@ros2_lv/**")
        return sorted(str(r.ok.key_expr) for r in replies if r.ok and f"/{self.zid}/" not in str(r.ok.key_expr))


def header(k):
    of, stamp = STORE.types["std_msgs/msg/Header"], STORE.types["builtin_interfaces/msg/Time"]
    return of(stamp=stamp(sec=k, nanosec=k), frame_id="base")


def joint_state(k):
    joints = np.arange(JOINTS) / 8
    names = [f"joint{j}" for j in range(JOINTS)]
    return STORE.types[STATE](header(k), names, 1.0 * k + joints, -0.5 * k + joints, np.empty(0))


def image(k):
    data = ((np.arange(3 * WIDTH * HEIGHT) + k) % 256).astype(np.uint8)
    return STORE.types[IMAGE](header(k), HEIGHT, WIDTH, "rgb8", 0, 3 * WIDTH, data)


def description(k):
    return STORE.types[STRING](f'<robot name="number{k}"/>' + " " * 100_000)


def same(one, other, of):
    return bytes(STORE.serialize_cdr(one, of)) == bytes(STORE.serialize_cdr(other, of))


def all_good(messages, make, of, count, what):
    """Whether these are all there, in order, each value as it should be."""
    ks = [m.header.stamp.nanosec for m in messages]
    check(ks == sorted(set(ks)), f"{what} out of order")
    check(all(same(m, make(k), of) for m, k in zip(messages, ks)), f"{what} with another value")
    check(len(ks) >= count, f"{len(ks)} {what} of {count}")
    return len(ks)


def own_tokens(side, of_side, zid):
    """Sinew's node announces itself as one of theirs would."""
    ends = (("/robot_description", STRING, "latched"), ("/joint_states", STATE, "reliable"), ("/camera/image", IMAGE, "sensor"))
    if of_side is Rmw:
        own = f"@ros2_lv/0/{zid}/0"
        wanted = [f"{own}/0/NN/%/%/sinew"] + [
            f"{own}/{n}/MP/%/%/sinew/{topic.replace('/', '%')}/{wire_name(of)}/{type_hash(of)}/{RMW_QOS[care]}"
            for n, (topic, of, care) in enumerate(ends, 1)
        ]
    else:
        wanted = [f"@/{zid}/@ros2_lv"] + [
            f"@/{zid}/@ros2_lv/MP/{topic[1:].replace('/', '§')}/{of.replace('/', '§')}/{BRIDGE_QOS[care]}:typehash={type_hash(of)};"
            for topic, of, care in ends
        ]

    def seen():
        return [token for token in side.tokens() if f"/{zid}/" in token]

    until(lambda: seen() == sorted(wanted) or None, f"tokens {wanted}", 10)


def from_sinew(program, router, of_side, side):
    """Every state and picture that Sinew says arrives; its description, which was said before anybody heard it, too."""
    peer = Peer(program, router, of_side.name, "say", str(SECONDS))
    announced = until(lambda: [t for t in side.tokens() if "/MP/" in t] or None, "tokens")
    zid = announced[0].split("/")[of_side.zid_at]
    time.sleep(1)
    # What was said three times before is got once, and what is said after that.
    texts, states, images = [], [], []
    side.reader("/robot_description", STRING, texts, "latched")
    until(lambda: texts or None, "the description")
    numbers = side.reader("/joint_states", STATE, states)
    side.reader("/camera/image", IMAGE, images, "sensor")
    until(lambda: images or None, "pictures")
    own_tokens(side, of_side, zid)
    said = peer.report()
    time.sleep(0.5)
    check([same(t, description(k), STRING) for t, k in zip(texts, (2, 3))] == [True, True] and len(texts) == 2,
          f"{len(texts)} descriptions: {[t.data[:30] for t in texts]}")
    states = all_good(states, joint_state, STATE, said["joint_states"], "states")
    images = all_good(images, image, IMAGE, said["images"] * 9 // 10, "pictures")
    if of_side is Rmw:
        gids, counted = zip(*numbers)
        check(len(set(gids)) == 1 and list(counted) == list(range(1, len(counted) + 1)), "the numbers beside the states")
    return f"{states} states, {images} of {said['images']} pictures from"


def to_sinew(program, router, of_side, side):
    """Everything that is said arrives at Sinew, the description that was said before it came, too."""
    text = side.writer("/robot_description", STRING, "latched")
    [text(description(k)) for k in range(3)]
    states, images = side.writer("/joint_states", STATE), side.writer("/camera/image", IMAGE, "sensor")
    peer = Peer(program, router, of_side.name, "hear", str(SECONDS))
    until(lambda: [t for t in side.tokens() if "/MS/" in t and "robot_description" in t] or None, "a hearer")
    time.sleep(1)
    begun = time.monotonic()
    for k in range(100 * SECONDS):
        time.sleep(max(0, begun + k / 100 - time.monotonic()))
        states(joint_state(k))
        if k % 10 in (0, 3, 6):
            images(image(k))
    text(description(3))
    heard = peer.report()
    wanted = {"good": 100 * SECONDS, "bad": 0, "last": 100 * SECONDS - 1, "lost": 0, "refused": 0}
    check(heard["joint_states"] == wanted, f"states {heard['joint_states']}")
    pictures = heard["images"]
    check(pictures["bad"] == 0 and pictures["refused"] == 0, f"pictures {pictures}")
    check(pictures["good"] >= 30 * SECONDS * 9 // 10, f"pictures {pictures}")
    check(heard["descriptions"] == [2, 3] and heard["unreadable"] == 0, f"{heard}")
    return f"{wanted['good']} states, {pictures['good']} of {30 * SECONDS} pictures to"


def differ(program, router, of_side, side):
    """A type that does not match is neither heard nor hears, and what is spoilt is refused."""
    writer, others = side.writer("/differs", STRING), []
    side.reader("/differs_too", STRING, others)
    agrees = side.writer("/agrees", STRING)
    peer = Peer(program, router, of_side.name, "differ")
    until(lambda: [t for t in side.tokens() if "/MS/" in t and "agrees" in t] or None, "a hearer")
    payload = bytes(STORE.serialize_cdr(STORE.types[STRING]("spoilt"), STRING))
    key, beside = side.key("/agrees", STRING), side.beside(1, 99)
    spoilt = [(payload[:-4], beside), (payload + bytes(40), beside), (b"", beside), (payload[:3], beside)]
    if of_side is Rmw:
        spoilt += [(payload, beside[:32]), (payload, beside + b"\0"), (payload, beside[:16] + b"\x0f" + beside[17:]), (payload, b"")]
    for spoilt_payload, spoilt_beside in spoilt:
        more = {"attachment": spoilt_beside} if spoilt_beside else {}
        side.session.put(key, spoilt_payload, **more)
    for _ in range(20):
        writer(STORE.types[STRING]("another"))
        time.sleep(0.02)
    agrees(STORE.types[STRING]("the same"))
    # Junk among tokens hides nobody.
    side.token(f"@ros2_lv/0/{side.zid}/0/77/MP/junk" if of_side is Rmw else f"@/{side.zid}/@ros2_lv/MP/junk")
    said = peer.report()
    check(not said["took"] and not said["said_by"] and not said["heard_by"], f"another type is heard: {said}")
    check(said["same_refused"] == len(spoilt), f"{said} of {len(spoilt)} spoilt")
    check(said["unreadable"] == 1, f"{said}: one token is none")
    if of_side is Rmw:
        check(not others and said["refused"] == 0, f"another type goes to another key: {said}")
    else:
        # It has the same key here.
        check(said["refused"] == 20, f"{said}: 20 of another type")
    return f"{len(spoilt)} spoilt refused by"


def main():
    program = sys.argv[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        router = f"tcp/127.0.0.1:{probe.getsockname()[1]}"
    figures, missed = [], []
    for of_side in (Rmw, Bridge):
        passes_on = Peer(program, router, of_side.name, "router")
        for part in (from_sinew, to_sinew, differ):
            try:
                with closing(of_side(router)) as side:
                    figures.append(part(program, router, of_side, side))
                print(f"{of_side.name}: {figures[-1]} Sinew")
            except Miss as miss:
                missed.append(f"{of_side.name} {part.__name__}: {miss}")
                print(f"MISS {missed[-1]}")
        gone = passes_on.report()
        check(gone["unreadable"] == 1, f"the router: {gone}")
    if missed:
        print("; ".join(missed))
        sys.exit(1)
    print(f"topics both ways, rmw_zenoh's and the bridge's: {', '.join(figures)} Sinew")


if __name__ == "__main__":
    main()
