// SPDX-License-Identifier: Apache-2.0
// The custom assemblies of StableHLO and CHLO, one row an op, after the assemblyFormat of StablehloOps.td and
// ChloOps.td:
//   %  an operand     %*  operands     %,*  operands, a comma after each     @  optional attributes in {}
//   name:form  an attribute: i64, i32, dims ("[1, 2]"), string, word (of an enum whose kind is the name)
//   :fn  "(types) -> types"   :same  one type for all, or :fn   :arrow  "types -> types"   :result, :tuple,
//   :complex, :select, :each, :maybe  as below   !step  one of its own   anything else stands for itself
#include "cordata/ir/text/formats.h"

#include <sstream>
#include <unordered_map>

namespace cordata::ir::text {
namespace {

struct Row {
  std::vector<OpKind> kinds;
  const char* format;
};

using enum OpKind;

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {{kAbs,
        kCbrt,
        kCeil,
        kConvert,
        kCountLeadingZeros,
        kCosine,
        kExponential,
        kExponentialMinusOne,
        kFloor,
        kImag,
        kLog,
        kLogPlusOne,
        kLogistic,
        kNegate,
        kNot,
        kPopcnt,
        kReal,
        kRoundNearestAfz,
        kRoundNearestEven,
        kRsqrt,
        kSign,
        kSine,
        kSqrt,
        kTan,
        kTanh},
       "% @ :same"},
      {{kAdd, kAnd, kAtan2, kDivide, kMaximum, kMinimum, kMultiply, kOr, kPower, kRemainder, kShiftLeft,
        kShiftRightArithmetic, kShiftRightLogical, kSubtract, kXor},
       "% , % @ :same"},
      {{kAfterAll}, "%* @ :same"},
      {{kBitcastConvert, kDynamicUpdateSlice, kIsFinite, kReshape}, "%* @ :fn"},
      {{kBroadcast}, "% , sizes = broadcast_sizes:dims @ :fn"},
      {{kBroadcastInDim}, "% , dims = broadcast_dimensions:dims @ :fn"},
      {{kChloAcos,     kChloAcosh,    kChloAsin,    kChloAsinh, kChloAtan,   kChloAtanh, kChloBesselI1e,
        kChloConj,     kChloCosh,     kChloDigamma, kChloErf,   kChloErfInv, kChloErfc,  kChloIsInf,
        kChloIsNegInf, kChloIsPosInf, kChloLgamma,  kChloSinh,  kChloSquare, kChloTan},
       "% @ :arrow"},
      {{kChloConstant, kConstant}, "@ !constant"},
      {{kChloNextAfter, kChloPolygamma, kChloZeta}, "% , % @ :arrow"},
      {{kChloTopK}, "( % , k = k:i64 !is_stable ) @ :arrow"},
      {{kCholesky}, "% !lower @ :same"},
      {{kClamp}, "% , % , % @ :same"},
      {{kCompare}, "comparison_direction:word , % , % !compare_type @ :fn"},
      {{kComplex}, "%* @ :complex"},
      {{kComposite}, "name:string %* @ :fn"},
      {{kConcatenate}, "%,* dim = dimension:i64 @ :fn"},
      {{kConvolution}, "( %* ) dim_numbers = !conv_dims , window = !window @ :fn"},
      {{kCreateToken, kPartitionId, kReplicaId}, "@ :result"},
      {{kCustomCall}, "!target ( %* ) @ :fn"},
      {{kDot}, "% , % !precision @ :fn"},
      {{kDotGeneral}, "% , % , !dot_dims !precision @ :fn"},
      {{kDynamicSlice}, "%,* sizes = slice_sizes:dims @ :fn"},
      {{kEinsum}, "% , % , config = einsum_config:string @ :fn"},
      {{kFft}, "% , type = fft_type:word , length = fft_length:dims @ :fn"},
      {{kGetDimensionSize}, "% , dim = dimension:i64 @ :fn"},
      {{kGetTupleElement}, "% [ index:i32 ] @ :fn"},
      {{kIota}, "dim = iota_dimension:i64 @ :result"},
      {{kOptimizationBarrier}, "@ %* :each"},
      {{kPad},
       "% , % , low = edge_padding_low:dims , high = edge_padding_high:dims , interior = "
       "interior_padding:dims @ :fn"},
      {{kReduce}, "!reduce"},
      {{kReducePrecision}, "% , format = !format @ :same"},
      {{kReverse}, "% , dims = dimensions:dims @ :same"},
      {{kRng}, "% , % , % , distribution = rng_distribution:word @ :fn"},
      {{kRngBitGenerator}, "% , algorithm = rng_algorithm:word @ :fn"},
      {{kSelect}, "%* @ :select"},
      {{kSlice}, "% !slice @ :fn"},
      {{kTranspose}, "% , dims = permutation:dims @ :fn"},
      {{kTuple}, "%* @ :tuple"},
      {{kUnaryEinsum}, "% , config = einsum_config:string @ :fn"},
      {{kWhile}, "!while"},
  };
  return table;
}

Step parse_step(const std::string& word) {
  using Kind = Step::Kind;
  if (word == "%") return {Kind::kOperand, "", ""};
  if (word == "%*") return {Kind::kOperands, "", ""};
  if (word == "%,*") return {Kind::kOperandsWithComma, "", ""};
  if (word == "@") return {Kind::kDict, "", ""};
  if (word[0] == ':') return {Kind::kTypes, word.substr(1), ""};
  if (word[0] == '!') return {Kind::kCustom, word.substr(1), ""};
  size_t colon = word.find(':');
  if (colon == std::string::npos) return {Kind::kLiteral, word, ""};
  return {Kind::kAttribute, word.substr(0, colon), word.substr(colon + 1)};
}

}  // namespace

const std::vector<Step>* format(OpKind kind) {
  static const auto compiled = [] {
    std::vector<std::vector<Step>> all(kNumOpKinds);
    for (const Row& row : rows()) {
      std::vector<Step> steps;
      std::istringstream words(row.format);
      for (std::string word; words >> word;) steps.push_back(parse_step(word));
      for (OpKind k : row.kinds) all[static_cast<size_t>(k)] = steps;
    }
    return all;
  }();
  const std::vector<Step>& steps = compiled[static_cast<size_t>(kind)];
  return steps.empty() ? nullptr : &steps;
}

}  // namespace cordata::ir::text
