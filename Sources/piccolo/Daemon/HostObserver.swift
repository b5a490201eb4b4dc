// SPDX-License-Identifier: Apache-2.0
import Controller
import Netlink
import Packet

/// What the kernel says about interfaces, addresses and neighbours, and when it changes.
struct HostObserver: ~Copyable {
    private var socket: NetlinkSocket
    private var monitor: NetlinkMonitor

    /// The monitor is opened first, so that nothing falls between it and the first listing.
    init() throws(NetlinkError) {
        let monitor = try NetlinkMonitor([.links, .addresses, .neighbors])
        let socket = try NetlinkSocket()
        self.monitor = monitor
        self.socket = socket
    }

    /// Readable when something has changed.
    var fileDescriptor: Int32 { monitor.fileDescriptor }

    /// Takes what the monitor has; true if anything in it may matter.
    mutating func drain() throws(NetlinkError) -> Bool {
        var changed = false
        while true {
            let events = try monitor.next()
            if events.isEmpty { return changed }
            changed = true
        }
    }

    mutating func facts() throws(NetlinkError) -> HostFacts {
        let links = try socket.links()
        let addresses = try socket.addresses()
        let names = Dictionary(links.map { ($0.index, $0.name) }) { first, _ in first }
        let interfaces = links.map { link in
            HostFacts.Interface(
                name: link.name, index: UInt32(bitPattern: link.index),
                mac: link.address.map { MACAddress(rawValue: $0.value) }, mtu: Int(link.mtu),
                up: link.isAdministrativelyUp && link.hasCarrier,
                addresses: addresses.filter { $0.linkIndex == link.index && !$0.isTentative }.compactMap {
                    Controller.InterfaceAddress(IPAddress($0.prefix.address), length: Int($0.prefix.length))
                })
        }
        let neighbors = try socket.neighbors().compactMap { neighbor -> HostFacts.Neighbor? in
            guard neighbor.state.isUsable, let mac = neighbor.linkLayerAddress, let name = names[neighbor.linkIndex]
            else { return nil }
            return HostFacts.Neighbor(
                interface: name, address: IPAddress(neighbor.address), mac: MACAddress(rawValue: mac.value))
        }
        return HostFacts(interfaces: interfaces, neighbors: neighbors)
    }
}

extension IPAddress {
    init(_ address: InternetAddress) {
        let bytes = address.bytes
        func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        self =
            bytes.count == 4
            ? .v4(IPv4Address(rawValue: UInt32(word(0..<4))))
            : .v6(IPv6Address(high: word(0..<8), low: word(8..<16)))
    }
}
