// SPDX-License-Identifier: Apache-2.0
import Netlink

/// Both ends of a port's veth pair.
struct CardPortEnds: Hashable {
    var port: CardLogicalPort
    var mtu: UInt32
    /// Interface indexes.
    var outer: Int32
    var inner: Int32
    /// The pair was made, and not found.
    var isNew: Bool
}

extension NetlinkSocket {
    /// The pair of a port, made if it is not there; down if it was made.
    mutating func cardPortEnds(_ port: CardLogicalPort, mtu: UInt32) throws(CardPortError) -> CardPortEnds {
        let found = (outer: try existing(port.name), inner: try existing(port.innerName))
        if found.outer == nil, found.inner == nil {
            do throws(NetlinkError) {
                try createVethPair(port.name, peer: port.innerName, options: VethOptions(mtu: mtu))
                return CardPortEnds(
                    port: port, mtu: mtu, outer: try link(named: port.name).index,
                    inner: try link(named: port.innerName).index, isNew: true)
            } catch { throw .netlink(error) }
        }
        guard let outer = found.outer else {
            throw .occupied(name: port.innerName, by: "there without \(port.name)")
        }
        guard let inner = found.inner, outer.kind == "veth", outer.peer == NetworkLink.Peer(index: inner.index) else {
            let kind = outer.kind ?? "a device without a kind"
            throw .occupied(
                name: port.name, by: outer.kind == "veth" ? "a veth whose other end is not \(port.innerName)" : kind)
        }
        return CardPortEnds(port: port, mtu: mtu, outer: outer.index, inner: inner.index, isNew: false)
    }

    private mutating func existing(_ name: String) throws(CardPortError) -> NetworkLink? {
        do throws(NetlinkError) {
            // A name of another interface's own counts too (`link(named:)`): it would be taken as well.
            return try link(named: name)
        } catch NetlinkError.notFound {
            return nil
        } catch { throw .netlink(error) }
    }

    /// Makes both ends as they must be. What is so already is not touched: a pair that carries frames goes on doing so.
    mutating func configure(_ ends: CardPortEnds) throws(NetlinkError) {
        let port = ends.port
        for index in [ends.outer, ends.inner] where try link(index: index).mtu != ends.mtu {
            try setMTU(ends.mtu, of: index)
        }
        if let address = port.address, try link(index: ends.outer).address != address {
            try setAddress(address, of: ends.outer)
        }
        // The kernel must leave nothing to a device that is none: programs at the inner end see frames as they are, with checksums
        // that are not there yet, in sizes no wire takes, and without tags that travel beside them.
        for offload in [Offload.tcpSegmentation, .genericSegmentation, .transmitChecksum, .transmitVLAN] {
            if try self.offload(offload, of: port.name) { try setOffload(offload, false, of: port.name) }
        }
        // GRO makes an end take redirected frames, program or not; told before it is up, or switched while it is
        // (drivers/net/veth.c, veth_open and veth_set_features).
        for name in [port.name, port.innerName] where try !offload(.genericReceive, of: name) {
            try setOffload(.genericReceive, true, of: name)
        }
        // Else the kernel talks at the inner end, and is heard as if from the card's port.
        try IPv6Setting.set(false, of: port.innerName)
    }
}
