// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/directory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"
#include "cordata/step/safetensors.h"

namespace cordata::step {
namespace {

namespace fs = std::filesystem;
using base::environment_error;
using base::user_error;
using json = nlohmann::ordered_json;

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out)
    throw environment_error("[step.directory] can't write {}: {}", path.string(), std::strerror(errno));
}

json read_json(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw user_error("[step.directory] can't read {}: {}; a train step directory holds roles.json", path,
                     std::strerror(errno));
  try {
    return json::parse(in);
  } catch (const nlohmann::json::exception& e) {
    throw user_error("[step.directory] {} is no JSON: {}", path, e.what());
  }
}

bool all_zero(const std::vector<std::byte>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Every value that lives from step to step, once: parameters and states as grad has them, optimizer state as
// apply has it.
struct Living {
  std::vector<Port> ports;
  std::vector<ir::Type> types;

  void add(const std::vector<Port>& from, const ir::Graph& graph, Role role) {
    for (size_t i = 0; i < from.size(); ++i)
      if (from[i].role == role) {
        ports.push_back(from[i]);
        types.push_back(graph.type(graph.args()[i]));
      }
  }
};

Living living(const TrainStep& step, const ir::Graph& grad) {
  Living all;
  all.add(step.apply_args, step.apply, Role::kParam);
  all.add(step.apply_args, step.apply, Role::kOptState);
  all.add(step.grad_args, grad, Role::kState);
  all.add(step.grad_args, grad, Role::kKey);
  return all;
}

void write_initial(const TrainStep& step, const ir::Graph& grad, const std::string& path, uint64_t seed) {
  Living all = living(step, grad);
  std::vector<TensorEntry> entries;
  std::vector<Port> kept;
  for (size_t i = 0; i < all.ports.size(); ++i) {
    const Port& p = all.ports[i];
    if (p.role != Role::kParam && all_zero(step.initial(p.role, p.index, seed).bytes)) continue;
    kept.push_back(p);
    entries.push_back({initial_name(p), all.types[i]});
  }
  SafetensorsWriter out(path, entries, {{"format", "cordata.step/1"}});
  for (const Port& p : kept) out.append(step.initial(p.role, p.index, seed).bytes);
  out.finish();
}

// A directory as it is read: names of the values, so that they can be found in init.safetensors when asked
// for.
struct Opened {
  std::string dir;
  Living values;
  SafetensorsReader initial;
};

HostTensor read_initial(const Opened& opened, Role role, int index) {
  for (size_t i = 0; i < opened.values.ports.size(); ++i) {
    const Port& p = opened.values.ports[i];
    if (p.role != role || p.index != index) continue;
    const ir::Type& type = opened.values.types[i];
    std::string key = initial_name(p);
    const TensorEntry* entry = opened.initial.find(key);
    if (!entry && role == Role::kParam)
      throw user_error("[step.directory] {}/init.safetensors holds no {}", opened.dir, key);
    if (!entry) return {type, std::vector<std::byte>(static_cast<size_t>(type.num_bytes()))};
    if (entry->type != type)
      throw user_error("[step.directory] {}/init.safetensors: {} is {}, the modules want {}", opened.dir, key,
                       to_string(entry->type), to_string(type));
    return {type, opened.initial.read(key)};
  }
  throw base::internal_error("[step.directory] no initial value for {} {}", name(role), index);
}

}  // namespace

std::string grad_file(int64_t microbatch_size, int64_t batch) {
  return microbatch_size == batch ? "grad.mlir" : fmt::format("grad.b{}.mlir", microbatch_size);
}

std::string initial_name(const Port& port) {
  const char* folder = port.role == Role::kParam      ? "params"
                       : port.role == Role::kOptState ? "opt_states"
                       : port.role == Role::kKey      ? "keys"
                                                      : "states";
  return fmt::format("{}/{}", folder, port.name.empty() ? std::to_string(port.index) : port.name);
}

void write_directory(const TrainStep& step, const std::string& dir, uint64_t seed, bool values) {
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed) throw environment_error("[step.directory] can't make {}: {}", dir, failed.message());
  ir::Graph grad;
  for (int64_t size : step.microbatch_sizes) {
    grad = step.grad(size);
    write_text(fs::path(dir) / grad_file(size, step.batch), ir::write_module(grad));
  }
  write_text(fs::path(dir) / "apply.mlir", ir::write_module(step.apply));
  if (step.key) write_text(fs::path(dir) / "key.mlir", ir::write_module(*step.key));
  const fs::path initial = fs::path(dir) / "init.safetensors";
  if (values)
    write_initial(step, grad, initial.string(), seed);
  else
    fs::remove(initial);
  write_text(fs::path(dir) / "roles.json", roles_to_json(step).dump(1) + "\n");
}

TrainStep read_directory(const std::string& dir) {
  TrainStep step;
  fs::path at(dir);
  roles_from_json(read_json((at / "roles.json").string()), (at / "roles.json").string(), step);
  if (step.name.empty()) step.name = at.filename().string();
  std::sort(step.microbatch_sizes.begin(), step.microbatch_sizes.end());
  int64_t batch = step.batch;
  step.grad = [at, batch, sizes = step.microbatch_sizes](int64_t size) {
    if (!std::count(sizes.begin(), sizes.end(), size))
      throw user_error(
          "[step.directory] {} has no grad module for microbatches of {} samples; it has those for {}",
          at.string(), size, fmt::join(sizes, ", "));
    return ir::read_module_file((at / grad_file(size, batch)).string());
  };
  step.apply = ir::read_module_file((at / "apply.mlir").string());
  if (fs::exists(at / "key.mlir")) step.key = ir::read_module_file((at / "key.mlir").string());
  validate(step);
  if (!fs::exists(at / "init.safetensors")) return step;
  auto opened = std::make_shared<Opened>(Opened{dir, living(step, step.grad(step.microbatch_sizes.front())),
                                                SafetensorsReader((at / "init.safetensors").string())});
  step.initial = [opened](Role role, int index, uint64_t) { return read_initial(*opened, role, index); };
  return step;
}

}  // namespace cordata::step
