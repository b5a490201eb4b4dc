// SPDX-License-Identifier: Apache-2.0
import Tables

extension Listing {
    /// The fields of a table's entries.
    public static func fields(of table: TableID) -> Listing {
        var text = TextTable([.left("FIELD"), .left("ROLE"), .left("EXPECTED")])
        let fields = EntrySyntax.fields(of: table)
        for field in fields { text.add([field.name, "\(field.role)", field.expected]) }
        return Listing(
            lines: text.lines(),
            json: .array(
                fields.map { field in
                    .object([
                        "field": .string(field.name), "role": .string("\(field.role)"),
                        "expected": .string(field.expected),
                    ])
                }))
    }

    /// What would be written.
    public static func plan(_ updates: [TableUpdate], names: Directory) -> Listing {
        Listing(
            lines: updates.map { "would \($0.operation) \(text(of: $0, names))" },
            json: .array(updates.map { .object(members(of: $0, names)) }))
    }

    /// What became of each update. Reasons of rejections are left to who prints them.
    public static func results(_ updates: [TableUpdate], _ results: [UpdateResult], names: Directory) -> Listing {
        let pairs = zip(updates, results)
        return Listing(
            lines: pairs.compactMap { update, result in
                guard result == .applied else { return nil }
                let done =
                    switch update.operation {
                    case .insert: "inserted"
                    case .modify: "modified"
                    case .delete: "deleted"
                    }
                return "\(done) \(text(of: update, names))"
            },
            json: .array(
                pairs.map { update, result in
                    let error = result.error.map { JSONValue.string($0.description) } ?? .null
                    return .object(
                        members(of: update, names) + [
                            JSONMember("applied", .bool(result == .applied)), JSONMember("error", error),
                        ])
                }))
    }

    public static func reload(_ report: ReloadReport) -> Listing {
        Listing(
            lines: ["\(report.inserted) entries inserted, \(report.modified) modified, \(report.deleted) deleted"],
            json: .object([
                "inserted": .count(report.inserted), "modified": .count(report.modified),
                "deleted": .count(report.deleted),
            ]))
    }

    /// Table and fields; of a deletion those of the key.
    private static func text(of update: TableUpdate, _ names: Directory) -> String {
        let fields = printed(update, names).map { "\($0.key)=\(EntryFields.text($0.value))" }
        return ([update.entry.table.rawValue] + fields).joined(separator: " ")
    }

    private static func members(of update: TableUpdate, _ names: Directory) -> [JSONMember] {
        [
            JSONMember("operation", .string("\(update.operation)")),
            JSONMember("table", .string(update.entry.table.rawValue)),
            JSONMember("entry", .object(printed(update, names))),
        ]
    }

    private static func printed(_ update: TableUpdate, _ names: Directory) -> [JSONMember] {
        let fields = EntrySyntax.fields(of: update.entry.table)
        return EntryFields.fields(of: update.entry, names: names).filter { member in
            guard let role = fields.first(where: { $0.name == member.key })?.role else { return false }
            return update.operation == .delete ? role == .key : role != .output
        }
    }
}
