// Pinocchio as a peer of `sinew bench`: reads commands from stdin, one per line, answers on stdout.
//
//   load FILE JOINT...   the robot; all vectors are in the order of these joints
//   states N             followed by N times q, dq, ddq, tau, raw doubles
//   check KIND           answers with N results, raw doubles
//   block KIND MS        runs KIND over the states for so long; answers "COUNT CPU_NANOSECONDS"
//
// KIND: fk (12 numbers per joint: position, then rotation by rows), jacobian (6 rows of the last joint's
// frame, base axes, linear above angular), rnea, crba (n x n), aba, com.
#include <pinocchio/algorithm/aba.hpp>
#include <pinocchio/algorithm/center-of-mass.hpp>
#include <pinocchio/algorithm/crba.hpp>
#include <pinocchio/algorithm/jacobian.hpp>
#include <pinocchio/algorithm/kinematics.hpp>
#include <pinocchio/algorithm/rnea.hpp>
#include <pinocchio/parsers/urdf.hpp>

#include <ctime>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace pin = pinocchio;

struct State {
  Eigen::VectorXd q, v, a, tau;
};

static pin::Model model;
static pin::Data data;
static std::vector<pin::JointIndex> order;
static std::vector<State> states;
static Eigen::MatrixXd jac;

static double now_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return 1e9 * double(t.tv_sec) + double(t.tv_nsec);
}

static void run(const std::string &kind, const State &s) {
  if (kind == "fk") {
    pin::forwardKinematics(model, data, s.q);
  } else if (kind == "jacobian") {
    // The part of it that costs least: ours also turns it to the last joint's point.
    pin::computeJointJacobians(model, data, s.q);
  } else if (kind == "rnea") {
    pin::rnea(model, data, s.q, s.v, s.a);
  } else if (kind == "crba") {
    pin::crba(model, data, s.q);
  } else if (kind == "aba") {
    pin::aba(model, data, s.q, s.v, s.tau);
  } else if (kind == "com") {
    pin::centerOfMass(model, data, s.q);
  } else {
    std::cerr << "no such kind: " << kind << std::endl;
    std::exit(2);
  }
}

static void write(const std::vector<double> &out) {
  std::cout.write(reinterpret_cast<const char *>(out.data()), std::streamsize(out.size() * sizeof(double)));
}

// What `run` left, in the order of the joints that were asked for.
static void result(const std::string &kind, const State &s, std::vector<double> &out) {
  out.clear();
  auto v_of = [](pin::JointIndex j) { return model.joints[j].idx_v(); };
  if (kind == "fk") {
    for (auto j : order) {
      const auto &m = data.oMi[j];
      for (int i = 0; i < 3; i++) out.push_back(m.translation()[i]);
      for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) out.push_back(m.rotation()(r, c));
    }
  } else if (kind == "jacobian") {
    jac.setZero();
    pin::getJointJacobian(model, data, order.back(), pin::LOCAL_WORLD_ALIGNED, jac);
    for (auto j : order)
      for (int r = 0; r < 6; r++) out.push_back(jac(r, v_of(j)));
  } else if (kind == "rnea") {
    for (auto j : order) out.push_back(data.tau[v_of(j)] + model.damping[v_of(j)] * s.v[v_of(j)]);
  } else if (kind == "crba") {
    for (auto j : order)
      for (auto k : order) {
        auto a = std::min(v_of(j), v_of(k)), b = std::max(v_of(j), v_of(k));
        out.push_back(data.M(a, b));
      }
  } else if (kind == "com") {
    for (int i = 0; i < 3; i++) out.push_back(data.com[0][i]);
  } else {
    for (auto j : order) out.push_back(data.ddq[v_of(j)]);
  }
}

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command, kind;
    words >> command;
    if (command == "load") {
      std::string file, name;
      words >> file;
      model = pin::Model();
      pin::urdf::buildModel(file, model);
      data = pin::Data(model);
      jac = Eigen::MatrixXd::Zero(6, model.nv);
      order.clear();
      while (words >> name) {
        if (!model.existJointName(name)) {
          std::cerr << "no such joint: " << name << std::endl;
          return 2;
        }
        order.push_back(model.getJointId(name));
      }
      std::cout << "pinocchio " << PINOCCHIO_VERSION << " " << model.nv << std::endl;
    } else if (command == "states") {
      size_t n;
      words >> n;
      std::vector<double> in(4 * order.size());
      states.clear();
      for (size_t i = 0; i < n; i++) {
        std::cin.read(reinterpret_cast<char *>(in.data()), std::streamsize(in.size() * sizeof(double)));
        State s{pin::neutral(model), Eigen::VectorXd::Zero(model.nv), Eigen::VectorXd::Zero(model.nv),
                Eigen::VectorXd::Zero(model.nv)};
        for (size_t k = 0; k < order.size(); k++) {
          const auto &joint = model.joints[order[k]];
          const double *x = in.data();
          if (joint.nq() == 2) {
            s.q[joint.idx_q()] = std::cos(x[k]);
            s.q[joint.idx_q() + 1] = std::sin(x[k]);
          } else {
            s.q[joint.idx_q()] = x[k];
          }
          s.v[joint.idx_v()] = x[order.size() + k];
          s.a[joint.idx_v()] = x[2 * order.size() + k];
          // Its dynamics know no damping: taken off beforehand.
          s.tau[joint.idx_v()] = x[3 * order.size() + k] - model.damping[joint.idx_v()] * s.v[joint.idx_v()];
        }
        states.push_back(s);
      }
      std::cout << "ok" << std::endl;
    } else if (command == "check") {
      words >> kind;
      std::vector<double> out;
      for (const auto &s : states) {
        run(kind, s);
        result(kind, s, out);
        write(out);
      }
      std::cout.flush();
    } else if (command == "block") {
      double ms;
      words >> kind >> ms;
      const double end = now_ns(CLOCK_MONOTONIC) + 1e6 * ms, before = now_ns(CLOCK_THREAD_CPUTIME_ID);
      size_t count = 0;
      do {
        for (const auto &s : states) run(kind, s);
        count += states.size();
      } while (now_ns(CLOCK_MONOTONIC) < end);
      std::cout << count << " " << now_ns(CLOCK_THREAD_CPUTIME_ID) - before << std::endl;
    } else {
      std::cerr << "no such command: " << command << std::endl;
      return 2;
    }
  }
}
