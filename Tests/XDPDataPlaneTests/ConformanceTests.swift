// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// The laws written down at `DataPlane`, for every back end.
@Suite("Every data plane keeps the contract's laws", .enabled(if: kernelTestsRun))
struct ConformanceTests {
    typealias W = SmallWorld

    func flow(
        _ number: UInt16, _ action: ForwardingAction = .drop, _ origin: FlowEntry.Origin = .static, v6: Bool = false
    ) -> TableEntry {
        .flow(
            FlowEntry(
                key: FlowKey(
                    routerInterface: W.interface(1), source: W.address(v6 ? "fd00:1::2" : "10.0.1.2"),
                    destination: W.address(v6 ? "fd00:77::1" : "10.77.0.1"), ipProtocol: 17, sourcePort: number,
                    destinationPort: 80), action: action, origin: origin,
                reason: origin == .static ? .flowCache : .route))
    }

    func packet(_ number: UInt16, v6: Bool = false) -> [UInt8] {
        v6
            ? W.frame(.ipv6(W.udp6(to: "fd00:77::1", ports: (number, 80))))
            : W.frame(.ipv4(W.udp4(to: "10.77.0.1", ports: (number, 80))))
    }

    func verdict(_ plane: any PacketProcessor, _ frame: [UInt8], port: UInt16 = 1) throws -> PacketVerdict {
        try plane.process(frame.span.bytes, port: W.port(port))
    }

    @Test("what is inserted can be read back, table by table", arguments: BackEnd.allCases)
    func readBack(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            for table in TableID.allCases {
                #expect(
                    Set(plane.entries(of: table)) == Set(W.entries.filter { $0.table == table }), "\(table.rawValue)")
                let capability = plane.capabilities[table]
                #expect(capability?.used == W.entries.count { $0.table == table }, "\(table.rawValue)")
                #expect((capability?.free ?? 0) > 0, "\(table.rawValue)")
            }
        }
    }

    @Test(
        "an insertion of what is there, and a change or removal of what is not, change nothing",
        arguments: BackEnd.allCases)
    func keysThatAreThere(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            var rule = ACLEntry.Match()
            rule.dscp = 3
            let all =
                W.entries + [flow(1), flow(1, v6: true), .acl(.init(id: 1, priority: 1, match: rule, action: .drop))]
            #expect(plane.write(all.suffix(3).map { .insert($0) }).allSatisfy { $0 == .applied })
            for (entry, result) in zip(all, plane.write(all.map { .insert($0) })) {
                guard case .rejected(.alreadyExists(entry.table, _)) = result else {
                    Issue.record("insert \(entry.keyText): \(result)")
                    continue
                }
            }
            // Nothing names MACs, flows, rules, routes and stations: gone, they can be neither changed nor removed.
            let removable = all.filter { [.mac, .flowCache, .acl, .ipv4, .ipv6, .myStation].contains($0.table) }
            #expect(plane.write(removable.map { .delete($0) }).allSatisfy { $0 == .applied })
            for operation in [TableUpdate.Operation.modify, .delete] {
                for (entry, result) in zip(removable, plane.write(removable.map { TableUpdate(operation, $0) })) {
                    guard case .rejected(.notFound(entry.table, _)) = result else {
                        Issue.record("\(operation) \(entry.keyText): \(result)")
                        continue
                    }
                }
            }
            #expect(plane.write(removable.map { .insert($0) }).allSatisfy { $0 == .applied })
            #expect(Set(plane.entries(of: .ipv6)) == Set(all.filter { $0.table == .ipv6 }))
        }
    }

    @Test("results come in order, and later updates of a batch see earlier ones", arguments: BackEnd.allCases)
    func order(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            let generation = plane.generation
            let derived = flow(7, .nextHop(W.hop(2)), .derived(generation))
            let hop = TableEntry.nextHop(
                .init(id: W.hop(500), routerInterface: W.interface(2), neighbor: W.address("10.0.2.2")))
            let results = plane.write([
                .insert(derived), .insert(derived), .delete(derived), .delete(derived), .insert(derived),
                .insert(flow(8, .nextHop(W.hop(500)), .derived(generation))), .insert(hop),
                .insert(flow(8, .nextHop(W.hop(500)), .derived(generation))), .modify(flow(7, .kernel)),
                .insert(flow(9, .nextHop(W.hop(500)), .derived(generation), v6: true)),
                .insert(W.route("10.200.0.0/16", .nextHop(W.hop(500)))), .delete(hop),
                .delete(W.route("10.200.0.0/16", .drop)), .delete(hop),
            ])
            #expect(
                results.map { $0 == .applied } == [
                    true, false, true, false, true, false, true, true, true, true, true, false, true, true,
                ])
            guard results.count == 14 else { return }
            if case .alreadyExists? = results[1].error {} else { Issue.record("\(results[1])") }
            if case .notFound? = results[3].error {} else { Issue.record("\(results[3])") }
            if case .missingReference? = results[5].error {} else { Issue.record("\(results[5])") }
            if case .inUse? = results[11].error {} else { Issue.record("\(results[11])") }
            #expect(try verdict(plane, packet(7)).disposition == .kernel)
            #expect(try verdict(plane, packet(8)).reason == .neighborUnresolved)
            #expect(try verdict(plane, packet(9, v6: true)).reason == .neighborUnresolved)
        }
    }

    @Test(
        "a derived flow may not name a next hop that is gone, even if it was named before", arguments: BackEnd.allCases)
    func goneNextHop(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            let hop = TableEntry.nextHop(
                .init(id: W.hop(500), routerInterface: W.interface(2), neighbor: W.address("10.0.2.2")))
            let origin = FlowEntry.Origin.derived(plane.generation)
            #expect(
                plane.write([.insert(hop), .insert(flow(1, .nextHop(W.hop(500)), origin)), .delete(hop)])
                    .allSatisfy { $0 == .applied })
            guard case .missingReference? = plane.write([.insert(flow(2, .nextHop(W.hop(500)), origin))])[0].error
            else {
                Issue.record("accepted")
                return
            }
            #expect(try verdict(plane, packet(1)).reason == .neighborUnresolved)
        }
    }

    @Test("a derived flow with a value that cannot be is rejected", arguments: BackEnd.allCases)
    func impossibleDerivedFlow(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            var key = FlowKey(
                routerInterface: W.interface(1), source: W.address("10.0.1.2"), destination: W.address("10.77.0.1"),
                ipProtocol: 1, sourcePort: 8 << 8, destinationPort: 5)
            let origin = FlowEntry.Origin.derived(plane.generation)
            var results = plane.write([.insert(.flow(.init(key: key, action: .nextHop(W.hop(2)), origin: origin)))])
            (key.ipProtocol, key.source) = (17, W.v6("fd00::1"))
            results += plane.write([.insert(.flow(.init(key: key, action: .nextHop(W.hop(2)), origin: origin)))])
            for result in results {
                if case .invalidValue(.flowCache, _, _, _)? = result.error {} else { Issue.record("\(result)") }
            }
        }
    }

    @Test("what is named cannot be removed; static flows count, derived ones do not", arguments: BackEnd.allCases)
    func references(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            func expectInUse(_ entry: TableEntry) {
                guard case .inUse? = plane.write([.delete(entry)])[0].error else {
                    Issue.record("\(entry.keyText) could be removed")
                    return
                }
            }
            for entry in W.entries {
                switch entry {
                case .port(let port) where port.port != W.port(8): expectInUse(entry)
                case .routerInterface, .nextHopGroup: expectInUse(entry)
                default: break
                }
            }
            let hop = TableEntry.nextHop(
                .init(id: W.hop(500), routerInterface: W.interface(2), neighbor: W.address("10.0.2.2")))
            #expect(plane.write([.insert(hop), .insert(flow(1, .nextHop(W.hop(500))))]).allSatisfy { $0 == .applied })
            expectInUse(hop)
            #expect(plane.write([.modify(flow(1, .drop)), .delete(hop), .insert(hop)]).allSatisfy { $0 == .applied })
            #expect(plane.write([.modify(flow(1, .nextHop(W.hop(500))))])[0] == .applied)
            expectInUse(hop)
            plane.sweepFlows { _ in .remove }
            #expect(plane.write([.delete(hop)])[0] == .applied)
            let missing: [TableEntry] = [
                flow(2, .nextHop(W.hop(777))), flow(2, .port(W.port(50))), W.route("1.0.0.0/8", .nextHop(W.hop(777))),
                W.route("1.0.0.0/8", .group(.init(rawValue: 99))), W.routerInterface(200, port: 50),
                .mac(.init(vlan: W.vlan(10), mac: W.host, action: .port(W.port(50)), isStatic: true)),
                .acl(.init(id: 9, priority: 1, match: .init(), action: .redirect(W.port(50)))),
            ]
            for (entry, result) in zip(missing, plane.write(missing.map { .insert($0) })) {
                guard case .missingReference? = result.error else {
                    Issue.record("\(entry.keyText): \(result)")
                    continue
                }
            }
        }
    }

    @Test("a full table refuses by name and displaces nothing", arguments: BackEnd.allCases)
    func full(backEnd: BackEnd) throws {
        try inPrivateNetworkNamespace {
            let plane = try backEnd.make(ipv4Flows: 64, ipv6Flows: 64, macs: 64, routes: 64, acl: 8)
            let base = W.entries.filter { ![.ipv4, .ipv6, .mac].contains($0.table) }
            #expect(plane.write(base.map { .insert($0) }).allSatisfy { $0 == .applied })
            let generation = plane.generation
            for table in [TableID.flowCache, .mac, .ipv4, .acl] {
                let entries = (1...400 as ClosedRange<UInt16>).map { number -> TableEntry in
                    switch table {
                    case .flowCache:
                        flow(number, .nextHop(W.hop(2)), .derived(generation), v6: number % 2 == 0)
                    case .mac:
                        .mac(
                            .init(
                                vlan: W.vlan(10), mac: MACAddress(rawValue: 0x02_00_00_01_00_00 | UInt64(number)),
                                action: .port(W.port(4)), isStatic: false))
                    case .ipv4: W.route("10.\(number % 256).\(number / 256).0/24", .drop)
                    default: .acl(.init(id: UInt32(number), priority: 1, match: .init(), action: .permit))
                    }
                }
                let results = plane.write(entries.map { .insert($0) })
                let held = zip(entries, results).filter { $1 == .applied }.map(\.0)
                let capacity = plane.capabilities[table]?.capacity ?? 0
                #expect(held.count == capacity && capacity < 400, "\(table.rawValue): \(held.count) of \(capacity)")
                #expect(plane.capabilities[table]?.free == 0)
                for result in results where result != .applied {
                    guard case .rejected(.tableFull(table, let named)) = result, named > 0 else {
                        Issue.record("\(table.rawValue): \(result)")
                        break
                    }
                }
                #expect(Set(plane.entries(of: table)) == Set(held), "\(table.rawValue)")
                // Changing what is there needs no room; a removal makes some.
                #expect(
                    plane.write([.modify(held[3]), .delete(held[5]), .insert(held[5])]).allSatisfy { $0 == .applied })
            }
            #expect(try verdict(plane, packet(1)).reason == .flowCache)
        }
    }

    @Test("changes are in force for the next packet", arguments: BackEnd.allCases)
    func inForce(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            let frame = W.frame(.ipv4(W.udp4(to: "10.2.1.1")))
            func apply(_ update: TableUpdate) { #expect(plane.write([update])[0] == .applied) }
            #expect(try verdict(plane, frame).egressPort == W.port(2))
            apply(.modify(W.route("10.2.0.0/16", .nextHop(W.hop(5)))))
            #expect(try verdict(plane, frame).egressPort == W.port(7))
            apply(.insert(W.route("10.2.1.0/24", .drop)))
            #expect(try verdict(plane, frame).disposition == .drop)
            apply(.delete(W.route("10.2.1.0/24", .drop)))
            #expect(try verdict(plane, frame).egressPort == W.port(7))
            apply(
                .modify(
                    .neighbor(
                        .init(routerInterface: W.interface(7), address: W.address("10.0.5.2"), mac: W.peer))))
            #expect(try Array(verdict(plane, frame).output[..<6]) == [2, 0, 0, 0, 1, 2])
            apply(
                .delete(
                    .neighbor(
                        .init(routerInterface: W.interface(7), address: W.address("10.0.5.2"), mac: W.peer))))
            #expect(try verdict(plane, frame).reason == .neighborUnresolved)
            apply(
                .insert(
                    .neighbor(
                        .init(routerInterface: W.interface(7), address: W.address("10.0.5.2"), mac: W.peer))))
            apply(.modify(W.routerInterface(7, port: 2, vlan: 33)))
            let moved = try verdict(plane, frame)
            #expect(moved.egressPort == W.port(2) && Array(moved.output[12..<16]) == [0x81, 0, 0, 33])
            var port = PortEntry(port: W.port(2))
            port.up = false
            apply(.modify(.port(port)))
            #expect(try verdict(plane, frame).reason == .egressPortDown)
            (port.up, port.mtu) = (true, 68)
            apply(.modify(.port(port)))
            #expect(try verdict(plane, W.frame(.ipv4(W.udp4(to: "10.2.1.1", payload: 41)))).reason == .mtuExceeded)
            port = PortEntry(port: W.port(1))
            port.admit = false
            apply(.modify(.port(port)))
            #expect(try verdict(plane, frame).reason == .port)
            port.admit = true
            apply(.modify(.port(port)))
            let station = W.stations[0]
            apply(.delete(station))
            #expect(try verdict(plane, frame).reason == .notMyStation)
            apply(.insert(station))
            apply(.modify(W.routerInterface(1, port: 1, vrf: 1)))
            let blackholed = try verdict(plane, frame)
            #expect(blackholed.reason == .route && blackholed.disposition == .drop)
            var vlan = VLANEntry(vlan: W.vlan(10))
            (vlan.tagged, vlan.untagged, vlan.unknownUnicast) = ([W.port(4)], [W.port(6)], .kernel)
            apply(.modify(.vlan(vlan)))
            let unknown = W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: W.peer)
            #expect(try verdict(plane, unknown, port: 5).reason == .vlanIngress)
            #expect(try verdict(plane, unknown, port: 4).reason == .unknownUnicast)
            apply(.delete(.vlan(vlan)))
            #expect(try verdict(plane, unknown, port: 4).reason == .vlanIngress)
            #expect(try verdict(plane, frame, port: 8).reason == .port)
            apply(.delete(.port(PortEntry(port: W.port(8)))))
            #expect(try verdict(plane, frame, port: 8).reason == .unknownPort)
            // What was received at the port stays counted; what comes now is received at none.
            let counted = plane.verdictCounters().filter {
                [.port, .unknownPort].contains($0.reason) && $0.port != W.port(1)
            }
            #expect(
                Set(counted.map { "\($0.port.rawValue) \($0.reason.name) \($0.counter.packets)" })
                    == ["8 port 1", "0 unknown_port 1"])
        }
    }

    @Test("members of a group can change; a group that is inserted anew starts afresh", arguments: BackEnd.allCases)
    func groups(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            func egress() throws -> Set<PortID?> {
                var ports: Set<PortID?> = []
                for number in 0..<64 as Range<UInt16> {
                    ports.insert(
                        try verdict(plane, W.frame(.ipv4(W.udp4(to: "10.10.0.\(number)", ports: (number, 1)))))
                            .egressPort)
                }
                return ports
            }
            #expect(try egress() == [W.port(1), W.port(2)])
            let group = NextHopGroupID(rawValue: 1)
            let changed = TableEntry.nextHopGroup(.init(id: group, members: [.init(nextHop: W.hop(5))]))
            #expect(plane.write([.modify(changed)])[0] == .applied)
            #expect(try egress() == [W.port(7)])
            #expect(
                plane.write([.delete(W.route("10.10.0.0/16", .drop)), .delete(changed)]).allSatisfy { $0 == .applied })
            #expect(try egress() == [nil])
            // More than there is room for at once: records must come back.
            for number in 0..<1500 as Range<UInt32> {
                let entry = TableEntry.nextHopGroup(
                    .init(id: .init(rawValue: 1000 + number), members: [.init(nextHop: W.hop(number % 2 == 0 ? 2 : 5))])
                )
                let results = plane.write([
                    .insert(entry), .insert(W.route("10.10.0.0/16", .group(.init(rawValue: 1000 + number)))),
                    .delete(W.route("10.10.0.0/16", .drop)), .delete(entry),
                ])
                guard results.allSatisfy({ $0 == .applied }) else {
                    Issue.record("\(number): \(results)")
                    break
                }
            }
            #expect(plane.health().complaints.isEmpty)
        }
    }

    @Test("a new generation makes derived flows misses at once, and lets them be replaced", arguments: BackEnd.allCases)
    func generations(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            let first = plane.generation
            for v6 in [false, true] {
                let entries = [flow(1, .nextHop(W.hop(2)), .derived(first), v6: v6), flow(2, .drop, .static, v6: v6)]
                #expect(plane.write(entries.map { .insert($0) }).allSatisfy { $0 == .applied })
                #expect(try verdict(plane, packet(1, v6: v6)).reason == .flowCache)
            }
            let second = plane.advanceGeneration()
            #expect(second != first && plane.generation == second)
            for v6 in [false, true] {
                #expect(try verdict(plane, packet(1, v6: v6)).reason == .noRoute)
                #expect(try verdict(plane, packet(2, v6: v6)).disposition == .drop)
                // Still held, and replaced by an insertion: the counter starts again.
                let stale = flow(1, .nextHop(W.hop(2)), .derived(first), v6: v6)
                #expect(plane.entries(of: .flowCache).contains(stale))
                let fresh = flow(1, .nextHop(W.hop(5)), .derived(second), v6: v6)
                #expect(plane.write([.insert(fresh)])[0] == .applied)
                #expect(!plane.entries(of: .flowCache).contains(stale))
                plane.sweepFlows {
                    if .flow($0.entry) == fresh { #expect($0.counter == Counter()) }
                    return .keep
                }
                #expect(try verdict(plane, packet(1, v6: v6)).egressPort == W.port(7))
                guard case .alreadyExists? = plane.write([.insert(fresh)])[0].error else {
                    Issue.record("a present entry was replaced")
                    return
                }
            }
            let third = plane.advanceGeneration()
            #expect(plane.write([.insert(flow(1, .kernel, .static))])[0] == .applied)
            #expect(plane.write([.modify(flow(1, .drop, .derived(third), v6: true))])[0] == .applied)
            #expect(try verdict(plane, packet(1)).disposition == .kernel)
            #expect(try verdict(plane, packet(1, v6: true)).disposition == .drop)
            #expect(plane.capabilities[.flowCache]?.used == 4)
        }
    }

    @Test("entries of a generation long past do not come back when its number does", arguments: BackEnd.allCases)
    func generationWraps(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            let first = plane.generation
            #expect(
                plane.write([.insert(flow(1, .nextHop(W.hop(2)), .derived(first))), .insert(flow(2))])
                    .allSatisfy { $0 == .applied })
            repeat { plane.advanceGeneration() } while plane.generation != first
            #expect(try verdict(plane, packet(1)).reason == .noRoute)
            #expect(plane.entries(of: .flowCache) == [flow(2)])
        }
    }
}
