// SPDX-License-Identifier: Apache-2.0
import Packet

/// What one applied update did: the entry before and after. Both are nil for none; an insertion has no `old`, a deletion
/// no `new`.
public struct TableChange: Hashable, Sendable {
    public var table: TableID
    public var old: TableEntry?
    public var new: TableEntry?

    public init(table: TableID, old: TableEntry?, new: TableEntry?) {
        (self.table, self.old, self.new) = (table, old, new)
    }
}

/// The contents of every table but the two that are bulk (`flow_cache_table`, `mac_table`: each back end holds those its own way),
/// and the one place that says whether an update may be done. Every back end embeds it, so that all accept and reject alike.
///
///     switch state.update(update) {            // or `try state.apply(update)`
///     case .success(let change): …write `change` to the hardware; if that fails, `state.revert(change)`
///     case .failure(let error): …
///     }
///
/// Updates of flows and MACs are checked here against what is stored (`validate`); their presence and the room for them are
/// the back end's to check. Static flows hold references to what they name: tell of them by `countReferences`.
///
/// A value; deterministic; lookups and reference counting are O(1), an ACL update O(rules), a route lookup O(lengths in use).
public struct TableState: Sendable {
    /// What an ACL without a matching entry does.
    public enum ACLDefault: Sendable, Hashable { case permit, drop }

    /// An entry and how many others name it.
    struct Held<Entry: Sendable>: Sendable {
        var entry: Entry
        var users = 0
    }

    struct StationKey: Hashable, Sendable {
        var port: PortID?
        var vlan: VLANID?
        var mac: MACAddress
        var macMask: MACAddress
        var priority: UInt32
    }

    struct NeighborKey: Hashable, Sendable {
        var routerInterface: RouterInterfaceID
        var address: IPAddress
    }

    public private(set) var capacities: [TableID: Int]
    /// How many of `my_station_table`'s entries may concern one port.
    public let stationsPerPort: Int
    public var aclDefault: ACLDefault
    /// Seed of the hash that spreads flows over a group's members.
    public let ecmpSeed: HashSeed

    var ports: [PortID: Held<PortEntry>] = [:]
    var vlans: [VLANID: VLANEntry] = [:]
    var stationEntries: [StationKey: MyStationEntry] = [:]
    var routerInterfaces: [RouterInterfaceID: Held<RouterInterfaceEntry>] = [:]
    var neighbors: [NeighborKey: MACAddress] = [:]
    var nextHops: [NextHopID: Held<NextHopEntry>] = [:]
    var groups: [NextHopGroupID: Held<NextHopGroupEntry>] = [:]
    var routes = RouteTable()
    /// In the order they are searched.
    var rules: [ACLEntry] = []

    // Derived from the above.
    var aclPriority: [UInt32: UInt32] = [:]
    var stationLists: [[MyStationEntry]] = Array(repeating: [], count: Int(PortID.maximum) + 1)
    var stationsByInterface: [RouterInterfaceID: Set<StationKey>] = [:]
    var interfacesByPort: [PortID: Set<RouterInterfaceID>] = [:]
    var nextHopsByInterface: [RouterInterfaceID: Set<NextHopID>] = [:]
    var nextHopsByNeighbor: [NeighborKey: Set<NextHopID>] = [:]
    var buckets: [NextHopGroupID: [NextHopID]] = [:]

    /// Entries a table can hold unless `capacities` says otherwise.
    public static let defaultCapacities: [TableID: Int] = [
        .port: 64, .vlan: 4094, .myStation: 512, .mac: 65536, .acl: 512, .flowCache: 1 << 20, .ipv4: 1 << 20,
        .ipv6: 1 << 18,
        .nextHop: 65536, .nextHopGroup: 1024, .neighbor: 65536, .routerInterface: 1023,
    ]

    /// `capacities`: entries by table, where other than `defaultCapacities`.
    public init(
        capacities: [TableID: Int] = [:], stationsPerPort: Int = 8, aclDefault: ACLDefault = .permit,
        ecmpSeed: HashSeed = .zero
    ) {
        self.capacities = Self.defaultCapacities.merging(capacities) { $1 }
        (self.stationsPerPort, self.aclDefault, self.ecmpSeed) = (stationsPerPort, aclDefault, ecmpSeed)
    }

    public func capacity(of table: TableID) -> Int { capacities[table] ?? 0 }

    /// Gives a table another capacity; for a back end whose tables have changed. Entries beyond it stay, and none can be added.
    public mutating func setCapacity(_ capacity: Int, of table: TableID) { capacities[table] = capacity }

    /// Entries in a table; 0 for the two that are not held here.
    public func count(of table: TableID) -> Int {
        switch table {
        case .port: ports.count
        case .vlan: vlans.count
        case .myStation: stationEntries.count
        case .routerInterface: routerInterfaces.count
        case .neighbor: neighbors.count
        case .nextHop: nextHops.count
        case .nextHopGroup: groups.count
        case .ipv4: routes.count(isIPv6: false)
        case .ipv6: routes.count(isIPv6: true)
        case .acl: rules.count
        case .mac, .flowCache: 0
        }
    }

    /// All entries of a table; order unspecified, but for the ACL's, which come as they are searched.
    public func entries(of table: TableID) -> [TableEntry] {
        switch table {
        case .port: ports.values.map { .port($0.entry) }
        case .vlan: vlans.values.map { .vlan($0) }
        case .myStation: stationEntries.values.map { .myStation($0) }
        case .routerInterface: routerInterfaces.values.map { .routerInterface($0.entry) }
        case .neighbor:
            neighbors.map { key, mac in
                .neighbor(NeighborEntry(routerInterface: key.routerInterface, address: key.address, mac: mac))
            }
        case .nextHop: nextHops.values.map { .nextHop($0.entry) }
        case .nextHopGroup: groups.values.map { .nextHopGroup($0.entry) }
        case .ipv4: routes.all(isIPv6: false).map { .route($0) }
        case .ipv6: routes.all(isIPv6: true).map { .route($0) }
        case .acl: rules.map { .acl($0) }
        case .mac, .flowCache: []
        }
    }

    /// The stored entry with the key of the given one.
    public func stored(_ key: TableEntry) -> TableEntry? {
        switch key {
        case .port(let entry): ports[entry.port].map { .port($0.entry) }
        case .vlan(let entry): vlans[entry.vlan].map { .vlan($0) }
        case .myStation(let entry): stationEntries[entry.key].map { .myStation($0) }
        case .routerInterface(let entry): routerInterfaces[entry.id].map { .routerInterface($0.entry) }
        case .neighbor(let entry):
            neighbors[entry.key].map { mac in
                .neighbor(NeighborEntry(routerInterface: entry.routerInterface, address: entry.address, mac: mac))
            }
        case .nextHop(let entry): nextHops[entry.id].map { .nextHop($0.entry) }
        case .nextHopGroup(let entry): groups[entry.id].map { .nextHopGroup($0.entry) }
        case .route(let entry): routes[entry.vrf, entry.prefix].map { .route($0) }
        case .acl(let entry): rule(id: entry.id).map { .acl($0) }
        case .flow, .mac: nil
        }
    }

    /// Why the update would be rejected; nil if it would be applied. Of flows and MACs: values and references only.
    public func validate(_ update: TableUpdate) -> TableError? {
        let entry = update.entry
        if update.operation != .delete {
            if let error = invalidValue(in: entry) { return error }
        }
        switch entry {
        case .flow, .mac:
            return update.operation == .delete ? nil : missingReference(of: entry)
        default: break
        }
        let existing = stored(entry)
        switch update.operation {
        case .insert:
            if existing != nil { return .alreadyExists(table: entry.table, entry: entry.keyText) }
            if count(of: entry.table) >= capacity(of: entry.table) {
                return .tableFull(table: entry.table, capacity: capacity(of: entry.table))
            }
            if case .myStation(let station) = entry, let error = tooManyStations(with: station) { return error }
            return missingReference(of: entry)
        case .modify:
            if existing == nil { return .notFound(table: entry.table, entry: entry.keyText) }
            return missingReference(of: entry)
        case .delete:
            guard let existing else { return .notFound(table: entry.table, entry: entry.keyText) }
            guard users(of: existing) > 0 else { return nil }
            return .inUse(table: entry.table, entry: entry.keyText, by: nameUser(of: existing))
        }
    }

    /// Applies an update, or changes nothing and throws why. Flows and MACs are checked and not stored; `old` is nil then.
    public mutating func apply(_ update: TableUpdate) throws(TableError) -> TableChange {
        if let error = validate(update) { throw error }
        let entry = update.entry
        let change = TableChange(
            table: entry.table, old: stored(entry), new: update.operation == .delete ? nil : entry)
        commit(change)
        return change
    }

    /// `apply` as a value.
    public mutating func update(_ update: TableUpdate) -> Result<TableChange, TableError> {
        do { return .success(try apply(update)) } catch { return .failure(error) }
    }

    /// Undoes a change that was applied last, for a back end that could not write it.
    public mutating func revert(_ change: TableChange) {
        commit(TableChange(table: change.table, old: change.new, new: change.old))
    }

    /// Tells of static flows that a back end inserts and removes (a modification: both), so that what they name is not
    /// deleted under them. Derived flows hold no references: whoever deletes what they name advances the generation.
    public mutating func countReferences(removed: FlowEntry?, inserted: FlowEntry?) {
        for (flow, difference) in [(removed, -1), (inserted, 1)] {
            guard let flow, flow.origin == .static else { continue }
            forEachReference(of: .flow(flow)) { count($0, difference) }
        }
    }

    /// Tells of a static flow that a back end holds already, as having inserted it would. Why it would be rejected, if it
    /// would: then nothing is counted.
    public mutating func countReferences(held flow: FlowEntry) -> TableError? {
        if let error = validate(.insert(.flow(flow))) { return error }
        countReferences(removed: nil, inserted: flow)
        return nil
    }

    private mutating func commit(_ change: TableChange) {
        switch change.table {
        case .flowCache, .mac: return
        default: break
        }
        // New references first, so that nothing kept falls to zero on the way.
        if let new = change.new { forEachReference(of: new) { count($0, 1) } }
        if let old = change.old { forEachReference(of: old) { count($0, -1) } }
        if let old = change.old { unlink(old) }
        if let new = change.new {
            store(new)
        } else if let old = change.old {
            remove(old)
        }
    }
}
