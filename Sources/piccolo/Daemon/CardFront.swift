// SPDX-License-Identifier: Apache-2.0
import BPF
import Controller
import Dispatch
import FlowEngineDriver
import FlowEngineRegisters
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
        let location = try CardLocation(card.bus.text)
        let profile = profile(of: card)
        let driver = try CardDriver(
            bus: try bus(location, hertz: card.speed), profile: profile, quirks: quirks(card.quirks, profile),
            hashRevision: card.hashRevision)
        var ports: [PortID: Int] = [:]
        for port in card.ports {
            if let number = numbers[port.name.value] { ports[number] = port.physical }
        }
        var enabled = Set(card.ports.map(\.physical))
        if let host = profile.hostPort { enabled.insert(host) }
        var settings = CardSettings(enabledPorts: enabled)
        if driver.map.net.link != nil { settings.linkedPorts = enabled }
        return try FlowEngineDataPlane(
            driver: driver, ports: CardPorts(ports), settings: settings,
            store: NodeShadowStore(shadow, store), traits: card.traits, flowPlacement: .never,
            capacities: back.state.capacities, aclDefault: back.state.aclDefault, ecmpSeed: back.state.ecmpSeed)
    }

    /// The board that a bus leads to.
    static func profile(of card: Configuration.Card) -> CardProfile {
        if case .pci = card.bus { .trustNode } else { .realTimeHAT }
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
    private static func bus(_ location: CardLocation, hertz: Int?) throws -> any RegisterBus {
        guard case .spi(let path) = location, hertz == nil else {
            return try location.open(hertz: hertz ?? SpidevConfiguration.fastest)
        }
        do {
            let device = try SpidevDevice(SpidevConfiguration(path: path))
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

    /// Takes the ports away again. A node that keeps its programs does not.
    func release() throws {
        guard let port = port.withLock({ $0.take() }) else { return }
        try port.release()
    }
}
