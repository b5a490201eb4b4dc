// SPDX-License-Identifier: Apache-2.0
import Packet

extension TableEntry {
    /// The entry's key in words, as errors name it: `route 10.0.0.0/8 in VRF 0`.
    public var keyText: String {
        switch self {
        case .flow(let flow): "flow \(flow.key)"
        case .mac(let mac): "station \(mac.mac) in VLAN \(mac.vlan.rawValue)"
        case .port(let port): "port \(port.port.rawValue)"
        case .vlan(let vlan): "VLAN \(vlan.vlan.rawValue)"
        case .myStation(let station):
            "station \(station.mac)\(station.macMask == .broadcast ? "" : "/\(station.macMask)") at "
                + (station.port.map { "port \($0.rawValue)" } ?? "any port") + ", "
                + (station.vlan.map { $0 == .untagged ? "untagged" : "VLAN \($0.rawValue)" } ?? "any VLAN")
                + ", priority \(station.priority)"
        case .routerInterface(let interface): "router interface \(interface.id.rawValue)"
        case .neighbor(let neighbor):
            "neighbor \(neighbor.address) at router interface \(neighbor.routerInterface.rawValue)"
        case .nextHop(let nextHop): "next hop \(nextHop.id.rawValue)"
        case .nextHopGroup(let group): "next-hop group \(group.id.rawValue)"
        case .route(let route): "route \(route.prefix) in VRF \(route.vrf.rawValue)"
        case .acl(let rule): "ACL entry \(rule.id)"
        }
    }
}

extension FlowKey: CustomStringConvertible {
    /// `interface 3: 10.0.0.1:80 > 10.0.0.2:1234 protocol 6`
    public var description: String {
        let ports = sourcePort != 0 || destinationPort != 0
        func end(_ address: IPAddress, _ port: UInt16) -> String {
            guard ports else { return address.description }
            return isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
        }
        return "interface \(routerInterface.rawValue): \(end(sourceAddress, sourcePort)) > "
            + "\(end(destinationAddress, destinationPort)) protocol \(ipProtocol)"
    }
}
