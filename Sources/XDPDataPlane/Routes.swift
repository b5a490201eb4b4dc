// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension RoutePrefix {
    init(_ vrf: VRFID, _ prefix: IPPrefix) {
        switch prefix.address {
        case .v4(let address): self.init(vrf: vrf.rawValue, ipv4: address.rawValue, length: prefix.length)
        case .v6(let address): self.init(vrf: vrf.rawValue, ipv6: address.high, address.low, length: prefix.length)
        }
    }
}

extension XDPDataPlane {
    /// Puts the prefixes a batch has changed into the tree, with one publication for each VRF and family.
    func publishRoutes() {
        guard !routeChanges.isEmpty else { return }
        defer { routeChanges.removeAll(keepingCapacity: true) }
        do {
            try tree.apply(
                routeChanges.map { key, record in
                    let prefix = RoutePrefix(key.vrf, key.prefix)
                    return record.map { .set(prefix, route: $0) } ?? .remove(prefix)
                })
        } catch {
            // The tree is made large enough for all routes `TableState` admits, so this is no user's error.
            complain("\(error)")
        }
    }
}
