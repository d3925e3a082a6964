"""Fetches the source archive of vamp-planner and takes the MotionBenchMaker problems of the Panda out of it, and
its robot file made of balls: `problems.py VERSION FOLDER`. The archive is taken as it is, since `pip download`
would begin to build it."""

import io
import json
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import yaml
from pip._internal.commands.download import DownloadCommand
from pip._vendor.packaging.specifiers import SpecifierSet

PACKAGE = "vamp-planner"
JOINTS = [f"panda_joint{i}" for i in range(1, 8)]
# As scripts/peer/arm.hpp counts them.
KINDS = {"sphere": 0, "cylinder": 2, "box": 3}


def archive(version):
    command = DownloadCommand("download", "")
    options, _ = command.parse_args(["--no-binary", ":all:", PACKAGE])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        found = finder.find_best_candidate(PACKAGE, SpecifierSet(f"=={version}")).best_candidate
        if found is None:
            sys.exit(f"no source archive of {PACKAGE} {version}")
        answer = session.get(found.link.url_without_fragment)
        answer.raise_for_status()
        return answer.content


def matrix(pose):
    x, y, z, w = np.array(pose["orientation"], dtype=float) / np.linalg.norm(pose["orientation"])
    out = np.eye(4)
    out[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    out[:3, 3] = pose["position"]
    return out


def solids(scene):
    for thing in scene["world"]["collision_objects"]:
        base = matrix(thing["pose"]) if "pose" in thing else np.eye(4)
        for primitive, pose in zip(thing["primitives"], thing["primitive_poses"], strict=True):
            at, size = base @ matrix(pose), primitive["dimensions"]
            if primitive["type"] == "cylinder":
                # Height, then radius.
                size = [size[1], size[0] / 2, 0.0]
            elif primitive["type"] == "box":
                size = [s / 2 for s in size]
            else:
                size = [size[0], 0.0, 0.0]
            rows = [*at[:3, :3].flatten(), *at[:3, 3]]
            yield [KINDS[primitive["type"]], *size, *rows]


def request(data):
    state = data["start_state"]["joint_state"]
    start = dict(zip(state["name"], state["position"], strict=True))
    goal = {c["joint_name"]: c["position"] for c in data["goal_constraints"][0]["joint_constraints"]}
    return [start[j] for j in JOINTS], [goal[j] for j in JOINTS]


def main():
    version, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with tarfile.open(fileobj=io.BytesIO(archive(version))) as outer:
        root = outer.getnames()[0].split("/")[0] + "/resources/panda/"
        (folder / "panda.urdf").write_bytes(outer.extractfile(root + "panda_spherized.urdf").read())
        with tarfile.open(fileobj=outer.extractfile(root + "problems.tar.bz2")) as inner:
            for member in filter(tarfile.TarInfo.isfile, inner):
                kind, number = re.fullmatch(r".*/(scene|request)(\d+)\.yaml", member.name).groups()
                name = member.name.split("/")[-2].removesuffix("_panda")
                data = yaml.load(inner.extractfile(member), Loader=loader)
                found.setdefault((name, int(number)), {})[kind] = data
    problems = []
    for (name, number), of in sorted(found.items()):
        start, goal = request(of["request"])
        obstacles = list(solids(of["scene"]))
        problems.append({"name": f"{name} {number}", "start": start, "goal": goal, "obstacles": obstacles})
    (folder / "problems.json").write_text(json.dumps(problems))
    print(f"{len(problems)} problems of {PACKAGE} {version}")


main()
