# SPDX-License-Identifier: Apache-2.0
"""Layouts of the tables' entries."""

from model import definition_name, sentence
from words import doc, property_name, string

KEY_NOT_PUBLIC = "EMH_KEY_NOT_PUBLIC"


def layout(node, name):
    fields = [f".init({string(f.inst_name)}, {f.low}, {f.width})" for f in node.fields()]
    text = f"EntryLayout(\n        {string(name)}, words: {node.get_property('entry_words')},\n        "
    if len(fields) == 1:
        return text + f"[{fields[0]}])"
    return text + "[\n" + "".join(f"            {field},\n" for field in fields) + "        ])"


def layouts(single, rules):
    text = doc("Where the fields of the tables' entries are. Key sets of hashed rules are a choice of the bitstream: "
               "they depend on its hash revision.\n\n"
               "Source: InnoRoute/packages TNflowtable, unless a layout says otherwise.")
    text += "public enum FlowCacheLayouts {\n"
    for name, node in single:
        text += doc(sentence(node.get_property("desc")), 4)
        text += f"    public static let {property_name(name)} = {layout(node, node.get_property('name'))}\n\n"
    seen = {}
    for _, _, node in rules:
        seen.setdefault(definition_name(node), node)
    for name, node in seen.items():
        if name == KEY_NOT_PUBLIC:
            continue
        text += doc(f"{node.get_property('name')}: " + sentence(node.get_property("desc")), 4)
        text += f"    static let {property_name(name)} = {layout(node, 'EMH rule: ' + node.get_property('name'))}\n\n"
    revisions = sorted({r for r, _, _ in rules})
    text += doc("Hash revisions of which something is public.", 4)
    text += f"    public static let hashRevisions = [{', '.join(map(str, revisions))}]\n\n"
    text += doc("A hashed rule of this type, 1-4; nil if there is none, or if only what it hashes is public "
                "(revision 2).", 4)
    text += ("    public static func emhRule(hashRevision: Int, type: Int) -> EntryLayout? {\n"
             "        switch (hashRevision, type) {\n")
    for revision, kind, node in rules:
        if definition_name(node) != KEY_NOT_PUBLIC:
            text += f"        case ({revision}, {kind}): {property_name(definition_name(node))}\n"
    text += "        default: nil\n        }\n    }\n\n"
    text += doc("Names of the fields a rule of this type is hashed by, in the order of the public tools; nil if there "
                "is none.", 4)
    text += ("    public static func hashedFields(hashRevision: Int, type: Int) -> [String]? {\n"
             "        switch (hashRevision, type) {\n")
    for revision, kind, node in rules:
        fields = ", ".join(string(f) for f in node.get_property("hash_fields").split(","))
        text += f"        case ({revision}, {kind}): [{fields}]\n"
    return text + "        default: nil\n        }\n    }\n}\n"
