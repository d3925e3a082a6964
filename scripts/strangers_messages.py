"""Messages of every type that Sinew writes as CDR, decoded by rosbags.

Packages that rosbags knows are decoded by its own definitions, and ours must have the same type hash (RIHS01);
those of control_msgs, vision_msgs, std_srvs and sinew_msgs by the definition that comes with the message.
Usage: strangers_messages.py WRITE_MESSAGES
"""

import json
import subprocess
import sys

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

# A field that is a keyword in Rust has another name there.
RENAMED = {"kind": "type"}


def same(ours, theirs, path, store):
    """Whether JSON and a decoded message hold the same values, to the bit; raises where they do not."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            field = key if hasattr(theirs, key) else RENAMED.get(key, key)
            same(value, getattr(theirs, field), f"{path}.{field}", store)
        n_ours, n_theirs = len(ours), len(store.fielddefs[theirs.__msgtype__][1])
        assert n_ours == n_theirs, f"{path}: {n_ours} fields, of {n_theirs}"
        return
    if isinstance(ours, list):
        flat = np.array(ours).reshape(-1).tolist() if ours and isinstance(ours[0], list) else ours
        theirs = list(theirs)
        assert len(flat) == len(theirs), f"{path}: {len(flat)} of them, {len(theirs)} decoded"
        for i, (a, b) in enumerate(zip(flat, theirs)):
            same(a, b, f"{path}[{i}]", store)
        return
    theirs = theirs.item() if hasattr(theirs, "item") else theirs
    if path.endswith(".level") and isinstance(theirs, int):
        theirs %= 256  # rosbags reads ROS's `byte`, an octet, with a sign
    assert ours == theirs, f"{path}: {ours!r} was written, {theirs!r} decoded"


def main():
    lines = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
    known = get_typestore(Stores.ROS2_JAZZY)
    taught = get_typestore(Stores.EMPTY)
    theirs, ours, names, hashed = set(), set(), set(), 0
    for line in lines:
        message = json.loads(line)
        name = message["name"].replace("/action/", "/msg/").replace("/srv/", "/msg/")
        if name not in names:
            names.add(name)
            types = get_types_from_msg(message["definition"], name)
            taught.register({k: v for k, v in types.items() if k not in taught.fielddefs})
            for part in types:
                if part in known.fielddefs:
                    assert known.hash_rihs01(part) == taught.hash_rihs01(part), f"{part} is another type there"
            if name == message["name"]:
                # rosbags has no types of services and actions, whose names are in the hash.
                store = known if name in known.fielddefs else taught
                assert store.hash_rihs01(name) == message["hash"], f"{name} has another hash there"
                hashed += 1
        store = known if name in known.fielddefs else taught
        (theirs if store is known else ours).add(name)
        decoded = store.deserialize_cdr(bytes.fromhex(message["cdr"]), name)
        same(message["values"], decoded, message["name"], store)
    assert len(theirs) == 39, f"rosbags knows {sorted(theirs)}"
    assert hashed == 77, f"{hashed} hashes"
    print(
        f"{len(lines)} messages, {len(theirs)} types by rosbags' own definitions with the same type hash, {len(ours)} by ours,"
        f" {hashed} hashes as rosbags makes them"
    )


if __name__ == "__main__":
    main()
