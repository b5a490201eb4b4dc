// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// The laws of counters, sweeps and events.
extension ConformanceTests {
    @Test("counters start at zero, grow, survive a change, and go with the entry", arguments: BackEnd.allCases)
    func counters(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            var match = ACLEntry.Match()
            (match.destination, match.routed) = (W.prefix("10.2.0.0/16"), true)
            var rule = ACLEntry(id: 5, priority: 1, match: match, action: .permit)
            let generation = plane.generation
            let mac = MACEntry(
                vlan: W.vlan(10), mac: W.peer, action: .port(W.port(5)), isStatic: false)
            #expect(
                plane.write([
                    .insert(.acl(rule)), .insert(flow(1, .nextHop(W.hop(2)), .derived(generation))), .insert(.mac(mac)),
                ]).allSatisfy { $0 == .applied })
            let routed = W.frame(.ipv4(W.udp4(to: "10.2.1.1")))
            let switched = W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: W.peer)
            func read() -> [Counter] {
                var all: [Counter] = []
                all += plane.counters(of: .acl).map(\.counter)
                all += plane.counters(of: .ipv4).filter {
                    $0.entry == W.route("10.2.0.0/16", .nextHop(W.hop(2)))
                        || $0.entry == W.route("10.2.0.0/16", .nextHop(W.hop(4)))
                }
                .map(\.counter)
                plane.sweepFlows {
                    if $0.entry.key.sourcePort == 1 { all.append($0.counter) }
                    return .keep
                }
                plane.sweepMACs {
                    if $0.entry.mac == W.peer { all.append($0.counter) }
                    return .keep
                }
                return all
            }
            #expect(read() == Array(repeating: Counter(), count: 4))
            for _ in 0..<3 {
                #expect(try verdict(plane, routed).disposition == .forward)
                #expect(try verdict(plane, packet(1)).reason == .flowCache)
                #expect(try verdict(plane, switched, port: 4).reason == .mac)
            }
            func times(_ n: UInt64, _ frame: [UInt8]) -> Counter { Counter(packets: n, bytes: n * UInt64(frame.count)) }
            let three = [times(3, routed), times(3, routed), times(3, packet(1)), times(3, switched)]
            #expect(read() == three)
            rule.priority = 7
            var movedMAC = mac
            movedMAC.action = .port(W.port(6))
            plane.setTime(CoarseTime(rawValue: 99))
            #expect(
                plane.write([
                    .modify(.acl(rule)), .modify(flow(1, .nextHop(W.hop(4)), .derived(generation))),
                    .modify(.mac(movedMAC)), .modify(W.route("10.2.0.0/16", .nextHop(W.hop(4)))),
                ]).allSatisfy { $0 == .applied })
            #expect(read() == three)
            plane.sweepFlows {
                #expect($0.lastHit == CoarseTime(rawValue: 0))
                return .keep
            }
            #expect(try verdict(plane, packet(1)).disposition == .forward)
            plane.sweepFlows {
                #expect($0.lastHit == CoarseTime(rawValue: 99) && $0.counter == times(4, packet(1)))
                return .keep
            }
            let all: [TableEntry] = [
                .acl(rule), flow(1, .nextHop(W.hop(4)), .derived(generation)), .mac(movedMAC),
                W.route("10.2.0.0/16", .nextHop(W.hop(4))),
            ]
            #expect(plane.write(all.map { .delete($0) } + all.map { .insert($0) }).allSatisfy { $0 == .applied })
            #expect(read() == Array(repeating: Counter(), count: 4))
            let verdicts = plane.verdictCounters().filter { $0.port == W.port(1) }
            #expect(verdicts.reduce(0) { $0 + $1.counter.packets } == 7)
        }
    }

    @Test("entries can come and go for ever", arguments: BackEnd.allCases)
    func churn(backEnd: BackEnd) throws {
        try inPrivateNetworkNamespace {
            let plane = try backEnd.make(macs: 64, routes: 64, acl: 8)
            #expect(plane.write(W.inserts).allSatisfy { $0 == .applied })
            var match = ACLEntry.Match()
            match.dscp = 1
            func check(_ count: UInt32, _ entry: (UInt32) -> TableEntry) {
                var rejected = 0
                for start in stride(from: 0, to: count, by: 1000) {
                    rejected += plane.write(
                        (start..<min(start + 1000, count)).flatMap { [.insert(entry($0)), .delete(entry($0))] }
                    ).count { $0 != .applied }
                }
                #expect(rejected == 0, "\(entry(0).table.rawValue)")
            }
            check(3000) { .acl(.init(id: $0, priority: $0, match: match, action: .drop)) }
            check(3000) { W.route("20.\($0 / 256).\($0 % 256).0/24", .drop) }
            check(3000) {
                .mac(
                    .init(
                        vlan: W.vlan(10), mac: MACAddress(rawValue: 0x02_44_00_00_00_00 | UInt64($0)), action: .drop,
                        isStatic: true))
            }
            // More next hops than there are records, while flows still name some that are gone.
            let generation = plane.generation
            for start in stride(from: 1000 as UInt32, to: 80_000, by: 1000) {
                let hops = (start..<start + 1000).map {
                    TableEntry.nextHop(
                        .init(id: W.hop($0), routerInterface: W.interface(2), neighbor: W.address("10.0.2.2")))
                }
                let naming = flow(UInt16(start / 1000), .nextHop(W.hop(start)), .derived(generation))
                let results = plane.write(hops.map { .insert($0) } + [.insert(naming)] + hops.map { .delete($0) })
                guard results.allSatisfy({ $0 == .applied }) else {
                    Issue.record("next hops from \(start)")
                    break
                }
            }
            #expect(try verdict(plane, packet(79)).reason == .neighborUnresolved)
            let fresh = TableEntry.nextHop(
                .init(id: W.hop(500), routerInterface: W.interface(2), neighbor: W.address("10.0.2.2")))
            #expect(plane.write([.insert(fresh)])[0] == .applied)
            // A flow whose next hop is gone does not leave by one that came later.
            for number in 1...79 as ClosedRange<UInt16> {
                let found = try verdict(plane, packet(number))
                #expect(found.disposition == .kernel && [.neighborUnresolved, .noRoute].contains(found.reason))
            }
            #expect(plane.health().complaints.isEmpty)
        }
    }

    @Test("a sweep sees every entry and removes what the visitor does not keep", arguments: BackEnd.allCases)
    func sweeps(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            let generation = plane.generation
            let entries = (1...200 as ClosedRange<UInt16>).map {
                flow($0, .nextHop(W.hop(2)), .derived(generation), v6: $0 % 3 == 0)
            }
            #expect(plane.write(entries.map { .insert($0) }).allSatisfy { $0 == .applied })
            var seen = 0
            plane.sweepFlows {
                seen += 1
                return $0.entry.key.sourcePort % 2 == 0 ? .remove : .keep
            }
            #expect(seen == 200)
            #expect(
                Set(plane.entries(of: .flowCache))
                    == Set(entries.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)))
            #expect(plane.capabilities[.flowCache]?.used == 100)
            #expect(try verdict(plane, packet(2)).reason == .noRoute)
            #expect(try verdict(plane, packet(1)).reason == .flowCache)
            plane.sweepMACs { $0.entry.isStatic ? .keep : .remove }
            #expect(
                plane.entries(of: .mac).count
                    == W.macs.count { if case .mac(let mac) = $0 { mac.isStatic } else { false } })
        }
    }

    @Test("misses are told once an epoch, with what became of the packet", arguments: BackEnd.allCases)
    func misses(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            func poll() -> [DataPlaneEvent] {
                var events: [DataPlaneEvent] = []
                while plane.pollEvents(maximum: 7, { events.append(copy $0) }) > 0 {}
                return events
            }
            let frame = W.frame(.ipv4(W.udp4(to: "10.2.1.1", ports: (77, 88))))
            for _ in 0..<3 { _ = try verdict(plane, frame) }
            var events = poll()
            #expect(events.count == 1)
            guard case .flowMiss(let miss)? = events.first else {
                Issue.record("\(events)")
                return
            }
            #expect(
                miss.key
                    == FlowKey(
                        routerInterface: W.interface(1), source: W.address("10.0.1.2"),
                        destination: W.address("10.2.1.1"), ipProtocol: 17, sourcePort: 77, destinationPort: 88))
            #expect(miss.port == W.port(1) && miss.length == UInt32(frame.count) && miss.time > 0)
            #expect(miss.disposition == .forward && miss.reason == .route)
            plane.setTime(CoarseTime(rawValue: 1))
            _ = try verdict(plane, frame)
            #expect(poll().count == 1)
            // What has no key, or a port that does not learn, tells nothing.
            var fragment = W.udp4(to: "10.2.1.1")
            fragment.moreFragments = true
            _ = try verdict(plane, W.frame(.ipv4(fragment)))
            _ = try verdict(plane, frame, port: 7)
            #expect(poll().isEmpty)

            let learning = W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: W.peer, from: W.host)
            for _ in 0..<2 { _ = try verdict(plane, learning, port: 4) }
            events = poll()
            #expect(events.count == 1)
            guard case .macMiss(W.vlan(10), W.host, W.port(4))? = events.first else {
                Issue.record("\(events)")
                return
            }
            let known = MACEntry(vlan: W.vlan(10), mac: W.host, action: .port(W.port(4)), isStatic: false)
            #expect(plane.write([.insert(.mac(known))])[0] == .applied)
            plane.setTime(CoarseTime(rawValue: 2))
            _ = try verdict(plane, learning, port: 4)
            #expect(poll().isEmpty)
            plane.sweepMACs {
                if $0.entry == known { #expect($0.lastHit == CoarseTime(rawValue: 2)) }
                return .keep
            }
            _ = try verdict(plane, learning, port: 5)
            #expect(poll().count == 1)
            let health = plane.health()
            #expect(health.eventsSent == 4 && health.eventsRepeated == 3 && health.eventsLost == 0)
        }
    }

    @Test("packets for the controller arrive with their bytes, up to 2048, copies marked", arguments: BackEnd.allCases)
    func packetIn(backEnd: BackEnd) throws {
        try backEnd.run { plane throws in
            var match = ACLEntry.Match()
            match.dscp = 9
            #expect(
                plane.write([.insert(.acl(.init(id: 1, priority: 1, match: match, action: .permit, mirror: true)))])[0]
                    == .applied)
            var copied = W.udp4(to: "10.2.1.1", payload: 300)
            copied.dscp = 9
            let frames = [
                W.frame(.ipv4(W.udp4(to: "10.13.0.1"))), W.frame(.ipv4(W.udp4(to: "10.13.0.1", payload: 2500))),
                W.frame(.ipv4(copied)),
            ]
            for frame in frames { _ = try verdict(plane, frame) }
            var packets: [(PortID, Reason, Bool, Int, [UInt8])] = []
            while plane.pollEvents(
                maximum: 100,
                {
                    if case .packetIn(let port, let reason, let mirror, let length, let bytes) = copy $0 {
                        packets.append((port, reason, mirror, length, bytes))
                    }
                }) > 0
            {}
            #expect(packets.map(\.1) == [.route, .route, .acl] && packets.map(\.2) == [false, false, true])
            #expect(packets.map(\.3) == frames.map(\.count) && packets.allSatisfy { $0.0 == W.port(1) })
            #expect(packets.map(\.4) == frames.map { Array($0.prefix(2048)) })
        }
    }
}
