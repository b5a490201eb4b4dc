// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The numbers the node gave to what the file calls by name. Handed from plan to plan, so that a number stays as long as
/// its name does; numbers of what is gone are free again.
public struct Identities: Hashable, Sendable {
    package struct NextHopName: Hashable, Sendable {
        package var routerInterface: RouterInterfaceID
        package var address: IPAddress

        package init(routerInterface: RouterInterfaceID, address: IPAddress) {
            (self.routerInterface, self.address) = (routerInterface, address)
        }
    }

    package struct InterfaceName: Hashable, Sendable {
        package var port: PortID
        package var vlan: VLANID?

        package init(port: PortID, vlan: VLANID?) { (self.port, self.vlan) = (port, vlan) }
    }

    /// One kind of number: those given, by name.
    package struct Numbers<Name: Hashable & Sendable>: Hashable, Sendable {
        package var given: [Name: UInt32] = [:]
        private var used: Set<Name> = []
        private var taken: Set<UInt32> = []
        private var next: UInt32 = 1

        /// Begins a plan: nothing is used yet.
        ///
        /// - Parameter reserved: numbers others use, not to be given. One given before stays with its name: others have changed
        ///   the entry, and so what refers to it, not made another.
        mutating func begin(reserved: Set<UInt32>) {
            (used, next) = ([], 1)
            taken = reserved.union(given.values)
        }

        mutating func number(of name: Name) -> UInt32 {
            used.insert(name)
            if let number = given[name] { return number }
            while taken.contains(next) { next += 1 }
            taken.insert(next)
            given[name] = next
            return next
        }

        mutating func take(_ number: UInt32, for name: Name) {
            used.insert(name)
            if let other = given.first(where: { $0.value == number && $0.key != name }) { given[other.key] = nil }
            given[name] = number
            taken.insert(number)
        }

        /// Ends a plan: forgets what it did not use.
        mutating func end() {
            given = given.filter { used.contains($0.key) }
            (used, taken) = ([], [])
        }
    }

    package var ports = Numbers<String>()
    package var interfaces = Numbers<InterfaceName>()
    package var nextHops = Numbers<NextHopName>()
    package var groups = Numbers<[NextHopGroupEntry.Member]>()
    /// The kernel's index of the interface behind a port, to follow it when it is renamed.
    package var interfaceIndexes: [String: UInt32] = [:]

    public init() {}

    /// The numbers that a plan of this configuration will give to its ports, by name: for what has to know them before there is a plan.
    public func portNumbers(of configuration: Configuration) -> [String: PortID] {
        var numbers = ports
        numbers.begin(reserved: [])
        for port in configuration.ports {
            if let id = port.id { numbers.take(UInt32(id.rawValue), for: port.name) }
        }
        var found: [String: PortID] = [:]
        for port in configuration.ports {
            found[port.name] = PortID(rawValue: UInt16(truncatingIfNeeded: numbers.number(of: port.name)))
        }
        return found
    }

    /// Takes over the numbers found in a data plane that was running before this process.
    mutating func adopt(_ entries: some Sequence<TableEntry>) {
        var stations: [RouterInterfaceID: MyStationEntry] = [:]
        var found: [RouterInterfaceEntry] = []
        for entry in entries {
            switch entry {
            case .myStation(let station): stations[station.routerInterface] = station
            case .routerInterface(let interface): found.append(interface)
            case .nextHop(let hop):
                nextHops.given[NextHopName(routerInterface: hop.routerInterface, address: hop.neighbor)] =
                    hop.id.rawValue
            case .nextHopGroup(let group): groups.given[group.members] = group.id.rawValue
            default: break
            }
        }
        for interface in found {
            let tag = stations[interface.id]?.vlan ?? interface.vlan
            interfaces.given[InterfaceName(port: interface.port, vlan: tag == .untagged ? nil : tag)] =
                UInt32(interface.id.rawValue)
        }
    }
}
