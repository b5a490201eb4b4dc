// SPDX-License-Identifier: Apache-2.0
import Tables
import Yams

extension ConfigurationParser {
    private static let cardKeys = [
        "bus", "board", "speed", "mode", "ports", "cpu_port", "hash_revision", "traits", "quirks", "packet_memory",
        "six_tree", "promote", "demote", "share", "shares",
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
        readBus(reader, &card)
        readCardPorts(reader, &card)
        card.cpuPort = readCPUPort(reader, card)
        card.hashRevision = reader.integer("hash_revision", in: 1...12)
        readTraits(reader, &card.traits)
        card.quirks = readQuirks(reader)
        if let memory = reader["packet_memory"] {
            card.packetMemory = complaints.value(
                memory, what: "packet_memory", expected: "a multiple of 64 bytes like 16KiB, from 64 to 512MiB",
                Self.memory)
        }
        card.sixTree = readSixTree(reader)
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
        if let share = reader["share"].flatMap({ percentage($0, what: "share") }) { card.share = share }
        readShares(reader, &card)
        result.card = card
    }

    private func readBus(_ reader: YAMLMapping, _ card: inout Configuration.Card) {
        let isSPI = if case .spi = card.bus { true } else { false }
        for key in ["speed", "mode"] where reader.has(key) && !isSPI {
            complaints.add(reader.location(of: key), "\(key) is for SPI; the card is at \(card.bus.text)")
        }
        if let speed = reader["speed"] {
            card.speed = complaints.value(
                speed, what: "speed", expected: "a clock like 50MHz, from 1kHz to 50MHz", Self.frequency)
        }
        card.mode = reader.integer("mode", in: 0...3) ?? card.mode
        guard let board = reader.choice("board", Configuration.Card.Board.self) else { return }
        if case .simulated = card.bus {
        } else if board != card.bus.board {
            complaints.add(
                reader.location(of: "board"),
                "board cannot be \(board.rawValue) at \(card.bus.text), which leads to a \(card.bus.board.rawValue)")
        }
        card.board = board
    }

    private func percentage(_ node: Node, what: String) -> Int? {
        complaints.value(node, what: what, expected: "a part of the card like 50%, from 1% to 100%") {
            let digits = $0.hasSuffix("%") ? String($0.dropLast()) : $0
            return Int(digits).flatMap { (1...100).contains($0) ? $0 : nil }
        }
    }

    private func readShares(_ reader: YAMLMapping, _ card: inout Configuration.Card) {
        guard let node = reader["shares"] else { return }
        guard case .mapping(let mapping) = node else {
            complaints.add(
                node.location, "shares of card cannot be \(node.kind); expected tenants and their parts: {blue: 30%}")
            return
        }
        let tenants = Set(result.ports.compactMap(\.tenant))
        for (key, value) in mapping {
            guard let tenant = complaints.text(key, what: "a tenant in shares"),
                let share = percentage(value, what: "the share of \(tenant.value)")
            else { continue }
            guard tenants.contains(tenant.value) else {
                let known =
                    tenants.isEmpty
                    ? "no port has a \"tenant\"" : "there are \(tenants.sorted().joined(separator: ", "))"
                complaints.add(tenant.location, "shares has \"\(tenant.value)\", which is no port's tenant; \(known)")
                continue
            }
            card.shares[tenant.value] = share
        }
    }

    private func readSixTree(_ card: YAMLMapping) -> Configuration.Card.SixTree? {
        let keys = ["prefix", "source_nibble", "destination_nibble"]
        guard let node = card["six_tree"],
            let reader = YAMLMapping(node, what: "six_tree of card", keys: keys, complaints: complaints),
            let prefixNode = reader.required("prefix")
        else { return nil }
        let (source, destination) = (
            reader.requiredInteger("source_nibble", in: 0...15),
            reader.requiredInteger("destination_nibble", in: 0...15)
        )
        guard let prefix = complaints.prefix(prefixNode, what: "prefix of six_tree"), let source, let destination
        else { return nil }
        guard case .v6(let address) = prefix.address, prefix.length == 64, address.high >> 56 == 0xaf else {
            complaints.add(
                prefixNode.location,
                "prefix of six_tree cannot be \(prefix); expected the node's /64 in af00::/8, like af12:3456:789a:bcde::/64"
            )
            return nil
        }
        return .init(prefix: prefix, sourceNibble: source, destinationNibble: destination)
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

    private func readCPUPort(
        _ reader: YAMLMapping, _ card: Configuration.Card
    ) -> Configuration.Card.CPUPort? {
        guard let node = reader["cpu_port"],
            let reader = YAMLMapping(
                node, what: "cpu_port of card", keys: ["interface", "tag", "untagged"], complaints: complaints),
            let interface = reader.requiredText("interface")
        else { return nil }
        checkInterfaceName(interface)
        if card.board == .trustNode {
            complaints.add(node.location, "cpu_port is for a Real-Time HAT; the card is a TrustNode")
        }
        if let port = result.ports.first(where: { $0.interface == interface.value }) {
            complaints.add(
                interface.location,
                "interface of cpu_port cannot be \(interface.value), which is port \(port.name)'s; expected the cable to the card"
            )
        }
        var port = Configuration.Card.CPUPort(interface: interface.value)
        port.tag = reader.integer("tag", in: 1...4) ?? port.tag
        port.untagged = reader.choice("untagged", Configuration.Card.CPUPort.Untagged.self) ?? port.untagged
        return port
    }

    private mutating func readCardPorts(_ reader: YAMLMapping, _ card: inout Configuration.Card) {
        guard let node = reader.required("ports") else { return }
        guard case .mapping(let mapping) = node, !mapping.isEmpty else {
            let found = if case .mapping = node { "empty" } else { node.kind }
            complaints.add(
                node.location,
                "ports of card cannot be \(found); expected the node's ports and the card's: {p1: 0, p2: 2}")
            return
        }
        var taken: [Int: String] = [:]
        for (key, value) in mapping {
            guard let name = complaints.text(key, what: "a port of card"), let port = port(name) else { continue }
            var speed: Configuration.Card.Port.Speed?
            var number: Int?
            if case .mapping = value {
                let what = "port \(port.name) of card"
                let reader = YAMLMapping(value, what: what, keys: ["number", "speed"], complaints: complaints)
                number = reader?.requiredInteger("number", in: 0...15)
                speed = reader?.choice("speed", Configuration.Card.Port.Speed.self)
            } else {
                number = complaints.integer(value, what: "port \(port.name) of card", in: 0...15)
            }
            guard let physical = number else { continue }
            guard card.board.ports.contains(physical) else {
                complaints.add(
                    value.location,
                    "port \(name.value) of card cannot be \(physical); "
                        + (card.board == .trustNode
                            ? "a TrustNode has 0 to 11" : "a Real-Time HAT has 0 and 2, and 1 is cabled to the host"))
                continue
            }
            if let other = taken[physical] {
                complaints.add(value.location, "port \(physical) of the card is \(other) already")
                continue
            }
            taken[physical] = port.name
            card.ports.append(.init(name: name, physical: physical, speed: speed))
        }
    }

    private func readTraits(_ reader: YAMLMapping, _ traits: inout OffloadTraits) {
        var seen: Set<String> = []
        for node in reader.elements("traits") {
            guard let name = readTrait(node, &traits), !seen.insert(name).inserted else { continue }
            complaints.add(node.location, "traits has \"\(name)\" twice")
        }
        if let least = traits.minimumFrame, let most = traits.maximumFrame, least > most {
            complaints.add(
                reader.location(of: "traits"),
                "minimum_frame (\(least)) must be at most maximum_frame (\(most)): no frame has both lengths")
        }
    }

    /// `skips_malformed`, or `tags_read: 1`. Returns its name, nil if it is none.
    private func readTrait(_ node: Node, _ traits: inout OffloadTraits) -> String? {
        let flags = CardTrait.flags.map(\.name)
        let numbers = CardTrait.numbers.map(\.name)
        if case .mapping(let mapping) = node, mapping.count == 1, let (key, value) = mapping.first,
            let name = key.scalar?.string, let trait = CardTrait.numbers.first(where: { $0.name == name })
        {
            if let number = complaints.integer(value, what: name, in: trait.range) {
                traits[keyPath: trait.path] = number
            }
            return name
        }
        if case .scalar(let scalar) = node, let trait = CardTrait.flags.first(where: { $0.name == scalar.string }) {
            traits[keyPath: trait.path] = true
            return trait.name
        }
        complaints.add(
            node.location,
            "a trait cannot be \(node.kind); expected \(flags.joined(separator: ", ")), or a number behind "
                + numbers.map { "\($0):" }.joined(separator: ", "))
        return nil
    }

    /// `50MHz`, `500kHz`, or a bare number of Hz.
    private static func frequency(_ text: String) -> Int? {
        scaled(text, units: ["MHz": 1_000_000, "kHz": 1000, "Hz": 1, "": 1], in: 1000...50_000_000)
    }

    /// `1000pps`, `10kpps`, `1Mpps`, or a bare number.
    private static func rate(_ text: String) -> Int? {
        scaled(text, units: ["Mpps": 1_000_000, "kpps": 1000, "pps": 1, "": 1], in: 1...100_000_000)
    }

    /// `16KiB`, `1MiB`, or a bare number of bytes.
    private static func memory(_ text: String) -> Int? {
        scaled(text, units: ["MiB": 1 << 20, "KiB": 1 << 10, "": 1], in: 64...(512 << 20))
            .flatMap { $0 % 64 == 0 ? $0 : nil }
    }

    private static func scaled(_ text: String, units: [String: Int], in range: ClosedRange<Int>) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard digits.utf8.count <= 9, let number = Int(digits), let unit = units[String(text.dropFirst(digits.count))]
        else { return nil }
        return range.contains(number * unit) ? number * unit : nil
    }
}
