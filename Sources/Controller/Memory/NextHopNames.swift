// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What the numbers of next hops and groups stand for: as the plan gave them, and over that as calls have made them.
struct NextHopNames {
    private var hops: [NextHopID: NextHopEntry] = [:]
    private var groups: [NextHopGroupID: [NextHopGroupEntry.Member]] = [:]
    private let identities: Identities
    /// Those that calls have set, and of these the ones that something uses.
    private var setHops: [NextHopID: NextHopEntry] = [:]
    private var setGroups: [NextHopGroupID: NextHopGroupEntry] = [:]
    private var usedHops: Set<NextHopID> = []
    private var usedGroups: Set<NextHopGroupID> = []

    init(_ identities: Identities, _ amendments: [Amendment]) {
        self.identities = identities
        for (name, number) in identities.nextHops.given {
            let id = NextHopID(rawValue: number)
            hops[id] = NextHopEntry(id: id, routerInterface: name.routerInterface, neighbor: name.address)
        }
        for (members, number) in identities.groups.given { groups[NextHopGroupID(rawValue: number)] = members }
        for amendment in amendments {
            switch amendment.entry {
            case .nextHop(let entry):
                hops[entry.id] = amendment.kind == .set ? entry : nil
                if amendment.kind == .set { setHops[entry.id] = entry }
            case .nextHopGroup(let entry):
                groups[entry.id] = amendment.kind == .set ? entry.members : nil
                if amendment.kind == .set { setGroups[entry.id] = entry }
            default: break
            }
        }
    }

    mutating func hop(_ id: NextHopID) -> NextHopEntry? {
        usedHops.insert(id)
        return hops[id]
    }

    mutating func members(_ id: NextHopGroupID) -> [NextHopGroupEntry.Member]? {
        usedGroups.insert(id)
        return groups[id]
    }

    /// What calls have made of a next hop that the plan gave; nil if nothing.
    private func changed(_ interface: RouterInterfaceID, _ address: IPAddress) -> NextHopEntry? {
        identities.nextHops.given[.init(routerInterface: interface, address: address)].flatMap {
            let entry = setHops[NextHopID(rawValue: $0)]
            return entry?.routerInterface == interface && entry?.neighbor == address ? nil : entry
        }
    }

    /// The number the plan gave a next hop.
    func number(_ interface: RouterInterfaceID, _ address: IPAddress) -> NextHopID? {
        identities.nextHops.given[.init(routerInterface: interface, address: address)].map(NextHopID.init(rawValue:))
    }

    /// The members that the group has by now that the plan gave these.
    mutating func group(of members: [NextHopGroupEntry.Member]) -> [NextHopGroupEntry.Member] {
        guard let number = identities.groups.given[members], let entry = setGroups[NextHopGroupID(rawValue: number)]
        else { return members }
        usedGroups.insert(entry.id)
        return entry.members
    }

    var isChanged: Bool { !setHops.isEmpty || !setGroups.isEmpty }

    /// Next hops that the plan gave and calls have changed, as they were and as they are.
    var changedHops: [(before: NextHopEntry, after: NextHopEntry)] {
        identities.nextHops.given.compactMap { name, number in
            let id = NextHopID(rawValue: number)
            return changed(name.routerInterface, name.address).map { after in
                (NextHopEntry(id: id, routerInterface: name.routerInterface, neighbor: name.address), after)
            }
        }.sorted { $0.after.id < $1.after.id }
    }

    /// What calls have set and nothing was found to use.
    var unused: [TableEntry] {
        setHops.values.filter { !usedHops.contains($0.id) }.sorted { $0.id < $1.id }.map { .nextHop($0) }
            + setGroups.values.filter { !usedGroups.contains($0.id) }.sorted { $0.id < $1.id }.map { .nextHopGroup($0) }
    }
}
