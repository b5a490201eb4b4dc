// SPDX-License-Identifier: Apache-2.0
import BPF
import Controller
import Dispatch
import FlowEngineDriver
import FlowEngineRegisters
import Glibc
import Northbound
import Store
import Synchronization
import Tables
import XDPDataPlane

/// The card that a configuration names, opened and ready to be put in front of the fast path.
enum CardFront {
    /// - Parameters:
    ///   - numbers: the node's ports by name.
    ///   - back: whose limits and seed the tables in front have too.
    /// - Throws: why the card cannot be used, in a sentence.
    static func open(
        _ card: Configuration.Card, numbers: [String: PortID], back: XDPDataPlane, shadow: CardShadow,
        store: any NodeStore
    ) throws -> FlowEngineDataPlane {
        let profile = profile(of: card)
        let driver = try CardDriver(
            bus: try bus(card), profile: profile, quirks: quirks(card.quirks, profile),
            hashRevision: card.hashRevision)
        var ports: [PortID: Int] = [:]
        for port in card.ports {
            if let number = numbers[port.name.value] { ports[number] = port.physical }
        }
        return try FlowEngineDataPlane(
            driver: driver, ports: CardPorts(ports), settings: settings(of: card, driver),
            store: NodeShadowStore(shadow, store), traits: card.traits, flowPlacement: .never,
            capacities: back.state.capacities, aclDefault: back.state.aclDefault, ecmpSeed: back.state.ecmpSeed)
    }

    private static func settings(of card: Configuration.Card, _ driver: CardDriver) -> CardSettings {
        var enabled = Set(card.ports.map(\.physical))
        if let host = driver.identity.profile.hostPort { enabled.insert(host) }
        var settings = CardSettings(enabledPorts: enabled)
        if driver.map.net.link != nil { settings.linkedPorts = enabled }
        for port in card.ports {
            settings.speeds[port.physical] =
                switch port.speed {
                case .mbps10: .mbps10
                case .mbps100: .mbps100
                case .mbps1000: .mbps1000
                case nil: nil
                }
        }
        if let bytes = card.packetMemory {
            // Flow 0 is all that no rule knows: what is on its way to the host must not be held up by it.
            for flow in 1..<CardSettings.flows { settings.limits[flow] = bytes }
        }
        if let tree = card.sixTree, case .v6(let address) = tree.prefix.address {
            settings.sixTree = .init(
                prefix: address.high & 0xff_ffff_ffff_ffff, sourcePointer: tree.sourceNibble,
                destinationPointer: tree.destinationNibble)
        }
        return settings
    }

    /// Takes all rules out of a card, and says how many could not be.
    static func withdraw(_ front: FlowEngineDataPlane) -> Int {
        front.sweepOffloads { _ in .remove }
        // Now, what could not be taken out the first time, and the shadow's last word.
        front.maintain()
        let book = front.tables.book
        return book.ordinalsInUse.count { book[$0].map { $0.state != .placed } == true }
    }

    /// Takes out what an earlier process left on a card that is not to be driven any more; its settings stay.
    ///
    /// - Returns: rules that could not be taken out.
    static func abandon(_ card: Configuration.Card, shadow: CardShadow, store: any NodeStore) throws -> Int {
        let profile = profile(of: card)
        let driver = try CardDriver(
            bus: try bus(card), profile: profile, quirks: quirks(card.quirks, profile),
            hashRevision: card.hashRevision)
        let tables = FlowCacheTables(driver: driver, ports: CardPorts([:]), store: NodeShadowStore(shadow, store))
        return try tables.abandon() ?? 0
    }

    static func profile(of card: Configuration.Card) -> CardProfile {
        card.board == .trustNode ? .trustNode : .realTimeHAT
    }

    /// What is known of the board, and what the configuration says beyond.
    static func quirks(_ given: Configuration.Card.Quirks, _ profile: CardProfile) -> CardQuirks {
        var quirks = CardQuirks(profile: profile)
        quirks.dropBit = given.dropBit.map { UInt8($0) } ?? quirks.dropBit
        quirks.countsDrops = given.countsDrops
        quirks.untaggedVLAN = given.untaggedVLAN.map { UInt16($0) } ?? quirks.untaggedVLAN
        quirks.collisionEntries = given.collisionEntries ?? quirks.collisionEntries
        quirks.emaEntries = given.emaEntries ?? quirks.emaEntries
        return quirks
    }

    /// Without a clock in the configuration, SPI runs at the fastest that works.
    private static func bus(_ card: Configuration.Card) throws -> any RegisterBus {
        let location = try CardLocation(card.bus.text)
        let found = try location.board()
        guard found == profile(of: card) else {
            throw BusError(
                .configuration(
                    "it is a \(found.rawValue); write \"board: \(found.rawValue)\" in the configuration's card"),
                bus: "\(location)")
        }
        let mode = SPIMode(rawValue: UInt8(card.mode)) ?? .mode0
        guard case .spi(let path) = location, card.speed == nil else {
            return try location.open(hertz: card.speed ?? SpidevConfiguration.fastest, mode: mode)
        }
        do {
            let device = try SpidevDevice(SpidevConfiguration(path: path, mode: mode))
            guard let best = try SPISpeedTest().run(on: device).best else {
                throw BusError(.noCard, bus: "spi \(path)")
            }
            try device.setSpeed(hertz: best)
            return SPIRegisterBus(device)
        } catch let error as SPIError {
            throw BusError(error.cause, bus: "spi \(path)")
        }
    }
}

extension CardProfile {
    /// The card's port that is cabled to the host.
    var hostPort: Int? { self == .realTimeHAT ? 1 : nil }
}

extension FlowEngineDataPlane: MegaflowPlanner {
    public func candidates(for sample: Megaflow) -> Result<[OffloadCandidate], OffloadRefusal> {
        plans(for: sample).map { plans in
            plans.map { plan in
                OffloadCandidate(plan.megaflow, refreshes: plan.proof.refreshes.map { .station($0.vlan, $0.mac) })
            }
        }
    }
}

/// The driver's shadow in the node's memory.
final class NodeShadowStore: CardShadowStore {
    /// What the back end is called in the node's memory.
    static let name = "flowengine"

    private final class Outcome: Sendable { let problem = Mutex<StoreProblem?>(nil) }

    private let loaded: CardShadow
    private let store: any NodeStore

    init(_ loaded: CardShadow, _ store: any NodeStore) { (self.loaded, self.store) = (loaded, store) }

    func load() -> CardShadow { loaded }

    func record(_ change: CardShadowChange) throws(CardShadowError) {
        var stored = StoreChange()
        stored.shadows[Self.name] = .init(marker: change.marker, records: change.records)
        let isDone = DispatchSemaphore(value: 0)
        let outcome = Outcome()
        store.commit(stored) { problem in
            outcome.problem.withLock { $0 = problem }
            isDone.signal()
        }
        isDone.wait()
        // What is not on disk may not be in the card either.
        if let problem = outcome.problem.withLock({ $0 }) { throw CardShadowError("\(problem)") }
    }
}

extension CardShadow {
    init(_ node: StoredNode?) {
        let shadow = node?.shadows[NodeShadowStore.name]
        self.init(marker: shadow?.marker ?? 0, records: shadow?.records ?? [:])
    }
}

/// The card's CPU port, made into ports of the node while the daemon runs.
final class CPUPorts: Sendable {
    private let port: Mutex<CardPort?>
    /// An earlier process had left them.
    private let isAdopted: Bool

    init(_ card: Configuration.Card, _ cable: Configuration.Card.CPUPort, _ configuration: Configuration) throws {
        let interfaces = Dictionary(configuration.ports.map { ($0.name, $0.interface) }) { first, _ in first }
        let version = CardTagVersion(rawValue: UInt32(cable.tag)) ?? .four
        // Facts of the tag: on the way out 0 is the first port beside the cabled one, 1 the second; on the way in the second
        // is 1 or 2, depending on the card's version.
        let ports = card.ports.map { port in
            CardLogicalPort(
                name: interfaces[port.name.value] ?? port.name.value, egress: port.physical == 0 ? 0 : 1,
                ingress: port.physical == 0 ? [0] : [1, 2])
        }
        var wanted = CardPortConfiguration(interface: cable.interface, version: version, ports: ports)
        wanted.untagged = cable.untagged == .drop ? .drop : .kernel
        wanted.pinDirectory = "\(configuration.pinPath)-card"
        let made = try CardPort(wanted)
        isAdopted = made.isAdopted
        port = Mutex(made)
    }

    /// Takes away what an earlier process left for a CPU port that the configuration does not name any more.
    ///
    /// - Parameter earlier: the configuration before.
    /// - Returns: what could not be done, in sentences.
    static func releaseAbandoned(_ earlier: Configuration?, _ wanted: Configuration) -> [String] {
        let pins = "\(earlier?.pinPath ?? wanted.pinPath)-card"
        let isWanted = wanted.card?.cpuPort != nil && pins == "\(wanted.pinPath)-card"
        guard !isWanted, access(pins, F_OK) == 0 else { return [] }
        guard let earlier, let card = earlier.card, let cable = card.cpuPort else {
            return [
                "\(pins) has programs of a card's CPU port that no configuration names; remove it and its interfaces"
            ]
        }
        guard earlier.pinPath != wanted.pinPath else { return release(card, cable, earlier) }
        // Under another path there may be another node by now.
        guard let lock = try? StateLock(state: earlier.pinPath) else { return [] }
        let notes = release(card, cable, earlier)
        _ = consume lock
        return notes
    }

    private static func release(
        _ card: Configuration.Card, _ cable: Configuration.Card.CPUPort, _ earlier: Configuration
    ) -> [String] {
        do {
            try CPUPorts(card, cable, earlier).release()
            return []
        } catch {
            return ["the ports of \(cable.interface), which is no cpu_port any more, could not be removed: \(error)"]
        }
    }

    /// After a start that failed: what was found goes on, what was made goes.
    func releaseUnlessAdopted() throws {
        if !isAdopted { try release() }
    }

    func complaints() -> [String] {
        port.withLock { port in
            switch port {
            case .some(let port): port.complaints()
            case nil: []
            }
        }
    }

    /// Those that are not 0, and why they could not be read.
    func counts() -> (counts: [CPUPortCount], complaint: String?) {
        let result: Result<[CardCount], CardPortError> = port.withLock { port in
            switch port {
            case .some(let port):
                do throws(CardPortError) { return .success(try port.counts()) } catch { return .failure(error) }
            case nil: return .success([])
            }
        }
        let counts: [CardCount]
        switch result {
        case .success(let found): counts = found
        case .failure(let error): return ([], "what the CPU port counted cannot be read: \(error)")
        }
        let named = counts.map { count in
            let what =
                switch count.what {
                case .counter(let counter): counter.name
                case .reason(let reason): "reason_\(reason)"
                }
            return CPUPortCount(port: count.port, what: what, counter: count.counter)
        }
        return (named, nil)
    }

    /// Takes the ports away again. A node that keeps its programs does not.
    func release() throws {
        guard let port = port.withLock({ $0.take() }) else { return }
        try port.release()
    }
}
