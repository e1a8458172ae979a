// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cordata/runtime/deadline.h"
#include "cordata/runtime/pjrt/plugin.h"

struct PJRT_Event;

namespace cordata::runtime {

struct EventDeleter {
  const Plugin* plugin;
  void operator()(PJRT_Event* event) const;
};

// Something that will have happened on a device: a buffer that becomes ready, an execution that ends.
class Event {
 public:
  Event() = default;  // has happened
  Event(const Plugin& plugin, PJRT_Event* event) : event_(event, EventDeleter{&plugin}) {}

  bool ready() const;
  // Waits; throws an environment error when it failed or the deadline passed. `what` names it in the error.
  void await(Deadline deadline, std::string_view what) const;
  // Calls `done` (with the error's text, empty if none) on a thread of the plugin when it has happened, or at
  // once.
  void on_ready(std::function<void(const std::string& error)> done) const;

 private:
  std::unique_ptr<PJRT_Event, EventDeleter> event_{nullptr, EventDeleter{nullptr}};
};

}  // namespace cordata::runtime
