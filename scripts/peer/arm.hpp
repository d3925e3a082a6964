// What the peers that compare solids share: an arm, what stands around it, and forward kinematics; read from
// stdin as raw doubles. A pose is its rotation by rows, then its translation; a solid is its kind (0 ball,
// 1 capsule, 2 cylinder, 3 box), three sizes (radius; radius and half length; half sides) and its pose.
#pragma once
#include <Eigen/Geometry>

#include <cmath>
#include <ctime>
#include <iostream>
#include <utility>
#include <vector>

using Pose = Eigen::Isometry3d;

struct Body {
  int parent, joint;  // -1: none
  bool slides;
  Pose parent_from_body;
  Eigen::Vector3d axis;
};

struct Solid {
  int kind;
  double size[3];
  Pose pose;
};

struct Geom {
  int body;
  bool meets_obstacles;
  Solid solid;
};

struct Robot {
  std::vector<Body> bodies;
  std::vector<Geom> geoms;
  std::vector<std::pair<int, int>> pairs;  // of geoms
  std::vector<Pose> body_at, geom_at;
};

inline double now_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return 1e9 * double(t.tv_sec) + double(t.tv_nsec);
}

inline std::vector<double> take(size_t n) {
  std::vector<double> v(n);
  std::cin.read(reinterpret_cast<char *>(v.data()), std::streamsize(n * sizeof(double)));
  return v;
}

inline Pose pose_of(const double *v) {
  Pose p = Pose::Identity();
  for (int r = 0; r < 3; r++)
    for (int c = 0; c < 3; c++) p.linear()(r, c) = v[3 * r + c];
  p.translation() = Eigen::Vector3d(v[9], v[10], v[11]);
  return p;
}

inline Solid take_solid() {
  auto v = take(16);
  return {int(v[0]), {v[1], v[2], v[3]}, pose_of(&v[4])};
}

inline Robot take_robot(size_t n_bodies, size_t n_geoms, size_t n_pairs) {
  Robot robot;
  for (size_t i = 0; i < n_bodies; i++) {
    auto v = take(18);
    robot.bodies.push_back({int(v[0]), int(v[1]), v[2] != 0, pose_of(&v[3]), {v[15], v[16], v[17]}});
  }
  for (size_t i = 0; i < n_geoms; i++) {
    auto v = take(2);
    robot.geoms.push_back({int(v[0]), v[1] != 0, take_solid()});
  }
  for (size_t i = 0; i < n_pairs; i++) {
    auto v = take(2);
    robot.pairs.push_back({int(v[0]), int(v[1])});
  }
  robot.body_at.resize(n_bodies);
  robot.geom_at.resize(n_geoms);
  return robot;
}

// Puts bodies and geoms where the joints say.
inline void place(Robot &robot, const double *q) {
  for (size_t i = 0; i < robot.bodies.size(); i++) {
    const Body &b = robot.bodies[i];
    Pose &at = robot.body_at[i];
    at = b.parent < 0 ? b.parent_from_body : robot.body_at[size_t(b.parent)] * b.parent_from_body;
    if (b.joint < 0) continue;
    const double x = q[b.joint];
    if (b.slides) {
      at.translation() += at.linear() * (b.axis * x);
    } else if (b.axis.z() == 1.0) {
      const double s = std::sin(x), c = std::cos(x);
      const Eigen::Vector3d u = at.linear().col(0), v = at.linear().col(1);
      at.linear().col(0) = c * u + s * v;
      at.linear().col(1) = c * v - s * u;
    } else {
      at.linear() = at.linear() * Eigen::AngleAxisd(x, b.axis);
    }
  }
  for (size_t i = 0; i < robot.geoms.size(); i++)
    robot.geom_at[i] = robot.body_at[size_t(robot.geoms[i].body)] * robot.geoms[i].solid.pose;
}
