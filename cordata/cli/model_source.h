// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/step/train_step.h"

namespace cordata::cli {

// What a <model> on the command line is: a zoo name with overrides, a train step directory, or a module file.
enum class SourceKind : uint8_t { kZoo, kDirectory, kModule };

// Throws a user error that names the nearest model, or says what is wrong with the path.
SourceKind source_kind(const std::string& spec);

// The train step of a zoo name or directory. Throws a user error for a module file, naming `verb`, and with
// `values` where it has no initial values.
step::TrainStep load_step(const std::string& spec, std::string_view verb, bool values = false);

inline constexpr std::string_view kModelHelp =
    "Zoo name with overrides (gpt:layers=4,hidden=256), or train step directory";

}  // namespace cordata::cli
