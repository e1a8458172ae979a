// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/verbs/verbs.h"

namespace cordata::cli {

std::span<const Verb> verb_table() {
  static const Verb table[] = {
      cluster_verb(),  devices_verb(),      diff_verb(),   eval_verb(),     explain_verb(), export_verb(),
      generate_verb(), inspect_verb(),      models_verb(), plan_verb(),     run_verb(),     simulate_verb(),
      solve_verb(),    test_install_verb(), train_verb(),  validate_verb(), what_if_verb(),
  };
  return table;
}

}  // namespace cordata::cli
