// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/attribute.h"

#include <gmock/gmock.h>

#include <cmath>

#include "cordata/ir/builder.h"

namespace cordata::ir {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

static_assert(sizeof(Attribute) == 16 && sizeof(AttrDict) == 8 && sizeof(IdList<ValueId>) == 16 &&
              sizeof(Node) <= 56);

std::vector<std::string> names(const AttrDict& dict) {
  std::vector<std::string> out;
  for (const auto& [name, value] : dict) out.push_back(name.text());
  return out;
}

TEST(AttrDict, KeepsItsNamesInOrder) {
  AttrDict dict{{"b", Attribute::of(1)}, {"c", Attribute::of(2)}};
  EXPECT_TRUE(dict.emplace("a", Attribute::of(3)).second);
  EXPECT_FALSE(dict.emplace("b", Attribute::of(4)).second);
  dict["d"] = Attribute::boolean(true);
  dict.insert_or_assign("c", Attribute::of(5));
  EXPECT_THAT(names(dict), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(dict.find("b")->second.integer(), 1);
  EXPECT_EQ(dict.find("c")->second.integer(), 5);
  EXPECT_EQ(dict.find("e"), dict.end());
}

TEST(AttrDict, ACopyDoesNotSeeLaterChanges) {
  AttrDict first{{"a", Attribute::of(1)}, {"b", Attribute::string("x")}};
  AttrDict second = first;
  EXPECT_TRUE(first.shared());
  second["a"] = Attribute::of(2);
  second.erase("b");
  EXPECT_FALSE(first.shared());
  EXPECT_THAT(names(first), ElementsAre("a", "b"));
  EXPECT_EQ(first.find("a")->second.integer(), 1);
  EXPECT_THAT(names(second), ElementsAre("a"));
  second.erase_if([](const AttrDict::Entry& e) { return e.first.starts_with("a"); });
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(second, AttrDict());
}

TEST(Attribute, IsEmptyOfWhatItsKindHasNot) {
  for (const Attribute& a :
       {Attribute::unit(), Attribute::of(3), Attribute::string("s"), Attribute::dense_array({1, 2})}) {
    EXPECT_EQ(a.real(), 0);
    EXPECT_EQ(a.word(), "");
    EXPECT_THAT(a.reals(), IsEmpty());
    EXPECT_THAT(a.array(), IsEmpty());
    EXPECT_TRUE(a.dict().empty());
    EXPECT_FALSE(a.dense().bytes);
  }
}

TEST(Attribute, ComparesByValue) {
  auto dims = [](int64_t last) {
    return Attribute::structure("stablehlo.dot", {{"dims", Attribute::dense_array({0, last})},
                                                  {"list", Attribute::list({Attribute::of(last)})}});
  };
  EXPECT_EQ(dims(1), dims(1));
  EXPECT_NE(dims(1), dims(2));
  EXPECT_NE(Attribute::of(1), Attribute::of(1, DType::kI32));
  EXPECT_NE(Attribute::of(1), Attribute::boolean(true));
  const std::vector<int64_t> twos{2, 2};
  EXPECT_EQ(Attribute::elements(splat(2, DType::kI64, {2})), Attribute::elements(dense_i64(twos, {2})));
  Attribute moved = dims(3), copy = moved;
  Attribute taken = std::move(moved);
  EXPECT_EQ(taken, copy);
  copy = Attribute::of_float(1.5);
  EXPECT_EQ(taken, dims(3));
}

TEST(IdList, GrowsFromItsOwnRoomToTheHeap) {
  IdList<ValueId> list;
  std::vector<ValueId> want;
  for (int i = 0; i < 70; ++i) {
    IdList<ValueId> before = list;
    list.push_back(ValueId(i));
    want.push_back(ValueId(i));
    EXPECT_EQ(std::vector<ValueId>(list), want);
    EXPECT_EQ(list, IdList<ValueId>(want));
    EXPECT_EQ(before.size() + 1, list.size());
    IdList<ValueId> moved = std::move(before);
    moved.push_back(ValueId(i));
    EXPECT_EQ(moved, list);
  }
  list = {ValueId(5)};
  EXPECT_EQ(list.back(), ValueId(5));
}

TEST(Graph, EqualAttributesAndTypesAreHeldOnce) {
  GraphBuilder b;
  ValueId x = b.arg(Type::tensor(DType::kF32, {2, 3}));
  ValueId one = b.transpose(x, {1, 0}), two = b.transpose(x, {1, 0}), other = b.transpose(x, {0, 1});
  const Graph& g = b.graph();
  auto attrs = [&](ValueId v) { return g.node(g.value(v).def).attrs.begin(); };
  EXPECT_EQ(attrs(one), attrs(two));
  EXPECT_NE(attrs(one), attrs(other));
  EXPECT_EQ(&g.type(one), &g.type(two));
  EXPECT_EQ(&g.type(x), &g.type(other));
}

TEST(Graph, ZerosOfBothSignsStayApart) {
  GraphBuilder b;
  auto zero = [&](double v) {
    AttrDict attrs{{"call_target_name", Attribute::string("f")}, {"x", Attribute::of_float(v)}};
    return b.value(OpKind::kCustomCall, {}, std::move(attrs), {Type::tensor(DType::kF32)});
  };
  zero(0.0);
  ValueId negative = zero(-0.0);
  const Graph& g = b.graph();
  EXPECT_TRUE(std::signbit(g.node(g.value(negative).def).attrs.find("x")->second.real()));
}

}  // namespace
}  // namespace cordata::ir
