// SPDX-License-Identifier: Apache-2.0
import Controller
import Packet
import Tables

/// The tables a configuration makes on a host that has all it names: a capture can be replayed on any machine.
struct ReplayTables {
    let entries: [TableEntry]
    /// In the order of the file.
    let ports: [(name: String, id: PortID)]

    /// - Parameter anyStation: admit unicast frames at routed ports to the router whatever their destination address,
    ///   for captures made elsewhere.
    init(_ configuration: Configuration, anyStation: Bool) {
        var identities = Identities()
        let plan = TablePlan(configuration, facts: Self.facts(configuration), identities: &identities)
        ports = plan.bindings.map { ($0.name, $0.port) }
        var entries = plan.entries
        if anyStation {
            let routed = Set(
                entries.compactMap { if case .port(let port) = $0, port.mode == .routed { port.port } else { nil } })
            for case .routerInterface(let interface) in plan.entries where routed.contains(interface.port) {
                var station = MyStationEntry(
                    port: interface.port, vlan: interface.vlan, mac: MACAddress(rawValue: 0), priority: 0,
                    routerInterface: interface.id)
                station.macMask = MACAddress(rawValue: 0x0100_0000_0000)
                entries.append(.myStation(station))
            }
        }
        self.entries = entries
    }

    /// Interfaces that are up, with addresses 02:00:00:00:01:01 and on where the file gives none.
    private static func facts(_ configuration: Configuration) -> HostFacts {
        var interfaces: [HostFacts.Interface] = []
        for (index, port) in configuration.ports.enumerated() {
            let mac = port.mac ?? MACAddress(rawValue: 0x0200_0000_0101 + UInt64(index))
            let mtu = Int(port.mtu ?? 1500)
            interfaces.append(.init(name: port.interface, index: UInt32(index + 1), mac: mac, mtu: mtu))
            for sub in port.subinterfaces {
                let index = UInt32(1000 + interfaces.count)
                interfaces.append(.init(name: sub.interface, index: index, mac: sub.mac ?? mac, mtu: mtu))
            }
        }
        return HostFacts(interfaces: interfaces)
    }
}
