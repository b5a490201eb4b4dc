// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// How people write entries: `name=value` words, the same names that `entry list` prints.
public enum EntrySyntax {
    public struct Field: Hashable, Sendable {
        public enum Role: Sendable {
            /// Says which entry is meant; all that `delete` looks at.
            case key
            case value
            /// One of several that say what is done; giving one replaces another.
            case action
            /// Only printed; ignored when read.
            case output
        }

        public var name: String
        public var role: Role
        /// What can stand behind the `=`.
        public var expected: String
    }

    public static func table(named name: String) throws(SyntaxError) -> TableID {
        if let table = TableID(rawValue: name) ?? TableID(rawValue: name + "_table") { return table }
        throw SyntaxError(
            "there is no table \(name); the tables are " + TableID.allCases.map(\.rawValue).joined(separator: ", "))
    }

    /// The updates that a command's words ask for: one, or two if the route's next hop has to be made first.
    ///
    /// - Parameters:
    ///   - words: `name=value`; `-` in a name counts as `_`.
    ///   - candidates: for `modify`, entries of the table: fields that are not given keep the value they have there.
    public static func updates(
        _ operation: TableUpdate.Operation, table: TableID, words: [String], names: Directory,
        candidates: [TableEntry] = []
    ) throws(SyntaxError) -> [TableUpdate] {
        var values = try FieldReader.split(words)
        // Checks the names before anything else.
        let given = try FieldReader(table: table, names: names, values: values)
        if operation == .modify {
            let key = keyText(of: try EntryReader(given, keyOnly: true).entry().entry, names: names)
            if let current = candidates.first(where: { keyText(of: $0, names: names) == key }) {
                values = overlay(values, on: current, names: names)
            }
        }
        for field in fields(of: table) where field.role == .output { values[field.name] = nil }
        let reader = try FieldReader(table: table, names: names, values: values)
        let (entry, before) = try EntryReader(reader, keyOnly: operation == .delete).entry()
        guard entry.table == table else {
            throw SyntaxError("this is an entry of \(entry.table.rawValue), not of \(table.rawValue)")
        }
        return before + [TableUpdate(operation, entry)]
    }

    /// The flows that a flow entry's words can mean, so that not all have to be fetched.
    public static func flowFilter(words: [String], names: Directory) throws(SyntaxError) -> FlowFilter {
        let reader = try FieldReader(table: .flowCache, names: names, values: try FieldReader.split(words))
        var filter = FlowFilter()
        filter.routerInterface = try reader.routerInterface()
        filter.source = try reader.prefix("source")
        filter.destination = try reader.prefix("destination")
        filter.ipProtocol = try reader.ipProtocol()
        return filter
    }

    /// What tells an entry from the others of its table, as text.
    static func keyText(of entry: TableEntry, names: Directory) -> [JSONMember] {
        // Derived from other fields, or only there when the interface is known.
        let skipped: Set<String> = entry.table == .flowCache ? ["port"] : []
        let keys = Set(fields(of: entry.table).filter { $0.role == .key }.map(\.name)).subtracting(skipped)
        return EntryFields.fields(of: entry, names: names).filter { keys.contains($0.key) }
    }

    private static func overlay(
        _ given: [String: String], on current: TableEntry, names: Directory
    ) -> [String: String] {
        let specifications = fields(of: current.table)
        let actions = Set(specifications.filter { $0.role == .action }.map(\.name))
        let replaced = given.keys.contains(where: actions.contains)
        var values: [String: String] = [:]
        for member in EntryFields.fields(of: current, names: names)
        where !(replaced && actions.contains(member.key)) {
            values[member.key] = EntryFields.text(member.value)
        }
        // A new place for the router interface replaces the number the entry has.
        if given["port"] != nil, given["router_interface"] == nil { values["router_interface"] = nil }
        return values.merging(given) { $1 }
    }
}
