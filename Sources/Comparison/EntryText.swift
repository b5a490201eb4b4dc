// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// Entries in one line each, for reports: only what is not the default.

extension TableUpdate {
    /// `insert next hop 3: interface 4, neighbor 10.0.0.1`.
    public var text: String {
        operation == .delete ? "delete \(entry.keyText)" : "\(operation) \(entry.keyText): \(entry.contentText)"
    }
}

extension TableEntry {
    /// What the entry says beside its key.
    public var contentText: String {
        switch self {
        case .flow(let entry): entry.contentText
        case .mac(let entry): "\(entry.action.text)\(entry.isStatic ? ", static" : "")"
        case .port(let entry): entry.contentText
        case .vlan(let entry):
            "tagged \(list(entry.tagged)), untagged \(list(entry.untagged)), unknown unicast \(entry.unknownUnicast), "
                + "broadcast \(entry.broadcast), multicast \(entry.multicast)"
        case .myStation(let entry): "interface \(entry.routerInterface.rawValue)"
        case .routerInterface(let entry):
            "port \(entry.port.rawValue), VLAN \(entry.vlan.rawValue), \(entry.mac), VRF \(entry.vrf.rawValue)"
        case .neighbor(let entry): "\(entry.mac)"
        case .nextHop(let entry): "interface \(entry.routerInterface.rawValue), neighbor \(entry.neighbor)"
        case .nextHopGroup(let entry):
            entry.members.map { "next hop \($0.nextHop.rawValue) × \($0.weight)" }.joined(separator: ", ")
        case .route(let entry): entry.action.text
        case .acl(let entry): entry.contentText
        }
    }
}

private func list(_ ports: Set<PortID>) -> String {
    "{" + ports.sorted().map { "\($0.rawValue)" }.joined(separator: " ") + "}"
}

extension PortEntry {
    fileprivate var contentText: String {
        "\(mode), pvid \(pvid.rawValue), MTU \(mtu)" + (admit ? "" : ", does not admit") + (up ? "" : ", down")
            + malformedText + (learnFlows ? "" : ", learns no flows") + (learnMACs ? "" : ", learns no MACs")
    }

    private var malformedText: String {
        switch malformed {
        case .drop: ""
        case .kernel: ", malformed to the kernel"
        case .ignore: ", malformed ignored"
        }
    }
}

extension FlowEntry {
    fileprivate var contentText: String {
        let origin = self.origin == .static ? "static" : "derived"
        return "\(action.text), \(origin), \(reason.name)" + (aclDone ? ", ACL done" : "") + (mirror ? ", mirror" : "")
    }
}

extension ForwardingAction {
    fileprivate var text: String {
        switch self {
        case .nextHop(let id): "next hop \(id.rawValue)"
        case .port(let id): "port \(id.rawValue)"
        case .drop: "drop"
        case .kernel: "kernel"
        case .cpu: "cpu"
        }
    }
}

extension MACEntry.Action {
    fileprivate var text: String {
        if case .port(let id) = self { "port \(id.rawValue)" } else { "\(self)" }
    }
}

extension RouteEntry.Action {
    fileprivate var text: String {
        switch self {
        case .nextHop(let id): "next hop \(id.rawValue)"
        case .group(let id): "group \(id.rawValue)"
        case .drop: "drop"
        case .kernel: "kernel"
        case .cpu: "cpu"
        }
    }
}

extension ACLEntry {
    fileprivate var contentText: String {
        var parts = ["priority \(priority)"]
        func add(_ name: String, _ value: (some Any)?) { if let value { parts.append("\(name) \(value)") } }
        func ternary(_ value: Ternary<UInt64>?) -> String? {
            value.map { "\(MACAddress(rawValue: $0.value))/\(MACAddress(rawValue: $0.mask))" }
        }
        add("ingress port", match.ingressPort?.rawValue)
        add("VLAN", match.vlan?.rawValue)
        add("EtherType", match.etherType.map { "0x" + String($0, radix: 16) })
        add("destination MAC", ternary(match.destinationMAC))
        add("source MAC", ternary(match.sourceMAC))
        add("source", match.source)
        add("destination", match.destination)
        add("protocol", match.ipProtocol)
        add("DSCP", match.dscp)
        add("source ports", match.sourcePorts)
        add("destination ports", match.destinationPorts)
        add("TCP flags", match.tcpFlags.map { "0x\(String($0.value, radix: 16))/0x\(String($0.mask, radix: 16))" })
        add("ICMP type", match.icmpType)
        add("ICMP code", match.icmpCode)
        add("fragment", match.fragment)
        add("routed", match.routed)
        let action = if case .redirect(let port) = action { "redirect to port \(port.rawValue)" } else { "\(action)" }
        return parts.joined(separator: ", ") + " → " + action + (mirror ? " and mirror" : "")
    }
}
