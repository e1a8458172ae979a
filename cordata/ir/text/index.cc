// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/text/index.h"

#include "cordata/ir/text/attributes.h"
#include "cordata/ir/text/types.h"

namespace cordata::ir::text {
namespace {

class Indexer {
 public:
  explicit Indexer(Source& source) : source_(source), c_(source, 0, 1) {}

  void run() {
    while (!c_.at_end()) {
      if (c_.accept("{-#"))
        resources();
      else if (c_.peek() == '#' || c_.peek() == '!')
        alias();
      else if (c_.accept_word("module") || c_.accept_word("builtin.module"))
        module();
      else if (c_.accept("\"builtin.module\""))
        generic_module();
      else
        item();
    }
  }

 private:
  void alias() {
    size_t start = c_.at();
    c_.jump(start + 1);
    c_.suffix_id();
    std::string_view name = c_.text().substr(start, c_.at() - start);
    c_.expect('=');
    c_.peek();
    source_.aliases[name] = c_.at();
    // What it stands for ends with its line, or with its last bracket.
    size_t end = std::min(c_.text().find('\n', c_.at()), c_.text().size());
    while (c_.at() < end && c_.peek() != '\0' && c_.at() < end) {
      char ch = c_.peek();
      if (ch == '<' || ch == '(' || ch == '[' || ch == '{')
        c_.skip_balanced();
      else if (ch == '"')
        c_.raw_string();
      else
        c_.jump(c_.at() + 1);
    }
  }

  void module() {
    if (c_.peek() == '@') source_.name = c_.symbol();
    if (c_.accept_word("attributes")) source_.attrs = read_dict(c_);
    c_.expect('{');
    while (!c_.accept('}')) item();
    c_.skip_location();
  }

  void generic_module() {
    c_.expect("()");
    AttrDict attrs;
    properties(attrs);
    c_.expect("({");
    if (c_.peek() == '^') c_.skip_block_label();
    while (!c_.accept('}')) item();
    c_.expect(')');
    read_optional_dict(c_, attrs);
    c_.expect(':');
    c_.expect("() -> ()");
    c_.skip_location();
    if (auto it = attrs.find("sym_name"); it != attrs.end()) source_.name = it->second.text();
    attrs.erase("sym_name");
    attrs.erase("sym_visibility");
    source_.attrs = std::move(attrs);
  }

  void properties(AttrDict& attrs) {
    if (!c_.accept('<')) return;
    read_optional_dict(c_, attrs);
    c_.expect('>');
  }

  // An op of the module: a function, a mesh (which only placements name), or an alias between them.
  void item() {
    char first = c_.peek();
    if (first == '#' || first == '!') return alias();
    if (c_.accept("\"func.func\"")) return generic_function();
    if (c_.accept_word("func.func")) return function();
    if (c_.accept_word("sdy.mesh")) {
      c_.symbol();
      c_.expect('=');
      if (c_.peek() == '<') c_.skip_balanced();
      return c_.skip_location();
    }
    c_.fail("func.func or another op of a module that is read (sdy.mesh)");
  }

  void function() {
    Function f;
    if (c_.accept_word("private") || c_.accept_word("nested"))
      f.is_public = false;
    else
      c_.accept_word("public");
    size_t at = (c_.peek(), c_.at());
    f.name = c_.symbol();
    if (c_.peek() != '(') c_.fail("'('");
    f.signature = c_.at();
    f.line = c_.line();
    c_.skip_balanced();
    if (c_.accept("->")) {
      if (c_.peek() == '(')
        c_.skip_balanced();
      else
        read_type(c_);
    }
    if (c_.accept_word("attributes")) read_dict(c_);
    c_.skip_location();
    if (!c_.accept('{')) return;  // declared only; an error where it is called
    f.body = c_.at();
    c_.skip_block();
    c_.skip_location();
    add(std::move(f), at);
  }

  void generic_function() {
    Function f;
    f.generic = true;
    size_t at = c_.at();
    AttrDict attrs;
    c_.expect("()");
    properties(attrs);
    c_.expect("({");
    f.body = c_.at();
    f.line = c_.line();
    c_.skip_block();
    c_.expect(')');
    read_optional_dict(c_, attrs);
    c_.expect(':');
    c_.expect("() -> ()");
    c_.skip_location();
    auto text_of = [&](const char* key) {
      auto it = attrs.find(key);
      return it == attrs.end() ? "" : it->second.text();
    };
    f.name = text_of("sym_name");
    f.is_public = text_of("sym_visibility") != "private";
    if (f.name.empty()) c_.fail_at(at, "wanted a function with sym_name, got none");
    auto dicts = [&](const char* key) {
      std::vector<AttrDict> out;
      if (auto it = attrs.find(key); it != attrs.end()) {
        for (const Attribute& a : it->second.array()) out.push_back(a.dict());
      }
      return out;
    };
    f.arg_attrs = dicts("arg_attrs");
    f.result_attrs = dicts("res_attrs");
    add(std::move(f), at);
  }

  void add(Function f, size_t at) {
    if (!source_.by_name.emplace(f.name, static_cast<int>(source_.functions.size())).second) {
      c_.fail_at(at, "wanted one function of each name, got @" + f.name + " again");
    }
    source_.functions.push_back(std::move(f));
  }

  // {-# dialect_resources: { builtin: { key: "0x..." } } #-}; other sections are stepped over.
  void resources() {
    size_t start = c_.at();
    int depth = 0;
    std::string_view key;
    while (!c_.accept("#-}")) {
      if (c_.at_end()) c_.fail_at(start, "wanted '#-}' after the resources, got the end of the text");
      if (c_.accept('{'))
        ++depth;
      else if (c_.accept('}'))
        --depth;
      else if (c_.accept(',') || c_.accept(':'))
        continue;
      else if (c_.peek() == '"') {
        std::string_view s = c_.raw_string();
        if (c_.peek() == ':')
          key = s;
        else if (depth == 2 && s.starts_with("0x"))
          source_.resources[key] = s.substr(2);
      } else {
        key = c_.suffix_id();
      }
    }
  }

  Source& source_;
  Cursor c_;
};

}  // namespace

Source index_module(std::string_view text, const std::string& origin, ModuleFile* file) {
  Source source{.text = text, .origin = origin, .file = file, .name = "main"};
  Indexer(source).run();
  if (file) file->read_again();
  return source;
}

}  // namespace cordata::ir::text
