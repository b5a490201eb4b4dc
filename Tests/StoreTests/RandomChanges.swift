// SPDX-License-Identifier: Apache-2.0
import Controller
import Packet
import Tables
import TestSupport

/// Changes of every kind. Keys come from a small number, so that many are changed and forgotten that are there.
struct RandomChanges {
    var random: RandomEntries
    /// Keys, each with a table's entry as it was first made.
    private var keys: [TableEntry] = []

    init(seed: UInt64, keys count: Int = 60) {
        random = RandomEntries(seed: seed)
        for index in 0..<count {
            keys.append(random.entry(of: TableID.allCases[index % TableID.allCases.count]))
        }
    }

    mutating func change() -> StoreChange {
        var change = StoreChange()
        if random.number(0...9) == 0 { change.configuration = configuration() }
        if random.number(0...9) == 0 { change.identities = identities() }
        if random.number(0...3) == 0 { change.generation = random.number(0...UInt16.max) }
        change.forgetsAmendments = random.number(0...29) == 0
        for _ in 0..<random.number(0...8) { change.amendments.append(amendment()) }
        if random.number(0...2) == 0 {
            for _ in 0..<random.number(1...4) { change.forgotten.append(random.pick(keys)) }
        }
        if random.number(0...3) == 0 { change.shadows[random.pick(["card", "other"])] = shadow() }
        return change
    }

    mutating func amendment() -> Amendment {
        Amendment(
            random.bool() ? .set : .deleted, entry(), idleTimeout: random.bool() ? random.number(0...UInt16.max) : nil,
            time: random.number(0...UInt64.max))
    }

    /// A key that is known, with fields of another entry of its table.
    private mutating func entry() -> TableEntry {
        let known = random.pick(keys)
        let other = random.entry(of: known.table)
        switch (known, other) {
        case (.flow(let known), .flow(var other)):
            other.key = known.key
            return .flow(other)
        case (.route(let known), .route(var other)):
            (other.vrf, other.prefix) = (known.vrf, known.prefix)
            return .route(other)
        case (.acl(let known), .acl(var other)):
            other.id = known.id
            return .acl(other)
        case (.mac(let known), .mac(var other)):
            (other.vlan, other.mac) = (known.vlan, known.mac)
            return .mac(other)
        default: return known
        }
    }

    /// A change that a log that is left out would hide.
    func identitiesAlone() -> StoreChange {
        var change = StoreChange()
        var copy = self
        change.identities = copy.identities()
        return change
    }

    private mutating func configuration() -> StoredConfiguration {
        let lines = (0..<random.number(0...200)).map { "line \($0): \(random.number(0...UInt32.max)) \"äß\"\n" }
        return StoredConfiguration(text: lines.joined(), path: "/etc/piccolo/\(random.number(0...99)).yaml")
    }

    mutating func identities() -> Identities {
        var identities = Identities()
        for index in 0..<random.number(0...20) {
            identities.ports.given["port \(index)"] = random.number(0...63)
            identities.interfaceIndexes["port \(index)"] = random.number(1...UInt32.max)
            let port = PortID(rawValue: random.number(0...63))
            let vlan: VLANID? = random.bool() ? VLANID(rawValue: random.number(1...4094)) : nil
            identities.interfaces.given[.init(port: port, vlan: vlan)] = random.number(1...1023)
            let interface = RouterInterfaceID(rawValue: random.number(1...1023))
            let address = random.address(v6: random.bool())
            identities.nextHops.given[.init(routerInterface: interface, address: address)] = random.number(
                0...UInt32.max)
            let members = (0..<random.number(0...4)).map { _ in
                NextHopGroupEntry.Member(
                    nextHop: NextHopID(rawValue: random.number(0...UInt32.max)), weight: random.number(1...64))
            }
            identities.groups.given[members] = random.number(0...UInt32.max)
        }
        return identities
    }

    private mutating func shadow() -> StoreChange.ShadowChange {
        var shadow = StoreChange.ShadowChange(marker: random.bool() ? random.number(0...UInt64.max) : nil)
        for _ in 0..<random.number(0...6) {
            let place = random.bool() ? random.number(0...9) : UInt64.max - random.number(0...9)
            let content = (0..<random.number(0...64)).map { _ in random.number(0...UInt8.max) }
            shadow.records[place] = .some(random.number(0...3) == 0 ? nil : content)
        }
        return shadow
    }
}
