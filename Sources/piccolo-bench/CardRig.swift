// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables

/// A simulated Real-Time HAT with a data plane on it, and stations whose rules the card can hold.
///
/// The card has more than the public sources say of a HAT: an action of its own for each of a thousand rules, and room for as many.
final class CardRig {
    enum Transport {
        /// The card's SPI slave at this clock, in Hz, behind a device of these limits.
        case spi(hertz: UInt64, SPILimits)
        /// Nothing is carried out, at once.
        case instant
    }

    /// Which table a rule goes to: the card has a key of station and VLAN for exact matches, and none that has the EtherType too.
    enum Kind: String, CaseIterable {
        case exact = "exact-match"
        case masked = "masked"
    }

    /// Rules of a kind.
    static let rules = 500
    /// What `spidev` takes in one message unless it is told otherwise (`bufsiz`), and as many frames as fit its call.
    static let usualLimits = SPILimits(frames: 511, bytes: 4096)
    static let vlan = VLANID(rawValue: 10)

    let card: SimulatedCard
    let plane: FlowEngineDataPlane
    /// Copies of the tables that proofs look up.
    private(set) var stations = Stations()
    private let instant: InstantBus?

    static var traits: OffloadTraits {
        var traits = OffloadTraits()
        traits.skipsMalformed = true
        traits.skipsInvalidSource = true
        traits.dropsToIngress = true
        traits.skipsReservedMulticast = true
        traits.knowsFragments = true
        traits.readsServiceTags = true
        traits.tagsRead = 1
        (traits.minimumFrame, traits.maximumFrame) = (60, 1518)
        return traits
    }

    init(_ transport: Transport, stations numbers: Range<Int>) throws {
        var variants = CardVariants(profile: .realTimeHAT)
        (variants.malformed, variants.invalidSource, variants.fragmentPorts) = (.noMatch, .noMatch, .absent)
        (variants.loopToIngress, variants.reservedMulticast) = (.dropped, .toProcessor)
        variants.actionID = .queueInIndex
        (variants.collisionDepth, variants.emaDepth) = (64, 512)
        let configuration = CardConfiguration(profile: .realTimeHAT, variants: variants)
        card = try SimulatedCard(configuration)

        var quirks = CardQuirks(profile: .realTimeHAT)
        quirks.actionID = .queueInIndex
        (quirks.collisionEntries, quirks.emaEntries) = (variants.collisionDepth, variants.emaDepth)

        let bus: any RegisterBus
        switch transport {
        case .spi(let hertz, let limits):
            (bus, instant) = (
                SPIRegisterBus(SlaveDevice(SimulatedSPISlave(card, clock: hertz), limits: limits)), nil
            )
        case .instant:
            let instantBus = InstantBus(SimulatedRegisterBus(card))
            (bus, instant) = (instantBus, instantBus)
        }
        let driver = try CardDriver(bus: bus, profile: .realTimeHAT, quirks: quirks)
        instant?.count = driver.map.bm.mmiAccesses.address
        var numbersOfPorts: [PortID: Int] = [:]
        for number in 0..<configuration.portCount where number != configuration.hostPort {
            numbersOfPorts[PortID(rawValue: UInt16(number + 1))] = number
        }
        let ports = CardPorts(numbersOfPorts)
        var settings = CardSettings(enabledPorts: Set(0..<configuration.portCount))
        settings.linkedPorts = settings.enabledPorts
        plane = try FlowEngineDataPlane(
            driver: driver, ports: ports, settings: settings, store: MemoryShadowStore(), traits: Self.traits)
        try write(tables(ports) + numbers.map { .insert(.mac(station($0, behind: ports.all[0]))) })
        instant?.isInstant = true
    }

    private func tables(_ ports: CardPorts) -> [TableUpdate] {
        var updates: [TableUpdate] = ports.all.map { id in
            var port = PortEntry(port: id)
            (port.mode, port.learnMACs, port.learnFlows) = (.switched, false, false)
            return .insert(.port(port))
        }
        var vlan = VLANEntry(vlan: Self.vlan)
        vlan.tagged = Set(ports.all)
        updates.append(.insert(.vlan(vlan)))
        return updates
    }

    var ports: [PortID] { plane.tables.book.ports.all }

    private func station(_ number: Int, behind port: PortID) -> MACEntry {
        let entry = MACEntry(
            vlan: Self.vlan, mac: MACAddress(rawValue: Self.station(number)), action: .port(port), isStatic: true)
        stations.entries[MACKey(vlan: entry.vlan, mac: entry.mac)] = entry
        return entry
    }

    /// Addresses in no order, as those of cards of several vendors.
    private static func station(_ number: Int) -> UInt64 {
        0x0200_0000_0000 | ((UInt64(number + 1) &* 0x9e37_79b9_7f4a_7c15) >> 24)
    }

    static func megaflow(_ kind: Kind, _ number: Int) -> Megaflow {
        var megaflow = Megaflow()
        (megaflow.destinationMAC, megaflow.vlan) = (MACAddress(rawValue: station(number)), vlan)
        if kind == .masked { megaflow.etherType = EtherType.ipv4 }
        return megaflow
    }

    // MARK: Steps

    private func write(_ updates: [TableUpdate]) throws {
        let rejected = plane.write(updates).compactMap { result in
            if case .rejected(let error) = result { error } else { nil }
        }
        if let first = rejected.first { throw BenchError.rejected("updates", rejected.count, "\(first)") }
    }

    func offload(_ megaflows: [Megaflow]) throws {
        let refusals = plane.offload(megaflows).compactMap { result in
            if case .failure(let refusal) = result { refusal } else { nil }
        }
        if let first = refusals.first { throw BenchError.rejected("rules", refusals.count, "\(first)") }
    }

    func withdraw(_ megaflows: [Megaflow]) throws {
        let left = plane.withdraw(megaflows).count { $0 == nil }
        guard left == 0 else { throw BenchError.rejected("rules", left, "they could not be taken out") }
    }

    /// Stations that move to another port.
    func moves(_ numbers: Range<Int>, to port: PortID) -> [TableUpdate] {
        numbers.map { .modify(.mac(station($0, behind: port))) }
    }

    func move(_ updates: [TableUpdate]) throws { try write(updates) }

    /// What the data plane does before it places a rule, by itself.
    func prove(_ megaflows: [Megaflow]) throws {
        let ports = Set(ports)
        for megaflow in megaflows {
            _ = try MegaflowProof(
                megaflow, state: plane.state, entries: stations, traits: Self.traits, ports: ports)
        }
    }

    /// A copy of the driver's books for an empty card.
    func placement() -> CardPlacement {
        let (book, map) = (plane.tables.book, plane.tables.driver.map)
        var plan = WritePlan(tables: CardTables(map))
        plan.clear(
            collisionEntries: book.quirks.collisionEntries, emaEntries: book.quirks.emaEntries,
            actions: book.quirks.actionID.actionCount, hasExact: true, hasMasked: true)
        plan.begin()
        return CardPlacement(
            book: RuleBook(keys: book.keys, quirks: book.quirks, ports: book.ports), plan: plan, port: ports[0])
    }
}

/// What the driver does to place rules, apart from the shadow and the accesses.
struct CardPlacement {
    var book: RuleBook
    var plan: WritePlan
    var port: PortID

    mutating func place(_ megaflows: [Megaflow]) throws {
        plan.begin()
        for megaflow in megaflows {
            let ordinal = try book.place(megaflow, .forward(port))
            if let rule = book[ordinal] { plan.insert(rule) }
        }
    }

    mutating func remove(_ megaflows: [Megaflow]) {
        plan.begin()
        for megaflow in megaflows {
            guard let ordinal = book.find(megaflow), let rule = book[ordinal] else { continue }
            plan.remove(rule)
            book.free(ordinal)
        }
    }
}

/// The MAC table, as proofs look it up.
struct Stations: OffloadEntries {
    var entries: [MACKey: MACEntry] = [:]

    func mac(_ key: MACKey) -> MACEntry? { entries[key] }
    func staticFlow(_ key: FlowKey) -> FlowEntry? { nil }
    func forEachStaticFlow(at interface: RouterInterfaceID, _ body: (FlowEntry) -> Bool) {}
}

/// The simulated card's SPI slave as a device in this process.
private final class SlaveDevice: SPIDevice {
    private let slave: SimulatedSPISlave
    let name = "simulated slave"
    let limits: SPILimits

    init(_ slave: SimulatedSPISlave, limits: SPILimits) { (self.slave, self.limits) = (slave, limits) }

    func exchange(_ frames: inout SPIFrames) throws(SPIError) {
        try frames.answer { (mosi) throws(SPIError) in slave.exchange(mosi) }
    }
}

/// A bus that answers at once: as a card that takes every write and has counted no frame. Until it is told to, it leads to a card.
private final class InstantBus: RegisterBus {
    let name = "instant"
    private let card: SimulatedRegisterBus
    var isInstant = false
    /// The register that counts accesses.
    var count: RegisterAddress?
    private var accesses: UInt32 = 0

    init(_ card: SimulatedRegisterBus) { self.card = card }

    func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
        guard isInstant else { return try card.transfer(&accesses) }
        for index in accesses.indices {
            self.accesses &+= 1
            if accesses[index].kind == .read {
                accesses[index].value = accesses[index].address == count ? self.accesses : 0
            }
        }
    }
}
