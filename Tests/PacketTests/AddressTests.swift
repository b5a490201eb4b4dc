// SPDX-License-Identifier: Apache-2.0
import Packet
import Testing

@Suite("Addresses as text")
struct AddressTests {
    @Test(
        "an IPv6 address has one text form, that of RFC 5952",
        arguments: [
            ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
            ("2001:DB8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("0:0:0:0:0:0:0:0", "::"), ("0:0:0:0:0:0:0:1", "::1"), ("fe80::", "fe80::"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("0:0:0:0:0:ffff:c000:201", "::ffff:192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ])
    func canonicalForm(text: String, canonical: String) throws {
        let address = try #require(IPv6Address(text))
        #expect(address.description == canonical)
        #expect(IPv6Address(canonical) == address)
    }

    @Test(
        "what is not exactly an IPv6 address is refused",
        arguments: [
            "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "1::2::3", "12345::", "g::",
            "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1%eth0", " ::1", "::1 ", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5",
            "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "fe80::/10", "::+1", "::-1",
        ])
    func strictIPv6(text: String) { #expect(IPv6Address(text) == nil) }

    @Test(
        "what is not exactly an IPv4 address is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.", "1..2.3", "1.2.3.4 ", "0x1.2.3.4",
        ])
    func strictIPv4(text: String) { #expect(IPv4Address(text) == nil) }

    @Test("an IPv4 address is printed as it is read", arguments: ["0.0.0.0", "255.255.255.255", "192.0.2.10"])
    func ipv4(text: String) throws { #expect(try #require(IPv4Address(text)).description == text) }

    @Test("an Ethernet address is six groups of two digits")
    func mac() throws {
        let address = try #require(MACAddress("02:00:5E:10:00:ff"))
        #expect(address.rawValue == 0x0200_5e10_00ff)
        #expect(address.description == "02:00:5e:10:00:ff")
        for wrong in [
            "", "02:00:5e:10:00", "02:00:5e:10:00:ff:", "2:0:5e:10:0:ff", "02-00-5e-10-00-ff", "02:00:5e:10:00:fg",
        ] {
            #expect(MACAddress(wrong) == nil, "\(wrong)")
        }
    }

    @Test("a prefix has one name: bits behind it are refused, not cleared")
    func prefixText() throws {
        #expect(try #require(IPPrefix("192.0.2.0/24")).description == "192.0.2.0/24")
        #expect(try #require(IPPrefix("2001:db8::1")).length == 128)
        for wrong in [
            "192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129", "2001:db8::1/64", "192.0.2.0/", "/8", "10.0.0.0/08",
        ] {
            #expect(IPPrefix(wrong) == nil, "\(wrong)")
        }
    }

    @Test("a prefix contains an address if and only if clearing the address's lower bits gives the prefix")
    func contains() throws {
        var state: UInt64 = 1
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
        for length in 0...128 {
            let base = IPAddress.v6(IPv6Address(high: random(), low: random()))
            let prefix = try #require(IPPrefix(base, length: length))
            #expect(prefix.contains(base))
            for bit in 0..<128 {
                guard case .v6(let v6) = base else { continue }
                let other = IPAddress.v6(
                    bit < 64
                        ? IPv6Address(high: v6.high ^ 1 << (63 - UInt64(bit)), low: v6.low)
                        : IPv6Address(high: v6.high, low: v6.low ^ 1 << (127 - UInt64(bit))))
                #expect(prefix.contains(other) == (bit >= length))
            }
            #expect(!prefix.contains(.v4(IPv4Address(rawValue: 0))))
        }
        #expect(try #require(IPPrefix("0.0.0.0/0")).contains(.v4(IPv4Address(rawValue: ~0))))
        #expect(try #require(IPPrefix("10.0.0.0/8")).contains(try #require(IPPrefix("10.1.0.0/16"))))
        #expect(!(try #require(IPPrefix("10.1.0.0/16")).contains(try #require(IPPrefix("10.0.0.0/8")))))
    }
}
