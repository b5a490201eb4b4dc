// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import TestSupport
import Testing

@testable import FlowEngineDriver

/// The driver writes rules, the simulated card reads them on its own: hash, layout and folds of every key set agree.
@Suite("Every key set on a card that decodes by itself")
struct KeySetTests {
    static let variants: [(name: String, change: @Sendable (inout CardVariants, inout CardQuirks) -> Void)] = [
        ("as the vendor's tools", { _, _ in }),
        (
            "the other polarity and folds",
            { variants, quirks in
                (variants.emaType, quirks.emaType) = (.setIfCompared, .setIfCompared)
                (variants.etherTypeFold, quirks.etherTypeFold) = (.twoChunks, .twoChunks)
                (variants.hashOverlay, quirks.hashOverlay) = (.vlanPriority, .vlanPriority)
                (variants.vlanPriority, quirks.vlanPriority) = (.pcpAndDEI, .pcpAndDEI)
            }
        ),
        (
            "action words and ids as in use case 1",
            { variants, quirks in
                (variants.actionWord, quirks.actionWord) = (.realTimeHAT, .useCase1)
                (variants.actionID, quirks.actionID) = (.sixteenActions, .sixteenActions)
                (variants.etherTypeFold, quirks.etherTypeFold) = (.low14, .low14)
            }
        ),
    ]

    @Test("a frame made for a rule is decided by it, alone or from the collision table", arguments: 1...12, 0..<3)
    func matches(hashRevision: Int, variant: Int) throws {
        var generator = SeededGenerator(seed: UInt64(hashRevision * 10 + variant))
        for mapRevision in [7, 16, 17] {
            let configuration = CardWorld.configuration(hashRevision: hashRevision, mapRevision: mapRevision)
            var quirks = CardWorld.quirks(configuration, .trustNode)
            (quirks.untaggedVLAN, quirks.hashOverlay, quirks.tosIsDSCP) = (0, .constant(5), true)
            var variants = configuration.variants
            variants.hashOverlay = .constant(5)
            Self.variants[variant].change(&variants, &quirks)
            var changed = configuration
            changed.variants = variants
            let card = try SimulatedCard(changed)
            let driver = try CardDriver(bus: SimulatedRegisterBus(card), profile: .trustNode, quirks: quirks)
            let tables = FlowCacheTables(driver: driver, ports: twelvePorts, store: MemoryShadowStore())
            var settings = CardSettings(enabledPorts: Set(0..<12))
            if mapRevision > 7 { settings.linkedPorts = settings.enabledPorts }
            _ = try tables.start(settings)
            let sets = tables.book.keys.keySets
            for keySet in sets {
                for _ in 0..<4 {
                    let megaflow = random(keySet, using: &generator)
                    guard tables.book.find(megaflow) == nil else { continue }
                    let output = PortID(Int.random(in: 5...7, using: &generator))
                    guard let ordinal = try? tables.book.place(megaflow, .forward(output)) else { continue }
                    #expect(tables.carryOut([.insert(ordinal)]) == [nil])
                    let audit = CardAudit(tables.book, ports: [0, 1, 2])
                    guard let probe = audit.probes.first(where: { $0.place.ordinal == ordinal }) else {
                        let why = audit.skipped.first { $0.place.ordinal == ordinal }?.why
                        #expect(why?.contains("another rule") == true, "\(keySet.name): \(megaflow)")
                        _ = tables.carryOut([.remove(ordinal)])
                        continue
                    }
                    let emissions = card.receive(probe.frame, port: probe.port)
                    #expect(
                        emissions == [.port(Int(output.rawValue) - 1, probe.frame)],
                        "\(Self.variants[variant].name), map \(mapRevision), key set \(hashRevision), \(probe.rule): \(card.lastVerdict)"
                    )
                    _ = tables.carryOut([.remove(ordinal)])
                    card.receive(probe.frame, port: probe.port)
                    #expect(card.lastVerdict.match == nil)
                }
            }
        }
    }

    private func random(_ keySet: OffloadKeySet, using generator: inout SeededGenerator) -> Megaflow {
        var megaflow = Megaflow()
        megaflow.ingressPort = PortID(Int.random(in: 1...3, using: &generator))
        megaflow.sourceMAC = MACAddress(
            rawValue: 0x0200_0000_0000 | UInt64.random(in: 1...0xff_ffff, using: &generator))
        megaflow.destinationMAC = MACAddress(
            rawValue: 0x0200_1000_0000 | UInt64.random(in: 1...0xff_ffff, using: &generator))
        megaflow.vlan = VLANID(rawValue: UInt16.random(in: 1...4093, using: &generator))
        megaflow.vlanPriority = UInt8.random(in: 0...7, using: &generator)
        megaflow.etherType = EtherType.ipv4
        if keySet.fields.isDisjoint(with: [.ipv4Source, .ipv4Destination, .ipProtocol, .destinationPort]) {
            megaflow.etherType = [0x0800, 0x86dd, 0x88b5, 0xc0de].randomElement(using: &generator)
        }
        megaflow.ipv4Source = IPv4Address(rawValue: UInt32.random(in: 0x0a00_0000...0x0aff_ffff, using: &generator))
        megaflow.ipv4Destination = IPv4Address(
            rawValue: UInt32.random(in: 0x0b00_0000...0xdfff_ffff, using: &generator))
        megaflow.ipProtocol = Bool.random(using: &generator) ? IPProtocol.udp : IPProtocol.tcp
        megaflow.dscp = UInt8.random(in: 0...63, using: &generator)
        megaflow.sourcePort = UInt16.random(in: 1 ... .max, using: &generator)
        megaflow.destinationPort = UInt16.random(in: 1 ... .max, using: &generator)
        var fields = keySet.fields
        if keySet.isMasked {
            for field in KeyField.allCases where Bool.random(using: &generator) { fields.remove(field.set) }
        }
        return megaflow.reduced(to: fields)
    }
}

@Suite("Whether writes arrived")
struct AccessCountTests {
    /// Adds an access of its own after so many, as transports do where they divide a batch.
    final class Dividing: RegisterBus {
        private let inner: any RegisterBus
        private let every: Int
        init(_ inner: any RegisterBus, every: Int) { (self.inner, self.every) = (inner, every) }
        var name: String { inner.name }
        func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
            for start in stride(from: 0, to: accesses.count, by: every) {
                var part = Array(accesses[start..<min(start + every, accesses.count)])
                try inner.transfer(&part)
                accesses.replaceSubrange(start..<min(start + every, accesses.count), with: part)
                _ = try inner.readWord(FlowEngineMap.revision7.common.addrMapRev.address)
            }
        }
    }

    @Test("batches are made as long as a transport carries them whole", arguments: [10, 11, 30, 64, 509, 2000])
    func lengths(every: Int) throws {
        let bus = Dividing(SimulatedRegisterBus(try SimulatedCard(CardWorld.configuration())), every: every)
        let map = FlowEngineMap.revision7
        let count = try #require(
            try AccessCount.calibrate(bus, count: map.bm.mmiAccesses.address, scratch: map.common.rwTest.address))
        #expect(count.batch == min(every - 2, AccessCount.longest))
    }

    @Test("a transport that divides every batch, or a card that does not count, is not relied upon")
    func useless() throws {
        let bus = Dividing(SimulatedRegisterBus(try SimulatedCard(CardWorld.configuration())), every: 4)
        let map = FlowEngineMap.revision7
        #expect(
            try AccessCount.calibrate(bus, count: map.bm.mmiAccesses.address, scratch: map.common.rwTest.address) == nil
        )
        #expect(
            try AccessCount.calibrate(bus, count: map.common.bitgenTime.address, scratch: map.common.rwTest.address)
                == nil)
    }

    @Test("a write that is lost is sent again; two in a row are an error that says how far it came")
    func lost() throws {
        let card = try SimulatedCard(CardWorld.configuration())
        let bus = Dividing(SimulatedRegisterBus(card), every: 12)
        let map = FlowEngineMap.revision7
        let count = try #require(
            try AccessCount.calibrate(bus, count: map.bm.mmiAccesses.address, scratch: map.common.rwTest.address))
        let writes = (1...30).map {
            RegisterAccess.write(map.action.address($0, word: 0), 0xffff_ff00 | UInt32($0) << 1 | 1)
        }
        card.faults = CardFaults([.init(.dropped, .access(card.accessCount + 18))])
        try count.transfer(writes, bus)
        for number in 1...30 { #expect(card.contents.actions[number]?.word == writes[number - 1].value) }
        // The second batch, and what is read while it may be late, and the batch again.
        card.faults = CardFaults([.init(.dropped, .addresses(writes[14].address...writes[14].address))])
        let error = #expect(throws: BusError.self) { try count.transfer(writes, bus) }
        #expect(error?.completed == 10)
    }
}
