// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The node at a glance.
public struct NodeStatus: Hashable, Sendable {
    public var version: String
    public var pid: Int32
    public var uptimeMilliseconds: UInt64
    /// Path of the configuration file.
    public var configuration: String
    /// `xdp`, `reference`.
    public var dataPlane: String
    public var generation: PolicyGeneration
    public var ports: Int
    public var portsUp: Int
    public var events: EventTotals
    /// Memory in use by the process, tables included; bytes.
    public var residentBytes: UInt64
    /// Sentences that name what is wrong and what would be right; empty when all is well.
    public var complaints: [String]

    public init(
        version: String, pid: Int32, uptimeMilliseconds: UInt64, configuration: String, dataPlane: String,
        generation: PolicyGeneration = PolicyGeneration(rawValue: 0), ports: Int = 0, portsUp: Int = 0,
        events: EventTotals = EventTotals(), residentBytes: UInt64 = 0, complaints: [String] = []
    ) {
        (self.version, self.pid, self.uptimeMilliseconds) = (version, pid, uptimeMilliseconds)
        (self.configuration, self.dataPlane, self.generation) = (configuration, dataPlane, generation)
        (self.ports, self.portsUp, self.events) = (ports, portsUp, events)
        (self.residentBytes, self.complaints) = (residentBytes, complaints)
    }
}

/// Events from the data plane to the controller, since the daemon started. A lost one costs no packet.
public struct EventTotals: Hashable, Sendable {
    public var sent: UInt64
    /// Not sent because the same flow was reported a moment ago.
    public var repeated: UInt64
    /// Over the rate, or no room.
    public var lost: UInt64

    public init(sent: UInt64 = 0, repeated: UInt64 = 0, lost: UInt64 = 0) {
        (self.sent, self.repeated, self.lost) = (sent, repeated, lost)
    }
}

/// A port: what it is called, how it is set, what came in by it.
public struct PortReport: Hashable, Sendable {
    public var port: PortID { entry.port }
    /// Name of the interface.
    public var name: String
    /// 0: there is no such interface at present.
    public var interfaceIndex: UInt32
    public var entry: PortEntry
    /// `native`, `skb`; empty while no program is attached.
    public var attachMode: String
    /// Why not in the mode that is preferred, with the errno; empty if it is.
    public var attachReason: String
    /// What became of the packets received. All four, or those that are not zero.
    public var received: [Disposition: Counter]

    public init(
        name: String, interfaceIndex: UInt32, entry: PortEntry, attachMode: String = "", attachReason: String = "",
        received: [Disposition: Counter] = [:]
    ) {
        (self.name, self.interfaceIndex, self.entry) = (name, interfaceIndex, entry)
        (self.attachMode, self.attachReason, self.received) = (attachMode, attachReason, received)
    }
}

/// A table's size and fill.
public struct TableReport: Hashable, Sendable {
    public var table: TableID
    public var capacity: Int
    public var used: Int
    public var matchKinds: [DataPlaneCapabilities.MatchKind]
    /// Bytes of memory, or words on a bus, per entry.
    public var costPerEntry: Int

    public init(
        table: TableID, capacity: Int, used: Int, matchKinds: [DataPlaneCapabilities.MatchKind] = [],
        costPerEntry: Int = 0
    ) {
        (self.table, self.capacity, self.used) = (table, capacity, used)
        (self.matchKinds, self.costPerEntry) = (matchKinds, costPerEntry)
    }
}

/// An entry with what is known of its use.
public struct EntryReport: Hashable, Sendable {
    public var entry: TableEntry
    /// nil: the table does not count by entry.
    public var counter: Counter?
    /// Since the last hit; nil: not known.
    public var idleMilliseconds: UInt64?

    public init(_ entry: TableEntry, counter: Counter? = nil, idleMilliseconds: UInt64? = nil) {
        (self.entry, self.counter, self.idleMilliseconds) = (entry, counter, idleMilliseconds)
    }
}

/// Which flows to list. Absent fields match anything.
public struct FlowFilter: Hashable, Sendable {
    /// Where the flow arrives.
    public var port: PortID?
    public var routerInterface: RouterInterfaceID?
    public var source: IPPrefix?
    public var destination: IPPrefix?
    public var ipProtocol: UInt8?
    public var sourcePort: UInt16?
    public var destinationPort: UInt16?
    public var isStatic: Bool?
    /// Most flows to return; 0: all.
    public var limit: Int = 0

    public init() {}

    /// Whether a flow passes. `port`: where it arrives, if that is known.
    public func matches(_ entry: FlowEntry, port arrival: PortID?) -> Bool {
        let key = entry.key
        if let port, port != arrival { return false }
        if let routerInterface, routerInterface != key.routerInterface { return false }
        if let source, !source.contains(key.sourceAddress) { return false }
        if let destination, !destination.contains(key.destinationAddress) { return false }
        if let ipProtocol, ipProtocol != key.ipProtocol { return false }
        if let sourcePort, sourcePort != key.sourcePort { return false }
        if let destinationPort, destinationPort != key.destinationPort { return false }
        if let isStatic, isStatic != (entry.origin == .static) { return false }
        return true
    }
}

/// A flow-cache entry with its use.
public struct FlowReport: Hashable, Sendable {
    public var entry: FlowEntry
    public var counter: Counter
    /// Since the last hit, or since the entry was installed.
    public var idleMilliseconds: UInt64
    /// Where the flow arrives; nil if its router interface is gone.
    public var port: PortID?

    public init(entry: FlowEntry, counter: Counter, idleMilliseconds: UInt64, port: PortID?) {
        (self.entry, self.counter, self.idleMilliseconds, self.port) = (entry, counter, idleMilliseconds, port)
    }
}

/// Totals since the daemon started; rates are differences of two of these.
public struct NodeStatistics: Hashable, Sendable {
    /// CLOCK_MONOTONIC, nanoseconds.
    public var timeNanoseconds: UInt64
    /// Every packet received, once. Only counters that are not zero.
    public var verdicts: [VerdictCounter]
    public var tables: [TableReport]
    public var flows: FlowTotals
    public var events: EventTotals

    public init(
        timeNanoseconds: UInt64, verdicts: [VerdictCounter] = [], tables: [TableReport] = [],
        flows: FlowTotals = FlowTotals(), events: EventTotals = EventTotals()
    ) {
        (self.timeNanoseconds, self.verdicts, self.tables) = (timeNanoseconds, verdicts, tables)
        (self.flows, self.events) = (flows, events)
    }
}

/// What became of flow-cache entries since the daemon started.
public struct FlowTotals: Hashable, Sendable {
    public var installed: UInt64
    public var aged: UInt64
    /// Removed to make room.
    public var evicted: UInt64
    /// Not installed: too many new flows of one port or source.
    public var refused: UInt64
    /// Not taken by the data plane: table full.
    public var rejected: UInt64

    public init(
        installed: UInt64 = 0, aged: UInt64 = 0, evicted: UInt64 = 0, refused: UInt64 = 0, rejected: UInt64 = 0
    ) {
        (self.installed, self.aged, self.evicted) = (installed, aged, evicted)
        (self.refused, self.rejected) = (refused, rejected)
    }
}

/// What a reload changed, in entries.
public struct ReloadReport: Hashable, Sendable {
    public var inserted: Int
    public var modified: Int
    public var deleted: Int

    public init(inserted: Int = 0, modified: Int = 0, deleted: Int = 0) {
        (self.inserted, self.modified, self.deleted) = (inserted, modified, deleted)
    }
}
