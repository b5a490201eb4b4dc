// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Where the stations of switched ports are, as learned: decides what a MAC miss makes of the MAC table.
///
/// Keeps what it has learned (not more than the table holds), because a miss does not tell a new station from one that moved.
struct StationLearning {
    struct Name: Hashable {
        var vlan: VLANID
        var mac: MACAddress
    }

    private struct Station {
        var port: PortID
        /// When the next move would be due.
        var moveDue: UInt64 = 0
    }

    /// A station may move every two seconds, and four times in a row: more is a loop in the network, or an attack.
    private static let moves = RateLimit(perSecond: 1, burstMilliseconds: 4000)

    var perPort: Int
    private var learned: [Name: Station] = [:]
    private var counts = [Int](repeating: 0, count: Int(PortID.maximum) + 1)
    /// Stations fixed by a static entry.
    private var fixed: Set<Name> = []

    init(perPort: Int) { self.perPort = perPort }

    var count: Int { learned.count }

    func count(at port: PortID) -> Int { counts[Int(port.rawValue) & 63] }

    enum Decision { case update(TableUpdate), nothing, refuse(Refusal) }

    /// - Parameter now: nanoseconds.
    mutating func miss(_ vlan: VLANID, _ mac: MACAddress, _ port: PortID, now: UInt64) -> Decision {
        guard !mac.isMulticast, mac.rawValue != 0 else { return .refuse(.rejected) }
        let name = Name(vlan: vlan, mac: mac)
        if fixed.contains(name) { return .refuse(.macStatic) }
        let entry = TableEntry.mac(MACEntry(vlan: vlan, mac: mac, action: .port(port), isStatic: false))
        if var station = learned[name] {
            if station.port == port { return .nothing }
            guard Self.moves.allows(station.moveDue, now: now) else { return .refuse(.macFlapping) }
            guard count(at: port) < perPort else { return .refuse(.macPortLimit) }
            Self.moves.charge(&station.moveDue, now: now)
            counts[Int(station.port.rawValue) & 63] -= 1
            counts[Int(port.rawValue) & 63] += 1
            station.port = port
            learned[name] = station
            return .update(.modify(entry))
        }
        guard count(at: port) < perPort else { return .refuse(.macPortLimit) }
        learned[name] = Station(port: port)
        counts[Int(port.rawValue) & 63] += 1
        return .update(.insert(entry))
    }

    /// The entry is in the table already: from before this process.
    mutating func adopt(_ entry: MACEntry) {
        let name = Name(vlan: entry.vlan, mac: entry.mac)
        forget(name)
        if entry.isStatic {
            fixed.insert(name)
        } else if case .port(let port) = entry.action {
            learned[name] = Station(port: port)
            counts[Int(port.rawValue) & 63] += 1
        }
    }

    func isLearned(_ vlan: VLANID, _ mac: MACAddress) -> Bool { learned[Name(vlan: vlan, mac: mac)] != nil }

    /// The entry is gone, or could not be made.
    mutating func forget(_ vlan: VLANID, _ mac: MACAddress) { forget(Name(vlan: vlan, mac: mac)) }

    private mutating func forget(_ name: Name) {
        fixed.remove(name)
        if let station = learned.removeValue(forKey: name) { counts[Int(station.port.rawValue) & 63] -= 1 }
    }
}
