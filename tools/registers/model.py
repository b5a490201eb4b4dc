# SPDX-License-Identifier: Apache-2.0
"""What the generators need to know of fpga-regs/, read from the compiler's tree."""

import os
import re
from dataclasses import dataclass, field

from systemrdl import RDLCompiler
from systemrdl.node import MemNode, RegfileNode, RegNode

REVISIONS = (7, 16, 17)


@dataclass
class Field:
    name: str
    low: int
    width: int
    summary: str
    reset: int | None
    unit: str | None
    scale: tuple[int, int, int]
    encode: type | None


@dataclass
class RegType:
    """A register component: instances share it, in all revisions of the map."""

    name: str
    title: str
    summary: str
    source: str
    mode: str
    access_public: bool
    fields: list[Field]
    file: str

    @property
    def reset(self):
        """None: not public, or not of every field."""
        if any(f.reset is None for f in self.fields):
            return None
        return sum(f.reset << f.low for f in self.fields)


@dataclass
class Register:
    name: str
    summary: str
    offset: int
    type: RegType
    count: int | None
    stride: int


@dataclass
class Layout:
    """Registers (and register files in it) of a block, in some revisions of the map."""

    name: str
    block: str
    revision: str
    title: str
    summary: str
    file: str
    registers: list[Register] = field(default_factory=list)
    children: list["Instance"] = field(default_factory=list)


@dataclass
class Instance:
    """A block at an address; several at equal distances, or numbered."""

    name: str
    layout: Layout
    addresses: list[int]
    is_list: bool


@dataclass
class Table:
    name: str
    title: str
    summary: str
    addresses: list[int]
    is_list: bool
    stride: int
    count: int
    words: int


@dataclass
class Map:
    revision: int
    instances: list[Instance]
    tables: list[Table]


def sentence(text):
    return " ".join((text or "").split())


def definition_name(node):
    """The name of the component an instance is of, also if the instance has a description of its own."""
    return node.inst.original_def.type_name if node.inst.original_def is not None else node.type_name


def file_of(node):
    return os.path.splitext(os.path.basename(node.inst.def_src_ref.path))[0]


class Reader:
    """Compiles the maps and keeps every register type and layout once."""

    def __init__(self, folder):
        self.folder = folder
        self.types = {}
        self.layouts = {}
        self.tops = {}

    def compile(self, file, top):
        compiler = RDLCompiler()
        compiler.compile_file(os.path.join(self.folder, file))
        self.tops[top] = compiler.elaborate(top).top
        return self.tops[top]

    def reg_type(self, node):
        name = definition_name(node)
        found = self.types.get(name)
        if found is None:
            found = self.types[name] = RegType(
                name, node.get_property("name"), described(node.inst.original_def or node.inst),
                node.get_property("source") or "", mode(node), bool(node.get_property("access_public")),
                [self.field(f) for f in node.fields()], file_of(node))
        return found

    def field(self, node):
        def number(name, absent):
            value = node.get_property(name)
            return absent if value is None else value

        scale = (number("scale_by", 1), number("scale_per", 1), number("scale_plus", 0) - number("scale_minus", 0))
        return Field(node.inst_name, node.low, node.width, sentence(node.get_property("desc")),
                     node.get_property("reset"), node.get_property("unit"), scale, node.get_property("encode"))

    def layout(self, node):
        name = node.type_name
        if name in self.layouts:
            return self.layouts[name]
        block, revision = re.fullmatch(r"(.*?)(?:_rev(\d+))?", name).groups()
        made = self.layouts[name] = Layout(
            name, block, revision or "", node.get_property("name"), sentence(node.get_property("desc")),
            file_of(node))
        for child in node.children(unroll=False):
            if isinstance(child, RegNode):
                made.registers.append(Register(
                    child.inst_name, sentence(child.get_property("desc")), child.raw_address_offset,
                    self.reg_type(child), child.array_dimensions[0] if child.is_array else None,
                    child.array_stride if child.is_array else 4))
            elif isinstance(child, RegfileNode):
                made.children.append(self.instance(child))
        return made

    def instance(self, node):
        return Instance(node.inst_name, self.layout(node), addresses(node), node.is_array)

    def map(self, revision):
        top = self.compile(f"map_rev{revision}.rdl", f"flowengine_rev{revision}")
        instances, tables = [], []
        for child in top.children(unroll=False):
            if isinstance(child, MemNode):
                tables.append(table(child))
            elif isinstance(child, RegfileNode):
                instances.append(self.instance(child))
            else:
                raise SystemExit(f"{child.get_path()}: only register files and memories belong in a map")
        return Map(revision, numbered(instances), numbered(tables))

    def entries(self):
        """Instances of blocks/entries.rdl: (name, node) of single ones, (hash revision, type, node) of hashed rules."""
        top = self.compile("blocks/entries.rdl", "flowengine_entries")
        single, rules = [], []
        for child in top.children():
            if isinstance(child, RegNode):
                single.append((child.inst_name, child))
            else:
                rules += [(int(child.inst_name.rsplit("_", 1)[1]), int(n.inst_name[4:]), n) for n in child.registers()]
        return single, rules


def mode(node):
    """The access mode of a register is what its fields can do together."""
    read = any(f.is_sw_readable for f in node.fields())
    write = any(f.is_sw_writable for f in node.fields())
    clear = any(f.get_property("onread") is not None for f in node.fields())
    if clear:
        return "ClearOnReadWrite" if write else "ClearOnRead"
    return "ReadWrite" if read and write else "WriteOnly" if write else "ReadOnly"


def addresses(node):
    first = node.raw_address_offset
    if not node.is_array:
        return [first]
    return [first + i * node.array_stride for i in range(node.array_dimensions[0])]


def table(node):
    words = node.get_property("entry_words")
    width = node.get_property("memwidth") // 8
    stride = node.get_property("entry_stride") or width
    count = node.get_property("mementries") * width // stride
    return Table(node.inst_name, node.get_property("name"), sentence(node.get_property("desc")), addresses(node),
                 node.is_array, stride, count, words)


def numbered(items):
    """Those called name0, name1, ... are a list called name."""
    result = {}
    for item in items:
        stem, digits = re.fullmatch(r"(.*?)(\d*)", item.name).groups()
        first = result.get(stem + "0")
        if digits and digits != "0" and first and len(first.addresses) == int(digits):
            first.name, first.is_list = stem, True
            first.addresses += item.addresses
        else:
            result[item.name] = item
    return list(result.values())


def described(component):
    """The description a component was defined with; an instance may have one of its own."""
    text = component.properties.get("desc")
    return sentence(text if isinstance(text, str) else text.get_value() if text is not None else "")
