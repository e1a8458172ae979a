// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

// Every op that a Graph can hold, alphabetical by enumerator: StableHLO's static ops, CHLO's, and Cordata's
// own: `cordata.accumulate` is the identity that marks where a value of every microbatch becomes one value of
// the step, the sum over microbatches (see cordata/step); `cordata.after` is its first operand, once the
// others are there (see step/remat.h).
#define CORDATA_OPS(X)                                         \
  X(kAbs, "stablehlo.abs")                                     \
  X(kAccumulate, "cordata.accumulate")                         \
  X(kAdd, "stablehlo.add")                                     \
  X(kAfter, "cordata.after")                                   \
  X(kAfterAll, "stablehlo.after_all")                          \
  X(kAllGather, "stablehlo.all_gather")                        \
  X(kAllReduce, "stablehlo.all_reduce")                        \
  X(kAllToAll, "stablehlo.all_to_all")                         \
  X(kAnd, "stablehlo.and")                                     \
  X(kAtan2, "stablehlo.atan2")                                 \
  X(kBatchNormGrad, "stablehlo.batch_norm_grad")               \
  X(kBatchNormInference, "stablehlo.batch_norm_inference")     \
  X(kBatchNormTraining, "stablehlo.batch_norm_training")       \
  X(kBitcastConvert, "stablehlo.bitcast_convert")              \
  X(kBroadcast, "stablehlo.broadcast")                         \
  X(kBroadcastInDim, "stablehlo.broadcast_in_dim")             \
  X(kCase, "stablehlo.case")                                   \
  X(kCbrt, "stablehlo.cbrt")                                   \
  X(kCeil, "stablehlo.ceil")                                   \
  X(kChloAcos, "chlo.acos")                                    \
  X(kChloAcosh, "chlo.acosh")                                  \
  X(kChloAsin, "chlo.asin")                                    \
  X(kChloAsinh, "chlo.asinh")                                  \
  X(kChloAtan, "chlo.atan")                                    \
  X(kChloAtanh, "chlo.atanh")                                  \
  X(kChloBesselI1e, "chlo.bessel_i1e")                         \
  X(kChloConj, "chlo.conj")                                    \
  X(kChloConstant, "chlo.constant")                            \
  X(kChloConstantLike, "chlo.constant_like")                   \
  X(kChloCosh, "chlo.cosh")                                    \
  X(kChloDigamma, "chlo.digamma")                              \
  X(kChloErf, "chlo.erf")                                      \
  X(kChloErfInv, "chlo.erf_inv")                               \
  X(kChloErfc, "chlo.erfc")                                    \
  X(kChloIsInf, "chlo.is_inf")                                 \
  X(kChloIsNegInf, "chlo.is_neg_inf")                          \
  X(kChloIsPosInf, "chlo.is_pos_inf")                          \
  X(kChloLgamma, "chlo.lgamma")                                \
  X(kChloNextAfter, "chlo.next_after")                         \
  X(kChloPolygamma, "chlo.polygamma")                          \
  X(kChloRaggedDot, "chlo.ragged_dot")                         \
  X(kChloSinh, "chlo.sinh")                                    \
  X(kChloSquare, "chlo.square")                                \
  X(kChloTan, "chlo.tan")                                      \
  X(kChloTopK, "chlo.top_k")                                   \
  X(kChloZeta, "chlo.zeta")                                    \
  X(kCholesky, "stablehlo.cholesky")                           \
  X(kClamp, "stablehlo.clamp")                                 \
  X(kCollectiveBroadcast, "stablehlo.collective_broadcast")    \
  X(kCollectivePermute, "stablehlo.collective_permute")        \
  X(kCompare, "stablehlo.compare")                             \
  X(kComplex, "stablehlo.complex")                             \
  X(kComposite, "stablehlo.composite")                         \
  X(kConcatenate, "stablehlo.concatenate")                     \
  X(kConstant, "stablehlo.constant")                           \
  X(kConvert, "stablehlo.convert")                             \
  X(kConvolution, "stablehlo.convolution")                     \
  X(kCosine, "stablehlo.cosine")                               \
  X(kCountLeadingZeros, "stablehlo.count_leading_zeros")       \
  X(kCreateToken, "stablehlo.create_token")                    \
  X(kCrossReplicaSum, "stablehlo.cross-replica-sum")           \
  X(kCustomCall, "stablehlo.custom_call")                      \
  X(kDivide, "stablehlo.divide")                               \
  X(kDot, "stablehlo.dot")                                     \
  X(kDotGeneral, "stablehlo.dot_general")                      \
  X(kDynamicSlice, "stablehlo.dynamic_slice")                  \
  X(kDynamicUpdateSlice, "stablehlo.dynamic_update_slice")     \
  X(kEinsum, "stablehlo.einsum")                               \
  X(kExponential, "stablehlo.exponential")                     \
  X(kExponentialMinusOne, "stablehlo.exponential_minus_one")   \
  X(kFft, "stablehlo.fft")                                     \
  X(kFloor, "stablehlo.floor")                                 \
  X(kGather, "stablehlo.gather")                               \
  X(kGetDimensionSize, "stablehlo.get_dimension_size")         \
  X(kGetTupleElement, "stablehlo.get_tuple_element")           \
  X(kIf, "stablehlo.if")                                       \
  X(kImag, "stablehlo.imag")                                   \
  X(kInfeed, "stablehlo.infeed")                               \
  X(kIota, "stablehlo.iota")                                   \
  X(kIsFinite, "stablehlo.is_finite")                          \
  X(kLog, "stablehlo.log")                                     \
  X(kLogPlusOne, "stablehlo.log_plus_one")                     \
  X(kLogistic, "stablehlo.logistic")                           \
  X(kMap, "stablehlo.map")                                     \
  X(kMaximum, "stablehlo.maximum")                             \
  X(kMinimum, "stablehlo.minimum")                             \
  X(kMultiply, "stablehlo.multiply")                           \
  X(kNegate, "stablehlo.negate")                               \
  X(kNot, "stablehlo.not")                                     \
  X(kOptimizationBarrier, "stablehlo.optimization_barrier")    \
  X(kOr, "stablehlo.or")                                       \
  X(kOutfeed, "stablehlo.outfeed")                             \
  X(kPad, "stablehlo.pad")                                     \
  X(kPartitionId, "stablehlo.partition_id")                    \
  X(kPopcnt, "stablehlo.popcnt")                               \
  X(kPower, "stablehlo.power")                                 \
  X(kReal, "stablehlo.real")                                   \
  X(kRecv, "stablehlo.recv")                                   \
  X(kReduce, "stablehlo.reduce")                               \
  X(kReducePrecision, "stablehlo.reduce_precision")            \
  X(kReduceScatter, "stablehlo.reduce_scatter")                \
  X(kReduceWindow, "stablehlo.reduce_window")                  \
  X(kRemainder, "stablehlo.remainder")                         \
  X(kReplicaId, "stablehlo.replica_id")                        \
  X(kReshape, "stablehlo.reshape")                             \
  X(kReverse, "stablehlo.reverse")                             \
  X(kRng, "stablehlo.rng")                                     \
  X(kRngBitGenerator, "stablehlo.rng_bit_generator")           \
  X(kRoundNearestAfz, "stablehlo.round_nearest_afz")           \
  X(kRoundNearestEven, "stablehlo.round_nearest_even")         \
  X(kRsqrt, "stablehlo.rsqrt")                                 \
  X(kScatter, "stablehlo.scatter")                             \
  X(kSelect, "stablehlo.select")                               \
  X(kSelectAndScatter, "stablehlo.select_and_scatter")         \
  X(kSend, "stablehlo.send")                                   \
  X(kShiftLeft, "stablehlo.shift_left")                        \
  X(kShiftRightArithmetic, "stablehlo.shift_right_arithmetic") \
  X(kShiftRightLogical, "stablehlo.shift_right_logical")       \
  X(kSign, "stablehlo.sign")                                   \
  X(kSine, "stablehlo.sine")                                   \
  X(kSlice, "stablehlo.slice")                                 \
  X(kSort, "stablehlo.sort")                                   \
  X(kSqrt, "stablehlo.sqrt")                                   \
  X(kSubtract, "stablehlo.subtract")                           \
  X(kTan, "stablehlo.tan")                                     \
  X(kTanh, "stablehlo.tanh")                                   \
  X(kTorchIndexSelect, "stablehlo.torch_index_select")         \
  X(kTranspose, "stablehlo.transpose")                         \
  X(kTriangularSolve, "stablehlo.triangular_solve")            \
  X(kTuple, "stablehlo.tuple")                                 \
  X(kUnaryEinsum, "stablehlo.unary_einsum")                    \
  X(kWhile, "stablehlo.while")                                 \
  X(kXor, "stablehlo.xor")

namespace cordata::ir {

enum class OpKind : uint8_t {
#define CORDATA_OP(kind, text) kind,
  CORDATA_OPS(CORDATA_OP)
#undef CORDATA_OP
};

constexpr int kNumOpKinds = 0
#define CORDATA_OP(kind, text) +1
    CORDATA_OPS(CORDATA_OP)
#undef CORDATA_OP
    ;

std::string_view name(OpKind kind);                         // "stablehlo.add"
std::optional<OpKind> op_kind(std::string_view full_name);  // the inverse

}  // namespace cordata::ir
