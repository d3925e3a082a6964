#!/usr/bin/env python3
"""Compares Sinew's mechanics with programs we did not write.

    cargo build --release -p sinew-mechanics --example print_dynamics
    scripts/strangers_mechanics.py target/release/examples/print_dynamics FILE.urdf|FILE.xml ...

URDF is compared with Pinocchio (`pip install pin`), MJCF with MuJoCo (`pip install mujoco`): poses of
all bodies, inverse dynamics, mass matrix, at five states each. Exits 1 when anything differs by more
than 1e-9 of its size.
"""

import math
import subprocess
import sys

import numpy as np

TOLERANCE = 1e-9


def ours(program, path):
    """Joint names and the states that the example prints."""
    text = subprocess.run([program, path], check=True, capture_output=True, text=True).stdout
    joints, states = [], []
    for line in text.splitlines():
        key, *words = line.split()
        if key == "joints":
            joints = words
        elif key == "q":
            states.append({"q": np.array(words, float), "pose": {}})
        elif key == "pose":
            states[-1]["pose"][words[0]] = np.array(words[1:], float)
        elif key != "bodies":
            states[-1][key] = np.array(words, float)
    return joints, states


def by_pinocchio(path, joints):
    import pinocchio as pin

    model = pin.buildModelFromUrdf(path)
    data = model.createData()

    def state(s):
        q, v, a = pin.neutral(model), np.zeros(model.nv), np.zeros(model.nv)
        place = []
        for i, name in enumerate(joints):
            joint = model.joints[model.getJointId(name)]
            place.append(joint.idx_v)
            if joint.nq == 2:
                q[joint.idx_q : joint.idx_q + 2] = math.cos(s["q"][i]), math.sin(s["q"][i])
            else:
                q[joint.idx_q] = s["q"][i]
            v[joint.idx_v], a[joint.idx_v] = s["dq"][i], s["ddq"][i]
        tau = pin.rnea(model, data, q, v, a) + model.damping * v
        mass = pin.crba(model, data, q)
        mass = np.triu(mass) + np.triu(mass, 1).T
        pin.framesForwardKinematics(model, data, q)
        poses = {}
        for i, frame in enumerate(model.frames):
            if frame.type == pin.FrameType.BODY:
                m = data.oMf[i]
                poses[frame.name] = np.concatenate([m.translation, m.rotation.flatten()])
        return tau[place], mass[np.ix_(place, place)], poses

    return state


def by_mujoco(path, joints):
    import mujoco

    model = mujoco.MjModel.from_xml_path(path)
    flags = mujoco.mjtDisableBit
    for flag in (flags.mjDSBL_CONTACT, flags.mjDSBL_LIMIT, flags.mjDSBL_EQUALITY):
        model.opt.disableflags |= flag
    # Sinew's arms stand in its own world: air and gravity are not the file's.
    model.opt.gravity[:] = 0, 0, -9.81
    model.opt.density = model.opt.viscosity = 0
    model.opt.wind[:] = 0
    data = mujoco.MjData(model)
    place = [model.joint(name).dofadr[0] for name in joints]

    def state(s):
        for i, name in enumerate(joints):
            data.qpos[model.joint(name).qposadr[0]] = s["q"][i]
        data.qvel[place], data.qacc[place] = s["dq"], s["ddq"]
        mujoco.mj_inverse(model, data)
        mass = np.zeros((model.nv, model.nv))
        for i, unit in enumerate(np.eye(model.nv)):
            mujoco.mj_mulM(model, data, mass[i], unit)
        poses = {
            model.body(i).name: np.concatenate([data.xpos[i], data.xmat[i]]) for i in range(model.nbody)
        }
        return data.qfrc_inverse[place], mass[np.ix_(place, place)], poses

    return state


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, *paths = sys.argv[1:]
    misses = 0
    for path in paths:
        joints, states = ours(program, path)
        stranger = (by_pinocchio if path.endswith(".urdf") else by_mujoco)(path, joints)
        worst = {"tau": 0.0, "mass": 0.0, "pose": 0.0}
        n_poses = 0
        for s in states:
            tau, mass, poses = stranger(s)
            n = len(joints)
            pairs = [("tau", s["tau"], tau), ("mass", s["mass"].reshape(n, n), mass)]
            pairs += [("pose", s["pose"][k], poses[k]) for k in s["pose"] if k in poses]
            n_poses = len(pairs) - 2
            for key, a, b in pairs:
                worst[key] = max(worst[key], np.abs(a - b).max() / max(1.0, np.abs(b).max()))
        missed = max(worst.values()) > TOLERANCE or n_poses == 0
        misses += missed
        figures = ", ".join(f"{k} {v:.1e}" for k, v in worst.items())
        print(f"{'MISS' if missed else 'ok  '} {path}: {len(joints)} joints, {n_poses} bodies, worst {figures}")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
