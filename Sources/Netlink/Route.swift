// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A route (`RTM_NEWROUTE`, `rtnetlink(7)`).
public struct Route: Hashable, Sendable {
    /// What it matches; a length of 0 is the default route.
    public var destination: InternetPrefix
    /// Where matching packets go, more than one for ECMP; empty for a blackhole and its relatives.
    public var nextHops: [NextHop]
    /// What happens to matching packets.
    public var kind: Kind = .unicast
    /// Routing table, 254 is main.
    public var table: UInt32 = Route.mainTable
    /// Among equal destinations the lowest wins; 0 where none was given (IPv6 reports 1024 then).
    public var metric: UInt32 = 0
    /// Who made it, `RTPROT_*`: 2 the kernel, 3 boot (`ip`), 4 static.
    public var origin: UInt8 = UInt8(RTPROT_STATIC)

    /// `RT_TABLE_MAIN`
    public static let mainTable: UInt32 = 254

    /// Describes a unicast route of the main table.
    public init(to destination: InternetPrefix, via nextHops: [NextHop], metric: UInt32 = 0) {
        self.destination = destination
        self.nextHops = nextHops
        self.metric = metric
    }

    /// One way to the destination.
    public struct NextHop: Hashable, Sendable {
        /// The router's address; nil if the destination is on the link.
        public var gateway: InternetAddress?
        /// The outgoing interface; nil lets the kernel find it by the gateway.
        public var linkIndex: Int32?
        /// Share among the route's next hops, from 1 to 256.
        public var weight: UInt16
        /// The gateway counts as on the link even if no prefix says so (`RTNH_F_ONLINK`).
        public var isOnLink: Bool
        /// The kernel does not use it now: link down or no carrier (`RTNH_F_DEAD`, `RTNH_F_LINKDOWN`).
        public var isDead: Bool

        /// Describes a next hop.
        public init(
            gateway: InternetAddress?, linkIndex: Int32? = nil, weight: UInt16 = 1, isOnLink: Bool = false,
            isDead: Bool = false
        ) {
            self.gateway = gateway
            self.linkIndex = linkIndex
            self.weight = weight
            self.isOnLink = isOnLink
            self.isDead = isDead
        }
    }

    /// `RTN_*` of `linux/rtnetlink.h`.
    public enum Kind: Hashable, Sendable {
        /// Forwarded to a next hop.
        case unicast
        /// Delivered here.
        case local
        /// Sent as a broadcast on the link.
        case broadcast
        /// Delivered here, one of several holders of the address.
        case anycast
        /// A group.
        case multicast
        /// Dropped silently.
        case blackhole
        /// Dropped with ICMP destination unreachable.
        case unreachable
        /// Dropped with ICMP administratively prohibited.
        case prohibit
        /// Another `RTN_*` number.
        case other(UInt8)

        private static let numbers: [(Kind, UInt8)] = [
            (.unicast, 1), (.local, 2), (.broadcast, 3), (.anycast, 4), (.multicast, 5), (.blackhole, 6),
            (.unreachable, 7), (.prohibit, 8),
        ]

        init(number: UInt8) {
            self = Self.numbers.first { $0.1 == number }?.0 ?? .other(number)
        }

        var number: UInt8 {
            if case .other(let number) = self { return number }
            return Self.numbers.first { $0.0 == self }?.1 ?? 0
        }
    }
}

extension Route {
    /// Reads `struct rtmsg` and `RTA_*`; nil for families that are not IPv4 or IPv6.
    init?(message: RawSpan) throws(NetlinkError) {
        let name = "route"
        guard let family = AddressFamily(byte: try message.integer(at: 0, in: name)) else { return nil }
        let length: UInt8 = try message.integer(at: 1, in: name)
        var table = UInt32(try message.integer(at: 4, as: UInt8.self, in: name))
        let origin: UInt8 = try message.integer(at: 5, in: name)
        let kind = Kind(number: try message.integer(at: 7, in: name))
        let flags: UInt32 = try message.integer(at: 8, in: name)
        var destination = InternetPrefix.everything(family).address
        var metric: UInt32 = 0
        var single = NextHop(flags: flags)
        var multiple: [NextHop] = []
        try message.forEachAttribute(from: 12, in: name) { (type, value) throws(NetlinkError) in
            switch type {
            case Int(RTA_DST.rawValue): destination = try InternetAddress(value, family, in: "RTA_DST")
            case Int(RTA_TABLE.rawValue): table = try value.integer(in: "RTA_TABLE")
            case Int(RTA_PRIORITY.rawValue): metric = try value.integer(in: "RTA_PRIORITY")
            case Int(RTA_OIF.rawValue): single.linkIndex = try value.integer(in: "RTA_OIF")
            case Int(RTA_MULTIPATH.rawValue): multiple = try NextHop.list(value, family)
            default: try single.take(type, value, family)
            }
        }
        guard let prefix = InternetPrefix(address: destination, length: length) else {
            throw .damaged(message: name, reason: "prefix length \(length) for \(destination)")
        }
        let hasSingle = single.gateway != nil || single.linkIndex != nil
        self.init(to: prefix, via: multiple.isEmpty ? (hasSingle ? [single] : []) : multiple, metric: metric)
        self.kind = kind
        self.table = table
        self.origin = origin
    }

    /// Appends `struct rtmsg` and the attributes of this route.
    package func append(to message: inout MessageBuilder) {
        message.append(destination.address.family.byte)
        message.append(destination.length)
        message.append(UInt8(0))
        message.append(UInt8(0))
        message.append(table < 256 ? UInt8(truncatingIfNeeded: table) : UInt8(0))
        message.append(origin)
        message.append(scope)
        message.append(kind.number)
        message.append(nextHops.count == 1 && nextHops[0].isOnLink ? UInt32(RTNH_F_ONLINK) : 0)
        message.attribute(Int(RTA_TABLE.rawValue), table)
        if destination.length > 0 { message.attribute(Int(RTA_DST.rawValue), destination.address.bytes) }
        if metric > 0 { message.attribute(Int(RTA_PRIORITY.rawValue), metric) }
        if nextHops.count > 1 {
            message.nested(Int(RTA_MULTIPATH.rawValue)) { nest in
                for nextHop in nextHops { nextHop.appendAsMultipath(to: &nest, destination.address.family) }
            }
        } else if let nextHop = nextHops.first {
            nextHop.appendGateway(to: &message, destination.address.family)
            if let index = nextHop.linkIndex { message.attribute(Int(RTA_OIF.rawValue), index) }
        }
    }

    /// The kernel wants link scope for a route without a gateway, and ignores scopes for IPv6.
    private var scope: UInt8 {
        switch kind {
        case .local: UInt8(truncatingIfNeeded: RT_SCOPE_HOST.rawValue)
        case .unicast where nextHops.allSatisfy { $0.gateway == nil }:
            UInt8(truncatingIfNeeded: RT_SCOPE_LINK.rawValue)
        default: UInt8(truncatingIfNeeded: RT_SCOPE_UNIVERSE.rawValue)
        }
    }
}

extension Route.NextHop {
    /// Bytes of `struct rtnexthop`.
    private static let headerLength = 8

    fileprivate init(flags: UInt32) {
        self.init(
            gateway: nil, isOnLink: flags & UInt32(RTNH_F_ONLINK) != 0,
            isDead: flags & UInt32(RTNH_F_DEAD | RTNH_F_LINKDOWN) != 0)
    }

    /// The attributes a next hop has both alone and inside `RTA_MULTIPATH`.
    fileprivate mutating func take(_ type: Int, _ value: RawSpan, _ family: AddressFamily) throws(NetlinkError) {
        switch type {
        case Int(RTA_GATEWAY.rawValue):
            gateway = try InternetAddress(value, family, in: "RTA_GATEWAY")
        case Int(RTA_VIA.rawValue):
            // struct rtvia: a gateway of the other family (RFC 8950).
            let number = try value.integer(as: UInt16.self, in: "RTA_VIA")
            if let other = AddressFamily(byte: UInt8(truncatingIfNeeded: number)) {
                gateway = try InternetAddress(value.extracting(droppingFirst: 2), other, in: "RTA_VIA")
            }
        default: break
        }
    }

    /// Reads `RTA_MULTIPATH`: a list of `struct rtnexthop`, each with its attributes behind it.
    fileprivate static func list(_ value: RawSpan, _ family: AddressFamily) throws(NetlinkError) -> [Self] {
        let name = "RTA_MULTIPATH"
        var found: [Self] = []
        var position = 0
        while value.byteCount - position >= headerLength {
            let length = Int(try value.integer(at: position, as: UInt16.self, in: name))
            guard length >= headerLength, length <= value.byteCount - position else {
                throw .damaged(
                    message: name,
                    reason: "next hop at \(position) has length \(length), "
                        + "\(value.byteCount - position) bytes are left")
            }
            var nextHop = Self(flags: UInt32(try value.integer(at: position + 2, as: UInt8.self, in: name)))
            nextHop.weight = UInt16(try value.integer(at: position + 3, as: UInt8.self, in: name)) + 1
            nextHop.linkIndex = try value.integer(at: position + 4, as: Int32.self, in: name)
            let part = value.extracting(position..<position + length)
            try part.forEachAttribute(from: headerLength, in: name) { (type, value) throws(NetlinkError) in
                try nextHop.take(type, value, family)
            }
            found.append(nextHop)
            position += (length + 3) & ~3
        }
        return found
    }

    fileprivate func appendAsMultipath(to message: inout MessageBuilder, _ family: AddressFamily) {
        message.sized { hop in
            hop.append(isOnLink ? UInt8(RTNH_F_ONLINK) : UInt8(0))
            hop.append(UInt8(truncatingIfNeeded: Int(weight) - 1))
            hop.append(linkIndex ?? 0)
            appendGateway(to: &hop, family)
        }
    }

    fileprivate func appendGateway(to message: inout MessageBuilder, _ family: AddressFamily) {
        guard let gateway else { return }
        if gateway.family == family {
            message.attribute(Int(RTA_GATEWAY.rawValue), gateway.bytes)
        } else {
            let number = UInt16(gateway.family.byte)
            message.attribute(Int(RTA_VIA.rawValue), withUnsafeBytes(of: number) { Array($0) } + gateway.bytes)
        }
    }
}
