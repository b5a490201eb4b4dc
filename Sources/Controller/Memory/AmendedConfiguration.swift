// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// A configuration with what calls have changed folded in.
public struct AmendedConfiguration: Sendable {
    /// A change that the file's language has no words for.
    public struct Unsaid: Hashable, Sendable, CustomStringConvertible {
        /// As it is; what was deleted as it was.
        public var entry: TableEntry
        /// Why it cannot be said, and what is done or can be done instead.
        public var reason: String

        public var description: String { "\(entry.keyText): \(reason)" }
    }

    public var configuration: Configuration
    /// The configuration has of these what the file had, or nothing.
    public var unsaid: [Unsaid]
}

extension Configuration {
    /// The configuration with what calls have changed folded in: applied to a node on which no calls were made it makes the same
    /// tables, but for their numbers and for what is returned as not to be said. Next hops and groups become the `via` of the
    /// routes and flows that use them.
    ///
    /// - Parameters:
    ///   - identities: the numbers that the entries refer to.
    ///   - facts: the host's. nil: not known; then a deleted route that a host may bring by itself becomes `action: none`, where it
    ///     would otherwise be taken out.
    public func amended(
        by amendments: [Amendment], identities: Identities, facts: HostFacts? = nil
    ) -> AmendedConfiguration {
        var amender = ConfigurationAmender(self, amendments, identities, facts)
        amender.amend()
        return AmendedConfiguration(configuration: amender.result, unsaid: amender.unsaid)
    }
}

/// Why an entry cannot be said.
struct CannotSay: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

/// Folds amendments into a configuration, one table after the other in the order they depend on each other.
struct ConfigurationAmender {
    let original: Configuration
    let amendments: [Amendment]
    var result: Configuration
    private(set) var unsaid: [AmendedConfiguration.Unsaid] = []

    static let here = SourceLocation(line: 0, column: 0)

    /// Names of numbers.
    let portNames: [PortID: String]
    let places: [RouterInterfaceID: Configuration.RouterPlace]
    let placeNumbers: [Configuration.RouterPort: RouterInterfaceID]
    /// Networks of the file; those of `facts` where the file has none.
    let networks: ConnectedNetworks
    let allNetworks: ConnectedNetworks
    /// VRFs that may have networks nobody knows of here.
    let unknownVRFs: Set<VRFID>

    init(_ configuration: Configuration, _ amendments: [Amendment], _ identities: Identities, _ facts: HostFacts?) {
        (original, result, self.amendments) = (configuration, configuration, amendments)
        hops = NextHopNames(identities, amendments)
        var ids: [String: PortID] = [:]
        for port in configuration.ports {
            let number = identities.ports.given[port.name].map { PortID(rawValue: UInt16(truncatingIfNeeded: $0)) }
            ids[port.name] = port.id ?? number
        }
        portNames = Dictionary(ids.map { ($0.value, $0.key) }) { first, _ in first }
        var places: [RouterInterfaceID: Configuration.RouterPlace] = [:]
        var numbers: [Configuration.RouterPort: RouterInterfaceID] = [:]
        var all = ConnectedNetworks(configuration)
        var unknown: Set<VRFID> = []
        for place in configuration.routerPlaces {
            if place.addresses.isEmpty {
                if let facts {
                    for address in facts.addresses(at: place, of: configuration) where !address.address.isLinkLocal {
                        all.add(.init(address: address, port: place.port, vrf: place.vrf, location: Self.here))
                    }
                } else {
                    unknown.insert(place.vrf)
                }
            }
            guard let port = ids[place.port.port],
                let number = identities.interfaces.given[.init(port: port, vlan: place.vlan)]
            else { continue }
            let id = RouterInterfaceID(rawValue: UInt16(truncatingIfNeeded: number))
            (places[id], numbers[place.port]) = (place, id)
        }
        (self.places, placeNumbers, unknownVRFs) = (places, numbers, unknown)
        (networks, allNetworks) = (ConnectedNetworks(configuration), all)
    }

    var hops: NextHopNames

    mutating func amend() {
        amendPorts()
        amendVLANs()
        amendMACs()
        amendNeighbors()
        amendRoutes()
        amendFlows()
        amendACL()
        nameUnused()
    }

    // MARK: Common to all tables

    mutating func cannotSay(_ entry: TableEntry, _ reason: String) {
        unsaid.append(.init(entry: entry, reason: reason))
    }

    /// What calls have made of one table, in the order of `key`, as items of the file; nil removes one. What cannot be said is
    /// noted and left out.
    mutating func changes<Entry, Key: Comparable, Item>(
        _ entry: (TableEntry) -> Entry?, orderedBy key: (Entry) -> Key,
        _ item: (inout Self, Entry, Amendment) throws(CannotSay) -> Item?
    ) -> [Item] {
        let concerned = amendments.compactMap { amendment in
            entry(amendment.entry).map { (key: key($0), entry: $0, amendment: amendment) }
        }.sorted { $0.key < $1.key }
        var items: [Item] = []
        for (_, entry, amendment) in concerned {
            do throws(CannotSay) {
                if let item = try item(&self, entry, amendment) { items.append(item) }
            } catch {
                cannotSay(amendment.entry, error.reason)
            }
        }
        return items
    }

    func portName(_ id: PortID) throws(CannotSay) -> String {
        if let name = portNames[id] { return name }
        throw CannotSay("port \(id.rawValue) is none of this file")
    }

    func place(_ id: RouterInterfaceID) throws(CannotSay) -> Configuration.RouterPlace {
        if let place = places[id] { return place }
        throw CannotSay("router interface \(id.rawValue) is none that the ports of this file make")
    }

    // MARK: Ports

    private mutating func amendPorts() {
        for amendment in amendments {
            switch amendment.entry {
            case .port(let entry):
                guard let index = portNames[entry.port].flatMap({ name in result.ports.firstIndex { $0.name == name } })
                else {
                    cannotSay(amendment.entry, "no interface stands behind it; a port of a file needs one")
                    continue
                }
                if amendment.kind == .deleted {
                    cannotSay(amendment.entry, "take \(result.ports[index].name) out of \"ports\" and of what names it")
                } else {
                    result.ports[index] = amended(result.ports[index], entry)
                }
            case .myStation:
                cannotSay(
                    amendment.entry,
                    "stations are made of the ports' own addresses; \"mac\" of a port changes both")
            case .routerInterface:
                cannotSay(
                    amendment.entry, "router interfaces are made of ports and \"subinterfaces\"; change it there")
            default: break
            }
        }
    }

    private mutating func amended(_ port: Configuration.Port, _ entry: PortEntry) -> Configuration.Port {
        var port = port
        port.admit = entry.admit
        switch entry.malformed {
        case .drop: port.malformed = .drop
        case .kernel: port.malformed = .kernel
        case .ignore: port.malformed = .ignore
        }
        (port.learnFlows, port.learnMACs) = (entry.learnFlows, entry.learnMACs)
        port.mtu = entry.mtu
        let mode: Configuration.PortMode = entry.mode == .switched ? .switched : .routed
        if mode != port.mode {
            cannotSay(
                .port(entry),
                "\"mode: \(mode.rawValue)\" would change its router interfaces as well; change \"mode\" of \(port.name) there"
            )
        }
        if entry.pvid != port.pvid {
            if port.mode == .switched, port.addresses.isEmpty {
                port.pvid = entry.pvid
            } else {
                cannotSay(
                    .port(entry),
                    port.mode == .routed
                        ? "\"pvid\" \(entry.pvid.rawValue) means nothing at a routed port"
                        : "\"pvid: \(entry.pvid.rawValue)\" would take the addresses of \(port.name) to another VLAN")
            }
        }
        return port
    }
}

extension HostFacts {
    /// Addresses of the interface behind a place of the router.
    func addresses(at place: Configuration.RouterPlace, of configuration: Configuration) -> [InterfaceAddress] {
        guard let port = configuration.ports.first(where: { $0.name == place.port.port }) else { return [] }
        let sub = port.subinterfaces.first { $0.vlan == place.port.vlan }
        return interfaces[place.port.vlan == nil ? port.interface : sub?.interface ?? ""]?.addresses ?? []
    }
}
