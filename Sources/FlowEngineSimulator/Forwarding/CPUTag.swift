// SPDX-License-Identifier: Apache-2.0
import Packet

/// The tag of frames between the HAT and its host: behind the source address, EtherType 0x813E, big-endian.
/// Versions 3 and 4 are in public (InnoRoute/linux, `tag_innoroute.h`). Of 1 and 2 only the length is; assumed here: the
/// fields of version 3, without controlled timestamp and padding.
struct CPUTag: Sendable {
    static let etherType: UInt16 = 0x813e
    /// Behind both addresses.
    static let offset = 12
    /// Frames on the CPU port are padded to this and the tag.
    static let minimumUntagged = 60

    let version: Int

    /// Bytes, its EtherType included.
    var length: Int { version >= 3 ? 24 : 16 }

    /// Ingress in the other direction: all ones, from the processor.
    private var fromProcessor: UInt16 { version == 4 ? 31 : 63 }

    struct Upstream {
        var ingress: Int
        var egress: Int
        var reason: ReasonCode
        var isBad = false
        var bridgeTime: UInt32
        var receiveTime: UInt32
        var controlledTime: UInt64
    }

    struct Downstream {
        /// 0: RT0, 1: RT2.
        var egress: Int
        var queue: Int
        /// nil: do not care.
        var transmitTime: UInt32?
        /// 0: none.
        var confirmation: UInt16
    }

    func insert(_ tag: Upstream, into frame: [UInt8]) -> [UInt8] {
        var tagged: [UInt8] = []
        tagged.reserveCapacity(max(frame.count, Self.minimumUntagged) + length)
        tagged += frame[..<Self.offset]
        tagged.append(bigEndian: Self.etherType)
        let bad: UInt16 = tag.isBad ? 1 : 0
        let reason = UInt16(tag.reason.rawValue)
        // Versions up to 3 are 6/6/3/1: three bits do not hold a reason; its lower three are sent.
        let first: UInt16 =
            version == 4
            ? UInt16(tag.ingress & 31) << 11 | UInt16(tag.egress & 31) << 6 | (reason & 31) << 1 | bad
            : UInt16(tag.ingress & 63) << 10 | UInt16(tag.egress & 63) << 4 | (reason & 7) << 1 | bad
        tagged.append(bigEndian: first)
        tagged.append(bigEndian: tag.bridgeTime)
        tagged.append(bigEndian: tag.receiveTime)
        if version >= 3 { tagged.append(bigEndian: tag.controlledTime) }
        tagged.append(bigEndian: UInt32(0))
        tagged += frame[Self.offset...]
        while tagged.count < Self.minimumUntagged + length { tagged.append(0) }
        return tagged
    }

    /// The tag and the frame without it; nil for a frame without a tag from the processor.
    func remove(from frame: [UInt8]) -> (tag: Downstream, frame: [UInt8])? {
        let bytes = frame.span.bytes
        guard frame.count >= Self.offset + length + 2, bytes.uint16(at: Self.offset) == Self.etherType else {
            return nil
        }
        let first = bytes.uint16(at: Self.offset + 2)
        let (ingress, egress, queue): (UInt16, UInt16, UInt16) =
            version == 4 ? (first >> 11, first >> 6 & 31, first & 63) : (first >> 10, first >> 4 & 63, first >> 1 & 7)
        guard ingress == fromProcessor else { return nil }
        let time = bytes.uint32(at: Self.offset + 4)
        let tag = Downstream(
            egress: Int(egress), queue: Int(queue), transmitTime: time == .max ? nil : time,
            confirmation: UInt16(truncatingIfNeeded: bytes.uint32(at: Self.offset + 8)))
        return (tag, Array(frame[..<Self.offset] + frame[(Self.offset + length)...]))
    }
}
