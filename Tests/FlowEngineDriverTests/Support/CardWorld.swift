// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

/// A simulated card with a data plane on it. Its ports (four at most) are switched and carry VLANs 10 and 11 tagged; stations decide.
struct CardWorld {
    let card: SimulatedCard
    let bus: any RegisterBus
    let store: MemoryShadowStore
    let plane: FlowEngineDataPlane
    let profile: CardProfile

    /// What is known of how the simulated card reads frames, beyond any doubt: as its variants below are.
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

    static func configuration(
        _ profile: CardProfile = .trustNode, hashRevision: Int? = nil, mapRevision: Int? = nil,
        change: (inout CardVariants) -> Void = { _ in }
    ) -> CardConfiguration {
        let simulated: CardConfiguration.Profile = profile == .trustNode ? .trustNode : .realTimeHAT
        var variants = CardVariants(profile: simulated)
        variants.malformed = .noMatch
        variants.invalidSource = .noMatch
        variants.loopToIngress = .dropped
        variants.reservedMulticast = .toProcessor
        variants.fragmentPorts = .absent
        variants.droppedFrames = .counted
        change(&variants)
        return CardConfiguration(
            profile: simulated, mapRevision: mapRevision, hashRevision: hashRevision, variants: variants)
    }

    static func quirks(_ configuration: CardConfiguration, _ profile: CardProfile) -> CardQuirks {
        var quirks = CardQuirks(profile: profile)
        let variants = configuration.variants
        quirks.collisionEntries = variants.collisionDepth
        quirks.emaEntries = variants.emaDepth
        quirks.actionWord = variants.actionWord == .trustNode ? .headerFile : .useCase1
        quirks.actionID = variants.actionID == .queueInIndex ? .queueInIndex : .sixteenActions
        quirks.dropBit = 6
        quirks.countsDrops = variants.droppedFrames == .counted
        quirks.emaType = variants.emaType == .setIfOpen ? .setIfOpen : .setIfCompared
        return quirks
    }

    static func cardPorts(_ configuration: CardConfiguration) -> CardPorts {
        let all = 0..<configuration.portCount
        // Proofs go through every port; a few are enough.
        let usable = all.filter { $0 != configuration.hostPort }.prefix(4)
        return CardPorts(Dictionary(uniqueKeysWithValues: usable.map { (PortID($0 + 1), $0) }))
    }

    init(
        _ profile: CardProfile = .trustNode, hashRevision: Int? = nil, mapRevision: Int? = nil,
        placement: FlowEngineDataPlane.FlowPlacement = .required, withTables: Bool = true,
        change: (inout CardVariants) -> Void = { _ in }
    ) throws {
        let configuration = Self.configuration(
            profile, hashRevision: hashRevision, mapRevision: mapRevision, change: change)
        let card = try SimulatedCard(configuration)
        try self.init(
            card, SimulatedRegisterBus(card), MemoryShadowStore(), profile: profile, placement: placement,
            withTables: withTables)
    }

    /// On a card that is there, with the shadow of who was there before.
    init(
        _ card: SimulatedCard, _ bus: any RegisterBus, _ store: MemoryShadowStore, profile: CardProfile = .trustNode,
        placement: FlowEngineDataPlane.FlowPlacement = .required, withTables: Bool = true
    ) throws {
        let configuration = card.configuration
        let driver = try CardDriver(bus: bus, profile: profile, quirks: Self.quirks(configuration, profile))
        var settings = CardSettings(enabledPorts: Set(0..<configuration.portCount))
        if driver.map.net.link != nil { settings.linkedPorts = settings.enabledPorts }
        let plane = try FlowEngineDataPlane(
            driver: driver, ports: Self.cardPorts(configuration), settings: settings, store: store,
            traits: Self.traits, flowPlacement: placement)
        (self.card, self.bus, self.store, self.plane, self.profile) = (card, bus, store, plane, profile)
        if withTables, !plane.isAdopted {
            for (update, result) in zip(Self.tables(plane), plane.write(Self.tables(plane))) where result != .applied {
                throw Unexpected("\(update): \(result)")
            }
        }
    }

    struct Unexpected: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    /// Ports and VLANs.
    static func tables(_ plane: FlowEngineDataPlane) -> [TableUpdate] {
        let ports = cardPortsOf(plane)
        var updates: [TableUpdate] = ports.map { id in
            var port = PortEntry(port: id)
            (port.mode, port.learnMACs, port.learnFlows) = (.switched, false, false)
            return .insert(.port(port))
        }
        for number in 10..<12 {
            var vlan = VLANEntry(vlan: VLANID(rawValue: UInt16(number)))
            vlan.tagged = Set(ports)
            updates.append(.insert(.vlan(vlan)))
        }
        return updates
    }

    static func cardPortsOf(_ plane: FlowEngineDataPlane) -> [PortID] { plane.tables.book.ports.all }

    var ports: [PortID] { Self.cardPortsOf(plane) }

    func number(_ port: PortID) -> Int { plane.tables.book.ports.number(of: port) ?? -1 }

    /// The words of rules in the card are those of the book, and there are no others; read through the back door.
    func expectCardAsBook(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        let contents = card.contents
        let book = plane.tables.book
        var exact: [Int: [UInt32]] = [:]
        var collisions: [Int: [UInt32]] = [:]
        var masked: [Int: [UInt32]] = [:]
        var slots: [Int: Int] = [:]
        for ordinal in book.ordinalsInUse {
            guard let rule = book[ordinal], rule.state == .live else { continue }
            switch rule.place {
            case .exact(let number):
                exact[number] = rule.words.words
                slots[rule.slot] = number
            case .collision(let entry): collisions[entry] = rule.words.words
            case .masked(let number): masked[number] = rule.words.words
            }
            #expect(
                contents.actions[rule.action]?.word == rule.actionWord, comment, sourceLocation: sourceLocation)
        }
        func valid(_ rules: [CardContents.Rule]) -> [Int: [UInt32]] {
            Dictionary(uniqueKeysWithValues: rules.filter(\.isValid).map { ($0.index, $0.words) })
        }
        #expect(contents.slots == slots, comment, sourceLocation: sourceLocation)
        #expect(valid(contents.rules) == exact, comment, sourceLocation: sourceLocation)
        #expect(valid(contents.collisions) == collisions, comment, sourceLocation: sourceLocation)
        #expect(valid(contents.maskedRules) == masked, comment, sourceLocation: sourceLocation)
        #expect(
            Set(contents.tcam.filter(\.isUsed).map(\.index)) == Set(masked.keys), comment,
            sourceLocation: sourceLocation)
    }
}

/// A tagged frame between two stations.
func frame(to destination: UInt64, from source: UInt64 = 0x0200_0000_ffff, vlan: UInt16 = 10) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(MACAddress(rawValue: destination))
    bytes.append(MACAddress(rawValue: source))
    bytes += [0x81, 0]
    bytes.append(bigEndian: vlan)
    bytes += [0x88, 0xb5]
    return bytes + Array(repeating: 0x5a, count: 46)
}

func stationEntry(_ mac: UInt64, _ action: MACEntry.Action, vlan: UInt16 = 10) -> TableEntry {
    .mac(MACEntry(vlan: VLANID(rawValue: vlan), mac: MACAddress(rawValue: mac), action: action, isStatic: true))
}
