// SPDX-License-Identifier: Apache-2.0
import Glibc
import Packet

/// The data plane in plain Swift: `Docs/pipeline.md` in code, read side by side with it. It is what the others are compared
/// with, and what explains a verdict. It forwards nothing by itself: packets are put through it with `process`.
public final class ReferenceDataPlane: DataPlane, PacketProcessor {
    struct StoredFlow {
        var entry: FlowEntry
        var counter = Counter()
        var lastHit: CoarseTime
    }

    struct MACKey: Hashable {
        var vlan: VLANID
        var mac: MACAddress
    }

    struct StoredMAC {
        var entry: MACEntry
        var counter = Counter()
        var lastHit: CoarseTime
    }

    struct RouteKey: Hashable {
        var vrf: VRFID
        var prefix: IPPrefix
    }

    /// A packet-in carries at most this much of the packet.
    public static let packetInMaximum = 2048

    /// All tables but the flow cache and the MAC table.
    public internal(set) var state: TableState
    /// Larger frames do not lie in one buffer (reason `multi_buffer`); a property of what the reference is compared with.
    public var singleBufferBytes = Int.max
    var flows: [FlowKey: StoredFlow] = [:]
    var macs: [MACKey: StoredMAC] = [:]
    var aclCounters: [UInt32: Counter] = [:]
    var routeCounters: [RouteKey: Counter] = [:]
    var verdicts: [Counter]
    var events: EventQueue
    var now = CoarseTime(rawValue: 0)
    public private(set) var generation = PolicyGeneration(rawValue: 0)
    let clock: () -> UInt64
    public let marker = UInt64.random(in: 1 ... .max)
    private let transmit: (PortID, [UInt8]) -> Void

    /// - Parameters:
    ///   - capacities: entries by table, where other than `TableState.defaultCapacities`.
    ///   - eventCapacity: events that wait at most; `eventsPerEpoch`: those of a port in one epoch at most.
    ///   - clock: CLOCK_MONOTONIC, nanoseconds, for the time of misses.
    ///   - transmit: where `packetOut` goes.
    public init(
        capacities: [TableID: Int] = [:], ecmpSeed: HashSeed = .zero, aclDefault: TableState.ACLDefault = .permit,
        eventCapacity: Int = 65536, eventsPerEpoch: Int = 65536,
        clock: @escaping () -> UInt64 = monotonicNanoseconds,
        transmit: @escaping (PortID, [UInt8]) -> Void = { _, _ in }
    ) {
        state = TableState(capacities: capacities, aclDefault: aclDefault, ecmpSeed: ecmpSeed)
        events = EventQueue(capacity: eventCapacity, perPortAndEpoch: eventsPerEpoch)
        verdicts = Array(repeating: Counter(), count: (Int(PortID.maximum) + 1) << 8)
        (self.clock, self.transmit) = (clock, transmit)
    }

    public var capabilities: DataPlaneCapabilities {
        DataPlaneCapabilities(
            name: "reference",
            tables: TableID.allCases.map { table in
                let used =
                    switch table {
                    case .flowCache: flows.count
                    case .mac: macs.count
                    default: state.count(of: table)
                    }
                let (kinds, cost): (Set<DataPlaneCapabilities.MatchKind>, Int) =
                    switch table {
                    case .ipv4, .ipv6: ([.exact, .lpm], MemoryLayout<RouteEntry>.stride)
                    case .acl: ([.optional, .ternary, .range, .lpm], MemoryLayout<ACLEntry>.stride)
                    case .myStation: ([.optional, .ternary], MemoryLayout<MyStationEntry>.stride)
                    case .flowCache: ([.exact], MemoryLayout<(FlowKey, StoredFlow)>.stride)
                    case .mac: ([.exact], MemoryLayout<(MACKey, StoredMAC)>.stride)
                    default: ([.exact], MemoryLayout<NextHopEntry>.stride)
                    }
                return .init(
                    table: table, capacity: state.capacity(of: table), used: used, matchKinds: kinds, costPerEntry: cost
                )
            })
    }

    // MARK: Writing

    public func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        updates.map { update in
            do throws(TableError) {
                switch update.entry {
                case .flow(let flow): try write(update.operation, flow)
                case .mac(let mac): try write(update.operation, mac)
                default: try apply(update)
                }
                return .applied
            } catch {
                return .rejected(error)
            }
        }
    }

    private func apply(_ update: TableUpdate) throws(TableError) {
        _ = try state.apply(update)
        switch (update.operation, update.entry) {
        case (.insert, .acl(let rule)): aclCounters[rule.id] = Counter()
        case (.delete, .acl(let rule)): aclCounters[rule.id] = nil
        case (.insert, .route(let route)): routeCounters[RouteKey(vrf: route.vrf, prefix: route.prefix)] = Counter()
        case (.delete, .route(let route)): routeCounters[RouteKey(vrf: route.vrf, prefix: route.prefix)] = nil
        default: break
        }
    }

    private func write(_ operation: TableUpdate.Operation, _ flow: FlowEntry) throws(TableError) {
        let entry = TableEntry.flow(flow)
        if let error = state.validate(TableUpdate(operation, entry)) { throw error }
        let old = flows[flow.key]
        switch operation {
        case .insert:
            // A derived entry of an earlier generation is as good as gone, and makes room.
            if let old, isValid(old.entry) { throw .alreadyExists(table: .flowCache, entry: entry.keyText) }
            guard old != nil || flows.count < state.capacity(of: .flowCache) else {
                throw .tableFull(table: .flowCache, capacity: state.capacity(of: .flowCache))
            }
            flows[flow.key] = StoredFlow(entry: flow, lastHit: now)
        case .modify:
            guard old != nil else { throw .notFound(table: .flowCache, entry: entry.keyText) }
            flows[flow.key]?.entry = flow
        case .delete:
            guard old != nil else { throw .notFound(table: .flowCache, entry: entry.keyText) }
            flows[flow.key] = nil
        }
        state.countReferences(removed: old?.entry, inserted: operation == .delete ? nil : flow)
    }

    private func write(_ operation: TableUpdate.Operation, _ mac: MACEntry) throws(TableError) {
        let entry = TableEntry.mac(mac)
        if let error = state.validate(TableUpdate(operation, entry)) { throw error }
        let key = MACKey(vlan: mac.vlan, mac: mac.mac)
        let exists = macs[key] != nil
        switch operation {
        case .insert:
            if exists { throw .alreadyExists(table: .mac, entry: entry.keyText) }
            guard macs.count < state.capacity(of: .mac) else {
                throw .tableFull(table: .mac, capacity: state.capacity(of: .mac))
            }
            macs[key] = StoredMAC(entry: mac, lastHit: now)
        case .modify:
            guard exists else { throw .notFound(table: .mac, entry: entry.keyText) }
            macs[key]?.entry = mac
        case .delete:
            guard exists else { throw .notFound(table: .mac, entry: entry.keyText) }
            macs[key] = nil
        }
    }

    // MARK: Reading

    public func entries(of table: TableID) -> [TableEntry] {
        switch table {
        case .flowCache: flows.values.map { .flow($0.entry) }
        case .mac: macs.values.map { .mac($0.entry) }
        default: state.entries(of: table)
        }
    }

    public func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) {
        for (key, flow) in flows {
            let record = FlowRecord(entry: flow.entry, counter: flow.counter, lastHit: flow.lastHit)
            guard visit(record) == .remove else { continue }
            flows[key] = nil
            state.countReferences(removed: flow.entry, inserted: nil)
        }
    }

    public func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) {
        for (key, mac) in macs {
            let record = MACRecord(entry: mac.entry, counter: mac.counter, lastHit: mac.lastHit)
            if visit(record) == .remove { macs[key] = nil }
        }
    }

    public func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] {
        state.entries(of: table).compactMap { entry in
            switch entry {
            case .acl(let rule): (entry, aclCounters[rule.id] ?? Counter())
            case .route(let route):
                (entry, routeCounters[RouteKey(vrf: route.vrf, prefix: route.prefix)] ?? Counter())
            default: nil
            }
        }
    }

    public func verdictCounters() -> [VerdictCounter] {
        verdicts.indices.compactMap { slot in
            guard verdicts[slot].packets > 0, let disposition = Disposition(rawValue: UInt8(slot >> 6 & 3)),
                let reason = Reason(rawValue: UInt8(slot & 63))
            else { return nil }
            return VerdictCounter(
                port: PortID(rawValue: UInt16(slot >> 8)), disposition: disposition, reason: reason,
                counter: verdicts[slot])
        }
    }

    // MARK: Generation, time, events

    @discardableResult
    public func advanceGeneration() -> PolicyGeneration {
        generation = PolicyGeneration(rawValue: generation.rawValue &+ 1)
        // The number begins anew: what is left of earlier laps must not come to life again.
        if generation.rawValue == 0 { sweepFlows { $0.entry.origin == .static ? .keep : .remove } }
        return generation
    }

    func isValid(_ entry: FlowEntry) -> Bool { entry.origin == .static || entry.origin == .derived(generation) }

    public func setTime(_ now: CoarseTime) {
        if now != self.now { events.beginEpoch() }
        self.now = now
    }

    public func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int {
        var count = 0
        while count < maximum, let event = events.take() {
            body(event)
            count += 1
        }
        return count
    }

    public func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) {
        guard state.port(port) != nil else { throw .unknownPort(port) }
        transmit(port, packet.copied())
    }

    public func health() -> DataPlaneHealth {
        var health = DataPlaneHealth()
        (health.eventsSent, health.eventsRepeated, health.eventsLost) = (events.sent, events.repeated, events.lost)
        return health
    }
}

/// CLOCK_MONOTONIC, nanoseconds.
public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
