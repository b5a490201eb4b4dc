// SPDX-License-Identifier: Apache-2.0
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
    /// The card of the configuration. One that cannot be used is no reason not to forward: the fast path decides everything then, and
    /// `status` says so.
    ///
    /// - Parameters:
    ///   - remembered: what an earlier run left in the memory.
    ///   - isPinned: programs and tables outlive the process.
    /// - Returns: the card ready to be used, or, if it may answer later, what waits for it.
    static func start(
        _ wanted: Configuration, _ plane: XDPDataPlane, _ store: any NodeStore, _ remembered: StoredNode?,
        isPinned: Bool, _ notes: inout [String]
    ) -> (front: FlowEngineDataPlane?, awaited: AwaitedCard?) {
        guard let card = wanted.card else { return (nil, nil) }
        let numbers = (remembered?.identities ?? Identities()).portNumbers(of: wanted)
        do {
            let front = try open(
                card, numbers: numbers, back: plane, shadow: CardShadow(remembered), store: store)
            AwaitedCard.isUsed()
            return (front, nil)
        } catch {
            let left = CardShadow(remembered).records.count
            // What is not pinned would not outlive the process.
            let awaited = isPinned ? AwaitedCard(card, after: error) : nil
            notes.append(
                "the card at \(card.bus.text) is not used, until \(awaited != nil ? "it answers" : "the next start"): \(error)"
                    + (left > 0 ? "; \(left) rules that an earlier run left there may still decide frames" : ""))
            return (nil, awaited)
        }
    }

    /// A card that the configuration does not name any more goes on deciding frames by the rules that an earlier process left there: they are
    /// taken out.
    ///
    /// - Returns: what could not be done, in sentences.
    static func withdrawAbandoned(
        _ earlier: (node: StoredNode?, configuration: Configuration?), _ wanted: Configuration, _ store: any NodeStore
    ) -> [String] {
        let shadow = CardShadow(earlier.node)
        guard !shadow.records.isEmpty else { return [] }
        let rules = "\(shadow.records.count) rules that an earlier run left there may still decide frames"
        guard let card = earlier.configuration?.card else {
            // Of a card that is named the marker says whether they are there.
            return wanted.card != nil
                ? [] : ["the memory has rules of a card, and no configuration says which card that was: \(rules)"]
        }
        guard card.bus != wanted.card?.bus else { return [] }
        let place = "the card at \(card.bus.text), which the configuration does not name any more,"
        do {
            let left = try abandon(card, shadow: shadow, store: store)
            return left > 0
                ? ["\(place) keeps \(left) rules that may still decide frames: reset it, or take its power away"] : []
        } catch {
            return ["\(place) cannot be reached: \(error); \(rules)"]
        }
    }

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

    static func mode(of card: Configuration.Card) -> SPIMode { SPIMode(rawValue: UInt8(card.mode)) ?? .mode0 }

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
        let mode = mode(of: card)
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
