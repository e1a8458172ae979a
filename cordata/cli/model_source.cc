// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/model_source.h"

#include <filesystem>

#include "cordata/base/error.h"
#include "cordata/models/zoo.h"

namespace cordata::cli {

SourceKind source_kind(const std::string& spec) {
  namespace fs = std::filesystem;
  if (models::is_zoo_name(spec)) return SourceKind::kZoo;
  std::error_code ignored;
  if (fs::is_directory(spec, ignored)) return SourceKind::kDirectory;
  if (fs::exists(spec, ignored)) return SourceKind::kModule;
  if (spec.find('/') != std::string::npos || spec.ends_with(".mlir"))
    throw base::user_error(
        "[cli] wanted a model, a train step directory or a module file, got '{}', which doesn't exist", spec);
  models::parse_model(spec);  // throws: the name is unknown
  throw base::internal_error("[cli] '{}' is no zoo name but parses as one", spec);
}

step::TrainStep load_step(const std::string& spec, std::string_view verb, bool values) {
  switch (source_kind(spec)) {
    case SourceKind::kZoo:
      return models::build_train_step(spec);
    case SourceKind::kDirectory: {
      auto step = step::read_directory(spec);
      if (values && !step.initial)
        throw base::user_error(
            "[cli] cordata {} wants a train step with initial values, {} has no init.safetensors; try "
            "exporting it "
            "with values (without --no-values)",
            verb, spec);
      return step;
    }
    case SourceKind::kModule:
      break;
  }
  throw base::user_error(
      "[cli] cordata {} wants a train step (a zoo name or a directory with roles.json), got the file {}; try "
      "`cordata inspect` or `cordata run`",
      verb, spec);
}

}  // namespace cordata::cli
