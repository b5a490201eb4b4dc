// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Packet
import Tables
import TestSupport
import Testing

@Suite("Words of rules, actions and TCAM entries")
struct RuleWordsTests {
    static let quirks = CardQuirks(profile: .trustNode)

    @Test(
        "the vendor's example for use case 1 comes out word by word",
        arguments: [
            (vlan: 1, priority: 0, action: 1, queue: 0, words: [0x0001_ff09, 0x0000_0100] as [UInt32]),
            (1, 3, 1, 3, [0x0031_ff09, 0x0030_0100]),
            (1, 4, 1, 4, [0x0041_ff09, 0x0040_0100]),
            (1, 7, 2, 7, [0x0072_ff09, 0x0070_0100]),
        ])
    func vendorEntries(vlan: UInt64, priority: UInt64, action: Int, queue: Int, words: [UInt32]) throws {
        let layout = try #require(RuleLayout(name: "emh type 4", type: 4, FlowCacheLayouts.emhRuleUseCase1))
        var key = KeyValues()
        (key[.vlan], key[.vlanPriority]) = (vlan, priority)
        let entry = try layout.encode(
            key, action: ActionID(index: action, queue: queue, .sixteenActions), priority: 0xff,
            CardQuirks(profile: .realTimeHAT))
        #expect(entry == EntryWords(words + Array(repeating: 0, count: 7)))
    }

    @Test("the vendor's example of actions comes out")
    func vendorActions() throws {
        let quirks = CardQuirks(profile: .realTimeHAT)
        #expect(try CardAction.output(2).word(quirks) == 0x11)
        #expect(try CardAction.output(0).word(quirks) == 0x01)
        #expect(throws: OffloadRefusal.self) { try CardAction.drop.word(quirks) }
    }

    @Test("actions as the vendor's header file has them")
    func headerActions() throws {
        let quirks = CardQuirks(profile: .trustNode)
        #expect(try CardAction.output(5).word(quirks) == 0xffff_ff0b)
        #expect(try CardAction.drop.word(quirks) == 0xffff_ff40)
        #expect(CardAction(word: 0xffff_ff0b, quirks) == .output(5))
        #expect(CardAction(word: 0xffff_ff40, quirks) == .drop)
        #expect(CardAction(word: 0, quirks) == nil)
    }

    @Test("a hash entry points at its rule and has ones behind")
    func hashWord() {
        #expect(HashWord.pointing(to: 17) == 0xffff_fe11)
        #expect(HashWord.rule(0xffff_fe11) == 17)
        #expect(HashWord.rule(HashWord.empty) == nil)
    }

    @Test("type 3 of key set 12: destination from bit 40, VLAN from bit 88")
    func type3() throws {
        let layout = try #require(keys(12).exact.first { $0.layout.type == 3 }?.layout)
        var key = KeyValues()
        (key[.destinationMAC], key[.vlan]) = (0x0200_0000_0001, 0xabc)
        let entry = try layout.encode(
            key, action: ActionID(rawValue: 0x0001_23), priority: 7, Self.quirks)
        #expect(
            entry.words == [
                0x0123_0700 | 3 << 1 | 1, 0x0000_0100, 0xbc02_0000 & 0xff00_0000 | 0x0002_0000, 0x0a, 0, 0, 0, 0, 0,
            ])
    }

    @Test("what is encoded is decoded, for every type of every key set", arguments: 1...12)
    func roundTrip(revision: Int) throws {
        var quirks = CardQuirks(profile: .trustNode)
        quirks.hashOverlay = .constant(3)
        var generator = SeededGenerator(seed: UInt64(revision))
        for layout in keys(revision, quirks).exact.map(\.layout) + [try #require(keys(revision).masked)] {
            for bitmap in CardQuirks.TypeBitmap.allCases {
                quirks.emaType = bitmap
                var key = KeyValues()
                let masked = layout.type == 0
                for field in KeyField.allCases where layout.fields.contains(field.set) {
                    if masked, Bool.random(using: &generator) { continue }
                    key[field] = UInt64.random(in: 0 ... .max, using: &generator) & mask(field)
                }
                let action = ActionID(rawValue: UInt32.random(in: 0 ... .max, using: &generator))
                let entry = try layout.encode(key, action: action, priority: 200, quirks)
                let back = try #require(layout.decode(entry, quirks))
                #expect(back.key.fields == key.fields)
                #expect(back.action == action && back.priority == 200)
                for field in KeyField.allCases { #expect(back.key[field] == key[field]) }
                var invalid = entry
                invalid[0] &= ~1
                #expect(layout.decode(invalid, quirks) == nil)
            }
        }
    }

    private func mask(_ field: KeyField) -> UInt64 {
        switch field {
        case .ingressPort: 31
        case .sourceMAC, .destinationMAC: 0xffff_ffff_ffff
        case .vlan: 0xfff
        case .vlanPriority: 7
        case .etherType, .sourcePort, .destinationPort: 0xffff
        case .ipv4Source, .ipv4Destination: 0xffff_ffff
        case .ipProtocol: 0xff
        case .dscp: 63
        }
    }

    @Test("a value that a key cannot hold is refused with its name")
    func tooWide() throws {
        var key = KeyValues()
        (key[.destinationMAC], key[.vlan]) = (1, 4096)
        let layout = try #require(keys(12).exact.first { $0.layout.type == 3 }?.layout)
        #expect(
            throws: OffloadRefusal.value(
                field: "vlan_id", value: "4096", expected: "at most 4095 in emh type 3")
        ) { try layout.encode(key, action: ActionID(rawValue: 1), priority: 1, Self.quirks) }
    }

    @Test("the polarity of a masked rule's TYPE: the tool's is the complement of the comment's")
    func polarity() throws {
        let layout = try #require(keys(12).masked)
        var key = KeyValues()
        key[.vlan] = 5
        var other = Self.quirks
        other.emaType = .setIfCompared
        let open = try layout.encode(key, action: ActionID(rawValue: 0), priority: 0, Self.quirks)
        let compared = try layout.encode(key, action: ActionID(rawValue: 0), priority: 0, other)
        #expect(open.value(lowestBit: 1, width: 12) == 0xfff & ~(1 << 4))
        #expect(compared.value(lowestBit: 1, width: 12) == 1 << 4)
    }

    @Test("a TCAM key folds each field to its width, and of a VLAN id only the low nibble counts")
    func folds() {
        var key = KeyValues()
        #expect(TCAMKey(key, Self.quirks) == TCAMKey(data: 0, mask: 1))
        key[.vlan] = 0xab5
        // 1 used, 5 port, 8 + 8 addresses, 4 EtherType: the VLAN begins at bit 26.
        #expect(TCAMKey(key, Self.quirks) == TCAMKey(data: 5 << 26, mask: 0xf << 26 | 1))
        key = KeyValues()
        key[.destinationMAC] = 0x0200_0000_0001
        #expect(TCAMKey(key, Self.quirks) == TCAMKey(data: (2 ^ 1) << 14, mask: 0xff << 14 | 1))
        key = KeyValues()
        key[.etherType] = 0x86dd
        #expect(TCAMKey(key, Self.quirks) == TCAMKey(data: (8 ^ 6 ^ 0xd ^ 0xd) << 22, mask: 0xf << 22 | 1))
        key = KeyValues()
        (key[.destinationPort], key[.dscp]) = (0x1234, 0b101_110)
        #expect(TCAMKey(key, Self.quirks).data == (1 ^ 2 ^ 3 ^ 4) << 60 | (0b101 ^ 0b110) << 53)
        #expect(
            TCAMKey(key, Self.quirks).words.words == [
                0, UInt32(truncatingIfNeeded: TCAMKey(key, Self.quirks).data >> 32), 1,
                UInt32(truncatingIfNeeded: TCAMKey(key, Self.quirks).mask >> 32),
            ])
    }

    @Test("an overwrite entry says which fields it holds")
    func overwrite() {
        var entry = OverwriteEntry()
        entry.destinationMAC = MACAddress(rawValue: 0x0200_0000_0001)
        entry.sourcePort = 0xabcd
        #expect(entry.words.words == [0b100001, 0, 1, 0x0200, 0, 0, 0, 0xabcd_0000])
    }
}
