// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Testing

@testable import XDPDataPlane

/// Tags as bytes, written by hand from the public field lists.
enum GoldenTag {
    /// From the card: port 1 to port 2, bridge clock 0x11223344, arrived at 0x11223300.
    static let fromCard: [CardTagVersion: String] = [
        // Ingress 5 bits 00001, egress 5 bits 00010, reason 5 bits 11100 (28), bad 0; controlled clock; reserved.
        .four: "813e 08b8 11223344 11223300 0102030405060708 00000000",
        // Ingress 6 bits 000001, egress 6 bits 000010, reason 3 bits 110 (6), bad 0.
        .three: "813e 042c 11223344 11223300 0102030405060708 00000000",
        // Assumed: as 3, cut short.
        .two: "813e 042c 11223344 11223300 00000000",
        .one: "813e 042c 11223344 11223300 00000000",
    ]
    static let reason: [CardTagVersion: UInt8] = [.four: 28, .three: 6, .two: 6, .one: 6]

    /// To the card: egress 1, queue 5, at any time, confirmation 0x1234.
    static let toCard: [CardTagVersion: String] = [
        // Ingress 11111, egress 00001, queue 000101.
        .four: "813e f845 ffffffff 00001234 00000000 0000000000000000",
        // Ingress 111111, egress 000001, queue 101, 0.
        .three: "813e fc1a ffffffff 00001234 00000000 0000000000000000",
        .two: "813e fc1a ffffffff 00001234 00000000",
        .one: "813e fc1a ffffffff 00001234 00000000",
    ]
    /// Version 4 where the queue has five bits: 00101, then a delay flag.
    static let toCardWithDelayFlag = "813e f84a ffffffff 00001234 00000000 0000000000000000"

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

@Suite("The tag of a card's CPU port")
struct CardTagTests {
    @Test("a tag from the card is read field by field", arguments: CardTagVersion.allCases)
    func reading(version: CardTagVersion) throws {
        let tag = try GoldenTag.bytes(#require(GoldenTag.fromCard[version]))
        #expect(tag.count == version.bytes)
        var said = card_tag_received()
        card_tag_read(tag, version.rawValue, &said)
        #expect(said.ingress == 1 && said.egress == 2 && said.bad == 0 && said.reason == GoldenTag.reason[version])
        #expect(said.bridge_time == 0x1122_3344 && said.receive_time == 0x1122_3300)
        #expect(said.controlled_time == (version.bytes == 24 ? 0x0102_0304_0506_0708 : 0))
        var bad = tag
        bad[3] |= 1
        card_tag_read(bad, version.rawValue, &said)
        #expect(said.bad == 1 && said.ingress == 1 && said.reason == GoldenTag.reason[version])
    }

    @Test("a tag to the card is written field by field", arguments: CardTagVersion.allCases)
    func writing(version: CardTagVersion) throws {
        var say = card_tag_sent(
            transmit_time: UInt32(CARD_TRANSMIT_ANY_TIME), confirmation: 0x1234, egress: 1, queue: 5, delay_flag: 0,
            pad: 0)
        var tag = [UInt8](repeating: 0xee, count: version.bytes + 2)
        card_tag_write(&tag, version.rawValue, &say)
        let golden = GoldenTag.bytes(try #require(GoldenTag.toCard[version]))
        #expect(tag == golden + [0xee, 0xee])
        guard version == .four else { return }
        say.delay_flag = 1
        card_tag_write(&tag, version.rawValue, &say)
        #expect(tag.dropLast(2) == GoldenTag.bytes(GoldenTag.toCardWithDelayFlag)[...])
    }

    @Test(
        "fields keep to their bits: the largest port and queue fill them and no more",
        arguments: CardTagVersion.allCases)
    func widths(version: CardTagVersion) {
        var say = card_tag_sent(transmit_time: 0, confirmation: 0, egress: 0xff, queue: 0xff, delay_flag: 0, pad: 0)
        var tag = [UInt8](repeating: 0, count: version.bytes)
        card_tag_write(&tag, version.rawValue, &say)
        // In version 3 the last bit is nobody's.
        #expect(Array(tag[2..<4]) == (version == .four ? [0xff, 0xff] : [0xff, 0xfe]))
        var said = card_tag_received()
        card_tag_read([0, 0] + [UInt8](repeating: 0xff, count: version.bytes), version.rawValue, &said)
        #expect(said.ingress == version.largestPort && said.egress == version.largestPort && said.bad == 1)
        #expect(said.reason == (version == .four ? 31 : 7))
        say.egress = version.largestPort
        card_tag_write(&tag, version.rawValue, &say)
        #expect(tag[2] == 0xff)
    }

    @Test("a version that there is not has no bytes, and the others those that are public")
    func lengths() {
        #expect(CardTagVersion.allCases.map(\.bytes) == [16, 16, 24, 24])
        #expect(card_tag_bytes(0) == 0 && card_tag_bytes(5) == 0)
        #expect(CardTagVersion.allCases.map(\.largestPort) == [63, 63, 63, 31])
    }

    @Test("a frame's arrival is on the controlled clock, also when the bridge clock's 32 bits have wrapped")
    func arrival() {
        var said = card_tag_received(
            controlled_time: 1_000_000, bridge_time: 500, receive_time: 200, ingress: 0, egress: 0, reason: 0, bad: 0)
        #expect(card_arrival(&said) == 999_700)
        said.bridge_time = 100
        said.receive_time = UInt32.max - 99
        #expect(card_arrival(&said) == 999_800)
    }

    @Test("counters and reasons have the same numbers and names in C and in Swift")
    func names() {
        #expect(CardCounter.allCases.count == Int(CARD_COUNTER_COUNT))
        let names = CardCounter.allCases.map(\.name)
        #expect(names.first == "received" && names.last == "send_failed" && Set(names).count == names.count)
        for counter in CardCounter.allCases {
            let camel = counter.name.split(separator: "_").enumerated()
                .map {
                    $0.offset == 0 ? String($0.element) : $0.element.prefix(1).uppercased() + $0.element.dropFirst()
                }
            #expect("\(counter)" == camel.joined())
        }
        #expect(card_counter_name(UInt32(CARD_COUNTER_COUNT)) == nil)
        #expect(
            CardReason(rawValue: 28).description == "proc_fc_rule"
                && CardReason(rawValue: 4).description == "reserved_4")
        #expect(CardReason(rawValue: 17).description == "mac_not_dsa_tagged")
        #expect((0..<32).filter { card_reason_name($0) == nil } == [4, 5, 20, 21, 22, 23, 24, 25])
        #expect(UInt32(CARD_COUNTER_COUNT) <= UInt32(CARD_COUNTER_REASON))
        #expect(card_counter_slot(UInt32(CARD_NO_PORT), UInt32(CARD_COUNTER_SLOTS) - 1) == 33 * 64 - 1)
    }
}

@Suite("What can be wrong with the configuration of a CPU port")
struct CardPortConfigurationTests {
    private func text(_ ports: [CardLogicalPort], _ version: CardTagVersion = .four) -> String {
        do throws(CardPortError) {
            try CardPortConfiguration(interface: "eth0", version: version, ports: ports).check()
            return "right"
        } catch { return error.description }
    }

    @Test("numbers that the tag has no room for, numbers and names given twice, and names that cannot be")
    func mistakes() {
        let right = CardLogicalPort(name: "rt0", egress: 0, ingress: [0])
        #expect(text([right]) == "right")
        #expect(text([]) == "a card's CPU port needs at least one port")
        #expect(
            text([right, .init(name: "rt2", egress: 32, ingress: [1])])
                == "port rt2: egress cannot be 32; the tag has room for 0 to 31")
        #expect(
            text([right, .init(name: "rt2", egress: 1, ingress: [31])])
                == "port rt2: ingress cannot be 31; the tag has room for 0 to 30")
        #expect(text([right, .init(name: "rt2", egress: 1, ingress: [62])], .three) == "right")
        #expect(
            text([right, .init(name: "rt2", egress: 0, ingress: [1])])
                == "egress 0 is given to ports rt0 and rt2: the tag could not tell them apart")
        #expect(
            text([right, .init(name: "rt2", egress: 1, ingress: [0, 1])])
                == "ingress 0 is given to ports rt0 and rt2: the tag could not tell them apart")
        #expect(text([right, .init(name: "rt0", egress: 1, ingress: [1])]).hasSuffix("it is given twice"))
        #expect(text([.init(name: "eth0", egress: 1, ingress: [1])]).hasSuffix("it is given twice"))
        #expect(text([.init(name: "twelve-bytes", egress: 1, ingress: [1])]).contains("\"twelve-bytes-cpu\""))
    }

    @Test("a port's frames fit the CPU port with their tag, or it says what would be right")
    func mtus() throws {
        var configuration = CardPortConfiguration(
            interface: "eth0", version: .four,
            ports: [
                .init(name: "rt0", egress: 0, ingress: [0]), .init(name: "rt2", egress: 1, ingress: [1], mtu: 1400),
            ])
        #expect(try configuration.mtus(available: 1500) == ["rt0": 1476, "rt2": 1400])
        configuration.ports[1].mtu = 1500
        #expect(try configuration.mtus(available: 1524) == ["rt0": 1500, "rt2": 1500])
        do {
            _ = try configuration.mtus(available: 1500)
            Issue.record("1500 and a tag do not fit 1500")
        } catch {
            #expect(
                error.description
                    == "MTU 1500 of port rt2 does not fit: its frames cross eth0, whose MTU is 1500, with a tag of 24 bytes; "
                    + "at most 1476 is right, or raise that of eth0 to 1524")
        }
        configuration.version = .two
        #expect(try configuration.mtus(available: 1516) == ["rt0": 1500, "rt2": 1500])
        #expect(throws: CardPortError.self) { try configuration.mtus(available: 80) }
    }
}
