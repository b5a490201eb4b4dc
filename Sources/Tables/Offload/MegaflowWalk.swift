// SPDX-License-Identifier: Apache-2.0
import Packet

/// The pipeline, gone through with sets of frames. The sections are those of `Docs/pipeline.md`, in its order.
struct MegaflowWalk<Entries: OffloadEntries> {
    let megaflow: Megaflow
    let state: TableState
    let entries: Entries
    let traits: OffloadTraits
    let ports: Set<PortID>

    private(set) var outcome: MegaflowOutcome
    private(set) var macsRead: Set<MACKey> = []
    private var lastMAC: (key: MACKey, entry: MACEntry?)?
    private var lastVLAN: (id: VLANID, entry: VLANEntry?)?
    private var lastEgress: (id: PortID, entry: PortEntry?)?

    /// - Parameter explains: a refusal says which frames go which way.
    init(
        _ megaflow: Megaflow, state: TableState, entries: Entries, traits: OffloadTraits, ports: Set<PortID>,
        explains: Bool
    ) {
        (self.megaflow, self.state, self.entries) = (megaflow, state, entries)
        (self.traits, self.ports) = (traits, ports)
        outcome = MegaflowOutcome(dropsToIngress: traits.dropsToIngress, ports: ports, explains: explains)
    }

    mutating func run() throws(OffloadRefusal) -> (decision: OffloadDecision, refreshes: MACKey?) {
        let ingress = ports.filter { megaflow.ingressPort == nil || megaflow.ingressPort == $0 }.sorted()
        let shapes = FrameShapes(megaflow, traits)
        for port in ingress { try receive(at: port, shapes) }
        guard let decision = try outcome.decision() else {
            if ingress.isEmpty, let port = megaflow.ingressPort {
                let known = ports.map(\.rawValue).sorted().map { "\($0)" }.joined(separator: ", ")
                throw .value(
                    field: "ingress_port", value: "\(port.rawValue)", expected: "one of the card's ports: \(known)")
            }
            throw .value(
                field: "\(megaflow.fields)", value: "as given",
                expected: "values that a frame the card matches can have")
        }
        return (decision, outcome.refreshes)
    }

    /// Frames of a case, as far as they have got.
    struct Frames {
        var frame: FrameCase
        /// The VLAN they belong to; nil: any but 0.
        var vlan: VLANID?
        /// The learned station that they renew.
        var refreshes: MACKey?
    }

    /// - Parameter condition: what tells them from the other frames of the case: `with TTL 0 or 1`.
    mutating func add(
        _ effect: FrameEffect, _ frames: Frames, _ what: @autoclosure () -> String,
        only condition: @autoclosure () -> String? = nil
    ) throws(OffloadRefusal) {
        try outcome.add(effect, at: frames.frame.port, refreshes: frames.refreshes) {
            "\(frames.frame.words)\(condition().map { ", \($0)" } ?? "") \(what())"
        }
    }

    mutating func drop(
        _ frames: Frames, _ reason: Reason, only condition: @autoclosure () -> String? = nil
    ) throws(OffloadRefusal) {
        try add(.drop, frames, "are dropped (\(reason.name))", only: condition())
    }

    mutating func kernel(
        _ frames: Frames, _ reason: Reason, only condition: @autoclosure () -> String? = nil
    ) throws(OffloadRefusal) {
        try add(.kernel, frames, "go to the kernel (\(reason.name))", only: condition())
    }

    /// The entry, which the proof then rests on. The cases of a megaflow ask for the same one, one after another.
    private mutating func mac(_ key: MACKey) -> MACEntry? {
        if let lastMAC, lastMAC.key == key { return lastMAC.entry }
        macsRead.insert(key)
        let entry = entries.mac(key)
        lastMAC = (key, entry)
        return entry
    }

    /// Likewise.
    private mutating func egress(_ id: PortID) -> PortEntry? {
        if let lastEgress, lastEgress.id == id { return lastEgress.entry }
        let entry = state.port(id)
        lastEgress = (id, entry)
        return entry
    }

    /// Likewise.
    private mutating func vlan(_ id: VLANID) -> VLANEntry? {
        if let lastVLAN, lastVLAN.id == id { return lastVLAN.entry }
        let entry = state.vlan(id)
        lastVLAN = (id, entry)
        return entry
    }

    // MARK: 1. Port, 2. Parse

    private mutating func receive(at id: PortID, _ shapes: FrameShapes) throws(OffloadRefusal) {
        guard let port = state.port(id) else {
            return try outcome.add(.kernel, at: id, refreshes: nil) {
                "frames at port \(id.rawValue) go to the kernel (\(Reason.unknownPort.name))"
            }
        }
        guard port.admit else {
            return try outcome.add(.drop, at: id, refreshes: nil) {
                "frames at port \(id.rawValue) are dropped (\(Reason.port.name))"
            }
        }
        if shapes.includesTruncated {
            let effect: FrameEffect = port.malformed == .kernel ? .kernel : .drop
            try outcome.add(effect, at: id, refreshes: nil) {
                "frames at port \(id.rawValue) that end within the Ethernet header or a tag "
                    + (effect == .drop ? "are dropped" : "go to the kernel")
            }
        }
        try shapes.forEach(at: id) { (frame) throws(OffloadRefusal) in
            guard frame.isMalformed else { return try place(frame, at: port) }
            let frames = Frames(frame: frame)
            switch port.malformed {
            case .drop: try add(.drop, frames, "are dropped")
            case .kernel: try add(.kernel, frames, "go to the kernel")
            case .ignore: try place(frame, at: port)
            }
        }
    }

    // MARK: 3. Where the frame belongs

    private mutating func place(_ frame: FrameCase, at port: PortEntry) throws(OffloadRefusal) {
        var frames = Frames(frame: frame, vlan: frame.vid)
        let isSwitched = port.mode == .switched
        if isSwitched, frame.vid == .untagged { frames.vlan = port.pvid }

        if frame.destinationMAC?.isReservedMulticast ?? true, !traits.skipsReservedMulticast {
            let condition = frame.destinationMAC == nil ? "to a reserved multicast address" : nil
            try kernel(frames, .reservedMulticast, only: condition)
        }
        if frame.destinationMAC?.isReservedMulticast == true { return }

        var bridge: VLANEntry?
        if isSwitched {
            if let vlan = frames.vlan {
                bridge = self.vlan(vlan)
                guard bridge?.hasMember(port.port) == true else { return try drop(frames, .vlanIngress) }
            } else {
                // 4095 is no VLAN at all.
                try drop(frames, .vlanIngress, only: "of a VLAN that the port is not in")
            }
            let isInvalid = frame.sourceMAC.map { $0.isMulticast || $0.rawValue == 0 }
            if isInvalid ?? true, !traits.skipsInvalidSource {
                try drop(frames, .sourceMAC, only: isInvalid == nil ? "from a multicast or zero address" : nil)
            }
            if isInvalid == true { return }
            if port.learnMACs, try !isKnown(&frames, at: port.port) { return }
        }

        for station in state.stations(of: port.port) {
            let wanted = Ternary(value: station.mac.rawValue, mask: station.macMask.rawValue)
            let admits = frame.compare(station.vlan, frames.vlan) && frame.compare(wanted, frame.destinationMAC)
            if admits == .no { continue }
            var admitted = frames
            if station.macMask == .broadcast { admitted.frame.destinationMAC = station.mac }
            if let vlan = station.vlan { admitted.vlan = vlan }
            try route(admitted, at: station.routerInterface)
            if admits == .yes { return }
        }
        if isSwitched { try forward(frames, in: bridge) } else { try reject(frames) }
    }

    /// Whether the source address is known here, for all the frames or some of them. Those that are not have been accounted for.
    private mutating func isKnown(_ frames: inout Frames, at port: PortID) throws(OffloadRefusal) -> Bool {
        guard let source = frames.frame.sourceMAC, let vlan = frames.vlan else {
            let condition = frames.vlan == nil ? "of a VLAN where the station is not known" : "of stations not known"
            try add(.learn, frames, "have to be learned", only: condition)
            return true
        }
        let key = MACKey(vlan: vlan, mac: source)
        let known = mac(key)
        if known?.isStatic == true { return true }
        if known?.action == .port(port) {
            frames.refreshes = key
            return true
        }
        try add(.learn, frames, "have to be learned", only: "of station \(key), not known there")
        return false
    }

    // MARK: 5. Switched frames

    /// `vlan`: nil: any that the port is in.
    private mutating func forward(_ frames: Frames, in vlan: VLANEntry?) throws(OffloadRefusal) {
        guard try passesACL(frames, routed: false) else { return }
        guard let vlan else { return try add(.various, frames, "are switched as their VLAN says") }
        let frame = frames.frame
        guard let destination = frame.destinationMAC else {
            try flood(frames, vlan, vlan.broadcast, .broadcast, only: "to all")
            try flood(frames, vlan, vlan.multicast, .multicast, only: "to a multicast address")
            try flood(frames, vlan, vlan.unknownUnicast, .unknownUnicast, only: "to a station not known")
            return try add(.various, frames, "are switched as the MAC table says", only: "to a station that is known")
        }
        if destination == .broadcast { return try flood(frames, vlan, vlan.broadcast, .broadcast) }
        if destination.isMulticast { return try flood(frames, vlan, vlan.multicast, .multicast) }
        guard let known = mac(MACKey(vlan: vlan.vlan, mac: destination)) else {
            return try flood(frames, vlan, vlan.unknownUnicast, .unknownUnicast)
        }
        switch known.action {
        case .drop: return try drop(frames, .mac)
        case .kernel: return try kernel(frames, .mac)
        case .cpu: return try add(.cpu, frames, "go to the controller (\(Reason.mac.name))")
        case .port(let port):
            if port == frame.port { return try drop(frames, .samePort) }
            guard vlan.hasMember(port), let egress = self.egress(port) else { return try drop(frames, .vlanEgress) }
            guard egress.up else { return try drop(frames, .egressPortDown) }
            try drop(frames, tooLongFor: egress)
            let keepsTag =
                vlan.untagged.contains(port) ? frame.tagCount == 0 : frame.tagCount > 0 && frame.vid == vlan.vlan
            if keepsTag {
                try send(frames, by: port)
            } else {
                let change = vlan.untagged.contains(port) ? "without their tag" : "with the VLAN's tag"
                try add(.rewrite(port), frames, "leave by port \(port.rawValue) \(change)")
            }
        }
    }

    /// Frames may be longer than the egress port sends them, tags not counted.
    private mutating func drop(_ frames: Frames, tooLongFor egress: PortEntry) throws(OffloadRefusal) {
        let tags = HeaderLength.vlanTag * frames.frame.tagCount
        let limit = Int(egress.mtu) + HeaderLength.ethernet + tags
        if let longest = traits.maximumFrame, longest <= limit { return }
        try drop(frames, .mtuExceeded, only: "longer than \(limit) bytes")
    }

    private mutating func flood(
        _ frames: Frames, _ vlan: VLANEntry, _ policy: FloodPolicy, _ reason: Reason,
        only condition: @autoclosure () -> String? = nil
    ) throws(OffloadRefusal) {
        switch policy {
        case .flood:
            try add(.flood(vlan.vlan), frames, "are flooded in VLAN \(vlan.vlan.rawValue)", only: condition())
        case .drop: try drop(frames, reason, only: condition())
        case .kernel: try kernel(frames, reason, only: condition())
        }
    }

    // MARK: 6. Frames at a routed port that my station does not admit

    private mutating func reject(_ frames: Frames) throws(OffloadRefusal) {
        guard try passesACL(frames, routed: false) else { return }
        try kernel(frames, .notMyStation, only: "not for the router")
    }

    // MARK: 7. ACL

    /// Whether it lets some of the frames go on. The others have been accounted for.
    mutating func passesACL(_ frames: Frames, routed: Bool) throws(OffloadRefusal) -> Bool {
        var passes = false
        for rule in state.rules {
            let matches = frames.frame.matches(rule.match, vlan: frames.vlan, routed: routed)
            if matches == .no { continue }
            let condition = "matched by ACL entry \(rule.id)"
            if rule.mirror {
                try add(.copy, frames, "are copied to the controller", only: condition)
            } else {
                switch rule.action {
                case .permit: passes = true
                case .drop: try drop(frames, .acl, only: condition)
                case .kernel: try kernel(frames, .acl, only: condition)
                case .cpu: try add(.cpu, frames, "go to the controller (\(Reason.acl.name))", only: condition)
                case .redirect(let port): try send(frames, by: port, only: condition)
                }
            }
            if matches == .yes { return passes }
        }
        if state.aclDefault == .permit { return true }
        try drop(frames, .acl, only: "matched by no ACL entry")
        return passes
    }

    /// 4.5: as they came.
    mutating func send(
        _ frames: Frames, by port: PortID, only condition: @autoclosure () -> String? = nil
    ) throws(OffloadRefusal) {
        guard egress(port)?.up == true else { return try kernel(frames, .egressPortDown, only: condition()) }
        let effect: FrameEffect = port == frames.frame.port ? .back(port) : .forward(port)
        try add(
            effect, frames, "leave by port \(port.rawValue)\(effect == .forward(port) ? "" : ", where they came in")",
            only: condition())
    }
}
