// SPDX-License-Identifier: Apache-2.0
import Packet

/// An entry of any table.
public enum TableEntry: Hashable, Sendable {
    case flow(FlowEntry)
    case mac(MACEntry)
    indirect case port(PortEntry)
    indirect case vlan(VLANEntry)
    indirect case myStation(MyStationEntry)
    indirect case routerInterface(RouterInterfaceEntry)
    indirect case neighbor(NeighborEntry)
    indirect case nextHop(NextHopEntry)
    indirect case nextHopGroup(NextHopGroupEntry)
    indirect case route(RouteEntry)
    indirect case acl(ACLEntry)

    public var table: TableID {
        switch self {
        case .flow: .flowCache
        case .mac: .mac
        case .port: .port
        case .vlan: .vlan
        case .myStation: .myStation
        case .routerInterface: .routerInterface
        case .neighbor: .neighbor
        case .nextHop: .nextHop
        case .nextHopGroup: .nextHopGroup
        case .route(let route):
            switch route.prefix.address {
            case .v4: .ipv4
            case .v6: .ipv6
            }
        case .acl: .acl
        }
    }
}

/// One change, with P4Runtime's meaning (P4Runtime 1.4, 9.1): insert fails if the key is there, modify and delete fail if it is not.
/// Delete looks at the entry's key only.
public struct TableUpdate: Hashable, Sendable {
    public enum Operation: UInt8, Sendable { case insert, modify, delete }

    public var operation: Operation
    public var entry: TableEntry

    public init(_ operation: Operation, _ entry: TableEntry) { (self.operation, self.entry) = (operation, entry) }

    public static func insert(_ entry: TableEntry) -> TableUpdate { TableUpdate(.insert, entry) }
    public static func modify(_ entry: TableEntry) -> TableUpdate { TableUpdate(.modify, entry) }
    public static func delete(_ entry: TableEntry) -> TableUpdate { TableUpdate(.delete, entry) }
}

/// What became of one update: applied, and in the data plane; or rejected, and nothing of it was done.
public enum UpdateResult: Hashable, Sendable {
    case applied
    indirect case rejected(TableError)

    public var error: TableError? {
        if case .rejected(let error) = self { error } else { nil }
    }
}

/// Why an update was rejected.
public enum TableError: Error, Hashable, Sendable, CustomStringConvertible {
    case alreadyExists(table: TableID, entry: String)
    case notFound(table: TableID, entry: String)
    /// The table holds `capacity` entries; those in it are untouched.
    case tableFull(table: TableID, capacity: Int)
    /// The entry names another one that does not exist.
    case missingReference(table: TableID, entry: String, refersTo: String)
    /// Another entry names this one.
    case inUse(table: TableID, entry: String, by: String)
    /// A field's value cannot be; `expected` says what can.
    case invalidValue(table: TableID, field: String, value: String, expected: String)
    /// This back end cannot hold the entry.
    case unsupported(table: TableID, entry: String, why: String)
    /// The back end failed while writing.
    case backEnd(table: TableID, String)
    /// The change could not be made durable, so it was not made.
    case notStored(table: TableID, entry: String, why: String)

    public var description: String {
        switch self {
        case .alreadyExists(let table, let entry):
            "\(table.rawValue): \(entry) is there already; modify it, or delete it first"
        case .notFound(let table, let entry):
            "\(table.rawValue): there is no \(entry)"
        case .tableFull(let table, let capacity):
            "\(table.rawValue) is full (\(capacity) entries); the entries in it are unchanged"
        case .missingReference(let table, let entry, let refersTo):
            "\(table.rawValue): \(entry) refers to \(refersTo), which does not exist; insert that first"
        case .inUse(let table, let entry, let by):
            "\(table.rawValue): \(entry) is used by \(by); change that first"
        case .invalidValue(let table, let field, let value, let expected):
            "\(table.rawValue): \(field) cannot be \(value); expected \(expected)"
        case .unsupported(let table, let entry, let why):
            "\(table.rawValue): this data plane cannot hold \(entry): \(why)"
        case .backEnd(let table, let message):
            "\(table.rawValue): \(message)"
        case .notStored(let table, let entry, let why):
            "\(table.rawValue): \(entry) was not changed: \(why)"
        }
    }
}
