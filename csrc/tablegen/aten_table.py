"""Writes aten_table.inc and aten_headers.inc: the aten overloads that the rows of hologram_core/optable/elementwise.py serve.

Rows are matched with the schemas of the torch that is installed: the functional form by its name, in-place and out= by
their arguments (so that `pow.Tensor_Scalar` finds `pow_.Scalar` and `gelu_backward` finds `.grad_input`). What the schemas
do not say (which dtypes torch takes together, how results lie in memory) comes from csrc/tablegen/aten_rules.py. The C++ side of
every name used here is csrc/torch/aten/elementwise/elementwise.h.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from csrc.tablegen.aten_rules import COMBINED, KINDS, Probe, Rules, functional_rules, in_place_rules, out_rules
from hologram_core import dtypes
from hologram_core.optable.table import ATEN_FLAGS, BOOL, FLOAT, PROMOTE, Aten, Elementwise

# The types of arguments that Arg (elementwise.h) takes.
TYPES = {"Tensor", "Optional[Tensor]", "number", "Optional[number]", "float", "Optional[float]", "int", "Optional[int]", "bool",
         "Optional[bool]", "str", "Optional[str]"}
VALUE_TYPES = {"Tensor", "Optional[Tensor]", "number", "Optional[number]", "float", "Optional[float]", "int", "bool"}
RULES = {PROMOTE: "Rule::Promote", FLOAT: "Rule::Float", BOOL: "Rule::Bool"}
ROLES = {"v": "Value", "p": "Parameter", "b": "Mask", "i": "Own", "d": "Double"}
SUPPLIED = {"$max": -2, "$lowest": -3, "$mean": -4}   # the constants of Source; a literal is -1
ENUM = {d.name: d.name.upper() if d.name != "bool" else "Bool" for d in dtypes.ALL}
MAX_RESULTS = 2


class Schemas:
    """The aten schemas of the installed torch, by name."""

    def __init__(self):
        import torch

        self.torch = torch
        self.by_base = defaultdict(list)
        for schema in torch._C._jit_get_all_schemas():
            if schema.name.startswith("aten::"):
                self.by_base[schema.name[6:]].append(schema)

    def find(self, name: str):
        base, _, overload = name.partition(".")
        return next((s for s in self.by_base[base] if s.overload_name == overload), None)

    def decomposes(self, schema) -> bool:
        """Registering a kernel for such an op would cut its gradient off, unless torch does the same on the CPU."""
        has = self.torch._C._dispatch_has_kernel_for_dispatch_key
        return has(qualified(schema), "CompositeImplicitAutograd") and not has(qualified(schema), "CPU")

    def in_place(self, functional):
        wanted = [signature(a) for a in functional.arguments]
        return next((s for s in self.by_base[functional.name[6:] + "_"]
                     if [signature(a) for a in s.arguments] == wanted and writes(s.arguments[0])), None)

    def out(self, functional, overload):
        wanted = [signature(a) for a in functional.arguments]
        for s in self.by_base[functional.name[6:]]:
            inputs = [signature(a) for a in s.arguments if not writes(a)]
            if len(s.arguments) > len(inputs) and inputs == wanted and overload in (None, s.overload_name):
                return s
        return None


def qualified(schema) -> str:
    return schema.name + ("." + schema.overload_name if schema.overload_name else "")


def type_name(argument) -> str:
    return str(getattr(argument, "real_type", argument.type))


def signature(argument):
    return argument.name, type_name(argument)


def writes(argument) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write


def check_types(schema) -> None:
    for argument in schema.arguments:
        if type_name(argument) not in TYPES:
            raise ValueError(f"aten table: argument {argument.name!r} of {qualified(schema)} has type {type_name(argument)}, which "
                             "elementwise calls do not take. Leave the overload out of the row, or teach Arg (elementwise.h) the type.")


def op_class(schema) -> str:
    """torch's C++ class of the overload."""
    return "at::_ops::" + qualified(schema).removeprefix("aten::").replace(".", "_")


def header_of(schema, torch) -> str | None:
    """The file under ATen/ops that declares op_class(schema); None if there is none."""
    base = schema.name.removeprefix("aten::")
    for name in (base, base.removesuffix("_"), base.strip("_"), base.strip("_").removeprefix("i")):   # add, add_, __lshift__, __ilshift__
        if (Path(torch.__file__).parent / "include" / "ATen" / "ops" / f"{name}_ops.h").exists():
            return f"#include <ATen/ops/{name}_ops.h>"
    return None


def identifier(schema) -> str:
    return qualified(schema)[6:].replace(".", "__")


def number(value) -> str:
    return repr(float(value))


def sources(row: Elementwise, entry: Aten, schema):
    """[(schema argument or Source constant, what stands in for it, role, literal)] per expression argument."""
    names = [a.name for a in schema.arguments]
    if entry.args is not None:
        wanted = list(entry.args)
    else:
        wanted = [a.name for a in schema.arguments
                  if not writes_only(a) and type_name(a) in VALUE_TYPES and a.name not in entry.when and a.name != "reduction"][:row.arity]
    if len(wanted) != row.arity:
        raise ValueError(f"aten table: row {row.name!r} takes {row.arity} arguments, {entry.name} gives {wanted}.")

    def number(text):
        return (-1, float(text[1:])) if text.startswith("=") else (SUPPLIED[text], 0.0)

    found = []
    for i, text in enumerate(wanted):
        name, _, other = text.partition("|")
        otherwise, literal = number(other) if other else (0, 0.0)
        if name[0] in "=$":
            arg, literal = number(name)
        elif name in names:
            arg = names.index(name)
        else:
            raise ValueError(f"aten table: {entry.name} of row {row.name!r} names {name!r}; {qualified(schema)} has {names}.")
        found.append((arg, otherwise, ROLES[row.kind(i)], literal))
    return found


def writes_only(argument) -> bool:
    """Is the argument an out= tensor (not the self of an in-place form)?"""
    return writes(argument) and argument.kwarg_only


def conditions(row: Elementwise, entry: Aten, schema, found):
    names = [a.name for a in schema.arguments]
    result = []
    for name, value in entry.when.items():
        if name == "reduction":   # of a loss: the general path folds what the row computes
            continue
        arg = names.index(name)
        if value == "absent" or value is None:
            result.append((arg, "None", 0, "nullptr"))
        elif value == "given":
            result.append((arg, "NotNone", 0, "nullptr"))
        elif isinstance(value, bool):
            result.append((arg, "Bool", int(value), "nullptr"))
        elif isinstance(value, (int, float)):
            result.append((arg, "Number", value, "nullptr"))
        elif value.startswith(">"):
            kind, bound = ("AtLeast", value[2:]) if value.startswith(">=") else ("Above", value[1:])
            result.append((arg, kind, float(bound), "nullptr"))
        else:
            result.append((arg, "String", 0, f'"{value}"'))
    for arg, otherwise, _, _ in found:   # an optional argument without a substitute must be there
        if arg >= 0 and otherwise == 0 and type_name(schema.arguments[arg]).startswith("Optional") and names[arg] not in entry.when:
            result.append((arg, "NotNone", 0, "nullptr"))
    return result


LETTER = {"b": "b", "i": "i", "u": "i", "f": "f"}     # DType.kind -> letter of Elementwise.dtypes
PROBED = [d for d in dtypes.ALL if d.kind in LETTER and not (d.kind == "u" and d.bits > 8)]


def dtype_mask(row: Elementwise, rules: Rules) -> int:
    """The types the row computes in, without those that torch refuses."""
    known = {d.torch for d in PROBED}
    return sum(1 << d.code for d in dtypes.ALL if LETTER.get(d.kind, "c") in row.dtypes
               and (row.narrow or d.kind != "f" or d.bits > 16)
               and (d.torch in rules.dtypes or d.torch not in known or row.rule == FLOAT and d.kind != "f"))


def refused_mask(row: Elementwise, rules: Rules, values) -> int:
    """Rules.refused without what the row does not compute and what Rules.same excludes. `values`: schema arguments."""
    def needed(bit):
        kinds = [bit // len(KINDS) ** n % len(KINDS) for n in range(len(values))]
        common = "f" if row.rule == FLOAT else "bif"[max(kinds)]
        return common in row.dtypes and len({k for arg, k in zip(values, kinds) if rules.same >> arg & 1}) < 2
    return sum(1 << bit for bit in range(rules.refused.bit_length()) if rules.refused >> bit & 1 and needed(bit))


class TableWriter:
    def __init__(self, schemas: Schemas):
        self.schemas = schemas
        self.missing = []                    # names no schema answers to
        self.variants = defaultdict(list)    # qualified schema name -> C++ text of each variant
        self.flags = defaultdict(set)        # qualified schema name -> what its entries say (Aten.flags)
        self.forms = {}                      # qualified schema name -> (schema, form)
        self.conditions = {}                 # C++ text of a list of conditions -> number

    def add(self, row: Elementwise, entry: Aten) -> None:
        functional = self.schemas.find(entry.name)
        if functional is None:
            self.missing.append(f"{entry.name} (row {row.name}): not in torch {self.schemas.torch.__version__}")
            return
        if entry.name.split(".")[0].endswith("_") and not entry.name.startswith("__"):
            targets = [(functional, "InPlace")]
        else:
            reads = any(arg >= 0 and "Tensor" in type_name(functional.arguments[arg])
                        for arg, _, _, _ in sources(row, entry, functional))
            # Without a tensor to read, geometry comes from the destination; torch composes the other forms from that one.
            forms = entry.forms if reads else "i"
            targets = [(functional, "Functional")] if "f" in forms else []
            if "i" in forms and (schema := self.schemas.in_place(functional)):
                targets.append((schema, "InPlace"))
            if "o" in forms and (schema := self.schemas.out(functional, entry.out)):
                targets.append((schema, "Out"))
        rules = self.rules(row, entry, functional)
        for schema, form in targets:
            if self.schemas.decomposes(schema):
                self.missing.append(f"{qualified(schema)} (row {row.name}): decomposes; name the op it decomposes into")
                continue
            self.forms[qualified(schema)] = (schema, form)
            self.flags[qualified(schema)] |= set(entry.flags)
            of_form = (out_rules(self.probe(row, entry, functional, schema), rules) if form == "Out"
                       else in_place_rules(rules) if form == "InPlace" else rules)
            self.variants[qualified(schema)].append(self.variant(row, entry, schema, of_form))

    def probe(self, row: Elementwise, entry: Aten, functional, schema) -> Probe:
        kinds = {arg: row.kind(i) for i, (arg, _, _, _) in enumerate(sources(row, entry, functional)) if arg >= 0}
        return Probe(self.schemas.torch, schema, kinds, entry.when)

    def rules(self, row: Elementwise, entry: Aten, functional) -> Rules:
        found = functional_rules(self.probe(row, entry, functional, functional), [d.torch for d in PROBED])
        if found is None:
            self.missing.append(f"{entry.name} (row {row.name}): torch refuses every call that csrc/tablegen/aten_rules.py makes. Teach "
                                "Probe the arguments it needs")
            return Rules(frozenset(d.torch for d in PROBED))
        return found

    def variant(self, row: Elementwise, entry: Aten, schema, rules: Rules) -> str:
        found = sources(row, entry, schema)
        met = conditions(row, entry, schema, found)
        args = ", ".join(f"{{{arg}, {otherwise}, Source::Role::{role}, {number(literal)}}}"
                         for arg, otherwise, role, literal in found)
        types = [*row.result_types, *["T"] * (MAX_RESULTS - len(row.result_types))][:MAX_RESULTS]
        results = ", ".join("DType::Count" if t == "T" else f"DType::{ENUM[t]}" for t in types)
        values = [arg for arg, _, role, _ in found if arg >= 0 and role == "Value"][:COMBINED]
        order = [*rules.order, *(i for i in range(row.arity) if i not in rules.order)]
        learned = (f"{{{refused_mask(row, rules, values)}, {rules.same}, {rules.like}, {str(rules.contiguous).lower()}, "
                   f"Open::{rules.open}, {str(rules.exact).lower()}, {rules.restrided}, {{{', '.join(map(str, order))}}}}}")
        halves = ", ".join(f"Op::{op}" for op in row.halves or (row.name, row.name))
        name = "nullptr"
        if met:
            text = ", ".join(f"{{{a}, Condition::Kind::{k}, {number(n)}, {string}}}" for a, k, n, string in met)
            name = f"conditions_{self.conditions.setdefault(text, len(self.conditions))}"
        return (f"{{Op::{row.name}, {RULES[row.rule]}, {row.arity}, {len(met)}, {row.results}, {dtype_mask(row, rules)}, "
                f"{{{results}}}, {{{args}}}, {learned}, {name}, {{{halves}}}}}")

    def op(self, schema, form: str) -> str:
        arguments = schema.arguments
        outs = [i for i, a in enumerate(arguments) if writes(a)] if form != "Functional" else []
        flags = [f"k{flag.title().replace('_', '')}" for flag in ATEN_FLAGS if flag in self.flags[qualified(schema)]]
        reduction = next((i for i, a in enumerate(arguments) if a.name == "reduction"), -1)
        folds = str(reduction >= 0 and not schema.name.endswith("_backward")).lower()
        name, id_ = qualified(schema), identifier(schema)
        return (f'const AtenOp op_{id_}{{{{"{schema.name}", "{schema.overload_name}"}}, "{name[6:]}", SchemaKind::{form}, '
                f"{' | '.join(flags) or 0}, {len(arguments)}, {len(schema.returns)}, "
                f"{{{', '.join(str(o) for o in outs) or 0}}}, {reduction}, {folds}, {len(self.variants[name])}, variants_{id_}}};")

    def registration(self, schema) -> str:
        check_types(schema)
        torchs = op_class(schema)
        return (f'm.impl("{qualified(schema)[6:]}", '
                f"ElementwiseKernel<{torchs}::schema>{{&op_{identifier(schema)}, &{torchs}::redispatch}});")

    def headers(self) -> str:
        found = sorted({header_of(schema, self.schemas.torch) for schema, _ in self.forms.values()})
        return "\n".join(["// Generated by csrc/tablegen/aten_table.py. Do not edit.", *found, ""])

    def text(self) -> str:
        lines = [f"// Generated by csrc/tablegen/aten_table.py for torch {self.schemas.torch.__version__}. Do not edit.",
                 "namespace {"]
        lines += [f"const Condition conditions_{i}[] = {{{text}}};" for text, i in self.conditions.items()]
        for name, (schema, form) in self.forms.items():
            lines.append(f"const Variant variants_{identifier(schema)}[] = {{{', '.join(self.variants[name])}}};")
            lines.append(self.op(schema, form))
        lines += ["}  // namespace", "TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {"]
        lines += ["  " + self.registration(schema) for schema, _ in self.forms.values()]
        return "\n".join([*lines, "}", ""])


def collect(table) -> TableWriter:
    writer = TableWriter(Schemas())
    for row in table:
        if isinstance(row, Elementwise):
            for entry in row.aten:
                writer.add(row, entry)
    return writer


def aten_table(table) -> tuple[str, str]:
    """The texts of aten_table.inc and aten_headers.inc. Names in rows that this torch does not know are reported, not fatal."""
    writer = collect(table)
    for line in writer.missing:
        print(f"aten table: {line}", file=sys.stderr)
    return writer.text(), writer.headers()
