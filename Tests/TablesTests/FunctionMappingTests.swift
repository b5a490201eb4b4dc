// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@Suite("What stands for a function where hardware matches no IPv6 address")
struct FunctionMappingTests {
    @Test("a name's number is the first 64 bits of its SHA-256")
    func id() {
        // printf 'acme/resize@1.2' | sha256sum
        let golden = ["acme/resize@1.2": 0x5491_df32_d6c0_bb08 as UInt64, "a/b@c": 0xfdd1_1077_ff89_f6bf]
        for (name, number) in golden { #expect(FunctionID(name: name)?.rawValue == number, "\(name)") }
        for name in ["", "a", "a/b", "b@c", "/b@c", "a/@c", "a/b@", "a/b@c@d", "a/b/c@d", "a@b/c@d", "a@b/c"] {
            #expect(FunctionID(name: name) == nil, "\(name)")
        }
        #expect(FunctionID(name: "acme/größe@1") != nil)
    }

    @Test("block, id and argument are the address, bit by bit, and come back from it")
    func address() {
        let function = FunctionID(rawValue: 0x0123_4567_89ab_cdef)
        let mapping = FunctionMapping(block: 0xfd00_00f1, function: function, argument: 0xdead_beef)
        #expect(mapping.address == IPv6Address("fd00:f1:123:4567:89ab:cdef:dead:beef"))
        #expect(mapping.prefix == IPPrefix("fd00:f1:123:4567:89ab:cdef::/96"))
        #expect(mapping.prefix.contains(.v6(mapping.address)))
        var random = SeededGenerator(seed: 9)
        for _ in 0..<1000 {
            let address = IPv6Address(high: random.next(), low: random.next())
            #expect(FunctionMapping(address).address == address)
        }
    }

    @Test(
        "the MAC address is 02 and the id's first 40 bits: locally administered, unicast, the same for every block and argument"
    )
    func mac() {
        let function = FunctionID(rawValue: 0x0123_4567_89ab_cdef)
        #expect(function.mac == MACAddress("02:01:23:45:67:89"))
        var random = SeededGenerator(seed: 10)
        for _ in 0..<1000 {
            let function = FunctionID(rawValue: random.next())
            #expect(function.mac.rawValue >> 40 == 0x02 && !function.mac.isMulticast)
            let one = FunctionMapping(block: 1, function: function)
            let other = FunctionMapping(block: 2, function: function, argument: 7)
            #expect(one.megaflow(vlan: nil) == other.megaflow(vlan: nil))
        }
    }

    @Test("functions that share an address are found, all of them")
    func shared() {
        let names = (0..<2000).compactMap { FunctionID(name: "acme/f\($0)@1") }
        #expect(Set(names).count == 2000 && FunctionID.sharedAddresses(of: names).isEmpty)
        let twin = FunctionID(rawValue: names[7].rawValue ^ 1)
        let third = FunctionID(rawValue: names[7].rawValue ^ 0xff_ffff)
        let near = FunctionID(rawValue: names[8].rawValue ^ 0x100_0000)
        #expect(
            FunctionID.sharedAddresses(of: names + [twin, third, near, names[7]])
                == [names[7].mac: [names[7], twin, third]])
    }

    @Test("its megaflow has just the fields of a key: a VLAN and a port only where they are asked for")
    func megaflow() {
        let mapping = FunctionMapping(block: 0xfd00_00f1, function: FunctionID(rawValue: 0x0123_4567_89ab_cdef))
        let vlan = VLANID(rawValue: 100)
        #expect(mapping.megaflow(vlan: vlan).fields == [.vlan, .destinationMAC])
        #expect(
            mapping.megaflow(vlan: vlan).vlan == vlan
                && mapping.megaflow(vlan: vlan).destinationMAC == mapping.function.mac)
        #expect(mapping.megaflow(vlan: nil).fields == [.destinationMAC])
        #expect(
            mapping.megaflow(vlan: nil, ingressPort: PortID(rawValue: 3)).fields == [.ingressPort, .destinationMAC])
        let emh = OffloadKeySet(name: "emh type 3", fields: [.vlan, .destinationMAC], isMasked: false)
        #expect(
            emh.expresses(mapping.megaflow(vlan: vlan).fields) && !emh.expresses(mapping.megaflow(vlan: nil).fields))
    }

    @Test("a block that begins with AF is a place in a 6Tree, nibble by nibble; another is in none")
    func tree() throws {
        let function = FunctionID(rawValue: 0x89ab_cdef_0123_4567)
        #expect(FunctionMapping(block: 0xfd12_3456, function: function).treePath == nil)
        let path = try #require(FunctionMapping(block: 0xaf12_3456, function: function).treePath)
        #expect((0..<TreePath.levels).map(path.port) == [1, 2, 3, 4, 5, 6, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf])
        #expect(path.rawValue == 0x12_3456_89ab_cdef)
        #expect(path.prefix(level: 0) == IPPrefix("af00::/8") && path.prefix(level: 1) == IPPrefix("af10::/12"))
        #expect(path.prefix(level: 6) == IPPrefix("af12:3456::/32"))
        #expect(path.prefix(level: 14) == IPPrefix("af12:3456:89ab:cdef::/64"))
    }
}
