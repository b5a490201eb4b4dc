// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// `NLM_F_DUMP`: the full table.
let dumpFlags = Int32(NLM_F_ROOT) | Int32(NLM_F_MATCH)
/// `NLM_F_CREATE` and `NLM_F_EXCL`: make it, and fail if it is there.
let createFlags = Int32(NLM_F_CREATE) | Int32(NLM_F_EXCL)

extension NetlinkSocket {
    /// The IPv4 and IPv6 addresses of the namespace, or of one interface.
    public mutating func addresses(of index: Int32? = nil) throws(NetlinkError) -> [InterfaceAddress] {
        var message = MessageBuilder(type: RTM_GETADDR, flags: dumpFlags)
        message.appendAddressHeader(family: UInt8(AF_UNSPEC), length: 0, index: 0)
        return try dump(message, expecting: RTM_NEWADDR, object: "addresses") { (payload) throws(NetlinkError) in
            guard let address = try InterfaceAddress(message: payload) else { return nil }
            return index == nil || address.linkIndex == index ? address : nil
        }
    }

    /// Gives an interface an address.
    ///
    /// IPv6 addresses are usable only after a second or two of duplicate detection, unless it is skipped.
    public mutating func addAddress(
        _ prefix: InternetPrefix, to index: Int32, skippingDuplicateDetection: Bool = false
    ) throws(NetlinkError) {
        var message = MessageBuilder(type: RTM_NEWADDR, flags: NLM_F_ACK | createFlags)
        message.append(prefix, to: index)
        if skippingDuplicateDetection, prefix.address.family == .v6 {
            message.attribute(IFA_FLAGS, UInt32(IFA_F_NODAD))
        }
        try execute(message, operation: "add address \(prefix) to", object: "link with index \(index)")
    }

    /// Takes an address from an interface.
    public mutating func removeAddress(_ prefix: InternetPrefix, from index: Int32) throws(NetlinkError) {
        var message = MessageBuilder(type: RTM_DELADDR, flags: NLM_F_ACK)
        message.append(prefix, to: index)
        try execute(message, operation: "remove address \(prefix) from", object: "link with index \(index)")
    }

    /// The routes of one table, by default the main one.
    public mutating func routes(
        _ family: AddressFamily? = nil, table: UInt32 = Route.mainTable
    ) throws(NetlinkError) -> [Route] {
        var message = MessageBuilder(type: RTM_GETROUTE, flags: dumpFlags)
        message.append(family?.byte ?? UInt8(AF_UNSPEC))
        for _ in 1..<12 { message.append(UInt8(0)) }
        return try dump(message, expecting: RTM_NEWROUTE, object: "routes") { (payload) throws(NetlinkError) in
            guard let route = try Route(message: payload), route.table == table else { return nil }
            return route
        }
    }

    /// Adds a route; with several next hops the kernel spreads flows over them by weight.
    ///
    /// - Throws: `NetlinkError.refused` with `EEXIST` if destination, metric and table are taken.
    public mutating func addRoute(_ route: Route) throws(NetlinkError) {
        try change(route, RTM_NEWROUTE, NLM_F_ACK | createFlags, "add")
    }

    /// Adds a route, or replaces the one with the same destination, metric and table.
    public mutating func replaceRoute(_ route: Route) throws(NetlinkError) {
        try change(route, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, "replace")
    }

    /// Removes a route.
    public mutating func deleteRoute(_ route: Route) throws(NetlinkError) {
        try change(route, RTM_DELROUTE, NLM_F_ACK, "delete")
    }

    /// The neighbour tables of IPv4 and IPv6, or those of one interface.
    public mutating func neighbors(of index: Int32? = nil) throws(NetlinkError) -> [Neighbor] {
        var message = MessageBuilder(type: RTM_GETNEIGH, flags: dumpFlags)
        message.appendNeighborHeader(family: UInt8(AF_UNSPEC), index: 0, state: 0)
        return try dump(message, expecting: RTM_NEWNEIGH, object: "neighbours") { (payload) throws(NetlinkError) in
            guard let neighbor = try Neighbor(message: payload) else { return nil }
            return index == nil || neighbor.linkIndex == index ? neighbor : nil
        }
    }

    /// Adds a neighbour, by default one that never ages, or replaces what is known about it.
    public mutating func setNeighbor(_ neighbor: Neighbor) throws(NetlinkError) {
        var message = MessageBuilder(type: RTM_NEWNEIGH, flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE)
        message.appendNeighborHeader(
            family: neighbor.address.family.byte, index: neighbor.linkIndex, state: neighbor.state.rawValue)
        message.attribute(NDA_DST, neighbor.address.bytes)
        if let address = neighbor.linkLayerAddress { message.attribute(NDA_LLADDR, address.octets) }
        try execute(
            message, operation: "set neighbour \(neighbor.address) on", object: "link with index \(neighbor.linkIndex)")
    }

    /// Forgets a neighbour.
    public mutating func deleteNeighbor(_ address: InternetAddress, on index: Int32) throws(NetlinkError) {
        var message = MessageBuilder(type: RTM_DELNEIGH, flags: NLM_F_ACK)
        message.appendNeighborHeader(family: address.family.byte, index: index, state: 0)
        message.attribute(NDA_DST, address.bytes)
        try execute(message, operation: "delete neighbour \(address) on", object: "link with index \(index)")
    }

    private mutating func change(
        _ route: Route, _ type: Int, _ flags: Int32, _ operation: String
    ) throws(NetlinkError) {
        guard route.nextHops.allSatisfy({ (1...256).contains($0.weight) }) else {
            throw .invalid(object: "route to \(route.destination)", reason: "a next hop's weight is 1 to 256")
        }
        var message = MessageBuilder(type: type, flags: flags)
        route.append(to: &message)
        try execute(message, operation: operation, object: "route to \(route.destination)")
    }
}

extension MessageBuilder {
    /// `struct ifaddrmsg`.
    fileprivate mutating func appendAddressHeader(family: UInt8, length: UInt8, index: Int32) {
        append(family)
        append(length)
        append(UInt8(0))
        append(UInt8(0))
        append(index)
    }

    fileprivate mutating func append(_ prefix: InternetPrefix, to index: Int32) {
        appendAddressHeader(family: prefix.address.family.byte, length: prefix.length, index: index)
        attribute(IFA_LOCAL, prefix.address.bytes)
        attribute(IFA_ADDRESS, prefix.address.bytes)
    }

    /// `struct ndmsg`.
    fileprivate mutating func appendNeighborHeader(family: UInt8, index: Int32, state: UInt16) {
        append(family)
        append(UInt8(0))
        append(UInt16(0))
        append(index)
        append(state)
        append(UInt8(0))
        append(UInt8(0))
    }

    /// Asks for an acknowledgement after the answer, so that its end is seen.
    mutating func requestAcknowledgement() {
        add(flags: UInt16(truncatingIfNeeded: NLM_F_ACK))
    }
}
