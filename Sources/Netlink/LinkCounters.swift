// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// What an interface has counted since it was made (`struct rtnl_link_stats64`, linux/if_link.h).
public struct LinkCounters: Hashable, Sendable {
    /// Good frames received, those an XDP program dropped or redirected included.
    public var receivedPackets: UInt64
    /// Frames sent.
    public var sentPackets: UInt64
    /// Bytes of the good frames received.
    public var receivedBytes: UInt64
    /// Bytes of the frames sent.
    public var sentBytes: UInt64

    /// Reads an `RTM_NEWSTATS` body: `struct if_stats_msg`, then `IFLA_STATS_*`. Nil where the link counts nothing.
    init?(message: RawSpan) throws(NetlinkError) {
        var found: [UInt64]?
        try message.forEachAttribute(from: 12, in: "link counters") { (type, value) throws(NetlinkError) in
            guard type == IFLA_STATS_LINK_64 else { return }
            var words: [UInt64] = []
            for place in 0..<4 {
                words.append(try value.integer(at: place * 8, as: UInt64.self, in: "IFLA_STATS_LINK_64"))
            }
            found = words
        }
        guard let found else { return nil }
        (receivedPackets, sentPackets, receivedBytes, sentBytes) = (found[0], found[1], found[2], found[3])
    }
}

extension NetlinkSocket {
    /// What the interface with this index has counted.
    ///
    /// - Throws: `NetlinkError.notFound` if there is none.
    public mutating func counters(ofLink index: Int32) throws(NetlinkError) -> LinkCounters {
        let object = "link with index \(index)"
        guard index > 0 else { throw .notFound(object: object) }
        var message = MessageBuilder(type: RTM_GETSTATS, flags: 0)
        // struct if_stats_msg
        message.append(UInt8(truncatingIfNeeded: AF_UNSPEC))
        message.append(UInt8(0))
        message.append(UInt16(0))
        message.append(index)
        message.append(UInt32(1) << UInt32(IFLA_STATS_LINK_64 - 1))
        message.requestAcknowledgement()
        var found: LinkCounters?
        do throws(NetlinkError) {
            try transact(message, operation: "read counters of", object: object) {
                (header, payload) throws(NetlinkError) in
                if header.type == RTM_NEWSTATS { found = try LinkCounters(message: payload) }
            }
        } catch let .refused(_, _, error, _) where error.number == ENODEV {
            throw .notFound(object: object)
        }
        guard let found else { throw .notFound(object: object) }
        return found
    }
}
