// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// One request to the kernel: `nlmsghdr`, a fixed header in host byte order, then attributes, each padded to four
/// bytes (`Documentation/userspace-api/netlink/intro.rst`).
package struct MessageBuilder {
    private(set) var bytes: [UInt8]

    /// Bytes of `struct nlmsghdr`.
    static let headerLength = 16
    /// Bytes of `struct nlattr`.
    static let attributeHeaderLength = 4

    /// `type` is an `RTM_*` number, `flags` are `NLM_F_*` beside the always set `NLM_F_REQUEST`.
    package init(type: Int, flags: Int32) {
        bytes = []
        bytes.reserveCapacity(256)
        append(UInt32(0))
        append(UInt16(truncatingIfNeeded: type))
        append(UInt16(truncatingIfNeeded: flags | NLM_F_REQUEST))
        append(UInt32(0))
        append(UInt32(0))
    }

    package mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    /// `struct ifinfomsg`; bits of `flags` count where `change` has a one.
    package mutating func appendLinkHeader(index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        append(UInt8(truncatingIfNeeded: AF_UNSPEC))
        append(UInt8(0))
        append(UInt16(0))
        append(index)
        append(flags)
        append(change)
    }

    package mutating func attribute(_ type: Int, _ payload: [UInt8]) {
        append(UInt16(truncatingIfNeeded: Self.attributeHeaderLength + payload.count))
        append(UInt16(truncatingIfNeeded: type))
        bytes.append(contentsOf: payload)
        pad()
    }

    package mutating func attribute<T: FixedWidthInteger>(_ type: Int, _ value: T) {
        attribute(type, withUnsafeBytes(of: value) { Array($0) })
    }

    /// A string attribute ends with a zero byte.
    package mutating func attribute(_ type: Int, _ text: String) {
        attribute(type, Array(text.utf8) + [0])
    }

    package mutating func nested(_ type: Int, _ body: (inout MessageBuilder) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(UInt16(truncatingIfNeeded: type | Int(NLA_F_NESTED)))
        body(&self)
        patch(UInt16(truncatingIfNeeded: bytes.count - start), at: start)
    }

    /// Appends a length-prefixed part that is not an attribute (`struct rtnexthop`), its first two bytes the length.
    package mutating func sized(_ body: (inout MessageBuilder) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        body(&self)
        patch(UInt16(truncatingIfNeeded: bytes.count - start), at: start)
        pad()
    }

    /// Sets further `NLM_F_*` flags.
    package mutating func add(flags: UInt16) {
        patch(UInt16(bytes[6]) | UInt16(bytes[7]) << 8 | flags, at: 6)
    }

    /// The bytes to send, with the length and the sequence number filled in.
    package consuming func finish(sequence: UInt32) -> [UInt8] {
        patch(UInt32(truncatingIfNeeded: bytes.count), at: 0)
        patch(sequence, at: 8)
        return bytes
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    private mutating func patch<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        withUnsafeBytes(of: value) { source in
            for (position, byte) in source.enumerated() { bytes[offset + position] = byte }
        }
    }
}
