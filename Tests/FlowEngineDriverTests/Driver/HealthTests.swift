// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

@Suite("What a card counts and complains of")
struct HealthTests {
    @Test("alarms are kept until they are acknowledged, though the card forgets them", arguments: CardProfile.allCases)
    func alarms(profile: CardProfile) throws {
        let world = try CardWorld(profile)
        world.plane.maintain()
        #expect(world.plane.health().complaints.isEmpty)
        world.card.temperature = 120
        world.plane.maintain()
        world.card.temperature = 40
        world.plane.maintain()
        #expect(world.plane.health().complaints.contains { $0.contains("too hot") })
        #expect(try abs(world.plane.tables.driver.temperature() - 40) < 1)
        world.card.raiseConfigurationError(1)
        world.plane.maintain()
        #expect(world.plane.health().complaints.contains { $0.contains("load the bitstream again") })
    }

    @Test("a card that is away is complained of, and no more when it is back")
    func away() throws {
        let world = try CardWorld()
        world.card.faults = CardFaults([.init(.absent(accesses: 3), .access(world.card.accessCount))])
        world.plane.maintain()
        #expect(world.plane.health().complaints.contains { $0.contains("no card answers") })
        for _ in 0..<4 { world.plane.maintain() }
        #expect(world.plane.health().complaints.isEmpty)
    }

    @Test("counters are summed up in 64 bits over reads that clear them", arguments: CardProfile.allCases)
    func statistics(profile: CardProfile) throws {
        let world = try CardWorld(profile)
        let driver = world.plane.tables.driver
        try driver.pollStatistics()
        let before = driver.statistics
        let port = world.number(world.ports[0])
        for _ in 0..<3 { world.card.receive(Array(frame(to: 1).prefix(40)), port: port) }
        for _ in 0..<2 { world.card.receive(frame(to: 0x0200_0000_0001), port: port) }
        try driver.pollStatistics()
        world.card.receive(Array(frame(to: 1).prefix(40)), port: port)
        try driver.pollStatistics()
        let runt = Int(CardReason.runt.rawValue)
        #expect(driver.statistics.receiveDrops[port][runt] - before.receiveDrops[port][runt] == 4)
        #expect(driver.statistics.received[port] - before.received[port] == 2)
        #expect(driver.statistics.defaultFlow - before.defaultFlow == 2)
    }

    @Test("what ports counted is read about once a second, and has the card's reasons")
    func countsOfPorts() throws {
        let world = try CardWorld(.realTimeHAT)
        for _ in 0..<3 { world.card.receive(Array(frame(to: 1).prefix(40)), port: 0) }
        world.card.receive(frame(to: 0x0200_0000_0001), port: 2)
        world.plane.setTime(CoarseTime(rawValue: 10))
        let counts = world.plane.statistics.counts
        #expect(counts.contains(.init(port: 0, what: "dropped_runt", packets: 3)), "\(counts)")
        #expect(counts.contains(.init(port: 2, what: "received", packets: 1)), "\(counts)")
        world.card.receive(frame(to: 0x0200_0000_0001), port: 2)
        world.plane.setTime(CoarseTime(rawValue: 11))
        #expect(world.plane.statistics.counts == counts)
        world.plane.setTime(CoarseTime(rawValue: 12))
        #expect(world.plane.statistics.counts.contains(.init(port: 2, what: "received", packets: 2)))
    }

    @Test("where packets went is counted by pair of ports")
    func paths() throws {
        let world = try CardWorld()
        _ = world.plane.write([.insert(stationEntry(0x0200_0000_0001, .port(PortID(3))))])
        _ = world.plane.offload([station(0x0200_0000_0001)])
        let driver = world.plane.tables.driver
        try driver.pollPaths()
        for _ in 0..<6 { world.card.receive(frame(to: 0x0200_0000_0001), port: 1) }
        try driver.pollPaths()
        #expect(driver.statistics.paths[1][2] == 6)
        #expect(driver.statistics.limitDrops.allSatisfy { $0 == 0 })
    }

    @Test("a failure while counters are read keeps those that came, and says that some are lost")
    func lostReads() throws {
        let world = try CardWorld()
        let driver = world.plane.tables.driver
        try driver.pollStatistics()
        for _ in 0..<5 { world.card.receive(frame(to: 1), port: 0) }
        world.card.faults = CardFaults([.init(.hangs, .access(world.card.accessCount + 100))])
        #expect(throws: FlowEngineDriver.CardError.self) { try driver.pollStatistics() }
        world.card.faults = CardFaults()
        try driver.pollStatistics()
        #expect(driver.statistics.received[0] == 5 && driver.statistics.lostReads == 1)
    }

    @Test("counts of a rule add up over polls, moves of its decision and its end")
    func counts() throws {
        let world = try CardWorld()
        let megaflow = station(0x0200_0000_0001)
        _ = world.plane.write([.insert(stationEntry(0x0200_0000_0001, .port(PortID(2))))])
        _ = world.plane.offload([megaflow])
        let sent = frame(to: 0x0200_0000_0001)
        for _ in 0..<5 { world.card.receive(sent, port: 0) }
        world.plane.sweepOffloads { record in
            #expect(record.packets == 5)
            return .keep
        }
        for _ in 0..<7 { world.card.receive(sent, port: 0) }
        _ = world.plane.write([.modify(stationEntry(0x0200_0000_0001, .port(PortID(3))))])
        for _ in 0..<2 { world.card.receive(sent, port: 0) }
        #expect(world.plane.verdictCounters().first { $0.disposition == .forward }?.counter.packets == 14)
        world.card.receive(sent, port: 0)
        #expect(world.plane.withdraw([megaflow]).first??.packets == 15)
        // Whoever gets the action next begins at zero.
        for _ in 0..<1100 {
            _ = world.plane.offload([megaflow])
            #expect(world.plane.withdraw([megaflow]).first??.packets == 0)
        }
    }
}
