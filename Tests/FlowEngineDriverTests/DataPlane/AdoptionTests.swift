// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

/// Stations, and a static flow beside them.
private struct Entries: StaticEntries {
    var stations: StationTables
    var flows: [FlowEntry]

    var flowCount: Int { flows.count }
    var macCount: Int { stations.macCount }
    func flow(_ key: FlowKey) -> FlowEntry? { flows.first { $0.key == key } }
    func mac(_ entry: MACEntry) -> MACEntry? { stations.mac(entry) }
    func forEachFlow(_ body: (FlowEntry) -> Void) { flows.forEach(body) }
    func forEachMAC(_ body: (MACEntry) -> Void) { stations.forEachMAC(body) }
}

/// A bus whose next batches with writes in them time out.
private final class Failing: RegisterBus {
    private let bus: any RegisterBus
    var failures = 0

    init(_ bus: any RegisterBus) { self.bus = bus }

    var name: String { bus.name }

    func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
        if failures > 0, accesses.contains(where: { $0.kind == .write }) {
            failures -= 1
            throw BusError(.timedOut, bus: name)
        }
        try bus.transfer(&accesses)
    }
}

@Suite("What an earlier process left on the card")
struct AdoptionTests {
    private static let interface = RouterInterfaceEntry(
        id: RouterInterfaceID(rawValue: 1), port: PortID(4), mac: MACAddress(rawValue: 0x0200_0000_00aa))
    private static let flow = FlowEntry(
        key: FlowKey(
            routerInterface: interface.id, source: .v4(IPv4Address(rawValue: 0x0a00_0001)),
            destination: .v4(IPv4Address(rawValue: 0x0a00_0002)), ipProtocol: 17, sourcePort: 1000, destinationPort: 5),
        action: .drop)

    @Test("rules that hold by all entries together stay, whatever else is among the entries", arguments: [false, true])
    func stay(withFlow: Bool) throws {
        let world = try CardWorld(placement: .never)
        let flows = withFlow ? [Self.flow] : []
        #expect(world.plane.write([.insert(.routerInterface(Self.interface))]) == [.applied])
        var tables = StationTables()
        let macs = Array(StationTables.universe.prefix(6))
        for mac in macs { tables.stations[mac] = .port(world.ports[1]) }
        world.reconcile(tables)
        #expect(world.plane.write(flows.map { .insert(.flow($0)) }).allSatisfy { $0 == .applied })
        #expect(world.plane.offload(macs.map { station($0) }).allSatisfy { (try? $0.get()) != nil })
        world.plane.maintain()

        let next = try CardWorld(world.card, SimulatedRegisterBus(world.card), world.store, placement: .never)
        var state = next.plane.emptyState
        for update in CardWorld.tables(next.plane) + [.insert(.routerInterface(Self.interface))] {
            guard case .success = state.update(update) else { Issue.record("\(update)"); return }
        }
        #expect(next.plane.reconcileTables(state, repair: true).failed == 0)
        let report = next.plane.reconcileEntries(
            Entries(stations: tables, flows: flows), derived: false, repair: true)
        #expect(report.failed == 0, "\(report.discrepancies)")
        #expect(next.plane.tables.book.count == macs.count)
        #expect(next.plane.takeWithdrawn().isEmpty)
        #expect(next.plane.entries(of: .flowCache).count == flows.count)
        #expect(next.plane.entries(of: .mac).count == macs.count)
    }

    @Test("a rule that could not be taken out is told of as gone only when the card has stopped deciding by it")
    func condemned() throws {
        let configuration = CardWorld.configuration()
        let card = try SimulatedCard(configuration)
        let bus = Failing(SimulatedRegisterBus(card))
        let world = try CardWorld(card, bus, MemoryShadowStore(), placement: .never)
        let mac = StationTables.universe[0]
        #expect(world.plane.write([stationUpdate(mac, .port(world.ports[1]))]) == [.applied])
        #expect(try world.plane.offload([station(mac)])[0].get() == .forward(world.ports[1]))
        bus.failures = 1
        #expect(world.plane.withdraw([station(mac)])[0] == nil)
        // Somebody writes over the marker, and the card cannot be written again.
        try SimulatedRegisterBus(card).writeWord(world.plane.tables.driver.map.common.rwTest.address, 0x1234)
        bus.failures = .max
        world.plane.maintain()
        #expect(world.plane.takeWithdrawn().isEmpty)
        #expect(!world.plane.tables.isReady && world.plane.tables.resets == 0)
        bus.failures = 0
        world.plane.maintain()
        #expect(world.plane.takeWithdrawn().count == 1)
        #expect(world.plane.tables.isReady && world.plane.tables.resets == 1)
        world.expectCardAsBook()
    }

    @Test("a card that nobody is to drive any more loses the rules of before, and nothing else is touched")
    func abandoned() throws {
        let world = try CardWorld()
        let macs = StationTables.universe.prefix(12)
        for mac in macs { #expect(world.plane.write([stationUpdate(mac, .port(world.ports[1]))]) == [.applied]) }
        _ = world.plane.offload(macs.map { station($0) })
        world.plane.maintain()
        let rules = world.card.contents.slots
        #expect(rules.count > 5)
        func leftover(_ store: MemoryShadowStore) throws -> FlowCacheTables {
            let driver = try CardDriver(
                bus: SimulatedRegisterBus(world.card), profile: .trustNode,
                quirks: CardWorld.quirks(world.card.configuration, .trustNode))
            return FlowCacheTables(driver: driver, ports: CardPorts([:]), store: store)
        }

        // Somebody else has taken the card since.
        let map = world.plane.tables.driver.map
        let bus = SimulatedRegisterBus(world.card)
        let marker = try bus.read(map.common.rwTest)
        try bus.write(map.common.rwTest, CommonRwTest(rawValue: 77))
        let foreign = MemoryShadowStore(world.store.load())
        let writes = world.card.counters.writes
        #expect(try leftover(foreign).abandon() == nil)
        #expect(foreign.load().records.isEmpty && world.card.contents.slots == rules)
        #expect(try bus.read(map.common.rwTest).value == 77 && world.card.counters.writes == writes)

        try bus.write(map.common.rwTest, marker)
        let enabled = try bus.read(map.net.enable)
        #expect(try leftover(world.store).abandon() == 0)
        #expect(world.store.load().records.isEmpty)
        #expect(world.card.contents.slots.isEmpty && world.card.contents.rules.allSatisfy { !$0.isValid })
        #expect(try bus.read(map.net.enable) == enabled)
    }

    @Test("after a reset a card of another kind is not written by the old one's layout")
    func anotherKind() throws {
        let bus = Exchangeable(SimulatedRegisterBus(try SimulatedCard(CardWorld.configuration(hashRevision: 12))))
        let card = try SimulatedCard(CardWorld.configuration(hashRevision: 12))
        bus.inner = SimulatedRegisterBus(card)
        let world = try CardWorld(card, bus, MemoryShadowStore())
        #expect(world.plane.write([stationUpdate(StationTables.universe[0], .port(world.ports[1]))]) == [.applied])
        _ = world.plane.offload([station(StationTables.universe[0])])
        let other = try SimulatedCard(CardWorld.configuration(hashRevision: 3))
        bus.inner = SimulatedRegisterBus(other)
        world.plane.maintain()
        let complaints = world.plane.health().complaints
        #expect(complaints.contains { $0.contains("another card answers: map revision 7, HASH_ID 3") }, "\(complaints)")
        #expect(other.contents == CardContents())
        // The right one again, which was reset.
        bus.inner = SimulatedRegisterBus(card)
        card.reset()
        world.plane.maintain()
        #expect(world.plane.tables.isReady && world.plane.tables.resets == 1)
        world.expectCardAsBook()
    }

    private final class Exchangeable: RegisterBus {
        var inner: any RegisterBus
        init(_ inner: any RegisterBus) { self.inner = inner }
        var name: String { inner.name }
        func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) { try inner.transfer(&accesses) }
    }

    private func stationUpdate(_ mac: UInt64, _ action: MACEntry.Action) -> TableUpdate {
        .insert(stationEntry(mac, action))
    }
}
