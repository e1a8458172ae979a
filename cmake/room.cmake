# SPDX-License-Identifier: Apache-2.0
include(GoogleTest)
add_custom_target(unit_tests)  # every room's test program: what `make asan` builds

# cordata_room(NAME [DEPS room...] [LIBS library...]): one room of the house. Every *.cc below the folder is
# compiled into the static library cordata_NAME, which links only the rooms named in DEPS; every *_test.cc goes
# into the test program NAME_tests.
function(cordata_room name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND cordata_)

  if(sources)
    add_library(cordata_${name} STATIC ${sources})
    target_link_libraries(cordata_${name} PUBLIC cordata_flags ${ARG_DEPS} ${ARG_LIBS})
  else()  # a room of headers only
    add_library(cordata_${name} INTERFACE)
    target_link_libraries(cordata_${name} INTERFACE cordata_flags ${ARG_DEPS} ${ARG_LIBS})
  endif()

  if(tests)
    add_executable(${name}_tests ${tests})
    add_dependencies(unit_tests ${name}_tests)
    target_link_libraries(${name}_tests PRIVATE cordata_${name} GTest::gmock GTest::gtest GTest::gtest_main)
    gtest_discover_tests(${name}_tests TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT 600)
  endif()
endfunction()
