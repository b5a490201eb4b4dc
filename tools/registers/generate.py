# SPDX-License-Identifier: Apache-2.0
"""Writes what comes from fpga-regs/: generate.py REGISTERS SWIFT-FOLDER. Called by tools/generate."""

import os
import sys

import swift_layouts
import swift_map
import swift_values
from model import REVISIONS, Reader
from words import type_name

HEAD = """// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate from fpga-regs/{source}.

"""


def write(folder, name, source, text):
    with open(os.path.join(folder, name + ".swift"), "w", encoding="utf-8") as file:
        file.write(HEAD.format(source=source) + text)


def main(registers, out):
    reader = Reader(registers)
    maps = [reader.map(revision) for revision in REVISIONS]
    os.makedirs(out, exist_ok=True)
    types, blocks = {}, {}
    for reg in reader.types.values():
        types.setdefault(reg.file, []).append(reg)
    for layout in reader.layouts.values():
        blocks.setdefault(layout.file, {}).setdefault(layout.block, []).append(layout)
    for file in sorted(types.keys() | blocks.keys()):
        enums = {f.encode.__name__: f.encode for reg in types.get(file, []) for f in reg.fields if f.encode}
        parts = [swift_map.block(layouts) for layouts in blocks.get(file, {}).values()]
        parts += [swift_values.enumeration(e) for e in enums.values()]
        parts += [swift_values.value(reg) for reg in types.get(file, [])]
        write(out, type_name(file) + "Registers", f"blocks/{file}.rdl", "\n".join(parts))
    write(out, "FlowEngineMap", "map_rev*.rdl", swift_map.flow_engine_map(maps))
    write(out, "FlowCacheLayouts", "blocks/entries.rdl", swift_layouts.layouts(*reader.entries()))


if __name__ == "__main__":
    main(*sys.argv[1:])
