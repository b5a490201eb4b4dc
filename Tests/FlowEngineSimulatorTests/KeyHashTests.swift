// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Testing

@testable import FlowEngineSimulator

/// Every value here was worked out by hand from the public description: chunks of 14 bits, lowest first, joined by XOR.
@Suite("Folds of keys")
struct KeyHashTests {
    // One value for each field, and its folds:
    //   in_port 0x0b
    //   mac_src 0x0200000012ab = chunks 0x12ab, 0x0000, 0x0000, 0x0000 of 14 bits; bits 41 (0x0200 << 32) in chunk 2: 0x2000
    //   mac_dst 0x0a0b0c0d0e0f: below
    static let key: FrameKey = {
        var key = FrameKey()
        key[.inPort] = 0x0b
        key[.sourceMAC] = 0x0200_0000_12ab
        key[.destinationMAC] = 0x0a0b_0c0d_0e0f
        key[.etherType] = 0xc800
        key[.vlanID] = 0xabc
        key[.vlanPriority] = 5
        key[.ipv4Source] = 0x0a01_0203
        key[.ipv4Destination] = 0xc0a8_0105
        key[.ipProtocol] = 17
        key[.sourcePort] = 0x1234
        key[.destinationPort] = 0xf035
        return key
    }()

    // 0x0200000012ab: bits 13:0 0x12ab; 27:14 0; 41:28 0x2000 (bit 41); 47:42 0     → 0x32ab
    static let macSource = 0x32ab
    // 0x0a0b0c0d0e0f: 13:0 0x0e0f; 27:14 0x3034; 41:28 0x20b0; 47:42 0x02 → 0x0e0f^0x3034=0x3e3b ^0x20b0=0x1e8b ^2=0x1e89
    static let macDestination = 0x1e89
    // 0x0a010203: 13:0 0x0203; 27:14 0x2804; 31:28 0 → 0x2a07
    static let ipv4Source = 0x2a07
    // 0xc0a80105: 13:0 0x0105; 27:14 0x02a0; 31:28 0xc → 0x03a9
    static let ipv4Destination = 0x03a9
    // 0xc800: 13:0 0x0800; 15:14 3
    static let etherTypeWhole = 0x0803
    static let etherTypeLow = 0x0800
    // 0xf035: lower 14 bits
    static let destinationPort = 0x3035
    static let sourcePort = 0x1234
    static let (inPort, vlan, priority, proto) = (0x0b, 0xabc, 5, 17)

    struct Expected: Sendable, CustomTestStringConvertible {
        let revision: Int
        let type: Int
        let slot: Int
        var testDescription: String { "revision \(revision), type \(type)" }
        init(_ revision: Int, _ type: Int, _ slot: Int) {
            (self.revision, self.type, self.slot) = (revision, type, slot)
        }
    }

    static let service = destinationPort ^ ipv4Destination ^ proto ^ etherTypeWhole

    static let table: [Expected] =
        [
            Expected(1, 1, macSource ^ macDestination ^ vlan ^ etherTypeWhole),
            Expected(1, 2, ipv4Source ^ ipv4Destination ^ proto ^ sourcePort ^ destinationPort),
            Expected(2, 1, proto ^ ipv4Source ^ ipv4Destination ^ macDestination ^ etherTypeWhole),
            Expected(2, 2, proto ^ ipv4Destination ^ destinationPort ^ macDestination ^ etherTypeWhole),
            Expected(2, 3, ipv4Source ^ ipv4Destination ^ macDestination),
            Expected(2, 4, macDestination),
            Expected(5, 4, inPort ^ etherTypeLow), Expected(6, 1, destinationPort),
            Expected(6, 4, inPort ^ etherTypeLow),
            Expected(7, 1, inPort ^ etherTypeLow), Expected(7, 4, destinationPort), Expected(8, 2, etherTypeLow),
            Expected(8, 4, destinationPort), Expected(9, 4, service), Expected(10, 3, macDestination),
            Expected(10, 4, service), Expected(11, 1, inPort ^ vlan), Expected(11, 2, inPort ^ macDestination),
            Expected(11, 3, inPort ^ etherTypeWhole ^ ipv4Destination),
            Expected(11, 4, inPort ^ etherTypeWhole ^ ipv4Destination ^ destinationPort), Expected(12, 1, vlan),
            Expected(12, 2, macDestination), Expected(12, 3, macDestination ^ vlan),
            Expected(12, 4, macDestination ^ vlan ^ priority),
        ] + [3, 4, 5, 8, 9, 10].map { Expected($0, 1, inPort) }
        + [3, 4, 5, 6, 7, 9, 10].map { Expected($0, 2, priority) }
        + [3, 4, 5, 6, 7, 8, 9].map { Expected($0, 3, vlan ^ macDestination) }
        + [3, 4].map { Expected($0, 4, vlan ^ macDestination ^ priority) }

    func hash(_ revision: Int, _ type: Int, _ change: (inout CardVariants) -> Void = { _ in }) throws -> Int {
        var configuration = CardConfiguration(profile: .trustNode, hashRevision: revision)
        configuration.variants.keysOfRevision2 = .inHashOrder
        change(&configuration.variants)
        let layout = try #require(KeySets.layouts(configuration)[type])
        let format = try #require(RuleFormat(layout))
        return KeyHash(
            hashRevision: revision, type: type, fields: format.key.map(\.field), variants: configuration.variants
        ).slot(of: Self.key)
    }

    @Test("a key falls into the slot worked out by hand", arguments: table)
    func folds(_ expected: Expected) throws { #expect(try hash(expected.revision, expected.type) == expected.slot) }

    @Test("every type of every revision is in the table")
    func complete() {
        let types = FlowCacheLayouts.hashRevisions.flatMap { revision in
            (1...4).compactMap {
                FlowCacheLayouts.hashedFields(hashRevision: revision, type: $0) == nil ? nil : [revision, $0]
            }
        }
        #expect(Set(types) == Set(Self.table.map { [$0.revision, $0.type] }))
    }

    @Test("the overlay of revisions 2 and 4 goes to bits 13:11 of type 4 only", arguments: [2, 4])
    func overlay(_ revision: Int) throws {
        let plain = try hash(revision, 4)
        #expect(try hash(revision, 4) { $0.hashOverlay = .constant(6) } == plain ^ 6 << 11)
        #expect(try hash(revision, 4) { $0.hashOverlay = .vlanPriority } == plain ^ 5 << 11)
        #expect(try hash(revision, 3) { $0.hashOverlay = .constant(6) } == hash(revision, 3))
    }

    @Test("the EtherType's upper bits count only where it is folded whole")
    func etherType() throws {
        #expect(try hash(8, 2) { $0.etherTypeFold = .twoChunks } == Self.etherTypeWhole)
        #expect(try hash(9, 4) { $0.etherTypeFold = .low14 } == Self.service ^ 3)
    }

    @Test("the TCAM key joins folds of the public widths")
    func tcam() {
        // in_port 0x0b at 1; mac_src 0x02^0x12^0xab = 0xbb at 6; mac_dst 0a^0b^0c^0d^0e^0f = 0x01 at 14;
        // EtherType c^8 = 4 at 22; VLAN low nibble c at 26; priority 5 at 30; 0a^01^02^03 = 0x0a at 33;
        // c0^a8^01^05 = 0x6c at 41; protocol 1^1 = 0 at 49; TOS 0 at 53; 1^2^3^4 = 4 at 56; f^0^3^5 = 9 at 60.
        var expected: UInt64 = 0x0b << 1 | 0xbb << 6 | 0x01 << 14 | 4 << 22 | 0xc << 26
        expected |= 5 << 30 | 0x0a << 33 | 0x6c << 41 | 4 << 56 | 9 << 60
        #expect(TCAMKey.fold(Self.key, .pcp) == expected)
    }

    @Test("a key set that is not public has no rules that match, unless its order is assumed")
    func revision2() throws {
        let unknown = CardConfiguration(profile: .trustNode, hashRevision: 2)
        #expect(KeySets.layouts(unknown).isEmpty)
        var assumed = unknown
        assumed.variants.keysOfRevision2 = .inHashOrder
        let layout = try #require(KeySets.layouts(assumed)[2])
        #expect(layout["proto"]?.lowestBit == 40)
        #expect(layout["ethertype"]?.lowestBit == 40 + 8 + 32 + 16 + 48)
    }
}
