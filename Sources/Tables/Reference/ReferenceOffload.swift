// SPDX-License-Identifier: Apache-2.0
import Packet

// What is proven from the reference's tables can be checked with the reference.
extension ReferenceDataPlane: OffloadEntries {
    public func mac(_ key: Tables.MACKey) -> MACEntry? { macs[MACKey(vlan: key.vlan, mac: key.mac)]?.entry }

    public func staticFlow(_ key: FlowKey) -> FlowEntry? {
        flows[key].flatMap { $0.entry.origin == .static ? $0.entry : nil }
    }

    public func forEachStaticFlow(at interface: RouterInterfaceID, _ body: (FlowEntry) -> Bool) {
        for (key, flow) in flows where key.routerInterface == interface && flow.entry.origin == .static {
            guard body(flow.entry) else { return }
        }
    }
}
