/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts what a program really hands to MPI, from outside: preloaded, it stands between the program and MPI (the
 * standard's profiling interface) and writes at MPI_Finalize, one file a rank, $CORDATA_PMPI_OUT.<rank>:
 *
 *   {"rank": 0, "lines": [{"call": "MPI_Allreduce", "comm": "", "ranks": [0, 1], "bytes": 64, "barriers": 1, "count": 3}, ...]}
 *
 * `bytes` is what this rank hands to one call: what it sends, whole blocks to itself too; for a receive, the room it
 * offers. `ranks` are the communicator's, as ranks of the world; `comm` its name; `barriers` how many this rank had
 * called before, which tells the parts of a run from each other. One line for each different (call, communicator, bytes, barriers). Persistent, neighbourhood and one-sided calls are not counted.
 */
#include <mpi.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct Line {
  const char* call;
  char* comm; /* "NAME", [ranks]: as it is printed */
  int64_t bytes, barriers, count;
  struct Line* next;
} Line;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Line* lines = NULL;
static int64_t barriers = 0;

/* Members of the JSON object that say which communicator it is. The caller frees it. */
static char* describe(MPI_Comm comm) {
  char name[MPI_MAX_OBJECT_NAME] = "";
  int length = 0, size = 0;
  PMPI_Comm_get_name(comm, name, &length);
  PMPI_Comm_size(comm, &size);
  int* inside = malloc(2 * sizeof(int) * size);
  int* in_world = inside + size;
  for (int i = 0; i < size; ++i) inside[i] = i;
  MPI_Group group, world;
  PMPI_Comm_group(comm, &group);
  PMPI_Comm_group(MPI_COMM_WORLD, &world);
  PMPI_Group_translate_ranks(group, size, inside, world, in_world);
  PMPI_Group_free(&group);
  PMPI_Group_free(&world);
  char* text = malloc(strlen(name) + 12 * (size_t)size + 32);
  char* at = text + sprintf(text, "\"comm\": \"%s\", \"ranks\": [", name);
  for (int i = 0; i < size; ++i) at += sprintf(at, i ? ", %d" : "%d", in_world[i]);
  strcpy(at, "]");
  free(inside);
  return text;
}

static void record(const char* call, MPI_Comm comm, int64_t bytes) {
  char* text = describe(comm);
  pthread_mutex_lock(&mutex);
  Line* line = lines;
  while (line && (line->call != call || line->bytes != bytes || line->barriers != barriers || strcmp(line->comm, text) != 0)) line = line->next;
  if (line) {
    free(text);
  } else {
    line = calloc(1, sizeof(Line));
    line->call = call;
    line->comm = text;
    line->bytes = bytes;
    line->barriers = barriers;
    line->next = lines;
    lines = line;
  }
  ++line->count;
  if (strcmp(call, "MPI_Barrier") == 0) ++barriers;
  pthread_mutex_unlock(&mutex);
}

static int64_t size_of(int64_t count, MPI_Datatype type) {
  int size = 0;
  PMPI_Type_size(type, &size);
  return count * size;
}

static int64_t members(MPI_Comm comm) {
  int size = 0;
  PMPI_Comm_size(comm, &size);
  return size;
}

static int64_t sum(const int counts[], MPI_Comm comm) {
  int64_t total = 0;
  for (int64_t i = members(comm); i-- > 0;) total += counts[i];
  return total;
}

static int64_t sum_of_types(const int counts[], const MPI_Datatype types[], MPI_Comm comm) {
  int64_t total = 0;
  for (int64_t i = members(comm); i-- > 0;) total += size_of(counts[i], types[i]);
  return total;
}

static int rank_in(MPI_Comm comm) {
  int rank = 0;
  PMPI_Comm_rank(comm, &rank);
  return rank;
}

/* COUNT(CALL, (parameters), (arguments), comm, bytes): one counted function. */
#define COUNT(CALL, PARAMETERS, ARGUMENTS, COMM, BYTES) \
  EXPORT int MPI_##CALL PARAMETERS {                    \
    record("MPI_" #CALL, COMM, BYTES);                  \
    return PMPI_##CALL ARGUMENTS;                       \
  }
/* The same for the blocking call and the one that returns at once. */
#define COUNT2(CALL, ICALL, PARAMETERS, ARGUMENTS, COMM, BYTES)                                              \
  COUNT(CALL, (PARAMETERS), (ARGUMENTS), COMM, BYTES)                                                        \
  COUNT(ICALL, (PARAMETERS, MPI_Request* request), (ARGUMENTS, request), COMM, BYTES)
#define P(...) __VA_ARGS__

COUNT2(Allreduce, Iallreduce, P(const void* in, void* out, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c),
       P(in, out, n, t, op, c), c, size_of(n, t))
COUNT2(Reduce, Ireduce, P(const void* in, void* out, int n, MPI_Datatype t, MPI_Op op, int root, MPI_Comm c),
       P(in, out, n, t, op, root, c), c, size_of(n, t))
COUNT2(Reduce_scatter, Ireduce_scatter,
       P(const void* in, void* out, const int n[], MPI_Datatype t, MPI_Op op, MPI_Comm c), P(in, out, n, t, op, c), c,
       size_of(sum(n, c), t))
COUNT2(Reduce_scatter_block, Ireduce_scatter_block,
       P(const void* in, void* out, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c), P(in, out, n, t, op, c), c,
       size_of(n, t) * members(c))
COUNT2(Allgather, Iallgather,
       P(const void* in, int n, MPI_Datatype t, void* out, int m, MPI_Datatype u, MPI_Comm c), P(in, n, t, out, m, u, c), c,
       in == MPI_IN_PLACE ? size_of(m, u) : size_of(n, t))
COUNT2(Allgatherv, Iallgatherv,
       P(const void* in, int n, MPI_Datatype t, void* out, const int m[], const int at[], MPI_Datatype u, MPI_Comm c),
       P(in, n, t, out, m, at, u, c), c, in == MPI_IN_PLACE ? size_of(m[rank_in(c)], u) : size_of(n, t))
COUNT2(Alltoall, Ialltoall,
       P(const void* in, int n, MPI_Datatype t, void* out, int m, MPI_Datatype u, MPI_Comm c), P(in, n, t, out, m, u, c), c,
       (in == MPI_IN_PLACE ? size_of(m, u) : size_of(n, t)) * members(c))
COUNT2(Alltoallv, Ialltoallv,
       P(const void* in, const int n[], const int from[], MPI_Datatype t, void* out, const int m[], const int to[],
         MPI_Datatype u, MPI_Comm c),
       P(in, n, from, t, out, m, to, u, c), c, in == MPI_IN_PLACE ? size_of(sum(m, c), u) : size_of(sum(n, c), t))
COUNT2(Alltoallw, Ialltoallw,
       P(const void* in, const int n[], const int from[], const MPI_Datatype t[], void* out, const int m[], const int to[],
         const MPI_Datatype u[], MPI_Comm c),
       P(in, n, from, t, out, m, to, u, c), c, in == MPI_IN_PLACE ? sum_of_types(m, u, c) : sum_of_types(n, t, c))
COUNT2(Bcast, Ibcast, P(void* data, int n, MPI_Datatype t, int root, MPI_Comm c), P(data, n, t, root, c), c,
       rank_in(c) == root ? size_of(n, t) : 0)
COUNT2(Gather, Igather,
       P(const void* in, int n, MPI_Datatype t, void* out, int m, MPI_Datatype u, int root, MPI_Comm c),
       P(in, n, t, out, m, u, root, c), c, in == MPI_IN_PLACE ? size_of(m, u) : size_of(n, t))
COUNT2(Gatherv, Igatherv,
       P(const void* in, int n, MPI_Datatype t, void* out, const int m[], const int at[], MPI_Datatype u, int root, MPI_Comm c),
       P(in, n, t, out, m, at, u, root, c), c, in == MPI_IN_PLACE ? size_of(m[rank_in(c)], u) : size_of(n, t))
COUNT2(Barrier, Ibarrier, P(MPI_Comm c), P(c), c, 0)
COUNT2(Send, Isend, P(const void* in, int n, MPI_Datatype t, int to, int tag, MPI_Comm c), P(in, n, t, to, tag, c), c,
       size_of(n, t))
COUNT2(Ssend, Issend, P(const void* in, int n, MPI_Datatype t, int to, int tag, MPI_Comm c), P(in, n, t, to, tag, c), c,
       size_of(n, t))
COUNT(Recv, (void* out, int n, MPI_Datatype t, int from, int tag, MPI_Comm c, MPI_Status* s), (out, n, t, from, tag, c, s), c,
      size_of(n, t))
COUNT(Irecv, (void* out, int n, MPI_Datatype t, int from, int tag, MPI_Comm c, MPI_Request* r), (out, n, t, from, tag, c, r), c,
      size_of(n, t))
COUNT(Sendrecv,
      (const void* in, int n, MPI_Datatype t, int to, int tag, void* out, int m, MPI_Datatype u, int from, int tag2, MPI_Comm c,
       MPI_Status* s),
      (in, n, t, to, tag, out, m, u, from, tag2, c, s), c, size_of(n, t))

EXPORT int MPI_Finalize(void) {
  const char* prefix = getenv("CORDATA_PMPI_OUT");
  int rank = rank_in(MPI_COMM_WORLD);
  if (prefix) {
    char* path = malloc(strlen(prefix) + 16);
    sprintf(path, "%s.%d", prefix, rank);
    FILE* file = fopen(path, "w");
    if (!file) {
      perror(path);
      PMPI_Abort(MPI_COMM_WORLD, 3);
      return MPI_ERR_OTHER;
    }
    fprintf(file, "{\"rank\": %d, \"lines\": [", rank);
    pthread_mutex_lock(&mutex);
    for (Line* line = lines; line; line = line->next) {
      fprintf(file, "%s\n  {\"call\": \"%s\", %s, \"bytes\": %lld, \"barriers\": %lld, \"count\": %lld}", line == lines ? "" : ",",
              line->call, line->comm, (long long)line->bytes, (long long)line->barriers, (long long)line->count);
    }
    pthread_mutex_unlock(&mutex);
    fprintf(file, "\n]}\n");
    fclose(file);
    free(path);
  }
  return PMPI_Finalize();
}
