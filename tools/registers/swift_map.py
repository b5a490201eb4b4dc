# SPDX-License-Identifier: Apache-2.0
"""Blocks, and the map with its revisions."""

from words import doc, hexadecimal, literal, property_name, string, type_name


def block_name(layout):
    return type_name(layout.block) + "Block"


def merged(layouts):
    """Names of registers and inner blocks of a block, in order of address, with their first appearance."""
    found = {}
    for layout in layouts:
        for item in layout.registers + layout.children:
            found.setdefault(item.name, item)
    order = {name: min(offset_of(l, name) for l in layouts if offset_of(l, name) is not None) for name in found}
    return sorted(found.values(), key=lambda item: (order[item.name], item.name))


def offset_of(layout, name):
    for register in layout.registers:
        if register.name == name:
            return register.offset
    for child in layout.children:
        if child.name == name:
            return child.addresses[0]
    return None


def is_register(item):
    return hasattr(item, "offset")


def register_type(register):
    kind = "Register" if register.count is None else "RegisterArray"
    return f"{kind}<{type_name(register.type.name)}, {register.type.mode}>"


def instance_type(instance):
    name = block_name(instance.layout)
    return f"[{name}]" if instance.is_list else name


def make_register(register, base):
    place = f"{base} + {hexadecimal(register.offset)}"
    if register.count is None:
        return f"Register({place})"
    return f"RegisterArray({place}, stride: {register.stride}, count: {register.count})"


def make_instance(instance, base=None):
    label = f"rev{instance.layout.revision}: " if instance.layout.revision else ""
    name = block_name(instance.layout)
    if not instance.is_list:
        place = hexadecimal(instance.addresses[0], 6)
        return f"{name}({label}{place})"
    strides = {b - a for a, b in zip(instance.addresses, instance.addresses[1:])}
    assert len(strides) == 1, instance.name
    start = (f"{base} + " if base else "") + hexadecimal(instance.addresses[0], 0 if base else 6)
    stride = hexadecimal(strides.pop())
    return f"(0..<{len(instance.addresses)}).map {{ {name}({label}{start} + UInt32($0) * {stride}) }}"


def block(layouts):
    """A structure for a block, made at an address as some revision of the map lays it out."""
    first = layouts[0]
    name = block_name(first)
    items = merged(layouts)
    text = doc(f"{first.title}: {first.summary}") + f"public struct {name}: Sendable {{\n"
    for item in items:
        optional = "?" if any(offset_of(l, item.name) is None for l in layouts) else ""
        kind = register_type(item) if is_register(item) else instance_type(item)
        summary = item.summary if is_register(item) else item.layout.summary
        if optional:
            summary += " Not in every revision of the map."
        text += doc(summary, 4) + f"    public let {property_name(item.name)}: {kind}{optional}\n"
    for layout in layouts:
        label = f"rev{layout.revision} base" if layout.revision else "_ base"
        text += f"\n    init({label}: UInt32) {{\n"
        for item in items:
            own = next((i for i in layout.registers + layout.children if i.name == item.name), None)
            make = make_register if is_register(item) else make_instance
            text += f"        {property_name(item.name)} = {'nil' if own is None else make(own, 'base')}\n"
        text += "    }\n"
    text += "\n    func list(_ block: String, in list: inout RegisterList) {\n"
    for item in items:
        optional = any(offset_of(l, item.name) is None for l in layouts)
        if is_register(item):
            values = f"block, {string(item.name)}, {property_name(item.name)}"
            if item.summary == item.type.summary:
                text += f"        list.add({values})\n"
            else:
                text += f"        list.add(\n            {values},\n            {literal(item.summary, 12)})\n"
        else:
            assert not optional and item.is_list
            text += f"        for (index, each) in {property_name(item.name)}.enumerated() {{\n"
            text += f"            each.list(\"\\(block).{item.name}\\(index)\", in: &list)\n        }}\n"
    return text + "    }\n}\n"


def make_table(table):
    def at(name, base):
        return (f"EntryTable({string(name)}, {hexadecimal(base, 6)}, stride: {table.stride}, count: {table.count}, "
                f"words: {table.words})")

    if not table.is_list:
        return at(table.name, table.addresses[0])
    entries = [at(f"{table.name}{i}", address) for i, address in enumerate(table.addresses)]
    return "[\n" + "".join(f"            {entry},\n" for entry in entries) + "        ]"


def flow_engine_map(maps):
    instances, tables = {}, {}
    for one in maps:
        for item in one.instances:
            instances.setdefault(item.name, item)
        for item in one.tables:
            tables.setdefault(item.name, item)

    def everywhere(name, pick):
        return all(any(i.name == name for i in pick(m)) for m in maps)

    text = doc("The card's registers and tables, where one revision of the map has them. Which one a card has is read "
               "from COMMON ADDR_MAP_REV, which is at the same place in all of them. What a revision lacks is nil.")
    text += "public struct FlowEngineMap: Sendable {\n    public let revision: Int\n"
    for name, item in instances.items():
        optional = "" if everywhere(name, lambda m: m.instances) else "?"
        text += doc(f"{item.layout.title}: {item.layout.summary}", 4)
        text += f"    public let {property_name(name)}: {instance_type(item)}{optional}\n"
    for name, item in tables.items():
        optional = "" if everywhere(name, lambda m: m.tables) else "?"
        kind = "[EntryTable]" if item.is_list else "EntryTable"
        text += doc(f"{item.title}: {item.summary}", 4) + f"    public let {property_name(name)}: {kind}{optional}\n"
    text += "\n    public static let revisions = [" + ", ".join(f"revision{m.revision}" for m in maps) + "]\n\n"
    text += doc("nil: no public source describes this revision.", 4)
    text += "    public static func revision(_ number: Int) -> FlowEngineMap? {\n"
    text += "        revisions.first { $0.revision == number }\n    }\n"
    for one in maps:
        text += f"\n    public static let revision{one.revision} = FlowEngineMap(\n        revision: {one.revision},\n"
        parts = []
        for name in instances:
            own = next((i for i in one.instances if i.name == name), None)
            parts.append(f"        {property_name(name)}: {'nil' if own is None else make_instance(own)}")
        for name in tables:
            own = next((i for i in one.tables if i.name == name), None)
            parts.append(f"        {property_name(name)}: {'nil' if own is None else make_table(own)}")
        text += ",\n".join(parts) + "\n    )\n"
    text += "\n" + doc("Every register of this revision, in order of address.", 4)
    text += "    public var registers: [RegisterDescription] {\n        var list = RegisterList()\n"
    for name, item in instances.items():
        optional = not everywhere(name, lambda m: m.instances)
        own = property_name(name)
        if item.is_list:
            text += f"        for (index, each) in {'(' + own + ' ?? [])' if optional else own}.enumerated() {{\n"
            text += f"            each.list(\"{name}\\(index)\", in: &list)\n        }}\n"
        else:
            text += f"        {own}{'?' if optional else ''}.list({string(name)}, in: &list)\n"
    text += "        return list.sorted\n    }\n\n"
    text += doc("Every table of this revision, in order of address.", 4)
    text += "    public var tables: [EntryTable] {\n        var list: [EntryTable] = []\n"
    for name, item in tables.items():
        optional = not everywhere(name, lambda m: m.tables)
        own = property_name(name)
        if item.is_list:
            text += f"        list += {own}{' ?? []' if optional else ''}\n"
        elif optional:
            text += f"        if let {own} {{ list.append({own}) }}\n"
        else:
            text += f"        list.append({own})\n"
    return text + "        return list.sorted { $0.base < $1.base }\n    }\n}\n"
