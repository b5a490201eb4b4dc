// SPDX-License-Identifier: Apache-2.0
import Comparison
import FlowEngineDriver
import FlowEngineSimulator
import Packet
import Tables

/// A simulated card behind its driver. How it reads what the sources leave open is drawn from a seed, and so is how much of that the
/// driver is told: from nothing to all of it.
final class SimulatedHardware: HardwareUnderTest {
    let card: SimulatedCard
    let driven: FlowEngineDataPlane
    private let ports: CardPorts

    var plane: any OffloadingDataPlane { driven }
    var countsDropped: Bool { card.configuration.variants.droppedFrames == .counted }

    /// - Parameters:
    ///   - ports: the node's, in the order of the card's.
    ///   - state: whose limits, seed and default the tables have.
    init(seed: UInt64, hashRevision: Int?, ports nodePorts: [PortID], like state: TableState) throws {
        var random = RandomSource(seed: seed)
        let revision = hashRevision ?? Int.random(in: 1...12, using: &random)
        var configuration = CardConfiguration(profile: .trustNode, hashRevision: revision, seed: seed)
        configuration.variants = configuration.variants.drawingReadings(using: &random)
        // Room for many rules: it is decisions that are looked at here.
        configuration.variants.collisionDepth = 1024
        configuration.variants.emaDepth = 512
        configuration.minimumFrame = 14
        configuration.maximumFrame = 9000
        card = try SimulatedCard(configuration)
        var quirks = CardQuirks(profile: .trustNode)
        (quirks.collisionEntries, quirks.emaEntries) = (1024, 512)
        quirks.hashOverlay = .constant(0)
        quirks.countsDrops = configuration.variants.droppedFrames == .counted
        quirks.vlanPriority = configuration.variants.vlanPriority == .pcp ? .pcp : .pcpAndDEI
        if configuration.variants.untaggedVLAN == .zero, Bool.random(using: &random) { quirks.untaggedVLAN = 0 }
        if configuration.variants.tosBits == .dscp, Bool.random(using: &random) { quirks.tosIsDSCP = true }
        let traits = Self.traits(of: configuration, using: &random)
        ports = CardPorts(Dictionary(uniqueKeysWithValues: zip(nodePorts, 0...)))
        let driver = try CardDriver(bus: SimulatedRegisterBus(card), profile: .trustNode, quirks: quirks)
        driven = try FlowEngineDataPlane(
            driver: driver, ports: ports, settings: CardSettings(enabledPorts: Set(nodePorts.indices)),
            store: MemoryShadowStore(), traits: traits, flowPlacement: .never, capacities: state.capacities,
            aclDefault: state.aclDefault, ecmpSeed: state.ecmpSeed)
    }

    /// What is true of the card, or less.
    private static func traits(
        of card: CardConfiguration, using random: inout RandomSource
    ) -> OffloadTraits {
        var traits = OffloadTraits()
        let percent = [0, 50, 100, 100].randomElement(using: &random) ?? 0
        func tells(_ isTrue: Bool) -> Bool { isTrue && Int.random(in: 0..<100, using: &random) < percent }
        let variants = card.variants
        // Not `skipsMalformed`: what a card takes to be malformed is never just what the pipeline does.
        traits.skipsInvalidSource = tells(variants.invalidSource == .noMatch)
        traits.dropsToIngress = tells(variants.loopToIngress == .dropped)
        traits.skipsReservedMulticast = tells(variants.reservedMulticast == .toProcessor)
        traits.knowsFragments = tells(variants.fragmentPorts == .absent && variants.absentField == .noMatch)
        traits.readsServiceTags = tells(variants.tagTypes == .customerAndService)
        if tells(true) { traits.tagsRead = variants.tagsRead }
        if tells(true) { traits.minimumFrame = card.minimumFrame }
        if tells(true) { traits.maximumFrame = card.maximumFrame }
        return traits
    }

    var explanation: String {
        var text = "\(card.lastVerdict)\ncard \(card.configuration.variants)\ntraits \(driven.traits)"
        driven.sweepOffloads { record in
            text += "\n\(record.decision) \(record.place) \(record.megaflow)"
            return .keep
        }
        return text
    }

    func receive(_ frame: [UInt8], port: PortID) -> HardwareVerdict {
        guard let number = ports.number(of: port) else { return .notReceived }
        let emissions = card.receive(frame, port: number)
        let verdict = card.lastVerdict
        guard verdict.match != nil else {
            // What no rule of ours decided: the port itself, or what the card does with some frames by nature.
            return emissions.contains { if case .cpu = $0 { true } else { false } } ? .left : .notReceived
        }
        for emission in emissions {
            switch emission {
            case .cpu: return .left
            case .port(let number, let frame):
                guard let port = ports.port(of: number) else { return .notReceived }
                return .sent(port: port, frame: frame)
            }
        }
        return .dropped
    }
}
