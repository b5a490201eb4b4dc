// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// One of the ways a piece of hardware may read frames: bytes in, fields out, in its own words. Written without the proof it is
/// there to check.
public struct FrameReading: Sendable, Hashable {
    public var tagsRead: Int
    public var readsServiceTags: Bool
    public var knowsFragments: Bool

    public init(tagsRead: Int, readsServiceTags: Bool, knowsFragments: Bool) {
        (self.tagsRead, self.readsServiceTags) = (tagsRead, readsServiceTags)
        self.knowsFragments = knowsFragments
    }

    /// All that traits leave open.
    public static func all(_ traits: OffloadTraits) -> [FrameReading] {
        var readings: [FrameReading] = []
        for tags in traits.tagsRead.map({ $0...$0 }) ?? 0...2 {
            for service in traits.readsServiceTags ? [true] : [false, true] {
                for fragments in traits.knowsFragments ? [true] : [false, true] {
                    readings.append(
                        FrameReading(tagsRead: tags, readsServiceTags: service, knowsFragments: fragments))
                }
            }
        }
        return readings
    }

    private func isTag(_ type: UInt16) -> Bool {
        type == 0x8100 || (readsServiceTags && type == 0x88a8)
    }

    /// Where the EtherType is that hardware finds, and what; nil if the frame ends before it.
    private func type(of frame: [UInt8]) -> (offset: Int, value: UInt16)? {
        var offset = 12
        for _ in 0...tagsRead {
            guard let value = frame.word(offset) else { return nil }
            if !isTag(value) || offset == 12 + 4 * tagsRead { return (offset, value) }
            offset += 4
        }
        return nil
    }

    /// All the fields that hardware finds in a frame; those it may find anything in are left out.
    public func fields(of frame: [UInt8], port: PortID) -> Megaflow {
        var fields = Megaflow()
        fields.ingressPort = port
        guard let first = frame.word(12) else { return fields }
        func mac(_ offset: Int) -> MACAddress {
            MACAddress(rawValue: frame[offset..<offset + 6].reduce(0) { $0 << 8 | UInt64($1) })
        }
        (fields.destinationMAC, fields.sourceMAC) = (mac(0), mac(6))
        if isTag(first) {
            guard let tci = frame.word(14) else { return fields }
            fields.vlan = VLANID(rawValue: tci & 0xfff)
            fields.vlanPriority = UInt8(tci >> 13)
        } else {
            fields.vlan = .untagged
        }
        guard let type = type(of: frame) else { return fields }
        fields.etherType = type.value
        let l3 = type.offset + 2
        guard type.value == 0x0800, frame.count >= l3 + 20 else { return fields }
        fields.dscp = frame[l3 + 1] >> 2
        fields.ipProtocol = frame[l3 + 9]
        fields.ipv4Source = frame.ipv4(l3 + 12)
        fields.ipv4Destination = frame.ipv4(l3 + 16)
        let isFirst = (frame.word(l3 + 6) ?? 0) & 0x1fff == 0
        guard frame[l3] & 15 == 5, isFirst, frame[l3 + 9] == 6 || frame[l3 + 9] == 17 else { return fields }
        (fields.sourcePort, fields.destinationPort) = (frame.word(l3 + 20), frame.word(l3 + 22))
        return fields
    }

    /// Whether hardware that reads like this can take the frame for one of the megaflow's.
    public func agrees(_ frame: [UInt8], port: PortID, with megaflow: Megaflow) -> Bool {
        let found = fields(of: frame, port: port)
        func agree<Value: Equatable>(_ wanted: Value?, _ found: Value?) -> Bool {
            wanted == nil || found == nil || wanted == found
        }
        if megaflow.etherType != nil, type(of: frame) == nil { return false }
        if megaflow.ipv4Source != nil || megaflow.ipv4Destination != nil {
            guard type(of: frame)?.value == 0x0800 else { return false }
        }
        if megaflow.sourcePort != nil || megaflow.destinationPort != nil, knowsFragments,
            let type = type(of: frame), type.value == 0x0800, (frame.word(type.offset + 8) ?? 0) & 0x1fff != 0
        {
            return false
        }
        return agree(megaflow.ingressPort, found.ingressPort) && agree(megaflow.sourceMAC, found.sourceMAC)
            && agree(megaflow.destinationMAC, found.destinationMAC) && agree(megaflow.vlan, found.vlan)
            && agree(megaflow.vlanPriority, found.vlanPriority) && agree(megaflow.etherType, found.etherType)
            && agree(megaflow.ipv4Source, found.ipv4Source) && agree(megaflow.ipv4Destination, found.ipv4Destination)
            && agree(megaflow.ipProtocol, found.ipProtocol) && agree(megaflow.dscp, found.dscp)
            && agree(megaflow.sourcePort, found.sourcePort)
            && agree(megaflow.destinationPort, found.destinationPort)
    }
}

extension OffloadTraits {
    /// Whether a frame can match a rule at all.
    public func mayMatch(_ frame: [UInt8]) -> Bool {
        if let minimumFrame, frame.count < minimumFrame { return false }
        if let maximumFrame, frame.count > maximumFrame { return false }
        // One that ends before its EtherType has nothing that could be told.
        guard let ethernet = PacketFields(ethernetOf: frame.span.bytes) else { return true }
        if skipsInvalidSource, ethernet.sourceMAC.isMulticast || ethernet.sourceMAC.rawValue == 0 { return false }
        if skipsReservedMulticast, ethernet.destinationMAC.isReservedMulticast { return false }
        if skipsPriorityTags, ethernet.tagCount > 0, ethernet.outerVID == .untagged,
            readsServiceTags || frame.word(12) == 0x8100
        {
            return false
        }
        let fields: PacketFields
        do throws(MalformedFrame) { fields = try PacketFields(parsing: frame.span.bytes) } catch {
            return !skipsMalformed
        }
        guard let ip = fields.ip, !ip.isIPv6 else { return true }
        return !(skipsFragments && ip.fragment != .none) && !(skipsOptions && ip.hasIPv4Options)
    }
}

extension [UInt8] {
    fileprivate func word(_ offset: Int) -> UInt16? {
        offset + 2 <= count ? UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) : nil
    }

    fileprivate func ipv4(_ offset: Int) -> IPv4Address {
        IPv4Address(rawValue: self[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) })
    }
}
