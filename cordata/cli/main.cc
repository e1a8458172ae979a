// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/verb.h"

int main(int argc, char** argv) { return cordata::cli::run_command(argc, argv); }
