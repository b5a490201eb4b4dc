// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// A process ends without a word, and another one goes on.
@Suite("What an earlier process left is taken over", .enabled(if: kernelTestsRun))
struct AdoptionTests {
    typealias W = SmallWorld

    /// Runs with a filled data plane, and the reference with the same tables.
    private func run(
        _ change: (inout XDPConfiguration) -> Void = { _ in }, _ body: (PinnedNode, WantedTables) throws -> Void
    ) throws {
        try inPrivateNetworkNamespace {
            let node = try PinnedNode(change)
            ReconcileWorld.fill(node.plane)
            try body(node, WantedTables(ReconcileWorld.entries, for: node.plane))
        }
    }

    /// A reference that holds what the data plane holds.
    private func reference(of plane: XDPDataPlane, _ wanted: WantedTables) -> ReferenceDataPlane {
        let reference = ReferenceDataPlane(ecmpSeed: plane.fastPath.ecmpSeed)
        reference.singleBufferBytes = XDPDataPlane.testRunLinearBytes
        _ = reference.reconcileTables(wanted.state, repair: true)
        while reference.generation != plane.generation { reference.advanceGeneration() }
        for table in [TableID.flowCache, .mac] {
            for entry in plane.entries(of: table) { #expect(reference.write([.insert(entry)]) == [.applied]) }
        }
        return reference
    }

    private func expectAgreement(
        _ plane: XDPDataPlane, _ wanted: WantedTables, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let reference = reference(of: plane, wanted)
        for frame in ReconcileWorld.frames {
            let port = W.port(frame.port)
            let found = try plane.process(frame.bytes.span.bytes, port: port)
            let right = try reference.process(frame.bytes.span.bytes, port: port)
            #expect(found == right, "\(hex(frame.bytes))", sourceLocation: location)
        }
    }

    private func sorted(_ plane: any DataPlane) -> [TableID: Set<TableEntry>] {
        Dictionary(uniqueKeysWithValues: TableID.allCases.map { ($0, Set(plane.entries(of: $0))) })
    }

    @Test("everything goes on: programs, tables, flows, counters, generation; nothing that is right is written")
    func everything() throws {
        try run { node, wanted in
            for frame in ReconcileWorld.frames {
                _ = try node.plane.process(frame.bytes.span.bytes, port: W.port(frame.port))
            }
            let before = (
                try images(node.plane), sorted(node.plane), flows(node.plane), macs(node.plane), node.plane.generation,
                Set(node.plane.verdictCounters()), node.plane.marker, node.plane.fastPath.pins.map(\.id).sorted(),
                [TableID.acl, .ipv4, .ipv6].map { Set(node.plane.counters(of: $0).map { "\($0)" }) }
            )
            #expect(before.5.count > 10 && before.2.values.contains { $0.counter.packets > 0 })
            try node.restart()
            let plane = node.plane
            #expect(plane.isAdopted && plane.pendingUpgrade == nil && plane.adoptionRefusal == nil)
            #expect(plane.marker == before.6 && plane.fastPath.pins.map(\.id).sorted() == before.7)
            // Even before anything is reconciled, flows and stations can be seen as they were.
            #expect(flows(plane) == before.2 && macs(plane) == before.3 && plane.generation == before.4)
            let refused = plane.write([.insert(.flow(FlowEntry(key: ReconcileWorld.key(99), action: .drop)))])
            #expect("\(refused)".contains("reconciled first"))

            plane.setTime(CoarseTime(rawValue: 77))
            let report = wanted.reconcile(plane, repair: true)
            #expect(report.found == 0 && report.checked > 150, "\(report.discrepancies.prefix(5))")
            #expect(!plane.isAdopted)
            #expect(differences(before.0, try images(plane)) == ["flood_ports", "tx_ports"])
            #expect(sorted(plane) == before.1 && flows(plane) == before.2 && macs(plane) == before.3)
            #expect(Set(plane.verdictCounters()) == before.5 && plane.generation == before.4)
            #expect([TableID.acl, .ipv4, .ipv6].map { Set(plane.counters(of: $0).map { "\($0)" }) } == before.8)
            try expectAgreement(plane, wanted)
        }
    }

    @Test("tables that were taken over can be changed like any others, and taken over again")
    func changes() throws {
        try run { node, wanted in
            var entries = ReconcileWorld.entries
            for round in 0..<4 as Range<UInt16> {
                try node.restart()
                let now = WantedTables(entries, for: node.plane)
                let report = now.reconcile(node.plane, repair: true)
                #expect(report.found == 0, "\(report.discrepancies.prefix(5))")
                var more: [TableEntry] = []
                for number in 0..<40 as Range<UInt16> {
                    let place = round * 40 + number
                    more.append(W.route("10.200.\(place).0/24", place % 2 == 0 ? .nextHop(W.hop(2)) : .drop))
                    more.append(W.route("fd00:2::\(String(place + 16, radix: 16)):0/112", .nextHop(W.hop(102))))
                    more.append(.flow(FlowEntry(key: ReconcileWorld.key(2000 + place), action: .nextHop(W.hop(1)))))
                }
                var rule = ReconcileWorld.rules[0]
                (rule.id, rule.priority) = (900 + UInt32(round), UInt32(round))
                more.append(.acl(rule))
                let hop = NextHopEntry(
                    id: W.hop(2000 + UInt32(round)), routerInterface: W.interface(2),
                    neighbor: W.address("10.0.2.\(100 + round)"))
                more += [.nextHop(hop), W.route("10.201.\(round).0/24", .nextHop(hop.id))]
                #expect(node.plane.write(more.map { .insert($0) }).allSatisfy { $0 == .applied })
                entries += more
                let gone = entries.remove(
                    at: entries.firstIndex(of: W.route("10.200.\(round * 40).0/24", .nextHop(W.hop(2)))) ?? 0)
                #expect(node.plane.write([.delete(gone)]) == [.applied])
                try expectAgreement(node.plane, WantedTables(entries, for: node.plane))
            }
        }
    }

    @Test("what the programs had told and nobody had read is told")
    func events() throws {
        try run { node, wanted in
            var told = 0
            _ = node.plane.pollEvents(maximum: .max) { _ in }
            for number in 0..<20 as Range<UInt16> {
                let frame = W.frame(.ipv4(W.udp4(to: "10.2.1.9", ports: (number, 7))))
                _ = try node.plane.process(frame.span.bytes, port: W.port(1))
            }
            told += node.plane.pollEvents(maximum: 7) { _ in }
            try node.restart()
            told += node.plane.pollEvents(maximum: 100) { _ in }
            #expect(told == 20)
        }
    }

    @Test("a policy that was being changed makes derived entries misses; one that was settled does not")
    func openPolicy() throws {
        try run { node, wanted in
            let generation = node.plane.generation
            #expect(node.plane.write([.insert(W.route("10.2.1.0/24", .drop))]) == [.applied])
            try node.restart()
            #expect(node.plane.generation.rawValue == generation.rawValue + 1)
            let entries = ReconcileWorld.entries + [W.route("10.2.1.0/24", .drop)]
            #expect(WantedTables(entries, for: node.plane).reconcile(node.plane, repair: true).isClean)
            // The controller asks for events once it is done.
            #expect(node.plane.write([.delete(W.route("10.2.1.0/24", .drop))]) == [.applied])
            _ = node.plane.pollEvents(maximum: 10) { _ in }
            let now = node.plane.generation
            try node.restart()
            #expect(node.plane.generation == now)
            _ = wanted.reconcile(node.plane, repair: true)
            // A neighbour is no policy.
            let neighbor = NeighborEntry(
                routerInterface: W.interface(2), address: W.address("10.0.2.99"), mac: W.peer)
            #expect(node.plane.write([.insert(.neighbor(neighbor))]) == [.applied])
            try node.restart()
            #expect(node.plane.generation == now)
        }
    }

    @Test("what is wanted has changed while nobody was there: only that is written, and derived entries are misses")
    func otherWishes() throws {
        try run { node, _ in
            let before = node.plane.generation
            let kept = flows(node.plane)
            var entries = ReconcileWorld.entries
            entries.removeAll { $0 == W.route("10.5.0.0/16", .nextHop(W.hop(5))) }
            entries.removeAll { $0 == .flow(ReconcileWorld.staticFlows[1]) }
            entries.append(W.route("10.205.0.0/16", .nextHop(W.hop(2))))
            entries.append(.flow(FlowEntry(key: ReconcileWorld.key(77), action: .drop)))
            try node.restart()
            let wanted = WantedTables(entries, for: node.plane)
            let report = wanted.reconcile(node.plane, derived: false, repair: true)
            // The route that went is found as addresses that have a route and should not.
            #expect(report.missing == 2 && report.extra == 2 && report.altered == 0 && report.failed == 0)
            #expect(wanted.reconcile(node.plane, repair: true).isClean)
            #expect(node.plane.generation.rawValue == before.rawValue + 1)
            for (entry, held) in kept where entry != ReconcileWorld.staticFlows[1] {
                #expect(flows(node.plane)[entry] == held)
            }
            try expectAgreement(node.plane, wanted)
        }
    }

    @Test("next hops keep their slots by name, whatever their ids are now")
    func nextHopNames() throws {
        try run { node, _ in
            // Two ids for one neighbour, and all ids other numbers than before.
            func hop(_ id: UInt32) -> TableEntry {
                .nextHop(.init(id: W.hop(id), routerInterface: W.interface(2), neighbor: W.address("10.0.2.2")))
            }
            #expect(node.plane.write([.insert(hop(801)), .insert(hop(802))]) == [.applied, .applied])
            let routes = [W.route("10.81.0.0/16", .nextHop(W.hop(801))), W.route("10.82.0.0/16", .nextHop(W.hop(802)))]
            #expect(node.plane.write(routes.map { .insert($0) }) == [.applied, .applied])
            let slots = node.plane.nextHopSlots
            try node.restart()
            let same = WantedTables(ReconcileWorld.entries + [hop(801), hop(802)] + routes, for: node.plane)
            let report = same.reconcile(node.plane, repair: true)
            #expect(report.found == 0, "\(report.discrepancies.prefix(5))")
            #expect(node.plane.nextHopSlots == slots.filter { $0.key != W.hop(555) })

            try node.restart()
            func renumbered(_ id: NextHopID) -> NextHopID { W.hop(id.rawValue + 3000) }
            let others = (ReconcileWorld.entries + [hop(801), hop(802)] + routes).map { entry -> TableEntry in
                switch entry {
                case .nextHop(var hop):
                    hop.id = renumbered(hop.id)
                    return .nextHop(hop)
                case .nextHopGroup(var group):
                    for place in group.members.indices {
                        group.members[place].nextHop = renumbered(group.members[place].nextHop)
                    }
                    return .nextHopGroup(group)
                case .route(var route):
                    if case .nextHop(let id) = route.action { route.action = .nextHop(renumbered(id)) }
                    return .route(route)
                case .flow(var flow):
                    if case .nextHop(let id) = flow.action { flow.action = .nextHop(renumbered(id)) }
                    return .flow(flow)
                default: return entry
                }
            }
            let wanted = WantedTables(others, for: node.plane)
            let tables = wanted.reconcile(node.plane, derived: false, repair: true)
            // The ids in the slots are others; where packets go is not.
            #expect(tables.discrepancies.allSatisfy { $0.table == .nextHop && $0.kind == .altered })
            #expect(wanted.reconcile(node.plane, repair: true).isClean)
            for (id, slot) in slots where id != W.hop(555) { #expect(node.plane.nextHopSlots[renumbered(id)] == slot) }
            try expectAgreement(node.plane, wanted)
        }
    }

    @Test("a next hop that comes back after a restart has its slot again, whatever its id: no name stands twice")
    func nextHopReturns() throws {
        for id in [555, 556] as [UInt32] {
            try run { node, _ in
                // It was deleted, and its slot kept, because flows might name it.
                let slot = try #require(node.plane.nextHopSlots[W.hop(555)])
                try node.restart()
                let without = WantedTables(ReconcileWorld.entries, for: node.plane)
                #expect(without.reconcile(node.plane, repair: true).isClean)
                #expect(node.plane.retiredNextHops.contains(slot))
                let hop = TableEntry.nextHop(
                    .init(id: W.hop(id), routerInterface: W.interface(2), neighbor: W.address("10.0.2.55")))
                #expect(node.plane.write([.insert(hop)]) == [.applied])
                #expect(node.plane.nextHopSlots[W.hop(id)] == slot)
                let names = node.plane.nextHopNames.filter { $0 != 0 }
                #expect(Set(names).count == names.count)
                let generation = node.plane.generation
                try node.restart()
                let report = WantedTables(ReconcileWorld.entries + [hop], for: node.plane)
                    .reconcile(node.plane, repair: true)
                #expect(report.isClean && node.plane.generation == generation, "\(report.discrepancies)")
                #expect(node.plane.nextHopSlots[W.hop(id)] == slot)
            }
        }
    }

    @Test("programs of another build and tables of other sizes are taken over as they are, and that is said")
    func otherBuild() throws {
        try run { node, wanted in
            let sizes = node.plane.fastPath.sizes
            node.configuration.macs = 4096
            node.configuration.routes = 100
            node.configuration.multiBuffer = true
            node.configuration.hashSeed = 4
            try node.restart()
            let pending = try #require(node.plane.pendingUpgrade)
            #expect(pending.contains("room for 512 stations in place of 4096"), "\(pending)")
            #expect(pending.contains("512 routes in place of 100") && pending.contains("another build"), "\(pending)")
            #expect(pending.contains("another hash seed"), "\(pending)")
            #expect(node.plane.fastPath.sizes == sizes && node.plane.capabilities[.mac]?.capacity == 512)
            #expect(WantedTables(ReconcileWorld.entries, for: node.plane).reconcile(node.plane, repair: true).isClean)
        }
    }

    @Test("tables of a layout nobody here knows are left alone, and fresh ones made beside them")
    func otherLayout() throws {
        try run { node, wanted in
            let marker = node.plane.marker
            let tampering = Tampering()
            try node.restart { try tampering.settings.pointee.abi_version = 77 }
            withExtendedLifetime(tampering) {}
            #expect(!node.plane.isAdopted && node.plane.marker != marker)
            #expect(try #require(node.plane.adoptionRefusal).contains("version 77"))
            // No link ran the old set; it goes when the ports have been bound.
            #expect(BPFFileSystem.names(in: PinnedNode.directory) == ["set-1", "set-2"])
            node.plane.removeForeignPins()
            #expect(BPFFileSystem.names(in: PinnedNode.directory) == ["set-2"])
            ReconcileWorld.fill(node.plane)
            try node.restart()
            #expect(node.plane.isAdopted && wanted.reconcile(node.plane, repair: true).isClean)
        }
    }

    @Test("a set that is not whole is not taken over")
    func notWhole() throws {
        try run { node, wanted in
            try node.restart { try BPFFileSystem.unpin("\(PinnedNode.directory)/set-1/vlans") }
            #expect(!node.plane.isAdopted)
            #expect(try #require(node.plane.adoptionRefusal).contains("vlans"))
            try node.restart { try BPFFileSystem.removeDirectory("\(PinnedNode.directory)") }
            #expect(!node.plane.isAdopted && node.plane.adoptionRefusal == nil)
        }
    }

    @Test("a start that takes nothing over, and one that comes to nothing, leave what is right")
    func abandoned() throws {
        try run { node, wanted in
            node.configuration.adopts = false
            try node.restart()
            #expect(!node.plane.isAdopted && node.plane.adoptionRefusal == nil)
            node.plane.abandon()
            #expect(BPFFileSystem.names(in: PinnedNode.directory) == ["set-1"])
            node.configuration.adopts = true
            try node.restart()
            #expect(node.plane.isAdopted)
            node.plane.abandon()
            #expect(BPFFileSystem.names(in: PinnedNode.directory) == ["set-1"])
            #expect(wanted.reconcile(node.plane, repair: true).isClean)
            try BPFFileSystem.createDirectory("\(PinnedNode.directory)/other")
            node.plane.detachAll()
            #expect(BPFFileSystem.names(in: PinnedNode.directory) == ["other"])
        }
    }

    @Test("names: SipHash-2-4, never 0, different for every kind of difference")
    func names() {
        let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
        // The reference implementation's key, and the first 24 bytes of its messages.
        let names = Names(key: key)
        #expect(
            names.hash(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, 0x1716_1514_1312_1110) == 0xb8ad_50c6_f649_af94)
        var seen: Set<UInt64> = []
        for (interface, text) in [(1, "10.0.0.1"), (2, "10.0.0.1"), (1, "10.0.0.2"), (1, "::a00:1"), (1, "a00:1::")]
            as [(UInt16, String)]
        {
            seen.insert(
                names.name(.init(id: W.hop(1), routerInterface: W.interface(interface), neighbor: W.address(text))))
        }
        for (vrf, text) in [(0, "10.0.0.0/8"), (1, "10.0.0.0/8"), (0, "10.0.0.0/9"), (0, "::/8"), (0, "::/9")]
            as [(UInt16, String)]
        {
            let name = names.name(VRFID(rawValue: vrf), W.prefix(text))
            #expect(name & 0xffff_ffff == 0)
            seen.insert(name)
        }
        #expect(seen.count == 10 && !seen.contains(0))
        let again = NextHopEntry(id: W.hop(9), routerInterface: W.interface(1), neighbor: W.address("10.0.0.1"))
        #expect(seen.contains(names.name(again)))
    }
}
