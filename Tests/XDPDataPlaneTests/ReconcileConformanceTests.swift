// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// The laws of `ReconcilableDataPlane`, for every back end: tables that were changed against what is wanted are brought back.
@Suite("Every data plane can be compared with what is wanted", .enabled(if: kernelTestsRun))
struct ReconcileConformanceTests {
    typealias W = SmallWorld
    typealias Plane = any ReconcilableDataPlane & PacketProcessor

    private func run(_ backEnd: BackEnd, _ body: (Plane, WantedTables) throws -> Void) throws {
        try inPrivateNetworkNamespace {
            let plane = try #require(backEnd.make() as? Plane)
            let all = ReconcileWorld.entries
            #expect(plane.write(all.map { .insert($0) }).allSatisfy { $0 == .applied })
            try body(plane, WantedTables(all, for: plane))
        }
    }

    private func contents(_ plane: Plane) -> [TableID: Set<TableEntry>] {
        Dictionary(uniqueKeysWithValues: TableID.allCases.map { ($0, Set(plane.entries(of: $0))) })
    }

    private func texts(_ report: ReconcileReport) -> Set<String> { Set(report.discrepancies.map(Alteration.text)) }

    @Test("what is as wanted is found so, and left alone", arguments: BackEnd.allCases)
    func clean(backEnd: BackEnd) throws {
        try run(backEnd) { plane, wanted in
            let (generation, before, marker) = (plane.generation, contents(plane), plane.marker)
            for repair in [false, true, true] {
                let report = wanted.reconcile(plane, repair: repair)
                #expect(report.isClean && report.failed == 0 && report.repairs == repair, "\(report.discrepancies)")
                #expect(report.checked >= 100)
            }
            #expect(plane.generation == generation && contents(plane) == before && !plane.isAdopted)
            #expect(plane.marker == marker && plane.emptyState.count(of: .port) == 0)
            #expect(plane.emptyState.ecmpSeed == wanted.state.ecmpSeed)
        }
    }

    /// Changes that a back end keeps entry by entry, and what is said of each.
    private static let changes: [(TableUpdate, String)] = {
        var port = PortEntry(port: W.port(1))
        port.mode = .switched
        var vlan = VLANEntry(vlan: W.vlan(20))
        vlan.untagged = [W.port(6)]
        // One without members and with policies left as they are says nothing.
        var other30 = VLANEntry(vlan: W.vlan(30))
        other30.broadcast = .drop
        var rule = ReconcileWorld.rules[0]
        rule.action = .permit
        let more = ACLEntry(id: 5000, priority: 1, match: .init(), action: .drop)
        let group = NextHopGroupEntry(id: .init(rawValue: 1), members: [.init(nextHop: W.hop(2))])
        let hop = NextHopEntry(id: W.hop(900), routerInterface: W.interface(2), neighbor: W.address("10.0.2.90"))
        var flow = ReconcileWorld.staticFlows[0]
        flow.action = .drop
        let other = FlowEntry(key: ReconcileWorld.key(900), action: .drop)
        let station = MACEntry(
            vlan: W.vlan(10), mac: MACAddress(rawValue: 0x02_00_00_00_bb_0d), action: .kernel, isStatic: true)
        let stranger = MACEntry(
            vlan: W.vlan(10), mac: MACAddress(rawValue: 0x02_00_00_00_cc_01), action: .drop, isStatic: true)
        return [
            (.modify(.port(port)), "altered port_table: port 1"),
            (.insert(.port(PortEntry(port: W.port(30)))), "extra port_table: port 30"),
            (.delete(.port(PortEntry(port: W.port(8)))), "missing port_table: port 8"),
            (.modify(.vlan(vlan)), "altered vlan_table: VLAN 20"),
            (.delete(.vlan(VLANEntry(vlan: W.vlan(10)))), "missing vlan_table: VLAN 10"),
            (.insert(.vlan(other30)), "extra vlan_table: VLAN 30"),
            (.modify(.acl(rule)), "altered acl_ingress_table: ACL entry 700"),
            (.delete(.acl(ReconcileWorld.rules[1])), "missing acl_ingress_table: ACL entry 3"),
            (.insert(.acl(more)), "extra acl_ingress_table: ACL entry 5000"),
            (.modify(.nextHopGroup(group)), "altered nexthop_group_table: next-hop group 1"),
            (.insert(.nextHop(hop)), "extra nexthop_table: next hop 900"),
            (.modify(W.route("10.2.0.0/16", .kernel)), "altered ipv4_table: route 10.2.0.0/16 in VRF 0"),
            (.delete(W.route("10.2.7.9/32", .drop)), "missing ipv4_table: route 10.2.7.9/32 in VRF 0"),
            (.insert(W.route("10.2.7.8/32", .drop)), "extra ipv4_table: route 10.2.7.8/32 in VRF 0"),
            (.delete(W.route("fd00:2:7::9/128", .drop)), "missing ipv6_table: route fd00:2:7::9/128 in VRF 0"),
            (.insert(W.route("::/0", .drop, vrf: 9)), "extra ipv6_table: route ::/0 in VRF 9"),
            (.modify(.flow(flow)), "altered flow_cache_table: flow \(flow.key)"),
            (.insert(.flow(other)), "extra flow_cache_table: flow \(other.key)"),
            (
                .delete(.flow(ReconcileWorld.staticFlows[3])),
                "missing flow_cache_table: flow \(ReconcileWorld.staticFlows[3].key)"
            ),
            (.modify(.mac(station)), "altered mac_table: station \(station.mac) in VLAN 10"),
            (.insert(.mac(stranger)), "extra mac_table: station \(stranger.mac) in VLAN 10"),
            (
                .delete(
                    .mac(
                        .init(
                            vlan: W.vlan(20), mac: MACAddress(rawValue: 0x02_00_00_00_bb_05), action: .drop,
                            isStatic: true))),
                "missing mac_table: station 02:00:00:00:bb:05 in VLAN 20"
            ),
        ]
    }()

    @Test("each kind of change is found by its name, told without repair, and repaired", arguments: BackEnd.allCases)
    func changes(backEnd: BackEnd) throws {
        try run(backEnd) { plane, wanted in
            let before = contents(plane)
            for (update, found) in Self.changes {
                // The controller would have counted what a static flow it did not want refers to; here nobody does.
                #expect(plane.write([update]) == [.applied], "\(update)")
                let (changed, generation) = (contents(plane), plane.generation)
                #expect(texts(wanted.reconcile(plane, derived: false, repair: false)) == [found])
                #expect(contents(plane) == changed && plane.generation == generation)
                let report = wanted.reconcile(plane, derived: false, repair: true)
                #expect(texts(report) == [found] && report.failed == 0)
                #expect(contents(plane) == before, "\(update)")
                #expect(wanted.reconcile(plane, repair: true).isClean, "\(update)")
            }
        }
    }

    @Test(
        "all of it at once, stations, interfaces and neighbours too; packets then go as the tables say",
        arguments: BackEnd.allCases)
    func everything(backEnd: BackEnd) throws {
        try run(backEnd) { plane, wanted in
            let before = contents(plane)
            let frames = ReconcileWorld.frames
            func verdicts() throws -> [PacketVerdict] {
                try frames.map { try plane.process($0.bytes.span.bytes, port: W.port($0.port)) }
            }
            let expected = try verdicts()
            let generation = plane.generation
            plane.sweepFlows { _ in .remove }
            plane.sweepMACs { _ in .remove }
            let order: [TableID] = [
                .acl, .ipv4, .ipv6, .nextHopGroup, .nextHop, .neighbor, .myStation, .routerInterface, .vlan, .port,
            ]
            for table in order {
                #expect(plane.write(plane.entries(of: table).map { .delete($0) }).allSatisfy { $0 == .applied })
            }
            let report = wanted.reconcile(plane, repair: true)
            #expect(report.missing > 60 && report.failed == 0, "\(report.missing), \(report.discrepancies.prefix(5))")
            #expect(plane.generation.rawValue == generation.rawValue &+ 1)
            // Learned stations are not wanted by anybody.
            var right = before
            right[.mac] = before[.mac]?.filter { if case .mac(let mac) = $0 { mac.isStatic } else { false } }
            #expect(contents(plane) == right)
            #expect(wanted.reconcile(plane, repair: true).isClean)
            let learned = try #require(before[.mac]).subtracting(try #require(right[.mac]))
            #expect(plane.write(learned.map { .insert($0) }).allSatisfy { $0 == .applied })
            #expect(try verdicts() == expected)
            // What is named cannot go, as before: references are counted.
            let used = plane.write([.delete(.port(PortEntry(port: W.port(2)))), .delete(W.nextHops[0])])
            #expect(used.allSatisfy { if case .rejected(.inUse) = $0 { true } else { false } }, "\(used)")
        }
    }

    @Test(
        "derived entries are looked at when asked, and only those of the present generation",
        arguments: BackEnd.allCases)
    func derived(backEnd: BackEnd) throws {
        try run(backEnd) { plane, wanted in
            func flow(_ number: UInt16, _ action: ForwardingAction) -> FlowEntry {
                var entry =
                    Classifier.evaluate(
                        key: ReconcileWorld.key(number), state: wanted.state, generation: plane.generation
                    )
                    .entry ?? FlowEntry(key: ReconcileWorld.key(number), action: .drop)
                if action != .cpu { entry.action = action }
                return entry
            }
            let stale = flow(100, .nextHop(W.hop(4)))
            #expect(plane.write([.insert(.flow(stale))]) == [.applied])
            plane.advanceGeneration()
            let (right, wrong) = (flow(101, .cpu), flow(102, .nextHop(W.hop(4))))
            #expect(plane.write([.insert(.flow(right)), .insert(.flow(wrong))]) == [.applied, .applied])
            #expect(wanted.reconcile(plane, derived: false, repair: true).isClean)
            let report = wanted.reconcile(plane, derived: true, repair: true)
            #expect(texts(report) == ["altered flow_cache_table: flow \(wrong.key)"])
            let left = Set(plane.entries(of: .flowCache))
            #expect(left.contains(.flow(right)) && left.contains(.flow(stale)) && !left.contains(.flow(wrong)))
            // A static flow takes the place of a derived one of its key.
            var more = wanted
            more.entries.add(.flow(FlowEntry(key: right.key, action: .drop)))
            let taken = more.reconcile(plane, derived: false, repair: true)
            #expect(texts(taken) == ["altered flow_cache_table: flow \(right.key)"])
            #expect(Set(plane.entries(of: .flowCache)).contains(.flow(FlowEntry(key: right.key, action: .drop))))
        }
    }

    @Test("counters of what is right go on; what is made anew begins at zero", arguments: BackEnd.allCases)
    func counters(backEnd: BackEnd) throws {
        try run(backEnd) { plane, wanted in
            for frame in ReconcileWorld.frames {
                _ = try plane.process(frame.bytes.span.bytes, port: W.port(frame.port))
            }
            func counts() -> [TableEntry: Counter] {
                var all: [TableEntry: Counter] = [:]
                for table in [TableID.acl, .ipv4, .ipv6] {
                    for (entry, counter) in plane.counters(of: table) { all[entry] = counter }
                }
                for (entry, held) in flows(plane) { all[.flow(entry)] = held.counter }
                for (entry, held) in macs(plane) { all[.mac(entry)] = held.counter }
                return all
            }
            let before = counts()
            let gone: [TableEntry] = [
                .acl(ReconcileWorld.rules[1]), W.route("10.2.7.0/24", .nextHop(W.hop(4))),
                .flow(ReconcileWorld.staticFlows[0]),
            ]
            #expect(gone.allSatisfy { before[$0]?.packets ?? 0 > 0 })
            #expect(plane.write(gone.map { .delete($0) }).allSatisfy { $0 == .applied })
            #expect(wanted.reconcile(plane, repair: true).missing == 3)
            let after = counts()
            for (entry, counter) in before {
                #expect(after[entry] == (gone.contains(entry) ? Counter() : counter), "\(entry)")
            }
        }
    }
}
