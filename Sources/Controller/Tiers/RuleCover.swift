// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Finds the rule that decides a flow's packets, whatever it was made for. For lists: O(kinds of rules) for a flow.
struct RuleCover {
    let placements: [Megaflow: HardwareCounts.Placement]
    private let kinds: [MegaflowFields]
    private let state: TableState
    /// Of rules that look at nothing but who a frame is to, and where it comes from.
    private var byStation: [MACAddress: [Megaflow]] = [:]

    init(_ placements: [Megaflow: HardwareCounts.Placement], state: TableState) {
        (self.placements, self.state) = (placements, state)
        kinds = Array(Set(placements.keys.map(\.fields)))
        let fields: MegaflowFields = [.destinationMAC, .vlan, .ingressPort, .sourceMAC]
        for megaflow in placements.keys where megaflow.fields.isSubset(of: fields) {
            if let station = megaflow.destinationMAC { byStation[station, default: []].append(megaflow) }
        }
    }

    /// Nil if there is none, or if it takes more than the flow's key to tell.
    func rule(of flow: FlowEntry) -> Megaflow? {
        guard !kinds.isEmpty, Tiering.canMove(flow) else { return nil }
        for sample in Megaflow.samples(of: flow.key, state: state) {
            for fields in kinds where fields.isSubset(of: sample.fields) {
                let megaflow = sample.reduced(to: fields)
                if placements[megaflow] != nil { return megaflow }
            }
        }
        return nil
    }
}

extension RuleCover {
    /// Rules for what goes to a station in its VLAN, tagged or not: from any port and station, or from some.
    func rules(of station: MACEntry) -> [Megaflow] {
        (byStation[station.mac] ?? []).filter { $0.vlan == nil || $0.vlan == station.vlan || $0.vlan == .untagged }
    }
}

extension Tiering {
    func cover(_ state: TableState) -> RuleCover { RuleCover(plane.counts.placements, state: state) }

    /// Where a flow's packets are decided, and why.
    func location(of flow: FlowEntry, _ cover: RuleCover) -> EntryLocation {
        let name = plane.capabilities.name
        if flow.mirror { return EntryLocation(place: name, reason: "copied to the controller") }
        switch flow.action {
        case .nextHop: return EntryLocation(place: name, reason: "routed: a card cannot count down a TTL")
        case .kernel: return EntryLocation(place: name, reason: "goes to the kernel")
        case .cpu: return EntryLocation(place: name, reason: "goes to the controller")
        case .drop, .port: break
        }
        let subject = OffloadSubject.flow(flow.key)
        if let rule = cover.rule(of: flow) ?? policy.rule(of: subject) { return onCard(rule) }
        return EntryLocation(place: name, reason: reason(subject))
    }

    /// The same of what is sent to a station.
    func location(of station: MACEntry, _ cover: RuleCover) -> EntryLocation {
        switch station.action {
        case .kernel: return EntryLocation(place: plane.capabilities.name, reason: "goes to the kernel")
        case .cpu: return EntryLocation(place: plane.capabilities.name, reason: "goes to the controller")
        case .drop, .port: break
        }
        let subject = OffloadSubject.station(station.vlan, station.mac)
        func rate(_ rule: Megaflow) -> Double { policy.rules[rule]?.rate ?? 0 }
        let hottest = cover.rules(of: station).max { rate($0) < rate($1) }
        if let rule = policy.rule(of: subject) ?? hottest { return onCard(rule) }
        return EntryLocation(place: plane.capabilities.name, reason: reason(subject))
    }

    private func onCard(_ rule: Megaflow) -> EntryLocation {
        let place = plane.counts.placements[rule]?.place ?? ""
        return EntryLocation(
            place: place.isEmpty ? "card" : "card: \(place)",
            reason: policy.rules[rule]?.rate.map { "\(Int($0)) pps" } ?? "just moved")
    }

    private func reason(_ subject: OffloadSubject) -> String {
        let rate = policy.meter.rate(subject.fingerprint(seed: seed)).map { Int($0) }
        let least = Int(policy.settings.promote)
        guard let rate else { return "under \(least) pps" }
        guard let obstacle = policy.obstacle(of: subject), rate >= least else { return "\(rate) pps" }
        return "\(rate) pps; \(obstacle)"
    }
}
