// SPDX-License-Identifier: Apache-2.0

/// EtherTypes the node knows (IEEE 802 numbers registry).
public enum EtherType {
    public static let ipv4: UInt16 = 0x0800
    public static let arp: UInt16 = 0x0806
    /// IEEE 802.1Q C-tag.
    public static let vlan: UInt16 = 0x8100
    public static let ipv6: UInt16 = 0x86dd
    /// IEEE 802.1Q S-tag (802.1ad).
    public static let serviceVLAN: UInt16 = 0x88a8

    /// Whether it announces a VLAN tag.
    public static func isTag(_ type: UInt16) -> Bool { type == vlan || type == serviceVLAN }
}

/// IP protocol numbers the node knows (IANA).
public enum IPProtocol {
    public static let hopByHop: UInt8 = 0
    public static let icmp: UInt8 = 1
    public static let tcp: UInt8 = 6
    public static let udp: UInt8 = 17
    public static let routing: UInt8 = 43
    public static let fragment: UInt8 = 44
    public static let authentication: UInt8 = 51
    public static let icmpv6: UInt8 = 58
    public static let noNextHeader: UInt8 = 59
    public static let destinationOptions: UInt8 = 60
}

/// Lengths of headers, bytes.
public enum HeaderLength {
    public static let ethernet = 14
    public static let vlanTag = 4
    public static let ipv4 = 20
    public static let ipv6 = 40
    public static let tcp = 20
    public static let udp = 8
    public static let icmp = 4
}
