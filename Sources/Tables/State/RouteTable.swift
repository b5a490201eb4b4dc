// SPDX-License-Identifier: Apache-2.0
import Packet

/// Routes by VRF and prefix. The longest match is found by trying every length that is in use, longest first:
/// plainly right, and fast enough for the slow path.
struct RouteTable: Sendable {
    private struct Key: Hashable, Sendable {
        var vrf: VRFID
        var prefix: IPPrefix
    }

    private struct Family: Hashable, Sendable {
        var vrf: VRFID
        var isIPv6: Bool
    }

    private var routes: [Key: RouteEntry] = [:]
    /// Routes by prefix length.
    private var lengths: [Family: [Int]] = [:]
    private var totals = [0, 0]

    func count(isIPv6: Bool) -> Int { totals[isIPv6 ? 1 : 0] }

    func all(isIPv6: Bool) -> [RouteEntry] { routes.values.filter { $0.prefix.address.isIPv6 == isIPv6 } }

    var all: some Collection<RouteEntry> { routes.values }

    subscript(vrf: VRFID, prefix: IPPrefix) -> RouteEntry? {
        get { routes[Key(vrf: vrf, prefix: prefix)] }
        set {
            let old = routes.updateOrRemove(newValue, forKey: Key(vrf: vrf, prefix: prefix))
            let difference = (newValue == nil ? 0 : 1) - (old == nil ? 0 : 1)
            guard difference != 0 else { return }
            let isIPv6 = prefix.address.isIPv6
            totals[isIPv6 ? 1 : 0] += difference
            lengths[Family(vrf: vrf, isIPv6: isIPv6), default: Array(repeating: 0, count: isIPv6 ? 129 : 33)][
                Int(prefix.length)] += difference
        }
    }

    func longestMatch(vrf: VRFID, address: IPAddress) -> RouteEntry? {
        guard let counts = lengths[Family(vrf: vrf, isIPv6: address.isIPv6)] else { return nil }
        for length in counts.indices.reversed() where counts[length] > 0 {
            if let prefix = IPPrefix(address, length: length), let route = routes[Key(vrf: vrf, prefix: prefix)] {
                return route
            }
        }
        return nil
    }
}

extension Dictionary {
    fileprivate mutating func updateOrRemove(_ value: Value?, forKey key: Key) -> Value? {
        guard let value else { return removeValue(forKey: key) }
        return updateValue(value, forKey: key)
    }
}

extension IPAddress {
    var isIPv6: Bool {
        switch self {
        case .v4: false
        case .v6: true
        }
    }
}
