// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension NodeCore {
    /// Takes over what the configuration says of moving.
    func setTiers(_ configuration: Configuration) {
        guard let card = configuration.card, var settings = tiering?.policy.settings else { return }
        (settings.promote, settings.demote) = (Double(card.promote), Double(card.demote))
        settings.share = Double(card.share) / 100
        let numbers = identities.portNumbers(of: configuration)
        var tenants: [String: [PortID]] = [:]
        for port in configuration.ports {
            if let tenant = port.tenant, let number = numbers[port.name] { tenants[tenant, default: []].append(number) }
        }
        settings.tenants = OffloadTenants(tenants)
        settings.shares = [:]
        for (tenant, share) in card.shares {
            guard let first = tenants[tenant]?.first else { continue }
            settings.shares[settings.tenants.owner(of: first)] = Double(share) / 100
        }
        if settings != tiering?.policy.settings { tiering?.policy.settings = settings }
    }

    /// Tells the log what the card complains of when it begins to, and when it does no more: `status` forgets it.
    func logCard() {
        guard let tiering else { return }
        var complaints = tiering.plane.front.health().complaints
        if let distrust = tiering.plane.distrust, distrust != TieredDataPlane.untold {
            complaints.append("nothing is offloaded: \(distrust)")
        }
        // Whose complaint and what it is: numbers and reasons, which come behind, change while it is the same one.
        let found = Dictionary(
            complaints.map { complaint in
                let parts = complaint.split(separator: ": ", maxSplits: 2).prefix(2)
                return (parts.joined(separator: ": ").filter { !$0.isNumber }, complaint)
            }
        ) { first, _ in first }
        for (kind, complaint) in found where cardComplaints[kind] == nil {
            log("card_complaint", ["what": complaint])
        }
        for (kind, complaint) in cardComplaints where found[kind] == nil {
            log("card_complaint_over", ["what": complaint])
        }
        cardComplaints = found
    }

    /// Settings of the card that a running node cannot follow.
    static func cardSettingsFixedAtStart(_ old: Configuration.Card?, _ new: Configuration.Card?) -> [String] {
        guard let old, let new else { return (old == nil) == (new == nil) ? [] : ["card"] }
        var changed: [String] = []
        if old.bus != new.bus { changed.append("card.bus") }
        if old.board != new.board { changed.append("card.board") }
        if old.speed != new.speed { changed.append("card.speed") }
        if old.mode != new.mode { changed.append("card.mode") }
        func ports(_ card: Configuration.Card) -> Set<[String]> {
            Set(card.ports.map { [$0.name.value, "\($0.physical)", $0.speed?.rawValue ?? ""] })
        }
        if ports(old) != ports(new) { changed.append("card.ports") }
        if old.cpuPort != new.cpuPort { changed.append("card.cpu_port") }
        if old.hashRevision != new.hashRevision { changed.append("card.hash_revision") }
        if old.quirks != new.quirks { changed.append("card.quirks") }
        if old.traits != new.traits { changed.append("card.traits") }
        if old.packetMemory != new.packetMemory { changed.append("card.packet_memory") }
        if old.sixTree != new.sixTree { changed.append("card.six_tree") }
        return changed
    }
}
