// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension NodeCore {
    /// Takes over what the configuration says of moving.
    func setTiers(_ configuration: Configuration) {
        guard let card = configuration.card, var settings = tiering?.policy.settings else { return }
        (settings.promote, settings.demote) = (Double(card.promote), Double(card.demote))
        settings.share = Double(card.share) / 100
        if settings != tiering?.policy.settings { tiering?.policy.settings = settings }
    }

    /// Settings of the card that a running node cannot follow.
    static func cardSettingsFixedAtStart(_ old: Configuration.Card?, _ new: Configuration.Card?) -> [String] {
        guard let old, let new else { return (old == nil) == (new == nil) ? [] : ["card"] }
        var changed: [String] = []
        if old.bus != new.bus { changed.append("card.bus") }
        if old.speed != new.speed { changed.append("card.speed") }
        func ports(_ card: Configuration.Card) -> [String: Int] {
            Dictionary(card.ports.map { ($0.name.value, $0.physical) }) { first, _ in first }
        }
        if ports(old) != ports(new) { changed.append("card.ports") }
        if old.cpuPort != new.cpuPort { changed.append("card.cpu_port") }
        if old.hashRevision != new.hashRevision { changed.append("card.hash_revision") }
        if old.quirks != new.quirks { changed.append("card.quirks") }
        if old.traits != new.traits { changed.append("card.traits") }
        return changed
    }

    /// Where frames to a station are decided.
    func location(of station: MACEntry) -> EntryLocation {
        tiering?.location(of: station) ?? EntryLocation(place: dataPlane.capabilities.name)
    }
}
