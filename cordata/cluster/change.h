// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cordata::cluster {

// Sets one field of a cluster file's JSON. `path` is the field's, whose unit may be left out:
// "device.memory", "intra.links[3].bandwidth". `value`: a number in the field's unit, one with a unit of its
// own ("32GiB", "25Gbps"), so many times what it was ("2x"), or a text. Throws a user error for a field that
// there isn't and a value that can't be read; what else is wrong, reading the JSON says once all changes are
// made.
void change_field(nlohmann::json& cluster, const std::string& path, const std::string& value);

}  // namespace cordata::cluster
