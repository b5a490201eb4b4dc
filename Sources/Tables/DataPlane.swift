// SPDX-License-Identifier: Apache-2.0
import Packet

/// A data plane: something that holds the tables and forwards by them.
///
/// Laws, the same for every back end and checked by one conformance suite:
/// - `write` returns a result for each update, in order. An update that is applied is in force for the next packet when the
///   call returns; one that is rejected has changed nothing. Later updates of a batch see earlier ones.
/// - No packet ever meets half an entry.
/// - An insertion into a full table is rejected with `TableError.tableFull` and displaces nothing.
/// - After `advanceGeneration` no entry derived in an earlier generation decides a packet.
/// - Counters only grow while an entry exists, and start at zero when it is inserted.
///
/// Calls come from one thread at a time; that thread owns the data plane.
public protocol DataPlane: AnyObject {
    /// Fixed for the life of the data plane, but for `free` of each table.
    var capabilities: DataPlaneCapabilities { get }

    func write(_ updates: [TableUpdate]) -> [UpdateResult]

    /// The entries of a table as they are held, without counters: order unspecified.
    func entries(of table: TableID) -> [TableEntry]

    /// Visits every flow-cache entry with its counters, in storage order; removes those the visitor does not keep.
    func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision)

    /// Visits every MAC entry likewise.
    func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision)

    /// Packets and bytes by entry of the tables that count by entry beside the two above: ACL and routes.
    func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)]

    /// Every packet received at a port of the node, once, by port, disposition and reason. Only those that are not zero.
    func verdictCounters() -> [VerdictCounter]

    var generation: PolicyGeneration { get }

    /// Makes all derived entries invalid at once; they are misses from the next packet on, and a sweep removes them.
    @discardableResult
    func advanceGeneration() -> PolicyGeneration

    /// Sets what `LastHit` is measured in: the coarse time stamped on entries as packets hit them. Called a few times a second.
    func setTime(_ now: CoarseTime)

    /// Hands out up to `maximum` events that are waiting; returns how many. Does not block.
    func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int

    /// Sends a packet by a port, as it is.
    func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError)

    func health() -> DataPlaneHealth
}

/// What a back end can do. `cost` is what one more entry costs, to compare back ends and tables.
public struct DataPlaneCapabilities: Sendable {
    public enum MatchKind: String, Sendable { case exact, lpm, ternary, range, optional }

    public struct Table: Sendable {
        public var table: TableID
        public var capacity: Int
        public var used: Int
        public var free: Int { capacity - used }
        public var matchKinds: Set<MatchKind>
        /// Bytes of memory, or words on a bus for hardware, per entry.
        public var costPerEntry: Int

        public init(table: TableID, capacity: Int, used: Int, matchKinds: Set<MatchKind>, costPerEntry: Int) {
            (self.table, self.capacity, self.used) = (table, capacity, used)
            (self.matchKinds, self.costPerEntry) = (matchKinds, costPerEntry)
        }
    }

    /// `xdp`, `reference`.
    public var name: String
    public var tables: [Table]

    public init(name: String, tables: [Table]) { (self.name, self.tables) = (name, tables) }

    public subscript(table: TableID) -> Table? { tables.first { $0.table == table } }
}

/// Time in units of half a second from any fixed start; wraps. Compare by `ticks(since:)`.
public struct CoarseTime: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public static let millisecondsPerTick: Int64 = 500
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// 0 ... 65535 (9 hours).
    public func ticks(since earlier: CoarseTime) -> UInt16 { rawValue &- earlier.rawValue }
}

public struct Counter: Hashable, Sendable, BitwiseCopyable {
    public var packets: UInt64
    /// Of the frames as received, without FCS.
    public var bytes: UInt64
    public init(packets: UInt64 = 0, bytes: UInt64 = 0) { (self.packets, self.bytes) = (packets, bytes) }
}

/// A flow-cache entry as a sweep sees it.
public struct FlowRecord: Sendable, BitwiseCopyable {
    public var entry: FlowEntry
    public var counter: Counter
    /// When a packet hit it last; when it was inserted, if none has.
    public var lastHit: CoarseTime
    public init(entry: FlowEntry, counter: Counter, lastHit: CoarseTime) {
        (self.entry, self.counter, self.lastHit) = (entry, counter, lastHit)
    }
}

/// A MAC entry as a sweep sees it. Packets and bytes are those sent to the address; `lastHit` is when it was last seen as a source.
public struct MACRecord: Sendable, BitwiseCopyable {
    public var entry: MACEntry
    public var counter: Counter
    public var lastHit: CoarseTime
    public init(entry: MACEntry, counter: Counter, lastHit: CoarseTime) {
        (self.entry, self.counter, self.lastHit) = (entry, counter, lastHit)
    }
}

public enum SweepDecision: Sendable { case keep, remove }

public struct VerdictCounter: Hashable, Sendable {
    public var port: PortID
    public var disposition: Disposition
    public var reason: Reason
    public var counter: Counter
    public init(port: PortID, disposition: Disposition, reason: Reason, counter: Counter) {
        (self.port, self.disposition, self.reason, self.counter) = (port, disposition, reason, counter)
    }
}

/// What a data plane tells of its own accord.
public enum DataPlaneEvent: Sendable {
    /// A packet that could have a flow-cache entry found none. It has been decided by the other tables; nothing waits for it.
    case flowMiss(FlowMiss)
    /// A source address that is not in the MAC table, or is there at another port.
    case macMiss(vlan: VLANID, mac: MACAddress, port: PortID)
    /// A packet for the controller. `mirror`: a copy, the packet itself went on. `bytes` may be less than `length`.
    case packetIn(port: PortID, reason: Reason, mirror: Bool, length: Int, bytes: [UInt8])
}

public struct FlowMiss: Sendable, BitwiseCopyable {
    public var key: FlowKey
    public var port: PortID
    /// Bytes of the frame.
    public var length: UInt32
    /// CLOCK_MONOTONIC, nanoseconds.
    public var time: UInt64
    /// What became of the packet.
    public var disposition: Disposition
    public var reason: Reason
    public init(
        key: FlowKey, port: PortID, length: UInt32, time: UInt64, disposition: Disposition, reason: Reason
    ) {
        (self.key, self.port, self.length, self.time) = (key, port, length, time)
        (self.disposition, self.reason) = (disposition, reason)
    }
}

/// The state of a data plane, for `status`.
public struct DataPlaneHealth: Sendable {
    /// Sentences that name what is wrong and what would be right; empty when all is well.
    public var complaints: [String] = []
    /// Events handed out, suppressed as repetitions, and lost (over the rate or no room). Lost events cost no packet.
    public var eventsSent: UInt64 = 0
    public var eventsRepeated: UInt64 = 0
    public var eventsLost: UInt64 = 0
    public init() {}
}

public enum DataPlaneError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownPort(PortID)
    case failed(what: String, why: String)

    public var description: String {
        switch self {
        case .unknownPort(let port): "port \(port.rawValue) is not configured"
        case .failed(let what, let why): "\(what): \(why)"
        }
    }
}

/// A data plane that a single packet can be put through, to see what it would do: the reference interpreter always,
/// XDP by test run. Entries' counters and the verdict counters count such a packet as any other.
public protocol PacketProcessor: AnyObject {
    func process(_ frame: RawSpan, port: PortID) throws(DataPlaneError) -> PacketVerdict
}

/// What a data plane did with one packet.
public struct PacketVerdict: Hashable, Sendable {
    public var disposition: Disposition
    public var reason: Reason
    /// Where it leaves; nil unless forwarded to one port.
    public var egressPort: PortID?
    /// Where it is flooded: the VLAN; `output` then carries its tag.
    public var floodVLAN: VLANID?
    /// A copy went to the controller.
    public var mirrored: Bool
    /// The frame as it leaves, or as the kernel or the controller gets it; empty when dropped.
    public var output: [UInt8]

    public init(
        disposition: Disposition, reason: Reason, egressPort: PortID? = nil, floodVLAN: VLANID? = nil,
        mirrored: Bool = false, output: [UInt8] = []
    ) {
        (self.disposition, self.reason, self.egressPort) = (disposition, reason, egressPort)
        (self.floodVLAN, self.mirrored, self.output) = (floodVLAN, mirrored, output)
    }
}
