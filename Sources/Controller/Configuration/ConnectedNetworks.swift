// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The networks that a configuration's own addresses are in, but for link-local ones, which are the same everywhere.
struct ConnectedNetworks {
    struct Network {
        var address: InterfaceAddress
        var port: Configuration.RouterPort
        var vrf: VRFID
        var location: SourceLocation
    }

    private(set) var list: [Network] = []

    init() {}

    init(_ configuration: Configuration) {
        for place in configuration.routerPlaces {
            for item in place.addresses where !item.value.address.isLinkLocal {
                add(Network(address: item.value, port: place.port, vrf: place.vrf, location: item.location))
            }
        }
    }

    mutating func add(_ network: Network) { list.append(network) }

    /// The network that has this address as the node's own.
    func own(_ address: IPAddress, vrf: VRFID) -> Network? {
        list.first { $0.address.address == address && $0.vrf == vrf }
    }

    /// Where a neighbour is, by the longest network that holds its address; nil for link-local addresses.
    func place(of address: IPAddress, vrf: VRFID) -> Configuration.RouterPort? {
        guard !address.isLinkLocal else { return nil }
        return list.filter { $0.vrf == vrf && $0.address.prefix.contains(address) }
            .max { $0.address.length < $1.address.length }?.port
    }
}

extension Configuration {
    /// Where the router is: a port, or a VLAN of one.
    struct RouterPlace {
        var port: RouterPort
        var vrf: VRFID
        var addresses: [Located<InterfaceAddress>]
        /// Of its frames at the port; nil for the untagged ones of a routed port.
        var vlan: VLANID?
        var isSwitched: Bool
    }

    /// The router's places in the order of the file. A switched port is one only if it has addresses of its own.
    var routerPlaces: [RouterPlace] {
        ports.flatMap { port in
            let isSwitched = port.mode == .switched
            var places: [RouterPlace] = []
            if !isSwitched || !port.addresses.isEmpty {
                places.append(
                    RouterPlace(
                        port: RouterPort(port: port.name), vrf: port.vrf, addresses: port.addresses,
                        vlan: isSwitched ? port.pvid : nil, isSwitched: isSwitched))
            }
            return places
                + port.subinterfaces.map { sub in
                    RouterPlace(
                        port: RouterPort(port: port.name, vlan: sub.vlan), vrf: sub.vrf, addresses: sub.addresses,
                        vlan: sub.vlan, isSwitched: isSwitched)
                }
        }
    }
}
