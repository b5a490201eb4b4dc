// SPDX-License-Identifier: Apache-2.0
import Packet

/// What names an entry of `mac_table`.
public struct MACKey: Hashable, Sendable, BitwiseCopyable {
    public var vlan: VLANID
    public var mac: MACAddress
    public init(vlan: VLANID, mac: MACAddress) { (self.vlan, self.mac) = (vlan, mac) }
}

extension MACKey: CustomStringConvertible {
    /// `02:00:00:00:00:01 in VLAN 10`
    public var description: String { "\(mac) in VLAN \(vlan.rawValue)" }
}

/// The entries that a proof looks up and `TableState` does not hold. Of flows only static ones are asked for: derived entries
/// say what the tables say.
public protocol OffloadEntries {
    /// The entry of `mac_table`, static or learned. O(1).
    func mac(_ key: MACKey) -> MACEntry?

    /// The static entry of `flow_cache_table`. O(1).
    func staticFlow(_ key: FlowKey) -> FlowEntry?

    /// Visits the static flows of a router interface, in any order, until the visitor says false.
    func forEachStaticFlow(at interface: RouterInterfaceID, _ body: (FlowEntry) -> Bool)
}
