// SPDX-License-Identifier: Apache-2.0

/// What becomes of a packet. Raw values are `enum fp_disposition` of the fast path.
public enum Disposition: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Leaves by a port, or by all ports of a VLAN.
    case forward = 0
    case drop = 1
    /// Continues, unchanged, in the kernel's stack.
    case kernel = 2
    /// Handed to the controller and consumed.
    case cpu = 3
}

/// Why: the table or rule that decided. One list for drops, punts and forwards, the same in every back end;
/// raw values and names are `FP_REASONS` of `fastpath_abi.h`, where each is explained.
public enum Reason: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case none = 0
    case flowCache, acl, route, mac, flood, port, local
    case ethernetTruncated = 8
    case vlanTruncated, ipv4Truncated, ipv4Version, ipv4HeaderLength, ipv4TotalLength, ipv4Checksum
    case ipv6Truncated, ipv6Version, ipv6PayloadLength, ipv6Extension, l4Truncated
    case vlanIngress = 20
    case vlanEgress, sourceMAC, samePort, unknownUnicast, broadcast, multicast, reservedMulticast
    case notMyStation = 28
    case notIP, vlanDepth, noRoute, ipOptions, fragment, hopByHop, specialAddress, ttlExpired, mtuExceeded
    case neighborUnresolved, egressPortDown, unknownPort, multiBuffer, `internal`

    /// The name users see and scripts match, as in the fast path: `ipv4_checksum`.
    public var name: String { Self.names[Int(rawValue)] }

    public init?(name: String) {
        guard let index = Self.names.firstIndex(of: name), let reason = Reason(rawValue: UInt8(index)) else {
            return nil
        }
        self = reason
    }

    private static let names = [
        "none", "flow_cache", "acl", "route", "mac", "flood", "port", "local", "ethernet_truncated", "vlan_truncated",
        "ipv4_truncated", "ipv4_version", "ipv4_header_length", "ipv4_total_length", "ipv4_checksum", "ipv6_truncated",
        "ipv6_version", "ipv6_payload_length", "ipv6_extension", "l4_truncated", "vlan_ingress", "vlan_egress",
        "source_mac", "same_port", "unknown_unicast", "broadcast", "multicast", "reserved_multicast", "not_my_station",
        "not_ip", "vlan_depth", "no_route", "ip_options", "fragment", "hop_by_hop", "special_address", "ttl_expired",
        "mtu_exceeded", "neighbor_unresolved", "egress_port_down", "unknown_port", "multi_buffer", "internal",
    ]
}
