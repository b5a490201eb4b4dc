// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// An entry as the words of a command: those `entry list` prints and `entry add` accepts, with next hops and router interfaces
/// by address and port instead of by number where that is clear.
public enum EntryWords {
    /// The fields that an entry can be given by.
    public static func fields(of entry: TableEntry, names: Directory) -> [JSONMember] {
        let known = EntrySyntax.fields(of: entry.table)
        var fields = EntryFields.fields(of: entry, names: names).filter { member in
            known.contains { $0.name == member.key && $0.role != .output }
        }
        switch entry {
        case .route(let route):
            if case .nextHop(let id) = route.action, let hop = names.nextHops[id] {
                let place = place(hop.routerInterface, names)
                if !place.contains(where: { $0.key == "router_interface" }) {
                    replace("next_hop", in: &fields, by: [via(hop)] + place)
                }
            }
        case .flow(let flow):
            if case .nextHop(let id) = flow.action, let hop = names.nextHops[id], names.isClear(hop.neighbor) {
                replace("next_hop", in: &fields, by: [via(hop)])
            }
            fields.removeAll { $0.key == "port" }
            replace("router_interface", in: &fields, by: place(flow.key.routerInterface, names))
        case .neighbor(let neighbor):
            replace("router_interface", in: &fields, by: place(neighbor.routerInterface, names))
        case .nextHop(let hop): replace("router_interface", in: &fields, by: place(hop.routerInterface, names))
        default: break
        }
        return fields
    }

    /// `ipv4_table vrf=0 prefix=10.9.0.0/16 via=10.0.2.1 port=p2`; with `keyOnly` what `entry delete` needs.
    public static func line(_ entry: TableEntry, names: Directory, keyOnly: Bool = false) -> String {
        ([entry.table.rawValue] + text(fields(of: entry, names: names), of: entry.table, keyOnly: keyOnly))
            .joined(separator: " ")
    }

    /// `ipv4_table vrf=0 prefix=10.9.0.0/16 via: 10.0.2.1 → 10.0.3.1`: the key, and the fields that differ. `-` stands for none.
    public static func line(from old: TableEntry, to new: TableEntry, names: Directory) -> String {
        let (before, after) = (fields(of: old, names: names), fields(of: new, names: names))
        let key = text(after, of: new.table, keyOnly: true)
        var differences: [String] = []
        func value(_ name: String, _ fields: [JSONMember]) -> String {
            let text = fields.first { $0.key == name }.map { EntryFields.text($0.value) } ?? "-"
            return text.isEmpty ? "-" : text
        }
        let order = before.map(\.key) + after.map(\.key).filter { name in !before.contains { $0.key == name } }
        for name in order where value(name, before) != value(name, after) {
            differences.append("\(name): \(value(name, before)) → \(value(name, after))")
        }
        return ([new.table.rawValue] + key + [differences.joined(separator: ", ")]).joined(separator: " ")
    }

    private static func text(_ fields: [JSONMember], of table: TableID, keyOnly: Bool) -> [String] {
        let keys = Set(EntrySyntax.fields(of: table).filter { $0.role == .key }.map(\.name))
        return fields.filter { !keyOnly || keys.contains($0.key) }.map { "\($0.key)=\(EntryFields.text($0.value))" }
    }

    private static func via(_ hop: NextHopEntry) -> JSONMember { JSONMember("via", .string(hop.neighbor.description)) }

    /// A router interface by its port, with its VLAN if the port has several; by its number if that does not tell it.
    private static func place(_ id: RouterInterfaceID, _ names: Directory) -> [JSONMember] {
        let number = JSONMember("router_interface", .integer(Int64(id.rawValue)))
        guard let interface = names.routerInterfaces[id] else { return [number] }
        let port = JSONMember("port", .string(names.name(of: interface.port)))
        if names.routerInterfaces(port: interface.port, vlan: nil).count == 1 { return [port] }
        guard names.routerInterfaces(port: interface.port, vlan: interface.vlan).count == 1 else { return [number] }
        let vlan: JSONValue = interface.vlan == .untagged ? "untagged" : .integer(Int64(interface.vlan.rawValue))
        return [port, JSONMember("vlan", vlan)]
    }

    private static func replace(_ name: String, in fields: inout [JSONMember], by members: [JSONMember]) {
        guard let index = fields.firstIndex(where: { $0.key == name }) else { return }
        fields.replaceSubrange(index...index, with: members)
    }
}
