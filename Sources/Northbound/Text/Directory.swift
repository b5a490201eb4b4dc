// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The names a node gives things, to translate what people write and read.
public struct Directory: Sendable {
    public private(set) var portNames: [PortID: String] = [:]
    public private(set) var routerInterfaces: [RouterInterfaceID: RouterInterfaceEntry] = [:]
    public private(set) var nextHops: [NextHopID: NextHopEntry] = [:]
    /// Where the neighbours of next hops are.
    private var neighborPlaces: [IPAddress: Set<RouterInterfaceID>] = [:]

    public init(
        portNames: [PortID: String] = [:], routerInterfaces: [RouterInterfaceEntry] = [], nextHops: [NextHopEntry] = []
    ) {
        self.portNames = portNames
        for interface in routerInterfaces { self.routerInterfaces[interface.id] = interface }
        for nextHop in nextHops { add(nextHop) }
    }

    public init(of node: some NodeService) async throws(NodeError) {
        for port in try await node.ports() { portNames[port.port] = port.name }
        for report in try await node.entries(of: .routerInterface) {
            if case .routerInterface(let entry) = report.entry { routerInterfaces[entry.id] = entry }
        }
        for report in try await node.entries(of: .nextHop) {
            if case .nextHop(let entry) = report.entry { add(entry) }
        }
    }

    private mutating func add(_ nextHop: NextHopEntry) {
        nextHops[nextHop.id] = nextHop
        neighborPlaces[nextHop.neighbor, default: []].insert(nextHop.routerInterface)
    }

    /// Whether `via=` and the neighbour's address say which next hop is meant.
    func isClear(_ neighbor: IPAddress) -> Bool { neighborPlaces[neighbor]?.count == 1 }

    /// With the names of what applying a file changes, as they are then.
    public func after(_ report: ChangesReport) -> Directory {
        var names = self
        names.portNames.merge(report.portNames) { $1 }
        for change in report.changes where change.operation != .delete {
            switch change.entry {
            case .routerInterface(let entry): names.routerInterfaces[entry.id] = entry
            case .nextHop(let entry): names.add(entry)
            default: break
            }
        }
        return names
    }

    /// The port's name, or its number if it has none.
    public func name(of port: PortID) -> String { portNames[port] ?? "\(port.rawValue)" }

    /// A port by its name, or by its number.
    public func port(named text: String) -> PortID? {
        if let named = portNames.first(where: { $0.value == text }) { return named.key }
        return UInt16(text).flatMap { $0 <= PortID.maximum ? PortID(rawValue: $0) : nil }
    }

    /// The names there are, for a complaint.
    var allPortNames: String {
        portNames.isEmpty
            ? "0...\(PortID.maximum)" : portNames.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", ")
    }

    /// The router interfaces of a port, of all its VLANs or of one.
    func routerInterfaces(port: PortID, vlan: VLANID?) -> [RouterInterfaceEntry] {
        routerInterfaces.values.filter { $0.port == port && (vlan == nil || $0.vlan == vlan) }
            .sorted { $0.id < $1.id }
    }

    /// A number for a next hop that is not taken, above all that are.
    var freeNextHop: NextHopID? {
        let highest = nextHops.keys.max()?.rawValue ?? 0
        return highest == .max ? nil : NextHopID(rawValue: highest + 1)
    }
}
