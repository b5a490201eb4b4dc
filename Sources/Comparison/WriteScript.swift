// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// An endless sequence of writes, the same from the same seed: random worlds, written in small batches, changed, and taken away
/// again. A reference goes along, so that what the tables hold after any number of them is known.
public struct WriteScript {
    public struct Step: Sendable {
        public var updates: [TableUpdate]
        /// The generation is advanced after the updates, as a controller does after a change of policy.
        public var advances: Bool
    }

    private enum Plan {
        case write([TableUpdate])
        /// All entries of a table that are there by then.
        case empty(TableID)
    }

    /// Holds what the tables hold after the steps made so far.
    public let reference: ReferenceDataPlane
    private let options: RandomWorld.Options
    private var random: RandomSource
    private var plans: [Plan] = []
    private var packets: RandomWorld?

    /// - Parameter capacities: entries by table, as in the data plane the script is for.
    public init(seed: UInt64, capacities: [TableID: Int], ecmpSeed: HashSeed) {
        random = RandomSource(seed: seed)
        options = RandomWorld.Options(ecmpSeed: ecmpSeed, withRejections: false)
        reference = ReferenceDataPlane(capacities: capacities, ecmpSeed: ecmpSeed)
    }

    /// The next step, done to the reference.
    public mutating func next() -> Step {
        var updates: [TableUpdate] = []
        while updates.isEmpty {
            if plans.isEmpty { plan() }
            switch plans.removeFirst() {
            case .write(let planned): updates = planned
            case .empty(let table):
                let left = reference.entries(of: table).sorted { $0.keyText < $1.keyText }
                updates = left.prefix(random.range(1...40)).map { .delete($0) }
                if left.count > updates.count { plans.insert(.empty(table), at: 0) }
            }
            updates = updates.map { update in
                // Of the generation in which it is written.
                guard case .flow(var flow) = update.entry, flow.origin != .static else { return update }
                flow.origin = .derived(reference.generation)
                return TableUpdate(update.operation, .flow(flow))
            }
            updates = zip(updates, reference.write(updates)).filter { $1 == .applied }.map { $0.0 }
        }
        let advances = random.chance(30)
        if advances { reference.advanceGeneration() }
        return Step(updates: updates, advances: advances)
    }

    /// A packet aimed at what has been written last.
    public mutating func nextPacket() -> TestPacket? { packets?.nextPacket() }

    /// Forgets what was learned and derived, as a process does that ends.
    public func forgetLearned() {
        reference.sweepFlows { $0.entry.origin == .static ? .keep : .remove }
        reference.sweepMACs { $0.entry.isStatic ? .keep : .remove }
    }

    /// Tables that come, and all that is there by then that goes.
    private mutating func plan() {
        let made = RandomWorld(seed: random.next(), options: options)
        packets = made
        for updates in [made.world.updates, made.world.flows.map { .insert(.flow($0)) }, made.world.changes] {
            var left = updates[...]
            while !left.isEmpty {
                plans.append(.write(Array(left.prefix(random.range(1...12)))))
                if case .write(let taken)? = plans.last { left = left.dropFirst(taken.count) }
            }
        }
        let order: [TableID] = [
            .flowCache, .mac, .acl, .ipv4, .ipv6, .nextHopGroup, .nextHop, .neighbor, .myStation, .routerInterface,
            .vlan, .port,
        ]
        plans += order.map { .empty($0) }
    }
}

/// The static entries of a reference, as a store would keep them.
public struct ReferenceEntries: StaticEntries {
    private var flows: [FlowKey: FlowEntry] = [:]
    private var macs: [Station: MACEntry] = [:]

    private struct Station: Hashable {
        var vlan: VLANID
        var mac: MACAddress
    }

    public init(_ reference: ReferenceDataPlane) {
        for case .flow(let flow) in reference.entries(of: .flowCache) where flow.origin == .static {
            flows[flow.key] = flow
        }
        for case .mac(let mac) in reference.entries(of: .mac) where mac.isStatic {
            macs[Station(vlan: mac.vlan, mac: mac.mac)] = mac
        }
    }

    public var flowCount: Int { flows.count }
    public var macCount: Int { macs.count }
    public func flow(_ key: FlowKey) -> FlowEntry? { flows[key] }
    public func mac(_ entry: MACEntry) -> MACEntry? { macs[Station(vlan: entry.vlan, mac: entry.mac)] }
    public func forEachFlow(_ body: (FlowEntry) -> Void) { flows.values.forEach(body) }
    public func forEachMAC(_ body: (MACEntry) -> Void) { macs.values.forEach(body) }
}
