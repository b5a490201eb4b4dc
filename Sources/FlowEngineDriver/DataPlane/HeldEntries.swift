// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The flows and MAC entries that this data plane was given: what its decisions are proven from, beside `TableState`.
struct HeldEntries: OffloadEntries {
    struct Station {
        var entry: MACEntry
        var lastHit: CoarseTime
    }

    struct Flow {
        var entry: FlowEntry
        /// Place of its rule; nil if it has none: its packets are decided by the data plane behind.
        var rule: Int?
        /// Of rules it had before.
        var packets: UInt64 = 0
        var lastHit: CoarseTime
    }

    var stations: [MACKey: Station] = [:]
    var flows: [FlowKey: Flow] = [:]
    private var staticFlows: [RouterInterfaceID: Set<FlowKey>] = [:]

    func mac(_ key: MACKey) -> MACEntry? { stations[key]?.entry }

    func staticFlow(_ key: FlowKey) -> FlowEntry? {
        guard let flow = flows[key], flow.entry.origin == .static else { return nil }
        return flow.entry
    }

    func forEachStaticFlow(at interface: RouterInterfaceID, _ body: (FlowEntry) -> Bool) {
        for key in staticFlows[interface] ?? [] {
            if let flow = flows[key], !body(flow.entry) { return }
        }
    }

    mutating func set(_ key: FlowKey, _ flow: Flow?) {
        flows[key] = flow
        if flow?.entry.origin == .static {
            staticFlows[key.routerInterface, default: []].insert(key)
        } else if staticFlows[key.routerInterface]?.remove(key) != nil,
            staticFlows[key.routerInterface]?.isEmpty == true
        {
            staticFlows[key.routerInterface] = nil
        }
    }
}

extension MACEntry {
    var key: MACKey { MACKey(vlan: vlan, mac: mac) }
}
