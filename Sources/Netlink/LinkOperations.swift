// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

extension NetlinkSocket {
    /// Every interface of the namespace, in the order of their indexes.
    public mutating func links() throws(NetlinkError) -> [NetworkLink] {
        var message = MessageBuilder(type: RTM_GETLINK, flags: dumpFlags)
        message.appendLinkHeader()
        return try dump(message, expecting: RTM_NEWLINK, object: "links") { (payload) throws(NetlinkError) in
            try NetworkLink(message: payload)
        }
    }

    /// The interface of this name; alternative names count too.
    ///
    /// - Throws: `NetlinkError.notFound` if there is none.
    public mutating func link(named name: String) throws(NetlinkError) -> NetworkLink {
        var message = MessageBuilder(type: RTM_GETLINK, flags: 0)
        message.appendLinkHeader()
        // Names that do not fit IFNAMSIZ can only be alternative ones.
        message.attribute(name.utf8.count < Self.nameCapacity ? IFLA_IFNAME : IFLA_ALT_IFNAME, name)
        do throws(NetlinkError) {
            return try single(message, object: "link \(name)")
        } catch NetlinkError.notFound where name.utf8.count < Self.nameCapacity {
            var message = MessageBuilder(type: RTM_GETLINK, flags: 0)
            message.appendLinkHeader()
            message.attribute(IFLA_ALT_IFNAME, name)
            return try single(message, object: "link \(name)")
        }
    }

    /// The interface with this index.
    ///
    /// - Throws: `NetlinkError.notFound` if there is none.
    public mutating func link(index: Int32) throws(NetlinkError) -> NetworkLink {
        guard index > 0 else { throw .notFound(object: "link with index \(index)") }
        var message = MessageBuilder(type: RTM_GETLINK, flags: 0)
        message.appendLinkHeader(index: index)
        return try single(message, object: "link with index \(index)")
    }

    /// Makes two interfaces joined by a cable, both in this namespace.
    public mutating func createVethPair(
        _ name: String, peer: String, options: VethOptions = VethOptions()
    ) throws(NetlinkError) {
        try createVethPair(name, peer: peer, namespace: nil, options)
    }

    /// Makes two interfaces joined by a cable, `peer` in another namespace.
    public mutating func createVethPair(
        _ name: String, peer: String, in namespace: borrowing NetworkNamespace, options: VethOptions = VethOptions()
    ) throws(NetlinkError) {
        try createVethPair(name, peer: peer, namespace: namespace.fileDescriptor, options)
    }

    /// Makes an interface that drops what is sent to it.
    public mutating func createDummy(_ name: String) throws(NetlinkError) {
        try create(name, kind: "dummy") { _ in }
    }

    /// Makes a Linux bridge.
    public mutating func createBridge(_ name: String) throws(NetlinkError) {
        try create(name, kind: "bridge") { _ in }
    }

    /// Removes a virtual interface; of a veth pair both ends go.
    public mutating func deleteLink(_ index: Int32) throws(NetlinkError) {
        var message = MessageBuilder(type: RTM_DELLINK, flags: NLM_F_ACK)
        message.appendLinkHeader(index: index)
        try execute(message, operation: "delete", object: "link with index \(index)")
    }

    /// Enables the interface.
    public mutating func setUp(_ index: Int32) throws(NetlinkError) {
        try change(index, "set up", flags: UInt32(IFF_UP), mask: UInt32(IFF_UP)) { _ in }
    }

    /// Disables the interface.
    public mutating func setDown(_ index: Int32) throws(NetlinkError) {
        try change(index, "set down", flags: 0, mask: UInt32(IFF_UP)) { _ in }
    }

    /// Lets the interface take frames for any address, or for its own alone.
    public mutating func setPromiscuous(_ isPromiscuous: Bool, of index: Int32) throws(NetlinkError) {
        let flag = UInt32(IFF_PROMISC)
        try change(
            index, "set promiscuous mode \(isPromiscuous ? "on" : "off") for", flags: isPromiscuous ? flag : 0,
            mask: flag
        ) { _ in }
    }

    /// Sets the largest packet size in bytes, link-layer header not counted.
    public mutating func setMTU(_ mtu: UInt32, of index: Int32) throws(NetlinkError) {
        try change(index, "set MTU \(mtu) on") { $0.attribute(IFLA_MTU, mtu) }
    }

    /// Sets the MAC address.
    public mutating func setAddress(_ address: LinkLayerAddress, of index: Int32) throws(NetlinkError) {
        try change(index, "set MAC address \(address) on") { $0.attribute(IFLA_ADDRESS, address.octets) }
    }

    /// Makes the interface a port of a bridge or bond; nil takes it out.
    public mutating func setController(_ controller: Int32?, of index: Int32) throws(NetlinkError) {
        try change(index, "set controller \(controller ?? 0) on") { $0.attribute(IFLA_MASTER, controller ?? 0) }
    }

    /// Renames the interface. Kernels before 6.2 want it down.
    public mutating func rename(_ index: Int32, to name: String) throws(NetlinkError) {
        try checkName(name)
        try change(index, "rename to \(name)") { $0.attribute(IFLA_IFNAME, name) }
    }

    /// Adds a second name, up to 127 bytes.
    public mutating func addAlternativeName(_ name: String, to index: Int32) throws(NetlinkError) {
        var message = MessageBuilder(type: RTM_NEWLINKPROP, flags: NLM_F_ACK | createFlags | NLM_F_APPEND)
        message.appendLinkHeader(index: index)
        message.nested(IFLA_PROP_LIST) { $0.attribute(IFLA_ALT_IFNAME, name) }
        try execute(message, operation: "add name \(name) to", object: "link with index \(index)")
    }

    /// Moves the interface to another namespace, where it arrives down and perhaps with another index.
    public mutating func move(_ index: Int32, to namespace: borrowing NetworkNamespace) throws(NetlinkError) {
        let descriptor = namespace.fileDescriptor
        try change(index, "move to another namespace") { $0.attribute(IFLA_NET_NS_FD, descriptor) }
    }

    /// Switches an offload of the interface, as `ethtool -K` does.
    ///
    /// A veth needs GRO for NAPI, without which frames redirected to its peer by XDP are dropped. A veth that sends
    /// with checksum offload emits frames whose checksums are not filled in.
    public func setOffload(_ offload: Offload, _ isEnabled: Bool, of name: String) throws(NetlinkError) {
        let result = clinux_offload_set(socket.number, name, offload.number, isEnabled ? 1 : 0)
        guard result >= 0 else {
            throw .refused(
                operation: "switch \(isEnabled ? "on" : "off") \(offload) of", object: "link \(name)",
                error: ErrorNumber(result), explanation: nil)
        }
    }

    /// Whether an offload of the interface is on.
    public func offload(_ offload: Offload, of name: String) throws(NetlinkError) -> Bool {
        let result = clinux_offload_get(socket.number, name, offload.number)
        guard result >= 0 else {
            throw .refused(
                operation: "read \(offload) of", object: "link \(name)", error: ErrorNumber(result), explanation: nil)
        }
        return result != 0
    }

    /// How to make a veth pair.
    public struct VethOptions: Sendable {
        /// Receive and transmit queues of each end; native XDP redirect wants one per CPU.
        public var queues: UInt32?
        /// MTU of both ends.
        public var mtu: UInt32?

        /// Leaves to the kernel what is nil.
        public init(queues: UInt32? = nil, mtu: UInt32? = nil) {
            self.queues = queues
            self.mtu = mtu
        }
    }

    /// An offload switch of `ethtool(8)`.
    public enum Offload: Sendable, CaseIterable {
        /// Merging received packets (`gro`).
        case genericReceive
        /// Leaving transmit checksums to the device (`tx`).
        case transmitChecksum
        /// Trusting the device's receive checksums (`rx`).
        case receiveChecksum
        /// Splitting large packets late (`gso`).
        case genericSegmentation
        /// Splitting large TCP packets in the device (`tso`).
        case tcpSegmentation
        /// Leaving it to the device to put VLAN tags into frames (`txvlan`); XDP programs behind a veth never see such tags.
        case transmitVLAN

        var number: clinux_offload {
            switch self {
            case .genericReceive: CLINUX_OFFLOAD_GRO
            case .transmitChecksum: CLINUX_OFFLOAD_TX_CHECKSUM
            case .receiveChecksum: CLINUX_OFFLOAD_RX_CHECKSUM
            case .genericSegmentation: CLINUX_OFFLOAD_GSO
            case .tcpSegmentation: CLINUX_OFFLOAD_TSO
            case .transmitVLAN: CLINUX_OFFLOAD_TX_VLAN
            }
        }
    }

    /// `IFNAMSIZ`, the terminating zero counted.
    private static var nameCapacity: Int { 16 }

    private func checkName(_ name: String) throws(NetlinkError) {
        guard !name.isEmpty, name.utf8.count < Self.nameCapacity else {
            throw .invalid(object: "link name \"\(name)\"", reason: "a name has 1 to 15 bytes")
        }
    }

    private mutating func createVethPair(
        _ name: String, peer: String, namespace: Int32?, _ options: VethOptions
    ) throws(NetlinkError) {
        try checkName(peer)
        try create(name, kind: "veth", options) { data in
            data.nested(VETH_INFO_PEER) { nest in
                nest.appendLinkHeader()
                nest.attribute(IFLA_IFNAME, peer)
                options.append(to: &nest)
                if let namespace { nest.attribute(IFLA_NET_NS_FD, namespace) }
            }
        }
    }

    private mutating func create(
        _ name: String, kind: String, _ options: VethOptions = VethOptions(), data: (inout MessageBuilder) -> Void
    ) throws(NetlinkError) {
        try checkName(name)
        var message = MessageBuilder(type: RTM_NEWLINK, flags: NLM_F_ACK | createFlags)
        message.appendLinkHeader()
        message.attribute(IFLA_IFNAME, name)
        options.append(to: &message)
        message.nested(IFLA_LINKINFO) { info in
            info.attribute(IFLA_INFO_KIND, kind)
            info.nested(IFLA_INFO_DATA, data)
        }
        try execute(message, operation: "create \(kind)", object: "link \(name)")
    }

    private mutating func change(
        _ index: Int32, _ operation: String, flags: UInt32 = 0, mask: UInt32 = 0,
        _ attributes: (inout MessageBuilder) -> Void
    ) throws(NetlinkError) {
        var message = MessageBuilder(type: RTM_NEWLINK, flags: NLM_F_ACK)
        message.appendLinkHeader(index: index, flags: flags, change: mask)
        attributes(&message)
        try execute(message, operation: operation, object: "link with index \(index)")
    }

    private mutating func single(_ message: MessageBuilder, object: String) throws(NetlinkError) -> NetworkLink {
        var found: NetworkLink?
        do throws(NetlinkError) {
            var message = message
            message.requestAcknowledgement()
            try transact(message, operation: "read", object: object) { (header, payload) throws(NetlinkError) in
                if header.type == RTM_NEWLINK { found = try NetworkLink(message: payload) }
            }
        } catch let .refused(_, _, error, _) where error.number == ENODEV || error.number == EINVAL {
            throw .notFound(object: object)
        }
        guard let found else { throw .notFound(object: object) }
        return found
    }
}

extension NetlinkSocket.VethOptions {
    fileprivate func append(to message: inout MessageBuilder) {
        if let mtu { message.attribute(IFLA_MTU, mtu) }
        if let queues {
            message.attribute(IFLA_NUM_RX_QUEUES, queues)
            message.attribute(IFLA_NUM_TX_QUEUES, queues)
        }
    }
}

extension NetlinkSocket.Offload: CustomStringConvertible {
    /// The short name of `ethtool -K`.
    public var description: String {
        switch self {
        case .genericReceive: "gro"
        case .transmitChecksum: "tx"
        case .receiveChecksum: "rx"
        case .genericSegmentation: "gso"
        case .tcpSegmentation: "tso"
        case .transmitVLAN: "txvlan"
        }
    }
}
