// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Packet

/// Header fields that the card writes over before a frame leaves. An entry is written to every datapath. It cannot count down a
/// TTL, so no routed flow is offloaded by it; for tools.
public struct OverwriteEntry: Hashable, Sendable {
    public var destinationMAC: MACAddress?
    public var sourceMAC: MACAddress?
    public var destinationAddress: IPv4Address?
    public var sourceAddress: IPv4Address?
    public var destinationPort: UInt16?
    public var sourcePort: UInt16?

    public init() {}

    private var values: [(name: String, value: UInt64?)] {
        [
            ("mac_dst", destinationMAC?.rawValue), ("mac_src", sourceMAC?.rawValue),
            ("ipv4_dst", destinationAddress.map { UInt64($0.rawValue) }),
            ("ipv4_src", sourceAddress.map { UInt64($0.rawValue) }),
            ("port_dst", destinationPort.map { UInt64($0) }), ("port_src", sourcePort.map { UInt64($0) }),
        ]
    }

    /// Fields that are not written over are zero, with their valid bit zero.
    public var words: EntryWords {
        let layout = FlowCacheLayouts.overwrite
        var entry = EntryWords(count: layout.words)
        for (name, value) in values {
            guard let value, let field = layout[name], let valid = layout["\(name)_valid"] else { continue }
            entry.set(field, to: value)
            entry.set(valid, to: 1)
        }
        return entry
    }
}
