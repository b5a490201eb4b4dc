// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Keys as the fast path stores and compares them: packet bytes as they stand in the header, read as
/// little-endian words (`fp_entry32`, `fp_entry64`).
enum KeyWords {
    /// The last word of a flow's key, `fp_flow_word`.
    @inline(__always)
    static func last(_ key: FlowKey) -> UInt64 {
        UInt64(key.sourcePort.byteSwapped) | UInt64(key.destinationPort.byteSwapped) << 16
            | UInt64(key.ipProtocol) << 32 | UInt64(key.routerInterface.rawValue) << 48
    }

    /// `fp_entry32.key[0]` of an IPv4 flow.
    @inline(__always)
    static func addresses4(_ key: FlowKey) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: key.source.low).byteSwapped)
            | UInt64(UInt32(truncatingIfNeeded: key.destination.low).byteSwapped) << 32
    }

    /// The flow a stored IPv4 key stands for.
    static func flow4(_ addresses: UInt64, _ last: UInt64) -> FlowKey {
        flow(
            last, source: .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses).byteSwapped)),
            destination: .v4(IPv4Address(rawValue: UInt32(addresses >> 32).byteSwapped)))
    }

    /// The flow a stored IPv6 key stands for.
    static func flow6(_ k0: UInt64, _ k1: UInt64, _ k2: UInt64, _ k3: UInt64, _ last: UInt64) -> FlowKey {
        flow(
            last, source: .v6(IPv6Address(high: k0.byteSwapped, low: k1.byteSwapped)),
            destination: .v6(IPv6Address(high: k2.byteSwapped, low: k3.byteSwapped)))
    }

    private static func flow(_ last: UInt64, source: IPAddress, destination: IPAddress) -> FlowKey {
        FlowKey(
            routerInterface: RouterInterfaceID(rawValue: UInt16(last >> 48)), source: source, destination: destination,
            ipProtocol: UInt8(truncatingIfNeeded: last >> 32), sourcePort: UInt16(truncatingIfNeeded: last).byteSwapped,
            destinationPort: UInt16(truncatingIfNeeded: last >> 16).byteSwapped)
    }

    /// `fp_entry32.key[0]` of a MAC entry.
    @inline(__always)
    static func mac(_ vlan: VLANID, _ mac: MACAddress) -> UInt64 { mac.rawValue | UInt64(vlan.rawValue) << 48 }
}
