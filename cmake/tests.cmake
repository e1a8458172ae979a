# SPDX-License-Identifier: Apache-2.0
# Where tests find the pinned Python, the plugin, and the program under test.
set(CORDATA_TEST_ENV CORDATA_DEPS=${CORDATA_DEPS} CORDATA_BIN=${CMAKE_BINARY_DIR}/cordata PYTHONPATH=${CMAKE_SOURCE_DIR}/python
  JAX_PLATFORMS=cpu PYTHONDONTWRITEBYTECODE=1 CORDATA_MPIEXEC=${MPIEXEC_EXECUTABLE}
  CORDATA_PMPI_COUNT=${CMAKE_BINARY_DIR}/tests/tools/libpmpi_count.so CORDATA_PMPI_TRAFFIC=${CMAKE_BINARY_DIR}/pmpi_traffic CORDATA_OP_TABLE=${CMAKE_BINARY_DIR}/op_table)
# Open MPI refuses root unless told twice, and by default spins while it waits, which takes the cores that compute.
set(CORDATA_MPI_ENV OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 HWLOC_HIDE_ERRORS=2)
set(CORDATA_MPIRUN_FLAGS --oversubscribe --bind-to none)

# For tests whose time goes into compiling many modules that then run for moments: it halves that.
set(CORDATA_COMPILE_QUICKLY "XLA_FLAGS=--xla_backend_optimization_level=0")

# tools/test gives ctest two slots a core and one more, for what mostly waits: a test that keeps cores busy takes two each (PROCESSORS 2
# where gtest_discover_tests says it). The rooms' unit tests take one: each is over in moments.
function(cordata_slots out cores)
  if(NOT cores)
    set(cores 1)
  endif()
  math(EXPR slots "2 * ${cores}")
  set(${out} ${slots} PARENT_SCOPE)
endfunction()

# cordata_rank_test(NAME SOURCES file... [DEPS room...] [LIBS library...] RANKS n... [TIMEOUT s] [COMPILE_QUICKLY]): a GoogleTest
# program whose main initialises MPI, run under mpirun once for each number of ranks, as the test NAME.<n>.
function(cordata_rank_test name)
  cmake_parse_arguments(ARG "COMPILE_QUICKLY" "TIMEOUT" "SOURCES;DEPS;LIBS;RANKS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(ARG_COMPILE_QUICKLY)
    set(quickly ";${CORDATA_COMPILE_QUICKLY}")
  endif()
  list(TRANSFORM ARG_DEPS PREPEND cordata_)
  add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/ranks/rank_main.cc)
  target_link_libraries(${name} PRIVATE cordata_flags ${ARG_DEPS} ${ARG_LIBS} MPI::MPI_C GTest::gmock GTest::gtest)
  foreach(ranks IN LISTS ARG_RANKS)
    cordata_slots(slots ${ranks})
    add_test(NAME ${name}.${ranks} COMMAND ${MPIEXEC_EXECUTABLE} ${CORDATA_MPIRUN_FLAGS} -n ${ranks} $<TARGET_FILE:${name}>)
    set_tests_properties(${name}.${ranks} PROPERTIES TIMEOUT ${ARG_TIMEOUT} PROCESSORS ${slots}
      ENVIRONMENT "${CORDATA_TEST_ENV};${CORDATA_MPI_ENV};CORDATA_TEST_RANKS=${ranks}${quickly}" SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  endforeach()
endfunction()

# cordata_pytest(FILE [TIMEOUT s] [RANKS n] [MOSTLY_WAITS] [COMPILE_QUICKLY]): one ctest entry that runs all tests of a Python file with the pinned
# Python. It is skipped when every case in it is. Those that may take longest start first. RANKS: as many as work most of the time;
# two jobs of four ranks on two cores take twice as long as one after the other. MOSTLY_WAITS: it needs no core of its own.
function(cordata_pytest file)
  cmake_parse_arguments(ARG "COMPILE_QUICKLY;MOSTLY_WAITS" "TIMEOUT;RANKS" "" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  cordata_slots(slots "${ARG_RANKS}")
  if(ARG_MOSTLY_WAITS)
    set(slots 1)
  endif()
  if(ARG_COMPILE_QUICKLY)
    set(quickly ";${CORDATA_COMPILE_QUICKLY}")
  endif()
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  add_test(NAME ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMAND ${CORDATA_DEPS}/venv/bin/python -m pytest -q -rs -p no:cacheprovider ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} COST ${ARG_TIMEOUT} PROCESSORS ${slots}
    ENVIRONMENT "${CORDATA_TEST_ENV};${CORDATA_MPI_ENV}${quickly}" SKIP_REGULAR_EXPRESSION "\n[0-9]+ skipped in")
endfunction()
