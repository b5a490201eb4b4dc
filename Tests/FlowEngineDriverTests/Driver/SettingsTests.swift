// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Testing

@Suite("Settings of a card")
struct SettingsTests {
    typealias CardError = FlowEngineDriver.CardError

    func driver(_ profile: CardProfile = .trustNode) throws -> (CardDriver, TracingBus, SimulatedCard) {
        let card = try SimulatedCard(CardWorld.configuration(profile))
        let bus = TracingBus(SimulatedRegisterBus(card))
        return (try CardDriver(bus: bus, profile: profile), bus, card)
    }

    @Test("ports are enabled last, and only what differs is written again")
    func order() throws {
        let (driver, bus, _) = try driver()
        try bus.write(driver.map.net.speed, NETSpeed())
        _ = bus.takeTrace()
        var settings = CardSettings(enabledPorts: [0, 3])
        settings.ownMAC = MACAddress(rawValue: 0x0200_0000_0001)
        settings.speeds = [0: .mbps100, 3: .mbps1000]
        settings.limits = [5: 6400]
        settings.ageing = 300
        try driver.apply(settings)
        let map = driver.map
        let trace = bus.takeTrace()
        #expect(trace.last == .write(map.net.enable.address, 0b1001))
        #expect(trace.contains(.write(map.net.speed.address, 1 | 2 << 6)))
        #expect(trace.contains(.write(map.net.ownMACAddrH.address, 0x0200)))
        #expect(trace.contains(.write(map.trafficManager.resourceLimit[5].address, 100)))
        #expect(trace.contains(.write(map.ethernetSwitch[1].ageing.address, 149)))
        try driver.apply(settings)
        #expect(bus.takeTrace().isEmpty)
        settings.enabledPorts = [0]
        try driver.apply(settings)
        #expect(bus.takeTrace() == [.write(map.net.enable.address, 1)])
        #expect(driver.settings == settings)
    }

    @Test("6Tree: prefix and pointers, and the switch where there is one")
    func sixTree() throws {
        let (driver, bus, _) = try driver()
        _ = bus.takeTrace()
        var settings = CardSettings(enabledPorts: [])
        settings.sixTree = .init(prefix: 0x49_8982_0876_50ff, sourcePointer: 3, destinationPointer: 4)
        try driver.apply(settings)
        let map = driver.map
        let trace = bus.takeTrace()
        #expect(trace.contains(.write(map.net.sixTreeAddrL.address, 0x0876_50ff)))
        #expect(trace.contains(.write(map.net.sixTreeAddrH.address, 0x49_8982)))
        #expect(trace.contains(.write(map.net.sixTreeDstPtr.address, 4)))
        let tree = try #require(map.common.features6Tree)
        #expect(trace.contains { $0.address == tree.address && $0.value & 3 == 3 })
        settings.sixTree?.sourcePointer = 16
        #expect(throws: CardError.self) { try driver.apply(settings) }
    }

    @Test("what a card cannot have is refused with what it can, and nothing is written")
    func refused() throws {
        let (trustNode, bus, _) = try driver()
        let (hat, _, _) = try driver(.realTimeHAT)
        _ = bus.takeTrace()
        var links = CardSettings(enabledPorts: [0])
        links.linkedPorts = [0]
        #expect(throws: CardError.self) { try trustNode.apply(links) }
        try hat.apply(links)
        #expect(
            throws: CardError.invalid(setting: "a port to enable", value: "3", expected: "ports of the card, 0..<3")
        ) {
            try hat.apply(CardSettings(enabledPorts: [3]))
        }
        var limit = CardSettings()
        limit.limits = [1: 65]
        #expect(throws: CardError.self) { try trustNode.apply(limit) }
        var ageing = CardSettings()
        ageing.ageing = 301
        #expect(throws: CardError.self) { try trustNode.apply(ageing) }
        #expect(bus.takeTrace().isEmpty)
        #expect(throws: CardError.self) { try trustNode.reset() }
    }

    @Test(
        "a reset of the HAT by register is a reset: the marker is gone, and recovery writes everything, whatever tables hold",
        arguments: CardVariants.TablesAtReset.allCases)
    func reset(tables: CardVariants.TablesAtReset) throws {
        let world = try CardWorld(.realTimeHAT, change: { $0.tablesAtReset = tables })
        _ = world.plane.write([.insert(stationEntry(0x0200_0000_0001, .port(world.ports[1])))])
        _ = world.plane.offload([station(0x0200_0000_0001)])
        #expect(try world.plane.tables.check() == .same)
        try world.plane.tables.driver.reset()
        #expect(try world.plane.tables.check() == .reset)
        #expect(try world.plane.recover())
        #expect(try world.plane.tables.check() == .same)
        world.expectCardAsBook()
    }

    @Test("an overwrite entry is in every datapath, and never half there")
    func overwrite() throws {
        let (driver, bus, card) = try driver()
        var entry = OverwriteEntry()
        entry.destinationMAC = MACAddress(rawValue: 0x0200_0000_00b1)
        entry.destinationPort = 8080
        _ = bus.takeTrace()
        try driver.write(entry, at: 17)
        let found = card.contents.overwrites
        #expect(
            found.map(\.datapath) == [0, 1] && found.allSatisfy { $0.index == 17 && $0.words == entry.words.words })
        // The valid bits: gone before the first of the others changes, there after the last.
        let first = driver.map.overwrite[0].address(17, word: 0)
        let trace = bus.takeTrace().filter { (first.rawValue..<first.rawValue + 32).contains($0.address.rawValue) }
        #expect(trace.first == .write(first, 0) && trace.last == .write(first, entry.words[0]) && trace.count == 9)
        #expect(throws: CardError.invalid(setting: "an overwrite index", value: "128", expected: "0..<128")) {
            try driver.write(entry, at: 128)
        }
    }

    @Test("a port whose speed is not set keeps the one it has")
    func speeds() throws {
        let (driver, _, card) = try driver()
        let bus = SimulatedRegisterBus(card)
        let register = driver.map.net.speed
        try bus.modify(register) { value in for port in 0..<12 { value[port: port] = .mbps1000 } }
        var settings = CardSettings(enabledPorts: [0, 1])
        settings.speeds = [1: .mbps100]
        try driver.apply(settings)
        let found = try bus.read(register)
        #expect((0..<12).map { found[port: $0] } == [.mbps1000, .mbps100] + Array(repeating: .mbps1000, count: 10))
    }

    @Test("6Tree that an earlier run had turned on is turned off by settings without it")
    func sixTreeOff() throws {
        let (first, _, card) = try driver()
        var settings = CardSettings(enabledPorts: [0])
        settings.sixTree = .init(prefix: 0x12_3456_789a_bcde, sourcePointer: 3, destinationPointer: 4)
        try first.apply(settings)
        let register = try #require(first.map.common.features6Tree)
        let bus = SimulatedRegisterBus(card)
        #expect(try bus.read(register).enabled)
        try CardDriver(bus: bus, profile: .trustNode).apply(CardSettings(enabledPorts: [0]))
        #expect(try !bus.read(register).enabled)
    }
}
