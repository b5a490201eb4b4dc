// SPDX-License-Identifier: Apache-2.0

/// What rules of the flow cache can ask of a frame.
public enum FrameField: Int, Hashable, Sendable, CaseIterable {
    // In the order of the bits of an EMA rule's TYPE (TNflowtable).
    case inPort, sourceMAC, destinationMAC, etherType, vlanID, vlanPriority
    case ipv4Source, ipv4Destination, ipProtocol, tos, sourcePort, destinationPort

    /// As in the layouts of table entries.
    public init?(layoutName: String) {
        guard let index = Self.layoutNames.firstIndex(of: layoutName) else { return nil }
        self.init(rawValue: index)
    }

    public var layoutName: String { Self.layoutNames[rawValue] }

    static let layoutNames = [
        "in_port", "mac_src", "mac_dst", "ethertype", "vlan_id", "vlan_prio", "ipv4_src", "ipv4_dst", "proto", "tos",
        "port_src", "port_dst",
    ]

    /// Word, lowest bit and width in a `FrameKey`.
    var place: (word: Int, shift: UInt64, width: UInt64) {
        switch self {
        case .destinationMAC: (0, 0, 48)
        case .etherType: (0, 48, 16)
        case .sourceMAC: (1, 0, 48)
        case .vlanPriority: (1, 48, 16)
        case .ipv4Destination: (2, 0, 32)
        case .ipv4Source: (2, 32, 32)
        case .destinationPort: (3, 0, 16)
        case .sourcePort: (3, 16, 16)
        case .ipProtocol: (3, 32, 8)
        case .tos: (3, 40, 8)
        case .vlanID: (3, 48, 12)
        case .inPort: (4, 0, 8)
        }
    }

    /// In word 4: the frame has the field.
    var presence: UInt64 { 1 << UInt64(16 + rawValue) }
}
