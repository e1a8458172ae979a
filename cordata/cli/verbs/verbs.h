// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/cli/verb.h"

namespace cordata::cli {

// One a file: verbs/NAME.cc.
Verb cluster_verb();
Verb devices_verb();
Verb diff_verb();
Verb eval_verb();
Verb explain_verb();
Verb export_verb();
Verb generate_verb();
Verb inspect_verb();
Verb models_verb();
Verb plan_verb();
Verb run_verb();
Verb simulate_verb();
Verb solve_verb();
Verb test_install_verb();
Verb train_verb();
Verb validate_verb();
Verb what_if_verb();

}  // namespace cordata::cli
