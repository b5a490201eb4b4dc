# SPDX-License-Identifier: Apache-2.0
"""Writes what comes from fpga-regs/. Called by tools/generate-registers.

generate.py sources REGISTERS SWIFT-FOLDER C-FOLDER    what is committed
generate.py html REGISTERS FOLDER                      pages to read
generate.py rtl REGISTERS MODEL.rdl FOLDER             the registers as SystemVerilog
"""

import os
import sys

from systemrdl.node import RegNode

import swift_layouts
import swift_map
import swift_values
from model import REVISIONS, Reader, definition_name
from words import type_name

COMMAND = "tools/generate-registers"


def write(path, comment, source, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{comment} SPDX-License-Identifier: Apache-2.0\n"
                   f"{comment} DO NOT EDIT: made by {COMMAND} from fpga-regs/{source}.\n\n{text}")


def swift(reader, maps, entries, folder):
    os.makedirs(folder, exist_ok=True)

    def file(name, source, text):
        write(os.path.join(folder, name + ".swift"), "//", source, text)

    types, blocks = {}, {}
    for reg in reader.types.values():
        types.setdefault(reg.file, []).append(reg)
    for layout in reader.layouts.values():
        blocks.setdefault(layout.file, {}).setdefault(layout.block, []).append(layout)
    for name in sorted(types.keys() | blocks.keys()):
        enums = {f.encode.__name__: f.encode for reg in types.get(name, []) for f in reg.fields if f.encode}
        parts = [swift_map.block(layouts) for layouts in blocks.get(name, {}).values()]
        parts += [swift_values.enumeration(e) for e in enums.values()]
        parts += [swift_values.value(reg) for reg in types.get(name, [])]
        file(type_name(name) + "Registers", f"blocks/{name}.rdl", "\n".join(parts))
    file("FlowEngineMap", "map_rev*.rdl", swift_map.flow_engine_map(maps))
    file("FlowCacheLayouts", "blocks/entries.rdl", swift_layouts.layouts(*entries))


def c_headers(reader, folder):
    from peakrdl_cheader.exporter import CHeaderExporter

    os.makedirs(folder, exist_ok=True)
    for name, top in reader.tops.items():
        # The compiler gives an instance with a description of its own a type of its own, with a number in its name.
        for node in top.descendants(unroll=False):
            node.inst.type_name = definition_name(node)
        path = os.path.join(folder, name + ".h")
        CHeaderExporter().export(top, path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        source = top.inst.def_src_ref.path
        write(path, "//", os.path.relpath(source, reader.folder), text)


def sources(registers, swift_folder, c_folder):
    reader = Reader(registers)
    maps = [reader.map(revision) for revision in REVISIONS]
    entries = reader.entries()
    swift(reader, maps, entries, swift_folder)
    c_headers(reader, c_folder)


def html(registers, folder):
    from peakrdl_html import HTMLExporter

    reader = Reader(registers)
    for revision in REVISIONS:
        reader.map(revision)
    reader.entries()
    shown = ["source", "access_public", "unit", "entry_words", "entry_stride", "entries_used", "hash_fields"]
    HTMLExporter(extra_doc_properties=shown).export(list(reader.tops.values()), folder, title="FlowEngine registers")


def rtl(registers, model, folder):
    from peakrdl_regblock import RegblockExporter
    from peakrdl_regblock.cpuif.passthrough import PassthroughCpuif
    from peakrdl_regblock.udps import ALL_UDPS
    from systemrdl import RDLCompiler

    compiler = RDLCompiler()
    for udp in ALL_UDPS:
        compiler.register_udp(udp)
    compiler.compile_file(model, incl_search_paths=[registers])
    os.makedirs(folder, exist_ok=True)
    root = compiler.elaborate()
    RegblockExporter().export(root, folder, cpuif_cls=PassthroughCpuif, module_name="card_registers",
                              err_if_bad_addr=True, err_if_bad_rw=True)
    places(root.top, os.path.join(folder, "card_places.sv"))


def places(top, path):
    """The register block says that an access was an error, but not whether there is a register at all: this does."""
    from systemrdl.node import MemNode

    spans = []
    for node in top.descendants(unroll=True):
        if isinstance(node, (RegNode, MemNode)):
            first, end = node.absolute_address, node.absolute_address + node.total_size
            if spans and spans[-1][1] == first:
                spans[-1][1] = end
            else:
                spans.append([first, end])
    tests = " ||\n            ".join(f"(address >= 24'h{a:06x} && address < 24'h{b:06x})" for a, b in spans)
    with open(path, "w", encoding="utf-8") as file:
        file.write("package card_places;\n    function automatic logic is_place(input logic [23:0] address);\n"
                   f"        return {tests};\n    endfunction\nendpackage\n")


if __name__ == "__main__":
    {"sources": sources, "html": html, "rtl": rtl}[sys.argv[1]](*sys.argv[2:])
