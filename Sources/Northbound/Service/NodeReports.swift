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
    /// nil: the node remembers nothing.
    public var state: StateReport?
    /// nil: the start is not over.
    public var start: StartReport?
    public var reconciliation: ReconciliationReport
    /// nil: the data plane has no program.
    public var program: ProgramReport?
    /// nil: there is no card.
    public var card: CardReport?
    /// What a card's CPU port counted.
    public var cpuPort: [CPUPortCount]

    public init(
        version: String, pid: Int32, uptimeMilliseconds: UInt64, configuration: String, dataPlane: String,
        generation: PolicyGeneration = PolicyGeneration(rawValue: 0), ports: Int = 0, portsUp: Int = 0,
        events: EventTotals = EventTotals(), residentBytes: UInt64 = 0, complaints: [String] = [],
        state: StateReport? = nil, start: StartReport? = nil,
        reconciliation: ReconciliationReport = ReconciliationReport(), program: ProgramReport? = nil,
        card: CardReport? = nil, cpuPort: [CPUPortCount] = []
    ) {
        (self.version, self.pid, self.uptimeMilliseconds) = (version, pid, uptimeMilliseconds)
        (self.configuration, self.dataPlane, self.generation) = (configuration, dataPlane, generation)
        (self.ports, self.portsUp, self.events) = (ports, portsUp, events)
        (self.residentBytes, self.complaints) = (residentBytes, complaints)
        (self.state, self.start, self.reconciliation, self.program) = (state, start, reconciliation, program)
        (self.card, self.cpuPort) = (card, cpuPort)
    }
}

/// What the node remembers, and whether it can.
public struct StateReport: Hashable, Sendable {
    /// Why nothing can be stored: changes are refused, packets are forwarded as before.
    public struct Problem: Hashable, Sendable {
        /// One word for programs: `StoreProblem.name`.
        public var name: String
        /// What is wrong and what to do: `StoreProblem.description`.
        public var sentence: String

        public init(name: String, sentence: String) { (self.name, self.sentence) = (name, sentence) }
    }

    /// nil: all is well; else the node is degraded.
    public var problem: Problem?
    /// Where it is stored.
    public var directory: String
    /// Grows by one with every change stored.
    public var revision: UInt64
    /// Entries that calls have made different from the configuration.
    public var amendments: Int
    /// Changes made and not yet on disk.
    public var pending: Int

    public init(
        problem: Problem? = nil, directory: String, revision: UInt64 = 0, amendments: Int = 0, pending: Int = 0
    ) {
        (self.problem, self.directory, self.revision) = (problem, directory, revision)
        (self.amendments, self.pending) = (amendments, pending)
    }
}

/// What the start found.
public struct StartReport: Hashable, Sendable {
    /// Tables that an earlier process left were taken over; else new ones were made.
    public var isAdopted: Bool
    /// Why new tables were made, or why they were found as they were; may be empty.
    public var reason: String
    /// Entries and records that were compared with what is wanted.
    public var checked: Int
    public var repaired: Int
    /// Not as wanted, and not repaired.
    public var failed: Int
    /// From the start until the tables were as wanted.
    public var milliseconds: UInt64

    public init(
        isAdopted: Bool, reason: String = "", checked: Int = 0, repaired: Int = 0, failed: Int = 0,
        milliseconds: UInt64 = 0
    ) {
        (self.isAdopted, self.reason, self.checked) = (isAdopted, reason, checked)
        (self.repaired, self.failed, self.milliseconds) = (repaired, failed, milliseconds)
    }
}

/// The comparisons of what is there with what is wanted, so far.
public struct ReconciliationReport: Hashable, Sendable {
    /// How often it was compared.
    public var runs: UInt64
    /// Discrepancies found by all of them, and what became of these.
    public var found: UInt64
    public var repaired: UInt64
    public var failed: UInt64
    /// When the last one was found, seconds since 1970; 0: none was.
    public var timeSeconds: UInt64
    /// The first few of the last comparison that found any.
    public var discrepancies: [Discrepancy]

    public init(
        runs: UInt64 = 0, found: UInt64 = 0, repaired: UInt64 = 0, failed: UInt64 = 0, timeSeconds: UInt64 = 0,
        discrepancies: [Discrepancy] = []
    ) {
        (self.runs, self.found, self.repaired, self.failed) = (runs, found, repaired, failed)
        (self.timeSeconds, self.discrepancies) = (timeSeconds, discrepancies)
    }
}

/// The fast path's program.
public struct ProgramReport: Hashable, Sendable {
    /// Of the build it is from, hexadecimal.
    public var digest: String
    /// The kernel's own, hexadecimal.
    public var tag: String
    /// The kernel's number of it.
    public var id: UInt32
    /// What became of the last replacement, a sentence; empty: there was none.
    public var replacement: String

    public init(digest: String, tag: String, id: UInt32, replacement: String = "") {
        (self.digest, self.tag, self.id, self.replacement) = (digest, tag, id, replacement)
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
    /// Of stations, where there is a card: where frames to them are decided, and why there; else empty. As in `FlowReport`.
    public var place: String
    public var reason: String

    public init(
        _ entry: TableEntry, counter: Counter? = nil, idleMilliseconds: UInt64? = nil, place: String = "",
        reason: String = ""
    ) {
        (self.entry, self.counter, self.idleMilliseconds) = (entry, counter, idleMilliseconds)
        (self.place, self.reason) = (place, reason)
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
    /// Where its packets are decided: `xdp`, or `card: emh type 3, slot 0x1a2b, rule 17`.
    public var place: String
    /// Why there; empty if there is nothing to say.
    public var reason: String

    public init(
        entry: FlowEntry, counter: Counter, idleMilliseconds: UInt64, port: PortID?, place: String = "",
        reason: String = ""
    ) {
        (self.entry, self.counter, self.idleMilliseconds, self.port) = (entry, counter, idleMilliseconds, port)
        (self.place, self.reason) = (place, reason)
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

/// One change of an entry.
public struct ChangeReport: Hashable, Sendable {
    public var operation: TableUpdate.Operation
    /// As it is then; of a deletion as it was.
    public var entry: TableEntry
    /// Of a modification, as it was.
    public var before: TableEntry?

    public init(_ operation: TableUpdate.Operation, _ entry: TableEntry, before: TableEntry? = nil) {
        (self.operation, self.entry, self.before) = (operation, entry, before)
    }
}

/// What applying a file changes.
public struct ChangesReport: Hashable, Sendable {
    /// In the order they are made.
    public var changes: [ChangeReport]
    /// What the host or the running data plane does not have as the file wants it, in sentences.
    public var notices: [String]
    /// Names of the file's ports: the node has no name yet for one that the file adds.
    public var portNames: [PortID: String]

    public init(changes: [ChangeReport] = [], notices: [String] = [], portNames: [PortID: String] = [:]) {
        (self.changes, self.notices, self.portNames) = (changes, notices, portNames)
    }

    /// How many of the changes are such an operation.
    public func count(_ operation: TableUpdate.Operation) -> Int { changes.count { $0.operation == operation } }
}

/// An entry that calls have made different from the configuration.
public struct DifferenceReport: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable { case added, changed, deleted }

    /// As it is; nil: a call deleted it.
    public var entry: TableEntry?
    /// As the configuration has it; nil: a call added it.
    public var configured: TableEntry?
    /// When the call was made, seconds since 1970 by the node's clock.
    public var timeSeconds: UInt64
    /// Of a flow, as it is; nil: it stays.
    public var idleTimeoutMilliseconds: UInt64?

    public init(
        entry: TableEntry?, configured: TableEntry?, timeSeconds: UInt64, idleTimeoutMilliseconds: UInt64? = nil
    ) {
        (self.entry, self.configured, self.timeSeconds) = (entry, configured, timeSeconds)
        self.idleTimeoutMilliseconds = idleTimeoutMilliseconds
    }

    public var kind: Kind { configured == nil ? .added : entry == nil ? .deleted : .changed }
}

/// How far the replacement of the fast path's program has come.
public enum ProgramStep: Hashable, Sendable {
    /// The kernel took the new one.
    case loaded(ProgramReport)
    /// Packets are decided by it from now on.
    case switched
}

/// What became of a replacement of the fast path's program.
public struct ProgramVerdict: Hashable, Sendable {
    /// The new one stays; else the one before it is back.
    public var isConfirmed: Bool
    /// Why, in a sentence.
    public var message: String

    public init(isConfirmed: Bool, message: String) { (self.isConfirmed, self.message) = (isConfirmed, message) }
}
