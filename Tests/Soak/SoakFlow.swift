// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport

/// One of the established flows: UDP from host 1 to host 2, IPv4 and IPv6 in turn, half of it to host 2 itself and half to what is
/// behind it. One in five is a static entry of the flow cache, the rest is learned.
public struct SoakFlow: Hashable, Sendable {
    public let number: Int

    public init(_ number: Int) { self.number = number }

    static let destinationPort: UInt16 = 5000
    private static let sources = 16
    private var place: Int { number / 2 }

    var isIPv6: Bool { number % 2 == 1 }
    var isStatic: Bool { number % 10 < 2 }
    var sourcePort: UInt16 { UInt16(10_000 + place / Self.sources) }

    var source: IPAddress {
        let last = place % Self.sources
        return isIPv6
            ? .v6(IPv6Address(high: 0xfd00_0001_0000_0000, low: UInt64(0x100 + last)))
            : .v4(IPv4Address(rawValue: 0x0a00_0100 + UInt32(16 + last)))
    }

    var destination: IPAddress {
        let isBehind = place % 4 >= 2
        let last = place % 200 + 1
        if isIPv6 {
            return isBehind
                ? .v6(IPv6Address(high: SoakRoutes.behind6, low: UInt64(last)))
                : .v6(IPv6Address(high: 0xfd00_0002_0000_0000, low: 2))
        }
        return .v4(IPv4Address(rawValue: isBehind ? SoakRoutes.behind4 + UInt32(last) : 0x0a00_0202))
    }

    func key(arrivingAt interface: RouterInterfaceID) -> FlowKey {
        FlowKey(
            routerInterface: interface, source: source, destination: destination, ipProtocol: IPProtocol.udp,
            sourcePort: sourcePort, destinationPort: Self.destinationPort)
    }
}

extension SoakFlow: CustomStringConvertible {
    public var description: String {
        "flow \(number) (\(source) port \(sourcePort) to \(destination), \(isStatic ? "static" : "learned"))"
    }
}

/// Networks behind host 2, for which the node has routes by it.
enum SoakRoutes {
    /// 198.51.100.0/24
    static let behind4: UInt32 = 0xc633_6400
    /// 2001:db8:51::/64
    static let behind6: UInt64 = 0x2001_0db8_0051_0000
    static let prefix4 = "198.51.100.0/24"
    static let prefix6 = "2001:db8:51::/64"
}
