# SPDX-License-Identifier: Apache-2.0
"""The modules that check themselves (tests/corpus), seen by JAX: MLIR's own bindings, and the CPU client.

    python tests/oracle/corpus.py                       the modules JAX's CPU client can't compile, with its words
    python tests/oracle/corpus.py --write FILE          the same as a page (docs/stablehlo-corpus.md)
"""
import argparse
import hashlib
import os
import pathlib
import re
import struct

import jax
import jaxlib
from jax._src.interpreters import mlir
from jaxlib.mlir import ir

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CORDATA_BIN", ROOT / "build" / "release" / "cordata")).parent
FORMS = sorted((ROOT / "tests" / "corpus" / "forms").glob("*.mlir"))
MODULES = sorted((BUILD / "corpus" / "testdata").glob("*.mlir"))


# ---- equality: an order of ops in which calls are replaced by what they call, values by their number

class Canonical:
    """The function @main of a module as plain data; attributes stay MLIR's own (unique in a context, so that equal constants
    are one object whether they were written as digits, hex or a splat)."""

    def __init__(self, module):
        self.functions = {op.name.value: op for op in module.body.operations if op.operation.name == "func.func"}
        self.count = 0
        self.active = []
        main = self.functions["main"]
        self.data = [self.attributes(module.operation.attributes, drop=("sym_name",)), self.argument_attributes(main),
                     self.function(main, None)]

    @staticmethod
    def attributes(attrs, drop=()):
        return {name: attrs[name] for name in attrs if name not in drop}

    @staticmethod
    def argument_attributes(function):
        out = []
        for key in ("arg_attrs", "res_attrs"):
            dicts = function.attributes[key] if key in function.attributes else []
            out.append([{a.name: a.attr for a in d} for d in dicts])
        return [dicts if any(dicts) else [] for dicts in out]  # no list at all says the same as one of empty ones

    @staticmethod
    def op_attributes(op):
        try:
            return Canonical.attributes(op.attributes)
        except TypeError:  # the bindings don't know constants of some element types: their whole text then
            text = op.get_asm(print_generic_op_form=True)
            return {"text": text[text.index("<{"):text.rindex("}>")]}

    def number(self, values, known):
        for v in values:
            known[v] = self.count
            self.count += 1

    def function(self, function, arguments):
        """The ops of a function's body with its arguments bound to these numbers; (ops, what it returns)."""
        name = function.name.value
        assert name not in self.active, f"@{name} calls itself"
        self.active.append(name)
        block = function.regions[0].blocks[0]
        known = {}
        if arguments is None:
            self.number(block.arguments, known)
        else:
            known.update(zip(block.arguments, arguments))
        types = [str(a.type) for a in block.arguments] if arguments is None else None
        ops = []
        returned = self.block(block, known, ops)
        self.active.pop()
        return (types, ops, returned) if arguments is None else (ops, returned)

    def block(self, block, known, ops):
        for op in block.operations:
            op = op.operation
            operands = [known[v] for v in op.operands]
            if op.name in ("func.return", "stablehlo.return"):
                return operands
            if op.name == "func.call":
                inner, returned = self.function(self.functions[ir.FlatSymbolRefAttr(op.attributes["callee"]).value], operands)
                ops.extend(inner)
                known.update(zip(op.results, returned))
                continue
            regions = []
            for region in op.regions:
                inner_block = region.blocks[0]
                inside = dict(known)
                self.number(inner_block.arguments, inside)
                inner_ops = []
                regions.append(([str(a.type) for a in inner_block.arguments], inner_ops, self.block(inner_block, inside, inner_ops)))
            self.number(op.results, known)
            ops.append((op.name, operands, self.op_attributes(op), regions, [str(r.type) for r in op.results]))
        raise AssertionError("a block without a return")


def difference(original, printed):
    """Empty if both texts are the same module once calls are inlined, else the first difference."""
    ours, theirs = Canonical(ir.Module.parse(printed)).data, Canonical(ir.Module.parse(original)).data
    if ours == theirs:
        return ""
    for a, b in zip(ours[2][1], theirs[2][1]):
        if a != b:
            return f"{a}\n  instead of\n{b}"[:2000]
    return f"{ours[:2]}, {ours[2][0]}, {ours[2][2]}\n  instead of\n{theirs[:2]}, {theirs[2][0]}, {theirs[2][2]}"[:2000]


# ---- what JAX's CPU client can't compile

def compile_error(text):
    """The words of JAX's CPU client for a module without its checks; empty if it compiles."""
    with mlir.make_ir_context():
        module = ir.Module.parse(text)
        checks = []

        def find(op):
            if op.name == "stablehlo.custom_call" and ir.StringAttr(op.attributes["call_target_name"]).value.startswith("check."):
                checks.append(op)
            return ir.WalkResult.ADVANCE

        module.operation.walk(find)
        for op in checks:
            op.erase()
        client = jax.devices("cpu")[0].client
        try:
            client.compile_and_load(module.operation.get_asm().encode(), client.devices()[:1], jaxlib._jax.CompileOptions())
        except Exception as error:  # whatever the client says
            return str(error).splitlines()[0]
    return ""


def uncompilable(modules=MODULES):
    found = ((path.stem, compile_error(path.read_text())) for path in modules)
    return {name: words for name, words in found if words}


def page(errors):
    rows = "".join(f"| `{name}` | {words.replace('|', chr(92) + '|')} |\n" for name, words in errors.items())
    listed = ("| module | its words |\n| --- | --- |\n" + rows) if errors else "None: it compiles every one.\n"
    return f"""# The StableHLO modules at hand

Written by `python tests/oracle/corpus.py --write docs/stablehlo-corpus.md`. A test compares it with what the command says of the modules
that don't pass and of every eighth other.

`tests/corpus` holds {len(MODULES)} modules of openxla/stablehlo that check themselves. Of each, `make test` shows that

* it is read; what the writer prints, read by jaxlib's own MLIR bindings, is the original with its calls inlined, constants
  compared by bytes;
* `cordata run` compiles what the writer printed, and all its checks hold;
* with one expected value altered, `cordata run` says so. (Modules whose expected values have no elements can't be altered.)

A sample also runs sharded over 4 ranks, under several planners, whole and altered; `CORDATA_CORPUS_STEP=1 ctest -R corpus_ranks` takes all.

## Left out

Modules whose original, with its checks removed by the same bindings, JAX's CPU client ({jaxlib.__version__}) can't compile:

{listed}"""


# ---- altering one expected value

BYTES = {"f64": 8, "i64": 8, "ui64": 8, "f32": 4, "i32": 4, "ui32": 4, "f16": 2, "bf16": 2, "i16": 2, "ui16": 2}
NUMBER = re.compile(r"true|false|0x[0-9A-Fa-f]+|-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


def other_number(text, is_float):
    """Another number of the same type, further off than any check allows."""
    if text in ("true", "false"):
        return "false" if text == "true" else "true"
    if is_float:
        value = 0.0 if text.startswith("0x") else float(text)
        if value != value or abs(value) == float("inf"):
            value = 0.0
        return f"{value / 2 if abs(value) >= 1 else value + 1:.17e}"
    return str(int(text) + 1 if int(text) <= 0 else int(text) - 1)


def other_hex(digits, element, dtype):
    """The hex digits of a constant with one element altered."""
    data = bytearray.fromhex(digits)
    size = BYTES.get(dtype, 16 if dtype == "complex<f64>" else 8 if dtype == "complex<f32>" else 1)
    at = (element % (len(data) // size)) * size
    if "f" in dtype:
        data[at + size - 1] ^= 0x40  # the exponent's highest bit
    else:
        data[at] ^= 1
    return data.hex().upper()


def alter(text, pick):
    """(dtype, text) for each constant of @expected with one of its values altered, which `pick` chooses by count."""
    start = text.index("func.func private @expected")
    end = text.index("\n  }", start)
    for found in re.finditer(r"dense<([^>]*)> : tensor<((?:\d+x)*)([\w<>]+)>", text[start:end]):
        values, shape, dtype = found.group(1), found.group(2), found.group(3)
        if 0 in [int(d) for d in shape.split("x") if d]:
            continue
        if values.startswith('"0x'):
            count = len(values)
            new = '"0x' + other_hex(values[3:-1], pick(count), dtype) + '"'
        else:
            numbers = list(NUMBER.finditer(values))
            n = numbers[pick(len(numbers))]
            new = values[:n.start()] + other_number(n.group(), "f" in dtype) + values[n.end():]
        yield text[:start + found.start(1)] + new + text[start + found.end(1):]


def pick(name):
    """A way to choose one of n, which the module's name draws."""
    drawn = struct.unpack("<Q", hashlib.sha256(name.encode()).digest()[:8])[0]
    return lambda n: drawn % n


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", metavar="FILE", type=pathlib.Path)
    write = options.parse_args().write
    errors = uncompilable()
    if write:
        write.write_text(page(errors))
    else:
        print("".join(f"{name}: {words}\n" for name, words in errors.items()), end="")
        print(f"{len(errors)} of {len(MODULES)} modules can't be compiled")


if __name__ == "__main__":
    main()
