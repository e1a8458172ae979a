// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pjrt/event.h"

#include <condition_variable>
#include <mutex>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/call.h"

namespace cordata::runtime {
namespace {

struct Notice {
  const Plugin* plugin;
  std::function<void(const std::string&)> done;
};

void notify(PJRT_Error* error, void* user) {
  std::unique_ptr<Notice> notice(static_cast<Notice*>(user));
  notice->done(error ? notice->plugin->take_message(error) : std::string());
}

// What a waiting thread shares with the plugin's thread; the latter may outlive the wait.
struct Wait {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::string error;
};

}  // namespace

void EventDeleter::operator()(PJRT_Event* event) const {
  auto args = pjrt::args<PJRT_Event_Destroy_Args>();
  args.event = event;
  if (PJRT_Error* error = plugin->api().PJRT_Event_Destroy(&args)) plugin->take_message(error);
}

bool Event::ready() const {
  if (!event_) return true;
  const Plugin& plugin = *event_.get_deleter().plugin;
  auto args = pjrt::args<PJRT_Event_IsReady_Args>();
  args.event = event_.get();
  plugin.check(plugin.api().PJRT_Event_IsReady(&args), "ask whether an event is ready");
  return args.is_ready;
}

void Event::on_ready(std::function<void(const std::string&)> done) const {
  if (!event_) return done("");
  const Plugin& plugin = *event_.get_deleter().plugin;
  auto notice = std::make_unique<Notice>(Notice{&plugin, std::move(done)});
  auto args = pjrt::args<PJRT_Event_OnReady_Args>();
  args.event = event_.get();
  args.callback = notify;
  args.user_arg = notice.get();
  plugin.check(plugin.api().PJRT_Event_OnReady(&args), "ask to be told of an event");
  notice.release();
}

void Event::await(Deadline deadline, std::string_view what) const {
  if (!event_) return;
  const Plugin& plugin = *event_.get_deleter().plugin;
  if (ready()) {  // the usual case: no allocation, no lock
    auto args = pjrt::args<PJRT_Event_Error_Args>();
    args.event = event_.get();
    return plugin.check(plugin.api().PJRT_Event_Error(&args), what);
  }
  auto wait = std::make_shared<Wait>();
  on_ready([wait](const std::string& error) {
    std::lock_guard lock(wait->mutex);
    wait->done = true;
    wait->error = error;
    wait->changed.notify_all();
  });
  std::unique_lock lock(wait->mutex);
  if (!wait->changed.wait_until(lock, deadline.when(), [&] { return wait->done; })) {
    throw base::environment_error(
        "[runtime.pjrt] could not {}: the device did not finish before the deadline", what);
  }
  if (!wait->error.empty())
    throw base::environment_error("[runtime.pjrt] could not {}: {}", what, wait->error);
}

}  // namespace cordata::runtime
