// OMPL's RRT-Connect with FCL's collision checks as a peer of `sinew bench`. Reads commands from stdin, one per
// line, answers on stdout.
//
//   robot BODIES GEOMS PAIRS   the arm (see arm.hpp); all its joints are planned for
//   limits N                   followed by N lower and N upper limits, raw doubles
//   problem N                  followed by N solids, then start and goal, raw doubles
//   solve SEED STEP SECONDS    plans, motions looked at in steps of so much of the joint that moves most; answers
//                              "N SEARCH_NANOSECONDS SIMPLIFYING_NANOSECONDS", CPU time, and the N corners of the
//                              simplified path, raw doubles; N is 0 when none was found in time
//   free                       answers "START GOAL": 1 when it is free
#include "arm.hpp"

#include <fcl/broadphase/broadphase_dynamic_AABB_tree.h>
#include <fcl/narrowphase/collision.h>
#include <ompl/base/spaces/RealVectorStateSpace.h>
#include <ompl/geometric/SimpleSetup.h>
#include <ompl/geometric/planners/rrt/RRTConnect.h>
#include <ompl/util/RandomNumbers.h>

#include <memory>
#include <sstream>
#include <string>

namespace ob = ompl::base;
namespace og = ompl::geometric;

static Robot robot;
static std::vector<std::unique_ptr<fcl::CollisionObjectd>> parts, obstacles;
static fcl::DynamicAABBTreeCollisionManagerd world;
// Pairs of bodies that are compared, each with its pairs of geoms.
static std::vector<std::pair<std::pair<int, int>, std::vector<std::pair<int, int>>>> pairs;
static std::vector<fcl::AABBd> boxes;
static std::vector<double> lower, upper, start, goal;
static double step = 0.04;

static std::shared_ptr<fcl::CollisionGeometryd> shape_of(const Solid &s) {
  if (s.kind == 0) return std::make_shared<fcl::Sphered>(s.size[0]);
  if (s.kind == 1) return std::make_shared<fcl::Capsuled>(s.size[0], 2 * s.size[1]);
  if (s.kind == 2) return std::make_shared<fcl::Cylinderd>(s.size[0], 2 * s.size[1]);
  return std::make_shared<fcl::Boxd>(2 * s.size[0], 2 * s.size[1], 2 * s.size[2]);
}

static bool touches(fcl::CollisionObjectd *a, fcl::CollisionObjectd *b) {
  fcl::CollisionRequestd request;
  fcl::CollisionResultd result;
  return fcl::collide(a, b, request, result) > 0;
}

static bool meets(fcl::CollisionObjectd *a, fcl::CollisionObjectd *b, void *hit) {
  *static_cast<bool *>(hit) = touches(a, b);
  return *static_cast<bool *>(hit);
}

static bool is_free(const double *q) {
  place(robot, q);
  for (auto &box : boxes) box = fcl::AABBd();
  for (size_t i = 0; i < parts.size(); i++) {
    parts[i]->setTransform(robot.geom_at[i]);
    parts[i]->computeAABB();
    boxes[size_t(robot.geoms[i].body)] += parts[i]->getAABB();
  }
  for (size_t i = parts.size(); i-- > 0;) {
    bool hit = false;
    if (robot.geoms[i].meets_obstacles) world.collide(parts[i].get(), &hit, meets);
    if (hit) return false;
  }
  for (const auto &[bodies, of] : pairs) {
    if (!boxes[size_t(bodies.first)].overlap(boxes[size_t(bodies.second)])) continue;
    for (auto [i, j] : of)
      if (parts[size_t(i)]->getAABB().overlap(parts[size_t(j)]->getAABB()) &&
          touches(parts[size_t(i)].get(), parts[size_t(j)].get()))
        return false;
  }
  return true;
}

// Motions are looked at as often as the other side looks.
struct Space : ob::RealVectorStateSpace {
  using ob::RealVectorStateSpace::RealVectorStateSpace;
  unsigned int validSegmentCount(const ob::State *a, const ob::State *b) const override {
    const double *x = a->as<StateType>()->values, *y = b->as<StateType>()->values;
    double widest = 0;
    for (unsigned int i = 0; i < getDimension(); i++) widest = std::max(widest, std::abs(x[i] - y[i]));
    return std::max(1u, unsigned(std::ceil(widest / step)));
  }
};

static void solve(double seconds) {
  const unsigned n = unsigned(lower.size());
  auto space = std::make_shared<Space>(n);
  ob::RealVectorBounds bounds(n);
  bounds.low = lower;
  bounds.high = upper;
  space->setBounds(bounds);
  og::SimpleSetup setup(space);
  setup.setStateValidityChecker(
      [](const ob::State *s) { return is_free(s->as<ob::RealVectorStateSpace::StateType>()->values); });
  ob::ScopedState<> from(space), to(space);
  for (unsigned i = 0; i < n; i++) from[i] = start[i], to[i] = goal[i];
  setup.setStartAndGoalStates(from, to);
  auto planner = std::make_shared<og::RRTConnect>(setup.getSpaceInformation());
  setup.setPlanner(planner);
  setup.setup();
  const double before = now_ns(CLOCK_THREAD_CPUTIME_ID);
  const bool found = setup.solve(seconds) == ob::PlannerStatus::EXACT_SOLUTION;
  const double search = now_ns(CLOCK_THREAD_CPUTIME_ID) - before;
  if (!found) {
    std::cout << "0 " << search << " 0" << std::endl;
    return;
  }
  const double again = now_ns(CLOCK_THREAD_CPUTIME_ID);
  setup.simplifySolution();
  const double simplifying = now_ns(CLOCK_THREAD_CPUTIME_ID) - again;
  auto &path = setup.getSolutionPath();
  std::cout << path.getStateCount() << " " << search << " " << simplifying << std::endl;
  for (const auto *s : path.getStates())
    std::cout.write(reinterpret_cast<const char *>(s->as<ob::RealVectorStateSpace::StateType>()->values),
                    std::streamsize(n * sizeof(double)));
  std::cout.flush();
}

int main() {
  std::ios::sync_with_stdio(false);
  ompl::msg::setLogLevel(ompl::msg::LOG_ERROR);
  bool is_seeded = false;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "robot") {
      size_t n_bodies, n_geoms, n_pairs;
      words >> n_bodies >> n_geoms >> n_pairs;
      robot = take_robot(n_bodies, n_geoms, n_pairs);
      parts.clear();
      for (const auto &g : robot.geoms) parts.push_back(std::make_unique<fcl::CollisionObjectd>(shape_of(g.solid)));
      boxes.resize(n_bodies);
      pairs.clear();
      for (auto [i, j] : robot.pairs) {
        const std::pair<int, int> bodies{robot.geoms[size_t(i)].body, robot.geoms[size_t(j)].body};
        if (pairs.empty() || pairs.back().first != bodies) pairs.push_back({bodies, {}});
        pairs.back().second.push_back({i, j});
      }
      std::cout << "ompl " << OMPL_VERSION << " fcl " << FCL_VERSION << std::endl;
    } else if (command == "limits") {
      size_t n;
      words >> n;
      lower = take(n);
      upper = take(n);
      std::cout << "ok" << std::endl;
    } else if (command == "problem") {
      size_t n;
      words >> n;
      world.clear();
      obstacles.clear();
      for (size_t i = 0; i < n; i++) {
        const Solid s = take_solid();
        obstacles.push_back(std::make_unique<fcl::CollisionObjectd>(shape_of(s), s.pose));
        obstacles.back()->computeAABB();
        world.registerObject(obstacles.back().get());
      }
      world.setup();
      start = take(lower.size());
      goal = take(lower.size());
      std::cout << "ok" << std::endl;
    } else if (command == "free") {
      std::cout << is_free(start.data()) << " " << is_free(goal.data()) << std::endl;
    } else if (command == "solve") {
      unsigned seed;
      double seconds;
      words >> seed >> step >> seconds;
      // OMPL takes one seed per process.
      if (!is_seeded) ompl::RNG::setSeed(seed);
      is_seeded = true;
      solve(seconds);
    } else {
      std::cerr << "no such command: " << command << std::endl;
      return 2;
    }
  }
}
