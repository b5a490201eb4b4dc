// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A change in the kernel's network configuration.
public enum NetlinkEvent: Hashable, Sendable {
    /// A link appeared, or something about it changed.
    case linkChanged(NetworkLink)
    /// A link is gone, or moved to another namespace. The last that was known about it.
    case linkRemoved(NetworkLink)
    /// An address was added, or its flags changed.
    case addressAdded(InterfaceAddress)
    /// An address was removed.
    case addressRemoved(InterfaceAddress)
    /// A neighbour appeared, or its address or state changed.
    case neighborChanged(Neighbor)
    /// A neighbour was forgotten.
    case neighborRemoved(Neighbor)
    /// A route was added or replaced.
    case routeAdded(Route)
    /// A route was removed. When a link goes down the kernel removes its IPv4 routes without a word.
    case routeRemoved(Route)
    /// Events were lost because they were not read in time: list everything again.
    case overrun
}

/// Watches links, addresses, neighbours and routes of one network namespace.
///
/// The descriptor is non-blocking: wait for it with `epoll(7)` or `poll(2)`, then call `next()` until it returns an
/// empty list. Open the monitor before listing the tables, so that no change falls between the two.
public struct NetlinkMonitor: ~Copyable, Sendable {
    private let socket: SocketDescriptor
    private let buffer: ReceiveBuffer

    /// What to watch.
    public struct Subjects: OptionSet, Sendable {
        /// Bits.
        public let rawValue: UInt8

        /// Takes the bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Links (`RTNLGRP_LINK`).
        public static let links = Subjects(rawValue: 1)
        /// IPv4 and IPv6 addresses.
        public static let addresses = Subjects(rawValue: 2)
        /// Neighbours (`RTNLGRP_NEIGH`).
        public static let neighbors = Subjects(rawValue: 4)
        /// IPv4 and IPv6 routes.
        public static let routes = Subjects(rawValue: 8)
        /// All of them.
        public static let all: Subjects = [.links, .addresses, .neighbors, .routes]

        var groups: [Int32] {
            var groups: [rtnetlink_groups] = []
            if contains(.links) { groups += [RTNLGRP_LINK] }
            if contains(.addresses) { groups += [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR] }
            if contains(.neighbors) { groups += [RTNLGRP_NEIGH] }
            if contains(.routes) { groups += [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE] }
            return groups.map { Int32($0.rawValue) }
        }
    }

    /// Watches the calling thread's network namespace.
    ///
    /// `receiveBufferSize` in bytes bounds how many events may wait (the kernel doubles it, and limits it to
    /// `net.core.rmem_max` without privilege); nil keeps the system's default.
    public init(_ subjects: Subjects = .all, receiveBufferSize: Int32? = nil) throws(NetlinkError) {
        socket = try Self.open(subjects, receiveBufferSize)
        buffer = ReceiveBuffer()
    }

    /// Watches another network namespace.
    public init(
        _ subjects: Subjects = .all, in namespace: borrowing NetworkNamespace, receiveBufferSize: Int32? = nil
    ) throws(NetlinkError) {
        socket = try namespace.enter { () throws(NetlinkError) in
            try Self.open(subjects, receiveBufferSize)
        }
        buffer = ReceiveBuffer()
    }

    /// Readable when there are events. Stays the monitor's: do not close it.
    public var fileDescriptor: Int32 { socket.number }

    /// The events of one datagram; empty when nothing waits.
    ///
    /// - Throws: `NetlinkError.damaged` for a datagram that does not hold together. It is consumed, so that the next
    ///   call goes on behind it; treat it like `overrun`.
    public mutating func next() throws(NetlinkError) -> [NetlinkEvent] {
        while true {
            let count: Int?
            do throws(NetlinkError) {
                count = try socket.receive(into: buffer)
            } catch let .systemCall(_, _, error) where error.number == ENOBUFS {
                return [.overrun]
            }
            guard let count else { return [] }
            let events = try Self.events(in: buffer.bytes(count))
            // A datagram may hold only what is not of interest, such as a bridge's own table.
            if !events.isEmpty { return events }
        }
    }

    /// What the messages of one datagram say.
    package static func events(in datagram: RawSpan) throws(NetlinkError) -> [NetlinkEvent] {
        var events: [NetlinkEvent] = []
        try forEachMessage(in: datagram) { (header, payload) throws(NetlinkError) in
            if let event = try NetlinkEvent(type: header.type, payload) { events.append(event) }
        }
        return events
    }

    private static func open(_ subjects: Subjects, _ receiveBufferSize: Int32?) throws(NetlinkError) -> SocketDescriptor
    {
        let socket = try SocketDescriptor.open(groups: subjects.groups, isBlocking: false)
        if let receiveBufferSize {
            do throws(NetlinkError) {
                try socket.set(SO_RCVBUFFORCE, receiveBufferSize, level: SOL_SOCKET)
            } catch {
                try socket.set(SO_RCVBUF, receiveBufferSize, level: SOL_SOCKET)
            }
        }
        return socket
    }
}

extension NetlinkEvent {
    /// Nil for messages that are none of these events.
    fileprivate init?(type: Int, _ payload: RawSpan) throws(NetlinkError) {
        let event: NetlinkEvent?
        switch type {
        case RTM_NEWLINK: event = try NetworkLink(message: payload).map(NetlinkEvent.linkChanged)
        case RTM_DELLINK: event = try NetworkLink(message: payload).map(NetlinkEvent.linkRemoved)
        case RTM_NEWADDR: event = try InterfaceAddress(message: payload).map(NetlinkEvent.addressAdded)
        case RTM_DELADDR: event = try InterfaceAddress(message: payload).map(NetlinkEvent.addressRemoved)
        case RTM_NEWNEIGH: event = try Neighbor(message: payload).map(NetlinkEvent.neighborChanged)
        case RTM_DELNEIGH: event = try Neighbor(message: payload).map(NetlinkEvent.neighborRemoved)
        case RTM_NEWROUTE: event = try Route(message: payload).map(NetlinkEvent.routeAdded)
        case RTM_DELROUTE: event = try Route(message: payload).map(NetlinkEvent.routeRemoved)
        default: event = nil
        }
        guard let event else { return nil }
        self = event
    }
}
