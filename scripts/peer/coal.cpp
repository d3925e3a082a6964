// coal as a peer of `sinew bench`: is an arm free of what stands around it and of itself? Reads commands from
// stdin, one per line, answers on stdout.
//
//   robot BODIES GEOMS PAIRS   the arm (see arm.hpp)
//   obstacles N                followed by N solids
//   margins M OWN              what obstacles and parts of the arm are to keep, metres
//   states N JOINTS            followed by N times all joints, raw doubles
//   check                      answers with N numbers, raw doubles: 1 free, 0 not
//   least I                    what is left above its margin between the nearest two in state I, one raw double
//   block KIND MS              goes through the states for so long; answers "COUNT CPU_NANOSECONDS"
//
// KIND: tree (coal's dynamic tree of boxes over the obstacles) or boxes (every pair's boxes first).
#include "arm.hpp"

#include <coal/broadphase/broadphase_dynamic_AABB_tree.h>
#include <coal/collision.h>
#include <coal/distance.h>
#include <coal/shape/geometric_shapes.h>

#include <memory>
#include <sstream>
#include <string>

static Robot robot;
static std::vector<coal::CollisionObject> parts, obstacles;
static coal::DynamicAABBTreeCollisionManager tree;
static double margin = 0, own_margin = 0;
static std::vector<std::vector<double>> states;

static std::shared_ptr<coal::CollisionGeometry> shape_of(const Solid &s) {
  std::shared_ptr<coal::ShapeBase> shape;
  if (s.kind == 0) shape = std::make_shared<coal::Sphere>(s.size[0]);
  else if (s.kind == 1) shape = std::make_shared<coal::Capsule>(s.size[0], 2 * s.size[1]);
  else if (s.kind == 2) shape = std::make_shared<coal::Cylinder>(s.size[0], 2 * s.size[1]);
  else shape = std::make_shared<coal::Box>(2 * s.size[0], 2 * s.size[1], 2 * s.size[2]);
  shape->computeLocalAABB();
  return shape;
}

static coal::Transform3s transform(const Pose &p) { return coal::Transform3s(p.linear(), p.translation()); }

static bool touches(const coal::CollisionObject &a, const coal::CollisionObject &b, double keep) {
  coal::CollisionRequest request(coal::NO_REQUEST, 1);
  request.security_margin = keep;
  // Only whether, not how far: the search may end early.
  request.distance_upper_bound = keep + 1e-6;
  coal::CollisionResult result;
  return coal::collide(&a, &b, request, result) > 0;
}

struct Meets : coal::CollisionCallBackBase {
  bool hit = false;
  bool collide(coal::CollisionObject *a, coal::CollisionObject *b) override {
    hit = touches(*a, *b, margin);
    return hit;
  }
};

static void place_parts(const double *q) {
  place(robot, q);
  for (size_t i = 0; i < parts.size(); i++) {
    parts[i].setTransform(transform(robot.geom_at[i]));
    parts[i].computeAABB();
  }
}

static bool is_free(const double *q, bool by_tree) {
  place_parts(q);
  const coal::Vec3s wider = coal::Vec3s::Constant(margin), own_wider = coal::Vec3s::Constant(own_margin);
  // The gripper first: it is what meets things.
  for (size_t i = parts.size(); i-- > 0;) {
    if (!robot.geoms[i].meets_obstacles) continue;
    const coal::AABB own = parts[i].getAABB();
    coal::AABB &box = parts[i].getAABB();
    box.expand(wider);
    if (by_tree) {
      Meets meets;
      meets.init();
      tree.collide(&parts[i], &meets);
      if (meets.hit) return false;
    } else {
      for (auto &o : obstacles)
        if (box.overlap(o.getAABB()) && touches(parts[i], o, margin)) return false;
    }
    box = own;
  }
  for (auto [i, j] : robot.pairs) {
    coal::AABB box = parts[size_t(i)].getAABB();
    box.expand(own_wider);
    if (box.overlap(parts[size_t(j)].getAABB()) && touches(parts[size_t(i)], parts[size_t(j)], own_margin))
      return false;
  }
  return true;
}

static double least(const double *q) {
  place_parts(q);
  double least = 1e300;
  auto lower = [&](const coal::CollisionObject &a, const coal::CollisionObject &b, double keep) {
    coal::DistanceRequest request(true, true);
    coal::DistanceResult result;
    least = std::min(least, coal::distance(&a, &b, request, result) - keep);
  };
  for (size_t i = 0; i < parts.size(); i++)
    if (robot.geoms[i].meets_obstacles)
      for (auto &o : obstacles) lower(parts[i], o, margin);
  for (auto [i, j] : robot.pairs) lower(parts[size_t(i)], parts[size_t(j)], own_margin);
  return least;
}

static void write(double v) { std::cout.write(reinterpret_cast<const char *>(&v), sizeof v); }

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "robot") {
      size_t bodies, geoms, pairs;
      words >> bodies >> geoms >> pairs;
      robot = take_robot(bodies, geoms, pairs);
      parts.clear();
      for (const auto &g : robot.geoms) parts.emplace_back(shape_of(g.solid));
      std::cout << "coal " << COAL_VERSION << std::endl;
    } else if (command == "obstacles") {
      size_t n;
      words >> n;
      tree.clear();
      obstacles.clear();
      obstacles.reserve(n);
      for (size_t i = 0; i < n; i++) {
        const Solid s = take_solid();
        obstacles.emplace_back(shape_of(s), transform(s.pose));
        obstacles.back().computeAABB();
      }
      for (auto &o : obstacles) tree.registerObject(&o);
      tree.setup();
      std::cout << "ok" << std::endl;
    } else if (command == "margins") {
      words >> margin >> own_margin;
      std::cout << "ok" << std::endl;
    } else if (command == "states") {
      size_t n, joints;
      words >> n >> joints;
      states.clear();
      for (size_t i = 0; i < n; i++) states.push_back(take(joints));
      std::cout << "ok" << std::endl;
    } else if (command == "check") {
      for (const auto &q : states) write(is_free(q.data(), true) ? 1 : 0);
      std::cout.flush();
    } else if (command == "least") {
      size_t i;
      words >> i;
      write(least(states.at(i).data()));
      std::cout.flush();
    } else if (command == "block") {
      std::string kind;
      double ms;
      words >> kind >> ms;
      const double end = now_ns(CLOCK_MONOTONIC) + 1e6 * ms, before = now_ns(CLOCK_THREAD_CPUTIME_ID);
      size_t count = 0, n_free = 0;
      do {
        for (const auto &q : states) n_free += is_free(q.data(), kind == "tree");
        count += states.size();
      } while (now_ns(CLOCK_MONOTONIC) < end);
      const double spent = now_ns(CLOCK_THREAD_CPUTIME_ID) - before;
      std::cout << count << " " << spent << " " << n_free << std::endl;
    } else {
      std::cerr << "no such command: " << command << std::endl;
      return 2;
    }
  }
}
