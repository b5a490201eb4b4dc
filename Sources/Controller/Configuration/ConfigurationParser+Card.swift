// SPDX-License-Identifier: Apache-2.0
import Tables
import Yams

extension ConfigurationParser {
    private static let cardKeys = [
        "bus", "speed", "ports", "cpu_port", "hash_revision", "traits", "quirks", "promote", "demote", "share",
    ]

    /// After the ports.
    mutating func readCard(_ file: YAMLMapping) {
        guard let node = file["card"],
            let reader = YAMLMapping(node, what: "card", keys: Self.cardKeys, complaints: complaints),
            let busNode = reader.required("bus"),
            let bus = complaints.value(
                busNode, what: "bus", expected: Configuration.Card.Bus.expected, Configuration.Card.Bus.init)
        else { return }
        var card = Configuration.Card(bus: bus, location: node.location)
        if let speed = reader["speed"] {
            card.speed = complaints.value(
                speed, what: "speed", expected: "a clock like 50MHz, from 1kHz to 50MHz", Self.frequency)
            if case .spi = bus {
            } else {
                complaints.add(speed.location, "speed is for SPI; the card is at \(bus.text)")
            }
        }
        readCardPorts(reader, &card)
        card.cpuPort = readCPUPort(reader)
        if card.cpuPort != nil, case .pci = bus {
            complaints.add(
                reader.location(of: "cpu_port"), "cpu_port is for a Real-Time HAT; the card is at \(bus.text)")
        }
        card.hashRevision = reader.integer("hash_revision", in: 1...255)
        for trait in reader.elements("traits") { readTrait(trait, &card.traits) }
        card.quirks = readQuirks(reader)
        let rates = "packets per second, like 1000pps, from 1 to 100000000"
        if let promote = reader["promote"] {
            card.promote = complaints.value(promote, what: "promote", expected: rates, Self.rate) ?? card.promote
        }
        if let demote = reader["demote"] {
            card.demote = complaints.value(demote, what: "demote", expected: rates, Self.rate) ?? card.demote
        }
        if card.demote >= card.promote {
            complaints.add(
                reader.location(of: reader.has("demote") ? "demote" : "promote"),
                "demote (\(card.demote)pps) must be less than promote (\(card.promote)pps): between the two, flows stay where they are"
            )
        }
        if let share = reader["share"] {
            card.share =
                complaints.value(share, what: "share", expected: "a part of the card like 50%, from 1% to 100%") {
                    let digits = $0.hasSuffix("%") ? String($0.dropLast()) : $0
                    return Int(digits).flatMap { (1...100).contains($0) ? $0 : nil }
                } ?? card.share
        }
        result.card = card
    }

    private func readQuirks(_ card: YAMLMapping) -> Configuration.Card.Quirks {
        var quirks = Configuration.Card.Quirks()
        let keys = ["drop_bit", "counts_drops", "untagged_vlan", "collision_entries", "ema_entries"]
        guard let node = card["quirks"],
            let reader = YAMLMapping(node, what: "quirks of card", keys: keys, complaints: complaints)
        else { return quirks }
        quirks.dropBit = reader.integer("drop_bit", in: 6...7)
        quirks.countsDrops = reader.boolean("counts_drops") ?? false
        if let node = reader["untagged_vlan"] {
            quirks.untaggedVLAN = complaints.value(
                node, what: "untagged_vlan", expected: "0 or 4095: any other is a VLAN's"
            ) { ["0", "4095"].contains($0) ? Int($0) : nil }
        }
        quirks.collisionEntries = reader.integer("collision_entries", in: 0...1024)
        quirks.emaEntries = reader.integer("ema_entries", in: 0...512)
        return quirks
    }

    private func readCPUPort(_ card: YAMLMapping) -> Configuration.Card.CPUPort? {
        guard let node = card["cpu_port"],
            let reader = YAMLMapping(
                node, what: "cpu_port of card", keys: ["interface", "tag", "untagged"], complaints: complaints),
            let interface = reader.requiredText("interface")
        else { return nil }
        var port = Configuration.Card.CPUPort(interface: interface.value)
        port.tag = reader.integer("tag", in: 1...4) ?? port.tag
        port.untagged = reader.choice("untagged", Configuration.Card.CPUPort.Untagged.self) ?? port.untagged
        return port
    }

    private mutating func readCardPorts(_ reader: YAMLMapping, _ card: inout Configuration.Card) {
        guard let node = reader.required("ports") else { return }
        guard case .mapping(let mapping) = node, !mapping.isEmpty else {
            complaints.add(
                node.location,
                "ports of card cannot be \(node.kind); expected the node's ports and the card's: {p1: 0, p2: 2}")
            return
        }
        var taken: [Int: String] = [:]
        for (key, value) in mapping {
            guard let name = complaints.text(key, what: "a port of card"), let port = port(name),
                let physical = complaints.integer(value, what: "port \(port.name) of card", in: 0...15)
            else { continue }
            guard card.bus.hasPort(physical) else {
                complaints.add(
                    value.location,
                    "port \(name.value) of card cannot be \(physical); a Real-Time HAT has 0 and 2, and 1 is cabled to the host"
                )
                continue
            }
            if let other = taken[physical] {
                complaints.add(value.location, "port \(physical) of the card is \(other) already")
                continue
            }
            taken[physical] = port.name
            card.ports.append(.init(name: name, physical: physical))
        }
    }

    /// `skips_malformed`, or `tags_read: 1`.
    private func readTrait(_ node: Node, _ traits: inout OffloadTraits) {
        let flags = CardTrait.flags.map(\.name)
        let numbers = CardTrait.numbers.map(\.name)
        if case .mapping(let mapping) = node, mapping.count == 1, let (key, value) = mapping.first,
            let name = key.scalar?.string, let trait = CardTrait.numbers.first(where: { $0.name == name })
        {
            if let number = complaints.integer(value, what: name, in: trait.range) {
                traits[keyPath: trait.path] = number
            }
            return
        }
        if case .scalar(let scalar) = node, let trait = CardTrait.flags.first(where: { $0.name == scalar.string }) {
            traits[keyPath: trait.path] = true
            return
        }
        complaints.add(
            node.location,
            "a trait cannot be \(node.kind); expected \(flags.joined(separator: ", ")), or a number behind "
                + numbers.map { "\($0):" }.joined(separator: ", "))
    }

    /// `50MHz`, `500kHz`, or a bare number of Hz.
    private static func frequency(_ text: String) -> Int? {
        scaled(text, units: ["MHz": 1_000_000, "kHz": 1000, "Hz": 1, "": 1], in: 1000...50_000_000)
    }

    /// `1000pps`, `10kpps`, `1Mpps`, or a bare number.
    private static func rate(_ text: String) -> Int? {
        scaled(text, units: ["Mpps": 1_000_000, "kpps": 1000, "pps": 1, "": 1], in: 1...100_000_000)
    }

    private static func scaled(_ text: String, units: [String: Int], in range: ClosedRange<Int>) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard digits.utf8.count <= 9, let number = Int(digits), let unit = units[String(text.dropFirst(digits.count))]
        else { return nil }
        return range.contains(number * unit) ? number * unit : nil
    }
}
