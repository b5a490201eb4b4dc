// SPDX-License-Identifier: Apache-2.0
import CLinux

/// Bounds-checked reading of what the kernel sends. A length that does not fit is an error, never a trap: the parsers
/// are also fed from fuzzed input.
extension RawSpan {
    /// An integer in host byte order.
    func integer<T: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int = 0, as type: T.Type = T.self, in message: String
    ) throws(NetlinkError) -> T {
        guard offset >= 0, offset <= byteCount - MemoryLayout<T>.size else {
            throw .damaged(
                message: message,
                reason: "\(MemoryLayout<T>.size) bytes at \(offset) are asked for, \(byteCount) are there")
        }
        return unsafeLoadUnaligned(fromByteOffset: offset, as: type)
    }

    /// The text up to the first zero byte, or all of it.
    var text: String {
        var bytes: [UInt8] = []
        for offset in byteOffsets {
            let byte = unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            if byte == 0 { break }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `NLA_TYPE_MASK`: without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
    private static var typeMask: Int { 0x3fff }

    /// A copy of the bytes.
    var copy: [UInt8] {
        byteOffsets.map { unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }

    /// Walks `struct nlattr` from `offset` to the end. The flag bits of the type are taken off.
    func forEachAttribute(
        from offset: Int = 0, in message: String,
        _ body: (_ type: Int, _ payload: RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) {
        var position = offset
        guard position <= byteCount else {
            throw .damaged(
                message: message, reason: "the fixed header needs \(offset) bytes, \(byteCount) are there")
        }
        // Up to three bytes of padding may be left after the last attribute.
        while byteCount - position >= MessageBuilder.attributeHeaderLength {
            let length = Int(try integer(at: position, as: UInt16.self, in: message))
            let type = Int(try integer(at: position + 2, as: UInt16.self, in: message))
            guard length >= MessageBuilder.attributeHeaderLength, length <= byteCount - position else {
                throw .damaged(
                    message: message,
                    reason: "attribute \(type) at \(position) has length \(length), "
                        + "\(byteCount - position) bytes are left")
            }
            let start = position + MessageBuilder.attributeHeaderLength
            try body(type & Self.typeMask, extracting(start..<position + length))
            position += (length + 3) & ~3
        }
    }
}

/// The `nlmsghdr` in front of each message of a datagram.
struct MessageHeader {
    /// Bytes of the message, header included.
    let length: Int
    /// `NLMSG_*` or `RTM_*`
    let type: Int
    /// `NLM_F_*`
    let flags: Int32
    /// The number of the request this answers; 0 for notifications.
    let sequence: UInt32

    init(_ datagram: RawSpan, at offset: Int) throws(NetlinkError) {
        length = Int(try datagram.integer(at: offset, as: UInt32.self, in: "nlmsghdr"))
        type = Int(try datagram.integer(at: offset + 4, as: UInt16.self, in: "nlmsghdr"))
        flags = Int32(try datagram.integer(at: offset + 6, as: UInt16.self, in: "nlmsghdr"))
        sequence = try datagram.integer(at: offset + 8, as: UInt32.self, in: "nlmsghdr")
        guard length >= MessageBuilder.headerLength, length <= datagram.byteCount - offset else {
            throw .damaged(
                message: "nlmsghdr",
                reason: "length \(length) of message type \(type) at \(offset), datagram of \(datagram.byteCount)")
        }
    }
}

/// Walks the messages of one datagram; `body` gets each message without its `nlmsghdr`.
func forEachMessage(
    in datagram: RawSpan, _ body: (MessageHeader, RawSpan) throws(NetlinkError) -> Void
) throws(NetlinkError) {
    var offset = 0
    while datagram.byteCount - offset >= MessageBuilder.headerLength {
        let header = try MessageHeader(datagram, at: offset)
        try body(header, datagram.extracting(offset + MessageBuilder.headerLength..<offset + header.length))
        offset += (header.length + 3) & ~3
    }
}

/// What an `NLMSG_ERROR` or `NLMSG_DONE` says.
package struct Acknowledgement {
    /// 0, or a positive errno.
    package let error: Int32
    /// The kernel's sentence, from `NLMSGERR_ATTR_MSG`.
    package let explanation: String?

    /// `struct nlmsgerr`: the negative errno, the `nlmsghdr` complained about (and the rest of that message unless
    /// `NLM_F_CAPPED`), then attributes if `NLM_F_ACK_TLVS`.
    package init(error payload: RawSpan, flags: Int32) throws(NetlinkError) {
        let number = try payload.integer(at: 0, as: Int32.self, in: "NLMSG_ERROR")
        let requestLength = Int(try payload.integer(at: 4, as: UInt32.self, in: "NLMSG_ERROR"))
        let skipped = flags & NLM_F_CAPPED != 0 ? MessageBuilder.headerLength : requestLength
        error = Int32(truncatingIfNeeded: number.magnitude)
        explanation =
            flags & NLM_F_ACK_TLVS != 0
            ? try Self.explanation(payload, from: 4 + ((skipped + 3) & ~3), in: "NLMSG_ERROR") : nil
    }

    /// The end of a dump carries an errno too, and attributes after it.
    init(done payload: RawSpan, flags: Int32) throws(NetlinkError) {
        guard payload.byteCount >= 4 else {
            error = 0
            explanation = nil
            return
        }
        let number = try payload.integer(at: 0, as: Int32.self, in: "NLMSG_DONE")
        error = number < 0 ? Int32(truncatingIfNeeded: number.magnitude) : 0
        explanation =
            flags & NLM_F_ACK_TLVS != 0 ? try Self.explanation(payload, from: 4, in: "NLMSG_DONE") : nil
    }

    private static func explanation(
        _ payload: RawSpan, from offset: Int, in message: String
    ) throws(NetlinkError) -> String? {
        var text: String?
        try payload.forEachAttribute(from: offset, in: message) { (type, value) throws(NetlinkError) in
            if type == Int(NLMSGERR_ATTR_MSG.rawValue) { text = value.text }
        }
        return text
    }
}
