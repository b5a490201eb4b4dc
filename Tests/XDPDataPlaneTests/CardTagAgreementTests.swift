// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import FlowEngineRegisters
import TestSupport
import Testing

@testable import FlowEngineSimulator
@testable import XDPDataPlane

/// The simulated card has its tags from the same public lists and shares no code with `card_tag.h`: what one writes the other reads.
@Suite("The simulated card and the programs understand each other's tags")
struct CardTagAgreementTests {
    private static let addresses = GoldenTag.bytes("020000000001 020000000101")

    private func frame(_ random: inout TestSupport.SeededGenerator) -> [UInt8] {
        let payload = (0..<Int.random(in: 46...1500, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
        }
        return Self.addresses + [0x08, 0x00] + payload
    }

    @Test("golden bytes are the simulated card's, both ways", arguments: CardTagVersion.allCases)
    func golden(version: CardTagVersion) throws {
        let card = CPUTag(version: Int(version.rawValue))
        #expect(card.length == version.bytes)
        let rest = [UInt8](repeating: 7, count: 60)
        let fromCard = GoldenTag.bytes(try #require(GoldenTag.fromCard[version]))
        let reason = try #require(GoldenTag.reason[version].flatMap { ReasonCode(rawValue: $0) })
        let upstream = CPUTag.Upstream(
            ingress: 1, egress: 2, reason: reason, bridgeTime: 0x1122_3344, receiveTime: 0x1122_3300,
            controlledTime: 0x0102_0304_0506_0708)
        #expect(card.insert(upstream, into: Self.addresses + rest) == Self.addresses + fromCard + rest)
        let toCard = GoldenTag.bytes(try #require(GoldenTag.toCard[version]))
        let (said, left) = try #require(card.remove(from: Self.addresses + toCard + rest))
        #expect(said.egress == 1 && said.queue == 5 && said.transmitTime == nil && said.confirmation == 0x1234)
        #expect(left == Self.addresses + rest)
    }

    @Test(
        "any tag the simulated card makes is read as it was meant, and any tag made for it likewise",
        arguments: CardTagVersion.allCases)
    func anything(version: CardTagVersion) throws {
        let card = CPUTag(version: Int(version.rawValue))
        var random = TestSupport.SeededGenerator(seed: UInt64(version.rawValue))
        let reasons = (0..<UInt8(32)).compactMap { ReasonCode(rawValue: $0) }
        #expect(reasons.count >= 24)
        for _ in 0..<2000 {
            let bare = frame(&random)
            let upstream = CPUTag.Upstream(
                ingress: Int.random(in: 0...Int(version.largestPort), using: &random),
                egress: Int.random(in: 0...Int(version.largestPort), using: &random),
                reason: try #require(reasons.randomElement(using: &random)), isBad: Bool.random(using: &random),
                bridgeTime: UInt32.random(in: 0 ... .max, using: &random),
                receiveTime: UInt32.random(in: 0 ... .max, using: &random), controlledTime: random.next())
            var said = card_tag_received()
            card_tag_read(Array(card.insert(upstream, into: bare)[12...]), version.rawValue, &said)
            let mask: UInt8 = version == .four ? 31 : 7
            #expect(Int(said.ingress) == upstream.ingress && Int(said.egress) == upstream.egress)
            #expect(said.reason == upstream.reason.rawValue & mask && (said.bad == 1) == upstream.isBad)
            #expect(said.bridge_time == upstream.bridgeTime && said.receive_time == upstream.receiveTime)
            #expect(said.controlled_time == (version.bytes == 24 ? upstream.controlledTime : 0))

            var say = card_tag_sent()
            say.transmit_time = UInt32.random(in: 0 ... .max, using: &random)
            say.confirmation = UInt32.random(in: 0...65535, using: &random)
            say.egress = UInt8.random(in: 0...version.largestPort, using: &random)
            say.queue = UInt8.random(in: 0...(version == .four ? 63 : 7), using: &random)
            var tag = [UInt8](repeating: 0xee, count: version.bytes)
            card_tag_write(&tag, version.rawValue, &say)
            let (read, left) = try #require(card.remove(from: Array(bare[..<12]) + tag + Array(bare[12...])))
            #expect(left == bare && read.egress == Int(say.egress) && read.queue == Int(say.queue))
            let time = say.transmit_time == UInt32(CARD_TRANSMIT_ANY_TIME) ? nil : say.transmit_time
            #expect(read.transmitTime == time && UInt32(read.confirmation) == say.confirmation)
        }
    }

    @Test("reasons have the simulated card's numbers")
    func reasons() {
        for code in 0..<UInt8(32) {
            #expect((ReasonCode(rawValue: code) != nil) == (card_reason_name(UInt32(code)) != nil), "\(code)")
        }
    }

    /// The simulated card as it comes up, with what matches no rule going to the CPU.
    private struct Simulated: CardBehavior {
        let card: SimulatedCard

        init() throws {
            card = try SimulatedCard(CardConfiguration(profile: .realTimeHAT))
            let bus = SimulatedRegisterBus(card)
            // NET ENABLE; FEATURES_FLOWCACHE, default to processor.
            try bus.writeWord(RegisterAddress(rawValue: 0x40_0010), 7)
            try bus.writeWord(RegisterAddress(rawValue: 0x508), 0x10)
        }

        func fromPort(_ place: Int, _ frame: [UInt8]) -> [[UInt8]] {
            card.receive(frame, port: place == 0 ? 0 : 2).compactMap { emission in
                if case .cpu(_, let frame) = emission { frame } else { nil }
            }
        }

        func fromCPU(_ frame: [UInt8]) -> [(place: Int, frame: [UInt8])] {
            card.receiveFromCPU(frame).compactMap { emission in
                if case .port(let port, let frame) = emission { (port == 0 ? 0 : 1, frame) } else { nil }
            }
        }
    }

    @Test("the node forwards between the ports of the simulated card, and loses nothing", .enabled(if: kernelTestsRun))
    func live() throws {
        let simulated = try Simulated()
        try CardBench.run(behavior: simulated) { bench in
            let port = try CardPort(bench.configuration)
            try bench.address()
            let xdp = try bench.fastPath()
            try bench.attach(xdp)
            for address in ["10.0.2.2", "fd00:2::2", "10.0.1.1", "fd00:1::1"] {
                let (lost, report) = try bench.ping(address, count: 100)
                #expect(lost == 0, "\(report) \(simulated.card.lastVerdict)")
            }
            let counts = try port.counts()
            func packets(_ what: CardCount.What) -> UInt64 {
                counts.filter { $0.what == what }.reduce(0) { $0 + $1.counter.packets }
            }
            #expect(packets(.counter(.received)) >= 600 && packets(.counter(.sent)) >= 600)
            let refused = counts.filter {
                if case .counter(let counter) = $0.what {
                    ![.received, .sent, .padded].contains(counter)
                } else {
                    false
                }
            }
            #expect(refused == [])
            xdp.detachAll()
            try port.release()
        }
    }
}
