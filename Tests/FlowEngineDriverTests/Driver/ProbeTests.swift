// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Testing

@Suite("Who answers on a bus")
struct ProbeTests {
    typealias CardError = FlowEngineDriver.CardError

    /// Answers some registers in a card's place.
    final class Answering: RegisterBus {
        private let inner: any RegisterBus
        private let answers: [RegisterAddress: UInt32]
        init(_ inner: any RegisterBus, _ answers: [RegisterAddress: UInt32]) {
            (self.inner, self.answers) = (inner, answers)
        }
        var name: String { inner.name }
        func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
            try inner.transfer(&accesses)
            for index in accesses.indices where accesses[index].kind == .read {
                if let answer = answers[accesses[index].address] { accesses[index].value = answer }
            }
        }
    }

    static let mapRevision = FlowEngineMap.revision7.common.addrMapRev.address

    func bus(_ profile: CardProfile, map: Int? = nil, hash: Int? = nil) throws -> SimulatedRegisterBus {
        SimulatedRegisterBus(try SimulatedCard(CardWorld.configuration(profile, hashRevision: hash, mapRevision: map)))
    }

    @Test("both boards, every map and every key set", arguments: [7, 16, 17], 1...12)
    func known(map: Int, hash: Int) throws {
        for profile in CardProfile.allCases {
            let driver = try CardDriver(bus: try bus(profile, map: map, hash: hash), profile: profile)
            #expect(driver.identity.mapRevision == map)
            #expect(driver.identity.hashRevision == hash && driver.identity.hashID == UInt32(hash))
            #expect(driver.identity.portCount == (profile == .trustNode ? 12 : 3))
            #expect(driver.identity.datapathCount == (profile == .trustNode ? 2 : 1))
            #expect(driver.identity.flowCache.exact && driver.identity.flowCache.masked)
            #expect((driver.identity.licence != nil) == (profile == .realTimeHAT && map > 7))
            #expect((driver.identity.sixTree != nil) == (map == 7))
            let keys = CardKeys(driver.identity, driver.quirks)
            #expect(keys.exact.isEmpty == (hash == 2))
        }
    }

    @Test("a map revision nobody knows is refused with its number and those that are known")
    func unknownMap() throws {
        let odd = Answering(try bus(.trustNode), [Self.mapRevision: 12])
        #expect(throws: CardError.unknownMapRevision(found: 12, known: [7, 16, 17])) {
            try CardDriver(bus: odd, profile: .trustNode)
        }
    }

    @Test("bit 31 of the map revision is a property of the host interface, not of the map")
    func bit31() throws {
        let odd = Answering(try bus(.trustNode), [Self.mapRevision: 7 | 1 << 31])
        let driver = try CardDriver(bus: odd, profile: .trustNode)
        #expect(driver.identity.mapRevision == 7 && driver.identity.hasTimestampFragments)
    }

    @Test("a key set nobody knows is refused with its number, unless the configuration says which it is")
    func unknownHash() throws {
        let odd = Answering(try bus(.trustNode), [FlowEngineMap.revision7.flowCache.hashID.address: 77])
        #expect(throws: CardError.unknownHashRevision(found: 77, known: Array(1...12))) {
            try CardDriver(bus: odd, profile: .trustNode)
        }
        let driver = try CardDriver(bus: odd, profile: .trustNode, hashRevision: 12)
        #expect(driver.identity.hashID == 77 && driver.identity.hashRevision == 12)
        let expected = "one of \((1...12).map { "\($0)" }.joined(separator: ", "))"
        #expect(throws: CardError.invalid(setting: "hash revision", value: "13", expected: expected)) {
            try CardDriver(bus: odd, profile: .trustNode, hashRevision: 13)
        }
    }

    @Test("a card that is not there is an error with its cause, not an identity")
    func absent() throws {
        let card = try SimulatedCard(CardWorld.configuration())
        card.powerOff()
        #expect(throws: CardError.self) { try CardDriver(bus: SimulatedRegisterBus(card), profile: .trustNode) }
    }

    @Test("tables that the bitstream lacks are not used")
    func features() throws {
        var configuration = CardWorld.configuration()
        configuration.features.remove(.maskedMatch)
        let card = try SimulatedCard(configuration)
        let driver = try CardDriver(bus: SimulatedRegisterBus(card), profile: .trustNode)
        #expect(!driver.identity.flowCache.masked)
        #expect(CardKeys(driver.identity, driver.quirks).masked == nil)
    }
}
