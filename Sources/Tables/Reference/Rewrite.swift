// SPDX-License-Identifier: Apache-2.0
import Packet

/// How a frame is changed on its way out.
enum Rewrite {
    /// Section 4, next hop: tags, addresses, time to live and its checksum. The frame has at most one tag.
    static func routed(_ frame: RawSpan, _ fields: PacketFields, by nextHop: ResolvedNextHop) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(frame.byteCount + HeaderLength.vlanTag)
        output.append(nextHop.destination)
        output.append(nextHop.source)
        if nextHop.vlan != .untagged {
            output.append(bigEndian: EtherType.vlan)
            output.append(bigEndian: nextHop.vlan.rawValue)
        }
        output.append(bigEndian: fields.etherType)
        let l3 = output.count
        output.append(bytesOf: frame, from: fields.l3Offset)
        if fields.ip?.isIPv6 == true {
            output[l3 + 7] -= 1
        } else {
            let packet = frame.extracting(fields.l3Offset..<frame.byteCount)
            let old = packet.uint16(at: 8)
            let new = old - 0x100
            output.store(bigEndian: new, at: l3 + 8)
            output.store(bigEndian: Checksum.updated(packet.uint16(at: 10), from: old, to: new), at: l3 + 10)
        }
        return output
    }

    /// Section 5, tags: the frame with the VLAN's tag. Priority and TPID of a tag that is there stay.
    static func tagged(_ frame: RawSpan, _ fields: PacketFields, vlan: VLANID) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(frame.byteCount + HeaderLength.vlanTag)
        output.append(bytesOf: frame, from: 0, to: 12)
        if fields.tagCount == 0 {
            output.append(bigEndian: EtherType.vlan)
            output.append(bigEndian: vlan.rawValue)
            output.append(bytesOf: frame, from: 12)
        } else {
            output.append(bytesOf: frame, from: 12, to: 14)
            output.append(bigEndian: fields.outerVID == .untagged ? fields.outerTCI | vlan.rawValue : fields.outerTCI)
            output.append(bytesOf: frame, from: 16)
        }
        return output
    }

    /// The frame without its outer tag, if it has one.
    static func untagged(_ frame: RawSpan, _ fields: PacketFields) -> [UInt8] {
        guard fields.tagCount > 0 else { return frame.copied() }
        var output: [UInt8] = []
        output.reserveCapacity(frame.byteCount)
        output.append(bytesOf: frame, from: 0, to: 12)
        output.append(bytesOf: frame, from: 16)
        return output
    }
}

extension [UInt8] {
    fileprivate mutating func append(bytesOf span: RawSpan, from start: Int, to end: Int? = nil) {
        span.extracting(start..<(end ?? span.byteCount)).withUnsafeBytes { append(contentsOf: $0) }
    }
}
