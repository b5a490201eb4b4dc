// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The node at a glance.
public struct NodeStatus: Sendable {
    public var name: String
    public var dataPlane: String
    /// Since the controller began, seconds.
    public var uptime: Double
    public var generation: PolicyGeneration
    public var tables: [DataPlaneCapabilities.Table]
    public var ports: [PortStatus]
    /// What is wrong, in sentences: of the data plane, of ports, of the host against the configuration.
    public var complaints: [String]
    public var statistics: NodeStatistics
    /// The last sweep of the flow cache, nanoseconds.
    public var lastSweep: UInt64
    /// Configurations applied, and refused.
    public var applied: Int
    public var refused: Int
    /// nil: the node remembers nothing.
    public var memory: MemoryStatus?
    /// nil before the start is over.
    public var adoption: AdoptionReport?
    public var reconciliation: ReconciliationStatus
    /// nil: there is no card.
    public var card: CardStatus?
}

/// What the node remembers, and whether it can.
public struct MemoryStatus: Hashable, Sendable {
    /// Why nothing can be stored: the node is degraded, and refuses changes. nil: all is well.
    public var problem: StoreProblem?
    public var notices: [String]
    /// Changes stored since there is a memory.
    public var revision: UInt64
    /// Entries that calls have made different from the configuration.
    public var amendments: Int
    /// Changes made and not yet on disk.
    public var pending: Int
}

/// What the start found.
public struct AdoptionReport: Hashable, Sendable {
    /// Tables of an earlier process were taken over; else new ones were made.
    public var isAdopted: Bool
    /// What was remembered about them was of other tables: these were made anew since.
    public var wereMadeAnew: Bool
    /// What was not as wanted.
    public var report: ReconcileReport
    /// From the beginning of the start to its end.
    public var seconds: Double
}

/// The comparisons of tables and what is wanted, so far.
public struct ReconciliationStatus: Hashable, Sendable {
    public var runs: UInt64 = 0
    /// Discrepancies found by all of them, and those not repaired.
    public var found: UInt64 = 0
    public var failed: UInt64 = 0
    /// The last one that found something.
    public var last: ReconcileReport?
    /// When that was, seconds since 1970.
    public var lastTime: UInt64 = 0

    public init() {}
}

public struct PortStatus: Hashable, Sendable {
    public var entry: PortEntry
    public var binding: PortBinding
    /// How the fast path is attached; nil if the data plane attaches to nothing.
    public var attachment: PortAttachment?
    /// Learned stations.
    public var learnedMACs: Int
}

/// What became of attaching the fast path to a port's interface.
public struct PortAttachment: Hashable, Sendable {
    public var port: PortID
    /// The mode in use; nil if nothing is attached.
    public var mode: Configuration.AttachMode?
    /// What forced a step down from an earlier mode, or why nothing is attached: errno with its name, and what would help.
    public var reason: String?

    public init(port: PortID, mode: Configuration.AttachMode?, reason: String? = nil) {
        (self.port, self.mode, self.reason) = (port, mode, reason)
    }
}

/// Attaches the fast path to the interfaces behind ports. Called on the controller's thread, with all ports each time: those
/// attached and not named any more are detached; those attached as wanted stay untouched.
public protocol PortBinder: AnyObject {
    func bind(_ ports: [PortBinding]) -> [PortAttachment]

    /// Compares how the ports bound last are attached with what their interfaces carry, and repairs if asked. Returns what they have
    /// now.
    func reconcile(repair: Bool) -> (attachments: [PortAttachment], report: ReconcileReport)
}

/// Counters of the whole node at one moment. All grow but for the two `used`.
public struct NodeStatistics: Hashable, Sendable {
    /// CLOCK_MONOTONIC, nanoseconds.
    public var time: UInt64
    public var flowsUsed: Int
    public var flowCapacity: Int
    public var macsUsed: Int
    public var verdicts: [VerdictCounter]
    public var programmer: FlowProgrammer.Statistics
    /// Entries removed by age, or because their generation had passed.
    public var flowsAged: UInt64
    public var flowsStale: UInt64
    public var macsAged: UInt64
    public var sweeps: UInt64
    public var eventsSent: UInt64
    public var eventsRepeated: UInt64
    public var eventsLost: UInt64

    /// Packets forwarded or dropped by the fast path, and those that took the kernel's stack.
    public var packets: (fast: UInt64, kernel: UInt64) {
        verdicts.reduce(into: (0, 0)) { sum, verdict in
            if verdict.disposition == .kernel {
                sum.1 += verdict.counter.packets
            } else {
                sum.0 += verdict.counter.packets
            }
        }
    }
}

/// Where an entry comes from.
public enum EntryOrigin: String, Hashable, Sendable {
    case configuration, user, learned, derived
}

/// An entry with what is known of it.
public struct EntryRecord: Hashable, Sendable {
    public var entry: TableEntry
    public var origin: EntryOrigin
    /// nil for tables that do not count by entry.
    public var counter: Counter?
    /// Seconds since the last packet; flows and MAC entries.
    public var idle: Double?
    /// Seconds of idleness after which it goes; nil: it stays.
    public var idleTimeout: Double?
    /// Where its packets are decided; flows and MAC entries.
    public var location: EntryLocation?
}

/// Where the packets of a flow or to a station are decided, and why there.
public struct EntryLocation: Hashable, Sendable {
    /// `xdp`, or `card: emh type 3, slot 0x1a2b, rule 17`.
    public var place: String
    /// `822 pps`, `1700 pps; no key of the card has exactly …`; empty if nothing is known.
    public var reason: String

    public init(place: String, reason: String = "") { (self.place, self.reason) = (place, reason) }
}

/// Names of numbers, for showing entries and reading them.
public struct NodeNames: Hashable, Sendable {
    public var ports: [PortID: String]
    /// `p1`, `p1.10`.
    public var routerInterfaces: [RouterInterfaceID: String]
    public var vrfs: [VRFID: String]
}

/// Which flows to list.
public struct FlowFilter: Hashable, Sendable {
    public enum Order: Hashable, Sendable { case storage, packets, bytes, lastHit }

    public var source: IPPrefix?
    public var destination: IPPrefix?
    public var ipProtocol: UInt8?
    public var routerInterface: RouterInterfaceID?
    public var order = Order.storage
    /// Flows returned at most.
    public var maximum = 1000

    public init() {}

    func matches(_ key: FlowKey) -> Bool {
        if let source, !source.contains(key.sourceAddress) { return false }
        if let destination, !destination.contains(key.destinationAddress) { return false }
        if let ipProtocol, ipProtocol != key.ipProtocol { return false }
        return routerInterface == nil || routerInterface == key.routerInterface
    }
}

/// What applying a configuration, or new facts, did.
public struct ApplyReport: Hashable, Sendable {
    public var inserted = 0
    public var modified = 0
    public var deleted = 0
    /// Derived entries were made invalid.
    public var generationAdvanced = false
    /// What the host or a running data plane does not have as the file wants it.
    public var notices: [String] = []

    public var isEmpty: Bool { inserted + modified + deleted == 0 }
}

/// A configuration that was refused; the tables are as they were.
public enum ApplyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `remains`: updates that could not be undone; empty unless the data plane failed twice.
    case rejected(update: TableUpdate, error: TableError, remains: [String])
    /// Nothing has been configured yet.
    case notConfigured
    /// The change could not be made durable.
    case notStored(StoreProblem)

    public var description: String {
        switch self {
        case .rejected(_, let error, let remains):
            "refused, and nothing was changed: \(error)"
                + (remains.isEmpty ? "" : "; but this could not be undone: \(remains.joined(separator: "; "))")
        case .notStored(let problem): "refused, and nothing was changed: \(problem)"
        case .notConfigured: "no configuration has been applied yet; apply one first"
        }
    }
}

/// A packet handed to the controller.
public struct PacketIn: Hashable, Sendable {
    public var port: PortID
    public var reason: Reason
    public var mirror: Bool
    /// Of the frame; `bytes` may be fewer.
    public var length: Int
    public var bytes: [UInt8]
}
