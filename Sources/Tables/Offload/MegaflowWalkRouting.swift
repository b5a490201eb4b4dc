// SPDX-License-Identifier: Apache-2.0
import Packet

// Section 4 of the contract: frames that my station admits.
extension MegaflowWalk {
    mutating func route(_ frames: Frames, at interface: RouterInterfaceID) throws(OffloadRefusal) {
        // 4. A derived entry that says the ACL is done says what the ACL says.
        guard try passesACL(frames, routed: true) else { return }
        let frame = frames.frame
        // 7. What has no flow key.
        guard frame.isIP else { return try kernel(frames, .notIP) }
        if frame.tagCount > 1 { return try kernel(frames, .vlanDepth) }
        if frame.hasOptions == true { return try kernel(frames, .ipOptions) }
        if frame.fragment != .none {
            // Those with hop-by-hop options or IPv4 options go the same way.
            return try kernel(frames, .fragment)
        }
        // What has one first: it is what most frames are.
        try decide(frames, at: interface)
        if frame.content == .ipv6 { try kernel(frames, .hopByHop, only: "with hop-by-hop options") }
        if frame.hasOptions == nil { try kernel(frames, .ipOptions, only: "with options") }
    }

    /// Frames that have a flow key.
    private mutating func decide(_ frames: Frames, at interface: RouterInterfaceID) throws(OffloadRefusal) {
        let frame = frames.frame
        let key = flowKey(of: frame, at: interface)
        if let key {
            if let flow = entries.staticFlow(key) { return try apply(flow, frames) }
        } else {
            var refusal: OffloadRefusal?
            entries.forEachStaticFlow(at: interface) { flow in
                guard mayBe(frame, flow.key) else { return true }
                do throws(OffloadRefusal) {
                    try apply(flow, frames, only: "of flow \(flow.key)")
                    return true
                } catch {
                    refusal = error
                    return false
                }
            }
            if let refusal { throw refusal }
        }
        try route(frames, at: interface, key)
    }

    /// The flow of all the frames, if it is one.
    private func flowKey(of frame: FrameCase, at interface: RouterInterfaceID) -> FlowKey? {
        guard let source = frame.ipv4Source, let destination = frame.ipv4Destination, let ipProtocol = frame.ipProtocol
        else { return nil }
        var ports: (UInt16, UInt16) = (0, 0)
        switch ipProtocol {
        case IPProtocol.tcp, IPProtocol.udp:
            guard let source = frame.sourcePort, let destination = frame.destinationPort else { return nil }
            ports = (source, destination)
        // Type and code are not known.
        case IPProtocol.icmp: return nil
        default: break
        }
        return FlowKey(
            routerInterface: interface, source: .v4(source), destination: .v4(destination), ipProtocol: ipProtocol,
            sourcePort: ports.0, destinationPort: ports.1)
    }

    private func mayBe(_ frame: FrameCase, _ key: FlowKey) -> Bool {
        func may<Value: Equatable>(_ known: Value?, _ value: Value) -> Bool { known == nil || known == value }
        guard key.isIPv6 == (frame.content == .ipv6) else { return false }
        if key.isIPv6 { return true }
        guard may(frame.ipv4Source.map { .v4($0) }, key.sourceAddress),
            may(frame.ipv4Destination.map { .v4($0) }, key.destinationAddress), may(frame.ipProtocol, key.ipProtocol)
        else { return false }
        guard key.ipProtocol == IPProtocol.tcp || key.ipProtocol == IPProtocol.udp else { return true }
        return may(frame.sourcePort, key.sourcePort) && may(frame.destinationPort, key.destinationPort)
    }

    /// 4.6.
    private mutating func apply(
        _ flow: FlowEntry, _ frames: Frames, only condition: @autoclosure () -> String? = nil
    ) throws(OffloadRefusal) {
        if flow.mirror { return try add(.copy, frames, "are copied to the controller", only: condition()) }
        switch flow.action {
        case .drop: try drop(frames, flow.reason, only: condition())
        case .kernel: try kernel(frames, flow.reason, only: condition())
        case .cpu: try add(.cpu, frames, "go to the controller (\(flow.reason.name))", only: condition())
        case .port(let port): try send(frames, by: port, only: condition())
        case .nextHop(let id): try send(frames, by: [id], only: condition())
        }
    }

    /// 4.7 (special addresses), 4.8.
    private mutating func route(
        _ frames: Frames, at interface: RouterInterfaceID, _ key: FlowKey?
    ) throws(OffloadRefusal) {
        let addresses = [frames.frame.ipv4Source, frames.frame.ipv4Destination].map { $0.map { IPAddress.v4($0) } }
        if addresses.contains(where: { $0?.isNeverRouted == true }) { return try kernel(frames, .specialAddress) }
        let vrf = state.routerInterface(interface)?.vrf ?? .default
        if let destination = addresses[1] {
            guard let route = state.route(vrf: vrf, to: destination) else { return try kernel(frames, .noRoute) }
            switch route.action {
            case .drop: try drop(frames, .route)
            case .kernel: try kernel(frames, .local)
            case .cpu: try add(.cpu, frames, "go to the controller (\(Reason.route.name))")
            case .nextHop(let id): try send(frames, by: [id])
            case .group(let id):
                let buckets = state.buckets(of: id)
                if buckets.isEmpty {
                    try kernel(frames, .noRoute)
                } else {
                    let bucket = key.map { FlowHash.bucket($0, seed: state.ecmpSeed) }
                    try send(frames, by: bucket.map { [buckets[$0]] } ?? Set(buckets).sorted())
                }
            }
        } else {
            try add(.various, frames, "are routed by their destination")
        }
        if addresses.contains(nil) {
            try kernel(frames, .specialAddress, only: "with an address that is not routed")
        }
    }

    /// 4, next hop: to one of them, and nothing tells to which.
    private mutating func send(
        _ frames: Frames, by nextHops: [NextHopID], only condition: @autoclosure () -> String? = nil
    ) throws(OffloadRefusal) {
        func also(_ more: String) -> String { condition().map { "\($0), \(more)" } ?? more }
        for id in nextHops {
            guard let nextHop = state.resolve(id) else {
                try kernel(frames, .neighborUnresolved, only: condition())
                continue
            }
            guard nextHop.isUp else {
                try kernel(frames, .egressPortDown, only: condition())
                continue
            }
            try add(
                .rewrite(nextHop.egressPort), frames, "leave by port \(nextHop.egressPort.rawValue) rewritten",
                only: condition())
            try kernel(frames, .ttlExpired, only: also("with TTL 0 or 1"))
        }
    }
}
