# SPDX-License-Identifier: Apache-2.0
"""A value type for each register, its fields as typed properties."""

import re

from words import doc, hexadecimal, literal, property_name, string, type_name

PLAIN_UNITS = {"count", "address"}


def integer(width):
    return next(f"UInt{size}" for size in (8, 16, 32) if width <= size)


def groups(fields):
    """Fields called name0, name1, ... side by side are one property with an index; all others stand alone."""
    result = []
    for field in fields:
        match = re.fullmatch(r"(.*[a-z])(\d+)", field.name)
        last = result[-1] if result else None
        if match and last and last[0] == match[1] and int(match[2]) == len(last[1]) \
                and field.width == last[1][0].width and field.low == last[1][-1].low + field.width:
            last[1].append(field)
        else:
            result.append((match[1] if match and match[2] == "0" else None, [field]))
    return [(name if len(members) > 1 else None, members) for name, members in result]


def swift_type(field):
    if field.encode is not None:
        return field.encode.__name__
    return "Bool" if field.width == 1 else integer(field.width)


def accessors(field, low, indent):
    """Getter and setter of some bits, in the field's type."""
    pad = " " * indent
    bits = f"rawValue[{low}, {field.width}]"
    if field.encode is not None:
        name = field.encode.__name__
        return (f"{pad}get {{ {name}(rawValue: {integer(field.width)}(truncatingIfNeeded: {bits})) }}\n"
                f"{pad}set {{ {bits} = UInt32(newValue.rawValue) }}\n")
    if field.width == 1:
        return f"{pad}get {{ rawValue[{low}] }}\n{pad}set {{ rawValue[{low}] = newValue }}\n"
    if field.width == 32:
        return f"{pad}get {{ rawValue }}\n{pad}set {{ rawValue = newValue }}\n"
    if integer(field.width) == "UInt32":
        return f"{pad}get {{ {bits} }}\n{pad}set {{ {bits} = newValue }}\n"
    return (f"{pad}get {{ {integer(field.width)}(truncatingIfNeeded: {bits}) }}\n"
            f"{pad}set {{ {bits} = UInt32(newValue) }}\n")


def is_scaled(field):
    return field.scale != (1, 1, 0)


def field_property(field):
    """The unit of a field that counts it directly is part of its name."""
    name = property_name(field.name)
    if field.unit is None or is_scaled(field):
        return name
    if field.name == "value":
        return property_name(field.unit)
    return name if field.unit in PLAIN_UNITS else name + type_name(field.unit)


def single(field):
    note = field.summary
    if field.unit and not is_scaled(field) and field.unit not in PLAIN_UNITS:
        note = f"{note} In {field.unit}.".strip()
    text = doc(note, 4) if note else ""
    head = f"    public var {field_property(field)}: {swift_type(field)} {{\n"
    return text + head + accessors(field, field.low, 8) + "    }\n"


def scaled(reg, field):
    """The field in its unit; and from the unit, if the register is nothing else and the scale is whole."""
    by, per, plus = field.scale
    unit = property_name(field.unit)
    shift = f" + {plus}" if plus > 0 else f" - {-plus}" if plus < 0 else ""
    raw = field_property(field)
    if per != 1:
        return (doc(f"raw * {by} / {per}{shift}", 4)
                + f"    public var {unit}: Double {{ Double({raw}) * {by} / {per}{shift} }}\n")
    text = doc(f"{raw} * {by}{shift}", 4) + f"    public var {unit}: Int {{ Int({raw}) * {by}{shift} }}\n"
    if len(reg.fields) == 1:
        back = f"{unit} - {plus}" if plus > 0 else f"{unit} + {-plus}" if plus < 0 else unit
        text += "\n" + doc(f"nil if the register cannot say this many {unit}.", 4)
        text += f"    public init?({unit}: Int) {{\n"
        text += f"        guard ({back}) % {by} == 0, let raw = UInt32(exactly: ({back}) / {by})"
        text += f", raw >> {field.width - 1} <= 1" if field.width < 32 else ""
        text += " else { return nil }\n"
        text += f"        self.init(rawValue: raw << {field.low})\n    }}\n" if field.low else \
                "        self.init(rawValue: raw)\n    }\n"
        text = text.replace(f"({unit}) ", f"{unit} ")
    return text


def indexed(name, members):
    first = members[0]
    place = f"checked(index, {len(members)})"
    place += f" * {first.width}" if first.width > 1 else ""
    place = f"{first.low} + {place}" if first.low else place
    text = doc(first.summary, 4) if first.summary else ""
    text += f"    public subscript({property_name(name)} index: Int) -> {swift_type(first)} {{\n"
    return text + accessors(first, place, 8) + "    }\n"


def field_literal(field):
    place = f"{string(field.name)}, {field.low}, {field.width}"
    line = f".init({place}, {string(field.summary)})"
    if len(line) < 106:
        return line
    return f".init(\n                {place},\n                {literal(field.summary, 16)})"


def value(reg):
    name = type_name(reg.name)
    text = doc(reg.title + ": " + reg.summary + (f"\n\nSource: {reg.source}." if reg.source else ""))
    text += f"public struct {name}: DescribedRegister {{\n    public var rawValue: UInt32\n"
    text += "    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }\n"
    for group, members in groups(reg.fields):
        text += "\n" + (indexed(group, members) if group else single(members[0]))
        if not group and is_scaled(members[0]):
            text += "\n" + scaled(reg, members[0])
    fields = [field_literal(f) for f in reg.fields]
    reset = "nil" if reg.reset is None else hexadecimal(reg.reset)
    text += "\n    public static let about = RegisterAbout(\n"
    text += "        " + literal(reg.summary, 8) + f",\n        source: {string(reg.source)}, "
    text += f"accessIsPublic: {str(reg.access_public).lower()}, reset: {reset},\n        "
    if len(fields) == 1 and "\n" not in fields[0]:
        text += f"[{fields[0]}])\n}}\n"
    else:
        text += "[\n" + ",\n".join(f"            {line}" for line in fields)
        text += (",\n" if len(fields) > 1 else "\n") + "        ])\n}\n"
    return text


def enumeration(encode):
    """Total: a value the source does not name is still a value."""
    name = encode.__name__
    members = list(encode.members.values())
    text = f"public enum {name}: RawRepresentable, Hashable, Sendable {{\n"
    for member in members:
        text += (doc(member.rdl_desc, 4) if member.rdl_desc else "") + f"    case {property_name(member.name)}\n"
    text += doc("A value that no public source names.", 4) + "    case undefined(UInt8)\n\n"
    text += f"    public init(rawValue: UInt8) {{\n        self =\n            switch rawValue {{\n"
    text += "".join(f"            case {m.value}: .{property_name(m.name)}\n" for m in members)
    text += "            default: .undefined(rawValue)\n            }\n    }\n\n"
    text += f"    public var rawValue: UInt8 {{\n        switch self {{\n"
    text += "".join(f"        case .{property_name(m.name)}: {m.value}\n" for m in members)
    text += "        case .undefined(let value): value\n        }\n    }\n}\n"
    return text
