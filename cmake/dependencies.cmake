# SPDX-License-Identifier: Apache-2.0
# Debian's packages, and the headers that tools/setup unpacked. Nothing is downloaded while configuring.
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
# mpi.h would otherwise declare MPI's withdrawn C++ classes, which need a library of their own.
target_compile_definitions(MPI::MPI_C INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
find_package(Threads REQUIRED)
# Compiling takes a quarter to a third less time than with glibc's allocator, steps a few per cent. Sanitizers bring their own.
if(NOT CORDATA_SANITIZE)
  find_library(CORDATA_ALLOCATOR jemalloc REQUIRED)
endif()

if(DEFINED ENV{CORDATA_DEPS})
  set(default_deps $ENV{CORDATA_DEPS})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(default_deps $ENV{XDG_CACHE_HOME}/cordata/deps)
else()
  set(default_deps $ENV{HOME}/.cache/cordata/deps)
endif()
set(CORDATA_DEPS ${default_deps} CACHE PATH "Where tools/setup unpacked the pinned wheels")

# HiGHS, as tools/setup built it.
add_library(highs::highs STATIC IMPORTED)
set_target_properties(highs::highs PROPERTIES IMPORTED_LOCATION ${CORDATA_DEPS}/highs/lib/libhighs.a
  INTERFACE_INCLUDE_DIRECTORIES ${CORDATA_DEPS}/highs/include/highs)
target_link_libraries(highs::highs INTERFACE ${CORDATA_DEPS}/highs/lib/libhighs_extras.a Threads::Threads ${CMAKE_DL_LIBS})
find_package(simdjson REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
