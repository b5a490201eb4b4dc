// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Turns misses into entries: looks each flow up in the tables, asks whether its sender may have an entry, and gathers the
/// updates of many events for one write. Pure: events, tables and time in, updates out. Buffers are kept; an event allocates
/// nothing.
public struct FlowProgrammer {
    public struct Statistics: Hashable, Sendable {
        /// Misses seen, and entries made of them.
        public var flowMisses: UInt64 = 0
        public var flowsInstalled: UInt64 = 0
        public var macMisses: UInt64 = 0
        public var macsLearned: UInt64 = 0
        public var macsMoved: UInt64 = 0
        /// By `Refusal`.
        public var refusals = [UInt64](repeating: 0, count: Refusal.allCases.count)

        public init() {}

        public subscript(refusal: Refusal) -> UInt64 {
            get { refusals[Int(refusal.rawValue)] }
            set { refusals[Int(refusal.rawValue)] = newValue }
        }
    }

    /// A flow is looked at once in this time, ns: what is reported again meanwhile was already on its way.
    static let repetitionTime: UInt64 = 400_000_000
    private static let recentSlots = 16_384

    private var admission: Admission
    var stations: StationLearning
    private let seed: UInt64
    private let highWater: Double
    private var recent: [(fingerprint: UInt64, time: UInt64)]
    /// Updates gathered since the last write.
    public private(set) var updates: [TableUpdate] = []
    private var retries: [TableUpdate] = []
    public private(set) var statistics = Statistics()
    /// Flow-cache entries there are and could be, as far as known between two looks at the data plane.
    var flowsUsed = 0
    var flowCapacity = Int.max

    public init(limits: Configuration.Limits, seed: UInt64) {
        (admission, self.seed) = (Admission(limits: limits, seed: seed), seed)
        stations = StationLearning(perPort: limits.macsPerPort)
        highWater = Double(limits.flowHighWater) / 100
        recent = Array(repeating: (0, 0), count: Self.recentSlots)
        updates.reserveCapacity(1024)
    }

    /// New limits; what was learned stays.
    mutating func setLimits(_ limits: Configuration.Limits) {
        var new = FlowProgrammer(limits: limits, seed: seed)
        (new.statistics, new.flowsUsed, new.flowCapacity) = (statistics, flowsUsed, flowCapacity)
        new.stations = stations
        new.stations.perPort = limits.macsPerPort
        self = new
    }

    var isNearlyFull: Bool { Double(flowsUsed + updates.count) >= highWater * Double(flowCapacity) }

    /// - Parameter now: nanoseconds, of any clock that does not run back.
    public mutating func flowMiss(
        _ miss: borrowing FlowMiss, state: borrowing TableState, generation: PolicyGeneration, now: UInt64
    ) {
        statistics.flowMisses += 1
        let key = miss.key
        let fingerprint = fingerprint(key, generation)
        let slot = Int(truncatingIfNeeded: fingerprint & UInt64(Self.recentSlots - 1))
        if recent[slot].fingerprint == fingerprint, now &- recent[slot].time < Self.repetitionTime {
            statistics[.repeated] += 1
            return
        }
        // Before the tables are looked at: what is refused must cost little.
        if let refusal = admission.admit(key, port: miss.port, now: now, isNearlyFull: isNearlyFull) {
            statistics[refusal] += 1
            return
        }
        recent[slot] = (fingerprint, now)
        guard let entry = Classifier.evaluate(key: key, state: state, generation: generation).entry else {
            statistics[.notCacheable] += 1
            return
        }
        // Kept out of the cache, so that the flow goes on by itself when the neighbour appears. The node's own
        // addresses are host routes and can be kept.
        if entry.action == .kernel, entry.reason == .local, !isHostRoute(key, state: state) {
            statistics[.awaitsNeighbor] += 1
            return
        }
        updates.append(.insert(.flow(entry)))
    }

    public mutating func macMiss(vlan: VLANID, mac: MACAddress, port: PortID, now: UInt64) {
        statistics.macMisses += 1
        switch stations.miss(vlan, mac, port, now: now) {
        case .nothing: statistics[.repeated] += 1
        case .refuse(let refusal): statistics[refusal] += 1
        case .update(let update): updates.append(update)
        }
    }

    /// Takes the results of writing `updates`, and begins anew.
    public mutating func written(_ results: [UpdateResult]) {
        retries.removeAll(keepingCapacity: true)
        for (index, result) in results.enumerated() where index < updates.count {
            let update = updates[index]
            switch (update.entry, result) {
            case (.flow, .applied):
                statistics.flowsInstalled += 1
                flowsUsed += 1
            case (.flow, .rejected(.alreadyExists)): statistics[.repeated] += 1
            case (.mac, .applied):
                if update.operation == .insert { statistics.macsLearned += 1 } else { statistics.macsMoved += 1 }
            case (.mac, .rejected(.alreadyExists)):
                // The table knows the station from before this process learned anything; perhaps at another port.
                retries.append(.modify(update.entry))
            case (let entry, .rejected(let error)):
                if case .tableFull = error { statistics[.tableFull] += 1 } else { statistics[.rejected] += 1 }
                if case .mac(let mac) = entry { stations.forget(mac.vlan, mac.mac) }
            default: break
            }
        }
        updates.removeAll(keepingCapacity: true)
        updates.append(contentsOf: retries)
    }

    private func isHostRoute(_ key: FlowKey, state: borrowing TableState) -> Bool {
        let vrf = state.routerInterface(key.routerInterface)?.vrf ?? .default
        return state.route(vrf: vrf, to: key.destinationAddress)?.prefix.length == (key.isIPv6 ? 128 : 32)
    }

    private func fingerprint(_ key: FlowKey, _ generation: PolicyGeneration) -> UInt64 {
        let ports =
            UInt64(key.sourcePort) | UInt64(key.destinationPort) << 16 | UInt64(key.ipProtocol) << 32
            | UInt64(key.routerInterface.rawValue) << 40 | (key.isIPv6 ? 1 << 63 : 0)
        let addresses = mix(key.source.low ^ seed, key.destination.low)
        let halves = mix(key.source.high ^ addresses, key.destination.high)
        return mix(halves ^ ports, UInt64(generation.rawValue) ^ seed)
    }
}
