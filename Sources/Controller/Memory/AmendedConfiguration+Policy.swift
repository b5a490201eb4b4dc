// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// The ACL and static flows.
extension ConfigurationAmender {
    mutating func amendACL() {
        let changed = changes({ if case .acl(let entry) = $0 { entry } else { nil } }, orderedBy: \.id) {
            amender, entry, amendment throws(CannotSay) -> (UInt32, Configuration.ACLRule?)? in
            if entry.id == TablePlan.aclDefaultID {
                try amender.setDefault(entry, isDeleted: amendment.kind == .deleted)
                return nil
            }
            return (entry.id, amendment.kind == .deleted ? nil : try amender.rule(entry))
        }
        result.acl = merge(result.acl, by: \.id, changed)
        result.limits.acl = max(result.limits.acl, result.acl.count)
    }

    /// The entry that stands for `acl_default: drop`.
    private mutating func setDefault(_ entry: ACLEntry, isDeleted: Bool) throws(CannotSay) {
        if isDeleted {
            result.aclDefault = .permit
        } else if entry == TablePlan.aclDefault {
            result.aclDefault = .drop
        } else {
            throw CannotSay("ids of a file end below it; it stands for \"acl_default: drop\", which looks at nothing")
        }
    }

    private func rule(_ entry: ACLEntry) throws(CannotSay) -> Configuration.ACLRule {
        guard entry.id > 0 else { throw CannotSay("ids of a file begin with 1; give it another one") }
        if let type = entry.match.etherType, type < 0x600 {
            throw CannotSay("ether_type 0x\(String(type, radix: 16)) is a length and no type")
        }
        let action: Configuration.ACLRule.Action =
            switch entry.action {
            case .permit: .permit
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            case .redirect(let port): .redirect(try portName(port))
            }
        var rule = Configuration.ACLRule(
            id: entry.id, priority: entry.priority, match: entry.match, action: action, mirror: entry.mirror,
            location: Self.here)
        if let port = entry.match.ingressPort { rule.ingressPort = try portName(port) }
        rule.match.ingressPort = nil
        return rule
    }

    private struct FlowName: Hashable {
        var port: Configuration.RouterPort
        var source: IPAddress
        var destination: IPAddress
        var ipProtocol: UInt8
        var ports: UInt32

        init(_ flow: Configuration.StaticFlow) {
            (port, source, destination) = (flow.port, flow.source, flow.destination)
            (ipProtocol, ports) = (flow.ipProtocol, UInt32(flow.sourcePort) << 16 | UInt32(flow.destinationPort))
        }
    }

    mutating func amendFlows() {
        let changed = changes(
            { if case .flow(let entry) = $0 { entry } else { nil } },
            orderedBy: { flow in
                let ports = UInt64(flow.key.sourcePort) << 16 | UInt64(flow.key.destinationPort)
                return SortKey(
                    SortKey(flow.key.routerInterface.rawValue, flow.key.sourceAddress),
                    SortKey(flow.key.destinationAddress, UInt64(flow.key.ipProtocol) << 32 | ports))
            }
        ) { amender, entry, amendment throws(CannotSay) -> (FlowName, Configuration.StaticFlow?)? in
            if amendment.kind == .deleted, amender.places[entry.key.routerInterface] == nil { return nil }
            let flow = try amender.flow(
                entry, idleTimeout: amendment.idleTimeout, isDeleted: amendment.kind == .deleted)
            return (FlowName(flow), amendment.kind == .deleted ? nil : flow)
        }
        result.flows = merge(result.flows, by: FlowName.init, changed)
    }

    private mutating func flow(
        _ entry: FlowEntry, idleTimeout: UInt16?, isDeleted: Bool
    ) throws(CannotSay) -> Configuration.StaticFlow {
        let key = entry.key
        let place = try place(key.routerInterface)
        var flow = Configuration.StaticFlow(
            port: place.port, source: key.sourceAddress, destination: key.destinationAddress,
            ipProtocol: key.ipProtocol, sourcePort: key.sourcePort, destinationPort: key.destinationPort,
            action: .drop, mirror: entry.mirror, location: Self.here)
        guard !isDeleted else { return flow }
        flow.action =
            switch entry.action {
            case .nextHop(let id): .via(try nextHop(id, isIPv6: key.isIPv6))
            case .port(let port): .redirect(try portName(port))
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            }
        flow.idleTimeout = idleTimeout.map { .milliseconds(Int64($0) * CoarseTime.millisecondsPerTick) }
        return flow
    }

    /// What the file's flow is called in the tables.
    func flowEntry(_ flow: Configuration.StaticFlow) -> TableEntry {
        .flow(
            FlowEntry(
                key: FlowKey(
                    routerInterface: placeNumbers[flow.port] ?? RouterInterfaceID(rawValue: 0), source: flow.source,
                    destination: flow.destination, ipProtocol: flow.ipProtocol, sourcePort: flow.sourcePort,
                    destinationPort: flow.destinationPort), action: .drop))
    }
}
