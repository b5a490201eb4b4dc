// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import TestSupport
import Testing

@testable import Controller

extension FlowEngineDataPlane: MegaflowPlanner {
    public func candidates(for sample: Megaflow) -> Result<[OffloadCandidate], OffloadRefusal> {
        plans(for: sample).map { plans in
            plans.map { plan in
                OffloadCandidate(plan.megaflow, refreshes: plan.proof.refreshes.map { .station($0.vlan, $0.mac) })
            }
        }
    }
}

/// A TrustNode in memory, from its registers up, in front of the reference; beside them one data plane for the truth.
///
/// All ports are switched and carry VLANs 10 to 12 with a tag; stations are static. Nothing is dropped: whether a card counts by
/// rule what it drops is not known, and the simulated one does not.
private final class SimulatedNode {
    let card: SimulatedCard
    let store: MemoryShadowStore
    let back = ReferenceDataPlane()
    let oracle = ReferenceDataPlane()
    let front: FlowEngineDataPlane
    let plane: TieredDataPlane
    var tiering: Tiering
    var now: UInt64 = 1_000_000_000
    var sent: UInt64 = 0
    var byCard: UInt64 = 0
    var differences: [String] = []

    init(card: SimulatedCard? = nil, store: MemoryShadowStore = MemoryShadowStore(), tables: Bool = true) throws {
        var variants = CardVariants(profile: .trustNode)
        (variants.malformed, variants.invalidSource, variants.loopToIngress) = (.noMatch, .noMatch, .dropped)
        (variants.reservedMulticast, variants.fragmentPorts) = (.toProcessor, .absent)
        let configuration = CardConfiguration(profile: .trustNode, variants: variants)
        let card = try card ?? SimulatedCard(configuration)
        var traits = OffloadTraits()
        (traits.skipsMalformed, traits.skipsInvalidSource, traits.dropsToIngress) = (true, true, true)
        (traits.skipsReservedMulticast, traits.knowsFragments, traits.readsServiceTags) = (true, true, true)
        (traits.tagsRead, traits.minimumFrame, traits.maximumFrame) = (1, 60, 1518)
        var quirks = CardQuirks(profile: .trustNode)
        (quirks.collisionEntries, quirks.emaEntries) = (variants.collisionDepth, variants.emaDepth)
        quirks.actionWord = variants.actionWord == .trustNode ? .headerFile : .useCase1
        quirks.actionID = variants.actionID == .queueInIndex ? .queueInIndex : .sixteenActions
        (quirks.dropBit, quirks.emaType) = (6, variants.emaType == .setIfOpen ? .setIfOpen : .setIfCompared)
        let numbers = (0..<configuration.portCount).filter { $0 != configuration.hostPort }
        let ports = CardPorts(
            Dictionary(uniqueKeysWithValues: numbers.map { (PortID(rawValue: UInt16($0 + 1)), $0) }))
        let driver = try CardDriver(bus: SimulatedRegisterBus(card), profile: .trustNode, quirks: quirks)
        var settings = CardSettings(enabledPorts: Set(0..<configuration.portCount))
        if driver.map.net.link != nil { settings.linkedPorts = settings.enabledPorts }
        front = try FlowEngineDataPlane(
            driver: driver, ports: ports, settings: settings, store: store, traits: traits, flowPlacement: .never)
        (self.card, self.store) = (card, store)
        plane = TieredDataPlane(back: back, front: front, planner: front, seed: 1)
        var tiers = TierSettings()
        (tiers.promote, tiers.demote, tiers.minimumStay, tiers.firstBackOff) = (10, 1, 0, 1_000_000_000)
        tiering = Tiering(plane, settings: tiers, seed: 1)
        guard tables else { return }
        var updates: [TableUpdate] = ports.all.map { id in
            var port = PortEntry(port: id)
            (port.mode, port.learnMACs, port.learnFlows) = (.switched, false, false)
            return .insert(.port(port))
        }
        for number in 10...12 as ClosedRange<UInt16> {
            var vlan = VLANEntry(vlan: VLANID(rawValue: number))
            vlan.tagged = Set(ports.all)
            updates.append(.insert(.vlan(vlan)))
        }
        write(updates)
    }

    func write(_ updates: [TableUpdate]) {
        if plane.write(updates) != oracle.write(updates) { differences.append("results of \(updates)") }
    }

    func advance() {
        now += 500_000_000
        plane.setTime(CoarseTime(rawValue: UInt16(truncatingIfNeeded: now / 500_000_000)))
        plane.tend(now: now)
    }

    func sweep() {
        tiering.beginSweep(back.state, time: plane.now, now: now)
        plane.sweepFlows { _ in .keep }
        plane.sweepMACs { station in
            tiering.observe(station)
            return .keep
        }
        tiering.endSweep(back.state, now: now)
    }

    func receive(_ frame: [UInt8], port: UInt16) throws {
        sent += 1
        let right = try oracle.process(frame, port: port)
        let emissions = card.receive(frame, port: Int(port) - 1)
        guard card.lastVerdict.match != nil else {
            let verdict = try back.process(frame, port: port)
            if verdict != right { differences.append("\(verdict), not \(right)") }
            return
        }
        byCard += 1
        let expected: [CardEmission] =
            right.egressPort.map { [.port(Int($0.rawValue) - 1, right.output)] } ?? []
        if emissions != expected || right.disposition == .kernel || right.floodVLAN != nil {
            differences.append("\(emissions) of the card, not \(right)")
        }
    }

    static func station(_ number: Int, port: UInt16) -> TableEntry {
        .mac(
            MACEntry(
                vlan: VLANID(rawValue: 10 + UInt16(number % 3)), mac: TierWorld.mac(UInt64(number)),
                action: .port(PortID(rawValue: port)), isStatic: true))
    }
}

@Suite("A node with a simulated card")
struct TierSimulatorTests {
    private func traffic(_ node: SimulatedNode, _ random: inout SeededGenerator, steps: Int) throws {
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        for _ in 0..<steps {
            switch number(0...99) {
            case 0...79:
                let (source, destination) = (number(0...19), min(number(0...19), number(0...19)))
                let frame = TierWorld.frame(
                    from: TierWorld.mac(UInt64(source)), to: TierWorld.mac(UInt64(destination)),
                    vlan: 10 + UInt16(destination % 3))
                // No station is there: what a card drops that would leave where it came in, no rule counts.
                let port = UInt16(number(7...11))
                for _ in 0..<number(1...10) { try node.receive(frame, port: port) }
            case 80: node.write([.modify(SimulatedNode.station(number(0...19), port: UInt16(number(1...6))))])
            case 81:
                var match = ACLEntry.Match()
                match.destinationMAC = Ternary(
                    value: TierWorld.mac(UInt64(number(0...19))).rawValue, mask: 0xffff_ffff_ffff)
                let rule = TableEntry.acl(ACLEntry(id: 1, priority: 1, match: match, action: .kernel))
                node.write([TableUpdate(number(0...1) == 0 ? .insert : .delete, rule)])
            default:
                node.advance()
                if number(0...1) == 0 { node.sweep() }
            }
        }
    }

    @Test("what the card decides and the rest is what one data plane decides, and is counted once", arguments: 0..<4)
    func together(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let node = try SimulatedNode()
        for number in 0..<20 { node.write([.insert(SimulatedNode.station(number, port: UInt16(1 + number % 6)))]) }
        try traffic(node, &random, steps: 1200)
        #expect(node.differences.isEmpty, "\(node.differences.prefix(2))")
        #expect(TierWorld.total(node.plane) == node.sent)
        #expect(node.byCard > node.sent / 4, "\(node.byCard) of \(node.sent)")
        #expect(node.plane.health().complaints.isEmpty, "\(node.plane.health().complaints)")
        let used = node.front.offloadTables.filter(\.holdsRules).reduce(0) { $0 + $1.used }
        #expect(used == node.plane.counts.placements.count)
    }

    @Test("a process that ends leaves its rules; the next one keeps those that are right")
    func restart() throws {
        var random = SeededGenerator(seed: 9)
        let first = try SimulatedNode()
        let stations = (0..<20).map { SimulatedNode.station($0, port: UInt16(1 + $0 % 6)) }
        first.write(stations.map { .insert($0) })
        for _ in 0..<6 {
            for number in 0..<20 {
                let mac = TierWorld.mac(UInt64(number))
                let frame = TierWorld.frame(from: TierWorld.mac(99), to: mac, vlan: 10 + UInt16(number % 3))
                for _ in 0..<20 { try first.receive(frame, port: 8) }
            }
            first.advance()
            first.sweep()
        }
        let rules = first.plane.counts.placements.count
        // One slot in the hash table is that of five stations and more; the collision table has four places.
        #expect(rules >= 16)

        let second = try SimulatedNode(card: first.card, store: first.store, tables: false)
        #expect(second.plane.distrust == TieredDataPlane.untold)
        // One station is elsewhere, one is gone.
        var state = TableState()
        for table in TableID.allCases where table != .mac {
            for entry in first.back.entries(of: table) { _ = state.update(.insert(entry)) }
        }
        var wanted = Wanted()
        var entries = Dictionary(uniqueKeysWithValues: stations.dropFirst().map { ($0.entryKey, $0) })
        let moved = SimulatedNode.station(1, port: 5)
        entries[moved.entryKey] = moved
        wanted.setPlanned(entries)
        _ = second.plane.reconcileTables(state, repair: true)
        _ = second.plane.reconcileEntries(wanted, derived: false, repair: true)
        #expect(second.plane.distrust == nil)
        #expect(second.plane.counts.placements.count == rules - 1)
        for table in TableID.allCases { _ = second.oracle.write(second.back.entries(of: table).map { .insert($0) }) }
        try traffic(second, &random, steps: 300)
        #expect(second.differences.isEmpty, "\(second.differences.prefix(2))")
        #expect(second.byCard > 0)
    }
}
