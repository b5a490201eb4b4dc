// SPDX-License-Identifier: Apache-2.0
import Packet

/// Something an entry names and cannot be without.
enum TableReference: Hashable {
    case port(PortID)
    case routerInterface(RouterInterfaceID)
    case nextHop(NextHopID)
    case group(NextHopGroupID)

    var text: String {
        switch self {
        case .port(let id): "port \(id.rawValue)"
        case .routerInterface(let id): "router interface \(id.rawValue)"
        case .nextHop(let id): "next hop \(id.rawValue)"
        case .group(let id): "next-hop group \(id.rawValue)"
        }
    }
}

/// Calls `body` for everything the entry names. Inlined, because what a closure captures is copied: a whole `TableState`, for
/// each of a million flows.
@inline(__always)
func forEachReference(of entry: TableEntry, _ body: (TableReference) -> Void) {
    switch entry {
    case .port: break
    case .vlan(let vlan):
        for port in vlan.tagged { body(.port(port)) }
        for port in vlan.untagged { body(.port(port)) }
    case .myStation(let station):
        if let port = station.port { body(.port(port)) }
        body(.routerInterface(station.routerInterface))
    case .routerInterface(let interface): body(.port(interface.port))
    case .neighbor(let neighbor): body(.routerInterface(neighbor.routerInterface))
    case .nextHop(let nextHop): body(.routerInterface(nextHop.routerInterface))
    case .nextHopGroup(let group):
        for member in group.members { body(.nextHop(member.nextHop)) }
    case .route(let route):
        switch route.action {
        case .nextHop(let id): body(.nextHop(id))
        case .group(let id): body(.group(id))
        case .drop, .kernel, .cpu: break
        }
    case .acl(let rule):
        if case .redirect(let port) = rule.action { body(.port(port)) }
    case .flow(let flow):
        body(.routerInterface(flow.key.routerInterface))
        switch flow.action {
        case .nextHop(let id): body(.nextHop(id))
        case .port(let port): body(.port(port))
        case .drop, .kernel, .cpu: break
        }
    case .mac(let mac):
        if case .port(let port) = mac.action { body(.port(port)) }
    }
}

extension TableState {
    @inline(__always)
    private func exists(_ reference: TableReference) -> Bool {
        switch reference {
        case .port(let id): ports[id] != nil
        case .routerInterface(let id): routerInterfaces[id] != nil
        case .nextHop(let id): nextHops[id] != nil
        case .group(let id): groups[id] != nil
        }
    }

    func missingReference(of entry: TableEntry) -> TableError? {
        var missing: TableReference?
        forEachReference(of: entry) { if missing == nil, !exists($0) { missing = $0 } }
        return missing.map { .missingReference(table: entry.table, entry: entry.keyText, refersTo: $0.text) }
    }

    mutating func count(_ reference: TableReference, _ difference: Int) {
        switch reference {
        case .port(let id): ports[id]?.users += difference
        case .routerInterface(let id): routerInterfaces[id]?.users += difference
        case .nextHop(let id): nextHops[id]?.users += difference
        case .group(let id): groups[id]?.users += difference
        }
    }

    private func reference(to entry: TableEntry) -> TableReference? {
        switch entry {
        case .port(let entry): .port(entry.port)
        case .routerInterface(let entry): .routerInterface(entry.id)
        case .nextHop(let entry): .nextHop(entry.id)
        case .nextHopGroup(let entry): .group(entry.id)
        default: nil
        }
    }

    /// How many entries name this stored one.
    func users(of entry: TableEntry) -> Int {
        switch reference(to: entry) {
        case .port(let id): ports[id]?.users ?? 0
        case .routerInterface(let id): routerInterfaces[id]?.users ?? 0
        case .nextHop(let id): nextHops[id]?.users ?? 0
        case .group(let id): groups[id]?.users ?? 0
        case nil: 0
        }
    }

    /// The name of one entry that names this one, and how many more there are. Looks through the tables: for error messages.
    func nameUser(of entry: TableEntry) -> String {
        guard let wanted = reference(to: entry) else { return "nothing" }
        let total = users(of: entry)
        let others = total > 1 ? " and \(total - 1) more" : ""
        for table in TableID.allCases {
            var first: String?
            for user in entries(of: table) {
                var names = false
                forEachReference(of: user) { if $0 == wanted { names = true } }
                // The smallest name, so that the message does not depend on the order of storage.
                if names { first = min(first ?? user.keyText, user.keyText) }
            }
            if let first { return first + others }
        }
        return total == 1 ? "a static flow" : "\(total) static flows"
    }
}
