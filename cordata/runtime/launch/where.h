// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cordata::runtime {

// Where this rank is in its list ("rank 1, stage 0, step 3, RUN F2"), kept in memory that outlives it, so
// that the launching command can tell where a rank was that was killed. Empty: between steps. Cheap: a few
// words are copied.
void say_where(std::string_view where);
std::string where_am_i();

// From now on it is kept, in this file; in this process only when that can't be made (false). Before that it
// is not kept: ranks that are threads of one process would write over each other's.
bool keep_where(const std::string& file);
// What a rank said last; "" when it said nothing.
std::string read_where(const std::string& file);

}  // namespace cordata::runtime
