// SPDX-License-Identifier: Apache-2.0
import Tables

extension ConfigurationWriter {
    var card: YAMLFields {
        var fields = YAMLFields()
        guard let card = configuration.card else { return fields }
        let standard = Configuration.Card(bus: card.bus, location: card.location)
        fields.add("bus", .text(card.bus.text))
        if card.board != standard.board { fields.add("board", .text(card.board.rawValue)) }
        fields.add("speed", card.speed.map { Self.scaled($0, ["MHz", "kHz", "Hz"]) })
        if card.mode != standard.mode { fields.add("mode", .number(card.mode)) }
        var ports = YAMLFields()
        for port in card.ports {
            var value = YAMLText.number(port.physical)
            if let speed = port.speed {
                var both = YAMLFields("number", value)
                both.add("speed", .text(speed.rawValue))
                value = .mapping(both)
            }
            ports.add(YAMLText.key(port.name.value), value)
        }
        fields.add("ports", .mapping(ports))
        if let port = card.cpuPort {
            var cpuPort = YAMLFields("interface", .text(port.interface))
            if port.tag != 4 { cpuPort.add("tag", .number(port.tag)) }
            if port.untagged != .drop { cpuPort.add("untagged", .text(port.untagged.rawValue)) }
            fields.add("cpu_port", .mapping(cpuPort))
        }
        fields.add("hash_revision", card.hashRevision.map { .number($0) })
        var traits: [YAMLText] = []
        for trait in CardTrait.flags where card.traits[keyPath: trait.path] { traits.append(.text(trait.name)) }
        for trait in CardTrait.numbers {
            guard let number = card.traits[keyPath: trait.path] else { continue }
            traits.append(.mapping(YAMLFields(trait.name, .number(number))))
        }
        if !traits.isEmpty { fields.add("traits", .list(traits)) }
        var quirks = YAMLFields()
        quirks.add("drop_bit", card.quirks.dropBit.map { .number($0) })
        if card.quirks.countsDrops { quirks.add("counts_drops", .scalar("true")) }
        quirks.add("untagged_vlan", card.quirks.untaggedVLAN.map { .number($0) })
        quirks.add("collision_entries", card.quirks.collisionEntries.map { .number($0) })
        quirks.add("ema_entries", card.quirks.emaEntries.map { .number($0) })
        if !quirks.list.isEmpty { fields.add("quirks", .mapping(quirks)) }
        fields.add("packet_memory", card.packetMemory.map { .number($0) })
        if let tree = card.sixTree {
            var sixTree = YAMLFields("prefix", .text(tree.prefix.description))
            sixTree.add("source_nibble", .number(tree.sourceNibble))
            sixTree.add("destination_nibble", .number(tree.destinationNibble))
            fields.add("six_tree", .mapping(sixTree))
        }
        if card.promote != standard.promote {
            fields.add("promote", Self.scaled(card.promote, ["Mpps", "kpps", "pps"]))
        }
        if card.demote != standard.demote { fields.add("demote", Self.scaled(card.demote, ["Mpps", "kpps", "pps"])) }
        if card.share != standard.share { fields.add("share", .scalar("\(card.share)%")) }
        var shares = YAMLFields()
        for (tenant, share) in card.shares.sorted(by: { $0.key < $1.key }) {
            shares.add(YAMLText.key(tenant), .scalar("\(share)%"))
        }
        if !shares.list.isEmpty { fields.add("shares", .mapping(shares)) }
        return fields
    }

    /// In the largest unit that gives a whole number.
    ///
    /// - Parameter units: of a million, a thousand, and one.
    private static func scaled(_ value: Int, _ units: [String]) -> YAMLText {
        for (unit, scale) in zip(units, [1_000_000, 1000, 1]) where value % scale == 0 {
            return .scalar("\(value / scale)\(unit)")
        }
        return .number(value)
    }
}
