# SPDX-License-Identifier: Apache-2.0
# Flags that every target shares. CORDATA_SANITIZE is a comma list for -fsanitize (presets asan and tsan set it).
find_program(CORDATA_CCACHE ccache)
if(CORDATA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CORDATA_CCACHE})
endif()

option(CORDATA_WERROR "Treat warnings as errors" ON)
set(CORDATA_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")

add_library(cordata_flags INTERFACE)
target_compile_options(cordata_flags INTERFACE -Wall -Wextra -Wno-missing-field-initializers
  $<$<BOOL:${CORDATA_WERROR}>:-Werror>)
target_include_directories(cordata_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(CORDATA_SANITIZE)
  target_compile_options(cordata_flags INTERFACE -fsanitize=${CORDATA_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(cordata_flags INTERFACE -fsanitize=${CORDATA_SANITIZE})
endif()
