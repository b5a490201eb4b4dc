// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Testing

@Suite("Registers")
struct RegisterTests {
    static func cause(_ body: () throws -> Void) -> BusError.Cause? {
        do {
            try body()
            return nil
        } catch { return (error as? BusError)?.cause }
    }

    static let revisions = [7, 16, 17]

    @Test("every register of a map answers as its access mode says", arguments: revisions)
    func modes(_ revision: Int) throws {
        for profile in CardConfiguration.Profile.allCases {
            let card = try SimulatedCard(CardConfiguration(profile: profile, mapRevision: revision))
            let bus = SimulatedRegisterBus(card)
            let map = try #require(FlowEngineMap.revision(revision))
            var answered = 0
            for description in map.registers {
                for index in Set([0, description.count - 1]) {
                    let address = description.address + index * description.stride
                    // Resets, and blocks this board does not have.
                    guard !["SYS_RESET", "RESET"].contains(description.name) else { continue }
                    let read = Self.cause { _ = try bus.readWord(address) }
                    if read == .timedOut { continue }
                    answered += 1
                    let readable = description.mode.canRead
                    #expect((read == nil) == readable, "\(profile) read of \(description.block) \(description.name)")
                    let written = Self.cause { try bus.writeWord(address, 0) }
                    #expect(
                        (written == nil) == description.mode.canWrite,
                        "\(profile) write to \(description.block) \(description.name)")
                }
            }
            #expect(answered > 250)
        }
    }

    @Test("words of RW registers read back; those of RO do not change")
    func readBack() throws {
        let bench = try CardTrial.trustNode()
        let scratch = bench.map.common.rwTest.address
        try bench.bus.writeWord(scratch, 0xdead_beef)
        #expect(try bench.bus.readWord(scratch) == 0xdead_beef)
        let revision = bench.map.common.addrMapRev.address
        #expect(
            Self.cause { try bench.bus.writeWord(revision, 1) } == .refused(status: 2, meaning: ["write access error"]))
        #expect(try bench.bus.readWord(revision) == 7)
    }

    @Test("the build tells what it is", arguments: revisions)
    func identity(_ revision: Int) throws {
        let card = try SimulatedCard(
            CardConfiguration(profile: .trustNode, mapRevision: revision, hashRevision: 11))
        let bus = SimulatedRegisterBus(card)
        let map = try #require(FlowEngineMap.revision(revision))
        #expect(try bus.read(map.common.addrMapRev).rawValue == UInt32(revision))
        #expect(try bus.readWord(map.flowCache.hashID.address) == 11)
        #expect(try bus.readWord(map.common.featuresFlowcache.address) == 0xf)
        #expect(try bus.readWord(map.common.paramPrtCnt.address) == 12)
        #expect(try bus.readWord(map.common.paramDPCnt.address) == 2)
        #expect(try bus.readWord(map.common.bitgenTime.address) != 0)
    }

    @Test("a read of a table is an access error that MMI_STATUS tells of once")
    func writeOnly() throws {
        let bench = try CardTrial.trustNode()
        _ = try bench.bus.take(bench.map.bm.mmiStatus)
        let address = bench.map.emhRule.address(3, word: 2)
        #expect(
            Self.cause { _ = try bench.bus.readWord(address) } == .refused(status: 1, meaning: ["read access error"]))
        #expect(try bench.bus.readWord(bench.map.bm.mmiAccessErrAddr.address) == address.rawValue)
        // The refused read, the read of the address, and the read of the status itself.
        #expect(try bench.bus.readWord(bench.map.bm.mmiStatus.address) == 1 | 1 << 4 | 3 << 16)
        #expect(try bench.bus.readWord(bench.map.bm.mmiStatus.address) == 1 << 16)
    }

    @Test("where there is no block, accesses time out")
    func timeouts() throws {
        let bench = try CardTrial.trustNode()
        let address = RegisterAddress(rawValue: 0x70_0000)
        #expect(Self.cause { _ = try bench.bus.readWord(address) } == .timedOut)
        #expect(Self.cause { try bench.bus.writeWord(address + 4, 1) } == .timedOut)
        #expect(try bench.bus.readWord(bench.map.bm.mmiToAddr.address) == 0x70_0000)
        #expect(try bench.bus.readWord(bench.map.bm.mmiToWrAddr.address) == 0x70_0004)
        #expect(try bench.bus.readWord(bench.map.bm.mmiStatus.address) & 0xf == 0b1100)
    }

    @Test("an access error stops a batch and says how far it came")
    func batch() throws {
        let bench = try CardTrial.trustNode()
        let scratch = bench.map.common.rwTest.address
        var batch: [RegisterAccess] = [
            .write(scratch, 5), .read(scratch), .write(bench.map.common.addrMapRev.address, 1), .write(scratch, 6),
        ]
        do {
            try bench.bus.transfer(&batch)
            Issue.record("not refused")
        } catch {
            #expect(error.completed == 2 && error.access == batch[2])
        }
        #expect(batch[1].value == 5)
        #expect(try bench.bus.readWord(scratch) == 5)
        #expect(Self.cause { _ = try bench.bus.readWord(RegisterAddress(rawValue: 2)) } != nil)
    }

    struct Absent: Sendable, CustomTestStringConvertible {
        let name: String
        let feature: CardConfiguration.Features
        let address: @Sendable (FlowEngineMap) -> RegisterAddress
        var testDescription: String { name }
    }

    static let absent: [Absent] = [
        Absent(name: "flow cache", feature: .flowCache) { $0.flowCache.enable.address },
        Absent(name: "hash table", feature: .exactMatch) { $0.emhHash.base },
        Absent(name: "EMH rules", feature: .exactMatch) { $0.emhRule.base },
        Absent(name: "collision table", feature: .linearSearch) { $0.collision.base },
        Absent(name: "EMA rules", feature: .maskedMatch) { $0.emaRule.base },
        Absent(name: "TCAM", feature: .maskedMatch) { $0.emaTCAM.base },
        Absent(name: "overwrite", feature: .txRouter) { $0.overwrite[0].base },
        Absent(name: "Ethernet switch", feature: .ethernetSwitch) { $0.ethernetSwitch[0].common.address },
        Absent(name: "TAS", feature: .timeAwareShaper) { $0.tas[0].gateEnable.address },
        Absent(name: "traffic manager", feature: .trafficManager) { $0.trafficManager.resourceLimit.base },
    ]

    @Test("a block the build lacks times out, and its feature bit is off", arguments: absent)
    func lacking(_ absent: Absent) throws {
        let bench = try CardTrial.trustNode { $0.features.remove(absent.feature) }
        #expect(Self.cause { try bench.bus.writeWord(absent.address(bench.map), 0) } == .timedOut)
        let cache = try bench.bus.readWord(bench.map.common.featuresFlowcache.address)
        let expected: [CardConfiguration.Features: UInt32] = [
            .flowCache: 0x10, .exactMatch: 0x1d, .linearSearch: 0x1b, .maskedMatch: 0x17,
        ]
        #expect(cache == expected[absent.feature] ?? 0x1f)
    }

    @Test("what the licence does not cover takes its words and does not decide")
    func licence() throws {
        let bench = try CardTrial.trustNode { $0.licensed.remove(.linearSearch) }
        try bench.action(1, toPort: 4)
        try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        #expect(bench.card.contents.collisions.count == 1)
        #expect(bench.send(TestFrame.udp(to: 2)) == [100])
        let hat = try CardTrial.hat { $0.licensed = [.flowCache, .exactMatch] }
        let local = try #require(hat.map.spiLocal)
        #expect(try hat.bus.readWord(local.license.address) == 0b11 << 8)
    }

    @Test("only FEATURES_FLOWCACHE b4 can be written")
    func features() throws {
        let bench = try CardTrial.trustNode()
        let address = bench.map.common.featuresFlowcache.address
        try bench.bus.writeWord(address, 0)
        #expect(try bench.bus.readWord(address) == 0xf)
        try bench.bus.writeWord(address, 0xffff_fff0)
        #expect(try bench.bus.readWord(address) == 0x1f)
    }

    @Test("local registers belong to the HAT alone, and not to PCIe")
    func local() throws {
        let hat = try CardTrial.hat()
        let local = try #require(hat.map.spiLocal)
        #expect(try hat.bus.readWord(local.fpgaRev.address) >> 16 & 0xff == 16)
        let trustNode = try CardTrial.trustNode(mapRevision: 17)
        let same = try #require(trustNode.map.spiLocal)
        #expect(Self.cause { _ = try trustNode.bus.readWord(same.fpgaRev.address) } != nil)
    }

    @Test("temperature and alarms: °C by the formula, over-temperature latched until it is read")
    func temperature() throws {
        let hat = try CardTrial.hat()
        let local = try #require(hat.map.spiLocal)
        let raw = Double(try hat.bus.readWord(hat.map.common.fpgaTemp.address))
        #expect(abs(raw * 504 / 4096 - 273 - 45) < 0.2)
        #expect(try hat.bus.readWord(local.fpgaAlarm.address) == 0)
        hat.card.temperature = 120
        hat.card.temperature = 40
        #expect(try hat.bus.readWord(local.intStatus.address) & 1 == 1)
        #expect(try hat.bus.readWord(local.fpgaAlarm.address) == 0b11)
        #expect(try hat.bus.readWord(local.fpgaAlarm.address) == 0)
        hat.card.raise([.vccInt])
        #expect(try hat.bus.readWord(local.fpgaAlarm.address) == 0b10001)
        hat.card.raiseConfigurationError(1)
        #expect(try hat.bus.readWord(local.configCheck.address) == 1)
    }

    @Test("interrupts: enabled and disabled by ones, pending are those raised and enabled")
    func interrupts() throws {
        let hat = try CardTrial.hat()
        let local = try #require(hat.map.spiLocal)
        try hat.bus.writeWord(local.intStatus.address, .max)
        try hat.bus.writeWord(local.intClrEn.address, .max)
        try hat.bus.writeWord(local.intSetEn.address, 0x1c01)
        #expect(try hat.bus.readWord(local.intClrEn.address) == 0x1c01)
        hat.card.raise([.vccAux])
        #expect(try hat.bus.readWord(local.intPending.address) == 1)
        try hat.bus.writeWord(local.intClrEn.address, 1)
        #expect(try hat.bus.readWord(local.intPending.address) == 0)
        #expect(try hat.bus.readWord(local.intStatus.address) & 1 == 1)
    }

    @Test(
        "a held reset stops the bus and frames; released, registers and tables are as after power-up, or tables as before"
    )
    func reset() throws {
        for (reading, rules) in [(CardVariants.TablesAtReset.cleared, 0), (.kept, 1)] {
            let hat = try CardTrial.hat { $0.variants.tablesAtReset = reading }
            let local = try #require(hat.map.spiLocal)
            try hat.collision(0, type: 3, action: 1, ["mac_dst": 0x0200_0000_0002])
            try hat.bus.writeWord(hat.map.common.rwTest.address, 77)
            try hat.bus.writeWord(local.reset.address, 3)
            #expect(Self.cause { _ = try hat.bus.readWord(hat.map.common.rwTest.address) } == .timedOut)
            #expect(hat.send(TestFrame.udp()).isEmpty)
            try hat.bus.writeWord(local.reset.address, 0)
            #expect(try hat.bus.readWord(hat.map.common.rwTest.address) == 0)
            #expect(hat.card.contents.collisions.count == rules)
            #expect(hat.send(TestFrame.udp()).isEmpty)
            #expect(hat.card.lastVerdict.reason == .portDisabled)
        }
    }

    @Test("clocks: reading the lower part samples both; rate and offset move the controlled one")
    func clocks() throws {
        let bench = try CardTrial.trustNode()
        let rtc = bench.map.rtc
        func times() throws -> (UInt64, UInt64) {
            let low = try bench.bus.readWord(rtc.bridgeLow.address)
            bench.card.advance(nanoseconds: 1000)
            let high = try bench.bus.readWord(rtc.bridgeHigh.address)
            let controlled = try (
                bench.bus.readWord(rtc.ctrldLow.address), bench.bus.readWord(rtc.ctrldHigh.address)
            )
            return (UInt64(high) << 32 | UInt64(low), UInt64(controlled.1) << 32 | UInt64(controlled.0))
        }
        bench.card.advance(nanoseconds: 5_000_000_000)
        #expect(try times() == (5_000_000_000, 5_000_000_000))
        try bench.bus.writeWord(rtc.ctrldRate.address, 0x0600_0000)
        bench.card.advance(nanoseconds: 999_000)
        #expect(try times() == (5_001_000_000, 5_000_001_000 + 999_000 / 5 * 6))
        try bench.bus.writeWord(rtc.ctrldOffsetLow.address, 7)
        let before = try times()
        try bench.bus.writeWord(rtc.ctrldOffsetHigh.address, 1)
        let after = try times()
        #expect(after.1 - before.1 == (1 << 32) + 7 + 1200)
    }

    @Test("PHY registers are reached through MDIO, which is busy for a while")
    func mdio() throws {
        let bench = try CardTrial.trustNode()
        try bench.bus.writeWord(bench.map.mdio.write.address, 1 << 26 | 16 << 21 | 4 << 16 | 0xabcd)
        #expect(try bench.bus.readWord(bench.map.mdio.read.address) >> 31 == 1)
        try bench.bus.writeWord(bench.map.mdio.write.address, 16 << 21 | 4 << 16)
        #expect(try bench.bus.readWord(bench.map.mdio.read.address) >> 31 == 1)
        #expect(try bench.bus.readWord(bench.map.mdio.read.address) == 0xabcd)
    }

    @Test("unknown revisions are refused by number")
    func unknown() {
        #expect(throws: SimulatedCardError.unknownMapRevision(8)) {
            try SimulatedCard(CardConfiguration(profile: .trustNode, mapRevision: 8))
        }
        #expect(throws: SimulatedCardError.unknownHashRevision(13)) {
            try SimulatedCard(CardConfiguration(profile: .trustNode, hashRevision: 13))
        }
    }
}
