// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import Controller

@Suite("Two data planes as one")
struct TieredDataPlaneTests {
    @Test(
        "whatever moves, every frame is decided as by one data plane, and counted once",
        arguments: 0..<24 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        var settings = TierSettings()
        (settings.promote, settings.demote) = (Double(number(2...12)), 0.5)
        settings.minimumStay = UInt64(number(0...3)) * 1_000_000_000
        settings.share = Double(number(1...10)) / 10
        settings.firstBackOff = 1_000_000_000
        let isFine = seed % 2 == 0
        let world = TierWorld(
            keys: isFine ? TierWorld.fineKeys : TierWorld.coarseKeys, capacity: number(2...12),
            collisions: number(0...3), slots: 16, settings: settings, learns: isFine, seed: seed)
        for number in 0..<8 as Range<UInt64> {
            world.addStation(number, port: UInt16(1 + number % 4), isStatic: !isFine)
        }
        // A number says which: few are busy.
        func busy(_ count: Int) -> Int { min(number(0...count), number(0...count), number(0...count)) }
        var lastLook = world.plane.now
        var longest: UInt16 = 0
        for step in 0..<1500 {
            switch number(0...299) {
            case 0...169:
                let (source, destination) = (busy(7), busy(7))
                let port = number(0...199) == 0 ? UInt16(number(1...4)) : UInt16(1 + source % 4)
                let isTagged = number(0...4) != 0
                let frame = TierWorld.frame(
                    from: TierWorld.mac(UInt64(source)), to: TierWorld.mac(UInt64(destination)),
                    vlan: isTagged ? 20 : nil)
                for _ in 0..<number(1...12) { try world.receive(frame, port: port) }
            case 170...259:
                let frame = TierWorld.frame(of: TierWorld.flow(busy(9)))
                for _ in 0..<number(1...12) { try world.receive(frame, port: 5) }
            case 260...263:
                let entry = TableEntry.flow(
                    TierWorld.flow(busy(9), number(0...1) == 0 ? .drop : .port(PortID(rawValue: 2))))
                let operations: [TableUpdate.Operation] = [.insert, .insert, .modify, .delete]
                world.write([TableUpdate(operations[number(0...3)], entry)])
            case 264:
                let mac = UInt64(busy(7))
                world.write([.delete(.mac(world.station(mac, port: 1)))])
                if !isFine { world.addStation(mac, port: UInt16(number(1...4)), isStatic: true) }
            case 265:
                var port = PortEntry(port: PortID(rawValue: UInt16(number(1...4))))
                (port.mode, port.pvid, port.up) = (.switched, VLANID(rawValue: 10), number(0...3) != 0)
                port.learnMACs = isFine
                world.write([.modify(.port(port))])
            case 266:
                var match = ACLEntry.Match()
                match.vlan = VLANID(rawValue: 20)
                // In coarse keys the source is not known.
                if isFine {
                    match.sourceMAC = Ternary(
                        value: TierWorld.mac(UInt64(busy(7))).rawValue, mask: 0xffff_ffff_ffff)
                } else {
                    match.ingressPort = PortID(rawValue: UInt16(number(1...4)))
                }
                let rule = ACLEntry(id: UInt32(number(1...3)), priority: 1, match: match, action: .drop)
                world.write([TableUpdate(number(0...3) == 0 ? .insert : .delete, .acl(rule))])
                world.advanceGeneration()
            case 267...269: world.learn()
            default:
                world.advance(UInt64(number(200...900)) * 1_000_000)
                if number(0...2) > 0 {
                    longest = max(longest, world.plane.now.ticks(since: lastLook))
                    lastLook = world.plane.now
                    world.sweep()
                    try check(world, isFine: isFine, longest: longest)
                }
            }
            if step % 500 == 499 { world.card.reset() }
            if world.differences.count > 0 { break }
        }
        #expect(world.differences.isEmpty, "\(world.differences.prefix(3))")
        #expect(
            world.card.placed > 20 && world.byCard > 100,
            "\(world.byCard) of \(world.sent) frames were decided by the card")
        longest = max(longest, world.plane.now.ticks(since: lastLook))
        try check(world, isFine: isFine, longest: longest)
    }

    /// - Parameter longest: time between two looks at the rules.
    private func check(_ world: TierWorld, isFine: Bool, longest: UInt16) throws {
        #expect(TierWorld.total(world.plane) == world.sent)
        let (flows, rightFlows) = (TierWorld.flows(world.plane), TierWorld.flows(world.oracle))
        #expect(flows.keys == rightFlows.keys)
        for (key, right) in rightFlows {
            let flow = try #require(flows[key])
            // A rule that covers several has packets that are nobody's.
            if isFine {
                #expect(flow.counter.packets == right.counter.packets, "\(key)")
            } else {
                #expect(flow.counter.packets <= right.counter.packets, "\(key)")
            }
            checkAge(flow.lastHit, right.lastHit, world, longest)
        }
        let (stations, rightStations) = (TierWorld.stations(world.plane), TierWorld.stations(world.oracle))
        #expect(stations.keys == rightStations.keys)
        for (key, right) in rightStations {
            let station = try #require(stations[key])
            let counted = station.counter.packets + (world.uncounted[key] ?? 0)
            if isFine {
                #expect(counted == right.counter.packets, "\(key)")
            } else {
                #expect(counted <= right.counter.packets, "\(key)")
            }
            checkAge(station.lastHit, right.lastHit, world, longest)
        }
    }

    /// What hardware decides looks as lately used as it is, or as the look at its rules after that.
    private func checkAge(_ hit: CoarseTime, _ right: CoarseTime, _ world: TierWorld, _ longest: UInt16) {
        let now = world.plane.now
        let (age, rightAge) = (now.ticks(since: hit), now.ticks(since: right))
        #expect(age <= rightAge && rightAge - min(age, rightAge) <= longest)
    }
}
