// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Packet
import Tables
import Testing

@Suite("Hash of the exact-match table")
struct HashTests {
    static let quirks = CardQuirks(profile: .trustNode)

    func slot(_ revision: Int, _ type: Int, _ values: [KeyField: UInt64], _ quirks: CardQuirks = Self.quirks) -> Int? {
        var key = KeyValues()
        for (field, value) in values { key[field] = value }
        return FlowEngineHash(hashRevision: revision, type: type, quirks)?.slot(key)
    }

    @Test("a MAC address is folded in four chunks of 14 bits")
    func mac() {
        // 0x02_00_00_00_00_01: bit 0 stays, bit 41 is bit 13 of the third chunk.
        #expect(slot(12, 2, [.destinationMAC: 0x0200_0000_0001]) == 1 ^ 1 << 13)
        #expect(slot(12, 2, [.destinationMAC: 1 << 14]) == 1)
        #expect(slot(12, 2, [.destinationMAC: 1 << 42]) == 1)
        #expect(slot(12, 2, [.destinationMAC: 0xffff_ffff_ffff]) == 0x3fff ^ 0x3fff ^ 0x3fff ^ 0x3f)
    }

    @Test("an IPv4 address is folded in three chunks")
    func ipv4() {
        let address: UInt64 = 0xc0a8_0101
        let folded = Int((address ^ address >> 14 ^ address >> 28) & 0x3fff)
        #expect(slot(11, 3, [.ingressPort: 3, .etherType: 0x0800, .ipv4Destination: address]) == folded ^ 3 ^ 0x0800)
    }

    @Test("an EtherType is split in two chunks where the sources split it, and cut to 14 bits elsewhere")
    func etherType() {
        #expect(slot(9, 4, [.etherType: 0x86dd, .ipProtocol: 0, .ipv4Destination: 0]) == 0x06dd ^ 2)
        #expect(slot(8, 2, [.etherType: 0x86dd]) == 0x06dd)
        #expect(slot(7, 1, [.etherType: 0x86dd, .ingressPort: 1]) == 0x06dd ^ 1)
        var quirks = Self.quirks
        quirks.etherTypeFold = .twoChunks
        #expect(slot(8, 2, [.etherType: 0x86dd], quirks) == 0x06dd ^ 2)
    }

    @Test("ports and priorities count with their lower 14 bits only")
    func short() {
        #expect(slot(7, 4, [.destinationPort: 0xc001]) == 1)
        #expect(slot(9, 2, [.vlanPriority: 7]) == 7)
    }

    @Test("VLAN and address are mixed by XOR, so that anybody can make them collide")
    func mixed() {
        let plain = slot(12, 3, [.destinationMAC: 0x0200_0000_0001, .vlan: 0])
        #expect(slot(12, 3, [.destinationMAC: 0x0200_0000_0001 ^ 10, .vlan: 10]) == plain)
        #expect(slot(12, 4, [.destinationMAC: 0x0200_0000_0001, .vlan: 0, .vlanPriority: 0]) == plain)
    }

    @Test("a type that mixes in bits nobody knows is not used until somebody says what they are")
    func overlay() {
        #expect(FlowEngineHash(hashRevision: 4, type: 4, Self.quirks) == nil)
        var quirks = Self.quirks
        quirks.hashOverlay = .constant(5)
        #expect(slot(4, 4, [.vlan: 1, .destinationMAC: 0, .vlanPriority: 2], quirks) == 1 ^ 2 ^ 5 << 11)
        quirks.hashOverlay = .vlanPriority
        #expect(slot(4, 4, [.vlan: 1, .destinationMAC: 0, .vlanPriority: 2], quirks) == 1 ^ 2 ^ 2 << 11)
    }

    @Test("every type with a key has a hash over the fields of its key", arguments: 1...12)
    func covers(revision: Int) {
        var quirks = Self.quirks
        quirks.hashOverlay = .constant(0)
        for type in keys(revision, quirks).exact {
            var key = KeyValues()
            for field in KeyField.allCases where type.layout.fields.contains(field.set) { key[field] = 0 }
            let zero = type.hash.slot(key)
            for field in KeyField.allCases where type.layout.fields.contains(field.set) {
                key[field] = 1
                #expect(type.hash.slot(key) != zero, "\(type.layout.name) of key set \(revision) leaves out \(field)")
                key[field] = 0
            }
        }
        #expect(keys(revision, quirks).exact.count == (revision == 2 ? 0 : revision == 1 ? 2 : 4))
    }
}
